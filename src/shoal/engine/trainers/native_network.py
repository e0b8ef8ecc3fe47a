"""A network as the core reads it, and what the core answers of it as it stands.

Letters: N rows, C channels, H, W height and width, K outputs, U channels of a layer, P parameters.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.activations import ACTIVATIONS
from shoal.core import ABI
from shoal.engine._trainer import AskedGradient
from shoal.engine.trainers.native_core import (
    Build,
    ConvStruct,
    DenseStruct,
    GradientStruct,
    NetworkStruct,
    SidesStruct,
    TableStruct,
    call,
)
from shoal.errors import Problem, StudyError
from shoal.kinds import LAYERS, NORMS, POOLS, core_number, row_of
from shoal.nets import Architecture, ConvLayer, DenseLayer, Sides, both
from shoal.streams import dropout_threshold

Floats = NDArray[np.float32]
Network = tuple[Architecture, NDArray[Any], NDArray[Any]]
"""A network as it stands: its layers, its parameters (P,), running statistics of its norms."""


def at(array: NDArray[Any]) -> int | None:
    """Give where an array lies; an empty one lies nowhere."""
    return int(array.ctypes.data) if array.size else None


@dataclass(frozen=True, eq=False)
class CoreNetwork:
    """The network as the core reads it, with the memory that it points into."""

    struct: NetworkStruct
    references: tuple[Any, ...]

    @classmethod
    def of(cls, architecture: Architecture) -> CoreNetwork:
        """Describe a network. Raises StudyError for a layer that the core does not know."""
        convs, tables, dense = architecture.convolutions, architecture.tables, architecture.dense
        for layer in architecture.layers:
            if not row_of("layer", LAYERS, layer.kind).core:
                raise StudyError(
                    Problem("layer", f"expected one that the native core knows, got {layer.kind!r}")
                )
        images = architecture.map_shape if convs else (0, 0, 0)
        conv_structs = (ConvStruct * len(convs))(*map(_conv_struct, convs))
        table_structs = (TableStruct * len(tables))(*(TableStruct(*table) for table in tables))
        dense_structs = (DenseStruct * len(dense))(*map(_dense_struct, dense))
        struct = NetworkStruct(
            math.prod(architecture.input_shape), *images,
            ctypes.cast(conv_structs, ctypes.POINTER(ConvStruct)), len(convs),
            len(architecture.layers) - len(convs) - len(dense),
            ctypes.cast(table_structs, ctypes.POINTER(TableStruct)), len(tables),
            ctypes.cast(dense_structs, ctypes.POINTER(DenseStruct)), len(dense),
        )  # fmt: skip
        return cls(struct, (conv_structs, table_structs, dense_structs))


def _dense_struct(layer: DenseLayer) -> DenseStruct:
    activation = core_number("activation", ACTIVATIONS, layer.activation)
    return DenseStruct(layer.units, activation, dropout_threshold(layer.dropout), _norm_number(layer))


def _norm_number(layer: DenseLayer | ConvLayer) -> int:
    name = "batch" if layer.batch_norm else "layer" if layer.layer_norm else ""
    return core_number("norm", NORMS, name) if name else 0


def _conv_struct(layer: ConvLayer) -> ConvStruct:
    activation = core_number("activation", ACTIVATIONS, layer.activation)
    pool = 0
    if layer.pool != "none":
        way = row_of("pool", POOLS, layer.pool).whole or layer.pool
        pool = core_number("pool", POOLS, way)
    return ConvStruct(
        layer.units, *map(_sides, (layer.kernel, layer.stride, layer.padding, layer.dilation)),
        layer.groups, _norm_number(layer), activation,
        pool, _sides(layer.pool_size), _sides(layer.pool_stride), dropout_threshold(layer.dropout),
        layer.skip,
    )  # fmt: skip


def _sides(sides: Sides) -> SidesStruct:
    return SidesStruct(*both(sides))


def _floats(array: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(array, np.float32)


def outputs_of(build: Build, network: Network, x: NDArray[Any]) -> Floats:
    """Outputs (N, K) for prepared rows, computed by a core."""
    y_NK = np.empty((len(x), network[0].outputs), np.float32)
    _answer(build, "shoal_outputs", network, x, y_NK)
    return y_NK


def maps_of(build: Build, network: Network, x_NCHW: NDArray[Any]) -> tuple[Floats, ...]:
    """Feature maps of every convolution, each (N, U, H, W); see `Trainer.maps`."""
    layers = network[0].convolutions
    ends = np.cumsum([layer.numbers for layer in layers])
    all_NM = np.empty((len(x_NCHW), ends[-1]), np.float32)
    _answer(build, "shoal_maps", network, x_NCHW, all_NM)
    parts = zip(layers, np.split(all_NM, ends[:-1], axis=1), strict=True)
    return tuple(part.reshape(-1, layer.units, *layer.size) for layer, part in parts)


def _answer(build: Build, name: str, network: Network, x: NDArray[Any], answer: Floats) -> None:
    """Have a function of the core that takes a network as it stands and rows fill `answer`."""
    described = CoreNetwork.of(network[0])
    flat_P, running, rows = (_floats(array) for array in (*network[1:], x))
    call(
        build, name, ctypes.byref(described.struct), at(flat_P), flat_P.size, at(running), running.size, at(rows),
        rows.size, len(rows), at(answer), answer.size,
    )  # fmt: skip


def gradient_of(build: Build, network: Network, x_NCHW: NDArray[Any], asked: AskedGradient) -> Floats:
    """Gradient by images, or by the maps of a convolution; see `Trainer.gradient`."""
    architecture, parameters_P, buffers = network
    described, layers = CoreNetwork.of(architecture), architecture.convolutions
    by = None if asked.layer is None else layers[asked.layer]
    shape = architecture.input_shape if by is None else (by.units, *by.size)
    flat_P, running, x, outer = (
        _floats(array) for array in (parameters_P, buffers, x_NCHW, asked.by_outputs_NK)
    )
    gradient = np.empty((len(x), *shape), np.float32)
    struct = GradientStruct(
        ABI, described.struct, at(flat_P), flat_P.size, at(running), running.size, len(x), at(x), x.size,
        at(outer), outer.size, -1 if asked.layer is None else asked.layer, asked.least_slope, at(gradient),
        gradient.size,
    )  # fmt: skip
    call(build, "shoal_gradient", ctypes.byref(struct))
    return gradient
