"""Whether test rows are nearly equal to training rows."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results


def near_duplicates(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "near-duplicates")


CHECK: Final = MethodCheck(
    code="SH022",
    severity="warning",
    title="Test rows are nearly equal to training rows",
    find=near_duplicates,
    why="Such a row is a copy with small changes: a network can memorise it, so the test score is better than"
    " it will be on new rows.",
    remedy="Name what copies of one thing have in common in data.groups, or take the copies out.",
    reference="Barz, B., Denzler, J. (2020). Do we train on test data? Purging CIFAR of near-duplicates. Journal of"
    " Imaging 6(6), 41.",
    about_test=True,
)
