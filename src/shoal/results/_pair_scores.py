"""Areas under ROC curves on other rows: which share of the pairs of a row and a row of other classes is in order.

Such a score is no mean over rows, but one over pairs of them (Hanley, McNeil 1982, "The meaning and use of the area
under a receiver operating characteristic (ROC) curve", Radiology 143, 29-36). So what it is without a row, or without a
group of rows, follows from the pairs that these are part of, exactly and without computing it anew; the variance that
this gives is that of DeLong, DeLong, Clarke-Pearson 1988, "Comparing the areas under two or more correlated receiver
operating characteristic curves", Biometrics 44, 837-845.

Letters: N rows, K classes, U units (rows or groups), P areas, of which the score is the mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Areas = Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]]
"""Of each area the rows of the one class, those it is held against, and the probabilities (N,) that order them."""

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


def in_order(areas: Areas) -> Floats:
    """Give of every row and area the number of rows of the other side that it is in order with, (N, P); 0 without."""
    return np.stack([_in_order(*area) for area in areas], axis=1)


def without_units(areas: Areas, unit_N: Ints, count: int) -> tuple[float, Floats]:
    """Give the mean area, and what it is without each unit, (U,).

    An area of which a unit has all rows of one side is left out of the mean without it; NaN where none is left.
    """
    values, without = [], []
    for high_N, low_N, probability_N in areas:
        ordered_N = _in_order(high_N, low_N, probability_N)
        high_U, low_U = (np.bincount(unit_N, side_N, count) for side_N in (high_N, low_N))
        both = np.flatnonzero((high_U > 0) & (low_U > 0))
        # A pair within a unit is taken away with either of its rows, and so once too often.
        sum_U = np.bincount(unit_N, ordered_N, count)
        for unit in both.tolist():
            own_N = np.flatnonzero(unit_N == unit)
            sum_U[unit] -= _in_order(high_N[own_N], low_N[own_N], probability_N[own_N])[high_N[own_N]].sum()
        total, high, low = ordered_N[high_N].sum(), high_N.sum(), low_N.sum()
        values.append(total / (high * low))
        left_U = (high - high_U) * (low - low_U)
        without.append(np.divide(total - sum_U, left_U, out=np.full(count, np.nan), where=left_U > 0))
    without_UP = np.stack(without, axis=1)
    there_UP = ~np.isnan(without_UP)
    sum_U, areas_U = np.where(there_UP, without_UP, 0).sum(axis=1), there_UP.sum(axis=1)
    return float(np.mean(values)), np.divide(sum_U, areas_U, out=np.full(count, np.nan), where=areas_U > 0)


def _in_order(high_N: NDArray[np.bool_], low_N: NDArray[np.bool_], probability_N: Floats) -> Floats:
    """Count for every row the rows of the other side that are in order with it, equal ones half."""
    ordered_N = np.zeros(len(probability_N))
    high, low = np.sort(probability_N[high_N]), np.sort(probability_N[low_N])
    below = np.searchsorted(low, probability_N[high_N], "left") + np.searchsorted(
        low, probability_N[high_N], "right"
    )
    above = np.searchsorted(high, probability_N[low_N], "left") + np.searchsorted(
        high, probability_N[low_N], "right"
    )
    ordered_N[high_N], ordered_N[low_N] = below / 2, len(high) - above / 2
    return ordered_N


def odds(area: Floats) -> Floats:
    """Give the logarithm of the odds of an area, where intervals are drawn."""
    near = np.clip(area, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(near) - np.log1p(-near))


def of_odds(logarithm: Floats) -> Floats:
    """Give the area of the logarithm of its odds."""
    return np.asarray(1 / (1 + np.exp(-logarithm)))
