"""Whether test rows are nearly equal to training rows.

Letters: R rows looked at, N training rows and V test rows among them, D numbers of a row, J nearest rows.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset
from shoal.data._distinct import distinct
from shoal.data._missing import median_of
from shoal.data._row_check import (
    Floats,
    RowCheck,
    at_most,
    chance_of_count,
    patches,
    scaled,
)
from shoal.data._row_order import neighbours_alike
from shoal.wording import counted

MOST_TEST: Final = 500
"""Test rows that are looked at at most, evenly spaced: what the check costs is bounded."""
MOST_TRAINING: Final = 50_000
"""The same of training rows."""
MOST_NUMBERS: Final = 64
"""Columns that are looked at at most, the first ones."""
NEIGHBOURS: Final = 10
FEWEST: Final = 40
"""Training rows from which it can be said what is near."""
NEARNESS: Final = (0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Distances to the nearest row, over that to the tenth nearest, below which rows are counted."""
LEVEL: Final = 1e-4
_BLOCK: Final = 1_000_000
_BLOCKS: Final = 500


def near_duplicates(dataset: Dataset, _shuffled: bool) -> str:
    """Count the test rows that lie far nearer to a training row than rows of these data lie to each other.

    Where rows lie as they come, the share of those whose nearest training row is r times as near as the tenth nearest
    is 1 - (1 - r^d)^9 in d dimensions (Facco et al. 2017), d from the fifth and the tenth. Columns of few values have
    to be equal.
    """
    n, m = dataset.train_rows, dataset.rows - dataset.train_rows
    if n < FEWEST or m == 0:
        return ""
    train_N, test_V = at_most(n, MOST_TRAINING), n + at_most(m, MOST_TEST)
    place_RD, others = _places(dataset, np.concatenate((train_N, test_V)))
    if place_RD.shape[1] == 0:
        return ""
    known = len(train_N)
    distance_VJ, nearest_V = _nearest(place_RD[known:], place_RD[:known])
    known_V = np.isfinite(distance_VJ).all(axis=1)
    if known_V.sum() < 2:
        return ""
    distance_VJ, nearest_V = distance_VJ[known_V], nearest_V[known_V]
    ratio_V = distance_VJ[:, 0] / distance_VJ[:, -1]
    equal_V = np.ones(len(ratio_V), np.bool_)
    for value_R in others:
        equal_V &= _equal(value_R[known:][known_V], value_R[nearest_V])
    middle = median_of(np.log(distance_VJ[:, 4] / distance_VJ[:, -1]))
    dimensions = math.log(0.5) / min(middle, -1e-9)
    looked = len(ratio_V)
    clauses = []
    for nearness in NEARNESS:
        count = int((equal_V & (ratio_V < nearness)).sum())
        expected = 1 - (1 - nearness**dimensions) ** (NEIGHBOURS - 1)
        chance = chance_of_count(count, looked, expected)
        if count >= max(2, 0.01 * looked, 3 * expected * looked) and chance < LEVEL / len(NEARNESS):
            clauses.append((chance, _clause(count, looked, nearness, expected * looked)))
    # In a series the nearest rows are those before and after, and no copies.
    return min(clauses)[1] if clauses and neighbours_alike(dataset) is None else ""


def _places(dataset: Dataset, row_R: NDArray[np.int64]) -> tuple[Floats, list[NDArray[Any]]]:
    """Give the numbers of some rows that are different in most of them, (R, D), and the values of all else, (R,)."""
    patch_RD = patches(dataset.images, row_R)
    if patch_RD is not None:
        return scaled(patch_RD[:, :MOST_NUMBERS]), [dataset.targets[row_R]]
    numbers = [column.values[row_R] for column in dataset.columns if not column.categorical]
    rest = [column.values[row_R] for column in dataset.columns if column.categorical]
    if dataset.classes:
        rest.append(dataset.targets[row_R])
    else:
        numbers += list(dataset.targets[row_R].T)
    many = [len(distinct(value_R)) > len(row_R) / 2 for value_R in numbers]
    rest += [value_R for value_R, is_many in zip(numbers, many, strict=True) if not is_many]
    places = [value_R for value_R, is_many in zip(numbers, many, strict=True) if is_many][:MOST_NUMBERS]
    return scaled(np.stack(places, axis=1)) if places else np.zeros((len(row_R), 0)), rest


def _equal(left_V: NDArray[Any], right_V: NDArray[Any]) -> NDArray[np.bool_]:
    """Say where values are equal, of which two that are missing are."""
    equal_V = np.asarray(left_V == right_V, np.bool_)
    return equal_V | (np.isnan(left_V) & np.isnan(right_V)) if left_V.dtype.kind == "f" else equal_V


def _nearest(test_VD: Floats, train_ND: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Give the distances to the nearest training rows that differ, (V, J), inf for none, and the nearest row, (V,)."""
    step = max(1, _BLOCK // len(train_ND))
    distances, nearest = [], []
    short_ND = train_ND.astype(np.float32)  # which rows are near; how far they are is worked out in 64 bits
    square_N = (short_ND**2).sum(axis=1)
    few = min(len(train_ND), 4 * NEIGHBOURS)
    for start in range(0, len(test_VD), step):
        part_VD = test_VD[start : start + step]
        square_VN = (-2 * part_VD).astype(np.float32) @ short_ND.T
        square_VN += square_N  # less what is the same for all of a test row
        first_VJ = _least(square_VN, few)
        exact_VJ = np.sqrt(((part_VD[:, None] - train_ND[first_VJ]) ** 2).sum(axis=2))
        exact_VJ[exact_VJ == 0] = np.inf  # equal rows are another matter
        order_VJ = np.argsort(exact_VJ, axis=1)[:, :NEIGHBOURS]
        distances.append(np.take_along_axis(exact_VJ, order_VJ, axis=1))
        nearest.append(np.take_along_axis(first_VJ, order_VJ[:, :1], axis=1)[:, 0])
    return np.concatenate(distances), np.concatenate(nearest)


def _least(value_VN: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Give the places of the least numbers of each row, (V, count): they lie in the blocks with the least minima."""
    width = value_VN.shape[1]
    starts = np.arange(0, width, max(1, width // _BLOCKS))
    if len(starts) <= 2 * count:
        return np.argpartition(value_VN, count - 1, axis=1)[:, :count]
    least_VB = np.minimum.reduceat(value_VN, starts, axis=1)
    block_VJ = np.argpartition(least_VB, count - 1, axis=1)[:, :count]
    size = int(np.diff(starts).max())
    place_VM = (starts[block_VJ][:, :, None] + np.arange(size)).reshape(len(value_VN), -1)
    inside_VM = np.where(
        place_VM < width, np.take_along_axis(value_VN, np.minimum(place_VM, width - 1), axis=1), np.inf
    )
    order_VJ = np.argpartition(inside_VM, count - 1, axis=1)[:, :count]
    return np.take_along_axis(place_VM, order_VJ, axis=1)


def _clause(count: int, looked: int, nearness: float, expected: float) -> str:
    few = f"{expected:.1f}" if expected >= 0.05 else "none"
    return (
        f"{count:,} of {counted(looked, 'test row')} looked at {'lies' if count == 1 else 'lie'} less than"
        f" {nearness:g} times as far from the nearest training row that differs as from the {NEIGHBOURS}th nearest,"
        f" where {few} would be expected"
    )


CHECK: Final = RowCheck(
    "near-duplicates", near_duplicates, "keep copies of a row on one side, by data.groups"
)
