"""Convolutional layers. Letters: C channels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.errors import Problem, StudyError
from shoal.kinds import Takes
from shoal.nets._activations import activation_parts
from shoal.nets._layer import (
    DROPOUT_CALLS,
    DROPPED_UNIT,
    LAYER_CALLS,
    LayerStep,
    Part,
    Shape,
    StepCost,
    weight_and_bias,
)
from shoal.nets.layers import norm
from shoal.nets.layers.pool import pooling_of
from shoal.study import Conv, Network, Pool

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts

CONVOLUTION_CALLS: Final = 34.0
PRODUCT: Final = 3.12e-6
NUMBER: Final = 3.1e-4
NORMED_NUMBER: Final = 1.8e-4
ACTIVATED_NUMBER: Final = 1.1e-3
"""Costs of a convolution, of a product of one pass, of a number of its maps, of norming one, of an activation that is
not cheap."""
VECTOR: Final = 8
"""Channels are worked on in groups of so many, full or not."""
STEP_NUMBER: Final = 22.0
"""Bytes a number of its maps in a step of torch: the map, its pool and the pool's places, their gradients, and copies
in the order that convolutions want."""
SEEN_NUMBER: Final = (4.0, 2.0, 1.0)
"""The same without gradients, block by block: the map, the pool's places, its pool."""


@dataclass(frozen=True)
class ConvLayer:
    """A square convolution to `units` channels, then batch norm, activation, pooling, channel dropout.

    `size` is the (height, width) before pooling, `pooled` the one after it; `pool` is none, max or average.
    """

    kind: ClassVar[str] = "conv"
    takes: ClassVar[Takes] = "images"

    name: str
    inputs: int
    units: int
    kernel: int
    stride: int
    padding: int
    groups: int
    size: tuple[int, int]
    pool: str
    pool_size: int
    pool_stride: int
    pooled: tuple[int, int]
    activation: str
    dropout: float
    batch_norm: bool

    @property
    def weight_shape(self) -> Shape:
        """Torch's shape of the weight: (units, inputs of a group, kernel, kernel)."""
        return (self.units, self.inputs // self.groups, self.kernel, self.kernel)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one image's forward pass."""
        return math.prod(self.weight_shape) * math.prod(self.size)

    @property
    def numbers(self) -> int:
        """Numbers of its feature maps."""
        return self.units * math.prod(self.size)

    @property
    def step_bytes(self) -> float:
        """Bytes of its maps of one image in a step of torch."""
        return STEP_NUMBER * self.numbers

    @property
    def seen_bytes(self) -> tuple[float, ...]:
        """The same without gradients, block by block."""
        return tuple(size * self.numbers for size in SEEN_NUMBER)

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """The convolution, then its pooling."""
        maps = LayerStep(
            "convolution", (self.units, *self.size), self.kernel, self.stride, self.padding, self.groups
        )
        pooled = LayerStep(
            f"{self.pool} pooling", (self.units, *self.pooled), self.pool_size, self.pool_stride
        )
        return (maps,) if self.pool == "none" else (maps, pooled)

    @property
    def mask_shape(self) -> Shape:
        """A draw a channel."""
        return (self.units, 1, 1)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Weight and bias of the kernels; then those of the norm."""
        normed = norm.parts(self.units) if self.batch_norm else ()
        return (*weight_and_bias(self.weight_shape), *normed)

    @property
    def buffers(self) -> tuple[Part, ...]:
        """The norm's running statistics, of each channel."""
        return norm.buffers(self.units) if self.batch_norm else ()

    def fitted(self, size: tuple[int, int]) -> ConvLayer:
        """Give the same layer for maps of another (height, width). Raises StudyError where it does not fit."""
        after = [_shrunk(f"{self.name}: kernel", n, self.kernel, self.stride, self.padding) for n in size]
        pooled = [
            _shrunk(f"{self.name}: pool of size", n, self.pool_size, self.pool_stride, 0) for n in after
        ]
        return replace(self, size=(after[0], after[1]), pooled=(pooled[0], pooled[1]))

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:
        """Its products, forwards and backwards, and the numbers of its maps; images need no gradient."""
        inputs = self.inputs if first else _filled(self.inputs // self.groups)
        products = _filled(self.units) * inputs * self.kernel**2 * math.prod(self.size)
        passes, drops = 2 if first else 3, self.dropout > 0
        cheap = activation_of(self.activation).cheap
        number = NUMBER + NORMED_NUMBER * self.batch_norm + ACTIVATED_NUMBER * (not cheap)
        calls = LAYER_CALLS + CONVOLUTION_CALLS + DROPOUT_CALLS * drops
        return StepCost(
            calls + norm.STEP_CALLS[takes] * self.batch_norm,
            PRODUCT * passes * products + number * self.numbers + DROPPED_UNIT * self.units * drops,
        )

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """Torch's own layers by name, each only if it does something."""
        nn = torch.nn
        modules: dict[str, nn.Module] = {
            self.name: nn.Conv2d(
                self.inputs, self.units, self.kernel, self.stride, self.padding, groups=self.groups
            )
        }
        if self.batch_norm:
            modules[f"{self.name}_norm"] = nn.BatchNorm2d(self.units)
        modules |= activation_parts(torch, self.name, self.activation)
        if self.pool != "none":
            modules[f"{self.name}_pool"] = pooling_of(self.pool).of_torch(
                torch, self.pool_size, self.pool_stride
            )
        if self.dropout:
            modules[f"{self.name}_dropout"] = nn.Dropout2d(self.dropout)
        return modules

    def output(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """Raise ValueError: convolutions are looked into by torch."""
        raise ValueError(f"expected a dense network, got one with the layer {self.name}")

    def pulled_back(
        self,
        named: Mapping[str, NDArray[Any]],
        x: NDArray[Any],
        gradient_NU: NDArray[Any],  # noqa: ARG002
    ) -> NDArray[Any]:
        """Raise ValueError, as `output` does."""
        return self.output(named, x)

    def nodes(self, graph: GraphParts, x: str) -> str:
        """Add its ONNX nodes."""
        strides, pads = [self.stride] * 2, [self.padding] * 4
        place = {"kernel_shape": [self.kernel] * 2, "strides": strides, "pads": pads, "group": self.groups}
        x = graph.node("Conv", [x, f"{self.name}.weight", f"{self.name}.bias"], f"{self.name}_sum", place)
        if self.batch_norm:
            x = norm.node(graph, self.name, x)
        x = activation_of(self.activation).onnx(graph, x, self.name)
        if self.pool != "none":
            x = pooling_of(self.pool).node(graph, x, self.name, (self.pool_size, self.pool_stride))
        return x


LAYER = ConvLayer


def conv_layer(network: Network, number: int, conv: Conv, shape: Shape) -> ConvLayer:
    """Lay out entry `number` of a network's `conv` for maps of `shape`. Raises StudyError where it does not fit."""
    place = f"network.conv[{number}]"
    channels, *size = shape
    for what, count in (("input channels", channels), ("channels", conv.channels)):
        if count % conv.groups:
            problem = f"expected groups to divide the {what}, got {conv.groups} groups and {count} {what}"
            raise StudyError(Problem(place, problem))
    after = tuple(_shrunk(f"{place}: kernel", n, conv.kernel, conv.stride, conv.padding) for n in size)
    pool = conv.pool or Pool(size=1)
    window, step = pool.size, pool.stride or pool.size
    pooled = tuple(_shrunk(f"{place}.pool: size", n, window, step, 0) for n in after)
    return ConvLayer(
        name=f"conv{number + 1}",
        inputs=channels,
        units=conv.channels,
        kernel=conv.kernel,
        stride=conv.stride,
        padding=conv.padding,
        groups=conv.groups,
        size=(after[0], after[1]),
        pool=pool.kind if conv.pool else "none",
        pool_size=window,
        pool_stride=step,
        pooled=(pooled[0], pooled[1]),
        activation=network.activation,
        dropout=network.conv_dropout,
        batch_norm=network.batch_norm,
    )


def conv_entry(described: Mapping[str, Any]) -> dict[str, Any]:
    """Give the entry of a network's `conv` that a described layer would come from."""
    pool = {"kind": described["pool"], "size": described["pool_size"], "stride": described["pool_stride"]}
    geometry = {key: described[key] for key in ("kernel", "stride", "padding", "groups")}
    return {"channels": described["units"], **geometry, "pool": None if described["pool"] == "none" else pool}


def _filled(channels: int) -> int:
    return -(-channels // VECTOR) * VECTOR


def _shrunk(what: str, size: int, window: int, stride: int, padding: int) -> int:
    """Give floor((size + 2 padding - window) / stride) + 1, or show why it is nothing."""
    room = size + 2 * padding - window
    if room < 0:
        place, _, noun = what.partition(": ")
        sum_ = f"{size} + 2*{padding} - {window} = {room}"
        raise StudyError(
            Problem(place, f"{noun} {window} does not fit a feature map {size} pixels wide or high ({sum_})")
        )
    return room // stride + 1
