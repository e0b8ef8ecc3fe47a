"""Plain text laid out for a terminal: numbers, tables, times, notes, lines."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from shoal.wording import rounded, visible

_UNIT: Final = "%|ms|s|min|h|kB|MB|GB|MiB|bits?|bytes|seconds?|minutes?|hours?|days?|weeks?|months?|years?"
_TOGETHER: Final = re.compile(
    rf"(?<=\d) (?=(?:{_UNIT})(?!\w))"  # 95 %
    r"|(?<=\d min) (?=\d)|(?<=\d h) (?=\d)"  # 3 min 05 s
    r"|(?<=[\d%]) (?=(?:of|to)[ \u00a0][-−]?\d)|(?<=[\d%] (?:of|to)) (?=[-−]?\d)"  # 3 of 5
    r"|(?<=[=<>]) (?=[-−]?\d)"  # < 0.1
)
"""Spaces at which no line may end: between a number and its unit, and between two numbers that belong together."""
_FIXED: Final = "\u00a0"

WIDTH: Final = 118
"""Letters of a line of the tables of a run."""


def number(value: Any) -> str:
    """Give a value as a table shows it: four significant digits, integers whole, nothing for NaN."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "-" if math.isnan(value) else rounded(value, 4)
    return str(value)


def text_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Align columns: text to the left, numbers to the right."""
    headers = [header.replace(_FIXED, " ") for header in headers]
    cells = [[number(value).replace(_FIXED, " ") for value in row] for row in rows]
    numeric = [all(_is_number(row[place]) for row in cells) for place in range(len(headers))]
    widths = [max(len(line[place]) for line in (headers, *cells)) for place in range(len(headers))]

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(headers), "  ".join("-" * width for width in widths), *map(line, cells)])


def _is_number(cell: str) -> bool:
    digits = cell.lstrip("-+").replace(",", "").replace(".", "", 1).replace("e-", "").replace("e+", "")
    return cell == "-" or digits.isdigit()


def in_lines(text: str, width: int, first: str = "", later: str = "") -> str:
    """Break a text into lines of at most so many letters, each at a space; `first` and `later` stand before them.

    A number stays with its unit (`95 %`), and with the number that belongs to it (`3 of 5`, `0.1 to 0.3`).
    """
    lines = textwrap.fill(
        together(text), width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    )
    return lines.replace(_FIXED, " ")


def together(text: str) -> str:
    """Let no line end between a number and its unit, or between numbers that belong together."""
    return _TOGETHER.sub(_FIXED, text)


def data_notes(notes: Sequence[str]) -> list[str]:
    """What the reader of the data did or left out."""
    lines = [in_lines(visible(note), 100, "  - ", "    ") for note in notes]
    return ["notes on the data", *lines] if lines else []


def duration(seconds: float) -> str:
    """Give a time a person reads: `under 0.1 s`, `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if 0 < seconds < 0.05:
        return "under 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
