"""What may stand for a missing cell though nobody said so: words, signs, and numbers of nines far from all others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

_NO_VALUE: Final = frozenset({
    "missing", "unknown", "not available", "unavailable", "not applicable", "undefined", "none", "nil", "n.a.", "n.d.",
    "n/k", "na", "nd", "nat", "blank", "empty", "k.a.", "keine angabe", "unbekannt",
})  # fmt: skip
"""Words of small letters."""
_OF_SHEETS: Final = re.compile(r"#(\w[\w/]*[!?]|NV|ND)")
"""What a spreadsheet shows in the place of a number that it could not compute, in whatever language."""
_NINES: Final = re.compile(r"-9+|9{2,}")
_FEWEST: Final = 2
"""Cells that hold a number of nines."""


def is_blank(cell: str) -> bool:
    """Whether a cell among numbers says that there is none: a word for it, or neither letters nor digits, as `?`.

    So does an error of a spreadsheet, as `#DIV/0!`.
    """
    return cell.lower() in _NO_VALUE or not any(map(str.isalnum, cell)) or bool(_OF_SHEETS.fullmatch(cell))


def blanks_in_text(cells: Iterable[str]) -> list[str]:
    """Give those of the different cells of a column of text that say so; where all are signs, none does."""
    different = list(cells)
    blanks = [cell for cell in different if is_blank(cell)]
    return (
        blanks
        if len(blanks) < len(different) and any(any(map(str.isalnum, cell)) for cell in different)
        else []
    )


def blanks_in_numbers(values_N: NDArray[np.float64]) -> list[str]:
    """Give the numbers of nines, such as -999, that are the lowest or the highest, twice or more, and far from others.

    Far: further from the nearest other number than the others lie apart.
    """
    there_N = values_N[~np.isnan(values_N)]
    blanks: list[str] = []
    for end in (np.min, np.max) if len(there_N) else ():
        extreme = float(end(there_N))
        others_N = there_N[there_N != extreme]
        if not extreme.is_integer() or not _NINES.fullmatch(str(int(extreme))) or not len(others_N):
            continue
        gap = float(np.abs(others_N - extreme).min())
        if len(there_N) - len(others_N) >= _FEWEST and gap > np.ptp(others_N):
            blanks.append(str(int(extreme)))
    return blanks
