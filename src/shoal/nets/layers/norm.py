"""Batch norm, which follows the sum of a layer. Letters: N rows, U units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import Takes
from shoal.nets._layer import Part

if TYPE_CHECKING:
    from shoal.nets._graph import GraphParts

EPSILON: Final = 1e-5
"""What torch.nn.BatchNorm1d and BatchNorm2d add to the variance."""
STEP_CALLS: Final[dict[Takes, float]] = {"table": 8.0, "images": 25.0}
"""What a step of torch takes for it however few rows there are (see `StepCost`), by what the network takes."""


def parts(units: int) -> tuple[Part, ...]:
    """Scale and shift of every unit."""
    return Part("_norm.weight", (units,), "ones"), Part("_norm.bias", (units,), "zeros")


def buffers(units: int) -> tuple[Part, ...]:
    """Running means and variances."""
    return (
        Part("_norm.running_mean", (units,), "zeros"),
        Part("_norm.running_var", (units,), "ones", least=0.0),
    )


def output(name: str, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any]) -> NDArray[Any]:
    """Norm by the running statistics, in the dtype of the sums."""

    mean_U, shift_U = (_part(name, named, part, sum_NU.dtype) for part in ("running_mean", "bias"))
    return np.asarray((sum_NU - mean_U) * scale(name, named, sum_NU.dtype) + shift_U)


def scale(name: str, named: Mapping[str, NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give what a sum less its running mean is multiplied by, (U,): the norm's derivative, too."""
    weight_U, variance_U = (_part(name, named, part, dtype) for part in ("weight", "running_var"))
    return np.asarray(weight_U / np.sqrt(variance_U + dtype.type(EPSILON)))


def folded(name: str, named: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """Give weight and bias of the layer by which its sums come out normed by the running statistics."""
    exact = np.dtype(np.float64)
    scale_U, mean_U, shift_U = (
        scale(name, named, exact),
        _part(name, named, "running_mean", exact),
        _part(name, named, "bias", exact),
    )
    weight, bias_U = named[f"{name}.weight"], named[f"{name}.bias"]
    across = (-1, *[1] * (weight.ndim - 1))
    return {
        f"{name}.weight": weight * scale_U.reshape(across),
        f"{name}.bias": (bias_U - mean_U) * scale_U + shift_U,
    }


def _part(name: str, named: Mapping[str, NDArray[Any]], part: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    return named[f"{name}_norm.{part}"].astype(dtype)


def node(graph: GraphParts, name: str, x: str) -> str:
    """Add its ONNX node."""
    statistics = [f"{name}_norm.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    return graph.node("BatchNormalization", [x, *statistics], f"{name}_normed", {"epsilon": EPSILON})
