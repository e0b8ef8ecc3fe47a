"""Columns in order as series: a row of numbers becomes maps of height 1, which convolutions take.

Letters: N rows, D inputs, C series, T values of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from shoal.errors import Problem, StudyError
from shoal.kinds import Takes
from shoal.nets._layer import LAYER_CALLS, LayerStep, Part, Shape, StepCost
from shoal.wording import counted

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts


@dataclass(frozen=True)
class SeriesLayer:
    """`inputs` numbers of a row as `units` series of equal length, one behind the other: (N, D) to (N, C, 1, T)."""

    kind: ClassVar[str] = "series"
    takes: ClassVar[Takes] = "table"
    activation: ClassVar[str] = "identity"
    dropout: ClassVar[float] = 0.0
    batch_norm: ClassVar[bool] = False
    layer_norm: ClassVar[bool] = False
    multiply_adds: ClassVar[int] = 0
    parts: ClassVar[tuple[Part, ...]] = ()
    buffers: ClassVar[tuple[Part, ...]] = ()

    name: str
    inputs: int
    series: int

    @property
    def units(self) -> int:
        """A channel a series."""
        return self.series

    @property
    def gives(self) -> Shape:
        """The shape of its maps: (C, 1, T)."""
        return (self.series, 1, self.inputs // self.series)

    @property
    def numbers(self) -> int:
        """As many as it takes."""
        return self.inputs

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """The series, as maps of height 1."""
        return (LayerStep("series", self.gives),)

    @property
    def mask_shape(self) -> Shape:
        """A draw a channel."""
        return (self.units, 1, 1)

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:  # noqa: ARG002
        """A call; nothing is computed."""
        return StepCost(LAYER_CALLS, 0.0)

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """Torch's own layer."""
        return {self.name: torch.nn.Unflatten(1, self.gives)}

    def output(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """Inputs (N, D) as maps (N, C, 1, T)."""
        return x.reshape(len(x), *self.gives)

    def pulled_back(
        self,
        named: Mapping[str, NDArray[Any]],  # noqa: ARG002
        x: NDArray[Any],
        gradient_NU: NDArray[Any],
    ) -> NDArray[Any]:
        """Gradient (N, D) by inputs of what has this gradient by their maps."""
        return gradient_NU.reshape(x.shape)

    def nodes(self, graph: GraphParts, x: str) -> str:
        """Add its ONNX node."""
        return graph.node(
            "Reshape", [x, graph.array(f"{self.name}_shape", np.array((0, *self.gives)))], self.name
        )


LAYER = SeriesLayer


def series_layer(inputs: int, series: int) -> SeriesLayer:
    """Lay out so many inputs as series. Raises StudyError where they are not of one length."""
    if inputs % series:
        what = f"expected a number of series that divides the {counted(inputs, 'input')}, got {series:,}"
        raise StudyError(Problem("network.series", what))
    return SeriesLayer("series", inputs, series)
