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
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._intervals import FEWEST_ROWS_OF_SHARES, Interval, Units, left_out, spread_of
from shoal.results._score_rows import row_score
from shoal.results._two_way import Difference

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
        count, hits = len(rows) + 4, int(right_N[rows].sum()) + 2
        parts.append((hits / count, hits / count * (1 - hits / count) / count))
    middle, error = _together(parts)
    score = row_score("classification", BALANCED)
    reach = _reach(units) * max(error, _of_groups(units, [left_out(score, y_N, probability_NK, units)[1]]))
    value = score.score(y_N, probability_NK)
    return Interval(max(0.0, min(middle - reach, value)), min(1.0, max(middle + reach, value)))


def recall_difference(y_N: NDArray[Any], own_NK: Floats, other_NK: Floats, units: Units) -> Difference:
    """Give the difference of the balanced accuracies of two networks, paired by row, with its 95 % interval."""
    from scipy.special import stdtr

    score = row_score("classification", BALANCED)
    mean = score.score(y_N, own_NK) - score.score(y_N, other_NK)
    why = _too_few(y_N, units)
    if why:
        return Difference(mean, math.nan, math.nan, math.nan, 1, why)
    better_N = (own_NK.argmax(axis=1) == y_N).astype(np.int64) - (other_NK.argmax(axis=1) == y_N)
    parts = []
    for rows in _classes(y_N):
        count = len(rows) + 2
        wins, losses = int((better_N[rows] > 0).sum()) + 1, int((better_N[rows] < 0).sum()) + 1
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


def _together(parts: list[tuple[float, float]]) -> tuple[float, float]:
    """Give the mean of independent estimates, and its standard error."""
    means, variances = zip(*parts, strict=True)
    return float(np.mean(means)), math.sqrt(sum(variances)) / len(parts)


def _of_groups(units: Units, parts: list[Floats]) -> float:
    """Give the standard error that groups of rows show; 0 where each row stands by itself."""
    return spread_of(parts[0] - parts[1] if len(parts) > 1 else parts[0]).error if units.grouped else 0.0


def _freedom(units: Units) -> float:
    return max(units.effective - 1, 1.0) if units.grouped else 1e9


def _reach(units: Units) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(_freedom(units), 0.975))


def _too_few(y_N: NDArray[Any], units: Units) -> str:
    """Say that rows, groups or the rows of a class are too few; else nothing."""
    few = units.too_few_for(row_score("classification", "accuracy"))
    fewest = int(np.unique(y_N, return_counts=True)[1].min(initial=FEWEST_ROWS_OF_SHARES))
    if few or fewest >= FEWEST_ROWS_OF_SHARES:
        return few
    return f"a class of {fewest} test row{'s' * (fewest != 1)} is too small for an interval"
