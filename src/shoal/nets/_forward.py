"""A forward pass in plain numpy, to look inside a dense network without torch: evaluation mode, no dropout.

Letters: N rows, D inputs, U units of a layer, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from shoal.nets._architecture import Architecture
from shoal.nets._layer import Layer


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
    outputs: list[NDArray[Any]] = [x_ND]
    for layer in architecture.layers:
        outputs.append(layer.output(named, outputs[-1]))
    return tuple(outputs[1:])


def outputs_and_gradient(
    layers: Sequence[Layer],
    named: Mapping[str, NDArray[Any]],
    x_ND: NDArray[Any],
    gradient_of: Callable[[NDArray[Any]], NDArray[Any]],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give what some layers, one behind the other, answer to `x_ND`, (N, K), and a gradient by `x_ND`, (N, D).

    `gradient_of` gives, of these answers, the gradient by them of what is differentiated, (N, K), row by row. Raises
    ValueError for a convolution.
    """
    inputs = [x_ND]
    for layer in layers:
        inputs.append(layer.output(named, inputs[-1]))
    gradient = gradient_of(inputs[-1])
    for layer, x in zip(reversed(layers), reversed(inputs[:-1]), strict=True):
        gradient = layer.pulled_back(named, x, gradient)
    return inputs[-1], gradient
