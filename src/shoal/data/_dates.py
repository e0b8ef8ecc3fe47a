"""Cells of a table as dates: float64 seconds since 1970-01-01, UTC, whatever format they come from.

A moment is a whole second and nanoseconds beyond it, exactly; as float64 it keeps whole seconds exactly, and
microseconds until the year 2242. Letters: N rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import note_rows, written_cells, written_counts
from shoal.data._column_kind import DateStyle, key_of
from shoal.data._date_formats import Moment, foreign_months, is_iso, iso_moment, likely_formats, moment_in
from shoal.data._findings import Findings
from shoal.data._missing import Marks
from shoal.data._notation import notation_of
from shoal.data._table import Cells, DateCells, Foreign, Table
from shoal.wording import counted, quoted

_EMPTY: Final = "expected a date, got an empty cell"
_LOOKED_AT: Final = 1000
"""Different cells by which the format of dates is guessed."""
_FIRST, _END = (86_400 * (day - date(1970, 1, 1).toordinal()) for day in (1, date.max.toordinal() + 1))
_PER_SECOND: Final = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_WHOLE: Final = ("Y", "M", "W", "D", "h", "m", "s")
_BEGINNING: Final = re.compile(r"[ \u00a0]*\d{1,4}[-/.:]\d", re.ASCII)
"""How every date and time begins that is made of numbers."""
_NOTATIONS: Final = ("a date", "a time of day")
_DURATION: Final = re.compile(r"\d{1,3}:[0-5]\d(:[0-5]\d([.,]\d+)?)?")

Floats = NDArray[np.float64]


def holds_dates(table: Table, name: str, marks: Marks | None = None) -> bool:
    """Whether a column is one of dates: typed, or of the cells that are there more than half, however written."""
    cells = _cells_of(table, name)
    if isinstance(cells, Foreign | DateCells):
        return isinstance(cells, DateCells)
    if isinstance(cells, np.ndarray) and cells.dtype.kind not in "OU":
        return False
    times = _different(cells, marks)
    if not times:
        return False
    count = sum(times.values())
    alike = sum(number for cell, number in times.items() if _like_a_date(cell))
    some = list(times)[:_LOOKED_AT]
    return 2 * alike > count or bool(likely_formats(some) or foreign_months(some))


def date_formats(table: Table, name: str, marks: Marks | None = None) -> tuple[str, ...]:
    """Give the usual formats in which every cell of a column of text is a date; none where it is ISO 8601."""
    cells = _cells_of(table, name)
    if isinstance(cells, Foreign | DateCells) or (
        isinstance(cells, np.ndarray) and cells.dtype.kind not in "OU"
    ):
        return ()
    different = list(_different(cells, marks))
    return () if all(map(is_iso, different)) else likely_formats(different[:_LOOKED_AT])


def dates(
    table: Table, name: str, style: DateStyle, findings: Findings, marks: Marks | None = None
) -> tuple[Floats, DateStyle] | None:
    """Read column `name` as seconds since 1970, UTC, (N,), with its style; None where something was noted.

    NaN where a cell is missing, as `marks` say; without them that is refused. Typed dates need no format. Where it is
    not yet known whether there is a time zone, it is learned; cells of the other habit are refused.
    """
    cells = _cells_of(table, name)
    if isinstance(cells, Foreign):
        findings.add(f"expected dates, got {cells}", f"column {quoted(name)}")
        return None
    if isinstance(cells, DateCells):
        return _from_typed(table, name, cells, style, (findings, marks))
    written = written_cells(cells)
    missing_N = np.zeros(len(written), np.bool_) if marks is None else marks.among(written)
    there = np.flatnonzero(~missing_N).tolist()
    read = {cell: _moment(cell, style.format) for cell in {written[row] for row in there}}
    bad = [row for row in there if read[written[row]] is None]
    if bad:
        _complain(table, name, {row: written[row] for row in there}, (bad, style), findings)
        return None
    if _zones_clash(name, {cell: moment for cell, moment in read.items() if moment}, style, findings):
        return None
    seconds_of = {cell: moment[0] + moment[1] / 1e9 for cell, moment in read.items() if moment}
    values = np.full(len(written), np.nan)
    values[there] = [seconds_of[written[row]] for row in there]
    zoned = next((moment[2] for moment in read.values() if moment), style.zoned)
    return values, DateStyle(style.format, style.zoned if style.zoned is not None else zoned)


def seconds_in(values: NDArray[Any]) -> Floats | None:
    """Give datetime64 (N,) as seconds since 1970, NaN for NaT; None for a unit without a length, or below 1 ns.

    What no 64 bits hold as seconds, or as finer units, is infinite: numpy turns it into another date.
    """
    unit, _ = np.datetime_data(values.dtype)
    if unit not in _PER_SECOND and unit not in _WHOLE:
        return None
    finer_N = values.astype(f"datetime64[{unit if unit in _PER_SECOND else 's'}]")
    count_N = finer_N.astype(np.int64)
    lost_N = finer_N.astype(values.dtype) != values
    if unit in _PER_SECOND:
        whole_N, rest_N = np.divmod(count_N, _PER_SECOND[unit])
        rest_N *= 10**9 // _PER_SECOND[unit]
    else:
        whole_N, rest_N = count_N, np.zeros_like(count_N)
    seconds_N = np.where(lost_N, np.inf, whole_N + rest_N / 1e9)
    return np.where(np.isnat(values), np.nan, seconds_N)


def _cells_of(table: Table, name: str) -> Cells:
    """Give the cells of a column, typed dates as such."""
    cells = table[name]
    return DateCells(cells) if isinstance(cells, np.ndarray) and cells.dtype.kind == "M" else cells


def _from_typed(
    table: Table, name: str, cells: DateCells, style: DateStyle, noting: tuple[Findings, Marks | None]
) -> tuple[Floats, DateStyle] | None:
    """Take typed dates, within the years that a calendar has."""
    findings, marks = noting
    column = f"column {quoted(name)}"
    values = seconds_in(cells.values)
    if values is None:
        findings.add(f"expected dates, got {cells.values.dtype}", column)
        return None
    outside = np.flatnonzero((values < _FIRST) | (values >= _END)).tolist()
    missing = [] if marks is not None else np.flatnonzero(np.isnan(values)).tolist()
    of_years = dict.fromkeys(outside, "expected a date of the years 1 to 9999, got another")
    note_rows(table, name, of_years, findings)
    note_rows(table, name, dict.fromkeys(missing, _EMPTY), findings)
    if style.zoned is not None and cells.zoned is not None and style.zoned != cells.zoned:
        findings.add(f"{_habit(style.zoned)}, as those learned from, got {_with(cells.zoned)}", column)
    elif not outside and not missing:
        return values, DateStyle(style.format, cells.zoned if style.zoned is None else style.zoned)
    return None


def _different(cells: Sequence[str] | NDArray[Any], marks: Marks | None) -> dict[str, int]:
    """Count the cells of each text that are there."""
    times = written_counts(cells)
    missing = Marks(frozenset()) if marks is None else marks
    return {cell: number for cell, number in times.items() if not missing.among([cell])[0]}


def _like_a_date(cell: str) -> bool:
    """Whether a cell is a date or a time of day in some notation."""
    if not _BEGINNING.match(cell):
        return False
    if is_iso(cell):
        return True
    notation = notation_of(cell)
    return notation is not None and notation.description in _NOTATIONS


def _moment(cell: str, text: str) -> Moment | None:
    return moment_in(cell, text) if text else iso_moment(cell)


def _complain(
    table: Table,
    name: str,
    cells: Mapping[int, str],
    bad: tuple[Sequence[int], DateStyle],
    findings: Findings,
) -> None:
    """Name every cell that is no date, or the column as a whole where many are none."""
    rows, style = bad
    as_what = f"dates written as {style.format}" if style.format else "dates of ISO 8601, such as 2024-12-31"
    words = [row for row in rows if cells[row]]
    if (
        not style.format
        and 2 * sum(map(is_iso, map(cells.__getitem__, rows))) < len(words)
        and (2 * len(rows) > len(cells))
    ):
        first = words[0]
        where, _, column = table.place(first, name).partition(", ")
        what = f"expected {as_what}, got {quoted(cells[first])} on {where} and others in {len(rows):,} of"
        advice = _advice(name, list(dict.fromkeys(cells.values()))[:_LOOKED_AT])
        findings.add(f"{what} {counted(len(cells), 'cell')}{advice}", column, table.number(first))
        return
    empty = [row for row in rows if not cells[row]]
    note_rows(table, name, dict.fromkeys(empty, _EMPTY), findings)
    for kind, members in _by_fault(words, cells, style).items():
        faults = {row: f"expected {kind}, got {quoted(cells[row])}" for row in members}
        note_rows(table, name, faults, findings)


def _by_fault(rows: Sequence[int], cells: Mapping[int, str], style: DateStyle) -> dict[str, list[int]]:
    """Sort rows by what is wrong: written otherwise, or no day of the calendar."""
    as_what = f"a date written as {style.format}" if style.format else "a date of ISO 8601"
    foreign = set(foreign_months({cells[row] for row in rows}))
    by_fault: dict[str, list[int]] = {}
    for row in rows:
        if cells[row] in foreign:
            by_fault.setdefault(f"{as_what}, its month in English or as a number", []).append(row)
            continue
        no_day = not style.format and is_iso(cells[row])
        by_fault.setdefault("a day of the calendar" if no_day else as_what, []).append(row)
    return by_fault


def _advice(name: str, cells: Sequence[str]) -> str:
    """Say with which key the study states how dates are written, or that no key does."""
    if foreign_months(cells):
        what = "names of months are read in English alone: write months as numbers in the file"
        return f"; {what}, or, where these are no dates, name the column in data.categorical"
    formats = likely_formats(cells)
    if not formats and 2 * sum(_DURATION.fullmatch(cell) is not None for cell in cells) > len(cells):
        return "; there is no such time of day: write durations as numbers in the file, such as seconds"
    first = quoted(formats[0] if formats else "%d/%m/%Y")
    others = f"; {quoted(formats[1])} fits, too" if len(formats) > 1 else "" if formats else " or the like"
    stated = f'data.columns.{key_of(name)} = {{ kind = "date", format = {first} }}'
    return f"; state how they are written: {stated}{others}"


def _zones_clash(name: str, read: Mapping[str, Moment], style: DateStyle, findings: Findings) -> bool:
    """Note dates with a time zone beside dates without, or of the habit that was not learned."""
    examples = {zoned: cell for cell, (_, _, zoned) in read.items()}
    column = f"column {quoted(name)}"
    if len(examples) == 2:
        what = "expected dates all with a time zone or all without"
        findings.add(f"{what}, got {quoted(examples[True])} and {quoted(examples[False])}", column)
        return True
    if style.zoned is not None and (not style.zoned) in examples:
        got = f"{quoted(examples[not style.zoned])}, {_with(not style.zoned)}"
        findings.add(f"{_habit(style.zoned)}, as those learned from, got {got}", column)
        return True
    return False


def _habit(zoned: bool) -> str:
    return f"expected dates {'with' if zoned else 'without'} a time zone"


def _with(zoned: bool) -> str:
    return f"{'with' if zoned else 'without'} one"


def date_text(second: float) -> str:
    """Write a moment as ISO 8601 has it, in UTC, without a time that is midnight."""
    return str(np.datetime64(round(second), "s")).removesuffix("T00:00:00")
