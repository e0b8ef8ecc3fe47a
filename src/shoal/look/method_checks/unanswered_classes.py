"""Whether some classes are never recognised.

Letters: V test rows, K classes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.decisions import named_classes
from shoal.look._check import MethodCheck
from shoal.look._evidence import delivered_answers, in_quotes, phrases
from shoal.results import Results

FEWEST: Final = 5
"""Test rows from which the recall of 0 of a predicted class is said: fewer may be missed by chance."""


def never_recognised(results: Results) -> str:
    """Name the classes of which no test row is recognised, where several classes are predicted."""
    truth, answer_VK = results.truth, delivered_answers(results)
    if answer_VK is None or not truth.classes:
        return ""
    true_V, named_V = truth.y[truth.train_rows :], named_classes(answer_VK, results.decision)
    count = len(truth.classes)
    rows_K, named_K = np.bincount(true_V, minlength=count), np.bincount(named_V, minlength=count)
    hits_K = np.bincount(true_V[true_V == named_V], minlength=count)
    missed = np.flatnonzero((rows_K > 0) & (hits_K == 0) & ((rows_K >= FEWEST) | (named_K == 0)))
    if not len(missed) or np.count_nonzero(named_K) < 2:
        return ""
    order = missed[np.argsort(-rows_K[missed], kind="stable")].tolist()
    classes = [
        f"{in_quotes(truth.classes[k])} (recall 0 of {int(rows_K[k]):,}, {_predicted(int(named_K[k]))})"
        for k in order
    ]
    right = int((true_V == named_V).sum())
    return (
        f"No test row is recognised of {phrases(classes)}; over all classes {right:,} of {len(true_V):,} test rows are"
        " right."
    )


def _predicted(times: int) -> str:
    if not times:
        return "never predicted"
    return f"predicted {times:,} times, always wrongly" if times > 1 else "predicted once, wrongly"


CHECK: Final = MethodCheck(
    code="SH015",
    severity="warning",
    title="Some classes are never recognised",
    find=never_recognised,
    why="Rows of these classes are always wrong, however high the accuracy over all rows.",
    remedy="Collect more rows of these classes, train for longer, or leave them out; read recall of every class beside"
    " accuracy.",
    reference="He, H., Garcia, E. A. (2009). Learning from imbalanced data."
    " IEEE Transactions on Knowledge and Data Engineering 21(9), 1263-1284.",
    alarming=True,
)
