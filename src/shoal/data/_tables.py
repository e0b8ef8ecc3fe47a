"""Tables as written: CSV, TSV, Parquet and NPZ files to named columns of cells, strictly.

Nothing is guessed: a cell is text until a column is asked for as numbers (`_cells.py`).
Spaces and tabs around a cell of a text file do not count.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import nfc
from shoal.data._encoding import decode
from shoal.data._findings import Findings
from shoal.data._npz import Header, npz_headers, read_npz
from shoal.errors import DataError, EnvironmentFault, Problem, lacks_memory
from shoal.files import Unreadable, opened, size_of
from shoal.wording import few_quoted, quoted

MOST_COLUMNS: Final = 100_000
TEXT_COPIES: Final = 5.0
"""Copies of a text file while it is cut up: the text, and the reader's own (4 bytes a character)."""
TEXT_CELL: Final = 72.0
"""Bytes of a cell of a text file: a Python text, and its place in a row."""
_LESS: Final = "fewer rows or columns need less, and an NPZ file less than a text file"
_SAMPLE: Final = 1 << 16
_NAMELESS: Final = (
    "; if it numbers the rows, write the table without it (pandas: index=False, R: row.names = FALSE)"
)


@dataclass(frozen=True)
class Foreign:
    """Cells that are neither numbers nor text, or were not read; refused only where they are used."""

    kind: str


_NOT_READ: Final = Foreign("values that were not read")
_NONE: Final = np.empty((0, 0))
Cells = Sequence[str] | NDArray[Any] | Foreign
"""One column: text as written, or numbers (float, integer or bool, NaN where missing), shape (N,).

An array of objects mixes str, bool, int and float, None where missing.
"""


@dataclass(frozen=True, eq=False)
class Table:
    """A table as read. `lines` are the line numbers on which the rows start, for text files.

    `names` are in NFC. `index` are those of them that the file itself calls an index: columns to name, no inputs.
    """

    file: str
    names: tuple[str, ...]
    columns: tuple[Cells, ...]
    rows: int
    lines: Sequence[int] | None = None
    index: tuple[str, ...] = ()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of this name, in any form of Unicode."""
        return nfc(name) in self._places

    def __getitem__(self, name: str) -> Cells:
        """Give the cells of one column."""
        return self.columns[self._places[nfc(name)]]

    def number(self, row: int) -> int:
        """Give the line number of row `row` (from 0), or the row's own number from 1."""
        return self.lines[row] if self.lines is not None else row + 1

    def place(self, row: int, name: str) -> str:
        """Say where a cell stands."""
        return f"{'row' if self.lines is None else 'line'} {self.number(row)}, column {quoted(name)}"


@dataclass(frozen=True)
class Limits:
    """How much of a table is read: the columns asked for (None: all), and bytes of memory that it may take."""

    names: frozenset[str] | None = None
    room: float | None = None

    def wants(self, name: str) -> bool:
        """Whether a column, or an array of columns, is asked for."""
        return self.names is None or nfc(name) in self.names

    def refuse_above(self, need: float, path: Path) -> None:
        """Raise EnvironmentFault for a file that needs more memory than there is."""
        if self.room is not None and need > self.room:
            asked, there = (f"{size / 1e6:,.0f} MB" for size in (need, self.room))
            what = f"expected {asked} to read {path}, got {there} available; {_LESS}"
            raise EnvironmentFault(Problem("memory", what))


EVERYTHING: Final = Limits()
_PLAIN: Final = frozenset({"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE"})
"""Types of Parquet whose values are of one size."""
_BATCH: Final = 1 << 11


def read_table(path: str | Path, names: Iterable[str] | None = None, room: float | None = None) -> Table:
    """Read a .csv, .tsv, .parquet or .npz file: the columns that are `names` (None: all), in at most `room` bytes.

    Raises DataError with all mistakes of the file: missing, empty or damaged file, not UTF-8, empty or
    repeated column names, ragged lines. Raises EnvironmentFault, before it is read, for one that needs more memory.
    """
    findings = Findings(str(path))
    limits = Limits(None if names is None else frozenset(map(nfc, names)), room)
    table = scan_table(path, findings, limits)
    if table is None or findings.found:
        raise DataError(findings.problems())
    return table


def scan_table(path: str | Path, findings: Findings, limits: Limits = EVERYTHING) -> Table | None:
    """Read a table, noting what is wrong; readable rows are kept, so that their cells are checked too.

    Raises EnvironmentFault where it needs more memory than there is.
    """
    path = Path(path)
    readers = {
        ".csv": _read_csv,
        ".tsv": _read_tsv,
        ".tab": _read_tsv,
        ".parquet": _read_parquet,
        ".pq": _read_parquet,
        ".npz": _read_npz,
    }
    reader = readers.get(path.suffix.lower())
    try:
        with opened(path) as stream:
            if reader is None:
                findings.add("expected a table file ending in .csv, .tsv, .parquet or .npz")
                return None
            table = reader(path, stream, findings, limits)
    except (Unreadable, OSError) as error:
        findings.add((Unreadable.by(error) if isinstance(error, OSError) else error).sentence())
        return None
    except MemoryError as error:
        what = f"expected enough to read {path}, got no more from the system; {_LESS}"
        raise EnvironmentFault(Problem("memory", what)) from error
    if table is None or not names_are_good(table.names, "" if table.lines is None else "line 1", findings):
        return None
    return replace(table, names=tuple(map(nfc, table.names)), index=tuple(map(nfc, table.index)))


def _few_enough(columns: int, findings: Findings, place: str = "") -> bool:
    """Whether a table has no more columns than anybody means."""
    if columns > MOST_COLUMNS:
        findings.add(f"expected at most {MOST_COLUMNS:,} columns, got {columns:,}", place)
    return columns <= MOST_COLUMNS


def names_are_good(names: Sequence[str], place: str, findings: Findings) -> bool:
    """Column names must be there, and be different in NFC, the form in which names are compared."""
    for number, name in enumerate(names, start=1):
        if not name:
            advice = _NAMELESS if number == 1 else ""
            findings.add(
                f"expected a column name, got nothing{advice}", f"{place}, column {number}".lstrip(", ")
            )
    forms: dict[str, list[str]] = {}
    for name in names:
        forms.setdefault(nfc(name), []).append(name)
    repeated = {name: same for name, same in forms.items() if name and len(same) > 1}
    for name, same in repeated.items():
        differ = ", which differ in Unicode form only (NFC, NFD)" if len(set(same)) > 1 else ""
        findings.add(f"expected every column name once, got {quoted(name)} {len(same)} times{differ}", place)
    return not repeated and "" not in names


def _read_csv(path: Path, stream: BinaryIO, findings: Findings, limits: Limits) -> Table | None:
    return _read_separated(path, _text(path, stream, ",", findings, limits), ",", findings)


def _read_tsv(path: Path, stream: BinaryIO, findings: Findings, limits: Limits) -> Table | None:
    return _read_separated(path, _text(path, stream, "\t", findings, limits), "\t", findings)


def _text(path: Path, stream: BinaryIO, separator: str, findings: Findings, limits: Limits) -> str | None:
    """Read the text of a file, unless it would not fit: its cells are counted in its first bytes."""
    sample, size = stream.read(_SAMPLE), size_of(stream)
    cells = sample.count(separator.encode()) + sample.count(b"\n")
    limits.refuse_above(size * (TEXT_COPIES + TEXT_CELL * cells / max(1, len(sample))), path)
    return decode(sample + stream.read(), findings)


def _read_separated(path: Path, text: str | None, separator: str, findings: Findings) -> Table | None:
    """Read text cells by the rules of the csv module, quotes strict."""
    if text is None:
        return None
    rows, lines = _split(text, separator, findings)
    while rows and not rows[-1]:
        rows.pop()
        lines.pop()
    if not rows:
        if not findings.found:
            findings.add("expected a line of column names and rows below it, got an empty file")
        return None
    names = tuple(name.strip(" \t") for name in rows[0])
    if not names:
        findings.add("expected column names, got an empty line", "line 1")
        return None
    if not _few_enough(len(names), findings, "line 1") or _check_separator(names, separator, findings):
        return None
    body, lines = rows[1:], lines[1:]
    if not body and not findings.found:
        findings.add("expected at least one row below the column names, got none")
    if any(len(row) != len(names) for row in body):
        body, lines = _drop_ragged(body, lines, len(names), findings)
    return Table(str(path), names, tuple(zip(*body, strict=True)) or ((),) * len(names), len(body), lines)


def _split(text: str, separator: str, findings: Findings) -> tuple[list[list[str]], list[int]]:
    """Cut text into rows of cells, each with the line on which it starts."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        what = f"expected well-quoted cells, got: {error}"
        if "field larger" in str(error):
            most = f"{csv.field_size_limit():,} characters"
            what = f"expected cells of at most {most}, got a longer one; perhaps a quote is never closed"
        findings.add(what, f"line {start}", start)
    if re.search(rf'(^|[\r\n{separator}])[ \t]+"', text):
        _check_quotes(rows, lines, findings)
    return rows, lines


def _check_quotes(rows: list[list[str]], lines: list[int], findings: Findings) -> None:
    """A quote after spaces opens a cell for some readers and is a letter for others; so it is refused."""
    for row, line in zip(rows, lines, strict=True):
        for cell in row:
            if cell[:1] in (" ", "\t") and cell.lstrip(" \t").startswith('"'):
                findings.add(f"expected a quote to begin its cell, got {quoted(cell)}", f"line {line}", line)


def _check_separator(names: tuple[str, ...], separator: str, findings: Findings) -> bool:
    """One column whose name holds another separator is a file of another kind: nothing else in it is judged."""
    for other, called in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
        if len(names) == 1 and other != separator and other in names[0]:
            expected = "commas" if separator == "," else "tabs"
            findings.add(f"expected cells separated by {expected}, got {called}", "line 1")
            return True
    return False


def _drop_ragged(
    rows: list[list[str]], lines: list[int], width: int, findings: Findings
) -> tuple[list[list[str]], list[int]]:
    """Note rows of another width than the header's; keep the others."""
    if len(rows) > 1 and all(len(row) == width + 1 for row in rows):
        what = f"expected {width} cells as in line 1, got {width + 1} in every row: a column without a name"
        findings.add(f"{what}{_NAMELESS}", f"line {lines[0]}", lines[0])
        return [], []
    whole: list[int] = []
    for index, row in enumerate(rows):
        if len(row) == width:
            whole.append(index)
        else:
            count = str(len(row)) if row else "an empty line"
            cells = "cell" if width == 1 else "cells"
            findings.add(f"expected {width} {cells}, got {count}", f"line {lines[index]}", lines[index])
    return [rows[index] for index in whole], [lines[index] for index in whole]


def _read_npz(path: Path, stream: BinaryIO, findings: Findings, limits: Limits) -> Table | None:  # noqa: ARG001
    """Take 1-D arrays as columns, and a 2-D array "x" as columns x[0], x[1] ...; what nobody asks for is not read."""
    headers = npz_headers(path, findings)
    for name, header in headers.items():
        if header.fault:
            findings.add(f"array {quoted(name)}: {header.fault}")
        elif header.dtype.kind not in "biufU":
            findings.add(f"array {quoted(name)}: expected numbers or text, got {header.dtype}")
        elif len(header.shape) not in (1, 2):
            findings.add(f"array {quoted(name)}: expected 1 or 2 dimensions, got {len(header.shape)}")
    headers = {
        name: header for name, header in headers.items() if len(header.shape) in (1, 2) and not header.fault
    }
    if not _few_enough(sum(map(_width, headers.values())), findings):
        return None
    columns = {
        name: _columns_of(name, header) for name, header in headers.items() if header.dtype.kind in "biufU"
    }
    rows = {name: headers[name].shape[0] for name in columns if columns[name]}
    if len(set(rows.values())) > 1:
        lengths = [(column, rows[name]) for name in rows for column in columns[name][:10]][:10]
        shown = ", ".join(f"{quoted(name)} {length}" for name, length in lengths)
        findings.add(f"expected arrays of one length, got {shown}")
    if findings.found:
        return None
    used = [name for name in headers if any(map(limits.wants, columns[name]))]
    limits.refuse_above(2.0 * sum(headers[name].bytes for name in used), path)
    arrays = read_npz(path, findings, used)
    if findings.found:
        return None
    named: list[tuple[str, Cells]] = []
    for name, of_array in columns.items():
        parts = (
            [arrays[name]] if name in arrays and arrays[name].ndim == 1 else list(arrays.get(name, _NONE).T)
        )
        named += zip(of_array, parts or [_NOT_READ] * len(of_array), strict=True)
    return _typed_table(path, named, next(iter(rows.values()), 0), findings)


def _width(header: Header) -> int:
    return header.shape[1] if len(header.shape) == 2 else 1


def _columns_of(name: str, header: Header) -> list[str]:
    single = len(header.shape) == 1
    return [name] if single else [f"{name}[{place}]" for place in range(_width(header))]


def _read_parquet(path: Path, stream: BinaryIO, findings: Findings, limits: Limits) -> Table | None:
    """Read through pyarrow, an optional package."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        if lacks_memory(error):
            raise MemoryError from error
        findings.add('reading Parquet needs the package pyarrow: pip install "shoal[parquet]"')
        return None
    try:
        with pyarrow.parquet.ParquetFile(stream) as file:
            if not _few_enough(file.metadata.num_columns, findings):
                return None
            limits.refuse_above(_parquet_bytes(file.metadata), path)
            table = _unpacked(file, limits, path)
        named = [
            (name, _arrow_cells(column))
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
    except MemoryError:  # one of pyarrow's own exceptions is one
        raise
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        findings.add(f"expected a Parquet file, got a damaged one ({str(error).splitlines()[0]})")
        return None
    read = _typed_table(path, named, table.num_rows, findings)
    return (
        None
        if read is None
        else replace(read, index=_pandas_index(table.schema.metadata, table.column_names))
    )


def _unpacked(file: Any, limits: Limits, path: Path) -> Any:
    """Read all rows. One long text, held once, may stand in each: texts are weighed as they come."""
    import pyarrow

    columns = map(file.metadata.schema.column, range(file.metadata.num_columns))
    if all(column.physical_type in _PLAIN for column in columns):
        return file.read()
    bytes_held, batches = 0.0, []
    for packed in file.iter_batches(batch_size=_BATCH):
        coded = pyarrow.types.is_dictionary
        arrays = [column.dictionary_decode() if coded(column.type) else column for column in packed.columns]
        bytes_held += sum(map(_weight, arrays))
        limits.refuse_above(bytes_held, path)
        batches.append(pyarrow.RecordBatch.from_arrays(arrays, names=packed.schema.names))
    table = pyarrow.Table.from_batches(batches, schema=None if batches else file.schema_arrow)
    return table.replace_schema_metadata(file.schema_arrow.metadata)


def _weight(column: Any) -> float:
    """Give what a column takes, and becomes."""
    import pyarrow

    numbers = pyarrow.types.is_primitive(column.type)
    return float(column.nbytes) if numbers else 2.0 * column.nbytes + TEXT_CELL * len(column)


def _parquet_bytes(metadata: Any) -> float:
    """What reading needs: the columns as they are unpacked, and as arrays of 8 bytes a cell at least."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return float(
        sum(group.total_byte_size for group in groups) + 8 * metadata.num_rows * metadata.num_columns
    )


def _pandas_index(metadata: Mapping[bytes, bytes] | None, names: Sequence[str]) -> tuple[str, ...]:
    """Give the columns that pandas stored as the index of its frame; foreign metadata name none.

    "index_columns" lists them; a range, which takes no column, is an object there.
    https://pandas.pydata.org/docs/development/developer.html
    """
    try:
        described = json.loads((metadata or {}).get(b"pandas", b"{}"))
    except (ValueError, RecursionError):
        return ()
    index = described.get("index_columns") if isinstance(described, dict) else None
    named = {name for name in index if isinstance(name, str)} if isinstance(index, list) else set()
    return tuple(name for name in names if name in named)


def _arrow_cells(column: Any) -> Cells:
    """Turn a pyarrow column into numbers, text (empty where missing) or what it is."""
    import pyarrow

    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
        return np.asarray(column.to_numpy())
    if pyarrow.types.is_boolean(kind) and not column.null_count:
        return np.asarray(column.to_numpy(), dtype=bool)
    if pyarrow.types.is_boolean(kind):
        return np.array(column.to_pylist(), dtype=object)
    if pyarrow.types.is_decimal(kind):
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        return [value or "" for value in column.to_pylist()]
    return Foreign(str(kind))


def _typed_table(
    path: Path, named: Sequence[tuple[str, Cells]], rows: int, findings: Findings
) -> Table | None:
    """Put typed columns together; a table without columns or rows is refused."""
    names = [name for name, _ in named]
    if not names or not rows:
        description = f"columns {few_quoted(names)} without rows" if names else "an empty table"
        findings.add(f"expected columns and at least one row, got {description}")
        return None
    return Table(str(path), tuple(names), tuple(cells for _, cells in named), rows)
