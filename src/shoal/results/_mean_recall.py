"""Balanced accuracy, the mean recall of the classes, on other rows: each class is a sample of its own.

A rare class decides it by few rows, whose variance cannot be seen where all or none are right. So every class gets two
hits and two misses beside its own rows (Agresti, Coull 1998, "Approximate is better than exact", American Statistician
52), and of a difference one row of each kind (Bonett, Price 2012, "Adjusted Wald confidence interval for a difference
of binomial proportions based on paired data", Journal of Educational and Behavioral Statistics 37). Where rows have
groups the error is that of the groups, if that is larger.
Letters: N rows, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._intervals import (
    FEWEST_GROUPS,
    FEWEST_ROWS_OF_SHARES,
    Interval,
    Units,
    left_out,
    several,
    spread_of,
)
from shoal.results._score_rows import row_score
from shoal.results._two_way import Difference
from shoal.wording import worth

Floats = NDArray[np.float64]

BALANCED: Final = "balanced_accuracy"
"""The name of the score; records of fits do not hold it."""


def recall_interval(y_N: NDArray[Any], probability_NK: Floats, units: Units) -> Interval:
    """Give the 95 % interval of the balanced accuracy of some rows; it holds their own, which is not its middle."""
    why = _too_few(y_N, units)
    if why:
        return Interval(math.nan, math.nan, why)
    right_N = probability_NK.argmax(axis=1) == y_N
    parts = []
    for rows in _classes(y_N):
        of_class, hits = _counts(units, rows, right_N[rows])
        count, hits = of_class + 4, hits + 2
        parts.append((hits / count, hits / count * (1 - hits / count) / count))
    middle, error = _together(parts)
    score = row_score("classification", BALANCED)
    reach = _reach(units) * max(error, _of_groups(units, [left_out(score, y_N, probability_NK, units)[1]]))
    value = score.score(y_N, probability_NK, units.weight_N)
    return Interval(max(0.0, min(middle - reach, value)), min(1.0, max(middle + reach, value)))


def recall_difference(y_N: NDArray[Any], own_NK: Floats, other_NK: Floats, units: Units) -> Difference:
    """Give the difference of the balanced accuracies of two networks, paired by row, with its 95 % interval."""
    from scipy.special import stdtr

    score = row_score("classification", BALANCED)
    mean = score.score(y_N, own_NK, units.weight_N) - score.score(y_N, other_NK, units.weight_N)
    why = _too_few(y_N, units)
    if why:
        return Difference(mean, math.nan, math.nan, math.nan, 1, why)
    better_N = (own_NK.argmax(axis=1) == y_N).astype(np.int64) - (other_NK.argmax(axis=1) == y_N)
    parts = []
    for rows in _classes(y_N):
        (of_class, wins), (_, losses) = (_counts(units, rows, sign * better_N[rows] > 0) for sign in (1, -1))
        count, wins, losses = of_class + 2, wins + 1, losses + 1
        apart = (wins - losses) / count
        parts.append((apart, ((wins + losses) / count - apart**2) / count))
    middle, error = _together(parts)
    each = [left_out(score, y_N, answers_NK, units)[1] for answers_NK in (own_NK, other_NK)]
    error = max(error, _of_groups(units, each))
    reach = _reach(units) * error
    p = float(2 * stdtr(_freedom(units), -abs(middle) / error))
    low, high = min(middle - reach, mean), max(middle + reach, mean)
    return Difference(mean, max(-1.0, low), min(1.0, high), p, 1)


def _classes(y_N: NDArray[Any]) -> Iterator[NDArray[np.int64]]:
    """Give the rows of every class that there is."""
    return (np.flatnonzero(y_N == k) for k in np.unique(y_N))


def _counts(units: Units, rows: NDArray[np.int64], hit_R: NDArray[np.bool_]) -> tuple[float, float]:
    """Count the rows of a class and those that are hit; of weighted ones as many as they are worth (Kish 1965)."""
    if units.weight_N is None:
        return len(rows), int(hit_R.sum())
    weight_R = units.weight_N[rows]
    tell = float(weight_R.sum() ** 2 / (weight_R**2).sum()) if weight_R.any() else 0.0
    return tell, tell * float(np.average(hit_R, weights=weight_R)) if tell else 0.0


def _together(parts: list[tuple[float, float]]) -> tuple[float, float]:
    """Give the mean of independent estimates, and its standard error."""
    means, variances = zip(*parts, strict=True)
    return float(np.mean(means)), math.sqrt(sum(variances)) / len(parts)


def _of_groups(units: Units, parts: list[Floats]) -> float:
    """Give the standard error that groups of rows, or weighted ones, show; 0 where each row stands by itself."""
    shown = units.grouped or units.weight_N is not None
    return spread_of(parts[0] - parts[1] if len(parts) > 1 else parts[0]).error if shown else 0.0


def _freedom(units: Units) -> float:
    shown = units.grouped or units.weight_N is not None
    return max(units.freedom, 1.0) if shown else 1e9


def _reach(units: Units) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(_freedom(units), 0.975))


def _too_few(y_N: NDArray[Any], units: Units) -> str:
    """Say that rows, groups or the rows of a class are too few; else nothing."""
    few = units.too_few_for(row_score("classification", "accuracy"))
    return few or too_few_of_classes(list(_classes(y_N)), units)


def too_few_of_classes(classes: Sequence[NDArray[np.int64]], units: Units) -> str:
    """Say that the rows of some class are too few, or from too few groups; else nothing.

    `classes` are the numbers of the rows of each.
    """
    worths = [_counts(units, rows, np.zeros(len(rows), np.bool_))[0] for rows in classes]
    fewest = min(worths, default=float(FEWEST_ROWS_OF_SHARES))
    if fewest >= FEWEST_ROWS_OF_SHARES:
        return _too_few_groups(classes, units)
    rows = worth(fewest) if units.weight_N is None else f"rows worth {worth(fewest)}"
    return f"a class of {rows.replace(' row', ' test row')} is too small for an interval"


def _too_few_groups(classes: Sequence[NDArray[np.int64]], units: Units) -> str:
    """Say that a class has its rows from groups that are worth too few; else nothing."""
    if not units.grouped or not classes:
        return ""
    weight_N = units.weight_N
    of_classes = [
        Units.of(len(rows), units.of_N[rows], None if weight_N is None else weight_N[rows])
        for rows in classes
    ]
    fewest = min(of_classes, key=lambda of_class: of_class.effective)
    if fewest.effective >= FEWEST_GROUPS:
        return ""
    count = len(fewest.sizes)
    unequal = " of such unequal sizes" if count >= FEWEST_GROUPS else ""
    where = f"in {several(count, units)}" if units.in_time else f"of {several(count, units)}{unequal}"
    return f"a class with test rows {where} is too small for an interval"
