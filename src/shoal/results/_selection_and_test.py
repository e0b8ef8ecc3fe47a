"""Whether the search and the test rows agree on how good the winner is: the test score less what the search expects.

Letters: U units (rows or groups) that were held out, C candidates, V test rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._confidence_set import SearchErrors
from shoal.results._intervals import (
    UNDEFINED,
    Interval,
    Spread,
    Units,
    freedom_of,
    held_by_few,
    left_out,
    of_difference,
    spread_of,
    why_untold,
)
from shoal.results._row_score import RowScore
from shoal.results._two_way import spread_over
from shoal.wording import counted

FEWEST_TRAINING_ROWS: Final = 100
"""Of fewer rows a search can be lucky without showing it: the far errors of their kind are not among them."""


@dataclass(frozen=True)
class Expected:
    """What the search over so many `rows` expects of new rows, how far the delivered network's score may be off, and
    the degrees of freedom of that.
    """

    metric: str
    score: float
    spread: Spread
    freedom: float
    rows: int

    @classmethod
    def of(cls, metric: str, score: float, errors: SearchErrors, place: int, rows: int) -> Expected:
        """Take it from the errors of a search, of the candidate at a place among them.

        The delivered network is a single one: beside what the mean over all cells has of the variance of training,
        it has its own, undivided.
        """
        parts, deviation_U = errors.scores, errors.deviation_UC[:, place]
        of_rows = spread_of(len(deviation_U) * deviation_U)
        error = math.sqrt(
            float(parts.whole[place]) + errors.cells * parts.training * float(parts.rows[place])
        )
        skewness = of_rows.skewness * (of_rows.error / error) ** 3 if error > 0 else 0.0
        return cls(metric, score, Spread(error, skewness), parts.freedom, rows)


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
    search: Expected, score: RowScore, y: NDArray[Any], answers_VK: NDArray[np.float64], units: Units
) -> Disagreement:
    """Hold the test score against what the search expects: 95 % interval and p-value of their difference.

    A lucky search score comes with too small an error, so its rows' skewness counts as well as that of the test rows.
    """
    tested = score.score(y, answers_VK, units.weight_N)
    why = why_untold(score, y, units)
    if not math.isfinite(search.score) or not math.isfinite(search.spread.error):
        why = "the search has no standard error"
    elif search.rows < FEWEST_TRAINING_ROWS:
        why = f"a search over {counted(search.rows, 'training row')} may be lucky without showing it"
    if why:
        return Disagreement(search.metric, search.score, tested, Interval(math.nan, math.nan, why), math.nan)
    value, part_V = left_out(score, y, answers_VK, units)
    spread, freedom = spread_over(np.array([value]), part_V[None], freedom_of(score, y, part_V, units))
    why = held_by_few(part_V, units) or ("" if math.isfinite(spread.error) else UNDEFINED)
    both = math.hypot(spread.error, search.spread.error)
    if why or not both > 0:
        nothing = Interval(math.nan, math.nan, why or UNDEFINED)
        return Disagreement(search.metric, search.score, tested, nothing, math.nan)
    own, others = (spread.error / both) ** 2, (search.spread.error / both) ** 2
    skewness = spread.skewness * own**1.5 - search.spread.skewness * others**1.5
    freedom = 1 / (own**2 / max(freedom, 1.0) + others**2 / max(search.freedom, 1.0))
    low, high, p = of_difference(tested - search.score, Spread(both, skewness), freedom)
    return Disagreement(search.metric, search.score, tested, Interval(low, high), p)
