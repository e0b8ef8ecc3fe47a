"""Tables as written: CSV, TSV, Parquet and NPZ files to named columns of cells, strictly.

Nothing is guessed: a cell is text until a column is asked for as numbers (`_cells.py`).
Spaces and tabs around a cell of a text file do not count.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import nfc
from shoal.data._encoding import decode
from shoal.data._findings import Findings, listed, quoted
from shoal.data._npz import read_npz
from shoal.errors import DataError

_NAMELESS: Final = (
    "; if it numbers the rows, write the table without it (pandas: index=False, R: row.names = FALSE)"
)


@dataclass(frozen=True)
class Foreign:
    """Cells that are neither numbers nor text; refused only where they are used."""

    kind: str


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

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of this name, in any form of Unicode."""
        return nfc(name) in self.names

    def __getitem__(self, name: str) -> Cells:
        """Give the cells of one column."""
        return self.columns[self.names.index(nfc(name))]

    def number(self, row: int) -> int:
        """Give the line number of row `row` (from 0), or the row's own number from 1."""
        return self.lines[row] if self.lines is not None else row + 1

    def place(self, row: int, name: str) -> str:
        """Say where a cell stands."""
        return f"{'row' if self.lines is None else 'line'} {self.number(row)}, column {quoted(name)}"


def read_table(path: str | Path) -> Table:
    """Read a .csv, .tsv, .parquet or .npz file.

    Raises DataError with all mistakes of the file: missing, empty or damaged file, not UTF-8, empty or
    repeated column names, ragged lines.
    """
    findings = Findings(str(path))
    table = scan_table(path, findings)
    if table is None or findings.found:
        raise DataError(findings.problems())
    return table


def scan_table(path: str | Path, findings: Findings) -> Table | None:
    """Read a table, noting what is wrong; readable rows are kept, so that their cells are checked too."""
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
    if not is_file(path, findings):
        return None
    if reader is None:
        findings.add("expected a table file ending in .csv, .tsv, .parquet or .npz")
        return None
    try:
        table = reader(path, findings)
    except OSError as error:
        findings.add(f"expected a readable file, got: {error.strerror or error}")
        return None
    if table is None or not names_are_good(table.names, "" if table.lines is None else "line 1", findings):
        return None
    return replace(table, names=tuple(map(nfc, table.names)), index=tuple(map(nfc, table.index)))


def is_file(path: Path, findings: Findings) -> bool:
    """Whether there is a regular file; noted if not."""
    if path.is_file():
        return True
    came = "a directory" if path.is_dir() else "something else" if path.exists() else "nothing there"
    findings.add(f"expected a file, got {came}")
    return False


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


def _read_csv(path: Path, findings: Findings) -> Table | None:
    return _read_separated(path, ",", findings)


def _read_tsv(path: Path, findings: Findings) -> Table | None:
    return _read_separated(path, "\t", findings)


def _read_separated(path: Path, separator: str, findings: Findings) -> Table | None:
    """Read text cells by the rules of the csv module, quotes strict."""
    text = decode(path.read_bytes(), findings)
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
    if _check_separator(names, separator, findings):
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
        findings.add(f"expected well-quoted cells, got: {error}", f"line {start}", start)
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
            wanted = "commas" if separator == "," else "tabs"
            findings.add(f"expected cells separated by {wanted}, got {called}", "line 1")
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
    kept: list[int] = []
    for index, row in enumerate(rows):
        if len(row) == width:
            kept.append(index)
        else:
            came = str(len(row)) if row else "an empty line"
            cells = "cell" if width == 1 else "cells"
            findings.add(f"expected {width} {cells}, got {came}", f"line {lines[index]}", lines[index])
    return [rows[index] for index in kept], [lines[index] for index in kept]


def _read_npz(path: Path, findings: Findings) -> Table | None:
    """Take 1-D arrays as columns, and a 2-D array "x" as columns x[0], x[1] ..."""
    named: list[tuple[str, NDArray[Any]]] = []
    for name, array in read_npz(path, findings).items():
        if array.dtype.kind not in "biufU":
            findings.add(f"array {quoted(name)}: expected numbers or text, got {array.dtype}")
        elif array.ndim == 1:
            named.append((name, array))
        elif array.ndim == 2:
            named += [(f"{name}[{index}]", array[:, index]) for index in range(array.shape[1])]
        else:
            findings.add(f"array {quoted(name)}: expected 1 or 2 dimensions, got {array.ndim}")
    lengths = {name: len(cells) for name, cells in named}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{quoted(name)} {length}" for name, length in list(lengths.items())[:10])
        findings.add(f"expected arrays of one length, got {shown}")
    if findings.found:
        return None
    return _typed_table(path, named, next(iter(lengths.values()), 0), findings)


def _read_parquet(path: Path, findings: Findings) -> Table | None:
    """Read through pyarrow, an optional package."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        findings.add('reading Parquet needs the package pyarrow: pip install "shoal[parquet]"')
        return None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
        named = [
            (name, _arrow_cells(column))
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        findings.add(f"expected a Parquet file, got a damaged one ({str(error).splitlines()[0]})")
        return None
    read = _typed_table(path, named, table.num_rows, findings)
    return (
        None
        if read is None
        else replace(read, index=_pandas_index(table.schema.metadata, table.column_names))
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
    return tuple(name for name in names if isinstance(index, list) and name in index)


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
        came = f"columns {listed(names)} without rows" if names else "an empty table"
        findings.add(f"expected columns and at least one row, got {came}")
        return None
    return Table(str(path), tuple(names), tuple(cells for _, cells in named), rows)
