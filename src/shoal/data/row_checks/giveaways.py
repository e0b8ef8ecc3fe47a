"""Whether one input alone gives the target away.

Letters: N rows, K targets or classes, L values.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column, Dataset
from shoal.data._distinct import codes_of
from shoal.data._row_check import Floats, RowCheck, at_most, target_numbers
from shoal.wording import first_few, quoted, rounded

MOST_ROWS: Final = 2_000
"""Rows that are looked at at most, evenly spaced: what the check costs is bounded."""
MOST_COLUMNS: Final = 1_000
"""Where there are more, nothing is said."""
FEWEST: Final = 30
"""Rows from which something is said."""
ALL: Final = 0.03
"""Error of an input alone, over that of the best constant, up to which it tells the target nearly perfectly."""
OTHERS: Final = 0.2
"""Error of every other input alone from which the first is far better than all."""


def giveaways(dataset: Dataset, _shuffled: bool) -> str:
    """Name a target's one input that alone predicts it nearly perfectly, where no other input comes near.

    Each row is predicted from the rows beside it in the order of that input, itself left out.
    """
    if not 2 <= len(dataset.columns) <= MOST_COLUMNS:
        return ""
    row_R = at_most(dataset.rows, MOST_ROWS)
    if len(row_R) < FEWEST:
        return ""
    target_NK = target_numbers(dataset)[row_R]
    names = ["the class"] if dataset.classes else [f"target {quoted(name)}" for name in dataset.target_names]
    error, constant = "squared error is", "that of always answering the mean"
    if dataset.classes:
        error, constant = "mistakes are", "those of always answering the most frequent class"
    error_DK = np.array([
        _errors(column, row_R, target_NK, classes=bool(dataset.classes)) for column in dataset.columns
    ])  # fmt: skip
    clauses = []
    for name, error_D in zip(names, error_DK.T, strict=True):
        best, second = np.argsort(error_D, kind="stable")[:2]
        if error_D[best] <= ALL and error_D[second] >= OTHERS:
            clauses.append(
                f"input {quoted(dataset.columns[best].name)} alone predicts {name} nearly perfectly: its {error}"
                f" {_percent(error_D[best])} of {constant} (with the next best"
                f" input, {_percent(error_D[second])})"
            )
    return first_few(clauses, 4, joint=", and ")


def _percent(share: float) -> str:
    return f"{rounded(100 * share, 2)} %"


def _errors(column: Column, row_R: NDArray[np.int64], target_NK: Floats, *, classes: bool) -> Floats:
    """Give the error of each target, (K,), or of the class, (1,), by one column, over that of the best constant."""
    code_N = codes_of(column.values[row_R])
    guess_NK = _left_out(code_N, target_NK, ordered=not column.categorical)
    if classes:
        constant = 1 - float(target_NK.mean(axis=0).max())
        wrong = float((guess_NK.argmax(axis=1) != target_NK.argmax(axis=1)).mean())
        return np.array([wrong / constant if constant > 0 else 1.0])
    spread_K = ((target_NK - target_NK.mean(axis=0)) ** 2).mean(axis=0)
    error_K = ((target_NK - guess_NK) ** 2).mean(axis=0)
    return np.asarray(np.divide(error_K, spread_K, out=np.ones_like(error_K), where=spread_K > 0))


def _left_out(code_N: NDArray[np.int64], target_NK: Floats, *, ordered: bool) -> Floats:
    """Predict every row from others: those of equal value, and for numbers of the two values below and above."""
    count_L = np.bincount(code_N).astype(np.float64)
    sum_LK = np.stack([np.bincount(code_N, target_N) for target_N in target_NK.T], axis=1)
    mates_N = count_L[code_N] - 1
    from_mates_NK = (sum_LK[code_N] - target_NK) / np.maximum(mates_N, 1)[:, None]
    beside_LK: Floats = np.zeros(sum_LK.shape)
    weight_L: Floats = np.zeros(count_L.shape)
    for step in (1, 2) if ordered else ():
        mean_LK: Floats = sum_LK / count_L[:, None] / step
        beside_LK[step:] += mean_LK[:-step]
        beside_LK[:-step] += mean_LK[step:]
        weight_L[step:] += 1 / step
        weight_L[:-step] += 1 / step
    nothing_LK = np.broadcast_to(target_NK.mean(axis=0), sum_LK.shape)
    from_beside_LK = np.where(
        weight_L[:, None] > 0, beside_LK / np.maximum(weight_L, 1e-9)[:, None], nothing_LK
    )
    return np.where(mates_N[:, None] >= 1, from_mates_NK, from_beside_LK[code_N])


CHECK: Final = RowCheck("giveaways", giveaways, "data.ignore can leave it out")
