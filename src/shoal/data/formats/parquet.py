"""Parquet, through pyarrow, an optional package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from shoal.data._arrow_cells import arrow_cells
from shoal.data._table import Table
from shoal.data._table_format import TEXT_CELL, TableFile, TableFormat
from shoal.errors import lacks_memory
from shoal.extras import needed

_PLAIN: Final = frozenset({"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE"})
"""Types of Parquet whose values are of one size."""
_BATCH: Final = 1 << 11


def _read(file: TableFile) -> Table | None:
    """Read all columns; where there is no pyarrow, the extra is named that brings it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        if lacks_memory(error):
            raise MemoryError from error
        file.findings.add(f"reading Parquet {needed('parquet')}")
        return None
    try:
        with pyarrow.parquet.ParquetFile(file.stream) as packed:
            if not file.has_few(packed.metadata.num_columns):
                return None
            file.refuse_above(_declared_bytes(packed.metadata))
            table = _unpacked(packed, file)
            ordered = tuple(
                field.name for field in packed.schema_arrow if getattr(field.type, "ordered", None) is True
            )
        named = [
            (name, arrow_cells(column))
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
    except MemoryError:  # one of pyarrow's own exceptions is one
        raise
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        file.findings.add(f"expected a Parquet file, got a damaged one ({str(error).splitlines()[0]})")
        return None
    read = file.typed(named, table.num_rows)
    if read is None:
        return None
    return replace(read, index=_pandas_index(table.schema.metadata, table.column_names), ordered=ordered)


def _unpacked(packed: Any, file: TableFile) -> Any:
    """Read all rows. One long text, held once, may stand in each: texts are weighed as they come."""
    import pyarrow

    columns = map(packed.metadata.schema.column, range(packed.metadata.num_columns))
    if all(column.physical_type in _PLAIN for column in columns):
        return packed.read()
    bytes_held, batches = 0.0, []
    for batch in packed.iter_batches(batch_size=_BATCH):
        coded = pyarrow.types.is_dictionary
        arrays = [column.dictionary_decode() if coded(column.type) else column for column in batch.columns]
        bytes_held += sum(map(_weight, arrays))
        file.refuse_above(bytes_held)
        batches.append(pyarrow.RecordBatch.from_arrays(arrays, names=batch.schema.names))
    table = pyarrow.Table.from_batches(batches, schema=None if batches else packed.schema_arrow)
    return table.replace_schema_metadata(packed.schema_arrow.metadata)


def _weight(column: Any) -> float:
    """Give what a column takes, and becomes."""
    import pyarrow

    numbers = pyarrow.types.is_primitive(column.type)
    return float(column.nbytes) if numbers else 2.0 * column.nbytes + TEXT_CELL * len(column)


def _declared_bytes(metadata: Any) -> float:
    """What reading needs: the columns as they are unpacked, and as arrays of 8 bytes a cell at least."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return float(
        sum(group.total_byte_size for group in groups) + 8 * metadata.num_rows * metadata.num_columns
    )


def _pandas_index(metadata: Mapping[bytes, bytes] | None, names: Sequence[str]) -> tuple[str, ...]:
    """Give the columns that pandas stored as the index of its frame; foreign metadata name none.

    "index_columns" lists them; a range, which takes no column, is an object there.
    https://pandas.pydata.org/docs/development/developer.html
    """
    try:
        described = json.loads((metadata or {}).get(b"pandas", b"{}"))
    except (ValueError, RecursionError):
        return ()
    index = described.get("index_columns") if isinstance(described, dict) else None
    named = {name for name in index if isinstance(name, str)} if isinstance(index, list) else set()
    return tuple(name for name in names if name in named)


FORMAT = TableFormat(_read)
