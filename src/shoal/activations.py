"""The activations: one row each holds all that is known of one but its C++.

The study's choices, the refusals, the native trainer's numbers, torch's modules, the numpy pass, ONNX files, figures,
forecasts and references derive from these rows. The order is the one in which choices are named to a user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final, Protocol

from shoal.kinds import row_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Graph(Protocol):
    """An ONNX graph that grows; see `nets.GraphParts`."""

    def node(
        self,
        kind: str,
        inputs: list[str],
        output: str,
        attributes: Mapping[str, Any] | None = None,
        others: tuple[str, ...] = (),
    ) -> str:
        """Add one node; give the name of its output, beside which it may have others."""
        ...

    def array(self, name: str, values: NDArray[Any]) -> str:
        """Store an array; give its name."""
        ...


@dataclass(frozen=True)
class ActivationKind:
    """One activation.

    `module` is its class in torch.nn, empty where it does nothing. `formula` and `slope`, its derivative (at a kink
    the one that torch takes), are given numpy, which is not imported for names alone, and inputs. `onnx` adds its
    nodes after `x` under the name of a layer. `core` is its number in `ShoalActivation`, None where torch alone trains
    it. `bounds` is where outputs can come to an end, None where there is no end at which they stop answering. A unit
    that gives no more than `flat_below` at every row has fallen silent. `cheap`: a step pays nothing beyond reading
    and writing its values. `straight`: two straight pieces that meet at 0.
    """

    module: str
    formula: Callable[[Any, Array], Array]
    onnx: Callable[[Graph, str, str], str]
    slope: Callable[[Any, Array], Array]
    core: int | None = None
    bounds: tuple[float, float] | None = None
    flat_below: float | None = None
    cheap: bool = False
    straight: bool = False
    source: str = ""

    def numpy(self, a: Array) -> Array:
        """Outputs for inputs of any shape."""
        import numpy as np

        return self.formula(np, a)

    def derivative(self, a: Array) -> Array:
        """Slopes at inputs of any shape."""
        import numpy as np

        return self.slope(np, a)


def _node(kind: str, **attributes: Any) -> Callable[[Graph, str, str], str]:
    def add(graph: Graph, x: str, name: str) -> str:
        return graph.node(kind, [x], f"{name}_out", attributes)

    return add


def _gated(graph: Graph, x: str, name: str) -> str:
    return graph.node("Mul", [x, graph.node("Sigmoid", [x], f"{name}_gate")], f"{name}_out")


def _sigmoid(np: Any, a: Array) -> Any:
    small = np.exp(-np.abs(a))
    return np.where(a >= 0, 1, small) / (1 + small)


def _gelu(_np: Any, a: Array) -> Any:
    from scipy.special import ndtr

    return a * ndtr(a)


def _gelu_slope(np: Any, a: Array) -> Any:
    from scipy.special import ndtr

    return ndtr(a) + a * np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi)


def _sigmoid_slope(np: Any, a: Array) -> Any:
    gate = _sigmoid(np, a)
    return gate * (1 - gate)


def _silu_slope(np: Any, a: Array) -> Any:
    gate = _sigmoid(np, a)
    return gate * (1 + a * (1 - gate))


ACTIVATIONS: Final[dict[str, ActivationKind]] = {
    "sigmoid": ActivationKind(
        "Sigmoid", _sigmoid, _node("Sigmoid"), _sigmoid_slope, core=1, bounds=(0.0, 1.0)
    ),
    "tanh": ActivationKind(
        "Tanh",
        lambda np, a: np.tanh(a),
        _node("Tanh"),
        lambda np, a: 1 - np.tanh(a) ** 2,
        core=2,
        bounds=(-1.0, 1.0),
    ),
    "relu": ActivationKind(
        "ReLU",
        lambda np, a: np.maximum(a, 0),
        _node("Relu"),
        lambda np, a: np.where(a > 0, 1.0, 0.0),
        core=3,
        flat_below=0.0,
        cheap=True,
        straight=True,
        source="Nair, Hinton (2010): Rectified linear units improve restricted Boltzmann machines. ICML, 807–814.",
    ),
    "leaky-relu": ActivationKind(
        "LeakyReLU",
        lambda np, a: np.where(a > 0, a, 0.01 * a),
        _node("LeakyRelu", alpha=0.01),
        lambda np, a: np.where(a > 0, 1.0, 0.01),
        core=4,
        flat_below=0.0,
        cheap=True,
        straight=True,
        source="Maas, Hannun, Ng (2013): Rectifier nonlinearities improve neural network acoustic models. ICML.",
    ),
    "elu": ActivationKind(
        "ELU",
        lambda np, a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
        _node("Elu", alpha=1.0),
        lambda np, a: np.where(a > 0, 1.0, np.exp(np.minimum(a, 0))),
        core=5,
        bounds=(-1.0, inf),
        source="Clevert, Unterthiner, Hochreiter (2016): Fast and accurate deep network learning by exponential linear"
        " units. ICLR.",
    ),
    "gelu": ActivationKind(
        "GELU",
        _gelu,
        _node("Gelu", approximate="none"),
        _gelu_slope,
        core=6,
        flat_below=0.0,
        source="Hendrycks, Gimpel (2016): Gaussian error linear units. arXiv:1606.08415.",
    ),
    "silu": ActivationKind(
        "SiLU",
        lambda np, a: a * _sigmoid(np, a),
        _gated,
        _silu_slope,
        core=7,
        flat_below=0.0,
        source="Elfwing, Uchibe, Doya (2018): Sigmoid-weighted linear units for neural network function approximation"
        " in reinforcement learning. Neural Networks 107, 3–11.",
    ),
    "softplus": ActivationKind(
        "Softplus",
        lambda np, a: np.where(a > 20, a, np.logaddexp(a, 0)),  # linear from there, as in torch
        _node("Softplus"),
        lambda np, a: np.where(a > 20, 1.0, _sigmoid(np, a)),
        core=8,
        flat_below=0.01,
    ),
    "identity": ActivationKind(
        "",
        lambda _np, a: a,
        lambda _graph, x, _name: x,
        lambda np, a: np.ones_like(a),
        core=0,
        cheap=True,
    ),
}


def activation_of(name: str) -> ActivationKind:
    """Give an activation by name. Raises StudyError for one that is unknown."""
    return row_of("activation", ACTIVATIONS, name)
