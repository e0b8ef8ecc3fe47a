"""Whether some classes, or labels, are never recognised.

Letters: V test rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import named_classes
from shoal.kinds import task_kind
from shoal.look._check import MethodCheck
from shoal.look._evidence import delivered_answers, in_quotes, phrases
from shoal.results import Results
from shoal.wording import counted

FEWEST: Final = 5
"""Test rows from which the recall of 0 of a predicted class is said: fewer may be missed by chance."""


def never_recognised(results: Results) -> str:
    """Name the classes of which no test row is recognised, where several classes are predicted; or the labels."""
    truth, answer_VK = results.truth, delivered_answers(results)
    if answer_VK is not None and task_kind(truth.task).target == "labels":
        return _labels(results, answer_VK)
    if answer_VK is None or not truth.classes:
        return ""
    true_V, named_V = truth.y[truth.train_rows :], named_classes(answer_VK, results.decision)
    count = len(truth.classes)
    rows_K, named_K = np.bincount(true_V, minlength=count), np.bincount(named_V, minlength=count)
    hits_K = np.bincount(true_V[true_V == named_V], minlength=count)
    classes = _missed(truth.classes, rows_K, named_K, hits_K)
    if not classes or np.count_nonzero(named_K) < 2:
        return ""
    right = int((true_V == named_V).sum())
    return (
        f"No test row is recognised of {phrases(classes)}; over all classes {right:,} of"
        f" {counted(len(true_V), 'test row')} are"
        " right."
    )


def _labels(results: Results, answer_VK: NDArray[np.float64]) -> str:
    """The same of labels: each is predicted by itself, so that one is missed whatever the others are."""
    truth, named_VK = results.truth, answer_VK > 0.5
    true_VK = truth.y[truth.train_rows :].astype(bool)
    counts = (rows_VK.sum(axis=0) for rows_VK in (true_VK, named_VK, true_VK & named_VK))
    labels = _missed(truth.target_names, *counts)
    if not labels:
        return ""
    right, rows = int((true_VK == named_VK).all(axis=1).sum()), len(true_VK)
    every = f"{right:,} of {counted(rows, 'test row')} are right in all labels"
    return f"No test row is recognised that has the label {phrases(labels)}; {every}."


def _missed(
    names: Sequence[str], rows_K: NDArray[np.int64], named_K: NDArray[np.int64], hits_K: NDArray[np.int64]
) -> list[str]:
    """Describe those of which no row is hit, the one of most rows first."""
    missed = np.flatnonzero((rows_K > 0) & (hits_K == 0) & ((rows_K >= FEWEST) | (named_K == 0)))
    order = missed[np.argsort(-rows_K[missed], kind="stable")].tolist()
    return [
        f"{in_quotes(names[k])} (recall 0 of {int(rows_K[k]):,}, {_predicted(int(named_K[k]))})"
        for k in order
    ]


def _predicted(times: int) -> str:
    if not times:
        return "never predicted"
    return f"predicted {times:,} times, always wrongly" if times > 1 else "predicted once, wrongly"


CHECK: Final = MethodCheck(
    code="SH015",
    severity="warning",
    title="Some classes or labels are never recognised",
    find=never_recognised,
    why="Rows of these classes or labels are always wrong, however high the accuracy over all rows.",
    remedy="Collect more rows of these classes, train for longer, or leave them out; read recall of every class beside"
    " accuracy.",
    reference="He, H., Garcia, E. A. (2009). Learning from imbalanced data."
    " IEEE Transactions on Knowledge and Data Engineering 21(9), 1263–1284.",
    alarming=True,
)
