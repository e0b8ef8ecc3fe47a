"""What a layer is, and the kinds of layers by name.

A kind of layer is a file of the room `layers`, named after the kind, with a `LAYER` in it, the frozen dataclass of its
sizes; its row in `kinds.LAYERS` is all that is said of it elsewhere. Letters: N rows, U units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from numpy.typing import NDArray

from shoal.kinds import LAYERS, Takes, row_of

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts

Shape = tuple[int, ...]
Sides = int | tuple[int, int]
"""What something measures in pixels: one number where that is the same down and across, else (down, across)."""


def both(sides: Sides) -> tuple[int, int]:
    """Give what something measures down and across."""
    return sides if isinstance(sides, tuple) else (sides, sides)


@dataclass(frozen=True)
class Part:
    """One named array of a layer: what its name ends in, its shape, and what it begins as.

    `first` names a law of `FIRST`; `fan_in` and `draw`, the draw of the layer's stream, are what it goes by. `least` is
    below what a file may hold, which holds `finite` numbers alone, but of what people's own modules do not train.
    """

    suffix: str
    shape: Shape
    first: str
    fan_in: int = 1
    draw: int = 0
    least: float = -math.inf
    finite: bool = True


def weight_and_bias(weight_shape: Shape) -> tuple[Part, Part]:
    """Give the parts of a layer that sums weighted inputs, shape (units, ...), uniform by a unit's number of inputs."""
    units, *inputs = weight_shape
    fan_in = math.prod(inputs)
    return (
        Part(".weight", weight_shape, "uniform", fan_in),
        Part(".bias", (units,), "uniform", fan_in, draw=1),
    )


@dataclass(frozen=True)
class StepCost:
    """What a training step of torch takes for one layer, in the unit of the forecast's pace.

    `calls` is taken however few rows there are, `row` for each row of the batch.
    """

    calls: float
    row: float


@dataclass(frozen=True)
class LayerStep:
    """What a layer makes of what it is given, as a person says it: in words, and the shape of what comes of it.

    One that goes over feature maps has a `window` in pixels, with `stride`, `padding` and `dilation`, and in `groups`.
    What entered the layer `added` is added to it before its activation, where that is named: `through` a convolution of
    1 x 1 of this stride, or as it is, where that is 0.
    """

    words: str
    shape: Shape
    window: Sides = 0
    stride: Sides = 1
    padding: Sides = 0
    dilation: Sides = 1
    groups: int = 1
    added: str = ""
    through: Sides = 0


LAYER_CALLS: Final = 9.3
DROPOUT_CALLS: Final = 6.0
DROPPED_UNIT: Final = 1.26e-3
"""Costs of any layer, of its dropout, and of each unit that may be dropped."""


class Layer(Protocol):
    """One layer with every size known: its sum, then norm, activation, pooling and dropout, as far as it has them."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    kind: ClassVar[str]
    takes: ClassVar[Takes]
    """Feature maps (C, height, width), which images are, or rows of numbers."""

    @property
    def name(self) -> str:
        """Its name in the network; names of its arrays begin with it."""
        ...

    @property
    def inputs(self) -> int:
        """Numbers, or channels, that it takes."""
        ...

    @property
    def units(self) -> int:
        """Numbers, or channels, that it gives."""
        ...

    @property
    def activation(self) -> str:
        """What follows its sum."""
        ...

    @property
    def dropout(self) -> float:
        """The share of its units that is dropped in a step."""
        ...

    @property
    def batch_norm(self) -> bool:
        """Whether its sum is normed over the batch."""
        ...

    @property
    def layer_norm(self) -> bool:
        """Whether its sum is normed over all its numbers of a row."""
        ...

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one row's forward pass."""
        ...

    @property
    def numbers(self) -> int:
        """Numbers that it computes of one row, before pooling."""
        ...

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """What a picture shows of it, one behind the other."""
        ...

    @property
    def mask_shape(self) -> Shape:
        """The shape of one row's dropout mask: a draw a unit."""
        ...

    @property
    def parts(self) -> tuple[Part, ...]:
        """Arrays that are trained."""
        ...

    @property
    def buffers(self) -> tuple[Part, ...]:
        """Arrays that are kept beside them: running statistics."""
        ...

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:
        """Predict what a step of torch takes for it, `first` in a network that takes `takes` or behind others."""
        ...

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """Torch's own layers by name, each only if it does something; `torch` may be what writes them down alone."""
        ...

    def output(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        """Outputs (N, U) in numpy, in evaluation mode. Raises ValueError where it has no such pass."""
        ...

    def pulled_back(
        self, named: Mapping[str, NDArray[Any]], x: NDArray[Any], gradient_NU: NDArray[Any]
    ) -> NDArray[Any]:
        """Give the gradient by inputs `x`, their shape, of what has this gradient by its outputs at them (N, U): the
        product of the vector and the Jacobian, row by row, as `output` computes it. Raises ValueError as that does.
        """
        ...

    def nodes(self, graph: GraphParts, x: str) -> str:
        """Add its ONNX nodes after `x`, the arrays being there; give the name of its outputs."""
        ...


@cache
def layer_class(kind: str) -> type[Any]:
    """Give the dataclass of a kind of layer. Raises StudyError for one that is unknown."""
    row_of("layer", LAYERS, kind)
    layer: type[Any] = import_module(f"shoal.nets.layers.{kind.replace('-', '_')}").LAYER
    return layer
