"""Whether an input of categories has another value in nearly every row."""

from __future__ import annotations

from typing import Final

from shoal.data._dataset import Dataset
from shoal.data._row_check import RowCheck
from shoal.wording import counted, first_few, quoted

FEWEST: Final = 10
"""Training rows from which it is said."""
ALONE: Final = 0.8
"""Share of the training rows whose category no other training row has."""


def identifiers(dataset: Dataset, _shuffled: bool) -> str:
    """Name the inputs of categories of which nearly every training row has one of its own."""
    clauses = []
    for column in dataset.columns:
        rows = dataset.train_rows
        if not column.categorical or rows < FEWEST:
            continue
        alone = sum(count == 1 for count in column.counts(slice(rows)).values())
        if alone >= ALONE * rows:
            clauses.append(
                f"in input {quoted(column.name)} {alone:,} of {counted(rows, 'training row')} have a category"
                " of their own"
            )
    return first_few(clauses, 4, joint=", and ")


CHECK: Final = RowCheck("identifiers", identifiers, "data.ignore can leave it out")
