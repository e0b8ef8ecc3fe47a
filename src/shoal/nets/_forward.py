"""A forward pass in plain numpy, to look inside a dense network without torch: evaluation mode, no dropout.

Letters: N rows, D inputs, U units of a layer, K outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.nets._activations import activation_of
from shoal.nets._architecture import Architecture, DenseLayer

NORM_EPSILON: Final = 1e-5
"""What torch.nn.BatchNorm1d adds to the variance."""


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
    return activation_of(layer.activation).numpy(sum_NU).astype(x_ND.dtype, copy=False)
