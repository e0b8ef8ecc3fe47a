"""SQLite's write-ahead log, as far as its first commit: whether there is anything in it to be read.

Asked to read a log that holds no whole commit without the right to write, SQLite would wait ten seconds for somebody to
mend it. The format stands in "Database File Format", section 4, of SQLite's documentation.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, Final

from shoal.errors import EnvironmentFault, Problem
from shoal.results._folder import open_to_read

_HEAD: Final = 32
_FRAME_HEAD: Final = 24
_MAGIC: Final = 0x377F0682
_FORMAT: Final = 3007000

Sums = tuple[int, int]


def holds_a_commit(path: Path) -> bool:
    """Tell whether a log holds a commit, checksums and all: else the file beside it is all there is."""
    try:
        with os.fdopen(open_to_read(path), "rb") as file:
            return _reaches_a_commit(file)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise EnvironmentFault(Problem(str(path), f"cannot be read: {error.strerror or error}")) from error


def _reaches_a_commit(file: BinaryIO) -> bool:
    head = file.read(_HEAD)
    if len(head) < _HEAD:
        return False
    magic, form, page, _, *salt, first, second = struct.unpack(">8I", head)
    order = ">" if magic & 1 else "<"
    sums = _summed(head[:24], order, (0, 0))
    if magic & ~1 != _MAGIC or form != _FORMAT or sums != (first, second):
        return False
    if page not in (2**power for power in range(9, 17)):
        return False
    while len(frame := file.read(_FRAME_HEAD + page)) == _FRAME_HEAD + page:
        number, after, *of_frame, first, second = struct.unpack(">6I", frame[:_FRAME_HEAD])
        sums = _summed(frame[_FRAME_HEAD:], order, _summed(frame[:8], order, sums))
        if number == 0 or of_frame != salt or sums != (first, second):
            return False
        if after:
            return True
    return False


def _summed(data: bytes, order: str, start: Sums) -> Sums:
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
