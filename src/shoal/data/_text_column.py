"""Columns of a plain text file as they stand in its bytes: cut without making a text of each cell.

A file is plain that has no quotes, and the same number of cells in every line. What is read from it is what Python's
csv module and `float` read; whatever they might not read alike is left to them. Letters: N rows, C columns.
"""

from __future__ import annotations

import csv
import ctypes
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Final, Self, overload

import numpy as np
from numpy.typing import NDArray

from shoal.core import function_of_core
from shoal.cores import spread
from shoal.data._distinct import coded

_NUMBER_BYTES: Final = b"0123456789+-.eE "
_NEWLINE: Final = 10
_ROWS_AT_ONCE: Final = 8_000
_BLOCK: Final = 1 << 18
"""Bytes of a text that are cut at once: with where its cells end, about what a core keeps near it."""
_SPACE: Final = 32
_SIGNS: Final = (43, 45)
_ZERO, _NINE = 48, 57
_STARTS: Final = np.isin(np.arange(256), list(b"0123456789+-."))
"""Whether a cell that begins with this byte may be a number."""
_pointer, _int = ctypes.c_void_p, ctypes.c_int64
_CELLS: Final = (_pointer, _int, _int, _int, _int, _pointer, _int)
_NUMBERS: Final = (_pointer, _pointer, _pointer)
_CODES: Final = (_pointer, _pointer, _int, _pointer, _pointer, _pointer)
"""What the functions of `src/native/interface.h` take."""


class CellsStruct(ctypes.Structure):
    """Cells of a text, as `src/native/interface.h` has them."""

    _fields_ = (
        ("text", _pointer),
        ("text_count", _int),
        ("before", _pointer),
        ("end", _pointer),
        ("stride", _int),
        ("count", _int),
    )


class TextColumn(Sequence[str]):
    """One column: the cells between the bytes at `before_N` and `end_N` of a text in UTF-8; the latter ends a cell."""

    def __init__(self, raw: NDArray[np.uint8], before_N: NDArray[Any], end_N: NDArray[Any]) -> None:
        self._raw, self._before_N, self._end_N = raw, before_N, end_N
        self._padded: bool | None = (
            None  # whether some number has zeros before it, once the core has read them
        )
        self._ahead_N: NDArray[np.float64] | None = None  # numbers that were read ahead and not asked for yet
        self._others_N: NDArray[np.int64] | None = None  # rows of cells that are none, once numbers are read

    def __len__(self) -> int:
        return len(self._end_N)

    @property
    def _start_N(self) -> NDArray[Any]:
        return self._before_N + 1

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> str | Self:
        """Give a cell, or some rows."""
        if isinstance(place, slice):
            return type(self)(self._raw, self._before_N[place], self._end_N[place])
        return self._raw[self._before_N[place] + 1 : self._end_N[place]].tobytes().decode()

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

    @cached_property
    def different(self) -> tuple[list[str], NDArray[np.int64]]:
        """The different cells in the order in which they come, and the place of each row's among them, (N,)."""
        read, count = function_of_core("shoal_codes", _CODES), len(self)
        if read is None:
            return coded(self._texts)
        code_N, first_N, slots = np.empty(count, np.int64), np.empty(count, np.int64), 1 << count.bit_length()
        room, different = np.empty(slots, np.int64), ctypes.c_int64()
        results = code_N.ctypes.data, first_N.ctypes.data, ctypes.byref(different)
        if code := read(ctypes.byref(self._struct), room.ctypes.data, slots, *results):
            raise ValueError(f"cells that are none, refused by the core (field {code})")
        return self.some(first_N[: different.value]), code_N

    def some(self, rows: NDArray[np.int64]) -> list[str]:
        """Give the cells of some rows."""
        joined = self._joined(self._before_N[rows] + 1, self._end_N[rows], _NEWLINE)
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
        """Give numbers (N,), float() of each cell, NaN where one is none, and the rows of these.

        None where too little is known of cells that are none.
        """
        values_N, self._ahead_N = self._ahead_N, None
        if values_N is None:
            values_N = self._by_core()
        read = self._by_numpy() if values_N is None else (values_N, np.flatnonzero(np.isnan(values_N)))
        self._others_N = None if read is None else read[1]
        return read

    @property
    def not_plain(self) -> Sequence[str]:
        """The cells that are no plain numbers, once numbers were read; before, all."""
        return self if self._others_N is None else self.some(self._others_N)

    @property
    def _struct(self) -> CellsStruct:
        stride = self._end_N.strides[0] // self._end_N.itemsize
        places = self._before_N.ctypes.data, self._end_N.ctypes.data
        return CellsStruct(self._raw.ctypes.data, len(self._raw), *places, stride, len(self))

    def _by_core(self, values_N: NDArray[np.float64] | None = None) -> NDArray[np.float64] | None:
        """Read each cell where it stands, into room of such a length; None where there is no core that does."""
        read = function_of_core("shoal_numbers", _NUMBERS)
        if read is None:
            return None
        padded, values_N = ctypes.c_int64(), np.empty(len(self)) if values_N is None else values_N
        if read(ctypes.byref(self._struct), values_N.ctypes.data, ctypes.byref(padded)):
            return None
        self._padded = bool(padded.value)
        return values_N

    def _by_numpy(self) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """Read all cells that begin like numbers at once: numpy reads a text of them by the function of Python's."""
        start_N = self._start_N
        begins_N = _STARTS[self._raw[start_N]] & (self._end_N > start_N)
        row_K = np.flatnonzero(begins_N)
        joined = self._joined(start_N[row_K], self._end_N[row_K], _SPACE)
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
        if self._padded is not None:
            return self._padded
        start_N = self._start_N
        first_N = self._raw[start_N]
        if (first_N <= _SPACE).any():
            return True
        begin_N = start_N[(first_N == _ZERO) | (first_N == _SIGNS[0]) | (first_N == _SIGNS[1])]
        begin_N = begin_N + (self._raw[begin_N] != _ZERO)
        zero_N = begin_N[self._raw[begin_N] == _ZERO]
        next_N = self._raw[zero_N + 1]  # a byte that ends the cell, at the last
        return bool(((next_N >= _ZERO) & (next_N <= _NINE)).any())


def read_ahead(columns: Sequence[TextColumn]) -> None:
    """Read the columns of one text that begin with a number, some rows of all of them at a time.

    So the text is fetched from memory once, and not once a column. Each keeps its numbers until it is asked for them.
    """
    columns = [column for column in columns if len(column) and _STARTS[column._raw[column._before_N[0] + 1]]]
    if not columns:
        return
    rows = len(columns[0])
    values_CN = np.empty((len(columns), rows))

    def read(first: int) -> list[bool] | None:
        parts = [column[first : first + _ROWS_AT_ONCE] for column in columns]
        done = [
            part._by_core(values_N[first : first + _ROWS_AT_ONCE]) is not None
            for part, values_N in zip(parts, values_CN, strict=True)
        ]
        return [bool(part._padded) for part in parts] if all(done) else None

    padded = spread(read, range(0, rows, _ROWS_AT_ONCE), rows)
    if any(part is None for part in padded):
        return
    for number, column in enumerate(columns):
        column._ahead_N = values_CN[number]
        column._padded = any(part[number] for part in padded if part is not None)


def plain_columns(content: bytes | bytearray, delimiter: str) -> tuple[list[str], list[TextColumn]] | None:
    """Cut a plain text, in UTF-8, into its names and columns; None for a text that is not plain."""
    if b'"' in content or len(delimiter) != 1 or not delimiter.isascii():
        return None
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
        if b"\r" in content:
            return None
    if not content.endswith(b"\n"):
        content = content + b"\n"  # what is given stays as it is
    size = len(content)
    while content.endswith(b"\n\n", 0, size):
        size -= 1
    width = content[: content.index(b"\n")].count(delimiter.encode()) + 1
    if width < 2:
        return None
    raw = np.frombuffer(content, np.uint8, size)
    place = _places(raw, delimiter, width, _blocks(content, size))
    if place is None or len(place) <= 1 + width:
        return None
    columns = [TextColumn(raw, place[column:-1:width], place[column + 1 :: width]) for column in range(width)]
    names = [column[0] for column in columns]
    return names, [column[1:] for column in columns]


def _blocks(content: bytes | bytearray, size: int) -> list[slice]:
    """Part the first bytes of a text, of which the last ends a line, into blocks of whole lines."""
    starts = [0]
    while (start := content.find(b"\n", starts[-1] + _BLOCK - 1, size) + 1) not in (0, size):
        starts.append(start)
    return [slice(start, stop) for start, stop in pairwise((*starts, size))]


def _places(
    raw: NDArray[np.uint8], delimiter: str, width: int, blocks: Sequence[slice]
) -> NDArray[np.int64] | None:
    """Find where cells end, behind a -1; None where some line has another number of them, or one is too long.

    Blocks of whole lines are cut on all cores.
    """
    lines = spread(lambda block: int(np.count_nonzero(raw[block] == _NEWLINE)), blocks, len(raw))
    stops = list(accumulate((width * count for count in lines), initial=0))
    place = np.empty(1 + stops[-1], np.int64)
    place[0] = -1

    def cut(number: int) -> bool:
        """Cut one block."""
        end_C = place[1 + stops[number] : 1 + stops[number + 1]]
        is_cut = _cut(raw[blocks[number]], delimiter, width, end_C)
        end_C += blocks[number].start
        return is_cut

    return place if all(spread(cut, range(len(blocks)), len(raw))) else None


def _cut(raw: NDArray[np.uint8], delimiter: str, width: int, end_C: NDArray[np.int64]) -> bool:
    """Find where the cells of whole lines end; False where one has another number of them, or a cell is too long."""
    cut, longest = function_of_core("shoal_cells", _CELLS), csv.field_size_limit() // 4
    if cut is not None:
        kind = ord(delimiter), width, longest
        return not cut(raw.ctypes.data, len(raw), *kind, end_C.ctypes.data, len(end_C))
    place_C = np.flatnonzero((raw == ord(delimiter)) | (raw == _NEWLINE))
    if len(place_C) != len(end_C) or not (raw[place_C[width - 1 :: width]] == _NEWLINE).all():
        return False
    end_C[:] = place_C
    return int(np.diff(place_C, prepend=-1).max()) <= longest
