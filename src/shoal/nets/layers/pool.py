"""The ways of pooling, which follows the activation of a convolution: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shoal.kinds import row_of
from shoal.nets._layer import Sides, both

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts


@dataclass(frozen=True)
class Pooling:
    """One way of pooling: its class in torch.nn, and its ONNX operator; `whole`: its window is the whole map."""

    module: str
    operator: str
    whole: bool = False

    def of_torch(self, torch: Any, size: Sides, stride: Sides) -> nn.Module:
        """Build torch's layer."""
        asked: tuple[Sides, ...] = (1,) if self.whole else (size, stride)
        module: nn.Module = getattr(torch.nn, self.module)(*asked)
        return module

    def node(self, graph: GraphParts, x: str, name: str, window: tuple[Sides, Sides]) -> str:
        """Add its ONNX node; `window` is size and stride."""
        size, stride = map(both, window)
        place = {} if self.whole else {"kernel_shape": size, "strides": stride}
        return graph.node(self.operator, [x], f"{name}_pooled", place)


POOLINGS: Final[dict[str, Pooling]] = {
    "max": Pooling("MaxPool2d", "MaxPool"),
    "average": Pooling("AvgPool2d", "AveragePool"),
    "global-average": Pooling("AdaptiveAvgPool2d", "GlobalAveragePool", whole=True),
}


def pooling_of(name: str) -> Pooling:
    """Give a way of pooling by name. Raises StudyError for one that is unknown."""
    return row_of("pool", POOLINGS, name)
