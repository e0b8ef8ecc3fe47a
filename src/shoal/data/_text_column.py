"""Columns of a plain text file as they stand in its bytes: cut without making a text of each cell.

A file is plain that has no quotes, and the same number of cells in every line. What is read from it is what Python's
csv module and `float` read; whatever they might not read alike is left to them. Letters: N rows, C columns.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final, Self, overload

import numpy as np
from numpy.typing import NDArray

_NUMBER_BYTES: Final = b"0123456789+-.eE "
_NEWLINE: Final = 10
_SPACE: Final = 32
_SIGNS: Final = (43, 45)
_ZERO, _NINE = 48, 57
_STARTS: Final = np.isin(np.arange(256), list(b"0123456789+-."))
"""Whether a cell that begins with this byte may be a number."""


class TextColumn(Sequence[str]):
    """One column: the cells from `start_N` to `end_N` of the bytes of a text in UTF-8, whose next byte ends a cell."""

    def __init__(self, raw: NDArray[np.uint8], start_N: NDArray[Any], end_N: NDArray[Any]) -> None:
        self._raw, self._start_N, self._end_N = raw, start_N, end_N

    def __len__(self) -> int:
        return len(self._start_N)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> str | Self:
        """Give a cell, or some rows."""
        if isinstance(place, slice):
            return type(self)(self._raw, self._start_N[place], self._end_N[place])
        return self._raw[self._start_N[place] : self._end_N[place]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __eq__(self, other: object) -> bool:
        """Whether the cells are the same."""
        return isinstance(other, Sequence) and self._texts == list(other)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _texts(self) -> list[str]:
        joined = self._joined(self._start_N, self._end_N, _NEWLINE)
        return joined.decode().split("\n")[:-1]

    def some(self, rows: NDArray[np.int64]) -> list[str]:
        """Give the cells of some rows."""
        joined = self._joined(self._start_N[rows], self._end_N[rows], _NEWLINE)
        return joined.decode().split("\n")[:-1]

    def _joined(self, start_N: NDArray[Any], end_N: NDArray[Any], between: int) -> bytes:
        """Give cells one behind the other, each with a byte behind it."""
        size_N = end_N - start_N + 1
        stop_N = np.cumsum(size_N)
        place = np.arange(stop_N[-1] if len(stop_N) else 0)
        place += np.repeat(start_N - (stop_N - size_N), size_N)
        bytes_ = self._raw[place]
        bytes_[stop_N - 1] = between
        return bytes_.tobytes()

    def numbers(self) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """Give numbers (N,), NaN where a cell begins like none, and the rows of these; None where others are none.

        float() of each cell, at once: numpy reads a text of numbers by the same function of Python's.
        """
        begins_N = _STARTS[self._raw[self._start_N]] & (self._end_N > self._start_N)
        row_K = np.flatnonzero(begins_N)
        joined = self._joined(self._start_N[row_K], self._end_N[row_K], _SPACE)
        if joined.count(b" ") != len(row_K) or joined.translate(None, _NUMBER_BYTES):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                value_K = np.fromstring(joined, np.float64, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
        if len(value_K) != len(row_K) or not np.isfinite(value_K).all():
            return None
        values_N = np.full(len(self), np.nan)
        values_N[row_K] = value_K
        return values_N, np.flatnonzero(~begins_N)

    def may_have_zeros_before(self) -> bool:
        """Whether some cell may be a number with a zero and another digit at its start; False where none can be."""
        first_N = self._raw[self._start_N]
        if (first_N <= _SPACE).any():
            return True
        begin_N = self._start_N[(first_N == _ZERO) | (first_N == _SIGNS[0]) | (first_N == _SIGNS[1])]
        begin_N = begin_N + (self._raw[begin_N] != _ZERO)
        zero_N = begin_N[self._raw[begin_N] == _ZERO]
        next_N = self._raw[zero_N + 1]  # a byte that ends the cell, at the last
        return bool(((next_N >= _ZERO) & (next_N <= _NINE)).any())


def plain_columns(text: str, delimiter: str) -> tuple[list[str], list[TextColumn]] | None:
    """Cut a plain text into its names and columns; None for a text that is not plain."""
    if '"' in text or len(delimiter) != 1 or not delimiter.isascii():
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\r" in text:
        return None
    raw = np.frombuffer(f"{text.rstrip(chr(_NEWLINE))}\n".encode(), np.uint8)
    end = np.flatnonzero((raw == ord(delimiter)) | (raw == _NEWLINE))
    width = int(np.argmax(raw[end] == _NEWLINE)) + 1
    if width < 2 or len(end) % width or len(end) < 2 * width:
        return None
    end_NC = end.reshape(-1, width)
    last = raw[end_NC] == _NEWLINE
    if not last[:, -1].all() or last[:, :-1].any():
        return None
    start_NC = np.empty_like(end_NC)
    start_NC.reshape(-1)[0] = 0
    start_NC.reshape(-1)[1:] = end[:-1] + 1
    if int((end_NC - start_NC).max()) > csv.field_size_limit() // 4:
        return None
    columns = [TextColumn(raw, start_NC[:, column], end_NC[:, column]) for column in range(width)]
    names = [column[0] for column in columns]
    return names, [column[1:] for column in columns]
