"""Whether an input of categories has another value in nearly every row."""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.data._dataset import Dataset
from shoal.data._row_check import RowCheck
from shoal.wording import first_few, quoted

FEWEST: Final = 10
"""Training rows from which it is said."""
ALONE: Final = 0.8
"""Share of the training rows whose category no other training row has."""


def identifiers(dataset: Dataset, _shuffled: bool) -> str:
    """Name the inputs of categories of which nearly every training row has one of its own."""
    clauses = []
    for column in dataset.columns:
        train_N = column.values[: dataset.train_rows]
        if not column.categorical or len(train_N) < FEWEST:
            continue
        count_L = np.unique(train_N, return_counts=True)[1]
        alone = int((count_L == 1).sum())
        if alone >= ALONE * len(train_N):
            clauses.append(
                f"in input {quoted(column.name)} {alone:,} of {len(train_N):,} training rows have a category of their"
                f" own"
            )
    return first_few(clauses, 4, joint=", and ")


CHECK: Final = RowCheck("identifiers", identifiers, "data.ignore can leave it out")
