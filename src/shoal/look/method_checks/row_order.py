"""Whether neighbouring rows are alike though rows are dealt out in any order."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results

FOLDS: Final = (
    'Take folds that keep the order (search.folds with shuffle = false, or kind = "given"), or name in data.groups what'
    " neighbouring rows have in common."
)
REMEDY: Final = f"Test on the latest rows (data.test), and t{FOLDS[1:]}"


def row_order(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "row order")


def remedy_of(results: Results) -> str:
    """Name what still deals rows out in any order: folds, test rows, or both."""
    study = results.study
    drawn = study.data.test is None and study.data.train is not None
    if study.shuffles and drawn:
        return REMEDY
    return FOLDS if study.shuffles else "Test on the latest rows (data.test)."


CHECK: Final = MethodCheck(
    code="SH027",
    severity="warning",
    title="Neighbouring rows are alike, and rows are dealt out in any order",
    find=row_order,
    why="Rows that were measured one after the other share what changes in time. Held-out rows between"
    " training rows are then easier than rows to come.",
    remedy=REMEDY,
    reference="Bergmeir, C., Benítez, J. M. (2012). On the use of cross-validation for time series predictor"
    " evaluation. Information Sciences 191, 192-213.",
    about_test=True,
    remedy_of=remedy_of,
)
