"""Convolutional layers. Letters: C channels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
from shoal.nets.layers.skip import skip_class, skip_stride
from shoal.study import Conv, Network, Pool
from shoal.wording import counted

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
SKIP_CALLS: Final = 4.0
SKIPPED_NUMBER: Final = 3.5e-5
"""Costs of a skip, and of a number that it adds; measured beside a norm."""
VECTOR: Final = 8
"""Channels are worked on in groups of so many, full or not."""
STEP_NUMBER: Final = 22.0
ADDED_NUMBER: Final = 8.0
"""Bytes a number of its maps in a step of torch: the map, its pool and the pool's places, their gradients, and copies
in the order that convolutions want. Then those of a sum with a skip, and as many of what is projected for it."""
SEEN_NUMBER: Final = (4.0, 2.0, 1.0)
"""The same without gradients, block by block: the map, the pool's places, its pool."""


@dataclass(frozen=True)
class ConvLayer:
    """A convolution to `units` channels, then a norm, activation, pooling, channel dropout.

    `size` is the (height, width) before pooling, `pooled` the one after it; `pool` is none or a way of pooling. Fields
    with a default are those that came later: no model file names them where they have it. With `skip` what entered that
    many layers, this one among them, is added between norm and activation: `entered` channels, of which every
    `skip_stride`-th pixel is taken.
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
    skip: int = 0
    entered: int = 0
    skip_stride: Sides = 1

    @property
    def gives(self) -> Shape:
        """The shape of its maps, (units, height, width), after pooling."""
        return (self.units, *self.pooled)

    @property
    def source(self) -> str:
        """The layer whose input its skip adds; empty without one."""
        return f"conv{int(self.name.removeprefix('conv')) + 1 - self.skip}" if self.skip else ""

    @property
    def projection(self) -> tuple[int, int, Sides] | tuple[()]:
        """Channels in and out, and stride, of the 1 x 1 convolution that its skip passes; () where it passes none."""
        same = self.entered == self.units and self.skip_stride == 1
        return () if same or not self.skip else (self.entered, self.units, self.skip_stride)

    @property
    def weight_shape(self) -> Shape:
        """Torch's shape of the weight: (units, inputs of a group, height, width)."""
        return (self.units, self.inputs // self.groups, *both(self.kernel))

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one image's forward pass."""
        projected = self.entered * self.units if self.projection else 0
        return (math.prod(self.weight_shape) + projected) * math.prod(self.size)

    @property
    def numbers(self) -> int:
        """Numbers of its feature maps."""
        return self.units * math.prod(self.size)

    @property
    def step_bytes(self) -> float:
        """Bytes of its maps of one image in a step of torch."""
        sums = (self.skip > 0) + (self.projection != ())
        return (STEP_NUMBER + ADDED_NUMBER * sums) * self.numbers

    @property
    def seen_bytes(self) -> tuple[float, ...]:
        """The same without gradients, block by block."""
        return tuple(size * self.numbers for size in SEEN_NUMBER)

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """The convolution, then its pooling."""
        geometry = (self.kernel, self.stride, self.padding, self.dilation, self.groups)
        through = self.skip_stride if self.projection else 0
        maps = LayerStep("convolution", (self.units, *self.size), *geometry, self.source, through)
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
        """Weight and bias of the kernels; then those of the norm; then the weight of what a skip passes."""
        norm = norm_of(self)
        projected = Part("_skip.weight", (self.units, self.entered, 1, 1), "uniform", self.entered, draw=2)
        return (
            *weight_and_bias(self.weight_shape),
            *(norm.parts(self.units) if norm else ()),
            *([projected] if self.projection else ()),
        )

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
        weights = inputs * math.prod(both(self.kernel)) + self.entered * (self.projection != ())
        products = _filled(self.units) * weights * math.prod(self.size)
        passes, drops, norm = 2 if first else 3, self.dropout > 0, norm_of(self)
        cheap = activation_of(self.activation).cheap
        number = NUMBER + NORMED_NUMBER * (norm is not None) + ACTIVATED_NUMBER * (not cheap)
        number += SKIPPED_NUMBER * (self.skip > 0)
        calls = LAYER_CALLS + CONVOLUTION_CALLS * (1 + (self.projection != ())) + DROPOUT_CALLS * drops
        calls += SKIP_CALLS * (self.skip > 0)
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
        if self.skip:
            modules[f"{self.name}_skip"] = skip_class(torch)(self.source, *self.projection)
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
        if self.skip:
            x = graph.node("Add", [x, self._passed(graph)], f"{self.name}_added")
        x = activation_of(self.activation).onnx(graph, x, self.name)
        if self.pool != "none":
            x = pooling_of(self.pool).node(graph, x, self.name, (self.pool_size, self.pool_stride))
        return x

    def _passed(self, graph: GraphParts) -> str:
        """Add the nodes of what its skip passes."""
        before = graph.entered[self.source]
        if not self.projection:
            return before
        place = {"kernel_shape": (1, 1), "strides": both(self.skip_stride)}
        return graph.node("Conv", [before, f"{self.name}_skip.weight"], f"{self.name}_passed", place)


LAYER = ConvLayer


def conv_layers(network: Network, shape: Shape, *, of_series: bool) -> list[ConvLayer]:
    """Lay out a network's `conv` for maps of `shape`; those of series have one axis, along which all numbers go.

    Raises StudyError where an entry does not fit.
    """
    layers: list[ConvLayer] = []
    for number, asked in enumerate(network.conv):
        place = f"network.conv[{number}]"
        conv = _along_series(asked, place) if of_series else asked.short
        layer = _conv_layer(network, number, conv, layers[-1].gives if layers else shape)
        layers.append(_skipping(layers, layer, f"{place}.skip", shape) if conv.skip else layer)
    return layers


def _conv_layer(network: Network, number: int, conv: Conv, shape: Shape) -> ConvLayer:
    place = f"network.conv[{number}]"
    channels, *size = shape
    for what, count in (("input channel", channels), ("channel", conv.channels)):
        if count % conv.groups:
            problem = (
                f"expected groups to divide the {what}s, got {conv.groups} groups and {counted(count, what)}"
            )
            raise StudyError(Problem(f"{place}.groups", problem))
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
        skip=conv.skip,
    )


def _skipping(before: Sequence[ConvLayer], layer: ConvLayer, place: str, shape: Shape) -> ConvLayer:
    """Give a layer that knows what its skip adds: what entered the layer that so many layers, itself among them, begin
    with; `shape` are the images. Raises StudyError where there is none, or where it is too large.
    """
    number = len(before)
    if layer.skip > number + 1:
        what = f"expected at most {number + 1}, the convolutions up to this one, got {layer.skip}"
        raise StudyError(Problem(place, what))
    first = number + 1 - layer.skip
    entered = before[first - 1].gives if first else shape
    between = [side for passed in before[first:] for side in (passed.stride, passed.pool_stride)]
    down, across = (math.prod(both(side)[axis] for side in (*between, layer.stride)) for axis in (0, 1))
    stride = skip_stride(place, layer.skip, entered, (layer.units, *layer.size), (down, across))
    return replace(layer, entered=entered[0], skip_stride=stride)


def conv_entry(described: Mapping[str, Any]) -> dict[str, Any]:
    """Give the entry of a network's `conv` that a described layer would come from."""
    pool = {"kind": described["pool"]}
    if described["pool"] != "none" and not pooling_of(described["pool"]).whole:
        pool |= {"size": described["pool_size"], "stride": described["pool_stride"]}
    geometry = {key: described[key] for key in ("kernel", "stride", "padding", "groups")}
    geometry |= {key: described[key] for key in ("dilation", "skip") if key in described}
    return {"channels": described["units"], **geometry, "pool": None if described["pool"] == "none" else pool}


def along(entry: dict[str, Any]) -> dict[str, Any]:
    """Give such an entry of a network of series, which has one number a key."""
    asked = {key: value[1] if isinstance(value, list) else value for key, value in entry.items()}
    return asked | ({"pool": along(asked["pool"])} if asked.get("pool") else {})


def _along_series(conv: Conv, place: str) -> Conv:
    """Give an entry as it goes over maps of height 1. Raises StudyError for a pair of numbers."""

    def across(part: Conv | Pool, key: str, least: int, where: str) -> Sides | None:
        asked = getattr(part, key)
        if isinstance(asked, tuple):
            what = f"expected one number, since a series has one axis, got {list(asked)}"
            raise StudyError(Problem(f"{where}.{key}", what))
        return asked if asked in (None, least) else (least, asked)

    least = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1}
    sides: dict[str, Any] = {key: across(conv, key, value, place) for key, value in least.items()}
    if conv.pool:
        window = {key: across(conv.pool, key, 1, f"{place}.pool") for key in ("size", "stride")}
        sides["pool"] = conv.pool.model_copy(update=window)
    return conv.model_copy(update=sides)


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
    for axis, direction in enumerate(("high", "wide")):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        room = size[axis] + 2 * padding[axis] - span
        if room < 0:
            place, _, noun = what.partition(": ")
            noun += f" {kernel[axis]}"
            noun += f" with dilation {dilation[axis]}, which spans {span}," * (span > kernel[axis])
            square = all(down == across for down, across in (kernel, padding, dilation))
            sum_ = f"{size[axis]} + 2*{padding[axis]} - {span} = {room}"
            maps = f"a feature map {size[axis]} pixels {'wide or high' if square else direction}"
            maps = f"a series of {size[axis]}" if size[0] == kernel[0] == 1 else maps
            raise StudyError(Problem(place, f"{noun} does not fit {maps} ({sum_})"))
        sides.append(room // stride[axis] + 1)
    return sides[0], sides[1]
