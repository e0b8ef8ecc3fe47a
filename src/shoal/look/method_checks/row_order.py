"""Whether neighbouring rows are alike though rows are dealt out in any order."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results


def row_order(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "row order")


CHECK: Final = MethodCheck(
    code="SH027",
    severity="warning",
    title="Neighbouring rows are alike, and rows are dealt out in any order",
    find=row_order,
    why="Rows that were measured one after the other share what changes in time. Held-out rows between"
    " training rows are then easier than rows to come.",
    remedy="Test on the latest rows (data.test), and take folds that keep the order (search.folds with shuffle ="
    ' false, or kind = "given"), or name in data.groups what neighbouring rows have in common.',
    reference="Bergmeir, C., Benítez, J. M. (2012). On the use of cross-validation for time series predictor"
    " evaluation. Information Sciences 191, 192-213.",
)
