"""Columns of an array without names, called by their places; of series these names say again how many there are.

Letters: N rows, C series, T values of one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import product
from typing import Final

MOST_AXES: Final = 3
"""Axes of an array of rows: (N,), (N, D), or (N, C, T) of series."""
_OF_SERIES: Final = re.compile(r"(.+)\[(\d{1,9}),(\d{1,9})\]", re.DOTALL)


def array_names(array: str, shape: Sequence[int]) -> list[str]:
    """Name the columns of an array whose rows have a shape: x; x[0], x[1] ...; series by series, x[0,0], x[0,1] ..."""
    if not shape:
        return [array]
    return [f"{array}[{','.join(map(str, place))}]" for place in product(*map(range, shape))]


def series_shape(names: Sequence[str]) -> tuple[int, int] | None:
    """Give the (C, T) of series whose columns are called so, all of them in their order; None of other columns."""
    last = _OF_SERIES.fullmatch(names[-1]) if names else None
    if last is None:
        return None
    array, shape = last[1], (int(last[2]) + 1, int(last[3]) + 1)
    whole = math.prod(shape) == len(names) and list(names) == array_names(array, shape)
    return shape if whole else None


def series_of(names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Give the arrays of series, by name, whose columns are among `names`, with their (C, T)."""
    columns: dict[str, list[str]] = {}
    for name in names:
        if place := _OF_SERIES.fullmatch(name):
            columns.setdefault(place[1], []).append(name)
    shapes = {array: series_shape(own) for array, own in columns.items()}
    return {array: shape for array, shape in shapes.items() if shape is not None}


def columns_of_array(array: str, names: Sequence[str]) -> tuple[str, ...] | None:
    """Give those of `names` that are the columns of an array of some width, in their order; None where none are."""
    own = [name for name in names if name.startswith(f"{array}[")]
    whole = bool(own) and (own == array_names(array, (len(own),)) or series_shape(own) is not None)
    return tuple(own) if whole else None
