"""A shipped file as a person sees it: its rows of text cells, and what its columns look like.

This is no part of Shoal and shares nothing with it: the list of tables, and the models beside ours, rest on it.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".xlsx")
SEPARATORS = (",", "\t", ";", " ")
MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none", "?", "-", "."))
DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ]\d.*)?|\d\d?[/.-]\d\d?[/.-]\d{2,4}|\d{4}/\d\d?/\d\d?")
DATE_NAMES = frozenset(
    ("date", "time", "datetime", "timestamp", "year", "month", "day", "yr", "week", "quarter")
)
ID_NAMES = frozenset(
    ("id", "index", "rownames", "name", "names", "no", "number", "obs", "case", "subject", "uuid")
)


class NoTable(ValueError):
    """A file that is no table by the rules; the reason is its text."""


@dataclass(frozen=True, eq=False)
class Shipped:
    """A file as text cells; `named` is False where its columns have no names of their own."""

    cells: pd.DataFrame
    named: bool
    separator: str


def read(path: Path) -> Shipped:
    """Read a file by its bytes alone. Raises NoTable."""
    if path.name.removesuffix(".gz").endswith(".xlsx"):
        rows, separator = pd.read_excel(path, header=None, dtype=str).fillna("").to_numpy().tolist(), ""
    else:
        rows, separator = _rows(_text(path))
    names, named = _names(rows)
    body = rows[1:] if named else rows
    return Shipped(pd.DataFrame(body, columns=names, dtype=object), named, separator)


def _text(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix in (".gz", ".bz2"):
        data = (gzip if path.suffix == ".gz" else bz2).decompress(data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _rows(text: str) -> tuple[list[list[str]], str]:
    """Split at the separator that gives every line the same number of cells, three or more; give it, too."""
    for separator in SEPARATORS:
        rows = [row for row in _split(text, separator) if row]
        even = rows and len(rows[0]) > 2 and all(len(row) == len(rows[0]) for row in rows)
        if even and (separator != " " or _mostly_numbers(rows)):
            return rows, separator
    raise NoTable("no separator gives all lines the same number of cells, at least 3")


def _mostly_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Tell a table from sentences, whose words white space separates, too."""
    cells = [cell for row in rows[1:] for cell in row]
    return sum(map(is_number, cells)) > len(cells) / 2


def _split(text: str, separator: str) -> list[list[str]]:
    if separator == " ":
        lines = text.splitlines()
        return [[cell.strip('"') for cell in re.findall(r'"[^"]*"|\S+', line)] for line in lines]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise NoTable(str(error)) from error


def _names(rows: Sequence[Sequence[str]]) -> tuple[list[str], bool]:
    """Tell whether the first line has names, or is a row as the others are: then columns are called c1, c2, ..."""
    first, second = rows[0], rows[1] if len(rows) > 1 else rows[0]
    if not any(is_number(cell) for cell in first) and len(set(first)) == len(first) and all(first[1:]):
        return list(first), True
    if [is_number(cell) for cell in first] == [is_number(cell) for cell in second]:
        return [f"c{place}" for place in range(1, len(first) + 1)], False
    raise NoTable("the first line is neither names nor a row")


def is_number(cell: str) -> bool:
    """Whether Python reads a cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell and cell.strip().lower() not in ("nan", "inf", "infinity")


def number_of(cell: str) -> float:
    """Give the number that a cell holds, with commas between thousands, a unit of money or per cent; else NaN."""
    bare = cell.strip().strip("$€£%").strip()
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?", bare):
        bare = bare.replace(",", "")
    return float(bare) if is_number(bare) else float("nan")


def kind_of(name: str, cells: pd.Series) -> str:
    """Say what a column looks like: constant, date, id, number, category or text.

    A date by its name (whole words of it) or by most cells; an id by its name, where it has another value in nearly
    every row, or the unnamed first column; a number where most cells are; a category has at most 20 values.
    """
    known = cells[~cells.isin(MISSING)]
    words = set(re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    if known.nunique() < 2:
        return "constant"
    if words & DATE_NAMES or known.map(lambda cell: bool(DATE.fullmatch(cell))).mean() > 0.5:
        return "date"
    if not name or (words & ID_NAMES and known.nunique() > 0.9 * len(known)):
        return "id"
    if known.map(is_number).mean() > 0.5:
        return "number"
    return "category" if known.nunique() <= 20 else "text"
