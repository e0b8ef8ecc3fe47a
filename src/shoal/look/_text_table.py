"""Columns of plain text: how the tables of `shoal show` are aligned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any


def number(value: Any) -> str:
    """Give a value as a table shows it: four significant digits, integers whole, nothing for NaN."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4g}"
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
    return cell == "-" or cell.lstrip("-+").replace(".", "", 1).replace("e-", "").replace("e+", "").isdigit()
