"""Areas under ROC curves, and average precision, on other rows: scores of the order in which rows are put.

An area under a ROC curve is the share of the pairs of a row and a row of other classes that are in order.

Such a score is no mean over rows, but one over pairs of them (Hanley, McNeil 1982, "The meaning and use of the area
under a receiver operating characteristic (ROC) curve", Radiology 143, 29-36). So what it is without a row, or without a
group of rows, follows from the pairs that these are part of, exactly and without computing it anew; the variance that
this gives is that of DeLong, DeLong, Clarke-Pearson 1988, "Comparing the areas under two or more correlated receiver
operating characteristic curves", Biometrics 44, 837-845.

Average precision changes with what a row weighs by a derivative that follows from the counts of rows above each: the
infinitesimal jackknife (Efron, Hastie 2016, "Computer Age Statistical Inference", section 10.2).

Letters: N rows, K classes, U units (rows or groups), P areas, of which the score is the mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.elementary import exp, log, log1p

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Areas = Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]]
"""Of each area the rows of the one class, those it is held against, and the probabilities (N,) that order them."""

_NOTHING: Final = 1e-12
"""A share of all pairs below this is what rounding leaves of none."""
_NEAREST: Final = 1e-9
"""As near to 0 and 1 as an area is taken for, where its odds are."""


def of_second(y_N: Ints, probability_NK: Floats) -> Areas:
    """The area of the second of two classes."""
    yield y_N == 1, y_N == 0, probability_NK[:, 1]


def of_each(y_N: Ints, probability_NK: Floats) -> Areas:
    """The area of each class against the rest; of two classes that of the second."""
    if probability_NK.shape[1] == 2:
        yield from of_second(y_N, probability_NK)
        return
    for k in np.unique(y_N).tolist():
        yield y_N == k, y_N != k, probability_NK[:, k]


def of_pairs(y_N: Ints, probability_NK: Floats) -> Areas:
    """The areas of each class against each other one; of two classes that of the second."""
    if probability_NK.shape[1] == 2:
        yield from of_second(y_N, probability_NK)
        return
    occurring = np.unique(y_N).tolist()
    for k in occurring:
        yield from ((y_N == k, y_N == other, probability_NK[:, k]) for other in occurring if other != k)


def of_number(number: int, y_N: Ints, probability_NK: Floats) -> Areas:
    """The order of one of two classes, by its number; of more than two classes that of each."""
    if probability_NK.shape[1] != 2:
        yield from of_each(y_N, probability_NK)
        return
    yield y_N == number, y_N != number, probability_NK[:, number]


def precision_without(areas: Areas, unit_N: Ints, weight_N: Floats | None = None) -> tuple[float, Floats]:
    """Give the mean average precision, and about what it is without each unit, (U,): less its rows' derivatives."""
    own_N = np.ones(len(unit_N)) if weight_N is None else weight_N
    values, changes = [], []
    for high_N, _, probability_N in areas:
        if not own_N[high_N].any():  # a class whose rows weigh nothing
            continue
        value, change_N = _precision(high_N, probability_N, own_N)
        values.append(value)
        changes.append(np.bincount(unit_N, change_N * own_N))
    return float(np.mean(values)), float(np.mean(values)) - np.mean(changes, axis=0)


def _precision(high_N: NDArray[np.bool_], probability_N: Floats, own_N: Floats) -> tuple[float, Floats]:
    """Give the mean over rows of the class of the precision among all rows that are as probable, and its derivative by
    what each row weighs, (N,).
    """
    order_N = np.argsort(-probability_N, kind="stable")
    falling_N, high_N, own_N = -probability_N[order_N], high_N[order_N], own_N[order_N]
    last_N = np.searchsorted(falling_N, falling_N, side="right") - 1
    first_N = np.searchsorted(falling_N, falling_N, side="left")
    upto_N = np.maximum(np.cumsum(own_N)[last_N], np.finfo(np.float64).tiny)
    hit_N, high = own_N * high_N, float(own_N[high_N].sum())
    precision_N = np.cumsum(hit_N)[last_N] / upto_N
    value = float((hit_N * precision_N).sum() / high)
    # A row is among those that are as probable as each row of the class that is no more probable than it.
    among_N, right_N = (
        np.cumsum((hit_N * by_N / upto_N)[::-1])[::-1][first_N] for by_N in (np.ones(len(own_N)), precision_N)
    )
    change_N = np.empty(len(own_N))
    change_N[order_N] = (high_N * (precision_N - value) + high_N * among_N - right_N) / high
    return value, change_N


def of_labels(y_NK: NDArray[np.bool_], probability_NK: Floats) -> Areas:
    """The area of each label, of rows that have it against those that have not."""
    for has_N, probability_N in zip(y_NK.T, probability_NK.T, strict=True):
        yield has_N, ~has_N, probability_N


def in_order(areas: Areas) -> Floats:
    """Give of every row and area the number of rows of the other side that it is in order with, (N, P); 0 without."""
    return np.stack([_in_order(*area, np.ones(len(area[0]))) for area in areas], axis=1)


def without_units(areas: Areas, unit_N: Ints, weight_N: Floats | None = None) -> tuple[float, Floats]:
    """Give the mean area, and what it is without each unit, (U,); a pair counts the product of its rows' weights.

    An area of which a unit has all rows of one side is left out of the mean without it; NaN where none is left.
    """
    count, values, without = int(unit_N.max()) + 1, [], []
    own_N = np.ones(len(unit_N)) if weight_N is None else weight_N
    for high_N, low_N, probability_N in areas:
        ordered_N = own_N * _in_order(high_N, low_N, probability_N, own_N)
        high_U, low_U = (np.bincount(unit_N, side_N * own_N, count) for side_N in (high_N, low_N))
        if not (high_U.any() and low_U.any()):  # a class whose rows weigh nothing
            continue
        sum_U = np.bincount(unit_N, ordered_N, count)
        # A pair within a unit is taken away with either of its rows, and so once too often.
        for unit in np.flatnonzero((high_U > 0) & (low_U > 0)).tolist():
            rows = np.flatnonzero(unit_N == unit)
            within = own_N[rows] * _in_order(high_N[rows], low_N[rows], probability_N[rows], own_N[rows])
            sum_U[unit] -= within[high_N[rows]].sum()
        total, high, low = ordered_N[high_N].sum(), high_U.sum(), low_U.sum()
        values.append(total / (high * low))
        rest_U = np.maximum(high - high_U, 0) * np.maximum(low - low_U, 0)
        there_U = rest_U > _NOTHING * high * low
        without.append(np.divide(total - sum_U, rest_U, out=np.full(count, np.nan), where=there_U))
    without_UP = np.stack(without, axis=1)
    there_UP = ~np.isnan(without_UP)
    sum_U, areas_U = np.where(there_UP, without_UP, 0).sum(axis=1), there_UP.sum(axis=1)
    return float(np.mean(values)), np.divide(sum_U, areas_U, out=np.full(count, np.nan), where=areas_U > 0)


def _in_order(
    high_N: NDArray[np.bool_], low_N: NDArray[np.bool_], probability_N: Floats, weight_N: Floats
) -> Floats:
    """Give for every row what the rows of the other side weigh that are in order with it, equal ones half."""
    ordered_N = np.zeros(len(probability_N))
    ordered_N[high_N] = _below(probability_N[high_N], probability_N[low_N], weight_N[low_N])
    above = _below(probability_N[low_N], probability_N[high_N], weight_N[high_N])
    ordered_N[low_N] = weight_N[high_N].sum() - above
    return ordered_N


def _below(value_A: Floats, other_B: Floats, weight_B: Floats) -> Floats:
    """Give what the others weigh that lie below each value, equal ones half."""
    order_B = np.argsort(other_B, kind="stable")
    upto = np.concatenate(([0.0], np.cumsum(weight_B[order_B])))
    sides = (upto[np.searchsorted(other_B[order_B], value_A, side)] for side in ("left", "right"))
    return np.asarray(sum(sides) / 2)


def odds(area: Floats) -> Floats:
    """Give the logarithm of the odds of an area, where intervals are drawn."""
    near = np.clip(area, _NEAREST, 1 - _NEAREST)
    return np.asarray(log(near) - log1p(-near))


def of_odds(logarithm: Floats) -> Floats:
    """Give the area of the logarithm of its odds."""
    return np.asarray(1 / (1 + exp(-logarithm)))
