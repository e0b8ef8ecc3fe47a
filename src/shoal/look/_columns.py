"""The columns of a table, one line each: which part each plays, as what it is read, what is done with it.

The plan, the report and the study that `shoal new` writes say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from shoal.data import by_series
from shoal.look._text_layout import in_lines
from shoal.results import ColumnRecord
from shoal.wording import counted, quoted

MOST_LINES: Final = 40
"""Columns from which neighbours that are alike share a line."""
_WIDTH: Final = 100
_LONGEST_NAME: Final = 30


@dataclass(frozen=True)
class ColumnLine:
    """What is said of one column, or of neighbours that are alike."""

    names: str
    role: str
    done: str


def column_lines(columns: Sequence[ColumnRecord]) -> list[ColumnLine]:
    """Give a line for each column, or series of an array; of more than 40, one for neighbours that are alike."""
    columns = list(_with_series(columns))
    if len(columns) <= MOST_LINES:
        return [_line([column]) for column in columns]
    return [_line(list(group)) for _, group in groupby(columns, key=_manner)]


def _with_series(columns: Sequence[ColumnRecord]) -> Iterator[ColumnRecord]:
    """Put the columns of each series of an array into one, where they are alike."""
    for name, places in by_series([column.name for column in columns]):
        own = [columns[place] for place in places]
        if len(own) == 1 or len(set(map(_manner, own))) > 1:
            yield from own
            continue
        values = counted(len(own), "value")
        done = f"{values}, some of them missing" if own[0].missing else values
        yield ColumnRecord(name, own[0].part, "series", done, own[0].missing)


def notes_beside(notes: Sequence[str], columns: Sequence[ColumnRecord]) -> list[str]:
    """Give the notes on the data that no line of a column says."""
    said = {f"column {quoted(column.name)}: {column.done}" for column in columns}
    return [note for note in notes if note not in said]


def columns_text(columns: Sequence[ColumnRecord]) -> list[str]:
    """Write the lines for a terminal, what is done wrapped beside."""
    if not columns:
        return []
    lines = column_lines(columns)
    names = min(_LONGEST_NAME, max(len(line.names) for line in lines))
    roles = max(len(line.role) for line in lines)
    beside = " " * (names + roles + 6)
    return ["columns", *(_wrapped(line, names, roles, beside) for line in lines)]


def _wrapped(line: ColumnLine, names: int, roles: int, beside: str) -> str:
    head = f"  {line.names:<{names}}  {line.role:<{roles}}"
    if not line.done:
        return head.rstrip()
    return in_lines(line.done, _WIDTH, f"{head}  ", beside)


def _manner(column: ColumnRecord) -> tuple[str, str, str, bool]:
    """Give what neighbours have in common that share a line: counts and categories are of one column alone."""
    own = column.missing or column.kind == "category"
    return column.part, column.kind, "" if own else column.done, column.missing


def _line(alike: Sequence[ColumnRecord]) -> ColumnLine:
    first, last = alike[0], alike[-1]
    reads = first.kind and first.part in ("input", "target")
    role = f"{first.part}, {first.kind}" if reads else first.part
    if len(alike) == 1:
        return ColumnLine(quoted(first.name), role, first.done.removeprefix("left out, "))
    same = {column.done.removeprefix("left out, ") for column in alike}
    done = same.pop() if len(same) == 1 else "cells of each are missing" if first.missing else ""
    return ColumnLine(f"{quoted(first.name)} to {quoted(last.name)} ({len(alike):,})", role, done)
