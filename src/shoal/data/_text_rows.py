"""Text to rows of cells, by the rules of Python's csv module (RFC 4180), quotes strict."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from shoal.data._dialect import WHITESPACE
from shoal.data._findings import Findings
from shoal.wording import counted, quoted

WORDS: Final = {
    ",": "commas",
    "\t": "tabs",
    ";": "semicolons",
    "|": "vertical bars",
    " ": "single spaces",
    WHITESPACE: "spaces",
}
"""What cells are separated by, in words; the usual ones, in the order in which they are looked for."""
_SPACES: Final = re.compile(r"[ \t]+")
_CELL: Final = re.compile(r'[ \t]*(?:(")((?:[^"]|"")*)"(?![^ \t])|([^ \t"]+)(?![^ \t])|(.))')
"""A cell between spaces: in quotes, or a word without any; what is neither is a mistake."""


def words_of_delimiter(delimiter: str) -> str:
    """Name what cells are separated by."""
    return WORDS.get(delimiter, quoted(delimiter))


def split_rows(
    text: str, delimiter: str, comment: str | None, findings: Findings, skip: int = 0
) -> tuple[list[list[str]], list[int]]:
    """Cut text into rows of cells, each with the line on which it starts; empty lines at the end are none.

    The first `skip` lines are left out; with a `comment`, lines that begin with it, and empty ones between rows.
    """
    lines = _Lines(text, comment, skip)
    by_spaces = delimiter == WHITESPACE
    reader = _by_spaces(lines) if by_spaces else csv.reader(lines, delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    starts: list[int] = []
    try:
        for row in reader:
            rows.append(row)
            starts.append(lines.begin())
    except csv.Error as error:
        what = f"expected well-quoted cells, got: {error}"
        if "field larger" in str(error):
            most = counted(csv.field_size_limit(), "character")
            what = f"expected cells of at most {most}, got a longer one; perhaps a quote is never closed"
        start = lines.begin()
        findings.add(what, f"line {start}", start)
    if not by_spaces and re.search(rf'(^|[\r\n{re.escape(delimiter)}])[ \t]+"', text):
        _check_quotes(rows, starts, findings)
    while rows and not rows[-1]:
        rows.pop()
        starts.pop()
    return rows, starts


class _Lines:
    """The lines of a text, for a reader that takes several where a cell has line ends in it."""

    def __init__(self, text: str, comment: str | None, skip: int) -> None:
        self._lines = io.StringIO(text, newline="")
        self._comment = comment
        self._skip = skip
        self._number = 0
        self._start: int | None = None

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._number += 1
            if self._number <= self._skip:
                continue
            if self._start is None:  # where a row begins, and not within a cell
                if self._comment is not None and _is_none(line, self._comment):
                    continue
                self._start = self._number
            yield line

    def begin(self) -> int:
        """Give the number of the line on which the row starts that was read, and begin another."""
        start, self._start = self._start, None
        return self._number if start is None else start


def _is_none(line: str, comment: str) -> bool:
    bare = line.lstrip(" \t")
    return bare.startswith(comment) or not bare.rstrip("\r\n")


def _by_spaces(lines: _Lines) -> Iterator[list[str]]:
    """Cut lines at spaces and tabs, as many as there are; a quoted cell ends on its line."""
    for line in lines:
        bare = line.strip(" \t\r\n")
        if '"' not in bare:
            yield _SPACES.split(bare) if bare else []
            continue
        cells = _CELL.findall(bare)
        if any(rest for _, _, _, rest in cells):
            raise csv.Error("a quote that neither begins nor ends its cell")
        yield [inner.replace('""', '"') if start else word for start, inner, word, _ in cells]


def _check_quotes(rows: list[list[str]], lines: list[int], findings: Findings) -> None:
    """A quote after spaces opens a cell for some readers and is a letter for others; so it is refused."""
    for row, line in zip(rows, lines, strict=True):
        for cell in row:
            if cell[:1] in (" ", "\t") and cell.lstrip(" \t").startswith('"'):
                findings.add(f"expected a quote to begin its cell, got {quoted(cell)}", f"line {line}", line)
