"""Whether test rows are training rows too."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import coverage_of
from shoal.look._numbers import percent
from shoal.results import Results
from shoal.wording import counted


def repeated_rows(results: Results) -> str:
    """Count the test rows that are training rows too."""
    seen = coverage_of(results)
    if seen is None or not seen.repeated_rows:
        return ""
    share = seen.repeated_rows / seen.test_rows
    told = f"{seen.repeated_rows:,} of {counted(seen.test_rows, 'test row')} ({percent(share)}) are training rows too"
    told += ", with the same inputs and the same target."
    if seen.repeated_train:
        told += f" Among the training rows, {seen.repeated_train:,} repeat another."
    return told


CHECK: Final = MethodCheck(
    code="SH007",
    severity="warning",
    title="Test rows are training rows too",
    find=repeated_rows,
    why="A network can know these by heart, so the test score is better than it will be on new rows.",
    remedy="Take the repeated rows out of the test rows, or out of the training rows.",
    reference="Barz, B., Denzler, J. (2020). Do we train on test data? Purging CIFAR of near-duplicates."
    " Journal of Imaging 6(6), 41.",
)
