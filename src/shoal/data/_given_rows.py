"""Rows that a caller has in memory in place of a study's files: frames, columns by name, arrays, targets beside them.

They meet the rules of a table of a file; nothing of them is changed. Letters: N rows, D columns, K targets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shoal.data._array_columns import MOST_AXES, array_names
from shoal.data._rows_in_memory import columns_by_name, table_of, way_to_rows
from shoal.data._table import Table
from shoal.data._table_format import Limits
from shoal.errors import DataError, Problem
from shoal.wording import counted

if TYPE_CHECKING:
    from pandas import DataFrame


class NamedColumns(Protocol):
    """A frame of any library: rows with named columns."""

    @property
    def columns(self) -> Any:
        """Names of the columns."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: Any, /) -> Any: ...


Frame: TypeAlias = "DataFrame | NamedColumns | Mapping[str, Any] | NDArray[Any]"
Rows: TypeAlias = "Frame | tuple[Frame, Any]"
"""Rows with named columns, an array (N, D) or one with named fields; or a pair of such and targets, (N,) or (N, K).

Images are a pair of an array (N, H, W), (N, H, W, C) or (N, C, H, W) and labels (N,); series, where a study says so,
one of an array (N, C, T) and targets."""

Pairs: TypeAlias = list[tuple[str, Any]]
"""Columns by name, as they came."""


@dataclass(frozen=True, eq=False)
class GivenRows:
    """Rows in memory in place of a file, which sentences call by its `part` of a study.

    `x` and `y` are the two of `Rows`, `y` None where the targets are columns of `x`; `target_names` are the names of
    the columns of `y`. `series`: an array of three dimensions is series, not images.
    """

    part: Literal["train", "test"]
    x: Any
    y: Any = None
    target_names: tuple[str, ...] = ()
    series: bool = False

    def __str__(self) -> str:
        return self.part

    @property
    def holds_images(self) -> bool:
        """Whether they are an array of more dimensions than a table has."""
        return isinstance(self.x, np.ndarray) and self.x.ndim > 2 and not self.series

    @property
    def bytes(self) -> int:
        """About what they take: numbers by their size, of texts their places alone."""
        if self.holds_images:
            return int(self.x.nbytes)
        columns = [*_columns(self.x, "x", (), self.part)]
        columns += [] if self.y is None else _columns(self.y, "y", (), self.part)
        return sum(int(getattr(values, "nbytes", 8 * _length(values))) for _, values in columns)

    def table(self, limits: Limits) -> Table:
        """Give the columns that are wanted, and levels of a pandas index that the study names.

        Raises DataError for what is no table.
        """
        named = _columns(self.x, "x", limits.named, self.part)
        if self.y is not None:
            targets = _columns(self.y, "y", (), self.part)
            if len(targets) != len(self.target_names):
                got = f"got {len(targets)} beside the inputs"
                raise DataError(
                    Problem(self.part, f"expected {counted(len(self.target_names), 'target')}, {got}")
                )
            self._refuse_other_length(named, targets)
            named += [(name, values) for name, (_, values) in zip(self.target_names, targets, strict=True)]
        table = table_of(named, self.part, limits.names).without_row_names()
        if not table.rows:
            raise DataError(Problem(self.part, "expected columns and at least one row, got none"))
        return table.in_one_form()

    def _refuse_other_length(self, inputs: Pairs, targets: Pairs) -> None:
        """Refuse targets that are not as many as the rows."""
        rows, many = (_length(pairs[0][1]) if pairs else 0 for pairs in (inputs, targets))
        if rows != many:
            raise DataError(Problem(self.part, f"expected as many targets as rows ({rows:,}), got {many:,}"))


def given_rows(
    part: Literal["train", "test"], rows: Any, targets: Any = None, *, series: bool = False
) -> GivenRows:
    """Take rows of any form, and targets beside them, if these are no part of a pair; `series` as there.

    Raises DataError.
    """
    if isinstance(rows, tuple):
        if len(rows) != 2 or targets is not None:
            got = f"got {counted(len(rows), 'thing')}" if targets is None else "got other targets beside it"
            raise DataError(
                Problem(part, f"expected a frame, an array, or a pair of inputs and targets, {got}")
            )
        rows, targets = rows
    if targets is None:
        return GivenRows(part, rows, series=series)
    pair = GivenRows(part, rows, targets, series=series)
    if pair.holds_images:
        return pair
    return replace(pair, target_names=tuple(name for name, _ in _columns(targets, "y", (), part)))


def are_rows(value: object) -> bool:
    """Whether a value is of a form that rows in memory may have, or is meant to be."""
    if isinstance(value, np.ndarray | Mapping | tuple) or way_to_rows(value):
        return True
    names = ("columns", "column_names")
    return isinstance(value, Sized) and any(getattr(value, name, None) is not None for name in names)


def _length(values: Any) -> int:
    return len(values) if isinstance(values, Sized) else 0


def _columns(
    rows: Any, letter: Literal["x", "y"], asked: Collection[str], part: str
) -> list[tuple[str, Any]]:
    """Give named columns; those without names are called as the arrays of an NPZ file are: x, or x[0], x[1] ..."""
    if isinstance(rows, np.ndarray) and rows.dtype.names is None:
        if not 1 <= rows.ndim <= MOST_AXES:
            raise DataError(
                Problem(part, f"expected an array of 1 to {MOST_AXES} dimensions, got {rows.ndim}")
            )
        names = array_names(letter, rows.shape[1:])
        return list(zip(names, rows.reshape(len(rows), len(names)).T, strict=True))
    name = getattr(rows, "name", letter)
    if letter == "y" and not isinstance(rows, Mapping) and getattr(rows, "columns", None) is None:
        return [(name if isinstance(name, str) and name else letter, rows)]
    return columns_by_name(rows, asked, part)
