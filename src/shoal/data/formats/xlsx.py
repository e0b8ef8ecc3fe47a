"""XLSX, workbooks of Excel, through openpyxl, an optional package: the typed cells of one sheet, formulas as computed.

The first row that is not empty holds the names.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

import numpy as np

from shoal.data._findings import Findings
from shoal.data._seen import keys_text, seen_in_cells
from shoal.data._table import Cells, DateCells, Foreign, Table
from shoal.data._table_format import TableFile, TableFormat
from shoal.errors import lacks_memory
from shoal.extras import needed
from shoal.wording import counted, few_quoted, quoted

_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, SyntaxError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, AssertionError, RuntimeError,
)  # fmt: skip
"""What openpyxl raises for files that are none of Excel's; SyntaxError is of XML, RuntimeError of a password."""
_UNPACKED: Final = 4.0
"""Memory while sheets and texts are read, for each byte of their XML: measured."""
_CELL: Final = 40.0
"""Bytes of a cell as a Python object, and its place in a row."""
_MOST_ROWS: Final = 1 << 20
"""Rows of a sheet, by Excel's own limit; a foreign file may say that there are more."""
_AT_ONCE: Final = 1 << 12
_MOST_SEEN: Final = 200
"""Rows that are looked at before a sheet is read."""
_Made = TypeVar("_Made")
_LATIN: Final = 26
_COMPUTE: Final = "open the workbook in a spreadsheet program and save it there"
_UNCOMPUTED: Final = object()
"""In place of the value of a formula that no program has computed yet."""


def _read(file: TableFile) -> Table | None:
    """Read one sheet."""
    return _in_book(file, _sheet)


def _head(file: TableFile) -> list[list[Any]]:
    """Give the first rows of the sheet, filled up to one width."""
    rows = _in_book(file, _first_rows) or []
    width = max(map(len, rows), default=0)
    return [row + [None] * (width - len(row)) for row in rows]


def _in_book(file: TableFile, use: Callable[[Any, TableFile], _Made | None]) -> _Made | None:
    """Open a workbook and read from it; where there is no openpyxl, the extra is named that brings it."""
    try:
        import openpyxl
    except ImportError as error:
        if lacks_memory(error):
            raise MemoryError from error
        file.findings.add(f"reading XLSX {needed('xlsx')}")
        return None
    try:
        file.refuse_above(_UNPACKED * _declared_bytes(file))
        with warnings.catch_warnings():  # of styles and charts, which no table needs
            warnings.simplefilter("ignore")
            with closing(openpyxl.load_workbook(file.stream, read_only=True, data_only=True)) as book:
                return use(book, file)
    except MemoryError:
        raise
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        file.findings.add(f"expected an XLSX workbook, got a damaged one ({quoted(reason)[1:-1]})")
        return None


def _declared_bytes(file: TableFile) -> int:
    """Sum the sizes that the file declares; no more than these are unpacked."""
    with zipfile.ZipFile(file.stream) as packed:
        return sum(
            entry.file_size for entry in packed.infolist() if entry.filename.endswith((".xml", ".rels"))
        )


def _chosen(book: Any, file: TableFile) -> Any:
    """Give the sheet that the study names, or the first; None where there is none."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    asked = file.dialect.sheet
    if not sheets or (asked is not None and asked not in sheets):
        expected = "a sheet of cells" if asked is None else f"a sheet {quoted(asked)} (data.sheet)"
        file.findings.add(f"expected {expected}, got {few_quoted(sheets) if sheets else 'none'}")
        return None
    sheet = sheets[next(iter(sheets)) if asked is None else asked]
    sheet.reset_dimensions()  # what a file says of its size may be wrong
    return sheet


def _first_rows(book: Any, file: TableFile) -> list[list[Any]]:
    """Give the first rows without empty cells at their ends, empty ones at the end left out."""
    sheet = _chosen(book, file)
    if sheet is None:
        return []
    rows = [list(row[: _width(row)]) for row in islice(sheet.iter_rows(values_only=True), _MOST_SEEN)]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _width(row: Sequence[Any]) -> int:
    return next((width for width in range(len(row), 0, -1) if row[width - 1] not in (None, "")), 0)


def _sheet(book: Any, file: TableFile) -> Table | None:
    """Read one sheet to the end."""
    sheet = _chosen(book, file)
    if sheet is None:
        return None
    notes: tuple[str, ...] = ()
    if file.dialect.sheet is None and len(book.worksheets) > 1:
        others = few_quoted([other.title for other in book.worksheets if other.title != sheet.title])
        notes = (f"sheet {quoted(sheet.title)} is read, and not {others} (data.sheet names another)",)
    rows, numbers = _rows(sheet, file)
    if not rows:
        file.findings.add("expected a row of column names and rows below it, got an empty sheet")
        return None
    place = f"row {numbers[0]}"
    if not file.has_few(len(rows[0]), place):
        return None
    names = [_name(cell) for cell in rows[0]]
    if file.findings.of_study and (not all(names[1:]) or any(len(row) > len(names) for row in rows[1:])):
        width = max(map(len, rows))
        filled = [row + [None] * (width - len(row)) for row in rows[:_MOST_SEEN]]
        titles = [seen for seen in seen_in_cells(filled, numbers[0]) if seen.key == "skip_lines"]
        if titles:
            what = f"expected rows of one width, got {titles[0].reason}"
            file.findings.add(f"{what}{file.findings.remedy(keys_text(titles))}")
            return None
    for column, name in enumerate(names[1:], start=2):
        if not name and any(row[column - 1 : column] not in ([], [None], [""]) for row in rows[1:]):
            cell = f"{_letters(column)}{numbers[0]}"
            what = "expected a column name, got an empty cell, perhaps one that is merged with others"
            file.findings.add(what, f"cell {cell}")
    if file.findings.found:
        return None
    body, lines = _of_width(rows[1:], numbers[1:], len(names), file.findings)
    columns = tuple(_cells(column, lines) for column in zip(*body, strict=True)) or ((),) * len(names)
    heading, path = numbers[0], str(file.path)
    return Table(path, tuple(names), columns, len(body), lines, heading=heading, noun="row", notes=notes)


def _rows(sheet: Any, file: TableFile) -> tuple[list[list[Any]], list[int]]:
    """Read the rows from the first to the last that are not empty, without empty cells at their ends; number them."""
    rows: list[list[Any]] = []
    numbers: list[int] = []
    cells = 0
    for number, row in enumerate(_computed(sheet, file), start=1):
        if number > _MOST_ROWS:
            file.findings.add(f"expected at most {_MOST_ROWS:,} rows, got more")
            break
        width = _width(row)
        if number <= file.dialect.skip_lines or not (width or rows):
            continue
        rows.append(list(row[:width]))
        numbers.append(number)
        cells += width + 2
        if number % _AT_ONCE == 0:  # a short file may say that a cell stands far to the right in every row
            file.refuse_above(_CELL * cells)
    while rows and not rows[-1]:
        rows.pop()
        numbers.pop()
    file.refuse_above(_CELL * cells)
    return rows, numbers


def _computed(sheet: Any, file: TableFile) -> Iterator[Sequence[Any]]:
    """Give the values of each row; where formulas stand in the file, those without a value are set apart.

    Programs that write workbooks without computing them leave such behind, and they would read as empty cells.
    """
    if not _has_formulas(file):
        yield from sheet.iter_rows(values_only=True)
        return
    import openpyxl

    with closing(openpyxl.load_workbook(file.stream, read_only=True)) as book:
        written = book[sheet.title]
        written.reset_dimensions()
        for cells, formulas in zip(sheet.iter_rows(), written.iter_rows(values_only=True), strict=True):
            yield [
                _UNCOMPUTED
                if cell.value is None and formula is not None and cell.data_type != "str"
                else cell.value
                for cell, formula in zip(cells, formulas, strict=True)
            ]  # a formula whose value is an empty text has the type of text


def _has_formulas(file: TableFile) -> bool:
    """Whether some sheet may have a formula."""
    with zipfile.ZipFile(file.stream) as packed:
        sheets = (name for name in packed.namelist() if name.startswith("xl/worksheets/"))
        return any(re.search(rb"<(\w+:)?f[ >/]", packed.read(name)) for name in sheets)


def _of_width(
    rows: Sequence[list[Any]], numbers: Sequence[int], width: int, findings: Findings
) -> tuple[list[list[Any]], list[int]]:
    """Fill rows up with empty cells; those that are longer than the names, or empty, are noted."""
    whole: list[list[Any]] = []
    places: list[int] = []
    for number, row in zip(numbers, rows, strict=True):
        if row and len(row) <= width:
            whole.append(row + [None] * (width - len(row)))
            places.append(number)
        else:
            count = str(len(row)) if row else "an empty row"
            findings.add(f"expected {counted(width, 'cell')}, got {count}", f"row {number}", number)
    return whole, places


def _name(cell: Any) -> str:
    """Write the name of a column, whatever type it has."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell in (None, _UNCOMPUTED) else str(_text(cell)).strip()


def _letters(column: int) -> str:
    """Name a column as a sheet does: A to Z, AA ..."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, _LATIN)
        letters = chr(ord("A") + letter) + letters
    return letters


def _cells(column: Sequence[Any], lines: Sequence[int]) -> Cells:
    """Turn cells into numbers, truth values, dates or text where all are of one type, else into a mixture.

    `lines` are the numbers of their rows.
    """
    if _UNCOMPUTED in column:
        count = counted(column.count(_UNCOMPUTED), "formula")
        first = f"the first in row {lines[column.index(_UNCOMPUTED)]}"
        return Foreign(f"{count} without a value, never computed, {first}", _COMPUTE)
    there = [cell for cell in column if cell is not None]
    kinds = set(map(type, there))
    if there and kinds <= {int, float}:
        if len(there) == len(column) and kinds == {int}:
            return _whole(there)
        return np.array([np.nan if cell is None else float(cell) for cell in column])
    if kinds == {bool} and len(there) == len(column):
        return np.array(there)
    if there and kinds <= {date, datetime}:
        return DateCells(np.array(column, dtype="datetime64[us]"), zoned=False)
    texts = [None if cell is None else _text(cell) for cell in column]
    if all(isinstance(text, str | None) for text in texts):
        return [text or "" for text in texts]
    return np.array([*texts, None], dtype=object)[:-1]


def _whole(cells: Sequence[int]) -> Cells:
    fits = min(cells) >= -(2**63) and max(cells) < 2**63
    return np.array(cells, np.int64 if fits else np.float64)


def _text(cell: Any) -> Any:
    """Write dates and times beside other cells as ISO 8601 does; numbers, truth values and text stay."""
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell


FORMAT = TableFormat(_read, _head)
