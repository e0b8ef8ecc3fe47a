"""How sure one prediction is: intervals and sets of classes from networks that did not see all rows, and a temperature.

Every fold's network has a score of each row that it did not learn from: the absolute residual, or the probability of
the true class. They are kept in ascending order, so that nothing hangs on which row came first.
Letters: F folds, N new rows, V rows held out, S scores of a row, K targets or classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import InputError

Floats = NDArray[np.float64]

LEAST_COVERAGE: Final = 0.5
"""Below it nothing is guaranteed of the intervals, whose ends may cross."""
COLDEST: Final = 0.1
HOTTEST: Final = 100.0
"""Bounds of the temperature, which has no end where all rows held out are right."""

_AT_ONCE: Final = 4_000_000
_HALVINGS: Final = 60
_SMALLEST: Final = float(np.finfo(np.float64).tiny)


def residuals(y_VK: Floats, answer_VK: Floats) -> Floats:
    """Give the absolute residuals of rows held out, (K, V), of every target in ascending order."""
    return np.sort(np.abs(y_VK - answer_VK).T, axis=1)


def conformities(y_V: NDArray[np.int64], probability_VK: Floats) -> Floats:
    """Give the probabilities of the true classes of rows held out, (1, V), in ascending order."""
    return np.sort(probability_VK[np.arange(len(y_V)), y_V])[None]


def rank_at(coverage: object, rows: int) -> int:
    """Give which of the ordered scores of so many rows ends an interval: ceil(coverage * (rows + 1)).

    Raises InputError for a coverage that is no share from 0.5 on, or above what so many rows can tell.
    """
    share = float(coverage) if isinstance(coverage, Real) and not isinstance(coverage, bool) else math.nan
    if not LEAST_COVERAGE <= share < 1:
        what = f"expected a share from {LEAST_COVERAGE} on and below 1"
        raise InputError(
            f"coverage: {what}, got {coverage!r}" if len(repr(coverage)) < 60 else f"coverage: {what}"
        )
    rank = math.ceil(round(share * (rows + 1), 9))
    if rank > rows:
        most = math.floor(1000 * rows / (rows + 1)) / 1000
        raise InputError(f"coverage: expected at most {most:g} of {rows:,} rows held out, got {share:g}")
    return rank


def guaranteed_coverage(coverage: float, folds: int, rows: int) -> float:
    """Give the least coverage of new rows that is proven of folds of one size, on average over training rows.

    Theorem 4 of Barber and others 2021; of sets of classes, theorem 3 of Romano and others 2020 is the same.
    """
    less = min(2 * (1 - 1 / folds) / (rows / folds + 1), (1 - folds / rows) / (folds + 1))
    return max(0.0, 1 - 2 * (1 - coverage) - less)


def cv_plus(answers: Sequence[Floats], scores: Sequence[Floats], coverage: float) -> Floats:
    """Give the intervals of new rows, float64 (N, K, 2), each target by itself.

    `answers` are those of every fold's network, (N, K); `scores` the residuals of the rows that it held out, (K, V).
    CV+: Barber, Candès, Ramdas, Tibshirani 2021, "Predictive inference with the jackknife+", Annals of Statistics 49,
    486-507. Raises InputError as `rank_at` does.
    """
    answer_FNK, reach_KV = np.stack(answers), np.concatenate(scores, axis=1)
    targets, rows = reach_KV.shape
    rank = rank_at(coverage, rows)
    fold_V = np.repeat(np.arange(len(scores)), [score_KV.shape[1] for score_KV in scores])
    ends_NK2 = np.empty((*answer_FNK.shape[1:], 2))
    step = max(1, _AT_ONCE // rows)
    for k in range(targets):
        for start in range(0, len(ends_NK2), step):
            part = slice(start, start + step)
            middle_NV = answer_FNK[:, part, k].T[:, fold_V]
            low_NV, high_NV = middle_NV - reach_KV[k], middle_NV + reach_KV[k]
            ends_NK2[part, k, 0] = np.partition(low_NV, rows - rank, axis=1)[:, rows - rank]
            ends_NK2[part, k, 1] = np.partition(high_NV, rank - 1, axis=1)[:, rank - 1]
    return ends_NK2


def class_sets(
    probabilities: Iterable[Floats], scores: Sequence[Floats], coverage: float
) -> NDArray[np.bool_]:
    """Give the sets of classes of new rows, bool (N, K): those whose probability is not among the lowest.

    `probabilities` are those of every fold's network, (N, K), taken one after the other; `scores` the probabilities of
    the true classes of the rows that it held out, (1, V). A class is in the set where more than a share of
    1 - coverage of these, and of the class's own, are no higher. A set may be empty, where no class is likely.
    CV+ for classification (Romano, Sesia, Candès 2020, "Classification with valid and adaptive coverage", NeurIPS 33)
    with the score of Sadinle, Lei, Wasserman 2019, "Least ambiguous set-valued classifiers with bounded error levels",
    JASA 114, 223-234; equally the cross-conformal predictor of Vovk 2015. Raises InputError as `rank_at` does.
    """
    rows = sum(score_KV.shape[1] for score_KV in scores)
    rank = rank_at(coverage, rows)
    lower: Any = 0
    for probability_NK, score_KV in zip(probabilities, scores, strict=True):
        lower = lower + np.searchsorted(score_KV[0], probability_NK, side="right")
    return np.asarray(lower > rows - rank)


def temperature_of(y_V: NDArray[np.int64], probability_VK: Floats) -> float:
    """Give the temperature by which probabilities of rows held out have the least cross-entropy.

    Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks", ICML. Found by halving: the
    cross-entropy is convex in one over the temperature. Between 0.1 and 100.
    """
    log_VK = np.log(np.maximum(probability_VK, _SMALLEST))
    own_V = log_VK[np.arange(len(y_V)), y_V]

    def rises(inverse: float) -> bool:
        power_VK = np.exp(inverse * (log_VK - log_VK.max(axis=1, keepdims=True)))
        expected_V = (power_VK * log_VK).sum(axis=1) / power_VK.sum(axis=1)
        return bool((expected_V - own_V).sum() > 0)

    low, high = 1 / HOTTEST, 1 / COLDEST
    if rises(low):
        return HOTTEST
    if not rises(high):
        return COLDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) else (middle, high)
    return 2 / (low + high)


def tempered(probability_NK: Floats, temperature: float) -> Floats:
    """Give probabilities at a temperature, (N, K), in the same order; above 1 they are nearer each other."""
    log_NK = np.log(np.maximum(probability_NK, _SMALLEST))
    power_NK = np.exp((log_NK - log_NK.max(axis=1, keepdims=True, initial=-np.inf)) / temperature)
    return np.asarray(power_NK / power_NK.sum(axis=1, keepdims=True))
