"""Whether test rows can be told from training rows."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results


def drift_of_rows(results: Results) -> str:
    """Give what was measured in the rows themselves, after training."""
    return finding(results, "drift")


CHECK: Final = MethodCheck(
    code="SH028",
    severity="warning",
    title="Test rows are of another kind than training rows",
    find=drift_of_rows,
    why="The selection score speaks of rows like the training rows; the test score of others. They differ for"
    " this reason too.",
    remedy="Ask why they differ. Draw training and test rows alike where new rows will be like both; else trust"
    " the test score, and collect training rows like the test rows.",
    reference="Lopez-Paz, D., Oquab, M. (2017). Revisiting classifier two-sample tests. International Conference on"
    " Learning Representations.",
    about_test=True,
)
