"""NPZ files read with care: never with pickle, and never more bytes than the file declares and holds."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from shoal.data._findings import Findings, quoted

# NotImplementedError: an unknown compression; RuntimeError: an encrypted member.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def read_npz(path: Path, findings: Findings) -> dict[str, NDArray[Any]]:
    """Read every array of the file by name; what cannot be read is noted in `findings`."""
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in arrays:
                    findings.add(f"expected every array once, got {quoted(name)} twice")
                    continue
                with archive.open(info) as stream:
                    array = _read_array(stream, info.file_size, name, findings)
                if array is not None:
                    arrays[name] = array
    except _DAMAGE as error:
        findings.add(f"expected an NPZ file as numpy.savez writes it, got a damaged one ({error})")
    return arrays


def npz_ranks(path: Path) -> tuple[int, ...]:
    """Give the number of dimensions of every array, from the headers alone; nothing for a damaged file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(len(_read_header(archive.open(info))[0]) for info in archive.infolist())
    except _DAMAGE:
        return ()


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read (shape, Fortran order, type) of one .npy member."""
    version = npy.read_magic(stream)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    return shape, fortran, dtype


def _read_array(stream: IO[bytes], size: int, name: str, findings: Findings) -> NDArray[Any] | None:
    """Read one .npy member of `size` bytes, once its header has been checked against that size."""
    shape, fortran, dtype = _read_header(stream)
    if dtype.hasobject:
        findings.add(f"array {quoted(name)}: expected numbers or text, got Python objects, never loaded here")
        return None
    count = math.prod(shape)
    declared = count * dtype.itemsize
    if declared > size:
        findings.add(f"array {quoted(name)}: declares {declared} bytes, but the file holds at most {size}")
        return None
    values = np.frombuffer(stream.read(declared), dtype=dtype) if declared else np.zeros(count, dtype)
    if len(values) != count:
        findings.add(f"array {quoted(name)}: expected {count} values, got {len(values)}")
        return None
    return values.reshape(shape, order="F" if fortran else "C")
