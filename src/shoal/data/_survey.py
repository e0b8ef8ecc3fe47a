"""A table looked at before a study asks anything of it: what may be learned, from which columns, what has to be said.

Letters: N rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._blanks import blanks_in_numbers, blanks_in_text, is_blank
from shoal.data._cells import holds_text, numbers, texts
from shoal.data._column_kind import CATEGORY, ColumnKind, DateStyle
from shoal.data._column_roles import TableSource
from shoal.data._dataset import Dataset
from shoal.data._date_formats import moment_in
from shoal.data._dates import date_formats, dates, holds_dates
from shoal.data._dialect import PLAIN, Dialect
from shoal.data._findings import Findings
from shoal.data._given_rows import GivenRows
from shoal.data._guess import (
    Choice,
    LookedAt,
    cells_of,
    obstacle,
    target_of,
    targets_in,
    targets_of,
    task_of,
)
from shoal.data._holdout import draw_test_rows
from shoal.data._missing import Marks, missing_of
from shoal.data._notation import notation_of
from shoal.data._row_check import one_thread, with_medians
from shoal.data._seen import seen_in
from shoal.data._source import load_table_dataset
from shoal.data._table import Foreign, Table
from shoal.data._tables import read_table
from shoal.data._targets import untargeted
from shoal.data.row_checks.row_order import row_order
from shoal.data.row_checks.undeclared_groups import groupings
from shoal.errors import DataError, Problem
from shoal.kinds import Task, has_classes
from shoal.wording import counted, few_quoted, quoted

_REMEDY: Final = "; mend it, or name in missing_marks what stands for nothing"
FEWEST_NUMBERS: Final = 50
"""Cells of a column of which a single one that is no number is taken for a mistake."""
MOST_REASONS: Final = 4
"""Columns whose reason is said, where none can be learned from."""
MOST_CATEGORIES: Final = 50
"""Different cells of a column of numbers and text up to which it is read as categories."""


@dataclass(frozen=True)
class Wish:
    """What whoever asks has said already, None where it is to be guessed; `test_share` and `seed` are the study's.

    A text may name several targets, with commas between them.
    """

    target: str | tuple[str, ...] | None = None
    task: Task | None = None
    test_share: float = 0.2
    seed: int = 0

    @property
    def named(self) -> list[str]:
        """Every column that may be meant."""
        text = self.target or ()
        return [text, *(part.strip() for part in text.split(","))] if isinstance(text, str) else list(text)

    def targets(self, names: Collection[str]) -> tuple[str, ...] | None:
        """Give the targets that are meant among the columns of a table."""
        return targets_in(self.target, names) if isinstance(self.target, str) else self.target


@dataclass(frozen=True, eq=False)
class Survey:
    """What a table is like, and how a study is to ask for it.

    `names` are all columns. `keys` are further keys of `data` that the table needs, `perhaps` cells that may stand for
    missing ones, each with its columns, `stated` the kinds of columns of which the study has to say them; `unusable`
    columns cannot be inputs, for a reason. `dataset` is read as such a study reads it. `groupings` are inputs that may
    tell groups apart, `in_order` says how far neighbouring rows are alike: empty where nothing is suspected.
    """

    names: tuple[str, ...]
    dataset: Dataset
    target: Choice
    task: Choice
    keys: Mapping[str, Choice]
    perhaps: Mapping[str, Sequence[str]]
    stated: Mapping[str, Choice]
    unusable: Mapping[str, str]
    groupings: Mapping[str, str]
    in_order: str


def survey(path: str | Path | GivenRows, wish: Wish, room: float | None = None) -> Survey:
    """Look at a table: guess what nobody said, find what its columns are, and what has to be said so that it is read.

    Raises DataError for a file that is no table, a target that is not there, and where nothing can be learned.
    """
    sightings = () if isinstance(path, GivenRows) else seen_in(path, room)
    keys = {seen.key: Choice(seen.value, seen.reason) for seen in sightings}
    dialect = Dialect.from_settings({key: choice.value for key, choice in keys.items()}) or PLAIN
    table = read_table(path, room=room, dialect=dialect, named=wish.named)
    marks, read = _marks(table, wish.named)
    if marks:
        where = ", ".join(f"{quoted(mark)} in {few_quoted(names, 3)}" for mark, names in marks.items())
        odd = [mark for mark in marks if not is_blank(mark)]
        mend = f"; {few_quoted(odd, 3)} once: mend it if it is a number" if odd else ""
        keys["missing_marks"] = Choice(list(marks), f"among numbers: {where}{mend}")
    looked_at = LookedAt(table, Marks.of(marks), read)
    perhaps = _doubtful_marks(looked_at)
    target = target_of(looked_at, wish.targets({*table.names, *table.index}))
    targets: tuple[str, ...] = target.value
    task = Choice(wish.task, "as you said") if wish.task else task_of(looked_at, targets)
    target_values = targets_of(looked_at, targets, task.value)
    there_N = ~untargeted(target_values)
    if not there_N.all():
        lost = int((~there_N).sum())
        keys["missing_targets"] = Choice("drop", f"{counted(lost, 'row')} of {table.rows:,} without a target")
    unusable, stated = _odd_columns(looked_at, targets, _trained(target_values, task.value, wish))
    source = TableSource(
        train=path,
        task=task.value,
        targets=targets,
        columns={column: choice.value for column, choice in stated.items()},
        test_share=wish.test_share,
        seed=wish.seed,
        ignore=tuple(unusable),
        find_kinds=True,
        impute=True,
        missing_marks=tuple(marks),
        drop_untargeted=not there_N.all(),
        dialect=dialect,
    )
    names = table.names
    del table, looked_at, read
    dataset = _loaded(source, unusable, room)
    filled = with_medians(dataset)
    with one_thread():
        grouped, in_order = groupings(filled, shuffled=True), row_order(filled, shuffled=True)
    return Survey(
        names=names,
        dataset=dataset,
        target=target,
        task=task,
        keys=keys,
        perhaps=perhaps,
        stated=stated,
        unusable=unusable,
        groupings=grouped,
        in_order=in_order or _sorted_by_date(filled),
    )


def _loaded(source: TableSource, unusable: Mapping[str, str], room: float | None) -> Dataset:
    """Load the rows as a study will. Raises DataError; where no input is left, with why columns are unusable."""
    try:
        return load_table_dataset(source, room)
    except DataError as error:
        if not unusable or error.problems[0].where != "data.inputs":
            raise
        why = "; ".join(f"{quoted(name)}: {what}" for name, what in islice(unusable.items(), MOST_REASONS))
        target = few_quoted(source.targets)
        what = f"expected a column to learn from beside the target {target}, got none ({why})"
        raise DataError(Problem(str(source.train), what)) from None


def _trained(targets: NDArray[Any], task: Task, wish: Wish) -> NDArray[np.int64]:
    """Give the rows that a study trains on, by the draw that it will make."""
    rows = np.flatnonzero(~untargeted(targets))
    labels = targets[rows] if has_classes(task) else None
    return rows[~draw_test_rows(len(rows), wish.test_share, wish.seed, labels, None)]


def _sorted_by_date(dataset: Dataset) -> str:
    """Say by which dates the training rows are sorted, as they stand in the file; nothing where by none."""
    for column in dataset.columns:
        step_N = np.diff(column.values[: dataset.train_rows]) if column.takes == "dates" else np.zeros(0)
        if 2 * np.count_nonzero(step_N) > dataset.train_rows and ((step_N >= 0).all() or (step_N <= 0).all()):
            return f"rows are in the order of {quoted(column.name)}"
    return ""


def _marks(
    table: Table, targets: Collection[str]
) -> tuple[dict[str, list[str]], dict[str, NDArray[np.float64]]]:
    """Find texts that stand for a missing number, with the columns that hold them; read columns of plain numbers."""
    marks: dict[str, list[str]] = {}
    read: dict[str, NDArray[np.float64]] = {}
    usual = Marks()
    for name in table.names:
        values = numbers(table, name, Findings(table.file), None, usual)
        if values is not None:
            read[name] = values
            continue
        times = _written(table, name, usual)
        words = [cell for cell in times if table.dialect.plain(cell) is None]
        if 2 * sum(times[cell] for cell in words) <= sum(times.values()):
            blanks = [cell for cell in words if is_blank(cell)]
            odd = [cell for cell in words if cell not in blanks]
            single = name not in targets and [times[cell] for cell in odd] == [1]
            if single and _is_odd(table, name, odd[0], times):
                blanks += odd
            for cell in blanks:
                marks.setdefault(cell, []).append(name)
    return marks, read


def _is_odd(table: Table, name: str, cell: str, times: Counter[str]) -> bool:
    """Whether the one cell that is no number of a column may count as missing: many are numbers, it is none that is
    written otherwise, and it means nothing in another column.
    """
    if sum(times.values()) < FEWEST_NUMBERS or notation_of(cell) is not None:
        return False
    return not any(cell in _written(table, other, Marks()) for other in table.names if other != name)


def _doubtful_marks(looked_at: LookedAt) -> dict[str, list[str]]:
    """Find cells of columns of text, and numbers, that may stand for missing ones, with the columns that hold them."""
    table, marks = looked_at.table, looked_at.marks
    doubtful: dict[str, list[str]] = {}
    for name in table.names:
        numbers_N = looked_at.read.get(name)
        if numbers_N is not None:
            cells = blanks_in_numbers(numbers_N)
        elif holds_text(table, name, marks):
            cells = blanks_in_text(_written(table, name, marks))
        else:
            cells = []
        for cell in cells:
            doubtful.setdefault(cell, []).append(name)
    return doubtful


def _written(table: Table, name: str, marks: Marks) -> Counter[str]:
    """Count the different cells of a column, missing ones left out."""
    values = texts(table, name, Findings(table.file), (), marks)
    return Counter(text for text in (() if values is None else values.tolist()) if text)


def _odd_columns(
    looked_at: LookedAt, targets: Sequence[str], trained: NDArray[np.int64]
) -> tuple[dict[str, str], dict[str, Choice]]:
    """Give the columns that cannot be inputs, and why; and those of which has to be said how they are read."""
    table, marks = looked_at.table, looked_at.marks
    unusable: dict[str, str] = {}
    stated: dict[str, Choice] = {}
    for name in table.names:
        if name in targets:
            continue
        if name in table.index:
            unusable[name] = "called an index"
            continue
        values, why = cells_of(looked_at, name)
        if values is None:
            values, choice = (
                _dated(table, name, marks) if holds_dates(table, name, marks) else _mixed(table, name, marks)
            )
            why = choice.why
            if choice.value is not None:
                stated[name] = choice
        if values is None:
            remedy = "" if isinstance(table[name], Foreign) or "; " in why else _REMEDY
            unusable[name] = f"cannot be read: {why}{remedy}"
        elif missing_of(values[trained]).all():
            unusable[name] = "no training row has a value"
            stated.pop(name, None)
    return unusable, stated


def _dated(table: Table, name: str, marks: Marks) -> tuple[NDArray[np.float64] | None, Choice]:
    """Read a column of dates, by a usual format where they are written otherwise than ISO 8601 has them."""
    findings = Findings(table.file)
    formats = date_formats(table, name, marks)
    for number, text in enumerate(formats or ("",)):
        read = dates(table, name, DateStyle(text), findings, marks)
        if read is None:
            continue
        if not text:
            return read[0], Choice(None, "")
        first = next(cell for cell in _written(table, name, marks) if moment_in(cell, text))
        also = f"; {quoted(formats[number + 1])} fits as well" if len(formats) > number + 1 else ""
        return read[0], Choice(ColumnKind("date", format=text), f"dates such as {quoted(first)}{also}")
    return None, Choice(None, obstacle(findings))


def _mixed(table: Table, name: str, marks: Marks) -> tuple[NDArray[Any] | None, Choice]:
    """Read a column of numbers and text as categories, where they are few and the text is no number of people."""
    findings = Findings(table.file)
    numbers(table, name, findings, "", marks)
    values = None if isinstance(table[name], Foreign) else texts(table, name, Findings(table.file), (), marks)
    times = Counter(() if values is None else values.tolist())
    words = [cell for cell in times if cell and table.dialect.plain(cell) is None]
    noted = sum(notation_of(cell) is not None for cell in words)
    if 2 * noted <= len(words) and 0 < len(times) <= min(MOST_CATEGORIES, table.rows / 2):
        return values, Choice(CATEGORY, f"numbers, and text such as {few_quoted(words, 2)}")
    return None, Choice(None, obstacle(findings))
