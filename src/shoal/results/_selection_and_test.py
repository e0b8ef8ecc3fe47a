"""Whether the search and the test rows agree on how good the winner is: the test score less what the search expects.

Letters: V test rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.results._intervals import UNDEFINED, Interval, Spread, Units, hall, hall_p, held_by_few, left_out
from shoal.results._score_rows import RowScore
from shoal.results._two_way import spread_over


@dataclass(frozen=True)
class Disagreement:
    """What the search expects of new rows and what the test rows show; p of their difference, and its 95 % interval.

    NaN where `why` says so. Other rows and other trainings are what chance draws on the side of the search, other rows
    on that of the test.
    """

    metric: str
    expected: float
    tested: float
    interval: Interval
    p: float

    @property
    def difference(self) -> float:
        """The test score less what was expected."""
        return self.tested - self.expected


def disagreement(
    search: tuple[str, float, float],
    score: RowScore,
    y: NDArray[Any],
    answers_VK: NDArray[np.float64],
    units: Units,
) -> Disagreement:
    """Hold the test score against what the `search` expects: its metric, that score, its standard error."""
    metric, expected, error = search
    tested = score.score(y, answers_VK)
    why = score.why_none or units.too_few_for(score)
    if not math.isfinite(expected) or not math.isfinite(error):
        why = "the search has no standard error"
    if why:
        return Disagreement(metric, expected, tested, Interval(math.nan, math.nan, why), math.nan)
    value, part_V = left_out(score, y, answers_VK, units)
    spread, freedom = spread_over(np.array([value]), part_V[None], units)
    why = held_by_few(part_V, units) or ("" if math.isfinite(spread.error) else UNDEFINED)
    both = math.hypot(spread.error, error)
    if why or not both > 0:
        return Disagreement(
            metric, expected, tested, Interval(math.nan, math.nan, why or UNDEFINED), math.nan
        )
    together = Spread(both, spread.skewness * (spread.error / both) ** 3)
    low, high = hall(tested - expected, together, freedom)
    return Disagreement(
        metric, expected, tested, Interval(low, high), hall_p(tested - expected, together, freedom)
    )
