"""The activations: one row each holds all that is known of one but its C++.

The study's choices, the refusals, the native trainer's numbers, torch's modules, the numpy pass, ONNX files, figures,
forecasts and references derive from these rows. The order is the one in which choices are named to a user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import row_of

Array = NDArray[Any]


class Graph(Protocol):
    """An ONNX graph that grows."""

    def node(
        self, kind: str, inputs: list[str], output: str, attributes: Mapping[str, Any] | None = None
    ) -> str:
        """Add one node; give the name of its output."""
        ...


@dataclass(frozen=True)
class ActivationKind:
    """One activation.

    `module` is its class in torch.nn, empty where it does nothing; `onnx` adds its nodes after `x` under the name of a
    layer. `core` is its number in `ShoalActivation`, None where torch alone trains it. `bounds` is where outputs can
    come to an end, None where there is no end at which they stop answering. A unit that gives no more than
    `flat_below` at every row has fallen silent. `cheap`: a step pays nothing beyond reading and writing its values.
    """

    module: str
    numpy: Callable[[Array], Array]
    onnx: Callable[[Graph, str, str], str]
    core: int | None = None
    bounds: tuple[float, float] | None = None
    flat_below: float | None = None
    cheap: bool = False
    source: str = ""


def _node(kind: str, **attributes: Any) -> Callable[[Graph, str, str], str]:
    def add(graph: Graph, x: str, name: str) -> str:
        return graph.node(kind, [x], f"{name}_out", attributes)

    return add


def _gated(graph: Graph, x: str, name: str) -> str:
    return graph.node("Mul", [x, graph.node("Sigmoid", [x], f"{name}_gate")], f"{name}_out")


def _sigmoid(a: Array) -> Array:
    small = np.exp(-np.abs(a))
    return np.asarray(np.where(a >= 0, 1, small) / (1 + small))


def _gelu(a: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(a * ndtr(a))


ACTIVATIONS: Final[dict[str, ActivationKind]] = {
    "sigmoid": ActivationKind("Sigmoid", _sigmoid, _node("Sigmoid"), core=1, bounds=(0.0, 1.0)),
    "tanh": ActivationKind("Tanh", np.tanh, _node("Tanh"), core=2, bounds=(-1.0, 1.0)),
    "relu": ActivationKind(
        "ReLU",
        lambda a: np.maximum(a, 0),
        _node("Relu"),
        core=3,
        flat_below=0.0,
        cheap=True,
        source="Nair, Hinton (2010): Rectified linear units improve restricted Boltzmann machines. ICML, 807–814.",
    ),
    "leaky-relu": ActivationKind(
        "LeakyReLU",
        lambda a: np.where(a > 0, a, 0.01 * a),
        _node("LeakyRelu", alpha=0.01),
        core=4,
        flat_below=0.0,
        cheap=True,
        source="Maas, Hannun, Ng (2013): Rectifier nonlinearities improve neural network acoustic models. ICML.",
    ),
    "elu": ActivationKind(
        "ELU",
        lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
        _node("Elu", alpha=1.0),
        core=5,
        bounds=(-1.0, np.inf),
        source="Clevert, Unterthiner, Hochreiter (2016): Fast and accurate deep network learning by exponential linear"
        " units. ICLR.",
    ),
    "gelu": ActivationKind(
        "GELU",
        _gelu,
        _node("Gelu", approximate="none"),
        core=6,
        flat_below=0.0,
        source="Hendrycks, Gimpel (2016): Gaussian error linear units. arXiv:1606.08415.",
    ),
    "silu": ActivationKind(
        "SiLU",
        lambda a: a * _sigmoid(a),
        _gated,
        core=7,
        flat_below=0.0,
        source="Elfwing, Uchibe, Doya (2018): Sigmoid-weighted linear units for neural network function approximation"
        " in reinforcement learning. Neural Networks 107, 3–11.",
    ),
    "softplus": ActivationKind(
        "Softplus",
        lambda a: np.where(a > 20, a, np.logaddexp(a, 0)),  # linear from there, as in torch
        _node("Softplus"),
        core=8,
        flat_below=0.01,
    ),
    "identity": ActivationKind("", lambda a: a, lambda _graph, x, _name: x, core=0, cheap=True),
}


def activation_of(name: str) -> ActivationKind:
    """Give an activation by name. Raises StudyError for one that is unknown."""
    return row_of("activation", ACTIVATIONS, name)
