"""Columns of an array without names, called by their places; these names say again which shape it has.

Letters: N rows, D numbers of one, C series, T values of one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Final

from shoal.wording import few_quoted, first_few, quoted

MOST_AXES: Final = 3
"""Axes of an array of rows: (N,), (N, D), or (N, C, T) of series."""
_PLACE: Final = re.compile(r"(.+)\[(\d{1,9})(?:,(\d{1,9}))?\]", re.DOTALL)
_NAMED: Final = 5

Shape = tuple[int, ...]
"""The shape of a row: (D,), or (C, T) of series."""


def array_names(array: str, shape: Sequence[int]) -> list[str]:
    """Name the columns of an array whose rows have a shape: x; x[0], x[1] ...; series by series, x[0,0], x[0,1] ..."""
    if not shape:
        return [array]
    return [f"{array}[{','.join(map(str, place))}]" for place in product(*map(range, shape))]


def arrays_of(names: Iterable[str]) -> dict[str, Shape]:
    """Give the arrays, by name, of which all columns are among `names`, with the shapes of their rows."""
    columns: dict[str, set[tuple[int, ...]]] = {}
    for name in names:
        if match := _PLACE.fullmatch(name):
            place = tuple(int(number) for number in match.groups()[1:] if number is not None)
            columns.setdefault(match[1], set()).add(place)
    return {
        array: shape
        for array, places in columns.items()
        if (shape := _shape(places)) and _are_all(places, shape)
    }


def _shape(places: set[tuple[int, ...]]) -> Shape:
    """Give the least shape that has these places; nothing where they have different numbers of axes."""
    if len(set(map(len, places))) > 1:
        return ()
    return tuple(max(numbers) + 1 for numbers in zip(*places, strict=True))


def _are_all(places: set[tuple[int, ...]], shape: Shape) -> bool:
    return len(places) == math.prod(shape)


def series_shape(names: Sequence[str]) -> tuple[int, int] | None:
    """Give the (C, T) of series whose columns are called so, all of them in their order; None of other columns."""
    for array, shape in arrays_of(names).items():
        if len(shape) == 2 and list(names) == array_names(array, shape):
            return (shape[0], shape[1])
    return None


def by_series(names: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Give columns, what they are called and their places: those of one series of an array (N, C, T) together, called
    x[0], x[1] ..., or x where there is one; each of the others by itself.
    """
    series = {array: shape for array, shape in arrays_of(names).items() if len(shape) == 2}
    groups: dict[tuple[str, int], list[int]] = {}
    for place, name in enumerate(names):
        match, called = _PLACE.fullmatch(name), (name, place)
        if match and match[1] in series:
            single = series[match[1]][0] == 1
            called = (match[1] if single else f"{match[1]}[{match[2]}]", -1)
        groups.setdefault(called, []).append(place)
    return [(called, places) for (called, _), places in groups.items()]


def columns_of_array(array: str, names: Iterable[str]) -> tuple[str, ...] | None:
    """Give those of `names` that are the columns of an array of several axes, in its order; None where none are."""
    shape = arrays_of(names).get(array)
    return tuple(array_names(array, shape)) if shape else None


def as_asked(names: Iterable[str], asked: Iterable[str]) -> dict[str, str]:
    """Give new names of columns whose array is asked for in another shape that holds the same values in their order:
    flat (N, C T) for (N, C, T), and (N, 1, T) for (N, T).
    """
    expected, there = arrays_of(asked), arrays_of(names)
    return {
        old: new
        for array, shape in expected.items()
        if _holds(there.get(array, ()), shape)
        for old, new in zip(array_names(array, there[array]), array_names(array, shape), strict=True)
    }


def _holds(there: Shape, expected: Shape) -> bool:
    """Whether a row of one shape is one of another: flat, or with an axis of 1 before it."""
    flat = there[-1:] if there[:-1] in ((), (1,)) else ()
    return there != expected and flat == (math.prod(expected),) and (len(there) == 1 or len(expected) == 1)


def other_series(asked: Sequence[str], names: Sequence[str]) -> str:
    """Say which arrays are expected where `names` are those of others, and some are series; empty where all is there,
    or nothing of arrays.
    """
    expected, there = arrays_of(asked), arrays_of(names)
    expected = {array: shape for array, shape in expected.items() if there.get(array) != shape}
    if not expected or all(len(shape) == 1 for shape in (*expected.values(), *there.values())):
        return ""
    noun = "series" if any(len(shape) == 2 for shape in expected.values()) else "an array"
    got = arrays_said(there) or f"columns {few_quoted(names, _NAMED)}"
    return f"expected {noun} {arrays_said(expected)}, got {got}"


def arrays_said(arrays: Mapping[str, Shape]) -> str:
    """Write names and shapes of arrays: "x" of shape (N, 3, 8)."""
    return first_few(
        [f"{quoted(array)} of shape (N, {', '.join(map(str, shape))})" for array, shape in arrays.items()],
        _NAMED,
    )
