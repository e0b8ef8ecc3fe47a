"""Numbers that some fit could not prepare or score, refused before any is trained.

Letters: N rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shoal.cores import spread
from shoal.data import Split, unscalable
from shoal.engine._fits import Planner
from shoal.errors import DataError, Problem
from shoal.nets import loss_of
from shoal.wording import quoted


def refuse_unscalable(planner: Planner) -> None:
    """Refuse numbers that some fit could not prepare or score, before any is trained. Raises DataError.

    Every fold, repeat and the refit scales by its own training rows; the lowest and the highest row of each column
    tell for all. Pixels are bytes and always fit.
    """
    dataset = planner.dataset
    numeric = [column.values for column in dataset.columns if not column.categorical]
    train, test = slice(dataset.train_rows), slice(dataset.train_rows, None)
    rows = _extremes([values[train] for values in numeric])
    test_rows = dataset.train_rows + _extremes([values[test] for values in numeric])
    targets = [] if dataset.classes else list(dataset.targets[: dataset.train_rows].T)
    if not numeric and not targets:
        return
    target_rows = _extremes(targets)

    def fault_of(numbered: tuple[int, Split]) -> DataError | None:
        """Say what the fits of one split could not prepare."""
        try:
            preprocessing = planner.preprocessing(numbered[1])
            preprocessing.inputs(dataset, rows)
            for loss in planner.study.losses:
                preprocessing.linked(loss_of(loss).link).targets(dataset, target_rows)
        except DataError as error:
            return error
        try:
            preprocessing.inputs(dataset, test_rows)
        except DataError as error:
            return DataError(
                replace(problem, what=f"{problem.what} in test rows") for problem in error.problems
            )
        return None

    # The largest first, so that no core waits long for the last one; what the first of all refuses is said.
    splits = sorted(enumerate(_splits(planner)), key=lambda numbered: -len(numbered[1].train))
    faults = spread(fault_of, splits, dataset.train_rows)
    wrong = {number: fault for (number, _), fault in zip(splits, faults, strict=True) if fault is not None}
    if wrong:
        raise wrong[min(wrong)]
    _refuse_unscorable(dataset.target_names, targets)


def unscalable_inputs(planner: Planner) -> dict[str, str]:
    """Name the inputs for which `refuse_unscalable` refuses a data set, each with what is wrong with it."""
    standardize = planner.study.data.standardize
    wrong: dict[str, str] = {}
    for column in planner.dataset.columns:
        if not column.categorical:
            rows = _extremes([column.values])
            said = (unscalable(column, split.train, rows, standardize) for split in _splits(planner))
            if what := next(filter(None, said), ""):
                wrong[column.name] = what
    return wrong


def _splits(planner: Planner) -> Iterator[Split]:
    """Give the rows of every fit of a study, by which it scales."""
    repeats = planner.study.study.repeats if planner.study.training.validation else 0
    yield from planner.folds
    yield from map(planner.comparison_split, range(repeats))
    yield planner.refit_split
    yield from planner.nested_splits


def _refuse_unscorable(names: Sequence[str], targets: Sequence[NDArray[np.float64]]) -> None:
    """Refuse targets so far apart that squared errors overflow, those of their mean already."""
    for name, values in zip(names, targets, strict=False):
        low, high = float(values.min()), float(values.max())
        if not math.isfinite((high - low) * (high - low) * len(values)):
            what = f"expected targets whose squared errors 64-bit floating point holds (1.8e308), got {low} to {high}"
            raise DataError(Problem(f"column {quoted(name)}", what))


def _extremes(columns: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    """Give the rows of the lowest and of the highest value of every column that has any."""
    return np.array([row for values in columns for row in _ends(values)], np.int64)


def _ends(values_N: NDArray[np.float64]) -> tuple[int, ...]:
    """Give the rows of the lowest and of the highest value; none where there is no value."""
    if not len(values_N):
        return ()
    if not np.isnan(values_N[low := int(values_N.argmin())]):  # which is the first NaN, where there is one
        return low, int(values_N.argmax())
    if np.isnan(values_N).all():
        return ()
    return int(np.nanargmin(values_N)), int(np.nanargmax(values_N))
