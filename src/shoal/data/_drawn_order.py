"""The order in which rows are drawn: that of `streams.permutation`, by the core where there is one."""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.core import function_of_core
from shoal.streams import permutation

MANY: Final = 4_000
"""Rows from which the core is asked."""
_PERMUTATION: Final = (ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
_PORTABLE: Final = 0


def drawn_order(words: tuple[int, int], count: int) -> NDArray[np.int64]:
    """Give `count` rows sorted by their draws, ties by row number, (N,): of the first epoch of a stream."""
    order = function_of_core("shoal_permutation", _PERMUTATION) if count >= MANY else None
    if order is not None:
        order_N = np.empty(count, np.uint32)
        if not order(_PORTABLE, (ctypes.c_uint32 * 2)(*words), count, 0, order_N.ctypes.data):
            return order_N.astype(np.int64)
    return permutation(words, count)
