"""Several labels, each by itself: how often it is there and predicted, and its scores.

Letters: R repeats, V test rows, K labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.look._run_findings import RunFindings
from shoal.results import peer_score, scores_of_hits


@dataclass(frozen=True, eq=False)
class Labels:
    """Counts and scores of every label on the test rows, over `repeats` networks together, shape (K,).

    `train_K` and `test_K` are the rows that have it, `named_K` those that are predicted to have it, as the mean of the
    networks. Precision is NaN of a label that is never predicted, recall of one that no test row has, F1 of one that is
    neither, `area_K` (under the ROC curve) and `average_K` (precision) of one that all test rows have, or none: means
    over the networks.
    """

    name: str
    labels: tuple[str, ...]
    repeats: int
    train_K: NDArray[np.int64]
    test_K: NDArray[np.int64]
    named_K: NDArray[np.float64]
    precision_K: NDArray[np.float64]
    recall_K: NDArray[np.float64]
    f1_K: NDArray[np.float64]
    area_K: NDArray[np.float64]
    average_K: NDArray[np.float64]


def labels_of(
    name: str, labels: tuple[str, ...], y_NK: NDArray[np.bool_], probability_RVK: NDArray[np.float64]
) -> Labels:
    """Score every label by itself; the last V of the rows are the test rows, of which each counts once."""
    repeats, tested, _ = probability_RVK.shape
    train_NK, test_VK = y_NK[: len(y_NK) - tested], y_NK[len(y_NK) - tested :]
    named_RVK = probability_RVK > 0.5
    hit_K, named_K = (named_RVK & test_VK).sum(axis=(0, 1)), named_RVK.sum(axis=(0, 1))
    scores = scores_of_hits(hit_K, repeats * test_VK.sum(axis=0), named_K)

    def mean(score: str, k: int) -> float:
        of = slice(k, k + 1)
        return float(
            np.mean([peer_score(score, test_VK[:, of], answer[:, of]) for answer in probability_RVK])
        )

    area_K, average_K = (
        np.array([mean(score, k) for k in range(len(labels))]) for score in ("roc_auc", "average_precision")
    )
    return Labels(
        name,
        labels,
        repeats,
        train_NK.sum(axis=0),
        test_VK.sum(axis=0),
        named_K / repeats,
        scores.precision_K,
        scores.recall_K,
        scores.f1_K,
        area_K,
        average_K,
    )


def delivered_labels(findings: RunFindings) -> Labels | None:
    """Score the labels of the delivered network and its repeats, on rows of a weight above 0; None where there are
    none.
    """
    group, truth = findings.delivered, findings.truth
    if not findings.labels or not group.healthy:
        return None
    y_NK, answer_RVK = truth.y, findings.predicted(group)
    if len(truth.weights):
        counted_N = truth.weights > 0
        y_NK, answer_RVK = y_NK[counted_N], answer_RVK[:, counted_N[truth.train_rows :]]
    return labels_of(group.name, truth.target_names, y_NK, answer_RVK)
