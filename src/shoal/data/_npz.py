"""NPZ files read with care: never with pickle, never more bytes than the file declares and holds.

The headers are read first; arrays that nobody asks for are never read.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from shoal.data._findings import Findings
from shoal.files import Unreadable, opened
from shoal.wording import counted, quoted

# NotImplementedError: an unknown compression; RuntimeError: an encrypted member.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
_LONGEST_HEADER: Final = 10_000
_LARGEST_CODE: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)


@dataclass(frozen=True)
class Header:
    """What one array of an NPZ file declares; nothing of it has been read."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def fault(self) -> str:
        """Say what keeps its values from being numbers or text of some size; nothing where nothing does."""
        if self.dtype.hasobject:
            return "expected numbers or text, got Python objects, never loaded here"
        if not self.dtype.itemsize:
            return f"expected numbers or text, got values without a size ({self.dtype.str})"
        return ""

    @property
    def bytes(self) -> int:
        """Bytes of the values in memory."""
        return self.count * self.dtype.itemsize


def npz_headers(path: Path, findings: Findings) -> dict[str, Header]:
    """Read the header of every array by name; what cannot be read is noted in `findings`."""
    headers: dict[str, Header] = {}
    try:
        with opened(path) as stream, zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in headers:
                    findings.add(f"expected every array once, got {quoted(name)} twice")
                    continue
                with archive.open(info) as member:
                    headers[name] = _read_header(member)
    except Unreadable as error:
        findings.add(error.sentence())
    except _DAMAGE as error:
        findings.add(_damaged(error))
    return headers


def read_npz(path: Path, findings: Findings, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read the arrays `names`, or all, by name; what cannot be read is noted in `findings`."""
    arrays: dict[str, NDArray[Any]] = {}
    headers = npz_headers(path, findings)
    if findings.found:
        return arrays
    try:
        with opened(path) as stream, zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name not in headers or (names is not None and name not in names):
                    continue
                fault = _fault(headers[name], info.file_size)
                if fault:
                    findings.add(f"array {quoted(name)}: {fault}")
                    continue
                with archive.open(info) as member:
                    array = _read_array(member, name, findings)
                if array is not None:
                    arrays[name] = array
    except Unreadable as error:
        findings.add(error.sentence())
    except _DAMAGE as error:
        findings.add(_damaged(error))
    return arrays


def _damaged(error: Exception) -> str:
    return f"expected an NPZ file as numpy.savez writes it, got a damaged one ({error})"


def _read_header(stream: IO[bytes]) -> Header:
    """Read the head of one .npy member."""
    version = npy.read_magic(stream)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    length = stream.read(2 if version == (1, 0) else 4)
    size = int.from_bytes(length, "little")
    if size > _LONGEST_HEADER:  # numpy unpacks it before it asks
        raise ValueError(f"a header of {size} bytes")
    return Header(*read_header(io.BytesIO(length + stream.read(size))))


def _fault(header: Header, size: int) -> str:
    """Say what keeps an array from being read out of a member of `size` bytes; nothing where nothing does."""
    if not header.fault and header.bytes > size:
        return f"declares {header.bytes} bytes, but the file holds at most {size}"
    return header.fault


def _read_array(stream: IO[bytes], name: str, findings: Findings) -> NDArray[Any] | None:
    """Read one .npy member, whose header is sound."""
    header = _read_header(stream)
    values = np.frombuffer(stream.read(header.bytes), dtype=header.dtype)
    if len(values) != header.count:
        findings.add(f"array {quoted(name)}: expected {counted(header.count, 'value')}, got {len(values)}")
        return None
    if header.dtype.kind == "U" and (code := _foreign_code(values)) is not None:
        findings.add(f"array {quoted(name)}: expected text of Unicode characters, got the code {code:#x}")
        return None
    return values.reshape(header.shape, order="F" if header.fortran else "C")


def _foreign_code(texts: NDArray[np.str_]) -> int | None:
    """Find a code that is no character: above 0x10FFFF, or half of a pair."""
    codes = texts.view(np.dtype(np.uint32).newbyteorder(texts.dtype.byteorder))
    low, high = _SURROGATES
    foreign = codes[(codes > _LARGEST_CODE) | ((codes >= low) & (codes <= high))]
    return int(foreign[0]) if foreign.size else None
