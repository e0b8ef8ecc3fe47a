"""What pictures of errors need of the test rows beyond numbers: categories, dates, and names of groups if asked for.

Letters: V test rows, D dates, L categories.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Dataset
from shoal.engine._fits import Planner
from shoal.engine._source import group_numbers
from shoal.kinds import task_kind
from shoal.results import FURTHER, LACKING, TEST_CELLS, CellsKept, Store
from shoal.wording import is_utf8, shorten, visible

LEVELS: Final = 12
"""Categories of a column that are kept by name, at most: the most frequent."""
MOST_NAMED: Final = 1000
"""Groups that are kept by name, at most: those of the most test rows."""
LETTERS: Final = 200
"""Of a name, at most."""
_PART: Final = "test cells"


def keep_test_cells(planner: Planner, fit_id: str, store: Store) -> None:
    """Keep them beside the delivered fit, where numbers are learned from a table, and of classes the categories."""
    dataset = planner.dataset
    target = task_kind(dataset.task).target
    if target == "labels":
        return
    numbers = target == "numbers"
    categorical = [column for column in dataset.columns if column.categorical]
    dates = [column for column in dataset.columns if column.takes == "dates" and numbers]
    named = numbers and planner.study.report.groups
    groups = group_names(dataset, group_numbers(dataset)) if named else ()
    if not (categorical or dates or groups):
        return
    tested = slice(dataset.train_rows, None)
    coded = [coded_levels(column.take(tested)) for column in categorical]
    arrays: dict[str, NDArray[Any]] = {str(number): place_V for number, (_, _, place_V) in enumerate(coded)}
    rows = dataset.rows - dataset.train_rows
    arrays["dates"] = (
        np.stack([column.values[tested] for column in dates], 1) if dates else np.zeros((rows, 0))
    )
    store.put_derived(fit_id, _PART, arrays)
    cells = CellsKept(
        fit_id,
        _PART,
        tuple(column.name for column in categorical),
        tuple(levels for levels, _, _ in coded),
        tuple(further for _, further, _ in coded),
        tuple(column.name for column in dates),
        groups,
    )
    store.put_fact(TEST_CELLS, asdict(cells))


def coded_levels(column: Column) -> tuple[tuple[str, ...], int, NDArray[np.uint8]]:
    """Give the most frequent categories, how many more there are, and the place of each row's among them, (V,)."""
    level_L, code_V = column.codes
    rows_L = np.bincount(code_V, minlength=len(level_L))
    there_L = [code for code in np.argsort(-rows_L, kind="stable").tolist() if level_L[code]]
    chosen = there_L[:LEVELS]
    if column.order:
        place = {text: number for number, text in enumerate(column.order)}
        chosen.sort(key=lambda code: place.get(str(level_L[code]), len(place)))
    place_L = np.where(level_L == "", LACKING, FURTHER).astype(np.uint8)
    place_L[chosen] = np.arange(len(chosen))
    return tuple(_cut(level_L[code]) for code in chosen), len(there_L) - len(chosen), place_L[code_V]


def group_names(dataset: Dataset, group_N: NDArray[np.int64]) -> tuple[tuple[int, str], ...]:
    """Name the groups of the test rows by their numbers; nothing where they are not known."""
    if dataset.test_groups is None or not len(group_N):
        return ()
    numbers, first, rows = np.unique(group_N[dataset.train_rows :], return_index=True, return_counts=True)
    named = np.sort(np.argsort(-rows, kind="stable")[:MOST_NAMED])
    return tuple((int(numbers[place]), _cut(str(dataset.test_groups[first[place]]))) for place in named)


def _cut(name: str) -> str:
    return shorten(name if is_utf8(name) else visible(name), LETTERS)
