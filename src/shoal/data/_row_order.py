"""How far rows are like the next ones, beside what their inputs say: a thing that wanders while it is measured.

Letters: N rows, B some of them, D numbers of a row, J nearest rows, K targets or classes.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from shoal.data._dataset import Dataset
from shoal.data._row_check import Floats, beyond_rounding, target_numbers, vectors

FEWEST: Final = 40
"""Training rows from which something is said."""
MOST: Final = 2_000
"""Training rows that are looked at at most, those in the middle: what the check costs is bounded."""
NEIGHBOURS: Final = 10
LEVEL: Final = 4.0
"""Standard errors by which the correlation has to lie above 0."""
CORRELATION: Final = 0.1
_AT_ONCE: Final = 100
"""Rows whose distances to all others are held together."""


def neighbours_alike(dataset: Dataset) -> tuple[float, float] | None:
    """Give the correlation of what the inputs leave of the target in each training row with that of the next row.

    Beside it what chance brings at most. None where it is no higher, where rows are merely sorted by the target, or
    where groups say what belongs together.
    """
    rows = dataset.train_rows
    if rows < FEWEST or dataset.groups is not None or _is_sorted(dataset):
        return None
    row_N = np.arange(rows)[max(0, (rows - MOST) // 2) :][:MOST]
    left_NK = _residuals(vectors(dataset, row_N), target_numbers(dataset)[row_N])
    square, by_chance = float((left_NK**2).sum()), LEVEL / math.sqrt(len(left_NK))
    if square <= 0:
        return None
    correlation = float((left_NK[1:] * left_NK[:-1]).sum()) / square
    return (correlation, by_chance) if correlation >= max(CORRELATION, by_chance) else None


def _is_sorted(dataset: Dataset) -> bool:
    """Whether the rows are merely sorted by the target, or stand class by class."""
    target_NK = dataset.targets[: dataset.train_rows].reshape(dataset.train_rows, -1).astype(np.float64)
    if dataset.classes:
        return int((np.diff(target_NK[:, 0]) != 0).sum()) < 2 * len(dataset.classes)
    return any(
        (step_N >= 0).all() or (step_N <= 0).all()
        for step_N in (np.sign(np.diff(target_N)) for target_N in target_NK.T)
    )


def _residuals(place_ND: Floats, target_NK: Floats) -> Floats:
    """Take out of the target what a line in the inputs explains, then the mean of the nearest rows."""
    rows, count = place_ND.shape
    left_NK = np.asarray(target_NK - target_NK.mean(axis=0))
    if count == 0:
        return left_NK
    if count < rows / 4:
        line_ND = place_ND - place_ND.mean(axis=0)
        left_NK = left_NK - line_ND @ np.linalg.lstsq(line_ND, left_NK, rcond=None)[0]
    square_N = (place_ND**2).sum(axis=1)
    product_NN = 2 * place_ND @ place_ND.T
    near_NJ = np.empty((rows, min(NEIGHBOURS, rows)), np.int64)
    for start in range(0, rows, _AT_ONCE):
        row_B = np.arange(start, min(start + _AT_ONCE, rows))
        distance_BN = square_N[row_B, None] + square_N
        distance_BN -= product_NN[row_B]
        distance_BN[row_B - start, row_B] = np.inf
        near_NJ[row_B] = np.argpartition(distance_BN, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    left_NK = left_NK - left_NK[near_NJ].mean(axis=1)
    return beyond_rounding(left_NK - left_NK.mean(axis=0), target_NK)
