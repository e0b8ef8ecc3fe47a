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

    Parameters
    ----------
    *runs : paths or Results
        Run folders, results, or folders that hold run folders, which stand for all of these. An unfinished run is taken
        as what it has.

    Returns
    -------
    Comparison
        Its differences are paired where the rows and folds are the same, whatever their files are called.

    Raises
    ------
    InputError
        For fewer than two runs, one run twice, and runs without a task, targets, classes or a score in common.
    RunFolderError
        For folders without results of Shoal, or with damaged ones.

    Examples
    --------
    >>> import shoal
    >>> short = {"training": {"epochs": 5}, "search": None, "compare": [], "repeats": 1, "inspect": {"history": 0}}
    >>> small = shoal.run("two-peaks", out="runs/small", network={"hidden": [10]}, **short)
    >>> large = shoal.run("two-peaks", out="runs/large", network={"hidden": [100]}, **short)
    >>> both = shoal.compare(small, large)
    >>> both.save("both.html")
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
