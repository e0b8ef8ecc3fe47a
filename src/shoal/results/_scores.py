"""Scores of predictions against true values, in float64.

Letters: N rows, K outputs or classes, M bins of confidence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution, by_target
from shoal.elementary import log
from shoal.results._brief import Brief
from shoal.scores import score_kind

BINS: Final = 15
_CALIBRATED: Final = 0x45434530
"""The key of the stream that draws what perfect probabilities would show: of Philox, the same on every machine."""


def higher_is_better(metric: str) -> bool:
    """Say in which direction a score gets better: the one place that knows."""
    return score_kind(metric).higher_is_better


def counted_rows(
    weight_N: NDArray[np.float64] | None, *of_rows: NDArray[Any]
) -> tuple[NDArray[np.float64] | None, tuple[NDArray[Any], ...]]:
    """Leave out the rows that weigh nothing: what is said of them counts for nothing, be it infinite."""
    if weight_N is None or weight_N.all():
        return weight_N, of_rows
    there = weight_N > 0
    return weight_N[there], tuple(values[there] for values in of_rows)


def mean_over_rows(values: NDArray[Any], weight_N: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Give the mean over rows, the first axis, weighted where rows have weights."""
    if weight_N is None:
        return np.asarray(np.mean(values, axis=0))
    return np.asarray(np.average(values, axis=0, weights=weight_N / weight_N.max()))


def regression_scores(
    y_NK: NDArray[Any],
    answer_NA: NDArray[Any],
    weight_N: NDArray[np.float64] | None = None,
    distribution: Distribution | None = None,
) -> dict[str, float]:
    """Give loss (the MSE), mse, rmse, mae and r2 in the targets' units: the mean over outputs of each output's.

    So they are scikit-learn's with "uniform_average", except that R2 is NaN where a target is constant,
    for it has no meaning there. Without rows, or with a prediction that is not finite, all are NaN. With `weight_N`
    every mean over rows is the weighted one, as scikit-learn's `sample_weight` has it. Where more is said of a target
    than one number, `answer_NA` has that behind the predictions, and the loss is the distribution's own.
    """
    y_NK, answer_NA = np.asarray(y_NK, np.float64), np.asarray(answer_NA, np.float64)
    weight_N, (y_NK, answer_NA) = counted_rows(weight_N, y_NK, answer_NA)
    if not len(y_NK) or not np.isfinite(answer_NA).all():
        return dict.fromkeys(("loss", "mse", "rmse", "mae", "r2"), math.nan)
    error_NK = answer_NA[:, : y_NK.shape[1]] - y_NK
    with np.errstate(over="ignore", invalid="ignore"):  # squares of huge numbers are inf, and so said
        mse_K = mean_over_rows(error_NK**2, weight_N)
        variance_K = mean_over_rows((y_NK - mean_over_rows(y_NK, weight_N)) ** 2, weight_N)
        size_NK = np.abs(error_NK)
        mae = size_NK.mean() if weight_N is None else mean_over_rows(size_NK, weight_N).mean()
        constant = (y_NK == y_NK[0]).all(axis=0) | (variance_K == 0)
        return {
            "loss": float(
                mse_K.mean() if distribution is None else _own_loss(distribution, y_NK, answer_NA, weight_N)
            ),
            "mse": float(mse_K.mean()),
            "rmse": float(np.sqrt(mse_K).mean()),
            "mae": float(mae),
            "r2": math.nan if constant.any() else float(np.mean(1 - mse_K / variance_K)),
        }


def _own_loss(
    distribution: Distribution,
    y_NK: NDArray[np.float64],
    answer_NA: NDArray[np.float64],
    weight_N: NDArray[np.float64] | None,
) -> np.float64:
    loss_NK = distribution.losses(y_NK, by_target(answer_NA, y_NK.shape[1]))
    return np.float64(loss_NK.mean() if weight_N is None else mean_over_rows(loss_NK, weight_N).mean())


def classification_scores(
    y_N: NDArray[Any], probability_NK: NDArray[Any], weight_N: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Give loss (the cross-entropy in nats), accuracy, macro_f1 and ece (see `CalibrationBins`).

    A probability of 0 counts as the smallest normal float64 (708 nats), so that one sure mistake does not
    make the mean infinite. Without rows, or with a probability that is not finite, all are NaN. With `weight_N` every
    row counts as much as it weighs.
    """
    probability_NK = np.asarray(probability_NK, np.float64)
    weight_N, (y_N, probability_NK) = counted_rows(weight_N, y_N, probability_NK)
    if not len(y_N) or not np.isfinite(probability_NK).all():
        return dict.fromkeys(("loss", "accuracy", "macro_f1", "ece"), math.nan)
    of_truth_N = np.maximum(probability_NK[np.arange(len(y_N)), y_N], np.finfo(np.float64).tiny)
    predicted_N = probability_NK.argmax(axis=1)
    confusion_KK = confusion_matrix(y_N, predicted_N, probability_NK.shape[1], weight_N)
    return {
        "loss": float(mean_over_rows(-log(of_truth_N), weight_N)),
        "accuracy": float(mean_over_rows(predicted_N == y_N, weight_N)),
        "macro_f1": float(np.nanmean(class_scores(confusion_KK).f1_K)),
        "ece": calibration_bins(y_N, probability_NK, weight_N=weight_N).error,
    }


def label_scores(
    y_NK: NDArray[Any], probability_NK: NDArray[Any], weight_N: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Give loss, accuracy and macro_f1 of several labels, of which `y_NK` says which rows have them.

    The loss is the binary cross-entropy in nats, the mean over rows and labels: scikit-learn's `log_loss` of each
    label, of probabilities no nearer to 0 and 1 than float64 tells numbers apart there. A label is predicted where its
    probability is above a half. The accuracy is the share of rows that are right in every label, macro_f1 the mean F1
    of the labels, 0 of one that no row has and none is predicted to have; both are scikit-learn's. Without rows, or
    with a probability that is not finite, all are NaN. With `weight_N` every row counts as much as it weighs.
    """
    probability_NK = np.asarray(probability_NK, np.float64)
    weight_N, (y_NK, probability_NK) = counted_rows(weight_N, y_NK, probability_NK)
    if not len(y_NK) or not np.isfinite(probability_NK).all():
        return dict.fromkeys(("loss", "accuracy", "macro_f1"), math.nan)
    named_NK = probability_NK > 0.5
    hits = (mean_over_rows(of_NK, weight_N) for of_NK in (y_NK & named_NK, y_NK, named_NK))
    return {
        "loss": float(mean_over_rows(label_losses(y_NK, probability_NK), weight_N).mean()),
        "accuracy": float(mean_over_rows((named_NK == y_NK).all(axis=1), weight_N)),
        "macro_f1": float(np.nan_to_num(scores_of_hits(*hits).f1_K).mean()),
    }


def label_losses(y_NK: NDArray[np.bool_], probability_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the binary cross-entropy of every label of every row, in nats, (N, K)."""
    least = np.finfo(np.float64).eps
    has_NK = np.clip(probability_NK, least, 1 - least)
    return np.asarray(-log(np.where(y_NK, has_NK, 1 - has_NK)))


def confusion_matrix(
    y_N: NDArray[Any],
    predicted_N: NDArray[Any],
    classes: int,
    weight_N: NDArray[np.float64] | None = None,
) -> NDArray[Any]:
    """Count rows by true class (down) and predicted class (across), int64 (K, K); or add up their weights, float64."""
    places_N = np.asarray(y_N, np.int64) * classes + np.asarray(predicted_N, np.int64)
    count_KK = np.bincount(places_N, weight_N, minlength=classes**2).reshape(classes, classes)
    return count_KK.astype(np.int64 if weight_N is None else np.float64)


@dataclass(frozen=True, eq=False, repr=False)
class ClassScores(Brief):
    """Scores of each class, shape (K,); NaN where undefined.

    Precision is undefined for a class that is never predicted, recall for one that never occurs, F1 for
    one that does neither. `rows_K` counts true rows.
    """

    precision_K: NDArray[np.float64]
    recall_K: NDArray[np.float64]
    f1_K: NDArray[np.float64]
    rows_K: NDArray[Any]


def class_scores(confusion_KK: NDArray[Any]) -> ClassScores:
    """Give precision, recall and F1 of every class of a confusion matrix."""
    return scores_of_hits(confusion_KK.diagonal(), confusion_KK.sum(axis=1), confusion_KK.sum(axis=0))


def scores_of_hits(hit_K: NDArray[Any], true_K: NDArray[Any], predicted_K: NDArray[Any]) -> ClassScores:
    """Give precision, recall and F1 of what is hit, true and predicted so often: classes, or labels."""
    return ClassScores(
        precision_K=_share(hit_K, predicted_K),
        recall_K=_share(hit_K, true_K),
        f1_K=_share(2 * hit_K, true_K + predicted_K),
        rows_K=true_K,
    )


@dataclass(frozen=True, eq=False, repr=False)
class CalibrationBins(Brief):
    """Rows by the confidence of their prediction, in M bins of equal width: (0, 1/M], ... , ((M-1)/M, 1].

    `rows_M` counts them, or is what they weigh. `confidence_M` and `accuracy_M` are means over a bin's rows (NaN where
    it has none). `error` is the expected calibration error: the mean over rows of their bin's gap between the two.
    Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks", ICML, equations 2 to 5.
    """

    edges: NDArray[np.float64]
    rows_M: NDArray[Any]
    confidence_M: NDArray[np.float64]
    accuracy_M: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error; NaN without rows."""
        gap_M = np.nan_to_num(np.abs(self.accuracy_M - self.confidence_M))
        return float(_share(np.sum(self.rows_M * gap_M), self.rows_M.sum()))


def calibration_bins(
    y_N: NDArray[Any],
    probability_NK: NDArray[Any],
    bins: int = BINS,
    weight_N: NDArray[np.float64] | None = None,
) -> CalibrationBins:
    """Sort predictions into bins by their highest class probability; each counts as much as it weighs."""
    probability_NK = np.asarray(probability_NK, np.float64)
    confidence_N, predicted_N = probability_NK.max(axis=1), probability_NK.argmax(axis=1)
    bin_N = bins_of(probability_NK, bins)
    rows_M = np.bincount(bin_N, weight_N, minlength=bins)
    counted_N = 1 if weight_N is None else weight_N
    return CalibrationBins(
        edges=np.linspace(0, 1, bins + 1),
        rows_M=rows_M,
        confidence_M=_share(np.bincount(bin_N, weights=confidence_N * counted_N, minlength=bins), rows_M),
        accuracy_M=_share(
            np.bincount(bin_N, weights=(predicted_N == y_N) * counted_N, minlength=bins), rows_M
        ),
    )


def bins_of(probability_NK: NDArray[np.float64], bins: int = BINS) -> NDArray[np.int64]:
    """Give the bin of confidence of every row, int64 (N,)."""
    places_N = np.searchsorted(np.linspace(0, 1, bins + 1), probability_NK.max(axis=1), side="left")
    return np.asarray(np.clip(places_N - 1, 0, bins - 1), np.int64)


def calibrated_error(probability_NK: NDArray[Any], bins: int = BINS, draws: int = 200) -> tuple[float, float]:
    """Give the mean and the 95 % quantile of the calibration error that perfect probabilities would show on these rows.

    Whether a row is right is drawn anew with its own confidence, `draws` times, from a fixed stream: the same rows, the
    same answer. Vaicenavicius et al. 2019, "Evaluating model calibration in classification", AISTATS, section 4.
    """
    probability_NK = np.asarray(probability_NK, np.float64)
    confidence_N, bin_N = probability_NK.max(axis=1), bins_of(probability_NK, bins)
    order_N = np.argsort(bin_N, kind="stable")
    confidence_N, start_M = confidence_N[order_N], np.searchsorted(bin_N[order_N], np.arange(bins))
    full_M = np.bincount(bin_N, minlength=bins) > 0
    sizes, stream = np.empty(draws), np.random.Generator(np.random.Philox(key=_CALIBRATED))
    for number in range(draws):
        right_N = stream.random(len(confidence_N)) < confidence_N
        sizes[number] = np.abs(np.add.reduceat(confidence_N - right_N, start_M[full_M])).sum() / len(
            confidence_N
        )
    return float(sizes.mean()), float(np.quantile(sizes, 0.95))


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide; NaN where there is nothing to have a share of."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    share: NDArray[np.float64] = np.divide(part, whole, out=np.full_like(part, math.nan), where=whole > 0)
    return share
