"""What the pictures of a classifier show, as plain arrays, from probabilities and true classes.

Letters: R repeats, V rows, K classes, M images of C channels, height H and width W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.results import BINS, CalibrationBins, calibration_bins, confusion_matrix


@dataclass(frozen=True, eq=False)
class Confusion:
    """Rows of class i predicted as class j, over R networks: `count_KK`, and `share_KK` of class i (NaN: no rows).

    `test_accuracy` is the mean of `test_accuracy_R`; `delivered`: the first network is the delivered one.
    """

    name: str
    classes: tuple[str, ...]
    count_KK: NDArray[np.int64]
    share_KK: NDArray[np.float64]
    test_accuracy: float
    repeats: int
    test_accuracy_R: NDArray[np.float64]
    delivered: bool = False


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often the predicted class is right at each level of confidence."""

    name: str
    bins: CalibrationBins
    repeats: int


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Images of rows that a network took for another class, the surest first, all arrays (M, ...).

    `image_MCHW` is uint8 with 1 channel (grey) or 3; `of_true_M` and `of_predicted_M` are the probabilities
    of the two classes. They are the surest of `wrong` mistakes on `rows` rows.
    """

    name: str
    classes: tuple[str, ...]
    image_MCHW: NDArray[np.uint8]
    true_M: NDArray[np.int64]
    predicted_M: NDArray[np.int64]
    of_true_M: NDArray[np.float64]
    of_predicted_M: NDArray[np.float64]
    wrong: int
    rows: int


def confusion(
    name: str,
    classes: tuple[str, ...],
    true_V: NDArray[Any],
    probability_RVK: NDArray[Any],
    *,
    delivered: bool = False,
) -> Confusion:
    """Count which class was predicted for which, over all repeats; the predicted class is the most probable."""
    repeats, predicted_V = len(probability_RVK), np.argmax(probability_RVK, axis=2).reshape(-1)
    true_V = np.tile(true_V, repeats)
    accuracy_R = (predicted_V == true_V).reshape(repeats, -1).mean(axis=1)
    count_KK = confusion_matrix(true_V, predicted_V, len(classes))
    total_K = count_KK.sum(axis=1, keepdims=True)
    share_KK = np.divide(count_KK, total_K, out=np.full(count_KK.shape, np.nan), where=total_K > 0)
    accuracy = float(np.mean(predicted_V == true_V))
    return Confusion(name, classes, count_KK, share_KK, accuracy, repeats, accuracy_R, delivered)


def calibration(
    name: str, true_V: NDArray[Any], probability_RVK: NDArray[Any], bins: int = BINS
) -> Calibration:
    """Compare confidence with accuracy in `bins` bins of equal width, over all repeats; as many as `ece` has."""
    repeats, _, classes = probability_RVK.shape
    found = calibration_bins(np.tile(true_V, repeats), probability_RVK.reshape(-1, classes), bins)
    return Calibration(name, found, repeats)


def mistakes(
    name: str,
    classes: tuple[str, ...],
    true_V: NDArray[Any],
    probability_VK: NDArray[Any],
    row_M: NDArray[np.int64],
    image_MCHW: NDArray[np.uint8],
) -> Mistakes:
    """Say what the rows `row_M` (numbers into V), whose images are kept, were taken for, and how surely."""
    predicted_V = np.argmax(probability_VK, axis=1)
    true_M, predicted_M = np.asarray(true_V)[row_M], predicted_V[row_M]
    return Mistakes(
        name, classes, image_MCHW, true_M, predicted_M,
        of_true_M=probability_VK[row_M, true_M], of_predicted_M=probability_VK[row_M, predicted_M],
        wrong=int(np.sum(predicted_V != true_V)), rows=len(true_V),
    )  # fmt: skip
