"""What the suite of table formats needs: a writer for every format, and a toy that stands outside of the package."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import openpyxl
import pyarrow
import pyarrow.parquet

Columns = Mapping[str, list[Any]]

TOY: Final = '''"""Toy: one JSON object a line, the same keys in each."""

import json

from shoal.data._table import Table
from shoal.data._table_format import TableFormat


def _read(file):
    text = file.text(lambda sample: sample.count(b'":'))
    if text is None:
        return None
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict) and (not rows or row.keys() == rows[0].keys()):
            rows.append(row)
        else:
            file.findings.add("expected an object with the keys of the first line", f"line {number}", number)
    if not rows:
        file.findings.add("expected at least one object, got none")
        return None
    columns = tuple(tuple(str(row[name]) for row in rows) for name in rows[0])
    return Table(str(file.path), tuple(rows[0]), columns, len(rows), range(1, len(rows) + 1))


FORMAT = TableFormat(_read)
'''
"""Its row in the table of kinds is `TableKind("Toy lines", (".toylines",), is_text=True)`."""


def _write_separated(columns: Columns, path: Path, separator: str) -> None:
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows), encoding="utf-8")


def _write_lines(columns: Columns, path: Path) -> None:
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _write_npz(columns: Columns, path: Path) -> None:
    with path.open("wb") as file:  # numpy puts .npz behind a name that ends in other letters
        np.savez(file, **{name: np.array(values) for name, values in columns.items()})


def _write_xlsx(columns: Columns, path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    for row in (list(columns), *zip(*columns.values(), strict=True)):
        sheet.append(row)
    book.save(path)


WRITERS: Final[dict[str, Callable[[Columns, Path], None]]] = {
    "csv": lambda columns, path: _write_separated(columns, path, ","),
    "tsv": lambda columns, path: _write_separated(columns, path, "\t"),
    "txt": lambda columns, path: _write_separated(columns, path, ";"),
    "parquet": lambda columns, path: pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path),
    "npz": _write_npz,
    "xlsx": _write_xlsx,
    "toy-lines": _write_lines,
}
"""One a format, and one of the toy."""
