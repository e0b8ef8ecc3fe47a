"""Every score as a function of means over rows: what can be said of it on other rows follows from that alone.

Letters: N rows, K outputs or classes, M numbers of each row, of which a score takes the means; `...` is any leading
shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution, Quantiles, by_target
from shoal.elementary import exp, log, log1p
from shoal.kinds import row_of
from shoal.results._hits import LABEL_SCORES, NOTHING, OfHits, f1, precision, recall
from shoal.results._pair_scores import Areas, of_each, of_number, of_pairs, of_second, precision_without
from shoal.results._peer_scores import peer_score
from shoal.results._record import Truth
from shoal.results._row_score import RANKS, Floats, RowScore, mean_of_numbers, of_areas
from shoal.results._scores import BINS, bins_of
from shoal.scores import SCORES


def row_score(
    task: str, metric: str, distribution: Distribution | None = None, positive: int = 1
) -> RowScore:
    """Give a score of a task by its name; StudyError for one that is unknown.

    `distribution` is what answers say of a target, where that is more than one number; `positive` is the number of the
    positive one of two classes.
    """
    score = row_of("score", _OF_TASK[task], metric)
    if metric in _OF_POSITIVE:
        score = _of_counts(partial(_of_class, positive, _OF_POSITIVE[metric]))
    if metric == "average_precision" and task == "classification":
        score = _of_precision(positive)
    if SCORES[metric].peer:
        return replace(score, whole=partial(peer_score, metric, positive=positive))
    if metric != "loss" or distribution is None:
        return score

    def losses(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
        return distribution.losses(y_NK, by_target(answer_NA, y_NK.shape[1]))

    return RowScore(losses, mean_of_numbers, positive=distribution.positive)


def score_on(truth: Truth, metric: str, distribution: Distribution | None = None) -> RowScore:
    """Give a score of the rows of a run by its name; see `row_score`."""
    return row_score(truth.task, metric, distribution, truth.positive)


def _error(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    """Give what predictions, the first of the answers, are above the targets."""
    return np.asarray(answer_NA[:, : y_NK.shape[1]] - y_NK, np.float64)


def _square(y: NDArray[Any], answer_NA: Floats) -> Floats:
    return _error(y, answer_NA) ** 2


def _absolute(y: NDArray[Any], answer_NA: Floats) -> Floats:
    return np.abs(_error(y, answer_NA))


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
        return np.asarray(log(1 - r2))


def _explained(unexplained: Floats) -> Floats:
    return np.asarray(1 - exp(unexplained))


def _right(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    return np.asarray(probability_NK.argmax(axis=1) == y_N, np.float64)[:, None]


def _surprise(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    of_truth_N = np.maximum(probability_NK[np.arange(len(y_N)), y_N], np.finfo(np.float64).tiny)
    return np.asarray(-log(of_truth_N), np.float64)[:, None]


def _counts(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """Give for every class whether it is hit, whether it is true and whether it is predicted, (N, 3 K)."""
    classes = np.arange(probability_NK.shape[1])
    true_NK, named_NK = y_N[:, None] == classes, probability_NK.argmax(axis=1)[:, None] == classes
    return np.concatenate((true_NK & named_NK, true_NK, named_NK), axis=1).astype(np.float64)


def _of_seen(of: OfHits, means: Floats) -> Floats:
    """The mean over classes that are true or predicted."""
    hit, true, named = np.split(means, 3, axis=-1)
    seen = true + named > NOTHING
    return np.asarray((of(hit, true, named) * seen).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1))


def _of_true(of: OfHits, means: Floats) -> Floats:
    """The mean over classes that are true."""
    hit, true, named = np.split(means, 3, axis=-1)
    there = true > NOTHING
    return np.asarray((of(hit, true, named) * there).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1))


def _weighted(of: OfHits, means: Floats) -> Floats:
    """The mean over rows of what their true classes have."""
    hit, true, named = np.split(means, 3, axis=-1)
    return np.asarray((of(hit, true, named) * true).sum(axis=-1) / true.sum(axis=-1))


def _of_class(number: int, of: OfHits, means: Floats) -> Floats:
    """What a class has."""
    return np.asarray(of(*np.split(means, 3, axis=-1))[..., number])


def _correlation(means: Floats) -> Floats:
    """Matthews' correlation of true and predicted classes; 0 where one of them never varies."""
    hit, true, named = np.split(means, 3, axis=-1)
    both = hit.sum(axis=-1) - (true * named).sum(axis=-1)
    square = (1 - (true**2).sum(axis=-1)) * (1 - (named**2).sum(axis=-1))
    root = np.sqrt(np.maximum(square, 0))
    return np.asarray(np.divide(both, root, out=np.zeros_like(both), where=root > NOTHING))


def _gaps(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """Give, in the bin of a row's confidence, how far that is above what came true, (N, bins)."""
    gap_N = probability_NK.max(axis=1) - (probability_NK.argmax(axis=1) == y_N)
    return np.where(np.arange(BINS) == bins_of(probability_NK)[:, None], gap_N[:, None], 0.0)


def _sum_of_sizes(means: Floats) -> Floats:
    return np.asarray(np.abs(means).sum(axis=-1))


def _clipped_surprise(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """As scikit-learn has it: of probabilities that are no nearer to 0 and 1 than float64 tells numbers apart there."""
    eps = np.finfo(np.float64).eps
    of_truth_N = np.clip(probability_NK[np.arange(len(y_N)), y_N], eps, 1 - eps)
    return np.asarray(-log(of_truth_N), np.float64)[:, None]


def _brier(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """Of two classes half of the sum over classes."""
    true_NK = y_N[:, None] == np.arange(probability_NK.shape[1])
    sum_N = ((probability_NK - true_NK) ** 2).sum(axis=1)
    return np.asarray(sum_N / (2 if probability_NK.shape[1] == 2 else 1))[:, None]


def _among_two(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
    """Whether the true class is one of the two most probable ones, of equal ones the last."""
    best_N2 = np.argsort(probability_NK, axis=1, kind="stable")[:, ::-1][:, :2]
    return np.asarray((best_N2 == y_N[:, None]).any(axis=1), np.float64)[:, None]


def _predicted(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    return np.asarray(answer_NA[:, : y_NK.shape[1]], np.float64)


def _relative(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    return np.asarray(_absolute(y_NK, answer_NA) / np.maximum(np.abs(y_NK), np.finfo(np.float64).eps))


def _around_0(y_NK: NDArray[Any]) -> str:
    """Say that targets come as near to 0 as one likes, so that the mean of errors over targets has no bound."""
    if not (len(y_NK) and ((y_NK.min(axis=0) <= 0) & (y_NK.max(axis=0) >= 0)).any()):
        return ""
    return "targets lie on both sides of 0, or are 0, where a relative error has no bound"


def _square_of_logarithms(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    return np.asarray((log1p(_predicted(y_NK, answer_NA)) - log1p(y_NK)) ** 2)


def _poisson(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    mean_NK = _predicted(y_NK, answer_NA)
    some_NK = np.where(y_NK != 0, y_NK / mean_NK, 1.0)  # nothing times the logarithm of nothing is 0
    return np.asarray(2 * (y_NK * log(some_NK) - y_NK + mean_NK))


def _gamma(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    mean_NK = _predicted(y_NK, answer_NA)
    return np.asarray(2 * (log(mean_NK / y_NK) + y_NK / mean_NK - 1))


def _error_and_spread(y_NK: NDArray[Any], answer_NA: Floats) -> Floats:
    """Give errors, their squares, targets around their mean, and squares of these, (N, 4 K)."""
    error_NK, centred_NK = _error(y_NK, answer_NA), y_NK - y_NK.mean(axis=0)
    return np.concatenate((error_NK, error_NK**2, centred_NK, centred_NK**2), axis=1)


def _explained_variance(means: Floats) -> Floats:
    error, square, centre, spread = np.split(means, 4, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((1 - (square - error**2) / np.maximum(spread - centre**2, 0)).mean(axis=-1))


def _absolute_and_spread(y_NK: NDArray[Any], answer_NA: Floats, weight_N: Floats | None = None) -> Floats:
    """Give the sizes of errors, and of deviations from the median, where one row more moves their mean least."""
    middle_K = np.median(y_NK, axis=0)
    if weight_N is not None:
        middle_K = Quantiles((0.5,)).constant(y_NK, weight_N)[:, 0]
    return np.concatenate((_absolute(y_NK, answer_NA), np.abs(y_NK - middle_K)), axis=1)


def _d2(means: Floats) -> Floats:
    error, spread = np.split(means, 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((1 - error / spread).mean(axis=-1))


def _negated(score: RowScore) -> RowScore:
    """The same with its sign turned round; an interval is drawn where the score itself would have it."""
    return replace(
        score,
        of_means=lambda means: -score.of_means(means),
        scale=lambda value: score.scale(-value),
        back=lambda scaled: -score.back(scaled),
    )


def _of_precision(positive: int) -> RowScore:
    """Of two classes that of the positive one; of more, the mean of each against the rest."""

    def areas(y_N: NDArray[Any], probability_NK: Floats) -> Areas:
        return of_number(positive, y_N, probability_NK)

    return replace(
        of_areas(areas),
        without=lambda y_N, probability_NK, unit_N, weight_N: precision_without(
            areas(y_N, probability_NK), unit_N, weight_N
        ),
        needs=FEWEST_ORDERED,
        of=positive,
    )


def _of_counts(of: Callable[[Floats], Floats]) -> RowScore:
    return RowScore(_counts, of)


FEWEST_ORDERED: Final = 20
"""Rows of a class from which the interval of average precision holds it: with 10 to 15 it did in 82 to 86 %."""
_SQUARED: Final = RowScore(_square, mean_of_numbers, positive=True)
_ABSOLUTE: Final = RowScore(_absolute, mean_of_numbers, positive=True)
_ROOT: Final = RowScore(_square, _mean_of_roots, np.square, np.sqrt, positive=True)
_LOGARITHMS: Final = RowScore(_square_of_logarithms, mean_of_numbers, positive=True)
_RIGHT: Final = RowScore(_right, mean_of_numbers, share=True)
_D2: Final = RowScore(_absolute_and_spread, _d2, _unexplained, _explained, weighted=_absolute_and_spread)
_OF_POSITIVE: Final[Mapping[str, OfHits]] = {"f1": f1, "precision": precision, "recall": recall}
_OF_TASK: Final[Mapping[str, Mapping[str, RowScore]]] = {
    "regression": {
        "loss": _SQUARED,
        "mse": _SQUARED,
        "rmse": _ROOT,
        "mae": _ABSOLUTE,
        "r2": RowScore(_errors_and_spread, _r2, _unexplained, _explained),
        "neg_mean_absolute_error": _negated(_ABSOLUTE),
        "neg_median_absolute_error": replace(
            RANKS, why_none="it is that of a single row, and says nothing of the others"
        ),
        "neg_mean_squared_error": _negated(_SQUARED),
        "neg_root_mean_squared_error": _negated(_ROOT),
        "neg_mean_absolute_percentage_error": _negated(
            RowScore(_relative, mean_of_numbers, positive=True, why_none_of=_around_0)
        ),
        "neg_mean_squared_log_error": _negated(_LOGARITHMS),
        "neg_root_mean_squared_log_error": _negated(replace(_ROOT, rows=_square_of_logarithms)),
        "explained_variance": RowScore(_error_and_spread, _explained_variance, _unexplained, _explained),
        "d2_absolute_error_score": _D2,
        "d2_pinball_score": _D2,
        "neg_mean_poisson_deviance": _negated(RowScore(_poisson, mean_of_numbers, positive=True)),
        "neg_mean_gamma_deviance": _negated(RowScore(_gamma, mean_of_numbers, positive=True)),
        "neg_max_error": replace(
            RANKS, why_none="it is that of a single row, and grows with the number of rows"
        ),
    },
    "classification": {
        "loss": RowScore(_surprise, mean_of_numbers, positive=True),
        "accuracy": _RIGHT,
        "macro_f1": _of_counts(partial(_of_seen, f1)),
        "ece": RowScore(
            _gaps, _sum_of_sizes, why_none="its size depends on the number of rows, also for a perfect model"
        ),
        "neg_log_loss": _negated(RowScore(_clipped_surprise, mean_of_numbers, positive=True)),
        "roc_auc": of_areas(of_second),
        "roc_auc_ovr": of_areas(of_each),
        "roc_auc_ovo": of_areas(of_pairs),
        "average_precision": _of_precision(1),
        **{name: _of_counts(partial(_of_class, 1, of)) for name, of in _OF_POSITIVE.items()},
        "f1_macro": _of_counts(partial(_of_seen, f1)),
        "f1_micro": _RIGHT,
        "f1_weighted": _of_counts(partial(_weighted, f1)),
        "precision_macro": _of_counts(partial(_of_seen, precision)),
        "recall_macro": _of_counts(partial(_of_seen, recall)),
        "balanced_accuracy": _of_counts(partial(_of_true, recall)),
        "matthews_corrcoef": _of_counts(_correlation),
        "neg_brier_score": _negated(RowScore(_brier, mean_of_numbers, positive=True)),
        "top_k_accuracy": RowScore(_among_two, mean_of_numbers, share=True),
    },
    "multilabel": LABEL_SCORES,
}
