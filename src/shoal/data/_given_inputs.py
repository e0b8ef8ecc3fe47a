"""Input columns that are in memory already and learned from as they stand: frames of any library, arrays.

Letters: N rows, D columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._column_kind import CATEGORY, NUMBER
from shoal.data._dataset import Column
from shoal.data._encoder import Encoder
from shoal.data._findings import Findings, refuse
from shoal.data._input_columns import AskedColumn, read_column
from shoal.data._missing import Marks
from shoal.data._rows_in_memory import columns_by_name, table_of

_PLACE: Final = "X"
_CATEGORY_TYPES: Final = ("CategoricalDtype", "Categorical", "Enum", "DictionaryType")
"""What pandas, polars and pyarrow call their types of categories."""


def category_columns(x: Any) -> NDArray[np.bool_] | None:
    """Say which columns of a frame are categories by their type, (D,); None for what is no frame."""
    kinds = getattr(x, "dtypes", None)
    if kinds is None:
        kinds = getattr(getattr(x, "schema", None), "types", None)
    if kinds is None:
        return None
    own = (getattr(kind, "pyarrow_dtype", kind) for kind in kinds)
    return np.array([type(kind).__name__ in _CATEGORY_TYPES for kind in own], np.bool_)


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
        read = [read_column(table, column, findings, marks) for column in asked]
        refuse(findings.problems())
        return tuple(column.treated(impute=True, rare_below=1) for column in read if column is not None)
