"""`compare(run, run, ...)`: runs held against each other, from their folders alone; nothing is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shoal.look import Comparison
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


def write_comparison(comparison: Comparison, out: Path | None, *, force: bool = False) -> str:
    """Give the text of a comparison, and write its page where one is asked for."""
    if out is None:
        return comparison.text
    comparison.save(out, force=force)
    return f"{comparison.text}\n\nlook at\n  {out}"
