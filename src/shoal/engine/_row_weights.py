"""How much rows count where a network is trained on them or judged by them: their own weights, and those of classes.

Letters: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset, unusable_weights
from shoal.engine._fit import FitRows
from shoal.errors import Problem, StudyError
from shoal.study import Training

ClassWeight = Literal["none", "balanced"] | Mapping[Any, float]


def judging_weights(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Give what each of some rows counts in losses and scores, (N,); None where all count the same."""
    return None if dataset.weights is None else unless_alike(dataset.weights[rows])


def training_weights(
    dataset: Dataset, training: Training, rows: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Give what each row to train on counts: its own weight times that of its class, (N,); None as above.

    The rows to train on alone say what balances their classes. Of several labels it is the mean weight of these, over
    which `training_shares` spreads it.
    """
    own_N = None if dataset.weights is None else dataset.weights[rows]
    if training.class_weight == "none":
        return None if own_N is None else unless_alike(own_N)
    if not dataset.classes:
        mean_N = _cells(dataset, training, rows).mean(axis=1)
        return unless_alike(mean_N if own_N is None else mean_N * own_N)
    label_N = dataset.targets[rows]
    of_class_K = class_weights(training.class_weight, label_N, dataset.classes, own_N)
    return unless_alike(of_class_K[label_N] if own_N is None else of_class_K[label_N] * own_N)


def training_shares(
    dataset: Dataset, training: Training, rows: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Give how the weight of each row to train on is spread over its labels, (N, K), 1 in the mean of a row.

    None where all labels of a row count the same.
    """
    if training.class_weight == "none" or dataset.classes:
        return None
    cell_NK = _cells(dataset, training, rows)
    mean_N1 = cell_NK.mean(axis=1, keepdims=True)
    share_NK = np.divide(cell_NK, mean_N1, out=np.ones_like(cell_NK), where=mean_N1 > 0)
    return None if (share_NK == 1).all() else share_NK


def _cells(dataset: Dataset, training: Training, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give what each label of each row counts by its class weight, (N, K).

    "balanced": of each label, rows that have it and rows that have not weigh the same in all. Of a table, rows that
    have a label weigh what it says, and rows that have not 1.
    """
    own_N = None if dataset.weights is None else dataset.weights[rows]
    label_NK, asked = dataset.targets[rows], training.class_weight
    cell_NK = np.ones(label_NK.shape)
    for k, name in enumerate(dataset.target_names):
        of_label = {1: asked.get(name, 1.0)} if isinstance(asked, dict) else asked
        has_N = label_NK[:, k].astype(np.int64)
        cell_NK[:, k] = class_weights(of_label, has_N, (0, 1), own_N)[has_N]
    return cell_NK


def class_weights(
    asked: ClassWeight,
    label_N: NDArray[np.int64],
    classes: Sequence[Any],
    weight_N: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Give the weight of every class, (K,), for rows of these classes: a table's, 1 for a class that it does not name.

    "balanced": all classes that the rows have weigh the same in all, n / (K n_k), n_k being the rows of class k among
    n rows, and K the classes that there are; of weighted rows the sums of their weights stand for their numbers, as
    scikit-learn's `compute_class_weight` has it (King and Zeng 2001, "Logistic regression in rare events data",
    Political Analysis 9, 137-163).
    """
    if asked == "none":
        return np.ones(len(classes))
    if asked != "balanced":
        return np.array([float(asked.get(name, 1.0)) for name in classes])
    if weight_N is not None and weight_N.any():
        weight_N = weight_N / weight_N.max()  # so that no sum overflows
    sum_K = np.bincount(label_N, weight_N, minlength=len(classes)).astype(np.float64)
    there_K = sum_K > 0
    mean = np.full(len(classes), sum_K.sum() / max(1, there_K.sum()))
    return np.asarray(np.divide(mean, sum_K, out=np.zeros(len(classes)), where=there_K))


def unless_alike(weight_N: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Give weights that a float32 holds, in the same ratios; None where all are the same, and say nothing.

    They are divided by a power of two, so that no digit changes.
    """
    if not len(weight_N) or (weight_N[0] > 0 and (weight_N == weight_N[0]).all()):
        return None
    return np.asarray(np.ldexp(weight_N, -int(np.frexp(weight_N.max())[1])))


class Weighing:
    """Refuses fits of whose rows none counts; the same rows are looked at once."""

    def __init__(self, dataset: Dataset) -> None:
        """Take the rows and their weights."""
        self._dataset = dataset
        self._seen: set[tuple[int, str]] = set()

    def refuse_weightless(self, training: Training, rows: FitRows, label: str) -> None:
        """Raise StudyError where no row to train on, or to be judged by, weighs anything.

        `rows` are kept by who asks, and known by their identity.
        """
        dataset, key = self._dataset, (id(rows), str(training.class_weight))
        if key in self._seen or (dataset.weights is None and training.class_weight == "none"):
            return
        self._seen.add(key)
        by_class = "data.weights" if training.class_weight == "none" else "training.class_weight"
        parts = (
            (by_class, "training", training_weights(dataset, training, rows.learning)),
            ("data.weights", "validation", judging_weights(dataset, rows.validation)),
            ("data.weights", "inner", judging_weights(dataset, rows.inner)),
        )
        for asked_by, name, weight_N in parts:
            if weight_N is not None and (what := unusable_weights(weight_N, f"{name} rows ({label})")):
                raise StudyError(Problem(asked_by, what))
