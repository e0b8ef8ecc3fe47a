"""Whether some classes are never predicted.

Letters: V test rows, K classes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.look._check import MethodCheck
from shoal.look._evidence import delivered_answers, in_quotes, phrases
from shoal.results import Results
from shoal.wording import counted


def never_named(results: Results) -> str:
    """Name the classes of the test rows that the delivered model never gives, where it gives several others."""
    truth, answer_VK = results.truth, delivered_answers(results)
    if answer_VK is None or not truth.classes:
        return ""
    true_V = truth.y[truth.train_rows :]
    rows_K = np.bincount(true_V, minlength=len(truth.classes))
    named_K = np.bincount(answer_VK.argmax(axis=1), minlength=len(truth.classes))
    missed = np.flatnonzero((rows_K > 0) & (named_K == 0))
    if not len(missed) or np.count_nonzero(named_K) < 2:
        return ""
    order = missed[np.argsort(-rows_K[missed], kind="stable")].tolist()
    classes = [f"{in_quotes(truth.classes[k])} ({counted(int(rows_K[k]), 'test row')})" for k in order]
    return f"The delivered model never predicts {phrases(classes)}."


CHECK: Final = MethodCheck(
    code="SH015",
    severity="warning",
    title="Some classes are never predicted",
    find=never_named,
    why="Rows of these classes are always wrong, however high the accuracy over all rows.",
    remedy="Collect more rows of these classes, train for longer, or leave them out; read recall of every class beside"
    " accuracy.",
    reference="He, H., Garcia, E. A. (2009). Learning from imbalanced data."
    " IEEE Transactions on Knowledge and Data Engineering 21(9), 1263-1284.",
)
