"""IDX files, the format of MNIST, plain or gzipped: two zero bytes, type, rank, sizes, values.

Sizes are believed only once the file has shown that it holds so many bytes.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings
from shoal.files import Unreadable, opened

_UNSIGNED_BYTES: Final = 0x08
_BEST_RATIO: Final = 1032
"""A byte of deflated data becomes at most so many (zlib's technical details)."""
_CHUNK: Final = 1 << 20
_DAMAGE: Final = (EOFError, zlib.error, OSError)
_Stream = gzip.GzipFile | BinaryIO


def is_idx(path: Path) -> bool:
    """Whether a file starts as an IDX file does, plain or gzipped."""
    try:
        with _opened(path) as stream:
            head = stream.read(4)
    except (Unreadable, *_DAMAGE):
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[3] in (1, 2, 3, 4)


def idx_shape(path: Path, ranks: tuple[int, ...], findings: Findings) -> tuple[int, ...] | None:
    """Read the sizes that a file of unsigned bytes declares, believed no further than it can hold them."""
    try:
        with _opened(path) as stream:
            return _shape(stream, path, ranks, findings)
    except Unreadable as error:
        findings.add(error.sentence())
    except _DAMAGE as error:
        findings.add(_damaged(error))
    return None


def read_idx(path: Path, ranks: tuple[int, ...], findings: Findings) -> NDArray[np.uint8] | None:
    """Read unsigned bytes of one of the ranks allowed; what is wrong is noted in `findings`."""
    try:
        with _opened(path) as stream:
            shape = _shape(stream, path, ranks, findings)
            return None if shape is None else _values(stream, shape, findings)
    except Unreadable as error:
        findings.add(error.sentence())
    except _DAMAGE as error:
        findings.add(_damaged(error))
    return None


def _damaged(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return Unreadable.by(error).sentence()
    return f"expected a whole gzip file, got a damaged one ({error})"


@contextmanager
def _opened(path: Path) -> Iterator[_Stream]:
    """Open the file, through gzip if its first bytes say so."""
    with opened(path) as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if not zipped:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as unzipped:
            yield unzipped


def _shape(stream: _Stream, path: Path, ranks: tuple[int, ...], findings: Findings) -> tuple[int, ...] | None:
    """Check the header, and that the file can hold as many values as its sizes declare."""
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        findings.add(f"expected an IDX file (first bytes 00 00), got {head[:4].hex(' ') or 'an empty file'}")
        return None
    kind, rank = head[2], head[3]
    if kind != _UNSIGNED_BYTES:
        findings.add(f"expected unsigned bytes (IDX type 08), got type {kind:02x}")
        return None
    if rank not in ranks:
        expected = " or ".join(map(str, ranks))
        findings.add(f"expected {expected} dimension{'s' if ranks != (1,) else ''}, got {rank}")
        return None
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        findings.add(f"expected {4 * rank} bytes of sizes, got {len(sizes)}")
        return None
    shape: tuple[int, ...] = struct.unpack(f">{rank}I", sizes)
    declared = math.prod(shape)
    written = " x ".join(map(str, shape))
    most = path.stat().st_size * (_BEST_RATIO if isinstance(stream, gzip.GzipFile) else 1)
    if not declared:
        findings.add(f"expected sizes above 0, got {written}")
    elif declared > most:
        findings.add(f"declares {written} = {declared} values, but the file can hold at most {most}")
    else:
        return shape
    return None


def _values(stream: _Stream, shape: tuple[int, ...], findings: Findings) -> NDArray[np.uint8] | None:
    """Read exactly as many bytes as the sizes declare, never making room for more than there are."""
    declared = math.prod(shape)
    written = " x ".join(map(str, shape))
    values = bytearray()
    while len(values) <= declared and (chunk := stream.read(min(_CHUNK, declared + 1 - len(values)))):
        values += chunk
    if len(values) != declared:
        content = f"only {len(values)}" if len(values) < declared else "more"
        findings.add(f"declares {written} = {declared} values, but holds {content}")
        return None
    array: NDArray[Any] = np.frombuffer(values, dtype=np.uint8)
    return array.reshape(shape)
