"""A network as nodes of an ONNX graph, in float32, as torch computes it: https://onnx.ai/onnx/operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture, ConvLayer, DenseLayer, Layer
from shoal.nets._forward import NORM_EPSILON

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_ACTIVATIONS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky-relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "softplus": ("Softplus", {}),
}


class GraphParts:
    """Nodes and stored arrays of a graph that grows from its inputs to its outputs."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.nodes: list[NodeProto] = []
        self.arrays: list[TensorProto] = []

    def node(
        self, kind: str, inputs: list[str], output: str, attributes: Mapping[str, Any] | None = None
    ) -> str:
        """Add one node; give the name of its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], **(attributes or {})))
        return output

    def array(self, name: str, values: NDArray[Any]) -> str:
        """Store an array; give its name."""
        from onnx import numpy_helper

        self.arrays.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


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
    x = _activated(parts, layer, x)
    if isinstance(layer, ConvLayer) and layer.pool != "none":
        kind = "MaxPool" if layer.pool == "max" else "AveragePool"
        window = {"kernel_shape": [layer.pool_size] * 2, "strides": [layer.pool_stride] * 2}
        x = parts.node(kind, [x], f"{name}_pooled", window)
    return x


def _activated(parts: GraphParts, layer: Layer, x: str) -> str:
    output = f"{layer.name}_out"
    if layer.activation == "identity":
        return x
    if layer.activation == "silu":
        return parts.node("Mul", [x, parts.node("Sigmoid", [x], f"{layer.name}_gate")], output)
    kind, attributes = _ACTIVATIONS[layer.activation]
    return parts.node(kind, [x], output, attributes)
