"""The test rows that pictures of answers show: those that weigh something and have finite answers.

Letters: R repeats, V test rows, K targets or classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.look._run_findings import NetworkGroup, RunFindings

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RowsTested:
    """True values `true_V` and answers of the rows `row_V`, counted from the first test row; their weights, if any.

    Of the R networks the first is the delivered one.
    """

    row_V: NDArray[np.int64]
    true_V: NDArray[Any]
    answer_RVK: Floats
    weight_V: Floats | None


def tested_rows(findings: RunFindings, group: NetworkGroup) -> RowsTested | None:
    """Give the test rows of a group of networks; None where no row is left or no network is healthy."""
    if not group.healthy:
        return None
    truth, answer_RVK = findings.truth, findings.predicted(group)
    weight_V = truth.test_weights
    counted_V = np.isfinite(answer_RVK).all(axis=(0, 2))
    if weight_V is not None:
        counted_V &= weight_V > 0
    row_V = np.flatnonzero(counted_V)
    if not len(row_V):
        return None
    return RowsTested(
        row_V,
        truth.y[truth.train_rows :][row_V],
        answer_RVK[:, row_V],
        None if weight_V is None else weight_V[row_V],
    )
