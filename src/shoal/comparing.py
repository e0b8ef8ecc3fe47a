"""`compare(run, run, ...)`: runs held against each other, from their folders alone; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.look import Comparison, page_to_write
from shoal.results import compare_runs

if TYPE_CHECKING:
    from shoal.results import Results


def compare(*runs: Path | str | Results) -> Comparison:
    """Hold two runs or more of one task against each other: scores, differences, settings, curves.

    `runs` are run folders, results, or folders that hold run folders, which stand for all of these. Differences are
    paired where the rows and folds are the same, whatever their files are called. An unfinished run is taken as what it
    has. Raises InputError for fewer than two runs, one run twice, and runs without a task, targets, classes or a score
    in common; RunFolderError for folders without results of Shoal, or with damaged ones.
    """
    return Comparison(compare_runs(runs))


def write_comparison(runs: Sequence[Path], out: Path | None, *, force: bool = False) -> str:
    """Compare runs and give the tables as text; write the page where one is asked for, and say where it is.

    Raises what `compare` and `Comparison.save` raise; a page that cannot be written is refused before runs are opened.
    """
    place = None if out is None else page_to_write(out)
    comparison = compare(*runs)
    if place is None:
        return comparison.text
    comparison.save(place, force=force)
    return f"{comparison.text}\n\nlook at\n  {place}"
