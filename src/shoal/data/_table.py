"""A table as it is handed on by whoever read it: named columns of cells, as written or as typed, nothing decided.

Reading ends here. Which column plays which part is decided from names (`_column_roles.py`); a cell becomes a number
or a category only when its column is asked for as such (`_cells.py`), and inputs of a network later (`_preprocess.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._array_columns import as_asked
from shoal.data._classes import nfc
from shoal.data._dialect import PLAIN, Dialect
from shoal.data._findings import Findings
from shoal.data._text_column import TextColumn
from shoal.wording import counted, few_quoted, quoted

STORED: Final = re.compile(r"unnamed: ?\d+(_level_\d+)?|__index_level_\d+__|level_\d+", re.IGNORECASE)
"""What pandas calls an index that was written without a name."""


@dataclass(frozen=True)
class Foreign:
    """Cells that are neither numbers nor text, or were not read; refused only where they are used.

    `remedy` makes them numbers or text, where something does.
    """

    kind: str
    remedy: str = ""

    def __str__(self) -> str:
        """What they are and what to do, as the end of a sentence."""
        return f"{self.kind}; {self.remedy}" if self.remedy else self.kind


@dataclass(frozen=True, eq=False)
class DateCells:
    """Dates of a typed format: datetime64 (N,) in UTC, NaT where missing; `zoned`: whether they have a time zone.

    None: there is no telling, as in arrays of numpy.
    """

    values: NDArray[Any]
    zoned: bool | None = None

    def __len__(self) -> int:
        """N."""
        return len(self.values)

    def __getitem__(self, rows: slice) -> DateCells:
        """Give some of them."""
        return replace(self, values=self.values[rows])


Cells = Sequence[str] | NDArray[Any] | DateCells | Foreign
"""One column: text as written, or numbers (float, integer or bool, NaN where missing), shape (N,); or dates.

An array of objects mixes str, bool, int and float, None where missing; one of datetime64 is dates without a time zone
to be known.
"""


@dataclass(frozen=True, eq=False)
class Table:
    """A table as read. `lines` are the line numbers on which the rows start, for text files.

    `names` are in NFC. `index` are those of them that the file itself calls an index, or that pandas calls so: columns
    to name, no inputs. `ordered` are those whose type says that their categories have an order. `nameless`: a first
    column without a name was left out, as pandas and R write row names. `dialect` is how its text cells are written,
    `notes` are sentences on what reading left out. `heading` is the line of the names, `noun` what lines are called
    there, `text_bytes` how much text was read.
    """

    file: str
    names: tuple[str, ...]
    columns: tuple[Cells, ...]
    rows: int
    lines: Sequence[int] | None = None
    index: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    nameless: bool = False
    dialect: Dialect = PLAIN
    notes: tuple[str, ...] = ()
    heading: int = 1
    noun: str = "line"
    text_bytes: int = 0

    def without_row_names(self) -> Table:
        """Give the same without a first column that has no name, and know which columns are an index by their names."""
        table = self
        if len(self.names) > 1 and not self.names[0]:
            table = replace(self, names=self.names[1:], columns=self.columns[1:], nameless=True)
        stored = (name for name in table.names if STORED.fullmatch(name))
        return replace(table, index=tuple(dict.fromkeys((*self.index, *stored))))

    def without_empty_columns(self) -> Table:
        """Give the same without columns that have neither a name nor a cell, as sheets write them at their right."""
        columns = [*zip(self.names, self.columns, strict=True)]
        full = [
            (name, cells)
            for place, (name, cells) in enumerate(columns)
            if name or not place or _has_a_cell(cells)
        ]
        if len(full) == len(columns):
            return self
        note = f"{counted(len(columns) - len(full), 'column')} without a name and without a cell left out"
        names, cells = zip(*full, strict=True)
        return replace(self, names=names, columns=cells, notes=(*self.notes, note))

    def without_units(self) -> Table:
        """Give the same without its first row, which says in which units the columns are."""
        texts = [cells[0] for cells in self.columns if not isinstance(cells, Foreign | DateCells)]
        units = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
        note = f"{self.row_place(0)} is left out, having units ({few_quoted(units)})"
        columns = tuple(cells if isinstance(cells, Foreign) else cells[1:] for cells in self.columns)
        lines = None if self.lines is None else self.lines[1:]
        return replace(self, columns=columns, rows=self.rows - 1, lines=lines, notes=(*self.notes, note))

    def shaped(self, asked: Iterable[str]) -> Table:
        """Give the same, arrays in the shapes that they are asked for in, where these hold the same values."""
        called = as_asked(self.names, asked)
        return replace(self, names=tuple(called.get(name, name) for name in self.names))

    def taken(self, rows: NDArray[np.int64]) -> Table:
        """Give some rows alone, which keep their places."""
        lines = rows + 1 if self.lines is None else np.asarray(self.lines)[rows]
        columns = tuple(_some(cells, rows) for cells in self.columns)
        return replace(self, columns=columns, rows=len(rows), lines=lines.tolist(), noun=self.row_noun)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of this name, in any form of Unicode."""
        return nfc(name) in self._places

    def __getitem__(self, name: str) -> Cells:
        """Give the cells of one column."""
        return self.columns[self._places[nfc(name)]]

    def signs_said(self, name: str) -> str:
        """Say in how many cells of a column of numbers, as read, signs are taken away or read as others, if any."""
        cells = self[name]
        if isinstance(cells, Foreign | DateCells):
            return ""
        if isinstance(cells, TextColumn) and not self.dialect.changes_numbers:
            cells = cells.not_plain
        return self.dialect.signs_said(cells, self.rows)

    def number(self, row: int) -> int:
        """Give the line number of row `row` (from 0), or the row's own number from 1."""
        return self.lines[row] if self.lines is not None else row + 1

    def place(self, row: int, name: str) -> str:
        """Say where a cell stands."""
        return f"{self.row_place(row)}, column {quoted(name)}"

    def row_place(self, row: int) -> str:
        """Say where a row stands: `line 3` of a text file, `row 3` of a sheet or of rows without lines."""
        return f"{self.row_noun} {self.number(row)}"

    @property
    def row_noun(self) -> str:
        """Say what the numbers of rows count."""
        return "row" if self.lines is None else self.noun

    @property
    def head(self) -> str:
        """Say where the names stand; nothing where that is no line."""
        return "" if self.lines is None else f"{self.noun} {self.heading}"

    def in_one_form(self) -> Table:
        """Give the same with all names in NFC, the form in which columns are named."""
        return replace(
            self,
            names=tuple(map(nfc, self.names)),
            index=tuple(map(nfc, self.index)),
            ordered=tuple(map(nfc, self.ordered)),
        )


def _some(cells: Cells, rows: NDArray[np.int64]) -> Cells:
    if isinstance(cells, Foreign):
        return cells
    if isinstance(cells, DateCells):
        return replace(cells, values=cells.values[rows])
    return cells[rows] if isinstance(cells, np.ndarray) else [cells[row] for row in rows.tolist()]


def _has_a_cell(cells: Cells) -> bool:
    if isinstance(cells, Foreign | DateCells) or (
        isinstance(cells, np.ndarray) and cells.dtype.kind not in "OU"
    ):
        return True
    return any(cell is not None and str(cell).strip(" \t") for cell in cells)


def names_are_good(names: Sequence[str], place: str, findings: Findings) -> bool:
    """Column names must be there, and be different in NFC, the form in which names are compared."""
    for number, name in enumerate(names, start=1):
        if not name:
            findings.add("expected a column name, got nothing", f"{place}, column {number}".lstrip(", "))
    forms: dict[str, list[str]] = {}
    for name in names:
        forms.setdefault(nfc(name), []).append(name)
    repeated = {name: same for name, same in forms.items() if name and len(same) > 1}
    for name, same in repeated.items():
        differ = ", which differ in Unicode form only (NFC, NFD)" if len(set(same)) > 1 else ""
        findings.add(
            f"expected every column name once, got {quoted(name)} {len(same)} times{differ}; rename all but one",
            place,
        )
    return not repeated and "" not in names
