"""The ways of pooling, which follows the activation of a convolution: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shoal.kinds import row_of

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts


@dataclass(frozen=True)
class Pooling:
    """One way of pooling: its class in torch.nn, and its ONNX operator."""

    module: str
    operator: str

    def of_torch(self, torch: Any, size: int, stride: int) -> nn.Module:
        """Build torch's layer."""
        module: nn.Module = getattr(torch.nn, self.module)(size, stride)
        return module

    def node(self, graph: GraphParts, x: str, name: str, window: tuple[int, int]) -> str:
        """Add its ONNX node; `window` is size and stride."""
        size, stride = window
        return graph.node(
            self.operator, [x], f"{name}_pooled", {"kernel_shape": [size] * 2, "strides": [stride] * 2}
        )


POOLINGS: Final[dict[str, Pooling]] = {
    "max": Pooling("MaxPool2d", "MaxPool"),
    "average": Pooling("AvgPool2d", "AveragePool"),
}


def pooling_of(name: str) -> Pooling:
    """Give a way of pooling by name. Raises StudyError for one that is unknown."""
    return row_of("pool", POOLINGS, name)
