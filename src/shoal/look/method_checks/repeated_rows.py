"""Whether test rows are training rows too."""

from __future__ import annotations

from typing import Final

from shoal.data import repeated_in_test
from shoal.look._check import MethodCheck
from shoal.look._evidence import coverage_of
from shoal.results import Results


def repeated_rows(results: Results) -> str:
    """Count the test rows that are training rows too."""
    coverage = coverage_of(results)
    clause = repeated_in_test(coverage) if coverage else ""
    if not coverage or not clause:
        return ""
    repeats = f" Among the training rows, {coverage.repeated_train:,} repeat another."
    return f"{clause}.{repeats if coverage.repeated_train else ''}"


CHECK: Final = MethodCheck(
    code="SH007",
    severity="warning",
    title="Test rows are training rows too",
    find=repeated_rows,
    why="A network can memorise these, so the test score is better than it will be on new rows.",
    remedy="Take the repeated rows out of the test rows, or out of the training rows.",
    reference="Barz, B., Denzler, J. (2020). Do we train on test data? Purging CIFAR of near-duplicates."
    " Journal of Imaging 6(6), 41.",
    about_test=True,
)
