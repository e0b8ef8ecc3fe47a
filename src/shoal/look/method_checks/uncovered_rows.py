"""Whether intervals of single predictions hold far fewer test rows than they promise."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import in_quotes, phrases
from shoal.results import COVERAGE, Results, wilson
from shoal.wording import percent

_NEAR: Final = 0.05
"""By how much less than promised is no matter: of the same training rows, coverage is a little more or less."""


def uncovered(results: Results) -> str:
    """Name the targets, or the classes' sets, that hold fewer test rows than promised by more than chance."""
    every = results.certainty.covered
    if not any(of.share < COVERAGE - _NEAR for of in every):
        return ""
    beyond = NormalDist().inv_cdf(1 - 0.005 / len(every))  # 1 %, of so many at once: Bonferroni
    worth = results.test_units.effective
    off = [
        of for of in every if of.share < COVERAGE - _NEAR and wilson(of.share, worth, beyond)[1] < COVERAGE
    ]
    off.sort(key=lambda of: of.share)
    if not off:
        return ""
    what = "have their class in their set" if results.truth.classes else "lie within their interval"
    shares = phrases([f"{percent(of.share)} ({in_quotes(of.name)})" for of in off])
    weighted = "" if results.truth.test_weights is None else ", each counted by its weight,"
    return f"Of the test rows{weighted} fewer {what} than the promised {percent(COVERAGE, 0)}: {shares}."


CHECK: Final = MethodCheck(
    code="SH037",
    severity="warning",
    title="Intervals of single predictions hold too few test rows",
    find=uncovered,
    why="They are made of the errors on training rows held out, and hold what they promise of rows like those. Test"
    " rows have larger errors, so they are of another kind, or the folds divide what belongs together.",
    remedy="Name the groups or the order of time that rows have (data.groups, data.time), so that folds hold out what"
    " new rows will be; widen the intervals by a higher coverage until then.",
    reference="Barber, R. F., Candès, E. J., Ramdas, A., Tibshirani, R. J. (2023). Conformal prediction beyond"
    " exchangeability. The Annals of Statistics 51(2), 816–845.",
)
