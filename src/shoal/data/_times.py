"""When each row was: a column of times, or the places of rows in their file.

Letters: N rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import numbers
from shoal.data._column_kind import DATE, ISO, NUMBER, DateStyle
from shoal.data._column_roles import TIME, TableSource
from shoal.data._dates import date_text, holds_dates
from shoal.data._findings import Findings
from shoal.data._holdout import latest_rows
from shoal.data._input_columns import AskedColumn, read_column
from shoal.data._table import DateCells, Foreign, Table
from shoal.data._time_order import Sides
from shoal.errors import DataError, Problem
from shoal.wording import counted, quoted

TimeKind = Literal["date", "number", "place"]
_EXACT = 2.0**53
_ADVICE = "; data.time names a column of numbers or dates, which orders the rows"


@dataclass(frozen=True, eq=False)
class Times:
    """Times of rows, float64 (N,): seconds since 1970, numbers, or places in the file; `style` is how dates are
    written.
    """

    values: NDArray[np.float64]
    kind: TimeKind
    style: DateStyle = ISO

    def take(self, rows: NDArray[np.int64] | slice) -> Times:
        """Keep some rows."""
        return Times(self.values[rows], self.kind, self.style)


def read_times(
    source: TableSource, table: Table, findings: Findings, learned: Times | None, rows: NDArray[np.int64]
) -> Times | None:
    """Read when each row was, those of these places in the file; None where nobody asked, or something was noted.

    Each row needs a time. The column is read as the study says, else as numbers where all cells are, else as dates;
    one of other rows as it was `learned`. Categories have no order in time, so an input of them is read like any other.
    """
    if source.time is None:
        return Times(rows.astype(np.float64), "place") if source.ordered else None
    kind = source.stated(source.time)
    if learned is not None:
        kind = DATE if learned.kind == "date" else NUMBER
    elif kind is None or kind.name not in ("number", "date"):
        kind = DATE if _are_dates(table, source.time) else NUMBER
    style = DateStyle(kind.format) if learned is None else learned.style
    column = read_column(table, AskedColumn(source.time, kind, style=style), findings, None, _ADVICE)
    if column is None or _fall_together(table, source.time, column.values, findings):
        return None
    return Times(column.values, "date" if kind.name == "date" else "number", column.dates)


def _fall_together(table: Table, name: str, values: NDArray[np.float64], findings: Findings) -> bool:
    """Note whole numbers so large that different ones are one number of 64-bit floating point."""
    if not len(values) or not np.abs(values).max() >= _EXACT:
        return False
    cells = table[name]
    if isinstance(cells, Foreign | DateCells):
        return False
    times, moments = (
        len(set(cells.tolist() if isinstance(cells, np.ndarray) else cells)),
        len(np.unique(values)),
    )
    if times > moments:
        what = "expected times that 64-bit floating point tells apart (whole numbers up to 2^53, or dates)"
        got = f"got {counted(times, 'different one')} of which {moments:,} are left; count from the first one"
        findings.add(f"{what}, {got}", f"column {quoted(name)}")
    return times > moments


def _are_dates(table: Table, name: str) -> bool:
    return numbers(table, name, Findings(table.file), None) is None and holds_dates(table, name)


def time_text(time: float, kind: TimeKind) -> str:
    """Write a time for people."""
    return date_text(time) if kind == "date" else f"{time + (kind == 'place'):.12g}"


def latest_of(source: TableSource, times: Times, groups: NDArray[Any] | None) -> Sides:
    """Part the latest rows from those before them and their gap.

    Refused are groups that overlap in time so far that fewer rows are left to train on than are lost by it.
    """
    sides = latest_rows(times.values, source.test_share, groups, source.gap)
    rest = len(latest_rows(times.values, source.test_share, groups)[0])
    before = len(times.values) - len(sides[1])
    if groups is not None and before > 2 * rest:
        what = (
            "expected groups that follow each other in time, got ones that overlap: of"
            f" {counted(before, 'row')} that do not test, {before - rest:,} are as late as the first test row and would"
            f" be left out, so that {rest:,} would be left to train on"
        )
        remedy = (
            "; without data.groups the latest rows test, of known groups too, and without data.time and data.ordered"
            " whole groups do, whenever they were"
        )
        raise DataError(Problem(f"{source.train}, column {quoted(source.groups or '')}", what + remedy))
    return sides


def time_notes(source: TableSource, train: Times, test: Times | None, left_out: int) -> Iterator[str]:
    """Say what orders the rows, which of them test, and how many between were left out."""
    name = "" if source.time is None else f"column {quoted(source.time)}"
    first, last = (time_text(float(end), train.kind) for end in (train.values.min(), train.values.max()))
    if name:
        also = f"no input (data.keep = [{quoted(source.time or '')}] makes it one, too)"
        if source.time in (source.inputs or ()):
            also = "an input, too"
        zone = ", in UTC, as all its times are shown" if train.style.zoned else ""
        yield f"{name}: orders the rows ({TIME}); {also}; training rows are from {first} to {last}{zone}"
    if test is None:
        return
    if source.test is None:
        what = f"the latest {counted(len(test.values), 'row')} are the test rows"
        since = time_text(float(test.values.min()), test.kind)
        gap = f"; {counted(left_out, 'row')} before them left out" if left_out else ""
        yield f"{what}, from {since} on{gap}" if name else f"{what}{gap} (data.ordered)"
    elif early := int(np.count_nonzero(test.values <= train.values.max())):
        count = f"{early:,} of {counted(len(test.values), 'test row')}"
        yield f"{source.test}: {count} {'are' if early > 1 else 'is'} no later than the last training row ({last})"


def values_of(times: Times | None) -> Any:
    """Give the times alone; None where there are none."""
    return None if times is None else times.values
