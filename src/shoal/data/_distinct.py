"""The different values of columns, and the different rows of several.

Numbers are sorted, which numpy does far faster than it hashes whole numbers, and the core faster than numpy; texts are
looked up. Letters: N rows.
"""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.core import function_of_core

_MANY: Final = 4_000
"""Numbers from which the core is asked."""
_SORT: Final = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
"""What `shoal_sort` of `src/native/interface.h` takes."""


def distinct(values_N: NDArray[Any]) -> NDArray[Any]:
    """Give the different values in their order; NaN, the last, once."""
    if values_N.dtype.kind in "OU":
        return np.array(sorted(set(values_N.tolist())), values_N.dtype)
    sorted_N = in_order(values_N)
    if sorted_N.dtype.kind == "f" and len(sorted_N):
        nans = int(np.isnan(sorted_N).sum())
        sorted_N = sorted_N[: len(sorted_N) - max(0, nans - 1)]
    first_N = np.ones(len(sorted_N), np.bool_)
    np.not_equal(sorted_N[1:], sorted_N[:-1], out=first_N[1:])
    return sorted_N[first_N]


def in_order(values_N: NDArray[Any]) -> NDArray[Any]:
    """Sort numbers, NaN behind all others; zeros are equal, whichever their signs."""
    sort = function_of_core("shoal_sort", _SORT) if len(values_N) >= _MANY else None
    if sort is None or values_N.dtype != np.float64:
        return np.sort(values_N)
    values_N = np.ascontiguousarray(values_N)
    sorted_N, room = np.empty(len(values_N)), np.empty(2 * len(values_N), np.uint64)
    places = values_N.ctypes.data, len(values_N), sorted_N.ctypes.data, room.ctypes.data, len(room)
    return np.sort(values_N) if sort(*places) else sorted_N


def codes_of(values_N: NDArray[Any]) -> NDArray[np.int64]:
    """Number the different values of a column in their order, (N,)."""
    return levels_and_codes(values_N)[1]


def levels_and_codes(values_N: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give the different values in their order, NaN last and once, and the place of each row's among them, (N,)."""
    if values_N.dtype.kind in "OU":
        texts = values_N.tolist()
        levels = sorted(set(texts))
        code = {text: number for number, text in enumerate(levels)}
        codes = np.fromiter(map(code.__getitem__, texts), np.int64, len(texts))
        return np.array(levels, values_N.dtype), codes
    level_L, code_N = np.unique(values_N, return_inverse=True)
    return level_L, np.asarray(code_N, np.int64).reshape(-1)


def coded(texts: Collection[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Give the different texts in the order in which they come, and the place of each among them, (N,)."""
    different = list(dict.fromkeys(texts))
    code = {text: place for place, text in enumerate(different)}
    return different, np.fromiter(map(code.__getitem__, texts), np.int64, len(texts))


def row_codes(
    columns: Sequence[NDArray[Any]], more: Sequence[NDArray[Any]] = ()
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the different rows of some columns of equal length, (N,), and those of these columns and of more.

    Equal rows, and they alone, have equal numbers. Rows that differ from all others in the columns looked at so far are
    done; the rest goes on with the next column.
    """
    rows = len(columns[0])
    code_N, row_L, done = np.zeros(rows, np.int64), np.arange(rows), 0
    first_N = code_N
    for number, column in enumerate((*columns, *more)):
        if number == len(columns):
            first_N = code_N.copy()
        if len(distinct(column[row_L])) == len(row_L):  # far sooner seen than they are numbered
            code_N[row_L] = rows + done + np.arange(len(row_L))
            break
        value_L = codes_of(column[row_L])
        both_L = codes_of(code_N[row_L] * (1 + value_L.max(initial=0)) + value_L) if number else value_L
        alone_L = np.bincount(both_L)[both_L] == 1
        alone = row_L[alone_L]
        code_N[alone] = rows + done + np.arange(len(alone))
        code_N[row_L[~alone_L]] = both_L[~alone_L]
        done += len(alone)
        row_L = row_L[~alone_L]
        if not len(row_L):
            break
    return first_N, code_N
