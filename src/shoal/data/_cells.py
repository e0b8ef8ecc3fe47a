"""Cells of a table as exact float64 numbers or as text; what is neither is named by line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings, quoted
from shoal.data._tables import Foreign, Table

NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_NUMBER_BYTES = b"0123456789+-.eE \t"


def numbers(table: Table, name: str, findings: Findings, advice: str) -> NDArray[np.float64] | None:
    """Read column `name` as the nearest float64 of each cell, shape (N,); None where it is not numbers.

    `advice` ends the sentence about a column that holds text throughout.
    """
    cells = table[name]
    if isinstance(cells, Foreign):
        findings.add(f"expected numbers, got {cells.kind}", f"column {quoted(name)}")
        return None
    if isinstance(cells, np.ndarray) and cells.dtype.kind != "U":
        return _finite(table, name, cells, findings)
    values = _fast(cells)
    if values is None:
        _complain(table, name, [str(cell) for cell in cells], findings, advice)
    return values


def _finite(table: Table, name: str, cells: NDArray[Any], findings: Findings) -> NDArray[np.float64] | None:
    """Check numbers that came as numbers."""
    with np.errstate(over="ignore"):
        values = cells.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(values)).tolist()
    for row in bad:
        findings.add(f"expected a finite number, got {cells[row]}", table.place(row, name), table.number(row))
    return None if bad else values


def _fast(cells: Sequence[str] | NDArray[Any]) -> NDArray[np.float64] | None:
    """Convert at once where every cell is a plain finite number: float() rounds to nearest.

    The characters are checked first, since float() also takes "1_000", "nan" and digits of other scripts.
    """
    joined = "".join(cells)
    if not joined.isascii() or joined.encode("ascii").translate(None, _NUMBER_BYTES):
        return None
    try:
        values = np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _complain(table: Table, name: str, cells: list[str], findings: Findings, advice: str) -> None:
    """Name every cell that is no number, or the column as a whole where none is."""
    bad = [(row, fault) for row, cell in enumerate(cells) if (fault := _fault(cell)) is not None]
    words = [cell for cell in cells if cell.strip(" \t") and not _not_finite(cell)]
    if len(bad) == len(cells) and words and not any(map(_like_a_number, words)):
        what = f"expected numbers, got text such as {quoted(words[0])}{advice}"
        findings.add(what, f"column {quoted(name)}")
        return
    for row, fault in bad:
        findings.add(fault, table.place(row, name), table.number(row))


def _fault(cell: str) -> str | None:
    """Say what is wrong with one cell as a number."""
    if not cell.strip(" \t"):
        return "expected a number, got an empty cell"
    if NUMBER.fullmatch(cell):
        return None if math.isfinite(float(cell)) else f"expected a number below 1.8e308, got {quoted(cell)}"
    finite = "finite " if _not_finite(cell) else ""
    return f"expected a {finite}number, got {quoted(cell)}"


def _like_a_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _not_finite(cell: str) -> bool:
    return cell.strip().lstrip("+-").lower() in {"nan", "inf", "infinity"}


def texts(table: Table, name: str, findings: Findings) -> NDArray[np.str_] | None:
    """Read column `name` as text without spaces around it, shape (N,); numbers as they are best written."""
    cells = table[name]
    if isinstance(cells, Foreign):
        findings.add(f"expected numbers or text, got {cells.kind}", f"column {quoted(name)}")
        return None
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "f":
        if (values := _finite(table, name, cells, findings)) is None:
            return None
        return np.array([_plain(float(value)) for value in values], dtype=np.str_)
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "b":
        return np.where(cells, "true", "false")
    stripped = [str(cell).strip(" \t") for cell in cells]
    empty = [row for row, cell in enumerate(stripped) if not cell]
    for row in empty:
        findings.add("expected text, got an empty cell", table.place(row, name), table.number(row))
    return None if empty else np.array(stripped, dtype=np.str_)


def _plain(value: float) -> str:
    """Write 3.0 as "3", so that classes stored as whole floats read as one expects."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
