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
    Sides,
    StepCost,
    both,
    weight_and_bias,
)
from shoal.nets.layers.norm import norm_of
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
    """A convolution to `units` channels, then a norm, activation, pooling, channel dropout.

    `size` is the (height, width) before pooling, `pooled` the one after it; `pool` is none or a way of pooling. Fields
    with a default are those that came later: no model file names them where they have it.
    """

    kind: ClassVar[str] = "conv"
    takes: ClassVar[Takes] = "images"

    name: str
    inputs: int
    units: int
    kernel: Sides
    stride: Sides
    padding: Sides
    groups: int
    size: tuple[int, int]
    pool: str
    pool_size: Sides
    pool_stride: Sides
    pooled: tuple[int, int]
    activation: str
    dropout: float
    batch_norm: bool
    dilation: Sides = 1
    layer_norm: bool = False

    @property
    def weight_shape(self) -> Shape:
        """Torch's shape of the weight: (units, inputs of a group, height, width)."""
        return (self.units, self.inputs // self.groups, *both(self.kernel))

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
        geometry = (self.kernel, self.stride, self.padding, self.dilation, self.groups)
        maps = LayerStep("convolution", (self.units, *self.size), *geometry)
        if self.pool == "none":
            return (maps,)
        words = self.pool.replace("-", " ") + " pooling" * (not pooling_of(self.pool).whole)
        return maps, LayerStep(words, (self.units, *self.pooled), self.pool_size, self.pool_stride)

    @property
    def mask_shape(self) -> Shape:
        """A draw a channel."""
        return (self.units, 1, 1)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Weight and bias of the kernels; then those of the norm."""
        norm = norm_of(self)
        return (*weight_and_bias(self.weight_shape), *(norm.parts(self.units) if norm else ()))

    @property
    def buffers(self) -> tuple[Part, ...]:
        """The norm's running statistics, of each channel."""
        norm = norm_of(self)
        return norm.buffers(self.units) if norm else ()

    def fitted(self, size: tuple[int, int]) -> ConvLayer:
        """Give the same layer for maps of another (height, width). Raises StudyError where it does not fit."""
        sides = (both(side) for side in (self.kernel, self.stride, self.padding, self.dilation))
        kernel, stride, padding, dilation = sides
        window = Conv(channels=1, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
        after = _shrunk(f"{self.name}: kernel", size, window)
        pool = Conv(channels=1, kernel=both(self.pool_size), stride=both(self.pool_stride))
        return replace(self, size=after, pooled=_shrunk(f"{self.name}.pool: size", after, pool))

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:
        """Its products, forwards and backwards, and the numbers of its maps; images need no gradient."""
        inputs = self.inputs if first else _filled(self.inputs // self.groups)
        products = _filled(self.units) * inputs * math.prod(both(self.kernel)) * math.prod(self.size)
        passes, drops, norm = 2 if first else 3, self.dropout > 0, norm_of(self)
        cheap = activation_of(self.activation).cheap
        number = NUMBER + NORMED_NUMBER * (norm is not None) + ACTIVATED_NUMBER * (not cheap)
        calls = LAYER_CALLS + CONVOLUTION_CALLS + DROPOUT_CALLS * drops
        return StepCost(
            calls + (norm.step_calls[takes] if norm else 0.0),
            PRODUCT * passes * products + number * self.numbers + DROPPED_UNIT * self.units * drops,
        )

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """Torch's own layers by name, each only if it does something."""
        modules: dict[str, nn.Module] = {
            self.name: torch.nn.Conv2d(
                self.inputs, self.units, self.kernel, self.stride, self.padding, self.dilation, self.groups
            )
        }
        if norm := norm_of(self):
            modules[f"{self.name}_norm"] = norm.of_torch(torch, (self.units, *self.size))
        modules |= activation_parts(torch, self.name, self.activation)
        if self.pool != "none":
            modules[f"{self.name}_pool"] = pooling_of(self.pool).of_torch(
                torch, self.pool_size, self.pool_stride
            )
        if self.dropout:
            modules[f"{self.name}_dropout"] = torch.nn.Dropout2d(self.dropout)
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
        place = {
            "kernel_shape": both(self.kernel), "strides": both(self.stride), "pads": both(self.padding) * 2,
            "dilations": both(self.dilation), "group": self.groups,
        }  # fmt: skip
        x = graph.node("Conv", [x, f"{self.name}.weight", f"{self.name}.bias"], f"{self.name}_sum", place)
        if norm := norm_of(self):
            x = norm.nodes(graph, self.name, x, (self.units, *self.size))
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
    after = _shrunk(f"{place}: kernel", (size[0], size[1]), conv)
    pool = conv.pool or Pool(size=1)
    whole: Sides = after[0] if after[0] == after[1] else after
    window = pool.size or whole
    step = pool.stride or window
    pooled = _shrunk(f"{place}.pool: size", after, Conv(channels=1, kernel=window, stride=step))
    return ConvLayer(
        name=f"conv{number + 1}",
        inputs=channels,
        units=conv.channels,
        kernel=conv.kernel,
        stride=conv.stride,
        padding=conv.padding,
        groups=conv.groups,
        size=after,
        pool=pool.kind if conv.pool else "none",
        pool_size=window,
        pool_stride=step,
        pooled=pooled,
        activation=network.activation,
        dropout=network.conv_dropout,
        batch_norm=network.normed == "batch",
        dilation=conv.dilation,
        layer_norm=network.normed == "layer",
    )


def conv_entry(described: Mapping[str, Any]) -> dict[str, Any]:
    """Give the entry of a network's `conv` that a described layer would come from."""
    pool = {"kind": described["pool"]}
    if described["pool"] != "none" and not pooling_of(described["pool"]).whole:
        pool |= {"size": described["pool_size"], "stride": described["pool_stride"]}
    geometry = {key: described[key] for key in ("kernel", "stride", "padding", "groups")}
    geometry |= {key: described[key] for key in ("dilation",) if key in described}
    return {"channels": described["units"], **geometry, "pool": None if described["pool"] == "none" else pool}


def _filled(channels: int) -> int:
    return -(-channels // VECTOR) * VECTOR


def _shrunk(what: str, size: tuple[int, int], window: Conv) -> tuple[int, int]:
    """Give floor((size + 2 padding - span) / stride) + 1 down and across, or show why it is nothing.

    A window of k pixels spans dilation (k - 1) + 1 of them.
    """
    kernel, stride, padding, dilation = map(
        both, (window.kernel, window.stride, window.padding, window.dilation)
    )
    sides = []
    for axis, along in enumerate(("high", "wide")):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        room = size[axis] + 2 * padding[axis] - span
        if room < 0:
            place, _, noun = what.partition(": ")
            noun += f" {kernel[axis]}"
            noun += f" with dilation {dilation[axis]}, which spans {span}," * (span > kernel[axis])
            square = all(down == across for down, across in (kernel, padding, dilation))
            sum_ = f"{size[axis]} + 2*{padding[axis]} - {span} = {room}"
            pixels = f"{size[axis]} pixels {'wide or high' if square else along}"
            raise StudyError(Problem(place, f"{noun} does not fit a feature map {pixels} ({sum_})"))
        sides.append(room // stride[axis] + 1)
    return sides[0], sides[1]
