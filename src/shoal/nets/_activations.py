"""The activations: one row each, for torch, numpy, ONNX, and what is known of its shape.

Letters: B rows, U units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import row_of

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts

Array = NDArray[Any]

SATURATED_WITHIN: Final = 0.01
"""An output is close to a bound within this distance, in shares of the distance between both, or of 1."""


@dataclass(frozen=True)
class Activation:
    """One activation.

    `module` is its class in torch.nn; `onnx` adds its nodes after `x` under the name of a layer. `bounds` is where
    outputs can come to an end, None where there is no end at which they stop answering. A unit that gives no more than
    `flat_below` at every row has fallen silent. `cheap`: a step pays nothing beyond reading and writing its values.
    """

    module: str
    numpy: Callable[[Array], Array]
    onnx: Callable[[GraphParts, str, str], str]
    bounds: tuple[float, float] | None = None
    flat_below: float | None = None
    cheap: bool = False
    source: str = ""


def _node(kind: str, **attributes: Any) -> Callable[[GraphParts, str, str], str]:
    def add(parts: GraphParts, x: str, name: str) -> str:
        return parts.node(kind, [x], f"{name}_out", attributes)

    return add


def _gated(parts: GraphParts, x: str, name: str) -> str:
    return parts.node("Mul", [x, parts.node("Sigmoid", [x], f"{name}_gate")], f"{name}_out")


def _sigmoid(a: Array) -> Array:
    small = np.exp(-np.abs(a))
    return np.asarray(np.where(a >= 0, 1, small) / (1 + small))


def _gelu(a: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(a * ndtr(a))


ACTIVATIONS: Final[dict[str, Activation]] = {
    "sigmoid": Activation("Sigmoid", _sigmoid, _node("Sigmoid"), bounds=(0.0, 1.0)),
    "tanh": Activation("Tanh", np.tanh, _node("Tanh"), bounds=(-1.0, 1.0)),
    "relu": Activation(
        "ReLU",
        lambda a: np.maximum(a, 0),
        _node("Relu"),
        flat_below=0.0,
        cheap=True,
        source="Nair, Hinton (2010): Rectified linear units improve restricted Boltzmann machines. ICML, 807–814.",
    ),
    "leaky-relu": Activation(
        "LeakyReLU",
        lambda a: np.where(a > 0, a, 0.01 * a),
        _node("LeakyRelu", alpha=0.01),
        flat_below=0.0,
        cheap=True,
        source="Maas, Hannun, Ng (2013): Rectifier nonlinearities improve neural network acoustic models. ICML.",
    ),
    "elu": Activation(
        "ELU",
        lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
        _node("Elu", alpha=1.0),
        bounds=(-1.0, np.inf),
        source="Clevert, Unterthiner, Hochreiter (2016): Fast and accurate deep network learning by exponential linear"
        " units. ICLR.",
    ),
    "gelu": Activation(
        "GELU",
        _gelu,
        _node("Gelu", approximate="none"),
        flat_below=0.0,
        source="Hendrycks, Gimpel (2016): Gaussian error linear units. arXiv:1606.08415.",
    ),
    "silu": Activation(
        "SiLU",
        lambda a: a * _sigmoid(a),
        _gated,
        flat_below=0.0,
        source="Elfwing, Uchibe, Doya (2018): Sigmoid-weighted linear units for neural network function approximation"
        " in reinforcement learning. Neural Networks 107, 3–11.",
    ),
    "softplus": Activation(
        "Softplus",
        lambda a: np.where(a > 20, a, np.logaddexp(a, 0)),  # linear from there, as in torch
        _node("Softplus"),
        flat_below=0.01,
    ),
    "identity": Activation("Identity", lambda a: a, lambda _parts, x, _name: x, cheap=True),
}

BOUNDS: Final = {name: row.bounds for name, row in ACTIVATIONS.items() if row.bounds is not None}
"""Where outputs of an activation can come to an end; those not named have no end where they stop answering."""
FLAT_BELOW: Final = {name: row.flat_below for name, row in ACTIVATIONS.items() if row.flat_below is not None}
"""A unit of a rectifier that gives no more than this at every row has fallen silent."""


def activation_of(name: str) -> Activation:
    """Give an activation by name. Raises StudyError for one that is unknown."""
    return row_of("activation", ACTIVATIONS, name)


def activation_module(name: str) -> nn.Module:
    """Build torch's layer for one of the study's activations."""
    from torch import nn

    module: nn.Module = getattr(nn, activation_of(name).module)()
    return module


def activation_parts(name: str, activation: str) -> dict[str, nn.Module]:
    """Give torch's layer for the activation of layer `name`, by its own name; none where it does nothing."""
    return {} if activation == "identity" else {f"{name}_activation": activation_module(activation)}


def near_bound(activation: str, output: Array) -> NDArray[np.bool_]:
    """Say which outputs lie so close to a bound of their activation that they hardly change any more."""
    low, high = activation_of(activation).bounds or (-np.inf, np.inf)
    margin = SATURATED_WITHIN * (high - low if np.isfinite(high - low) else 1.0)
    return np.asarray((output < low + margin) | (output > high - margin))
