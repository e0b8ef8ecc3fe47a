"""Scores made of hits: of each class or label how often it is hit, true and predicted; those of several labels.

Letters: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._pair_scores import of_labels
from shoal.results._row_score import RANKS, Floats, RowScore, mean_of_numbers, of_areas
from shoal.results._scores import label_losses

NOTHING: Final = 1e-12
"""Shares of rows below this are what rounding leaves of none."""


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > NOTHING)


def recall(hit: Floats, true: Floats, named: Floats) -> Floats:  # noqa: ARG001
    """Give the share of what is true that is hit."""
    return ratio(hit, true)


def precision(hit: Floats, true: Floats, named: Floats) -> Floats:  # noqa: ARG001
    """Give the share of what is predicted that is hit."""
    return ratio(hit, named)


def f1(hit: Floats, true: Floats, named: Floats) -> Floats:
    """Give the harmonic mean of both."""
    return ratio(2 * hit, true + named)


OfHits = Callable[[Floats, Floats, Floats], Floats]
"""Makes a score of how often each class or label is hit, true and predicted, as shares of rows."""


def _every_right(y_NK: NDArray[Any], probability_NK: Floats) -> Floats:
    """Whether a row is right in every label."""
    return np.asarray(((probability_NK > 0.5) == y_NK).all(axis=1), np.float64)[:, None]


def _label_counts(y_NK: NDArray[Any], probability_NK: Floats) -> Floats:
    """Give for every label whether it is hit, whether it is true and whether it is predicted, (N, 3 K)."""
    named_NK = probability_NK > 0.5
    return np.concatenate((y_NK & named_NK, y_NK, named_NK), axis=1).astype(np.float64)


def _jaccard(hit: Floats, true: Floats, named: Floats) -> Floats:
    """The share of what is true or predicted that is both."""
    return ratio(hit, true + named - hit)


def _of_all(of: OfHits, means: Floats) -> Floats:
    """The mean over all labels."""
    return np.asarray(of(*np.split(means, 3, axis=-1)).mean(axis=-1))


def _together(of: OfHits, means: Floats) -> Floats:
    """What all labels have together."""
    return np.asarray(of(*(part.sum(axis=-1) for part in np.split(means, 3, axis=-1))))


def _of_frequent(of: OfHits, means: Floats) -> Floats:
    """The mean over all true labels of all rows."""
    hit, true, named = np.split(means, 3, axis=-1)
    return ratio((of(hit, true, named) * true).sum(axis=-1), true.sum(axis=-1))


def _of_rows(of: OfHits) -> RowScore:
    """The mean over rows of what their labels have together."""

    def rows(y_NK: NDArray[Any], probability_NK: Floats) -> Floats:
        counts = np.split(_label_counts(y_NK, probability_NK), 3, axis=1)
        return of(*(part.sum(axis=1, keepdims=True) for part in counts))

    return RowScore(rows, mean_of_numbers)


def _label_scores() -> Iterator[tuple[str, RowScore]]:
    """Give the scores of labels that are made of hits: each of four averages of four of them."""
    of_labels = {"f1": f1, "precision": precision, "recall": recall, "jaccard": _jaccard}
    averages = {"macro": _of_all, "micro": _together, "weighted": _of_frequent}
    for name, of in of_labels.items():
        for average, means in averages.items():
            yield f"{name}_{average}", RowScore(_label_counts, partial(means, of))
        yield f"{name}_samples", _of_rows(of)


LABEL_SCORES: Final[Mapping[str, RowScore]] = {
    "loss": RowScore(label_losses, mean_of_numbers, positive=True),
    "accuracy": RowScore(_every_right, mean_of_numbers, share=True),
    "macro_f1": RowScore(_label_counts, partial(_of_all, f1)),
    "roc_auc": of_areas(of_labels),
    "average_precision": RANKS,
    **dict(_label_scores()),
}
"""The scores of several labels."""
