"""A table looked at before a study asks anything of it: what may be learned, from which columns, what has to be said.

Letters: N rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import numbers, texts
from shoal.data._classes import NUMBER
from shoal.data._column_roles import TableSource
from shoal.data._dataset import Dataset
from shoal.data._findings import Findings
from shoal.data._guess import Choice, cells_of, target_of, targets_of, task_of
from shoal.data._holdout import draw_test_rows
from shoal.data._missing import Marks, missing_of
from shoal.data._notation import notation_of
from shoal.data._row_check import with_medians
from shoal.data._source import load_table_dataset
from shoal.data._table import Foreign, Table
from shoal.data._tables import read_table
from shoal.data.row_checks.row_order import row_order
from shoal.data.row_checks.undeclared_groups import groupings
from shoal.kinds import Task
from shoal.wording import counted, few_quoted, quoted

_NO_VALUE: Final = frozenset({
    "missing", "unknown", "not available", "unavailable", "not applicable", "undefined", "none", "nil", "n.a.", "n.d.",
    "n/k", "na", "nd", "blank", "empty",
})  # fmt: skip
"""Words of small letters that stand for a missing number; so does what has neither letters nor digits, such as `?`."""
MOST_CATEGORIES: Final = 50
"""Different cells of a column of numbers and text up to which it is read as categories."""


@dataclass(frozen=True)
class Wish:
    """What whoever asks has said already, None where it is to be guessed; `test_share` and `seed` are the study's."""

    target: str | None = None
    task: Task | None = None
    test_share: float = 0.2
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Survey:
    """What a table is like, and how a study is to ask for it.

    `keys` are further keys of `data` that the table needs. `dataset` is read as such a study reads it; `unreadable` are
    the columns that it cannot read, and why. `groupings` are inputs that may tell groups apart, `in_order` says how far
    neighbouring rows are alike: empty where nothing is suspected.
    """

    dataset: Dataset
    target: Choice
    task: Choice
    keys: Mapping[str, Choice]
    unreadable: Mapping[str, str]
    groupings: Mapping[str, str]
    in_order: str


def survey(path: str | Path, wish: Wish, room: float | None = None) -> Survey:
    """Look at a table: guess what nobody said, find what its columns are, and what has to be said so that it is read.

    Raises DataError for a file that is no table, a target that is not there, and where nothing can be learned.
    """
    table = read_table(path, room=room)
    keys: dict[str, Choice] = {}
    if marks := _marks(table):
        where = ", ".join(f"{quoted(mark)} in {few_quoted(names, 3)}" for mark, names in marks.items())
        keys["missing_marks"] = Choice(list(marks), f"among numbers: {where}")
    known = Marks.of(marks)
    target = target_of(table, wish.target, known)
    name: str = target.value
    task = Choice(wish.task, "as you said") if wish.task else task_of(table, name, known)
    targets_N = targets_of(table, name, task.value, known)
    there_N = ~missing_of(targets_N)
    if not there_N.all():
        lost = int((~there_N).sum())
        keys["missing_targets"] = Choice("drop", f"{counted(lost, 'row')} of {table.rows:,} without a target")
    unreadable, mixed = _odd_columns(table, name, known, _trained(targets_N, task.value, wish))
    if mixed:
        why = "numbers and text" + "".join(f"; {quoted(column)}: {what}" for column, what in mixed.items())
        keys["categorical"] = Choice(list(mixed), why)
    source = TableSource(
        train=path,
        task=task.value,
        targets=(name,),
        categorical=tuple(mixed),
        test_share=wish.test_share,
        seed=wish.seed,
        ignore=tuple(unreadable),
        find_kinds=True,
        impute=True,
        missing_marks=tuple(marks),
        drop_untargeted=not there_N.all(),
    )
    del table
    dataset = load_table_dataset(source, room)
    filled = with_medians(dataset)
    return Survey(
        dataset, target, task, keys, unreadable, groupings(filled, shuffled=True), row_order(filled, True)
    )


def _trained(targets_N: NDArray[Any], task: Task, wish: Wish) -> NDArray[np.int64]:
    """Give the rows that a study trains on, by the draw that it will make."""
    rows = np.flatnonzero(~missing_of(targets_N))
    labels = targets_N[rows] if task == "classification" else None
    return rows[~draw_test_rows(len(rows), wish.test_share, wish.seed, labels, None)]


def _marks(table: Table) -> dict[str, list[str]]:
    """Find texts that stand for a missing number, and the columns of numbers that hold them."""
    marks: dict[str, list[str]] = {}
    usual = Marks()
    for name in table.names:
        cells = table[name]
        if isinstance(cells, Foreign) or (isinstance(cells, np.ndarray) and cells.dtype.kind not in "OU"):
            continue
        if numbers(table, name, Findings(table.file), "", usual) is not None:
            continue
        times = _written(table, name, usual)
        words = [cell for cell in times if not NUMBER.fullmatch(cell)]
        if 2 * sum(times[cell] for cell in words) <= sum(times.values()):
            for cell in words:
                if cell.lower() in _NO_VALUE or not any(map(str.isalnum, cell)):
                    marks.setdefault(cell, []).append(name)
    return marks


def _written(table: Table, name: str, marks: Marks) -> Counter[str]:
    """Count the different cells of a column, missing ones left out."""
    values = texts(table, name, Findings(table.file), (), marks)
    return Counter(text for text in (() if values is None else values.tolist()) if text)


def _odd_columns(
    table: Table, target: str, marks: Marks, trained: NDArray[np.int64]
) -> tuple[dict[str, str], dict[str, str]]:
    """Give the columns that cannot be inputs, and why; and those of numbers and text that can be categories."""
    unreadable: dict[str, str] = {}
    mixed: dict[str, str] = {}
    for name in table.names:
        if name == target or name in table.index:
            continue
        values, why = cells_of(table, name, marks)
        if values is None:
            times = Counter[str]() if isinstance(table[name], Foreign) else _written(table, name, marks)
            words = [cell for cell in times if not NUMBER.fullmatch(cell)]
            dated = sum(notation_of(cell) is not None for cell in words)
            if words and 2 * dated <= len(words) and len(times) <= min(MOST_CATEGORIES, table.rows / 2):
                mixed[name] = f"{few_quoted(words, 3)} among numbers"
                values = texts(table, name, Findings(table.file), (), marks)
        if values is None:
            unreadable[name] = f"cannot be read: {why}"
        elif missing_of(values[trained]).all():
            unreadable[name] = "no training row has a value"
            mixed.pop(name, None)
    return unreadable, mixed
