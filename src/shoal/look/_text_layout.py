"""Plain text laid out for a terminal: numbers, tables, times, notes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from shoal.wording import rounded, visible


def number(value: Any) -> str:
    """Give a value as a table shows it: four significant digits, integers whole, nothing for NaN."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "-" if math.isnan(value) else rounded(value, 4)
    return str(value)


def text_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Align columns: text to the left, numbers to the right."""
    cells = [[number(value) for value in row] for row in rows]
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


def data_notes(notes: Sequence[str]) -> list[str]:
    """What the reader of the data did or left out."""
    lines = [textwrap.fill(visible(n), 100, initial_indent="  - ", subsequent_indent="    ") for n in notes]
    return ["notes on the data", *lines] if lines else []


def duration(seconds: float) -> str:
    """Give a time a person reads: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
