"""Numbers: as they are, or centred and scaled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column
from shoal.data._encoder import FLOAT, Graph, Piece
from shoal.data._scale import Scale, fit_scale


@dataclass(frozen=True)
class NumberEncoder:
    """Values become (value - mean) / scale, in one column."""

    kind: ClassVar[str] = "number"
    torch_source: ClassVar[str] = '''def number(cells, mean, scale):
    """Centre and scale a column of numbers."""
    return [(torch.tensor(list(cells), dtype=torch.float64) - mean) / scale]'''

    scale: Scale

    @property
    def name(self) -> str:
        """Name of the column as read."""
        return self.scale.name

    @property
    def names(self) -> tuple[str, ...]:
        """Its own name: it stays one column."""
        return (self.scale.name,)

    @property
    def categories(self) -> None:
        """None: it holds numbers."""
        return None

    @classmethod
    def fit(cls, column: Column, rows: NDArray[np.int64], *, standardize: bool) -> Self:
        """Learn mean and standard deviation of the rows. Raises DataError where one overflows."""
        return cls(fit_scale(column.name, column.values[rows]) if standardize else Scale(column.name))

    def encode(self, values_N: NDArray[Any], x_ND: NDArray[np.float32]) -> None:
        """Write the column, rounded once to 32 bits. Raises DataError for what they do not hold."""
        x_ND[:, 0] = self.scale.applied(values_N, "input")

    def unknown(self, values_N: NDArray[Any]) -> str:  # noqa: ARG002
        """Say nothing: every number is read as a number."""
        return ""

    def misfits(self) -> Iterator[str]:
        """Find nothing: a mean goes with every scale."""
        return iter(())

    def drawn(self, draw: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw numbers about the mean, as far apart as those of the training rows."""
        return draw.normal(self.scale.mean, self.scale.scale, count)

    def to_json(self) -> dict[str, Any]:
        """Give name, mean and scale."""
        return self.scale.to_json()

    @classmethod
    def from_json(cls, entry: object) -> Self | None:
        """Read what `to_json` gave; None for anything else."""
        scale = Scale.from_json(entry)
        return None if scale is None else cls(scale)

    @classmethod
    def nodes(cls, graph: Graph, encoders: Sequence[Self], cells: str) -> list[Piece]:
        """Centre and scale in float64, then round once."""
        mean = graph.array("input_mean", np.array([encoder.scale.mean for encoder in encoders]))
        scale = graph.array("input_scale", np.array([encoder.scale.scale for encoder in encoders]))
        centred = graph.node("Sub", [cells, mean], "centred")
        scaled = graph.node("Div", [centred, scale], "scaled")
        prepared = graph.node("Cast", [scaled], "scaled_float", {"to": FLOAT})
        return [(prepared, [(place, 0) for place in range(len(encoders))])]

    @property
    def torch_arguments(self) -> tuple[Any, ...]:
        """Mean and scale."""
        return self.scale.mean, self.scale.scale


ENCODER = NumberEncoder
