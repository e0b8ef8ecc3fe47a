"""A PNG file that is not as its standard says is refused where Pillow would read it, and make up what is missing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import _png, read_images
from shoal.errors import DataError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(
    rows: list[bytes], width: int, height: int, kind: tuple[int, int], *, interlaced: bool = False
) -> list[bytes]:
    """The parts of a PNG file whose rows are given with the byte of their filter; `kind` is depth and colour type."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, *kind, 0, 0, interlaced))
    palette = [chunk(b"PLTE", bytes(range(6)))] if kind[1] == 3 else []
    return [
        b"\x89PNG\r\n\x1a\n",
        head,
        *palette,
        chunk(b"IDAT", zlib.compress(b"".join(rows))),
        chunk(b"IEND", b""),
    ]


PASS_OF_A_PIXEL = (
    "16462646",
    "77777777",
    "56565656",
    "77777777",
    "36463646",
    "77777777",
    "56565656",
    "77777777",
)
"""Which pass brings which pixel of every square of eight by eight: the figure of the standard (8.1)."""


def rows_of(width: int, height: int, bits: int, interlaced: bool) -> list[bytes]:
    """All rows of a file in the order of its passes, of zeros, counted pixel by pixel."""
    rows = []
    for now in range(1, 8) if interlaced else [0]:
        for y in range(height):
            here = sum(not now or PASS_OF_A_PIXEL[y % 8][x % 8] == str(now) for x in range(width))
            if here:
                rows.append(bytes(1 + (here * bits + 7) // 8))
    return rows


KINDS = {(1, 0): 1, (8, 0): 8, (8, 2): 24, (1, 3): 1, (4, 3): 4, (8, 4): 16, (8, 6): 32}
"""Bits of a pixel by depth and colour type."""


@given(st.integers(1, 17), st.integers(1, 17), st.sampled_from(sorted(KINDS)), st.booleans())
def test_pixels_of_a_png_are_all_there_or_it_is_damaged(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, kind: tuple[int, int], interlaced: bool
) -> None:
    """One byte less, with every check sum right, and Pillow would make the rest up."""
    file = tmp_path_factory.getbasetemp() / "short.png"
    rows, shape = rows_of(width, height, KINDS[kind], interlaced), (3, height, width)
    file.write_bytes(b"".join(png(rows, width, height, kind, interlaced=interlaced)))
    assert read_images(file, shape).images.shape == (1, *shape)
    rows[-1] = rows[-1][:-1]
    file.write_bytes(b"".join(png(rows, width, height, kind, interlaced=interlaced)))
    with pytest.raises(
        DataError, match=r"got a damaged one \((its pixels end early|image file is truncated)"
    ):
        read_images(file, shape)


def test_chunks_that_a_png_must_not_have() -> None:
    start, head, pixels, end = png([bytes(6)] * 4, 5, 4, (8, 0))
    other = png([bytes(3)] * 2, 2, 2, (8, 0))[1]
    text = chunk(b"tEXt", b"a\0b")
    for parts, name in {
        (start, head, other, pixels, end): "IHDR",
        (start, head, head, pixels, end): "IHDR",
        (start, head, chunk(b"ABCD", b""), pixels, end): "ABCD",
        (start, head, pixels, chunk(b"CgBI", b""), end): "CgBI",
    }.items():
        Path("x.png").write_bytes(b"".join(parts))
        with pytest.raises(DataError, match=rf"damaged one \(a chunk {name} that it must not have there\)$"):
            read_images("x.png", (1, *((2, 2) if other in parts else (4, 5))))
    Path("x.png").write_bytes(start + head + text + pixels + text + end)
    assert not read_images("x.png", (1, 4, 5)).images.any()


def test_what_comes_after_the_last_pixel_of_a_png_is_no_part_of_it() -> None:
    """As in Pillow and libpng: the picture is the same, whatever is hidden behind it."""
    start, head, pixels, end = png([bytes(6)] * 4, 5, 4, (8, 0))
    white = png([b"\0" + b"\xff" * 5] * 4, 5, 4, (8, 0))[2]
    for parts in ((pixels, white, end), (pixels, end, b"more"), (pixels, end, white, end)):
        Path("x.png").write_bytes(b"".join((start, head, *parts)))
        assert not read_images("x.png", (1, 4, 5)).images.any()


def test_a_png_is_unpacked_once_unless_one_cannot_see_that_it_came_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last pixel is marked before; where it looks marked still, or comes before others, they are counted."""
    counted: list[object] = []
    count = _png._count_pixels
    monkeypatch.setattr(_png, "_count_pixels", lambda stream: (counted.append(1), count(stream)))
    for kind, bits in KINDS.items():
        for last, interlaced, times in ((0, False, 0), (165, False, 1), (0, True, 1)):
            rows = rows_of(5, 4, bits, interlaced)
            if last and kind != (8, 0):
                continue
            rows[-1] = rows[-1][:-1] + bytes([last])
            Path("x.png").write_bytes(b"".join(png(rows, 5, 4, kind, interlaced=interlaced)))
            counted.clear()
            read_images("x.png", (3, 4, 5))
            assert len(counted) == times, (kind, last, interlaced)


def test_a_picture_that_looks_as_if_it_were_marked_is_counted_too() -> None:
    rows = [b"\0" + bytes([165]) * 5] * 4
    Path("x.png").write_bytes(b"".join(png(rows, 5, 4, (8, 0))))
    assert (read_images("x.png", (1, 4, 5)).images == 165).all()
    Path("x.png").write_bytes(b"".join(png(rows[:-1], 5, 4, (8, 0))))
    with pytest.raises(DataError, match=r"\(its pixels end early\)$"):
        read_images("x.png", (1, 4, 5))
