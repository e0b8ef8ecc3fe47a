"""Whether neighbouring rows are alike though rows are dealt out in any order."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results

ORDER: Final = (
    "Say that rows have an order (data.ordered = true where they stand in it; data.time names a column of dates or"
    " numbers):"
)
LATEST: Final = "the latest are then the test rows"
LATER: Final = 'all rows held out are then later than those trained on (search.folds.kind = "time")'
COMMON: Final = "Or name in data.groups what neighbouring rows have in common."
REMEDY: Final = f"{ORDER} {LATEST}, and {LATER}. {COMMON}"


def row_order(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "row order")


def remedy_of(results: Results) -> str:
    """Name what still deals rows out in any order: folds, test rows, or both."""
    study = results.study
    drawn = study.data.test is None and study.data.train is not None
    if study.shuffles and drawn:
        return REMEDY
    return f"{ORDER} {LATER}. {COMMON}" if study.shuffles else f"{ORDER} {LATEST}."


CHECK: Final = MethodCheck(
    code="SH027",
    severity="warning",
    title="Neighbouring rows are alike, and rows are dealt out in any order",
    find=row_order,
    why="Rows that were measured one after the other share what changes in time. Held-out rows between"
    " training rows are then easier than rows to come.",
    remedy=REMEDY,
    reference="Bergmeir, C., Benítez, J. M. (2012). On the use of cross-validation for time series predictor"
    " evaluation. Information Sciences 191, 192–213.",
    about_test=True,
    remedy_of=remedy_of,
)
