"""Columns of Arrow, of a Parquet file or in memory, as cells: what pyarrow itself makes arrays of, it may get wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from shoal.data._table import Cells, DateCells, Foreign


def is_arrow(values: Any) -> bool:
    """Whether values are a column of pyarrow, which need not be there to say no."""
    return type(values).__module__ == "pyarrow.lib" and getattr(values, "type", None) is not None


def arrow_cells(column: Any) -> Cells:
    """Turn a pyarrow column into numbers, text (empty where missing), dates or what it is."""
    import pyarrow
    import pyarrow.compute

    kind, types = column.type, pyarrow.types
    while types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        # An array that pyarrow makes of a dictionary has another cell's value where one is missing.
        coded = types.is_dictionary(kind)
        column = column.cast(kind.value_type) if coded else pyarrow.compute.run_end_decode(column)
        kind = column.type
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if types.is_integer(kind) or types.is_floating(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if types.is_boolean(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False), object if column.null_count else bool)
    if types.is_timestamp(kind):
        return DateCells(np.asarray(column.to_numpy(zero_copy_only=False)), zoned=kind.tz is not None)
    if types.is_date(kind):
        return DateCells(np.asarray(column.to_numpy(zero_copy_only=False), "datetime64[D]"), zoned=False)
    if types.is_decimal(kind):
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return [value or "" for value in column.to_pylist()]
    return Foreign(str(kind))
