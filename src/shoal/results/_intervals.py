"""Where a test score would lie on other rows of the same kind: closed forms, so the same bytes at every call.

The unit of chance is a row, or a group of rows where the study names groups. Where rows have weights, a score is a
function of weighted means, and its error that of such ratios under sampling of rows with their weights (Cochran 1977,
"Sampling Techniques", section 6.3); as many rows count as would tell as much with one weight: the square of the sum of
the weights over the sum of their squares (Kish 1965, "Survey Sampling", section 11.7). What each method covers was
measured by simulation (`python -m benchmarks.honesty intervals small-tests`), and docs/statistics.md names its source.
Letters: N rows, K outputs or classes, M numbers of each row, U units (rows or groups), R repeats.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._brief import Brief
from shoal.results._row_score import RowScore
from shoal.wording import counted, worth

Floats = NDArray[np.float64]

FEWEST_ROWS: Final = 25
FEWEST_ROWS_OF_SHARES: Final = 10
FEWEST_GROUPS: Final = 8.0
"""Below these, what was drawn says too little of what was not; groups count by their sizes, see `Units.effective`."""

BLOCKS: Final = 10
"""Of rows in order of time: fewer tell too little, and more are so short that those next to each other are alike."""

Z: Final = 1.9599639845400545
"""The normal distribution's 97.5 % quantile."""

ALL_ALIKE: Final = "no row differs from the others"
UNDEFINED: Final = "the score is not defined on every part of these rows"
TOO_LARGE: Final = "its numbers are too large for 64-bit floating point"

STEEP: Final = 8.0
"""By how much the skewness of a mean counts for more, the larger it is; chosen on the problems of
`benchmarks/honesty/small_tests.py`.
"""

_FEW: Final = 10
_SHARE: Final = 0.05
_MOST: Final = 0.75
_AT_ONCE: Final = 4_000_000


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of a score; where it cannot be had both are NaN, and `why` is the reason in words.

    Ends that are not finite are none: squares of huge numbers overflow.
    """

    low: float
    high: float
    why: str = ""

    def __post_init__(self) -> None:
        """Say why there is no interval where the arithmetic gave none."""
        if not self.why and not (math.isfinite(self.low) and math.isfinite(self.high)):
            for name, value in (("low", math.nan), ("high", math.nan), ("why", TOO_LARGE)):
                object.__setattr__(self, name, value)

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return not self.why


@dataclass(frozen=True, eq=False, repr=False)
class Units(Brief):
    """What chance draws: N rows, each by itself, or groups of them. `of_N` numbers the unit of every row from 0.

    `weight_N` is what every row counts, the largest 1; None where all count the same. `in_time`: groups are blocks of
    rows that follow each other in time.
    """

    of_N: NDArray[np.int64]
    grouped: bool
    weight_N: Floats | None = None
    in_time: bool = False

    @property
    def noun(self) -> str:
        """What one of them is called."""
        return "block of rows" if self.in_time else "group" if self.grouped else "row"

    @classmethod
    def blocks(cls, time_N: Floats, weight_N: Floats | None = None) -> Units:
        """Make blocks of rows that follow each other in time: a score's means over blocks vary as it does itself where
        rows near each other are alike (batch means: Schmeiser 1982, "Batch size effects in the analysis of simulation
        output", Operations Research 30, 556-568). Rows of one time keep their order.
        """
        rows = len(time_N)
        place_N = np.argsort(np.argsort(time_N, kind="stable"), kind="stable")
        of_N = place_N * min(BLOCKS, rows) // max(rows, 1)
        return replace(cls.of(rows, of_N.astype(np.int64), weight_N), in_time=True)

    @classmethod
    def of(cls, rows: int, group_N: NDArray[np.int64] | None = None, weight_N: Floats | None = None) -> Units:
        """Make units of the numbers of groups; every row is one by itself where there are none or one is unknown."""
        if weight_N is not None:
            alike = len(weight_N) == 0 or bool((weight_N == weight_N[0]).all())
            weight_N = None if alike else weight_N / weight_N.max()
        if group_N is None or not len(group_N) or (group_N < 0).any():
            return cls(np.arange(rows, dtype=np.int64), False, weight_N)
        return cls(np.unique(group_N, return_inverse=True)[1].astype(np.int64).reshape(-1), True, weight_N)

    def of_rows(self, rows: NDArray[np.int64]) -> Units:
        """Give the units of some of the rows."""
        of_N = np.unique(self.of_N[rows], return_inverse=True)[1].astype(np.int64).reshape(-1)
        return replace(self, of_N=of_N, weight_N=None if self.weight_N is None else self.weight_N[rows])

    @property
    def sizes(self) -> NDArray[Any]:
        """The rows of every unit, or what they weigh together, (U,)."""
        return np.bincount(self.of_N, self.weight_N)

    @property
    def effective(self) -> float:
        """How many units of one size would say as much: the square of the rows over the sum of squared sizes."""
        sizes = self.sizes.astype(np.float64)
        return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else 0.0

    @property
    def freedom(self) -> float:
        """The degrees of freedom of a variance over units, which have some as far as they are of one size.

        Satterthwaite's, where a unit adds in proportion to its size: the square of the sum of squared sizes over the
        sum of their fourth powers (Bell and McCaffrey 2002, Survey Methodology 28, 169-181).
        """
        return _freedom(self.sizes)

    def too_few_for(self, score: RowScore, y: NDArray[Any] | None = None) -> str:
        """Say why there are too few for an interval of a score (of the rows of a class, too); else nothing."""
        fewest = FEWEST_ROWS_OF_SHARES if score.share else FEWEST_ROWS
        rows = len(self.of_N)
        if rows < fewest:
            return f"{rows:,} row{'s are' if rows != 1 else ' is'} too few for an interval"
        if self.weight_N is not None:
            tell = float(self.weight_N.sum() ** 2 / (self.weight_N**2).sum())
            if tell < fewest:
                return (
                    f"{counted(rows, 'row')} of such unequal weights are worth {worth(tell)}, too few for an"
                    " interval"
                )
        if self.grouped and self.effective < FEWEST_GROUPS:
            groups = len(self.sizes)
            unequal = " of such unequal sizes" if groups >= FEWEST_GROUPS else ""
            are = f"{unequal} are" if groups != 1 else " is"
            return f"{several(groups, self)}{are} too few for an interval"
        return "" if y is None else score.rare(y)


def _freedom(size_U: NDArray[Any]) -> float:
    square_U = size_U.astype(np.float64) ** 2
    fourth = float((square_U**2).sum())
    return float(square_U.sum()) ** 2 / fourth * (1 - 1 / len(square_U)) if fourth > 0 else 0.0


def why_untold(score: RowScore, y: NDArray[Any], units: Units) -> str:
    """Say why these rows give a score no interval; nothing where they may."""
    counted = y if units.weight_N is None else y[units.weight_N > 0]
    return score.why_untold(counted) or units.too_few_for(score, y)


def left_out(
    score: RowScore, y: NDArray[Any], prediction_NK: Floats, units: Units, *, scaled: bool = False
) -> tuple[float, Floats]:
    """Give a score and what each unit adds to it, (U,).

    That is by how much it falls without the unit, times the rows left; of a mean the unit's deviation from the mean.
    Grouped jackknife with groups of unequal size (Busing, Meijer, van der Leeden 1999), or weight. With `scaled`,
    of the score on its scale.
    """
    scale = score.scale if scaled else (lambda value: value)
    size_U = units.sizes.astype(np.float64)
    rows, count = float(size_U.sum()), len(size_U)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if score.without is not None:
            own, without_U = score.without(y, prediction_NK, units.of_N, units.weight_N)
        else:
            rows_of = score.rows
            if score.weighted is not None and units.weight_N is not None:
                rows_of = partial(score.weighted, weight_N=units.weight_N)
            row_NM = rows_of(y, prediction_NK)
            own, without_U = _without(score, _sums(row_NM, units), size_U)
        value, without_U = float(scale(np.array(own))), scale(without_U)
        part_U = (value - without_U) * (rows - size_U) * count / rows
        return value, part_U - part_U.mean()


def _without(score: RowScore, sum_UM: Floats, size_U: Floats) -> tuple[float, Floats]:
    """Give a function of means, and what it is without each unit, (U,)."""
    total_M, rows, without_U = sum_UM.sum(axis=0), size_U.sum(), np.empty(len(size_U))
    for part in _blocks(len(size_U), len(total_M)):
        means = (total_M - sum_UM[part]) / (rows - size_U[part])[:, None]
        without_U[part] = score.of_means(means)
    return float(score.of_means(total_M / rows)), without_U


def _sums(row_NM: Floats, units: Units) -> Floats:
    if units.weight_N is not None:  # what weighs nothing adds nothing, be it infinite
        row_NM = np.multiply(
            row_NM, units.weight_N[:, None], out=np.zeros_like(row_NM), where=units.weight_N[:, None] > 0
        )
    if not units.grouped:
        return row_NM
    return np.stack([np.bincount(units.of_N, weights=column) for column in row_NM.T], axis=1)


def _blocks(count: int, width: int) -> Iterator[slice]:
    """Cut units so that no more than so many numbers are worked on at once."""
    step = max(1, _AT_ONCE // max(1, width))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


@dataclass(frozen=True)
class Spread:
    """The standard `error` of an estimate and its `skewness`, the third standardised moment: of it, not of its rows."""

    error: float
    skewness: float


def spread_of(part_U: Floats) -> Spread:
    """Give the spread of the mean of U units, whose deviations sum to 0."""
    count = len(part_U)
    square, cube = float((part_U**2).sum()), float((part_U**3).sum())
    if not square > 0 or count < 3:
        return Spread(0.0, 0.0)
    variance = square / (count * (count - 1))
    # The unbiased third moment, over the square of the count.
    third = cube / ((count - 1) * (count - 2) * count)
    return Spread(math.sqrt(variance), third / variance**1.5)


def held_by_few(part_U: Floats, units: Units) -> str:
    """Say that a few units hold most of the spread, so that the others tell nothing of what was not drawn."""
    far_U = np.sort(np.abs(part_U - np.median(part_U)))[::-1]
    most = min(_FEW, max(1, int(_SHARE * len(far_U))))
    total = float(far_U.sum())
    enough = np.cumsum(far_U[:most]) > _MOST * total
    if not total or not enough.any():
        return ""
    count = int(enough.argmax()) + 1
    hold = "hold" if count > 1 else "holds"
    return f"{several(count, units)} {hold} three quarters of it, too few for an interval"


def several(count: int, units: Units) -> str:
    """Count units: "3 blocks of rows"."""
    first, *rest = units.noun.split(" ", 1)
    return " ".join((counted(count, first), *rest))


def freedom_of(score: RowScore, y: NDArray[Any], part_U: Floats, units: Units) -> float:
    """Give the degrees of freedom of a score's variance over units, of which each adds its part.

    An area under a curve compares classes, each a sample of its own, of which one may be small: Welch's (1947,
    Biometrika 34). A group counts to the rarest class that it has.
    """
    if score.skewed or y.ndim > 1:
        return units.freedom
    size_U, number_U = units.sizes, np.zeros(len(part_U), np.int64)
    has = {k: np.bincount(units.of_N, y == k, len(part_U)) > 0 for k in np.unique(y).tolist()}
    for k in sorted(has, key=lambda k: int(has[k].sum()), reverse=True):
        number_U[has[k]] = k
    whole, unsure = float((part_U**2).sum()), 0.0
    for k in has:
        own_U = number_U == k
        unsure += float((part_U[own_U] ** 2).sum()) ** 2 / max(_freedom(size_U[own_U]), 1.0)
    return min(units.freedom, whole**2 / unsure) if unsure > 0 else units.freedom


def of_score(score: RowScore, mean: float, spread: Spread, freedom: float, units: Units) -> Interval:
    """Give the 95 % interval of a score, drawn on its scale, from the spread there.

    At the end that skewness moves outwards Johnson's, see `_outwards`. At the other end Student's; of losses, whose
    skewness has a sign that is known, moved inwards by the cubic transformation of Hall (1992, "On the removal of
    skewness by transformation", JRSS B 54, 221-228), as far as units count alike. An area under a curve is not skewed
    on its scale.
    """
    from scipy.special import stdtrit

    reach = float(stdtrit(max(freedom, 1.0), 0.975))
    skewness = spread.skewness if score.skewed else 0.0
    alike = units.freedom / max(len(units.sizes) - 1, 1) if score.positive else 0.0
    outer, inner = _outwards(reach, skewness), _inwards(reach, alike * skewness)
    down, up = (inner, outer) if skewness > 0 else (outer, inner)
    value = float(score.scale(np.array(mean)))
    low, high = value - spread.error * down, value + spread.error * up
    ends = [float(end) for end in score.back(np.array([max(low, 0.0) if score.positive else low, high]))]
    return Interval(min(ends), max(ends))


def of_difference(value: float, spread: Spread, freedom: float) -> tuple[float, float, float]:
    """Give the 95 % interval of a difference of two estimates, and the two-sided p-value of 0 (NaN without an error).

    Student's, and further out at the end that skewness moves outwards, see `_outwards`. What it moves inwards would be
    taken from one side for good reason only if its sign were known; of differences that are symmetric the sample shows
    either sign by chance. p is below 5 % exactly where the interval leaves 0 out.
    """
    from scipy.special import stdtr, stdtrit

    reach = float(stdtrit(max(freedom, 1.0), 0.975))
    at_low, at_high = min(spread.skewness, 0.0), max(spread.skewness, 0.0)
    low = value - spread.error * _outwards(reach, at_low)
    high = value + spread.error * _outwards(reach, at_high)
    if not spread.error > 0:
        return low, high, math.nan
    seen = _reached(abs(value) / spread.error, at_low if value > 0 else at_high)
    return low, high, float(2 * stdtr(max(freedom, 1.0), -seen))


def _heavier(skewness: float) -> float:
    """Give the skewness to reckon with where it moves an end outwards.

    That of a sample is too low, the more so the more it hangs on single rows; of the mean it is never above 1.
    """
    return abs(skewness) * (1 + STEEP * abs(skewness))


def _outwards(reach: float, skewness: float) -> float:
    """Give how many standard errors the outer end is away, where without skewness it would be `reach`.

    Johnson (1978, "Modified t tests and confidence intervals for asymmetrical populations", JASA 73, 536-544): it grows
    with the skewness without end and without a jump, as the inverse of a cubic transformation does not.
    """
    return reach + _heavier(skewness) * (1 + 2 * reach**2) / 6


def _reached(far: float, skewness: float) -> float:
    """Give the reach whose outer end is so far away: the inverse of `_outwards`; 0 where that is nearer than any."""
    third = _heavier(skewness) / 3
    beyond = max(far - third / 2, 0.0)
    return 2 * beyond / (1 + math.sqrt(1 + 4 * third * beyond))


def _inwards(reach: float, skewness: float) -> float:
    size = abs(skewness)
    if size < 1e-6:  # the cube root would lose its digits
        return reach - size * (reach**2 / 3 + 1 / 6)
    return 3 / size * (float(np.cbrt(1 + size * (reach - size / 6))) - 1)


def wilson(share: float, worth: float, z: float = Z) -> tuple[float, float]:
    """Give the 95 % interval of a share of `worth` rows (Wilson 1927, "Probable inference", JASA 22, 209-212)."""
    square = z * z / worth
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / worth + square / (4 * worth)) / (1 + square)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def share_interval(
    share: float, error: float, freedom: float, units: Units, repeats: int
) -> tuple[float, float]:
    """Give the 95 % interval of a share whose standard error is known to `freedom` degrees.

    Wilson's: of the rows, where each stands by itself, counts the same and was answered once; else of as many rows as
    that error is worth, with Student's quantile (Korn and Graubard 1998, Survey Methodology 24, 193-201). Where all
    is right, or nothing, a group counts for one row.
    """
    from scipy.special import stdtrit

    rows = len(units.of_N)
    if not units.grouped and units.weight_N is None and repeats == 1:
        return wilson(share, rows)
    variance = share * (1 - share)
    tell = min(variance / error**2, rows * repeats) if variance > 0 and error > 0 else units.effective
    return wilson(share, tell, float(stdtrit(max(freedom, 1.0), 0.975)))
