"""Whether test rows lie outside of the range of the training inputs."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import coverage_of, in_quotes, phrases
from shoal.results import Results
from shoal.study import text_of
from shoal.wording import counted


def outside(results: Results) -> str:
    """Count the test rows beyond the training rows: in numbers, or in categories."""
    coverage = coverage_of(results)
    if coverage is None:
        return ""
    places = [
        f"{region.test_rows:,} {'below' if region.low is None else 'above'}"
        f" {text_of(region.high if region.low is None else region.low)} in {in_quotes(region.input)}"
        for region in coverage.bare
        if not region.inside
    ]
    places += [
        f"{rows:,} with a category of {in_quotes(name)} that no training row has"
        for name, rows in coverage.unseen
    ]
    if not places:
        return ""
    return (
        f"Of {counted(coverage.test_rows, 'test row')}, outside of all training rows lie {phrases(places)}."
    )


CHECK: Final = MethodCheck(
    code="SH008",
    severity="warning",
    title="Test rows lie outside the range of the training inputs",
    find=outside,
    why="There the network extrapolates, and nothing it learned says how the target goes on.",
    remedy="Draw training and test rows from the same range, or read the test score inside and outside of it"
    " apart.",
    reference="Barnard, E., Wessels, L. F. A. (1992). Extrapolation and interpolation in neural network classifiers."
    " IEEE Control Systems Magazine 12(5), 50-53.",
    about_test=True,
)
