"""NPZ: arrays as numpy.savez writes them; 1-D arrays are columns, a 2-D array "x" the columns x[0], x[1] ..., series
(N, C, T) the columns x[0,0], x[0,1] ...

What nobody asks for is not read; what is asked for in another shape of the same values is called as it is asked for.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Final

from shoal.data._array_columns import MOST_AXES, array_names, as_asked
from shoal.data._npz import Header, npz_headers, read_npz
from shoal.data._table import Cells, Foreign, Table
from shoal.data._table_format import TableFile, TableFormat
from shoal.wording import first_few, quoted

_NOT_READ: Final = Foreign("values that were not read")
_KINDS: Final = "biufUM"
"""Numbers, text and dates, as numpy calls their kinds."""


def _read(file: TableFile) -> Table | None:
    """Read the arrays of which a column is wanted."""
    headers = _sound_headers(file)
    if not file.has_few(sum(map(_width, headers.values()))):
        return None
    columns = {
        name: array_names(name, header.shape[1:])
        for name, header in headers.items()
        if header.dtype.kind in _KINDS
    }
    rows = {name: headers[name].shape[0] for name in columns if columns[name]}
    if len(set(rows.values())) > 1:
        shown = first_few([f"{quoted(name)} {length}" for name, length in rows.items()], 10)
        file.findings.add(f"expected arrays of one length, got {shown}")
    if file.findings.found:
        return None
    called = as_asked(chain(*columns.values()), file.limits.names or ())
    columns = {name: [called.get(column, column) for column in own] for name, own in columns.items()}
    used = [name for name in headers if any(map(file.limits.wants, columns[name]))]
    file.refuse_above(2.0 * sum(headers[name].bytes for name in used))
    arrays = read_npz(file.path, file.findings, used)
    if file.findings.found:
        return None
    named: list[tuple[str, Cells]] = []
    for name, of_array in columns.items():
        parts: list[Cells] = [_NOT_READ] * len(of_array)
        if name in arrays:
            parts = list(arrays[name].reshape(len(arrays[name]), len(of_array)).T)
        named += zip(of_array, parts, strict=True)
    return file.typed(named, next(iter(rows.values()), 0))


def _sound_headers(file: TableFile) -> dict[str, Header]:
    """Give the headers of arrays that may be columns; what keeps others from it is noted."""
    headers = npz_headers(file.path, file.findings)
    for name, header in headers.items():
        if header.fault:
            file.findings.add(f"array {quoted(name)}: {header.fault}")
        elif header.dtype.kind not in _KINDS:
            file.findings.add(f"array {quoted(name)}: expected numbers or text, got {header.dtype}")
        elif not _has_rows(header):
            what = f"expected 1 to {MOST_AXES} dimensions, got {len(header.shape)}"
            file.findings.add(f"array {quoted(name)}: {what}")
    return {name: header for name, header in headers.items() if _has_rows(header) and not header.fault}


def _has_rows(header: Header) -> bool:
    return 1 <= len(header.shape) <= MOST_AXES


def _width(header: Header) -> int:
    return math.prod(header.shape[1:])


FORMAT = TableFormat(_read)
