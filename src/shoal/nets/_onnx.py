"""A network as nodes of an ONNX graph, in float32, as torch computes it: https://onnx.ai/onnx/operators."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from shoal.nets._activations import activation_of
from shoal.nets._architecture import Architecture, ConvLayer, DenseLayer, Layer
from shoal.nets._forward import NORM_EPSILON
from shoal.nets._graph import GraphParts


def add_network(
    parts: GraphParts, architecture: Architecture, named: Mapping[str, NDArray[np.float32]], x: str
) -> str:
    """Add the network's nodes after the prepared inputs `x`; give the name of its outputs, float32 (N, K)."""
    for slot in (*architecture.slots, *architecture.buffer_slots):
        parts.array(slot.name, named[slot.name])
    flat = len(architecture.input_shape) == 1
    for layer in architecture.layers:
        if isinstance(layer, DenseLayer) and not flat:
            x, flat = parts.node("Flatten", [x], f"{layer.name}_flat", {"axis": 1}), True
        x = _add_layer(parts, layer, x)
    return x


def _add_layer(parts: GraphParts, layer: Layer, x: str) -> str:
    """Add the arithmetic, then norm, activation and pooling, each only if it does something."""
    name = layer.name
    weights = [x, f"{name}.weight", f"{name}.bias"]
    if isinstance(layer, ConvLayer):
        strides, pads = [layer.stride] * 2, [layer.padding] * 4
        place = {"kernel_shape": [layer.kernel] * 2, "strides": strides, "pads": pads, "group": layer.groups}
        x = parts.node("Conv", weights, f"{name}_sum", place)
    else:
        x = parts.node("Gemm", weights, f"{name}_sum", {"transB": 1})
    if layer.batch_norm:
        statistics = [f"{name}_norm.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        x = parts.node("BatchNormalization", [x, *statistics], f"{name}_normed", {"epsilon": NORM_EPSILON})
    x = activation_of(layer.activation).onnx(parts, x, name)
    if isinstance(layer, ConvLayer) and layer.pool != "none":
        kind = "MaxPool" if layer.pool == "max" else "AveragePool"
        window = {"kernel_shape": [layer.pool_size] * 2, "strides": [layer.pool_stride] * 2}
        x = parts.node(kind, [x], f"{name}_pooled", window)
    return x
