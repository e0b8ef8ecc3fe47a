"""A network as a list of layers with exact sizes: parameter shapes, counts and cost.

Parameters travel as one flat float32 vector in the order of `Architecture.slots`; every slot has torch's own
shape ((out, in) for a dense weight, (out, in/groups, k, k) for a convolution) and its name in the state_dict.

Letters: D inputs, C channels, K outputs, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import Problem, StudyError
from shoal.kinds import LAYERS, Takes, row_of
from shoal.nets._layer import Layer, Part, Shape
from shoal.nets._own_module import OwnNetwork
from shoal.nets.layers.conv import ConvLayer, conv_layers
from shoal.nets.layers.dense import DenseLayer
from shoal.nets.layers.embedding import EmbeddingLayer, table_size
from shoal.nets.layers.module import ModuleLayer
from shoal.nets.layers.series import SeriesLayer, series_layer
from shoal.study import Network
from shoal.wording import counted

Tables = tuple[tuple[int, int], ...]
"""The (rows, size) of tables of vectors, in order."""


@dataclass(frozen=True)
class Slot:
    """One named array inside the flat vector: `part` of the layer of that number."""

    name: str
    start: int
    layer: int
    part: Part

    @property
    def shape(self) -> Shape:
        """Torch's shape."""
        return self.part.shape

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """One past the last element in the flat vector."""
        return self.start + self.size


@dataclass(frozen=True)
class Architecture:
    """A network with every size known. `input_shape` is (D,) for tables, (C, height, width) for images."""

    input_shape: Shape
    outputs: int
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Refuse a layer of a kind that is unknown."""
        for layer in self.layers:
            row_of("layer", LAYERS, layer.kind)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Trainable arrays in the order of the flat vector."""
        return _laid_out(
            (number, layer, part) for number, layer in enumerate(self.layers) for part in layer.parts
        )

    @cached_property
    def buffer_slots(self) -> tuple[Slot, ...]:
        """Running means and variances of batch norm, in the order of the flat buffer vector."""
        return _laid_out(
            (number, layer, part) for number, layer in enumerate(self.layers) for part in layer.buffers
        )

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters, P."""
        return self.slots[-1].stop

    @property
    def buffer_count(self) -> int:
        """Number of running statistics."""
        return self.buffer_slots[-1].stop if self.buffer_slots else 0

    @property
    def takes(self) -> Takes:
        """What it is given: what its first layer takes."""
        return self.layers[0].takes

    @property
    def row_shape(self) -> Shape:
        """The shape of one prepared row: images lie flat where no layer takes them as such."""
        return self.input_shape if self.takes == "images" else (math.prod(self.input_shape),)

    @property
    def own(self) -> ModuleLayer | None:
        """The module of a person's own that it is; None where it is of layers of Shoal."""
        first = self.layers[0]
        return first if isinstance(first, ModuleLayer) else None

    @cached_property
    def convolutions(self) -> tuple[ConvLayer, ...]:
        """Its convolutional layers, which come first; none where it takes rows of numbers."""
        return tuple(layer for layer in self.layers if isinstance(layer, ConvLayer))

    @property
    def travels(self) -> bool:
        """Whether another process can be sent it, which may not know a person's own module."""
        return self.own is None or self.own.network.own.travels

    @property
    def series(self) -> SeriesLayer | None:
        """What makes series of the columns of a table; None in a network that has no convolutions of them."""
        first = self.layers[0]
        return first if isinstance(first, SeriesLayer) else None

    @property
    def map_shape(self) -> Shape:
        """The shape of what its first convolution takes: (C, height, width), of series (C, 1, T)."""
        return self.series.gives if self.series else self.input_shape

    @property
    def past_series(self) -> Architecture:
        """The same network of series without the layer that makes them: it is given maps (C, 1, T)."""
        assert self.series is not None  # noqa: S101 - whoever asks has looked
        return replace(self, input_shape=self.series.gives, layers=self.layers[1:])

    @property
    def image_convolutions(self) -> tuple[ConvLayer, ...]:
        """Its convolutional layers where it takes images."""
        return self.convolutions if self.takes == "images" else ()

    @cached_property
    def dense(self) -> tuple[DenseLayer, ...]:
        """Its dense layers."""
        return tuple(layer for layer in self.layers if isinstance(layer, DenseLayer))

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """Names of its hidden layers: the convolutions, and the dense ones before the last."""
        layers: tuple[Layer, ...] = (*self.convolutions, *self.dense[:-1])
        return tuple(layer.name for layer in layers)

    @cached_property
    def tables(self) -> Tables:
        """The (rows, size) of the tables of vectors that its last inputs, which are codes, are looked up in."""
        return tuple(
            table for layer in self.layers if isinstance(layer, EmbeddingLayer) for table in layer.tables
        )

    @property
    def code_rows(self) -> tuple[int, ...]:
        """How many vectors each of those tables has."""
        return tuple(rows for rows, _ in self.tables)

    def with_inputs(self, inputs: int, tables: Tables = ()) -> Architecture:
        """Give the same dense network for other inputs, the last ones codes: a fold may lack a category."""
        if self.own is not None:
            return own_architecture(self.own.network.with_inputs(inputs), (inputs,), self.outputs)
        embeddings = _embeddings(inputs, tables)
        first, *others = (layer for layer in self.layers if not isinstance(layer, EmbeddingLayer))
        first = replace(first, inputs=embeddings[0].units if embeddings else inputs)
        return replace(self, input_shape=(inputs,), layers=(*embeddings, first, *others))

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
        present = {name: array.shape for name, array in named.items()}
        return present == shapes and all(array.dtype == np.float32 for array in named.values())

    def flat(self, named: dict[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Turn named arrays back into the flat parameter and buffer vectors."""
        parameters, buffers = (
            np.concatenate([np.zeros(0), *(named[slot.name].reshape(-1) for slot in slots)]).astype(
                np.float32
            )
            for slots in (self.slots, self.buffer_slots)
        )
        return parameters, buffers


def weights_by_layer(named: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Give the weights of every layer, (weights,), all of its arrays together; biases and those of norms left out."""
    parts: dict[str, list[NDArray[Any]]] = {}
    for name, array in named.items():
        layer, kind = name.partition(".")[0], name.rpartition(".")[2]
        if kind == "weight" and not layer.endswith("_norm"):
            parts.setdefault(layer.removesuffix("_skip"), []).append(array.reshape(-1))
    return {layer: np.concatenate(arrays) for layer, arrays in parts.items()}


def tables_of(network: Network, rows: Iterable[int]) -> Tables:
    """Give the (rows, size) of the tables that `network` has for columns of codes, of which so many are different."""
    size = network.embedding
    return tuple((codes, size if isinstance(size, int) else table_size(codes - 1)) for codes in rows)


def build_architecture(
    network: Network, input_shape: Shape, outputs: int, tables: Tables = ()
) -> Architecture:
    """Lay out `network` for rows of `input_shape`, the last inputs looked up in `tables`, and `outputs` output units.

    Rows of shape (C, T) are those of C series, one behind the other, whatever takes them. Raises StudyError where a
    convolution or pooling does not fit the feature map it is given.
    """
    series = network.series or 1
    if len(input_shape) == 2:
        series = _series_of_rows(network, input_shape[0])
        input_shape = (math.prod(input_shape),)
    layers: list[Layer] = [*_embeddings(input_shape[0], tables)]
    of_series = bool(network.conv) and len(input_shape) == 1
    if of_series:
        layers = [series_layer(input_shape[0], series)]
    convs = conv_layers(network, layers[0].steps[0].shape if of_series else input_shape, of_series=of_series)
    shape = convs[-1].gives if convs else (layers[0].units,) if layers else input_shape
    layers += convs
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
                batch_norm=network.normed == "batch" and not last,
                layer_norm=network.normed == "layer" and not last,
            )
        )
        inputs = units
    return Architecture(input_shape, outputs, tuple(layers))


def own_architecture(
    network: OwnNetwork, input_shape: Shape, outputs: int, takes: Takes = "table"
) -> Architecture:
    """Lay out a person's own module. Raises InputError where it is none, or has nothing to train."""
    key = outputs, takes
    if key not in network.layouts:
        network.layouts[key] = ModuleLayer.of(network, outputs, takes)
    return Architecture(input_shape, outputs, (network.layouts[key],))


def _series_of_rows(network: Network, series: int) -> int:
    """Give how many series the rows are. Raises StudyError where the network speaks of another number.

    1 is no such number in studies of results of old, which had it without being asked.
    """
    if network.series not in (None, 1, series):
        what = f"expected {series}, the series of the array of the inputs, got {network.series}"
        raise StudyError(Problem("network.series", what))
    return series


def of_convolutions(layers: Sequence[ConvLayer], shape: Shape) -> Architecture:
    """Lay out convolutions alone, the first ones of a network, for images of `shape`; outputs are what the last passes
    on. Only outputs and gradients are asked of such a network.
    """
    laid: list[Layer] = []
    _, *size = shape
    for layer in layers:
        laid.append(fitted := layer.fitted((size[0], size[1])))
        size = list(fitted.pooled)
    return Architecture(shape, layers[-1].units * math.prod(size), tuple(laid))


def _embeddings(inputs: int, tables: Tables) -> tuple[EmbeddingLayer, ...]:
    """Give the layer of all tables; none without any. Raises ValueError for more tables than inputs."""
    if len(tables) > inputs:
        raise ValueError(f"expected an input for each of {counted(len(tables), 'table')}, got {inputs}")
    return (EmbeddingLayer("embedding", inputs, tables),) if tables else ()


def _laid_out(parts: Iterable[tuple[int, Layer, Part]]) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for number, layer, part in parts:
        slots.append(Slot(layer.name + part.suffix, slots[-1].stop if slots else 0, number, part))
    return tuple(slots)
