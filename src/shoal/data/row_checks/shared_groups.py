"""Whether training and test rows are of the same groups, or of the same persons."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset
from shoal.data._distinct import distinct
from shoal.data._row_check import RowCheck, is_identity, is_whole
from shoal.wording import counted, first_few, quoted

FEWEST: Final = 10
"""Values of a column that is called like a person from which it is one: fewer are a handful of kinds."""


def shared_groups(dataset: Dataset, _shuffled: bool) -> str:
    """Count the test rows of groups, or of those who a column numbers or names, that have training rows too."""
    train = dataset.train_rows
    clauses = []
    if dataset.groups is not None and dataset.test_groups is not None:
        clauses.append(_shared("groups", dataset.groups, dataset.test_groups))
    for column in dataset.columns:
        if is_identity(column.name) and (column.categorical or is_whole(column)):
            train_N, test_V = column.values[:train], column.values[train:]
            different = len(distinct(train_N))
            if FEWEST <= different <= train / 2:
                clauses.append(_shared(f"values of {quoted(column.name)}", train_N, test_V))
    return first_few([clause for clause in clauses if clause], 4, joint=", and ")


def _shared(what: str, train_N: NDArray[Any], test_V: NDArray[Any]) -> str:
    both_V = np.isin(test_V, distinct(train_N))
    if not both_V.any():
        return ""
    values, rows = len(distinct(test_V[both_V])), int(both_V.sum())
    return f"{rows:,} of {counted(len(test_V), 'test row')} are of {what} that training rows have too ({values:,})"


def remedy(dataset: Dataset, _shuffled: bool) -> str:
    """Say what keeps groups apart: test rows that are drawn by group, or files that are divided by it."""
    if dataset.drawn:
        return "name this column in data.groups: test rows are then drawn by group"
    if dataset.groups is None:
        return "the files share them: divide the files by this column"
    return "the files share groups, which data.groups does not change: divide the files by group"


CHECK: Final = RowCheck("shared groups", shared_groups, remedy)
