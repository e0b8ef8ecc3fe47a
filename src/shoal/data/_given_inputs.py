"""Input columns that are in memory already and learned from as they stand: frames of any library, arrays.

Letters: N rows, D columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from shoal.data._cells import holds_text, written_cells
from shoal.data._classes import NUMBER as NUMBER_TEXT
from shoal.data._column_kind import CATEGORY, NUMBER
from shoal.data._dataset import Column
from shoal.data._encoder import Encoder
from shoal.data._findings import Findings, refuse
from shoal.data._input_columns import AskedColumn, read_column
from shoal.data._missing import Marks
from shoal.data._rows_in_memory import columns_by_name, table_of
from shoal.data._table import DateCells, Foreign, Table
from shoal.wording import quoted

_PLACE: Final = "X"
_CATEGORY_TYPES: Final = ("CategoricalDtype", "Categorical", "Enum", "DictionaryType")
"""What pandas, polars and pyarrow call their types of categories."""


def column_types(x: Any) -> list[Any] | None:
    """Give the type of each column of a frame of pandas, polars or pyarrow; None for what is no frame."""
    if not isinstance(x, Sized):  # a lazy frame would be asked for nothing
        return None
    kinds = getattr(x, "dtypes", None)
    if kinds is None:
        kinds = getattr(getattr(x, "schema", None), "types", None)
    if not isinstance(kinds, Iterable):  # that of a series is one type
        return None
    return [getattr(kind, "pyarrow_dtype", kind) for kind in kinds]


def is_category(kind: Any) -> bool:
    """Whether the type of a column says that it holds categories."""
    return type(kind).__name__ in _CATEGORY_TYPES


def is_plain_number(kind: Any) -> bool:
    """Whether the type of a column is one of numpy's numbers or truth values."""
    return isinstance(kind, np.dtype) and kind.kind in "biuf"


@dataclass(frozen=True, eq=False)
class GivenInputs:
    """Columns of a frame or of an array (N, D), in their order: categories where `categorical` says so, else numbers.

    Cells may be missing; the rules are those of a table that is read from a file.
    """

    named: tuple[tuple[str, Any], ...]
    categorical: tuple[bool, ...]

    @classmethod
    def of(cls, x: Any, categorical: Sequence[bool]) -> GivenInputs:
        """Take the columns of a frame by name, of an array by place ("x0", "x1" ...). Raises DataError."""
        if isinstance(x, np.ndarray):
            named = [(f"x{place}", x[:, place]) for place in range(x.shape[1])]
        else:
            named = columns_by_name(x, (), _PLACE)
        return cls(tuple(named), tuple(categorical))

    def columns(self, encoders: Sequence[Encoder] = ()) -> tuple[Column, ...]:
        """Read all of them; with `encoders`, one each, by their names and in the spelling of their categories.

        Raises DataError with every cell that cannot be read.
        """
        named = self.named
        if encoders:
            named = tuple((encoder.name, cells) for encoder, (_, cells) in zip(encoders, named, strict=True))
        known = [encoder.categories or () for encoder in encoders] or [()] * len(named)
        findings, marks, table = Findings(_PLACE), Marks(), table_of(named, _PLACE)
        kinds = zip(table.names, self.categorical, known, strict=True)
        asked = [
            AskedColumn(name, CATEGORY if is_category else NUMBER, texts)
            for name, is_category, texts in kinds
        ]
        read = [_read(table, column, findings, marks) for column in asked]
        refuse(findings.problems())
        return tuple(column.treated(impute=True, rare_below=1) for column in read if column is not None)


def _read(table: Table, asked: AskedColumn, findings: Findings, marks: Marks) -> Column | None:
    """Read a column; one of text that is to be numbers is refused with the way to categories."""
    name = asked.name
    cells = table[name]
    if asked.kind is CATEGORY or isinstance(cells, Foreign | DateCells) or not holds_text(table, name, marks):
        return read_column(table, asked, findings, marks)
    text = next(cell for cell in written_cells(cells) if cell and not NUMBER_TEXT.fullmatch(cell))
    remedy = (
        f'if it is a category: categorical_features=[{quoted(name)}], or a column whose type is "category"'
    )
    findings.add(f"expected numbers, got text such as {quoted(text)}; {remedy}", f"column {quoted(name)}")
    return None
