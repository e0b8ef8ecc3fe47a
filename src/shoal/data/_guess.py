"""What may be learned from a table of which nothing was said: a guess, and by which rule it was made.

Letters: N rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import holds_text, numbers, texts
from shoal.data._classes import label_problems, nfc
from shoal.data._column_roles import ONE_OF_CLASSES, with_hint
from shoal.data._dates import holds_dates
from shoal.data._distinct import distinct
from shoal.data._findings import Findings, refuse
from shoal.data._missing import Marks, missing_of
from shoal.data._table import Foreign, Table
from shoal.data._target_domain import note_no_labels
from shoal.data._targets import TRUTH
from shoal.errors import DataError, Problem
from shoal.kinds import Task, has_classes, task_kind
from shoal.wording import counted, few_quoted, quoted

TARGET_NAMES: Final = ("target", "y", "label", "labels", "class", "classes", "outcome", "response")
"""What a target is called, in whatever letters, the surest first."""
MOST_CLASSES: Final = 10
"""Different whole numbers up to which they are guessed to be classes, if each has some rows:"""
ROWS_OF_A_CLASS: Final = 5
FEWEST: Final = 10
"""Rows with a target that a study needs; from which whole numbers without a gap are guessed to number the rows."""


@dataclass(frozen=True)
class Choice:
    """A value that a study of a table needs, and why it is that one."""

    value: Any
    why: str


class Cells(NamedTuple):
    """The cells of a column as they can be read: float64 numbers or text, (N,); else None, and what is in the way."""

    values: NDArray[Any] | None
    why: str = ""


@dataclass(frozen=True, eq=False)
class LookedAt:
    """A table that is looked at, and what stands for a missing cell in it; `read` are its columns of plain numbers."""

    table: Table
    marks: Marks
    read: Mapping[str, NDArray[np.float64]]


def cells_of(looked_at: LookedAt, name: str) -> Cells:
    """Read a column as numbers, else as text where it holds text."""
    if name in looked_at.read:
        return Cells(looked_at.read[name])
    table, marks = looked_at.table, looked_at.marks
    findings = Findings(table.file)
    values: NDArray[Any] | None = numbers(table, name, findings, None, marks)
    if values is None and holds_dates(table, name, marks):
        return Cells(None, "dates")
    if values is None and holds_text(table, name, marks):
        values = texts(table, name, findings, (), marks)
    if values is None and not findings.found:
        numbers(table, name, findings, "", marks)  # which says what is in the way
    return Cells(values, "" if values is not None else obstacle(findings))


def obstacle(findings: Findings) -> str:
    """Say in a few words why a column cannot be read: what there is instead, and on which line."""
    _, place, what = min(findings.found, key=lambda item: item[0])
    line, at, _ = place.partition(", column ")
    others = len(findings.found) - 1
    more = f", and {counted(others, 'other cell')}" if others else ""
    return f"{what.partition(', got ')[2]}{f' on {line}' if at else ''}{more}"


def targets_in(text: str, names: Collection[str]) -> tuple[str, ...]:
    """Give the columns that a text names: itself, or else what stands between its commas."""
    parts = tuple(part.strip() for part in text.split(","))
    return (text,) if text in names or not any(part in names for part in parts) else parts


def target_of(looked_at: LookedAt, asked: Sequence[str] | None) -> Choice:
    """Take the targets that were named, or guess one: by its name, else the last column that can be one.

    The value is a tuple of names. Raises DataError where there is none.
    """
    table = looked_at.table
    for name in asked or ():
        if name not in table:
            columns = f"{table.file} ({few_quoted(table.names)})"
            what = f"expected a column of {columns}, got {with_hint(name, table.names)}"
            raise DataError(Problem("--target", what))
    if asked:
        return Choice(tuple(map(nfc, asked)), "as you said")
    guessed = _guessed(looked_at)
    return replace(guessed, value=(guessed.value,))


def _guessed(looked_at: LookedAt) -> Choice:
    table = looked_at.table
    able = [other for other in table.names if other not in table.index]
    for usual in TARGET_NAMES:
        for other in able:
            if other.lower() != usual:
                continue
            if why := _in_the_way(looked_at, other):
                what = f"expected a target, got {why}; mend it, or name another column by --target"
                raise DataError(Problem(f"{table.file}, column {quoted(other)}", what))
            if _can_be_learned(looked_at, other):
                return Choice(other, "a guess, from its name; --target names another")
    return _last_of(looked_at, able)


def _last_of(looked_at: LookedAt, able: Sequence[str]) -> Choice:
    """Take the last column that can be learned, of those with a value in half of the rows where there is one.

    Raises DataError where there is none.
    """
    lacking, unread = "", ""
    for name in reversed(able):
        if why := _in_the_way(looked_at, name):
            unread = unread or f" ({quoted(name)} cannot as it stands: {why})"
        elif _can_be_learned(looked_at, name):
            there_N = ~missing_of(_values(looked_at, name))
            if 2 * np.count_nonzero(there_N) >= len(there_N):
                guess = "a guess: the last column that can be learned"
                return Choice(name, f"{guess}{unread}; --target names another")
            lacking = lacking or name
    if lacking:
        return Choice(lacking, "a guess: no other column can be learned; --target names another")
    what = "expected a column to learn, of numbers that differ or of classes that rows share, got none"
    raise DataError(Problem(looked_at.table.file, what))


def _values(looked_at: LookedAt, name: str) -> NDArray[Any]:
    values = cells_of(looked_at, name).values
    return np.zeros(0) if values is None else values


def _in_the_way(looked_at: LookedAt, name: str) -> str:
    """Say what keeps a column of numbers from being read; nothing where it is read, or holds dates or another type."""
    values, why = cells_of(looked_at, name)
    cells = looked_at.table[name]
    is_typed = isinstance(cells, Foreign) and not cells.remedy
    return (
        "" if values is not None or is_typed or holds_dates(looked_at.table, name, looked_at.marks) else why
    )


def _can_be_learned(looked_at: LookedAt, name: str) -> bool:
    """Whether a column may be meant as a target: neither one value throughout, nor names, nor numbers of rows."""
    values = _values(looked_at, name)
    there_N = values[~missing_of(values)]
    different = distinct(there_N)
    if values.dtype.kind != "f":
        return 2 <= len(different) <= len(there_N) / 2
    counts_rows = len(different) == len(there_N) >= FEWEST and bool((np.diff(different) == 1).all())
    return len(different) > 1 and not counts_rows


def task_of(looked_at: LookedAt, names: Sequence[str]) -> Choice:
    """Guess what is learned: text and few whole numbers are classes, other numbers are measured ones.

    Of several targets those that hold 0 and 1 alone are labels. Raises DataError for a target that is neither numbers
    nor text.
    """
    return _task_of_one(looked_at, names[0]) if len(names) == 1 else _task_of_several(looked_at, names)


def _task_of_several(looked_at: LookedAt, names: Sequence[str]) -> Choice:
    odd = {name: what for name in names if (what := _no_label(looked_at, name))}
    if odd:
        why = f"a guess: {counted(len(names), 'target')}, not all of 0 and 1 alone"
        if len(odd) < len(names):
            name = next(iter(odd))
            why = f"{why}, as labels are: {quoted(name)} holds {odd[name]}"
        return Choice("regression", why)
    why = f"a guess: each of the {counted(len(names), 'target')} holds 0 and 1 alone"
    return Choice("multilabel", f"{why}; --task regression takes them as measured")


def _no_label(looked_at: LookedAt, name: str) -> str:
    """Say what a column holds, and where, that is neither 0 nor 1; nothing where it can be a label."""
    values = cells_of(looked_at, name).values
    if values is None or values.dtype.kind != "f":
        return "no numbers"
    odd = np.flatnonzero(~missing_of(values) & (values != 0) & (values != 1))
    more = f", and {counted(len(odd) - 1, 'other such cell')}" if len(odd) > 1 else ""
    return f"{values[odd[0]]:g} ({looked_at.table.row_place(int(odd[0]))}){more}" if len(odd) else ""


def _task_of_one(looked_at: LookedAt, name: str) -> Choice:
    values, why = cells_of(looked_at, name)
    if values is None:
        place = f"{looked_at.table.file}, column {quoted(name)}"
        raise DataError(Problem(place, f"expected a target, got {why}"))
    there_N = values[~missing_of(values)]
    different = distinct(there_N)
    if values.dtype.kind != "f":
        return Choice("classification", f"a guess: the target is text, {len(different):,} different")
    whole = bool((different == np.rint(different)).all())
    if whole and len(different) <= MOST_CLASSES and len(different) * ROWS_OF_A_CLASS <= len(there_N):
        why = (
            f"a guess: the target has {counted(len(different), 'different whole number')} in"
            f" {counted(len(there_N), 'row')}"
        )
        return Choice("classification", f"{why}; --task regression takes them as measured")
    why = f"a guess: the target is numbers, {len(different):,} different"
    return Choice("regression", f"{why}; --task classification takes them as classes")


def targets_of(looked_at: LookedAt, names: Sequence[str], task: Task) -> NDArray[Any]:
    """Read targets as the task asks: class labels (N,), or numbers (N, K), where missing an empty text or NaN.

    Raises DataError where they cannot be read so, or where too few rows have them.
    """
    table, marks = looked_at.table, looked_at.marks
    findings = Findings(table.file)
    if has_classes(task):
        refuse([Problem("--target", ONE_OF_CLASSES.format(len(names)))] if len(names) > 1 else [])
        read: list[NDArray[Any] | None] = [texts(table, names[0], findings, (), marks)]
    else:
        labels = task_kind(task).target == "labels"
        advice = "; --task classification takes it as classes" if len(names) == 1 else ""
        read = [numbers(table, name, findings, TRUTH if labels else advice, marks) for name in names]
        for name, column in zip(names, read, strict=True):
            if labels and column is not None:
                note_no_labels(name, column, table, findings)
        refuse(findings.problems() if labels else [])
    values = [column for column in read if column is not None]
    stacked = np.stack(values, axis=1) if len(values) == len(read) else np.zeros((0, 1))
    there = int((~missing_of(stacked).any(axis=1)).sum())
    place = f"{table.file}, column {quoted(names[0])}"
    if there < FEWEST:
        few = f"expected at least {FEWEST} rows with a target, to train, choose and test, got {there}"
        raise DataError(findings.problems() or [Problem(place, few)])
    if has_classes(task):
        refuse(label_problems([text for text in values[0].tolist() if text], place))
        return values[0]
    return stacked
