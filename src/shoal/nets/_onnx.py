"""A network as nodes of an ONNX graph, in float32, as torch computes it: https://onnx.ai/onnx/operators."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture
from shoal.nets._graph import GraphParts


def add_network(
    parts: GraphParts, architecture: Architecture, named: Mapping[str, NDArray[np.float32]], x: str
) -> str:
    """Add the network's nodes after the prepared inputs `x`; give the name of its outputs, float32 (N, K)."""
    for slot in (*architecture.slots, *architecture.buffer_slots):
        parts.array(slot.name, named[slot.name])
    shape = architecture.input_shape  # images can be given to dense layers too
    for layer in architecture.layers:
        if len(shape) > 1 and layer.takes == "table":
            x = parts.node("Flatten", [x], f"{layer.name}_flat", {"axis": 1})
        shape = layer.steps[-1].shape
        parts.entered[layer.name] = x
        x = layer.nodes(parts, x)
    return x
