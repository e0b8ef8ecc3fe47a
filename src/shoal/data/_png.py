"""PNG files held to their standard (Portable Network Graphics, third edition) where Pillow does not.

Every chunk has its check sum (5.3); a critical one that is unknown or out of place is an error (5.4, 5.6); pixels that
end early are none, which Pillow would make up. What comes after the last pixel, or after the end chunk, is no part of
the picture and not looked at, as in libpng.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_SIGNATURE: Final = 8
_PIECE: Final = 1 << 20
_CRITICAL: Final = (b"PLTE", b"IDAT", b"IEND")
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by colour type."""
_PASSES: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Where the passes of an interlaced picture begin, and how far apart their pixels are: across, down (8.1)."""
_MARK: Final = 165
"""A value that pictures seldom end with."""


def load_whole(image: ImageFile, stream: IO[bytes]) -> None:
    """Load a picture that Pillow has opened from a PNG file. Raises ValueError, and what Pillow does, if it is damaged.

    The file is unpacked once, by Pillow, which puts rows in their places whole and in their order: where the last
    pixel has come, all have. Where that cannot be seen, they are counted.
    """
    begun = stream.tell()
    for _ in _pieces(stream):
        pass
    stream.seek(begun)
    marked = _mark(image)
    image.load()
    if marked is None or image.im is not marked[0] or _last_pixel(image.im) == marked[1]:
        _count_pixels(stream)


def _mark(image: ImageFile) -> tuple[Any, Any] | None:
    """Give the memory for the pixels and what was written into its last one; None for an interlaced picture."""
    if image.info.get("interlace"):
        return None
    image.load_prepare()
    memory = image.im
    last = (memory.size[0] - 1, memory.size[1] - 1)
    memory.putpixel(last, _MARK if memory.bands == 1 else (_MARK,) * memory.bands)
    return memory, _last_pixel(memory)


def _last_pixel(memory: Any) -> Any:
    return memory.getpixel((memory.size[0] - 1, memory.size[1] - 1))


def _pieces(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Give the chunks of a file, piece by piece with their names, and hold each to the standard."""
    stream.seek(_SIGNATURE)
    name, headed = b"", False
    while name != b"IEND":
        head = stream.read(8)
        if len(head) < 8:
            raise ValueError("it ends before its end chunk")
        length, name = struct.unpack(">I4s", head)
        shown = name.decode("ascii", "backslashreplace")
        if name[:1].isupper() and name not in (_CRITICAL if headed else (b"IHDR",)):
            raise ValueError(f"a chunk {shown} that it must not have there")
        headed = headed or name == b"IHDR"
        total = zlib.crc32(name)
        while length and (piece := stream.read(min(_PIECE, length))):
            length -= len(piece)
            total = zlib.crc32(piece, total)
            yield name, piece
        if struct.pack(">I", total) != stream.read(4):
            raise ValueError(f"wrong check sum of {shown}")


def _count_pixels(stream: IO[bytes]) -> None:
    """Unpack the pixels, a little at a time and never beyond the last, to see whether all are there."""
    missing, unpacked = 0, zlib.decompressobj()
    for name, piece in _pieces(stream):
        if name == b"IHDR":
            missing = _declared(piece)
        packed = piece if name == b"IDAT" else b""
        while missing and packed and (got := len(unpacked.decompress(packed, min(_PIECE, missing)))):
            missing -= got
            packed = unpacked.unconsumed_tail
    if missing:
        raise ValueError("its pixels end early")


def _declared(head: bytes) -> int:
    """Count the bytes of all pixels before compression (11.2.1); each row of a pass has one more (7.2, 8.1, 9.2)."""
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", head[:13])
    bits = depth * _SAMPLES.get(colour, 1)
    size = 0
    for first_column, first_row, across, down in _PASSES if interlace else ((0, 0, 1, 1),):
        columns, rows = -((first_column - width) // across), -((first_row - height) // down)
        size += rows * (1 - (-columns * bits // 8)) if columns > 0 and rows > 0 else 0
    return size
