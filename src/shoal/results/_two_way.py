"""Scores and their differences on other rows and at other initialisations: what two networks, several times each, show.

The variance of a mean over R repeats and U units that are crossed is that of units, plus that of repeats, less the
interaction, which both of them hold (Searle, Casella, McCulloch 1992, "Variance components", chapter 4); its degrees of
freedom are Satterthwaite's (1946, Biometrics Bulletin 2, 110-114).
Letters: N rows, K outputs or classes, U units (rows or groups), R repeats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._intervals import (
    ALL_ALIKE,
    FEWEST_GROUPS,
    UNDEFINED,
    Interval,
    Spread,
    Units,
    freedom_of,
    held_by_few,
    left_out,
    of_difference,
    of_score,
    several,
    share_interval,
    spread_of,
    why_untold,
)
from shoal.results._row_score import RowScore

Floats = NDArray[np.float64]

FEWEST_UNLIKE: Final = 10
"""Units on which two networks must differ: where they agree on all others, fewer say nothing of how often."""


@dataclass(frozen=True)
class Difference:
    """The mean difference of a score over `repeats`, with its 95 % interval and p-value (NaN where `why` says so).

    `low` to `high` speaks of other rows (of other groups where there are some) and, with more than one repeat, of other
    initialisations.
    """

    mean: float
    low: float
    high: float
    p: float
    repeats: int
    why: str = ""


@dataclass(frozen=True, eq=False)
class Scored:
    """A network's answers (N, K) by number of repeat, its score there, and what each unit adds to that score, (U,)."""

    score: RowScore
    y: NDArray[Any]
    units: Units
    answers: Mapping[int, Floats]
    apart: Mapping[int, tuple[float, Floats]]

    @classmethod
    def of(cls, score: RowScore, y: NDArray[Any], answers: Mapping[int, Floats], units: Units) -> Scored:
        """Take a score apart, repeat by repeat."""
        none = why_untold(score, y, units)
        apart = {} if none else {r: left_out(score, y, answer, units) for r, answer in answers.items()}
        return cls(score, y, units, answers, apart)


def difference(second: Scored, first: Scored) -> Difference:
    """Give the mean of `second` less `first`, paired by repeat and row, with its interval and p-value."""
    both, units = sorted(second.answers.keys() & first.answers.keys()), second.units
    scores = [
        tuple(second.score.score(second.y, own[r], units.weight_N) for own in (second.answers, first.answers))
        for r in both
    ]
    mean = float(np.mean([a - b for a, b in scores])) if both else math.nan
    why = "" if both else "no repeat is common to both"
    why = why or why_untold(second.score, second.y, units) or _too_alike(second, first, both)
    if why:
        return Difference(mean, math.nan, math.nan, math.nan, len(both), why)
    value_R = np.array([second.apart[r][0] - first.apart[r][0] for r in both])
    part_RU = np.array([second.apart[r][1] - first.apart[r][1] for r in both])
    free = freedom_of(second.score, second.y, part_RU.mean(axis=0), units)
    spread, freedom = spread_over(value_R, part_RU, free)
    why = _no_inference(part_RU, spread, units)
    if why:
        return Difference(mean, math.nan, math.nan, math.nan, len(both), why)
    low, high, p = of_difference(mean, spread, freedom)
    if second.score.share:
        low, high = max(low, -1.0), min(high, 1.0)
    return Difference(mean, low, high, p, len(both))


def _too_alike(second: Scored, first: Scored, both: Sequence[int]) -> str:
    """Say that two networks differ on too few units in all repeats together, as a score sees them; else nothing."""
    unlike_N = np.zeros(len(second.y), np.bool_)
    for repeat in both:
        unlike_N |= second.score.unlike(second.y, second.answers[repeat], first.answers[repeat])
    return unlike_too_few(unlike_N, second.units)


def unlike_too_few(unlike_N: NDArray[np.bool_], units: Units, of_what: str = "") -> str:
    """Say that the rows on which two networks differ are too few, or of too few groups; else nothing.

    `of_what` says which rows those are of, where they are not all.
    """
    if units.weight_N is not None:
        unlike_N = unlike_N & (units.weight_N > 0)
    unlike = len(np.unique(units.of_N[unlike_N]))
    if unlike >= FEWEST_UNLIKE or (units.grouped and unlike >= FEWEST_GROUPS):
        return ""
    few = f"{several(unlike, units)}{of_what} alone, too few for an interval"
    return f"they differ on {few if unlike else f'no {units.noun}{of_what}'}"


def _no_inference(part_RU: Floats, spread: Spread, units: Units) -> str:
    """Say why units and repeats tell nothing of those that were not drawn; nothing where they do."""
    if not np.isfinite(part_RU).all() or not math.isfinite(spread.error):
        return UNDEFINED
    return held_by_few(part_RU.mean(axis=0), units) or (ALL_ALIKE if not spread.error > 0 else "")


def spread_over(value_R: Floats, part_RU: Floats, free: float) -> tuple[Spread, float]:
    """Give the spread of a mean over repeats and units, and its degrees of freedom, of which units have `free`."""
    repeats, count = part_RU.shape
    off_R = value_R - value_R.mean() if np.isfinite(value_R).all() else np.full(repeats, np.nan)
    unit = float(max(np.abs(part_RU).max(), np.abs(off_R).max()))
    if not 0 < unit < math.inf:
        return Spread(unit, 0.0), free
    part_RU, off_R = part_RU / unit, off_R / unit  # so that no square is lost
    of_units = spread_of(part_RU.mean(axis=0))
    rows = of_units.error**2
    if repeats == 1:
        return Spread(unit * of_units.error, of_units.skewness), free
    again = float((off_R**2).sum()) / (repeats - 1) / repeats
    beside_RU = part_RU - part_RU.mean(axis=0)
    mixed = float((beside_RU**2).sum()) / ((repeats - 1) * (count - 1) * repeats * count)
    variance = max(rows, again, rows + again - mixed)
    if not variance > 0:  # repeats that cancel each other, row by row
        return Spread(0.0, 0.0), free
    unsure = rows**2 / free + again**2 / (repeats - 1) + mixed**2 / ((repeats - 1) * free)
    skewness = of_units.skewness * (rows / variance) ** 1.5
    return Spread(unit * math.sqrt(variance), skewness), variance**2 / unsure


def repeated_interval(
    score: RowScore, y: NDArray[Any], prediction_RNK: Sequence[Floats], units: Units
) -> Interval:
    """Give the 95 % interval of a score's mean over repeats, on other rows and at other initialisations.

    Of one repeat alone it speaks of other rows. A share: Wilson's, with the rows that the variance is worth; anything
    else: see `of_score`.
    """
    why = why_untold(score, y, units)
    if why:
        return Interval(math.nan, math.nan, why)
    apart = [left_out(score, y, answer, units, scaled=True) for answer in prediction_RNK]
    value_R, part_RU = np.array([value for value, _ in apart]), np.array([part_U for _, part_U in apart])
    mean = float(np.mean([score.score(y, answer, units.weight_N) for answer in prediction_RNK]))
    spread, freedom = spread_over(value_R, part_RU, freedom_of(score, y, part_RU.mean(axis=0), units))
    if score.share:
        return Interval(*share_interval(mean, spread.error, freedom, units, len(value_R)))
    why = _no_inference(part_RU, spread, units)
    if why:
        return Interval(math.nan, math.nan, why)
    return of_score(score, mean, spread, freedom, units)
