"""Whether test rows lie outside of the range of the training inputs."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import coverage_of, in_quotes, phrases
from shoal.look._settings import text_of
from shoal.results import Results
from shoal.wording import counted


def outside(results: Results) -> str:
    """Count the test rows beyond the training rows: in numbers, or in categories."""
    seen = coverage_of(results)
    if seen is None:
        return ""
    told = [
        f"{one.test_rows:,} {'below' if one.low is None else 'above'}"
        f" {text_of(one.high if one.low is None else one.low)} in {in_quotes(one.input)}"
        for one in seen.bare
        if not one.inside
    ]
    told += [
        f"{rows:,} with a category of {in_quotes(name)} that no training row has"
        for name, rows in seen.unseen
    ]
    if not told:
        return ""
    return f"Of {counted(seen.test_rows, 'test row')}, outside of all training rows lie {phrases(told)}."


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
)
