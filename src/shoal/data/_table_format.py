"""What a format of tables is, what it is given to read, and where it is found by name.

A format is a file of the room `formats`, named after it, with a `FORMAT` in it; its row in `kinds.TABLE_FORMATS`, with
the endings of its files, is all that is said of it elsewhere. It opens nothing itself, and decides nothing: it gives
cells as they stand in the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, Final

from shoal.cores import spread
from shoal.data._classes import nfc
from shoal.data._dialect import Dialect
from shoal.data._encoding import in_utf_8
from shoal.data._findings import Findings
from shoal.data._table import Cells, Table
from shoal.errors import EnvironmentFault, Problem
from shoal.kinds import TABLE_FORMATS, packing_of, row_of
from shoal.wording import few_quoted

MOST_COLUMNS: Final = 100_000
TEXT_COPIES: Final = 5.0
"""Copies of a text file while it is cut up: the text, and the reader's own (4 bytes a character)."""
TEXT_CELL: Final = 72.0
"""Bytes of a cell of a text file: a Python text, and its place in a row."""
LESS_TO_READ: Final = "fewer rows or columns need less, and an NPZ file less than a text file"
_SAMPLE: Final = 1 << 16
_AT_ONCE: Final = 1 << 22
_READ_AT: Final[Callable[[int, list[memoryview], int], int] | None] = getattr(os, "preadv", None)


@dataclass(frozen=True)
class Limits:
    """How much of a table is read: the columns asked for (None: all), and bytes of memory that it may take.

    `named` are the names that a study has for columns, which may be those of an index.
    """

    names: frozenset[str] | None = None
    room: float | None = None
    named: frozenset[str] = frozenset()

    def wants(self, name: str) -> bool:
        """Whether a column, or an array of columns, is asked for."""
        return self.names is None or nfc(name) in self.names


EVERYTHING: Final = Limits()


@dataclass(frozen=True)
class TableFile:
    """A table's file, opened for its format: its bytes, what is wrong with it, how much of it is read.

    `dialect` is how it is written. What it holds is `size` bytes, by what it says itself; `stream` is unpacked.
    """

    path: Path
    stream: BinaryIO
    size: int
    findings: Findings
    limits: Limits
    dialect: Dialect

    def refuse_above(self, need: float) -> None:
        """Raise EnvironmentFault where reading needs more memory than there is; asked before room is made for cells."""
        room = self.limits.room
        if room is not None and need > room:
            asked, there = (f"{size / 1e6:,.0f} MB" for size in (need, room))
            what = f"expected {asked} to read {self.path}, got {there} available; {LESS_TO_READ}"
            raise EnvironmentFault(Problem("memory", what))

    def has_few(self, columns: int, place: str = "") -> bool:
        """Whether it has no more columns than anybody means; more are noted."""
        if columns > MOST_COLUMNS:
            self.findings.add(f"expected at most {MOST_COLUMNS:,} columns, got {columns:,}", place)
        return columns <= MOST_COLUMNS

    def text(self, cells_in: Callable[[bytes], int]) -> bytes | bytearray | None:
        """Read all of it as text, in UTF-8, unless that would not fit: `cells_in` counts the cells of its first bytes.

        None for what is of another encoding, which is noted. Raises EnvironmentFault.
        """
        sample = self.stream.read(_SAMPLE)
        each = TEXT_COPIES + TEXT_CELL * cells_in(sample) / max(1, len(sample))
        self.refuse_above(self.size * each)
        raw = self._as_declared(sample)
        while part := self.stream.read(_AT_ONCE):  # what is packed may hold more than it says
            raw += part
            self.refuse_above(len(raw) * each)
        return in_utf_8(raw, self.findings, self.dialect.encoding)

    def _as_declared(self, sample: bytes) -> bytearray:
        """Read as many bytes as it says that it holds, of which the first are read; room for them is made once."""
        if packing_of(self.path) is not None:  # which may say anything
            return bytearray(sample)
        raw, read = bytearray(max(self.size, len(sample))), len(sample)
        raw[:read] = sample
        with memoryview(raw) as room:
            read += self._side_by_side(room[read:], read)
            while part := self.stream.readinto(room[read:]):  # type: ignore[attr-defined]
                read += part
        del raw[read:]
        return raw

    def _side_by_side(self, room: memoryview, first: int) -> int:
        """Read what stands in the file from byte `first` on, on all cores: room that is new is slow to fill.

        Give how many bytes were read, behind which the stream stands then. It may be none.
        """
        read_at = _READ_AT
        if read_at is None:  # not on every system
            return 0

        def read(start: int) -> int:
            return read_at(self.stream.fileno(), [room[start : start + _AT_ONCE]], first + start)

        counts = spread(read, range(0, len(room), _AT_ONCE), len(room))
        whole = len(list(takewhile(lambda count: count == _AT_ONCE, counts)))
        # What lies behind a part that is not full is read again.
        last = counts[whole] if whole < len(counts) else 0
        self.stream.seek(first + whole * _AT_ONCE + last)
        return whole * _AT_ONCE + last

    def typed(self, named: Sequence[tuple[str, Cells]], rows: int) -> Table | None:
        """Put typed columns together; a table without columns or rows is noted."""
        names = [name for name, _ in named]
        if not names or not rows:
            content = f"columns {few_quoted(names)} without rows" if names else "an empty table"
            self.findings.add(f"expected columns and at least one row, got {content}")
            return None
        return Table(str(self.path), tuple(names), tuple(cells for _, cells in named), rows)


@dataclass(frozen=True)
class TableFormat:
    """One format of tables.

    `read` gives the columns of an open file. It asks `refuse_above` with the sizes that the file declares before it
    reads any cell, leaves columns unread that nobody wants where it can, and notes what is wrong in the file's
    findings, all of it at once: None, or the rows that can be read, so that their cells are checked too. It raises
    EnvironmentFault, OSError and MemoryError alone, and what unpacking raises. Where people may have written titles or
    units into cells, `head` gives the first rows of an open file as they stand; none of what cannot be read.
    """

    read: Callable[[TableFile], Table | None]
    head: Callable[[TableFile], list[list[Any]]] | None = None


def table_format(name: str) -> TableFormat:
    """Give a format by name. Raises StudyError for one that is unknown."""
    row_of("table format", TABLE_FORMATS, name)
    row: TableFormat = import_module(f"shoal.data.formats.{name.replace('-', '_')}").FORMAT
    return row
