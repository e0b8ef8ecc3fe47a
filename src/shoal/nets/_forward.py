"""A forward pass in plain numpy, to look inside a dense network without torch: evaluation mode, no dropout.

Letters: N rows, D inputs, U units of a layer, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture, DenseLayer

NORM_EPSILON: Final = 1e-5
"""What torch.nn.BatchNorm1d adds to the variance."""


BOUNDS: Final = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "elu": (-1.0, np.inf)}
"""Where outputs of an activation can come to an end; those not named have no end where they stop answering."""
SATURATED_WITHIN: Final = 0.01
"""An output is close to a bound within this distance, in shares of the distance between both, or of 1."""
FLAT_BELOW: Final = {"relu": 0.0, "leaky-relu": 0.0, "gelu": 0.0, "silu": 0.0, "softplus": 0.01}
"""A unit of a rectifier that gives no more than this at every row has fallen silent."""


def near_bound(activation: str, output: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which outputs lie so close to a bound of their activation that they hardly change any more."""
    low, high = BOUNDS.get(activation, (-np.inf, np.inf))
    margin = SATURATED_WITHIN * (high - low if np.isfinite(high - low) else 1.0)
    return np.asarray((output < low + margin) | (output > high - margin))


def forward(
    architecture: Architecture, named: Mapping[str, NDArray[Any]], x_ND: NDArray[Any]
) -> NDArray[Any]:
    """Give outputs of the last layer (values, or logits), shape (N, K), in the dtype of `x_ND`.

    `named` holds the parameters, and batch norm's running statistics, by slot name.
    """
    return activations(architecture, named, x_ND)[-1]


def activations(
    architecture: Architecture, named: Mapping[str, NDArray[Any]], x_ND: NDArray[Any]
) -> tuple[NDArray[Any], ...]:
    """Outputs of every layer after its activation, each of shape (N, U), in the dtype of `x_ND`.

    Raises ValueError for a network with convolutions.
    """
    given: list[NDArray[Any]] = [x_ND]
    for layer in architecture.layers:
        if not isinstance(layer, DenseLayer):
            raise ValueError(f"expected a dense network, got one with the layer {layer.name}")
        given.append(_dense(layer, named, given[-1]))
    return tuple(given[1:])


def _dense(layer: DenseLayer, named: Mapping[str, NDArray[Any]], x_ND: NDArray[Any]) -> NDArray[Any]:
    def part(name: str) -> NDArray[Any]:
        return named[layer.name + name].astype(x_ND.dtype)

    sum_NU = x_ND @ part(".weight").T
    sum_NU += part(".bias")  # in place, as all rows pass at once
    if layer.batch_norm:
        scale_U = part("_norm.weight") / np.sqrt(part("_norm.running_var") + x_ND.dtype.type(NORM_EPSILON))
        sum_NU = (sum_NU - part("_norm.running_mean")) * scale_U + part("_norm.bias")
    return _ACTIVATIONS[layer.activation](sum_NU).astype(x_ND.dtype, copy=False)


def _sigmoid(a: NDArray[Any]) -> NDArray[Any]:
    small = np.exp(-np.abs(a))
    return np.asarray(np.where(a >= 0, 1, small) / (1 + small))


def _gelu(a: NDArray[Any]) -> NDArray[Any]:
    from scipy.special import ndtr

    return np.asarray(a * ndtr(a))


_ACTIVATIONS: Final[dict[str, Callable[[NDArray[Any]], NDArray[Any]]]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "leaky-relu": lambda a: np.where(a > 0, a, 0.01 * a),
    "elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "gelu": _gelu,
    "silu": lambda a: a * _sigmoid(a),
    "softplus": lambda a: np.where(a > 20, a, np.logaddexp(a, 0)),  # linear from there, as in torch
    "identity": lambda a: a,
}
