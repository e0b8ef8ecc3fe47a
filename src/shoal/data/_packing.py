"""Files of text that are packed, unpacked as they are read: never more at once than whoever reads asks for."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from shoal.files import Unreadable, size_of
from shoal.kinds import PACKINGS, packing_of

_OPENERS: Final[dict[str, Callable[[BinaryIO], Any]]] = {
    ".gz": lambda stream: gzip.GzipFile(fileobj=stream, mode="rb"),
    ".bz2": bz2.BZ2File,
}


def unpacked(path: Path, stream: BinaryIO) -> BinaryIO:
    """Give the bytes that an open file holds: its own, or what is packed in it."""
    ending = packing_of(path)
    opened: BinaryIO = stream if ending is None else _OPENERS[ending](stream)
    return opened


def declared_size(path: Path, stream: BinaryIO) -> int:
    """Give the bytes that a file says it holds; of a packed one they may be others, and reading counts them.

    The last four bytes of a gzip file are the size of what it holds (RFC 1952).
    """
    size = size_of(stream)
    if packing_of(path) != ".gz" or size < 4:
        return size
    stream.seek(-4, 2)
    declared = int.from_bytes(stream.read(4), "little")
    stream.seek(0)
    return declared


def damage(path: Path, error: OSError | EOFError | zlib.error) -> str:
    """Say why a file cannot be read: what the system answered, or that what is packed in it cannot be unpacked."""
    ending = packing_of(path)
    if isinstance(error, OSError) and (ending is None or error.errno is not None):
        return Unreadable.by(error).sentence()
    return f"expected a file packed by {PACKINGS[ending or '.gz']}, got a damaged one ({error})"
