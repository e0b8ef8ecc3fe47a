"""What the scores of two runs differ by: paired where they answer the same rows, else by their own intervals.

Letters: P pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.results._intervals import Interval, Z
from shoal.results._two_way import Difference

ScoreOf = Literal["test", "selection"]
Method = Literal["paired by test row", "paired by row held out", "unpaired", "not compared"]

LEVEL: Final = 0.05
"""Below it, once it is corrected for all pairs, a p-value says that two runs differ."""


@dataclass(frozen=True)
class RunScore:
    """A score of a run, and its 95 % interval for other rows; NaN where the run has none, and `why` of the interval."""

    value: float
    interval: Interval

    @classmethod
    def none(cls, why: str) -> RunScore:
        """Say why a run has no such score."""
        return cls(math.nan, Interval(math.nan, math.nan, why))


@dataclass(frozen=True)
class Pair:
    """The score of the run of number `second` less that of `first`, and by which method.

    `adjusted_p` is corrected for all pairs of this score (Holm); NaN where there is no p-value.
    """

    scored: ScoreOf
    first: int
    second: int
    difference: Difference
    method: Method
    adjusted_p: float = math.nan

    @property
    def turned(self) -> Pair:
        """The same the other way round."""
        apart = self.difference
        other = replace(apart, mean=0.0 - apart.mean, low=0.0 - apart.high, high=0.0 - apart.low)
        return replace(self, first=self.second, second=self.first, difference=other)


def unpaired(second: RunScore, first: RunScore) -> Difference:
    """Give the difference of two scores of rows that have nothing to do with each other, from their own intervals.

    Each end of the interval lies as far off as the ends of both that move it there, together (MOVER: Zou, Donner 2008,
    "Construction of confidence limits about effect measures", Statistics in Medicine 27, 1693-1702; of shares with
    Wilson's intervals it is Newcombe's, 1998, Statistics in Medicine 17, 873-890). The p-value is that of a normal
    distribution as wide as the side towards 0, so that it is below 5 % where the interval leaves 0 out.
    """
    mean = second.value - first.value
    why = second.interval.why or first.interval.why
    if why:
        return Difference(mean, math.nan, math.nan, math.nan, 1, why)
    down = math.hypot(second.value - second.interval.low, first.interval.high - first.value)
    up = math.hypot(second.interval.high - second.value, first.value - first.interval.low)
    reach = down if mean > 0 else up
    p = 2 * NormalDist().cdf(-Z * abs(mean) / reach) if reach > 0 else math.nan
    return Difference(mean, mean - down, mean + up, p, 1)


def holm(p_P: Sequence[float]) -> NDArray[np.float64]:
    """Correct p-values for their number, those that are known; (P,).

    Holm (1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 65-70):
    the smallest counts as often as there are p-values, the next one time less, and none less than those before it.
    """
    raw_P = np.asarray(p_P, np.float64)
    known = np.flatnonzero(np.isfinite(raw_P))
    order = known[np.argsort(raw_P[known], kind="stable")]
    adjusted_P = np.full(len(raw_P), np.nan)
    times = np.arange(len(order), 0, -1)
    adjusted_P[order] = np.minimum(1.0, np.maximum.accumulate(times * raw_P[order]))
    return adjusted_P
