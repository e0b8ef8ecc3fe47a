"""What an encoder is: how the cells of one input column become columns of the network; encoders by name.

A kind of encoder is a file of the room `encoders`, named after it, with an `ENCODER` in it, the frozen dataclass of
what it learned; its row in `kinds.ENCODERS` is all that is said of it elsewhere. It is fitted to chosen rows, and looks
at no others. Letters: N rows, D columns that one column becomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Final, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.data._column_kind import DateStyle
from shoal.data._dataset import Column
from shoal.errors import ModelFileError
from shoal.kinds import ENCODERS, row_of
from shoal.wording import listed

FLOAT: Final = 1
"""`onnx.TensorProto.FLOAT`, the type that a graph's prepared inputs have."""
DOUBLE: Final = 11
INT64: Final = 7
"""`onnx.TensorProto.DOUBLE` and `INT64`."""

Piece = tuple[str, list[tuple[int, int]]]
"""A part of a graph, float32 (N, columns), and what its columns are: place among the encoders, place among its D."""


class Encoder(Protocol):
    """One input column as a fit's rows taught it: its cells to D columns of float32."""

    kind: ClassVar[str]
    torch_source: ClassVar[str]
    """A function of the exported Python file, called as the kind is: (cells, *torch_arguments) to D tensors."""

    @property
    def name(self) -> str:
        """Name of the column as read."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the D columns that it becomes."""
        ...

    @property
    def categories(self) -> tuple[str, ...] | None:
        """The categories that were learned, in their spelling; None for a column that holds none."""
        ...

    @property
    def imputes(self) -> bool:
        """Whether missing cells are answered; else rows that lack one are refused."""
        ...

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64] | slice, *, standardize: bool) -> Self:
        """Learn from the rows `rows` of a column alone. Raises DataError for what cannot be learned from."""
        ...

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[Any]) -> None:
        """Write the D columns of cells, as `Column` has them, into `x_ND`, which is 0. Raises DataError."""
        ...

    @property
    def baseline(self) -> tuple[float, ...]:
        """What the D columns are of a cell that says nothing: numbers at their mean, every category a little.

        NaN where that was not learned.
        """
        ...

    def unknown(self, values_N: NDArray[Any]) -> str:
        """Say what of new cells the training rows did not have, and how it is read; nothing where nothing is."""
        ...

    def misfits(self) -> Iterator[str]:
        """Find what does not go together in a description that may be foreign."""
        ...

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw cells like those of the training rows, and such as they did not have, (count,)."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Give plain values for a model file; floats travel exactly."""
        ...

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave, from a file that may be foreign; None for anything else."""
        ...

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Add what all encoders of this kind do to the graph's cells (N, encoders): float64 (dates, too) or text."""
        ...

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """Give what the exported function takes beside the cells: plain values, lists and texts."""
        ...


@runtime_checkable
class OfDates(Protocol):
    """An encoder of dates, which knows how they were written."""

    @property
    def name(self) -> str:
        """Name of the column as read."""
        ...

    @property
    def style(self) -> DateStyle:
        """How the dates were written that it was fitted to."""
        ...


@runtime_checkable
class OfCodes(Protocol):
    """An encoder whose one column are numbers of vectors that a network looks up, from 0 on."""

    @property
    def name(self) -> str:
        """Name of the column as read."""
        ...

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        ...

    @property
    def texts(self) -> tuple[str, ...]:
        """Texts that have a code of their own, in its order, from 1 on; empty for a missing cell."""
        ...


@runtime_checkable
class WithCodes(Protocol):
    """An encoder of a column for each category, which can give codes in place of them."""

    @property
    def count(self) -> int:
        """How many columns there are."""
        ...

    def coded(self) -> Encoder:
        """Give codes to the categories. Raises DataError for too many."""
        ...


def in_order(columns: Iterable[Encoder]) -> tuple[Encoder, ...]:
    """Bring encoders into the order of the network's inputs: as the columns are, and those of codes last."""
    return tuple(sorted(columns, key=lambda column: isinstance(column, OfCodes)))


def missing_name(name: str) -> str:
    """Name the column that says of each row whether the cell of column `name` is missing."""
    return f"{name} is missing"


@cache
def encoder_class(kind: str) -> type[Encoder]:
    """Give a kind of encoder by name. Raises StudyError for one that is unknown."""
    row_of("encoder", ENCODERS, kind)
    encoder: type[Encoder] = import_module(f"shoal.data.encoders.{kind.replace('-', '_')}").ENCODER
    return encoder


def takes(encoder: Encoder) -> str:
    """Say what an encoder is given: "numbers", "categories" or "dates"."""
    return row_of("encoder", ENCODERS, encoder.kind).takes


def fit_encoder(column: Column, rows: NDArray[np.int64] | slice, *, standardize: bool) -> Encoder:
    """Fit the encoder that a column asks for, or the first that takes its kind of values."""
    kind = column.encoder or next(kind for kind, row in ENCODERS.items() if row.takes == column.takes)
    return encoder_class(kind).fit(column, rows, standardize=standardize)


def encoder_from_json(entry: object) -> Encoder:
    """Read one column's description; everything is checked. Raises ModelFileError."""
    for kind in ENCODERS:
        encoder = encoder_class(kind).from_json(entry)
        if encoder is not None:
            return encoder
    shown = entry.get("name") if isinstance(entry, Mapping) else entry
    described = listed([row.described for row in ENCODERS.values()], "or")
    raise ModelFileError(f"preprocessing: expected a column with {described}, got {str(shown)[:60]!a}")
