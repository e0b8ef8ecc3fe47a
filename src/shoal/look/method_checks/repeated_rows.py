"""Whether test rows are training rows too."""

from __future__ import annotations

from typing import Final

from shoal.data import chance_of_count
from shoal.look._check import MethodCheck
from shoal.look._evidence import coverage_of
from shoal.results import Results
from shoal.wording import counted, percent

LEVEL: Final = 0.01
"""Chance of as many repeated rows in columns of few values, below which it is said."""


def repeated_rows(results: Results) -> str:
    """Count the test rows that are training rows too."""
    coverage = coverage_of(results)
    if coverage is None or not coverage.repeated_rows:
        return ""
    expected = coverage.repeated_by_chance / coverage.test_rows
    if chance_of_count(coverage.repeated_rows, coverage.test_rows, expected) >= LEVEL:
        return ""
    share = coverage.repeated_rows / coverage.test_rows
    text = f"{coverage.repeated_rows:,} of {counted(coverage.test_rows, 'test row')} ({percent(share)}) are training"
    text += " rows too, with the same inputs and the same target."
    if coverage.repeated_train:
        text += f" Among the training rows, {coverage.repeated_train:,} repeat another."
    return text


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
