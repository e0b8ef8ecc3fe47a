"""Whether classes are imbalanced.

Letters: K classes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.look._check import MethodCheck
from shoal.look._evidence import in_quotes
from shoal.results import Results
from shoal.wording import percent

IMBALANCE: Final = 4.0
"""Rows of the largest class over those of the smallest from which classes are said to be uneven."""


def uneven_classes(results: Results) -> str:
    """Hold the largest class of the training rows against the smallest."""
    truth = results.truth
    if not truth.classes:
        return ""
    rows_K = np.bincount(truth.y[: truth.train_rows], minlength=len(truth.classes))
    most, fewest = int(rows_K.argmax()), int(rows_K.argmin())
    if rows_K[most] < IMBALANCE * rows_K[fewest]:
        return ""
    return (
        f"Of the training rows, {rows_K[most]:,} are of class {in_quotes(truth.classes[most])} and"
        f" {rows_K[fewest]:,} of class {in_quotes(truth.classes[fewest])}; always predicting the first is right for"
        f" {percent(float(rows_K[most] / rows_K.sum()), 0)} of them."
    )


CHECK: Final = MethodCheck(
    code="SH006",
    severity="note",
    title="The classes are imbalanced",
    find=uneven_classes,
    why="Accuracy rewards the large classes: a network may be right often and never on a small class.",
    remedy="Read precision, recall and F1 of every class and macro F1 beside accuracy; collect more of the rare"
    " classes.",
    reference="He, H., Garcia, E. A. (2009). Learning from imbalanced data."
    " IEEE Transactions on Knowledge and Data Engineering 21(9), 1263–1284.",
)
