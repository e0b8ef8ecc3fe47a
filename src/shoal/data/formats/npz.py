"""NPZ: arrays as numpy.savez writes them; 1-D arrays are columns, a 2-D array "x" the columns x[0], x[1] ...

What nobody asks for is not read.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.data._npz import Header, npz_headers, read_npz
from shoal.data._table import Cells, Foreign, Table
from shoal.data._table_format import TableFile, TableFormat
from shoal.wording import quoted

_NOT_READ: Final = Foreign("values that were not read")
_NONE: Final = np.empty((0, 0))
_KINDS: Final = "biufUM"
"""Numbers, text and dates, as numpy calls their kinds."""


def _read(file: TableFile) -> Table | None:
    """Read the arrays of which a column is wanted."""
    headers = _sound_headers(file)
    if not file.has_few(sum(map(_width, headers.values()))):
        return None
    columns = {
        name: _columns_of(name, header) for name, header in headers.items() if header.dtype.kind in _KINDS
    }
    rows = {name: headers[name].shape[0] for name in columns if columns[name]}
    if len(set(rows.values())) > 1:
        lengths = [(column, rows[name]) for name in rows for column in columns[name][:10]][:10]
        shown = ", ".join(f"{quoted(name)} {length}" for name, length in lengths)
        file.findings.add(f"expected arrays of one length, got {shown}")
    if file.findings.found:
        return None
    used = [name for name in headers if any(map(file.limits.wants, columns[name]))]
    file.refuse_above(2.0 * sum(headers[name].bytes for name in used))
    arrays = read_npz(file.path, file.findings, used)
    if file.findings.found:
        return None
    named: list[tuple[str, Cells]] = []
    for name, of_array in columns.items():
        parts = (
            [arrays[name]] if name in arrays and arrays[name].ndim == 1 else list(arrays.get(name, _NONE).T)
        )
        named += zip(of_array, parts or [_NOT_READ] * len(of_array), strict=True)
    return file.typed(named, next(iter(rows.values()), 0))


def _sound_headers(file: TableFile) -> dict[str, Header]:
    """Give the headers of arrays that may be columns; what keeps others from it is noted."""
    headers = npz_headers(file.path, file.findings)
    for name, header in headers.items():
        if header.fault:
            file.findings.add(f"array {quoted(name)}: {header.fault}")
        elif header.dtype.kind not in _KINDS:
            file.findings.add(f"array {quoted(name)}: expected numbers or text, got {header.dtype}")
        elif len(header.shape) not in (1, 2):
            file.findings.add(f"array {quoted(name)}: expected 1 or 2 dimensions, got {len(header.shape)}")
    return {
        name: header for name, header in headers.items() if len(header.shape) in (1, 2) and not header.fault
    }


def _width(header: Header) -> int:
    return header.shape[1] if len(header.shape) == 2 else 1


def _columns_of(name: str, header: Header) -> list[str]:
    single = len(header.shape) == 1
    return [name] if single else [f"{name}[{place}]" for place in range(_width(header))]


FORMAT = TableFormat(_read)
