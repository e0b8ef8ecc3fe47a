"""Titles above the names of columns: lines that exports of instruments and sheets for people begin with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shoal.data._dialect import PLAIN
from shoal.data._missing import Marks
from shoal.data._notation import notation_of

_MOST: Final = 50
"""Rows that are asked whether they are the names."""
_FEWEST: Final = 3
"""Rows that names have below them, where others stand above."""
_USUAL: Final = Marks()


def titles_above(rows: Sequence[Sequence[str]]) -> int:
    """Count the rows above the names of columns; 0 where the first row has them, or none does.

    Names are all there and different, no numbers, and have rows of their width below them, with a column of numbers;
    what stands above has another width, or is empty at least by half.
    """
    for place, names in enumerate(rows[:_MOST]):
        above, body = rows[:place], rows[place + 1 :]
        if len(names) > 1 and len(body) >= _FEWEST and _are_names(names, body):
            return place if all(_is_title(row, len(names)) for row in above) else 0
    return 0


def _is_title(row: Sequence[str], width: int) -> bool:
    return len(row) != width or 2 * sum(map(bool, row)) <= width


def _are_names(names: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    own = [
        name for place, name in enumerate(names) if name or place
    ]  # row names may have no name of their own
    if not all(own) or len(set(own)) < len(own) or any(map(_is_number, own)):
        return False
    widths = {len(row) for row in body}
    return widths in ({len(names)}, {len(names) + 1}) and any(
        _holds_numbers(column) for column in zip(*body, strict=True)
    )


def _holds_numbers(cells: Sequence[str]) -> bool:
    there = [cell for cell, missing in zip(cells, _USUAL.among(cells), strict=True) if not missing]
    return 0 < len(there) <= 2 * sum(map(_is_number, there))


def _is_number(cell: str) -> bool:
    return PLAIN.plain(cell) is not None or notation_of(cell) is not None
