"""The norms, which follow the sum of a layer: one class each.

Letters: N rows, U units, C channels, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import Takes
from shoal.nets._layer import Part, Shape

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts

EPSILON: Final = 1e-5
"""What torch's norms add to the variance."""


class Norm(Protocol):
    """One norm of a layer that gives `shape`: (U,), or maps (C, H, W), which have a scale and a shift a channel."""

    @property
    def step_calls(self) -> dict[Takes, float]:
        """What a step of torch takes for it however few rows there are (see `StepCost`), by what the network takes."""
        ...

    def parts(self, units: int) -> tuple[Part, ...]:
        """Scale and shift of every unit or channel."""
        ...

    def buffers(self, units: int) -> tuple[Part, ...]:
        """What is kept beside them."""
        ...

    def of_torch(self, torch: Any, shape: Shape) -> nn.Module:
        """Build torch's layer."""
        ...

    def output(self, name: str, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any]) -> NDArray[Any]:
        """Norm the sums of a dense layer, in their dtype, in evaluation mode."""
        ...

    def pulled_back(
        self, name: str, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any], gradient_NU: NDArray[Any]
    ) -> NDArray[Any]:
        """Give the gradient by these sums of what has this gradient by their norm."""
        ...

    def nodes(self, graph: GraphParts, name: str, x: str, shape: Shape) -> str:
        """Add its ONNX nodes."""
        ...


def _scale_and_shift(units: int) -> tuple[Part, ...]:
    return Part("_norm.weight", (units,), "ones"), Part("_norm.bias", (units,), "zeros")


def _part(name: str, named: Mapping[str, NDArray[Any]], part: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    return named[f"{name}_norm.{part}"].astype(dtype)


class _Batch:
    """Batch norm: every unit over the rows of a batch, once trained by its running mean and variance."""

    step_calls: Final[dict[Takes, float]] = {"table": 8.0, "images": 25.0}

    def parts(self, units: int) -> tuple[Part, ...]:
        return _scale_and_shift(units)

    def buffers(self, units: int) -> tuple[Part, ...]:
        return (
            Part("_norm.running_mean", (units,), "zeros"),
            Part("_norm.running_var", (units,), "ones", least=0.0),
        )

    def of_torch(self, torch: Any, shape: Shape) -> nn.Module:
        made: nn.Module = (torch.nn.BatchNorm2d if len(shape) > 1 else torch.nn.BatchNorm1d)(shape[0])
        return made

    def output(self, name: str, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any]) -> NDArray[Any]:
        mean_U, shift_U = (_part(name, named, part, sum_NU.dtype) for part in ("running_mean", "bias"))
        return np.asarray((sum_NU - mean_U) * self._scale(name, named, sum_NU.dtype) + shift_U)

    def pulled_back(
        self, name: str, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any], gradient_NU: NDArray[Any]
    ) -> NDArray[Any]:
        return np.asarray(gradient_NU * self._scale(name, named, sum_NU.dtype))

    def _scale(self, name: str, named: Mapping[str, NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Give what a sum less its running mean is multiplied by, (U,)."""
        weight_U, variance_U = (_part(name, named, part, dtype) for part in ("weight", "running_var"))
        return np.asarray(weight_U / np.sqrt(variance_U + dtype.type(EPSILON)))

    def nodes(self, graph: GraphParts, name: str, x: str, shape: Shape) -> str:  # noqa: ARG002
        statistics = [f"{name}_norm.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        return graph.node("BatchNormalization", [x, *statistics], f"{name}_normed", {"epsilon": EPSILON})


class _Layer:
    """Layer norm: every row by the mean and the variance of all its numbers in the layer, of maps of all of them."""

    step_calls: Final[dict[Takes, float]] = {"table": 8.0, "images": 25.0}

    def parts(self, units: int) -> tuple[Part, ...]:
        return _scale_and_shift(units)

    def buffers(self, units: int) -> tuple[Part, ...]:  # noqa: ARG002
        return ()

    def of_torch(self, torch: Any, shape: Shape) -> nn.Module:
        maps = len(shape) > 1
        made: nn.Module = torch.nn.GroupNorm(1, shape[0]) if maps else torch.nn.LayerNorm(shape[0])
        return made

    def output(self, name: str, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any]) -> NDArray[Any]:
        weight_U, shift_U = (_part(name, named, part, sum_NU.dtype) for part in ("weight", "bias"))
        normed_NU, _ = self._normed(sum_NU)
        return np.asarray(normed_NU * weight_U + shift_U)

    def pulled_back(
        self, name: str, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any], gradient_NU: NDArray[Any]
    ) -> NDArray[Any]:
        normed_NU, spread_N1 = self._normed(sum_NU)
        above_NU = gradient_NU * _part(name, named, "weight", sum_NU.dtype)
        along_N1 = (above_NU * normed_NU).mean(axis=1, keepdims=True)
        return np.asarray(
            (above_NU - above_NU.mean(axis=1, keepdims=True) - normed_NU * along_N1) / spread_N1
        )

    def _normed(self, sum_NU: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give the sums without mean and spread, (N, U), and their spread, (N, 1)."""
        apart_NU = sum_NU - sum_NU.mean(axis=1, keepdims=True)
        variance_N1 = (apart_NU**2).mean(axis=1, keepdims=True)
        spread_N1 = np.sqrt(variance_N1 + sum_NU.dtype.type(EPSILON))
        return apart_NU / spread_N1, spread_N1

    def nodes(self, graph: GraphParts, name: str, x: str, shape: Shape) -> str:
        parts = [f"{name}_norm.{part}" for part in ("weight", "bias")]
        if len(shape) == 1:
            return graph.node("LayerNormalization", [x, *parts], f"{name}_normed", {"epsilon": EPSILON})
        # All numbers of a row as one channel, which is normed by itself; then the scale and shift of each channel.
        flat = graph.array(f"{name}_flat", np.array((0, 1, -1)))
        maps = graph.array(f"{name}_maps", np.array((0, *shape)))
        a_channel = graph.array(f"{name}_a_channel", np.array((shape[0], 1, 1)))
        as_is = [graph.array(f"{name}_{value}", np.full(1, value, np.float32)) for value in (1, 0)]
        x = graph.node("Reshape", [x, flat], f"{name}_flattened")
        x = graph.node("InstanceNormalization", [x, *as_is], f"{name}_alike", {"epsilon": EPSILON})
        x = graph.node("Reshape", [x, maps], f"{name}_alike_maps")
        scale, shift = (graph.node("Reshape", [part, a_channel], f"{part}_maps") for part in parts)
        return graph.node("Add", [graph.node("Mul", [x, scale], f"{name}_scaled"), shift], f"{name}_normed")


class Normed(Protocol):
    """A layer that may be normed."""

    @property
    def batch_norm(self) -> bool:
        """By batch norm."""
        ...

    @property
    def layer_norm(self) -> bool:
        """By layer norm."""
        ...


_BATCH, _LAYER = _Batch(), _Layer()


def norm_of(layer: Normed) -> Norm | None:
    """Give the norm of a layer; None where it has none."""
    return _BATCH if layer.batch_norm else _LAYER if layer.layer_norm else None
