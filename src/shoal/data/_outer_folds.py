"""Outer folds, and the folds of the rows outside of one: the same splitters, asked of fewer rows.

Letters: N training rows, M of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset, Split
from shoal.data._folds import FoldOptions, make_folds
from shoal.errors import DataError, Problem


def make_outer_folds(dataset: Dataset, options: FoldOptions) -> tuple[Split, ...]:
    """Split the training rows into those that the whole search is made on, and those that it is scored on.

    Raises DataError as `make_folds` does.
    """
    folds = make_folds(dataset, replace(options, section="nested"))
    return tuple(replace(split, label=f"outer {split.label}") for split in folds)


def make_folds_within(dataset: Dataset, outer: Split, options: FoldOptions) -> tuple[Split, ...]:
    """Split the rows to train on of an outer fold, sorted, as the folds of a data set that has no other training rows.

    Raises DataError, with the name of the outer fold, where they do not allow the folds asked for.
    """
    row_M = outer.train
    part = replace(
        dataset,
        columns=(),
        images=None,
        targets=dataset.targets[row_M],
        train_rows=len(row_M),
        groups=_of_rows(dataset.groups, row_M),
        given_folds=_of_rows(dataset.given_folds, row_M),
        times=_of_rows(dataset.times, row_M),
    )
    where = f"without the rows of {outer.label}"
    try:
        folds = make_folds(part, options)
    except DataError as error:
        problems = [replace(problem, what=f"{where}, {problem.what}") for problem in error.problems]
        raise DataError(problems) from error
    if not folds:  # a column names them, and no row outside of the outer fold has one
        raise DataError(Problem("search.folds", f"{where}, expected a fold in the column, got none"))
    if any(not len(split.train) for split in folds):  # the others lie wholly in the outer fold
        what = "expected two folds in the column, so that rows are left to train on, got one"
        raise DataError(Problem("search.folds", f"{where}, {what}"))
    return tuple(
        Split(f"{split.label}, {outer.label}", split.stream, row_M[split.train], row_M[split.validation])
        for split in folds
    )


def _of_rows(value_N: NDArray[Any] | None, row_M: NDArray[np.int64]) -> NDArray[Any] | None:
    return None if value_N is None else value_N[row_M]
