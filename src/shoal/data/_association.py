"""Which input columns go along with each other so closely that what a network learns may rest on either.

Numbers, dates and ordered categories: Spearman's rank correlation (1904, The American Journal of Psychology 15,
72-101), its sign left out; categories and numbers: the correlation ratio of ranks; two columns of categories: Cramér's
V (both corrected for chance: Kelley 1935, PNAS 21, 554-559; Bergsma 2013, Journal of the Korean Statistical Society 42,
323-328). Columns are put together by average linkage (Sokal, Michener 1958) of 1 less that, and apart from `APART` on.

Letters: N rows, S columns, L levels of a column of categories.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column

APART: Final = 0.3
"""Groups of columns are put together whose mean association is above 1 less this."""
_ROWS: Final = 5000
Floats = NDArray[np.float64]


def grouped_columns(
    columns: Sequence[Column], rows: NDArray[np.int64], most: int
) -> tuple[tuple[int, ...], ...]:
    """Give the groups of two columns or more, by their places, largest first; of many rows `_ROWS` evenly spaced.

    Of more than `most` columns, whose pairs are many, there are none.
    """
    if not 1 < len(columns) <= most or len(rows) < 3:
        return ()
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _ROWS)).round().astype(np.int64))]
    distance_SS = 1 - associations(columns, rows)
    np.fill_diagonal(distance_SS, 0.0)
    tree = linkage(squareform(distance_SS, checks=False), "average")
    number_S = fcluster(tree, APART, "distance").tolist()
    groups: dict[int, list[int]] = {}
    for place, number in enumerate(number_S):
        groups.setdefault(number, []).append(place)
    several = [tuple(group) for group in groups.values() if len(group) > 1]
    return tuple(sorted(several, key=lambda group: (-len(group), group)))


def associations(columns: Sequence[Column], rows: NDArray[np.int64]) -> Floats:
    """Give how closely each column goes along with each other one in some rows, (S, S), from 0 to 1; 0 of constants."""
    codes = {place: column.codes[1][rows] for place, column in enumerate(columns) if _unordered(column)}
    ranks = {
        place: _ranks(_numbers(column, rows)) for place, column in enumerate(columns) if place not in codes
    }
    result_SS = np.eye(len(columns))
    for first in range(len(columns)):
        for second in range(first):
            pair = sorted((first, second), key=lambda place: place not in codes)
            if pair[1] in codes:
                value = _cramer(codes[pair[0]], codes[pair[1]])
            elif pair[0] in codes:
                value = _ratio(codes[pair[0]], ranks[pair[1]])
            else:
                value = abs(float(ranks[first] @ ranks[second]))
            result_SS[first, second] = result_SS[second, first] = min(1.0, value)
    return result_SS


def _unordered(column: Column) -> bool:
    return column.takes == "categories" and not column.order


def _numbers(column: Column, rows: NDArray[np.int64]) -> Floats:
    """Give numbers as they are, and places in an order; NaN for what is missing."""
    if not column.order:
        return np.asarray(column.values[rows], np.float64)
    place = {text: float(number) for number, text in enumerate(column.order)}
    return np.array([place.get(text, math.nan) for text in column.values[rows].tolist()])


def _ranks(value_N: Floats) -> Floats:
    """Give ranks, the mean of equal ones, around 0 and of length 1; missing values are in the middle, constants 0."""
    known_N = ~np.isnan(value_N)
    _, place_N, count_L = np.unique(value_N[known_N], return_inverse=True, return_counts=True)
    rank_N = np.zeros(len(value_N))
    rank_N[known_N] = (np.cumsum(count_L) - (count_L - 1) / 2)[place_N]
    rank_N[known_N] -= rank_N[known_N].mean() if known_N.any() else 0.0
    length = float(np.sqrt((rank_N**2).sum()))
    return rank_N / length if length > 0 else rank_N


def _ratio(code_N: NDArray[np.int64], rank_N: Floats) -> float:
    """Give the square root of the share of variance of ranks between categories, less what chance would give."""
    count_L = np.bincount(code_N).astype(np.float64)
    rows, levels = len(code_N), int((count_L > 0).sum())
    if levels < 2 or rows <= levels or not rank_N.any():
        return 0.0
    sum_L = np.bincount(code_N, rank_N)
    between = float((sum_L[count_L > 0] ** 2 / count_L[count_L > 0]).sum())
    return math.sqrt(max(0.0, 1 - (1 - between) * (rows - 1) / (rows - levels)))


def _cramer(first_N: NDArray[np.int64], second_N: NDArray[np.int64]) -> float:
    """Give Cramér's V less what chance would give."""
    rows = len(first_N)
    first_N, second_N = (np.unique(codes, return_inverse=True)[1] for codes in (first_N, second_N))
    high, wide = int(first_N.max()) + 1, int(second_N.max()) + 1
    if min(high, wide) < 2:
        return 0.0
    cells, count = np.unique(first_N * wide + second_N, return_counts=True)
    expected = np.bincount(first_N)[cells // wide] * np.bincount(second_N)[cells % wide] / rows
    phi = max(0.0, float((count**2 / expected).sum()) / rows - 1 - (high - 1) * (wide - 1) / (rows - 1))
    high_, wide_ = (levels - (levels - 1) ** 2 / (rows - 1) for levels in (high, wide))
    least = min(high_, wide_) - 1
    return math.sqrt(phi / least) if least > 0 else 0.0
