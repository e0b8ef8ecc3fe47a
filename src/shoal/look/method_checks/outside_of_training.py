"""Whether test rows lie outside of the range of the training inputs."""

from __future__ import annotations

from typing import Final

from shoal.data import outside_of_training
from shoal.look._check import MethodCheck
from shoal.look._evidence import as_sentence, coverage_of, in_quotes
from shoal.results import Results


def outside(results: Results) -> str:
    """Count the test rows beyond the training rows: in numbers, or in categories."""
    coverage = coverage_of(results)
    return as_sentence(outside_of_training(coverage, results.dates, in_quotes)) if coverage else ""


CHECK: Final = MethodCheck(
    code="SH008",
    severity="warning",
    title="Test rows lie outside the range of the training inputs",
    find=outside,
    why="There the network extrapolates, and nothing it learned says how the target goes on.",
    remedy="Draw training and test rows from the same range, or read the test score inside and outside of it"
    " apart.",
    reference="Barnard, E., Wessels, L. F. A. (1992). Extrapolation and interpolation in neural network classifiers."
    " IEEE Control Systems Magazine 12(5), 50–53.",
    about_test=True,
)
