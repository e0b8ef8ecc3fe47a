"""Every score as a function of means over rows: what can be said of it on other rows follows from that alone.

Letters: N rows, K outputs or classes, M numbers of each row, of which a score takes the means; `...` is any leading
shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution, by_target
from shoal.kinds import row_of
from shoal.results._scores import BINS, bins_of, counted_rows, mean_over_rows

Floats = NDArray[np.float64]


def _same(values: Floats) -> Floats:
    return values


@dataclass(frozen=True)
class RowScore:
    """`rows(y, prediction)` gives M numbers of every row, (N, M); `of_means` makes the score of their means, (..., M).

    `scale` is where the score is nearly a mean itself, so that an interval may be drawn there; `back` leads from
    there to the score. `share` says that it is the share of rows of one kind. `why_none`, where it is not empty, is why
    there is no interval on other rows.
    """

    rows: Callable[[NDArray[Any], Floats], Floats]
    of_means: Callable[[Floats], Floats]
    scale: Callable[[Floats], Floats] = _same
    back: Callable[[Floats], Floats] = _same
    share: bool = False
    positive: bool = False
    why_none: str = ""

    def score(self, y: NDArray[Any], prediction: Floats, weight_N: Floats | None = None) -> float:
        """Give the score of some rows, of which each counts as much as it weighs."""
        weight_N, (y, prediction) = counted_rows(weight_N, y, prediction)
        if not len(y):
            return math.nan
        with np.errstate(over="ignore", invalid="ignore"):  # squares of huge numbers are inf, and so said
            return float(self.of_means(mean_over_rows(self.rows(y, prediction), weight_N)))

    def unlike(self, y: NDArray[Any], first: Floats, second: Floats) -> NDArray[np.bool_]:
        """Tell of every row whether the score sees a difference between two answers, (N,)."""
        return np.asarray((self.rows(y, first) != self.rows(y, second)).any(axis=1))


def row_score(task: str, metric: str, distribution: Distribution | None = None) -> RowScore:
    """Give a score of a task by its name; StudyError for one that is unknown.

    `distribution` is what answers say of a target, where that is more than one number.
    """
    score = row_of("score", _OF_TASK[task], metric)
    if metric != "loss" or distribution is None:
        return score

    def losses(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
        return distribution.losses(y_NK, by_target(answer_NA, y_NK.shape[1]))

    return RowScore(losses, _mean, positive=distribution.positive)


def _error(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    """Give what predictions, the first of the answers, are above the targets."""
    return np.asarray(answer_NA[:, : y_NK.shape[1]] - y_NK, np.float64)


def _square(y: NDArray[Any], answer_NA: Floats) -> Floats:
    return _error(y, answer_NA) ** 2


def _absolute(y: NDArray[Any], answer_NA: Floats) -> Floats:
    return np.abs(_error(y, answer_NA))


def _mean(of_NK: Floats) -> Floats:
    return np.asarray(of_NK.mean(axis=-1))


def _mean_of_roots(square: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(square, 0)).mean(axis=-1))


def _errors_and_spread(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    """Give squared errors, targets and squares of targets, (N, 3 K); targets around their mean, so no digit is lost."""
    centred_NK = y_NK - y_NK.mean(axis=0)
    return np.concatenate((_square(y_NK, answer_NA), centred_NK, centred_NK**2), axis=1)


def _r2(means: Floats) -> Floats:
    square, centre, spread = np.split(means, 3, axis=-1)
    variance = np.maximum(spread - centre**2, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((1 - square / variance).mean(axis=-1))


def _unexplained(r2: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(1 - r2))


def _explained(unexplained: Floats) -> Floats:
    return np.asarray(1 - np.exp(unexplained))


def _right(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    return np.asarray(probability_NK.argmax(axis=1) == y_N, np.float64)[:, None]


def _surprise(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    of_truth_N = np.maximum(probability_NK[np.arange(len(y_N)), y_N], np.finfo(np.float64).tiny)
    return np.asarray(-np.log(of_truth_N), np.float64)[:, None]


def _hits(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """Give for every class whether it is hit, and how often it is true or predicted, (N, 2 K)."""
    classes = np.arange(probability_NK.shape[1])
    true_NK, named_NK = y_N[:, None] == classes, probability_NK.argmax(axis=1)[:, None] == classes
    return np.concatenate((true_NK & named_NK, true_NK.astype(np.float64) + named_NK), axis=1)


def _macro_f1(means: Floats) -> Floats:
    hit, either = np.split(means, 2, axis=-1)
    there = either > 1e-12
    f1 = np.divide(2 * hit, either, out=np.zeros_like(hit), where=there)
    return np.asarray(f1.sum(axis=-1) / np.maximum(there.sum(axis=-1), 1))


def _recalled(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """Give for every class whether it is hit, and whether it is true, (N, 2 K)."""
    classes = np.arange(probability_NK.shape[1])
    true_NK, named_NK = y_N[:, None] == classes, probability_NK.argmax(axis=1)[:, None] == classes
    return np.concatenate((true_NK & named_NK, true_NK), axis=1).astype(np.float64)


def _mean_recall(means: Floats) -> Floats:
    hit, true = np.split(means, 2, axis=-1)
    there = true > 1e-12
    recall = np.divide(hit, true, out=np.zeros_like(hit), where=there)
    return np.asarray(recall.sum(axis=-1) / np.maximum(there.sum(axis=-1), 1))


def _gaps(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """Give, in the bin of a row's confidence, how far that is above what came true, (N, bins)."""
    gap_N = probability_NK.max(axis=1) - (probability_NK.argmax(axis=1) == y_N)
    return np.where(np.arange(BINS) == bins_of(probability_NK)[:, None], gap_N[:, None], 0.0)


def _sum_of_sizes(means: Floats) -> Floats:
    return np.asarray(np.abs(means).sum(axis=-1))


_SQUARED: Final = RowScore(_square, _mean, positive=True)
_OF_TASK: Final[Mapping[str, Mapping[str, RowScore]]] = {
    "regression": {
        "loss": _SQUARED,
        "mse": _SQUARED,
        "rmse": RowScore(_square, _mean_of_roots, np.square, np.sqrt, positive=True),
        "mae": RowScore(_absolute, _mean, positive=True),
        "r2": RowScore(_errors_and_spread, _r2, _unexplained, _explained),
    },
    "classification": {
        "loss": RowScore(_surprise, _mean, positive=True),
        "accuracy": RowScore(_right, _mean, share=True),
        "macro_f1": RowScore(_hits, _macro_f1),
        "balanced_accuracy": RowScore(_recalled, _mean_recall),
        "ece": RowScore(
            _gaps, _sum_of_sizes, why_none="its size depends on the number of rows, also for a perfect model"
        ),
    },
}
