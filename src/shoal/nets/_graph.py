"""An ONNX graph that grows from its inputs to its outputs: https://onnx.ai/onnx/operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto


class GraphParts:
    """Nodes and stored arrays of a graph that grows from its inputs to its outputs."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.nodes: list[NodeProto] = []
        self.arrays: list[TensorProto] = []
        self.entered: dict[str, str] = {}
        """What enters every layer, by its name."""

    def node(
        self,
        kind: str,
        inputs: list[str],
        output: str,
        attributes: Mapping[str, Any] | None = None,
        others: tuple[str, ...] = (),
    ) -> str:
        """Add one node; give the name of its output, beside which it may have others."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output, *others], **(attributes or {})))
        return output

    def array(self, name: str, values: NDArray[Any]) -> str:
        """Store an array; give its name."""
        from onnx import numpy_helper

        self.arrays.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name
