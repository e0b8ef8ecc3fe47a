"""Embeddings: the codes of categories to vectors, which are learned; the network's first layer.

Letters: N rows, D inputs, of which the last T are codes, U units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import Takes
from shoal.nets._layer import LAYER_CALLS, LayerStep, Part, Shape, StepCost

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts

INT64: Final = 7
"""`onnx.TensorProto.INT64`."""
LOOKUP_CALLS: Final = 10.0
LOOKED_UP: Final = 6e-4
GRADIENT: Final = 3e-4
"""Costs of a table of vectors, of a number that is looked up for a row, and of one of a table's dense gradient."""


@dataclass(frozen=True)
class EmbeddingLayer:
    """Tables of vectors, each of (rows, size): the last inputs are codes, one a table, and become their rows.

    The other inputs come first, as they are; then the vectors, table by table. Row 0 of every table, which a category
    that was not learned has, is 0 and stays so.
    """

    kind: ClassVar[str] = "embedding"
    takes: ClassVar[Takes] = "table"
    activation: ClassVar[str] = "identity"
    dropout: ClassVar[float] = 0.0
    batch_norm: ClassVar[bool] = False
    layer_norm: ClassVar[bool] = False
    multiply_adds: ClassVar[int] = 0
    buffers: ClassVar[tuple[Part, ...]] = ()

    name: str
    inputs: int
    tables: tuple[tuple[int, int], ...]

    @property
    def plain(self) -> int:
        """How many inputs are no codes."""
        return self.inputs - len(self.tables)

    @property
    def units(self) -> int:
        """Inputs that are no codes, and the numbers of all vectors."""
        return self.plain + sum(size for _, size in self.tables)

    @property
    def numbers(self) -> int:
        """A number a unit."""
        return self.units

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """The vectors behind the other inputs."""
        return (LayerStep("embedding", (self.units,)),)

    @property
    def mask_shape(self) -> Shape:
        """A draw a unit."""
        return (self.units,)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The tables, each with draws of its own, in order of its vectors."""
        return tuple(
            Part(f".{number}.weight", (rows, size), "vectors", size, draw=number)
            for number, (rows, size) in enumerate(self.tables)
        )

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:  # noqa: ARG002
        """Its tables, and the numbers that are looked up in them."""
        numbers = sum(rows * size for rows, size in self.tables)
        calls = LAYER_CALLS + LOOKUP_CALLS * len(self.tables) + GRADIENT * numbers
        return StepCost(calls, LOOKED_UP * (self.units - self.plain))

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """Torch's own embeddings, side by side."""
        return {self.name: lookup_class(torch)(*self.tables)}

    def output(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        """Outputs (N, U) for inputs (N, D), in their dtype."""
        tables = (named[f"{self.name}{part.suffix}"] for part in self.parts)
        vectors = (
            table[x[:, self.plain + number].astype(np.int64)].astype(x.dtype)
            for number, table in enumerate(tables)
        )
        return np.concatenate([x[:, : self.plain], *vectors], axis=1)

    def pulled_back(
        self,
        named: Mapping[str, NDArray[Any]],  # noqa: ARG002
        x: NDArray[Any],
        gradient_NU: NDArray[Any],
    ) -> NDArray[Any]:
        """Gradient (N, D): of the inputs that are no codes; a code has no derivative, and 0."""
        gradient_ND = np.zeros_like(x)
        gradient_ND[:, : self.plain] = gradient_NU[:, : self.plain]
        return gradient_ND

    def average(self, named: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Give the mean of the vectors of every table, table by table, every category learned counting the same."""
        tables = (named[f"{self.name}{part.suffix}"] for part in self.parts)
        return np.concatenate([table[1:].astype(np.float64).mean(axis=0) for table in tables])

    def places(self) -> tuple[slice, ...]:
        """Give where the vectors of every table stand among the outputs."""
        ends = np.cumsum([self.plain, *(size for _, size in self.tables)]).tolist()
        return tuple(map(slice, ends, ends[1:]))

    def nodes(self, graph: GraphParts, x: str) -> str:
        """Add its ONNX nodes."""
        pieces: list[str] = []
        if self.plain:
            places = graph.array(f"{self.name}_plain", np.arange(self.plain))
            pieces.append(graph.node("Gather", [x, places], f"{self.name}_others", {"axis": 1}))
        for number, part in enumerate(self.parts):
            name = f"{self.name}_{number}"
            place = graph.array(f"{name}_place", np.array([self.plain + number]))
            cells = graph.node("Gather", [x, place], f"{name}_cells", {"axis": 1})
            codes = graph.node("Cast", [cells], f"{name}_codes", {"to": INT64})
            vectors = graph.node("Gather", [f"{self.name}{part.suffix}", codes], f"{name}_vectors")
            pieces.append(graph.node("Flatten", [vectors], f"{name}_flat", {"axis": 1}))
        return graph.node("Concat", pieces, f"{self.name}_out", {"axis": 1})


LAYER = EmbeddingLayer


@cache
def lookup_class(torch: Any) -> Callable[..., nn.ModuleList]:
    """Give the module; exported files have its very text."""

    class Lookup(torch.nn.ModuleList):  # type: ignore[misc]
        """Tables of vectors, each of (rows, size): the last inputs are codes, and become their rows; row 0 is 0."""

        def __init__(self, *tables):  # type: ignore[no-untyped-def]
            super().__init__(torch.nn.Embedding(rows, size, padding_idx=0) for rows, size in tables)
            self.tables = tables

        def forward(self, x):  # type: ignore[no-untyped-def]
            plain = x.shape[1] - len(self)
            vectors = [table(x[:, plain + place].long()) for place, table in enumerate(self)]
            return torch.cat([x[:, :plain], *vectors], dim=1)

        def __repr__(self):  # type: ignore[no-untyped-def]
            return f"Lookup({', '.join(map(str, self.tables))})"

    return Lookup


def table_size(count: int) -> int:
    """Give the length of the vectors of `count` categories, by the rule of fastai: 1.6 n^0.56, rounded, at most 600.

    Howard, Gugger (2020): fastai: A layered API for deep learning. Information 11, 108.
    """
    length: float = 1.6 * float(count) ** 0.56
    return min(600, round(length))
