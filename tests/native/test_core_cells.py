"""Cells of a text, cut and read by the core: what it takes is what `float` takes, and nothing is read beyond an end."""

from __future__ import annotations

import ctypes
import math
import re
from typing import Any

import numpy as np
import pytest
from core_cases import needs_core
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.core import load_core
from shoal.data._text_column import CellsStruct

pytestmark = needs_core

_NUMBERS = b"0123456789+-.eE \t"
SPELLED = st.one_of(
    st.floats().map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.25e}"),
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.text("0123456789+-.eE \t", max_size=8),
    st.sampled_from(
        ["", "1_0", "inf", "-Infinity", "nan", "0x10", "1e400", "1e-400", "+-1", "1.", ".5", "4.9e-324"]
    ),
    st.text(max_size=3),
)


def _cut(raw: bytes, columns: int, cells: int, longest: int = 99) -> tuple[int, NDArray[np.int64]]:
    core, end = load_core(), np.full(cells + 1, -7, np.int64)
    assert core is not None
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    core.shoal_cells.argtypes, core.shoal_cells.restype = (
        (pointer, size, size, size, size, pointer, size),
        size,
    )
    code = core.shoal_cells(raw, len(raw), ord(","), columns, longest, end.ctypes.data, cells)
    assert end[-1] == -7
    return code, end[:-1]


def _read(raw: bytes, before: list[int], end: list[int]) -> tuple[int, NDArray[np.float64], bool]:
    core, values, padded = load_core(), np.full(len(end), 7.0), ctypes.c_int64(-1)
    assert core is not None
    core.shoal_numbers.argtypes, core.shoal_numbers.restype = (ctypes.c_void_p,) * 3, ctypes.c_int64
    places = np.array(before, np.int64), np.array(end, np.int64)
    code = core.shoal_numbers(_cells(raw, *places), values.ctypes.data, ctypes.byref(padded))
    return code, values, padded.value == 1


def _cells(raw: bytes, before: NDArray[np.int64], end: NDArray[np.int64]) -> Any:
    """Give a pointer to cells, which keeps what it points to but for their bytes and places."""
    return ctypes.pointer(
        CellsStruct(
            ctypes.cast(raw, ctypes.c_void_p), len(raw), before.ctypes.data, end.ctypes.data, 1, len(end)
        )
    )


def _code(raw: bytes, places: NDArray[np.int64], slots: int) -> tuple[int, list[int], list[int]]:
    core, count, different = load_core(), len(places) - 1, ctypes.c_int64(-1)
    assert core is not None
    core.shoal_codes.argtypes = (*[ctypes.c_void_p] * 2, ctypes.c_int64, *[ctypes.c_void_p] * 3)
    core.shoal_codes.restype = ctypes.c_int64
    room, codes, first = np.full(slots + 1, -7), np.full(count + 1, -7), np.full(count + 1, -7)
    before, end = places[:-1].copy(), places[1:].copy()
    code = core.shoal_codes(
        _cells(raw, before, end),
        room.ctypes.data,
        slots,
        codes.ctypes.data,
        first.ctypes.data,
        ctypes.byref(different),
    )
    assert room[-1] == codes[-1] == first[-1] == -7
    return code, codes[:-1].tolist(), first[: max(0, different.value)].tolist()


def _meant(cell: str) -> float:
    """Give float() of a cell of plain digits; NaN for any other, and for what is not finite."""
    if cell.encode().translate(None, _NUMBERS):
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


@given(st.lists(SPELLED, min_size=1, max_size=8))
def test_numbers_are_those_of_float_to_the_last_bit(cells: list[str]) -> None:
    raw = [cell.encode() for cell in cells]
    end = np.cumsum([len(part) + 1 for part in raw]) - 1
    code, values, padded = _read(b",".join(raw) + b",", [-1, *end[:-1].tolist()], end.tolist())
    assert code == 0
    for cell, value in zip(cells, values.tolist(), strict=True):
        meant = _meant(cell)
        too_small = (
            "e" in cell.lower() and abs(meant) < 2.3e-308
        )  # the caller reads such a column cell by cell
        assert repr(value) == repr(meant) or (math.isnan(value) and too_small), cell
    assert padded == any(re.match(r"[ \t]*[+-]?0[0-9]", cell) for cell in cells)


@given(
    st.lists(st.lists(st.text("ab1", max_size=2), min_size=1, max_size=3), min_size=1, max_size=4), st.data()
)
def test_cells_are_cut_where_every_line_has_the_same_number(
    rows: list[list[str]], data: st.DataObject
) -> None:
    raw = "".join(",".join(row) + "\n" for row in rows).encode()
    width, count = len(rows[0]), sum(map(len, rows))
    code, end = _cut(raw, width, count)
    assert (code == 0) == all(len(row) == width for row in rows)
    if code == 0:
        assert end.tolist() == [place for place, byte in enumerate(raw) if byte in b",\n"]
        longest = max(map(len, (cell for row in rows for cell in row))) + 1
        assert (_cut(raw, width, count, longest)[0], _cut(raw, width, count, longest - 1)[0] != 0) == (
            0,
            True,
        )
    other = data.draw(st.integers(0, 12).filter(lambda cells: cells != count))
    assert _cut(raw, width, other)[0] != 0
    assert _cut(raw[:-1], width, count)[0] != 0


@given(st.lists(st.one_of(st.text("ab", max_size=3), st.text("ab", min_size=15, max_size=18)), max_size=15))
def test_equal_cells_have_equal_numbers_in_the_order_in_which_they_come(cells: list[str]) -> None:
    raw = "".join(f"{cell}," for cell in cells).encode()
    places = np.cumsum([-1, *(len(cell) + 1 for cell in cells)])
    slots = 1 << len(cells).bit_length()
    code, codes, first = _code(raw, places, slots)
    different = [*dict.fromkeys(cells)]
    assert (code, codes, first) == (0, [*map(different.index, cells)], [*map(cells.index, different)])
    assert _code(raw, places, slots - 1)[0] != 0
    if cells:
        assert _code(raw, places, slots // 2)[0] != 0
        assert not cells[-1] or _code(raw[:-2], places, slots)[0] != 0


@pytest.mark.parametrize(("before", "end"), [(-2, 1), (2, 1), (-1, 4), (2**62, -(2**62))])
def test_a_cell_outside_of_the_text_is_refused(before: int, end: int) -> None:
    assert _read(b"123", [before], [end])[0] != 0
    assert _read(b"123", [-1], [3])[1].tolist() == [123.0]


@given(st.integers(0, 2**32 - 1))
def test_numbers_of_few_digits_and_of_some_more_are_the_nearest(seed: int) -> None:
    """From one to nineteen digits with a point anywhere: where digits or the power of ten are no doubles any more."""
    draw = np.random.default_rng(seed)
    texts = []
    for count in draw.integers(1, 20, 200).tolist():
        digits, point = (
            "".join(map(str, draw.integers(0, 10, count).tolist())),
            int(draw.integers(0, count + 1)),
        )
        texts.append(f"{draw.choice(['', '-', '+'])}{digits[:point]}{draw.choice(['', '.'])}{digits[point:]}")
    raw = "".join(f"{text}," for text in texts).encode()
    end = np.flatnonzero(np.frombuffer(raw, np.uint8) == ord(",")).tolist()
    code, values, _ = _read(raw, [-1, *end[:-1]], end)
    assert code == 0
    assert values.tolist() == [float(text) for text in texts]
