"""What a check of the rows is, and what several of them look at. It needs no training, and numpy alone.

Letters: N rows, D numbers of a row, K targets or classes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from shoal.data._dataset import Column, Dataset
from shoal.data._distinct import codes_of, distinct
from shoal.data._missing import median_of

Floats = NDArray[np.float64]
SIDE: Final = 8
"""Images are looked at by the means of at most so many times so many patches."""
MOST_LEVELS: Final = 20
"""A column of more categories is no input of a distance."""
ROUNDING: Final = 1e-5
"""What is smaller, over the spread of a target, may be rounding: of numbers, of their sums, of 32 bits."""
_PIXELS: Final = 1_000_000
_PERSON: Final = re.compile(
    r"(.*[ _.-])?(patient|subject|person|participant|donor|customer|client|user|animal|specimen|household|student"
    r"|group)s?([ _.-]?(ids?|no|nr|num|number|code|name|key))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class RowCheck:
    """One doubt about rows: `find` gives a clause with what was measured, empty where there is none.

    `find` takes the data set and whether rows are dealt to folds at random. `name` is the key under which a run keeps
    it; `remedy` is a hint in a few words, or gives it where it depends on how the rows were divided.
    """

    name: str
    find: Callable[[Dataset, bool], str]
    remedy: str | Callable[[Dataset, bool], str]

    def hint(self, dataset: Dataset, shuffled: bool) -> str:
        """Say in a few words what to do of these rows."""
        return self.remedy if isinstance(self.remedy, str) else self.remedy(dataset, shuffled)


def with_medians(dataset: Dataset) -> Dataset:
    """Give the same rows for the checks alone, with the median of its column in the place of each missing number."""
    columns = []
    for column in dataset.columns:
        missing_N = column.missing_N
        if not column.categorical and missing_N.any() and not missing_N.all():
            median = median_of(column.values[~missing_N])
            column = replace(column, values=np.where(missing_N, median, column.values))  # noqa: PLW2901
        columns.append(column)
    return replace(dataset, columns=tuple(columns))


@contextmanager
def one_thread() -> Iterator[None]:
    """Let linear algebra have one thread: two that wait for each other take 60 times as long on a busy machine."""
    with threadpool_limits(1):
        yield


def is_identity(name: str) -> bool:
    """Whether a column is called like those who are measured: `patient`, `subject_id`, `UserId`."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return bool(_PERSON.fullmatch(parted))


def vectors(dataset: Dataset, row_N: NDArray[np.int64]) -> Floats:
    """Give the inputs of some rows as numbers of a like size, (N, D): scaled columns, categories, patches."""
    patch_ND = patches(dataset.images, row_N)
    if patch_ND is not None:
        return scaled(patch_ND)
    parts = [np.zeros((len(row_N), 0))]
    for column in dataset.columns:
        value_N = column.values[row_N]
        if not column.categorical:
            parts.append(scaled(value_N[:, None]))
        elif len(level_L := distinct(value_N)) <= MOST_LEVELS:
            parts.append((value_N[:, None] == level_L).astype(np.float64))
    return np.concatenate(parts, axis=1)


def patches(images_NCHW: NDArray[np.uint8] | None, row_R: NDArray[np.int64]) -> Floats | None:
    """Give the mean of every patch of some images, at most 8 x 8 of them in each channel, (R, D); None without any."""
    if images_NCHW is None:
        return None
    _, channels, height, width = images_NCHW.shape
    rows, columns = (np.unique(np.linspace(0, side, SIDE + 1).astype(int))[:-1] for side in (height, width))
    sizes = np.diff([*rows, height])[:, None] * np.diff([*columns, width])
    mean_RCYX = np.empty((len(row_R), channels, *sizes.shape))
    step = max(1, _PIXELS // (channels * height * width))  # few copies at a time
    for start in range(0, len(row_R), step):
        part = images_NCHW[row_R[start : start + step]]
        sums = np.add.reduceat(np.add.reduceat(part, rows, 2, np.float64), columns, 3)
        mean_RCYX[start : start + step] = sums / sizes
    return mean_RCYX.reshape(len(row_R), -1)


def scaled(value_ND: Floats) -> Floats:
    """Bring columns of any size to mean 0 and standard deviation 1; equal values to 0."""
    unit_D = np.abs(value_ND).max(axis=0, initial=0.0)
    part_ND = value_ND / np.where(unit_D > 0, unit_D, 1.0)
    part_ND -= part_ND.mean(axis=0)
    spread_D = part_ND.std(axis=0)
    return np.asarray(part_ND / np.where(spread_D > 1e-12, spread_D, np.inf))


def target_numbers(dataset: Dataset) -> Floats:
    """Give the targets as numbers: scaled, or 1 for the row's class and 0 for the others. (N, K)."""
    if dataset.classes:
        return np.asarray(dataset.targets[:, None] == np.arange(len(dataset.classes)), np.float64)
    return scaled(np.asarray(dataset.targets, np.float64))


def beyond_rounding(left_NK: Floats, target_NK: Floats) -> Floats:
    """Take rounding out of what is left of targets, (N, K): whole steps of `ROUNDING` times the spread of each.

    Of a target that inputs explain exactly, 0 is left in every row; what is equal but for rounding becomes equal.
    """
    step_K = ROUNDING * target_NK.std(axis=0)
    return np.asarray(np.rint(left_NK / np.where(step_K > 0, step_K, np.inf)) * step_K)


def ranks(value_N: Floats) -> Floats:
    """Give the place of each value in their order, from 0, (N,); equal ones get the mean of their places."""
    code_N = codes_of(value_N)
    count_L = np.bincount(code_N)
    return np.asarray((np.cumsum(count_L) - (count_L + 1) / 2)[code_N])


def units(dataset: Dataset) -> NDArray[np.int64]:
    """Number what chance draws, (N,): groups on each side where those of all rows are known, else rows."""
    if dataset.groups is None or dataset.test_groups is None:
        return np.arange(dataset.rows)
    train_N, test_N = codes_of(dataset.groups), codes_of(dataset.test_groups)
    return np.concatenate((train_N, train_N.max(initial=-1) + 1 + test_N))


def is_whole(column: Column) -> bool:
    """Whether a column holds whole numbers alone."""
    return not column.categorical and bool(np.array_equal(column.values, np.rint(column.values)))


def at_most(rows: int, most: int) -> NDArray[np.int64]:
    """Choose at most so many rows, evenly spaced."""
    return distinct(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))


def chance_of_count(count: int, draws: int, share: float) -> float:
    """Bound the chance of so many hits or more in independent draws, each a hit with chance `share` (Chernoff)."""
    seen = count / draws
    if seen <= share or share <= 0:
        return 1.0 if seen <= share else 0.0
    rest = (1 - seen) * math.log((1 - seen) / (1 - share)) if seen < 1 else 0.0
    return math.exp(-draws * (seen * math.log(seen / share) + rest))
