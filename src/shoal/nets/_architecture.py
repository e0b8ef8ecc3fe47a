"""A network as a list of layers with exact sizes: parameter shapes, counts and cost.

Parameters travel as one flat float32 vector in the order of `Architecture.slots`; every slot has torch's own
shape ((out, in) for a dense weight, (out, in/groups, k, k) for a convolution) and its name in the state_dict.

Letters: D inputs, C channels, K outputs, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import Problem, StudyError
from shoal.study import Conv, Network, Pool

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Slot:
    """One named array inside the flat vector; `fan_in` and `layer` say how it is initialised."""

    name: str
    shape: Shape
    start: int
    fan_in: int
    layer: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """One past the last element in the flat vector."""
        return self.start + self.size


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer of `units`, then (if hidden) batch norm, activation, dropout."""

    name: str
    inputs: int
    units: int
    activation: str
    dropout: float
    batch_norm: bool

    @property
    def weight_shape(self) -> Shape:
        """Torch's shape of the weight."""
        return (self.units, self.inputs)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one row's forward pass."""
        return self.units * self.inputs


@dataclass(frozen=True)
class ConvLayer:
    """A square convolution to `units` channels, then batch norm, activation, pooling, channel dropout.

    `size` is the (height, width) before pooling, `pooled` the one after it; `pool` is none, max or average.
    """

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
        """Torch's shape of the weight."""
        return (self.units, self.inputs // self.groups, self.kernel, self.kernel)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one row's forward pass."""
        return math.prod(self.weight_shape) * math.prod(self.size)


Layer = DenseLayer | ConvLayer


@dataclass(frozen=True)
class Architecture:
    """A network with every size known. `input_shape` is (D,) for tables, (C, height, width) for images."""

    input_shape: Shape
    outputs: int
    layers: tuple[Layer, ...]

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Trainable arrays in the order of the flat vector."""
        return _laid_out(
            (number, layer, suffix, shape)
            for number, layer in enumerate(self.layers)
            for suffix, shape in (
                (".weight", layer.weight_shape),
                (".bias", (layer.units,)),
                *((suffix, (layer.units,)) for suffix in ("_norm.weight", "_norm.bias") if layer.batch_norm),
            )
        )

    @cached_property
    def buffer_slots(self) -> tuple[Slot, ...]:
        """Running means and variances of batch norm, in the order of the flat buffer vector."""
        return _laid_out(
            (number, layer, suffix, (layer.units,))
            for number, layer in enumerate(self.layers)
            for suffix in (("_norm.running_mean", "_norm.running_var") if layer.batch_norm else ())
        )

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters, P."""
        return self.slots[-1].stop

    @property
    def convolutional(self) -> bool:
        """Whether it takes images."""
        return isinstance(self.layers[0], ConvLayer)

    @cached_property
    def flops_per_row(self) -> int:
        """Floating-point operations of one row's forward pass (a multiply-add counts two)."""
        return sum(2 * layer.multiply_adds for layer in self.layers)

    def named(
        self, parameters_P: NDArray[Any], buffers: NDArray[Any] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Views into the flat vectors, by name, in torch's shapes."""
        views = {slot.name: parameters_P[slot.start : slot.stop].reshape(slot.shape) for slot in self.slots}
        if buffers is not None:
            views |= {
                slot.name: buffers[slot.start : slot.stop].reshape(slot.shape) for slot in self.buffer_slots
            }
        return views

    def holds(self, named: dict[str, NDArray[Any]]) -> bool:
        """Tell whether arrays are those of this network: every name, shape and type, and no other array."""
        shapes = {slot.name: slot.shape for slot in (*self.slots, *self.buffer_slots)}
        found = {name: array.shape for name, array in named.items()}
        return found == shapes and all(array.dtype == np.float32 for array in named.values())

    def flat(self, named: dict[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Turn named arrays back into the flat parameter and buffer vectors."""
        parameters, buffers = (
            np.concatenate([np.zeros(0), *(named[slot.name].reshape(-1) for slot in slots)]).astype(
                np.float32
            )
            for slots in (self.slots, self.buffer_slots)
        )
        return parameters, buffers


def build_architecture(network: Network, input_shape: Shape, outputs: int) -> Architecture:
    """Lay out `network` for rows of `input_shape` and `outputs` output units.

    Raises StudyError where a convolution or pooling does not fit the feature map it is given.
    """
    layers: list[Layer] = []
    shape = input_shape
    for number, conv in enumerate(network.conv):
        layer = _conv_layer(network, number, conv, shape)
        layers.append(layer)
        shape = (conv.channels, *layer.pooled)
    inputs = math.prod(shape)
    for number, units in enumerate((*network.hidden, outputs)):
        last = number == len(network.hidden)
        layers.append(
            DenseLayer(
                name="output" if last else f"hidden{number + 1}",
                inputs=inputs,
                units=units,
                activation="identity" if last else network.activation,
                dropout=0.0 if last else network.dropout,
                batch_norm=network.batch_norm and not last,
            )
        )
        inputs = units
    return Architecture(input_shape, outputs, tuple(layers))


def _conv_layer(network: Network, number: int, conv: Conv, shape: Shape) -> ConvLayer:
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


def _laid_out(parts: Iterable[tuple[int, Layer, str, Shape]]) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for number, layer, suffix, shape in parts:
        start = slots[-1].stop if slots else 0
        slots.append(Slot(layer.name + suffix, shape, start, math.prod(layer.weight_shape[1:]), number))
    return tuple(slots)
