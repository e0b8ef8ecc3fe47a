"""What targets become before they are standardised, and the way back: logarithms, and Yeo and Johnson's power.

Each kind of `kinds.TARGET_TRANSFORMS` has its class in `TRANSFORMS`. Numbers that have no way back (an exponential that
overflows, a power beyond its bound) become infinite there, never NaN. Letters: N rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from shoal.activations import Graph
from shoal.elementary import exp, expm1, log, log1p

Floats = NDArray[np.float64]

_DIGITS: Final = 18.0
"""How far below 1, as a logarithm, a power may bring 1 + |y|: 64 bits then keep 8 digits of it."""
_LARGEST: Final = 600.0
"""The largest logarithm that a power may have: e**600 is 1e260."""
_STEEPEST: Final = 1000.0
"""The largest power, by its size; targets that are tiny, and nothing else, ask for large ones."""


class TargetTransform(Protocol):
    """One kind of transform, as a fit's rows taught it."""

    kind: ClassVar[str]
    torch_source: ClassVar[str]
    """The way back: a function of the exported Python file, called as the kind is: (values, *torch_arguments)."""

    @classmethod
    def fit(cls, values_N: Floats) -> Self:
        """Learn from targets, which lie in its domain."""
        ...

    def forward(self, values_N: Floats) -> Floats:
        """Transform targets; what lies outside of the domain becomes NaN or infinite."""
        ...

    def backward(self, values_N: Floats) -> Floats:
        """Give targets in their own units; infinite where there is no way back."""
        ...

    def slope(self, values_N: Floats) -> Floats:
        """Give the derivative of the way back where it leads to these targets."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Give its kind and what it learned, for a model file."""
        ...

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Self | None:
        """Read what `to_json` gave beside the kind; None for anything else."""
        ...

    @property
    def torch_arguments(self) -> tuple[float, ...]:
        """Give what the exported function takes beside the values."""
        ...

    def nodes(self, graph: Graph, values: str, name: str) -> str:
        """Add the way back of float64 `values` to a graph; `name` begins the names of what is added."""
        ...


@dataclass(frozen=True)
class _Plain:
    """A transform that learns nothing."""

    kind: ClassVar[str]

    @classmethod
    def fit(cls, values_N: Floats) -> Self:  # noqa: ARG003
        """Learn nothing."""
        return cls()

    def to_json(self) -> dict[str, Any]:
        """Give its kind."""
        return {"kind": self.kind}

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Self | None:
        """Make it, if the entry says no more than the kind."""
        return None if entry else cls()

    @property
    def torch_arguments(self) -> tuple[float, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class Log(_Plain):
    """The natural logarithm."""

    kind: ClassVar[str] = "log"
    torch_source: ClassVar[str] = '''def log(values):
    """Undo the logarithm."""
    return torch.exp(values)'''

    def forward(self, values_N: Floats) -> Floats:
        """Take the logarithm."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(log(values_N))

    def backward(self, values_N: Floats) -> Floats:
        """Take the exponential."""
        with np.errstate(over="ignore"):
            return np.asarray(exp(values_N))

    def slope(self, values_N: Floats) -> Floats:
        """The target itself."""
        return values_N

    def nodes(self, graph: Graph, values: str, name: str) -> str:
        """Add the exponential."""
        return graph.node("Exp", [values], f"{name}_back")


@dataclass(frozen=True)
class Log1p(_Plain):
    """The natural logarithm of 1 + y."""

    kind: ClassVar[str] = "log1p"
    torch_source: ClassVar[str] = '''def log1p(values):
    """Undo the logarithm of 1 + y."""
    return torch.expm1(values)'''

    def forward(self, values_N: Floats) -> Floats:
        """Take the logarithm of 1 + y."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(log1p(values_N))

    def backward(self, values_N: Floats) -> Floats:
        """Take the exponential, less 1."""
        with np.errstate(over="ignore"):
            return np.asarray(expm1(values_N))

    def slope(self, values_N: Floats) -> Floats:
        """1 more than the target."""
        return values_N + 1

    def nodes(self, graph: Graph, values: str, name: str) -> str:
        """Add the exponential, less 1."""
        return graph.node(
            "Sub", [graph.node("Exp", [values], f"{name}_exp"), _unit(graph, name)], f"{name}_back"
        )


@dataclass(frozen=True)
class YeoJohnson:
    """The power transform of Yeo and Johnson (2000): its power is the most likely one if what it gives is normal."""

    kind: ClassVar[str] = "yeo-johnson"
    torch_source: ClassVar[str] = '''def yeo_johnson(values, power):
    """Undo the power transform of Yeo and Johnson."""

    def root(part, power):
        return torch.expm1(torch.log1p((power * part).clamp(min=-1)) / power if power else part)

    return torch.where(values < 0, -root((-values).clamp(min=0), 2 - power), root(values.clamp(min=0), power))'''

    power: float

    @classmethod
    def fit(cls, values_N: Floats) -> Self:
        """Learn the power, scikit-learn's `lambda`; 1, which changes nothing, where no other can be told.

        It is sought where 64 bits keep 8 digits of what it gives. The likelihood has one maximum (Marchand and others
        2022), found as scikit-learn finds it, by Brent's method (1973).
        """
        from scipy.optimize import minimize_scalar

        signs_N, logs_N = np.sign(values_N), log1p(np.abs(values_N))
        low, high = _bounds(signs_N, logs_N)
        if values_N.min() == values_N.max() or low >= high:  # all are equal, or huge on both sides of 0
            return cls(1.0)
        with np.errstate(invalid="ignore"):  # of powers that leave nothing apart the likelihood is 0
            likeliest = minimize_scalar(
                lambda power: _unlikelihood(power, signs_N, logs_N),
                bounds=(low, high),
                method="bounded",
                options={"xatol": 1e-9, "maxiter": 500},
            )
        return cls(float(likeliest.x) if math.isfinite(likeliest.fun) else 1.0)

    def forward(self, values_N: Floats) -> Floats:
        """Raise to the power."""
        with np.errstate(over="ignore"):
            above = _powered(np.maximum(values_N, 0), self.power)
            below = _powered(np.maximum(-values_N, 0), 2 - self.power)
        return np.where(values_N < 0, -below, above)

    def backward(self, values_N: Floats) -> Floats:
        """Take the root; beyond the bound that some powers have it is infinite."""
        with np.errstate(over="ignore", divide="ignore"):
            above = _unpowered(np.maximum(values_N, 0), self.power)
            below = _unpowered(np.maximum(-values_N, 0), 2 - self.power)
        return np.where(values_N < 0, -below, above)

    def slope(self, values_N: Floats) -> Floats:
        """A power of 1 more than the size of the target."""
        power_N = np.where(values_N < 0, self.power - 1, 1 - self.power)
        return np.asarray(exp(power_N * log1p(np.abs(values_N))))

    def to_json(self) -> dict[str, Any]:
        """Give kind and power."""
        return {"kind": self.kind, "power": self.power}

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Self | None:
        """Read the power."""
        match entry:
            case {"power": float(power), **others} if not others and math.isfinite(power):
                return cls(power)
        return None

    @property
    def torch_arguments(self) -> tuple[float, ...]:
        """The power."""
        return (self.power,)

    def nodes(self, graph: Graph, values: str, name: str) -> str:
        """Add the root of what is above 0, less that of what is below."""
        none = graph.array(f"{name}_zero", np.array([0.0]))
        negated = graph.node("Neg", [values], f"{name}_negated")
        roots = []
        for part, power, side in ((values, self.power, "root0"), (negated, 2 - self.power, "root1")):
            own = f"{name}_{side}"
            roots.append(_root_nodes(graph, graph.node("Max", [part, none], own), power, own))
        return graph.node("Sub", roots, f"{name}_back")


def _unit(graph: Graph, name: str) -> str:
    return graph.array(f"{name}_one", np.array([1.0]))


def _root_nodes(graph: Graph, values: str, power: float, name: str) -> str:
    """Add `_unpowered` of float64 values, which are not negative."""
    unit, logs = _unit(graph, name), values
    if power:
        factor = graph.array(f"{name}_power", np.array([power]))
        raised = graph.node(
            "Add", [graph.node("Mul", [values, factor], f"{name}_product"), unit], f"{name}_raised"
        )
        positive = graph.node(
            "Max", [raised, graph.array(f"{name}_least", np.array([0.0]))], f"{name}_positive"
        )
        logs = graph.node("Div", [graph.node("Log", [positive], f"{name}_log"), factor], f"{name}_root")
    return graph.node("Sub", [graph.node("Exp", [logs], f"{name}_exp"), unit], f"{name}_unpowered")


def _bounds(signs_N: Floats, logs_N: Floats) -> tuple[float, float]:
    """Give the lowest and the highest power with which numbers keep their digits and stay finite."""
    most, least = (float(logs_N[part_N].max(initial=0)) for part_N in (signs_N >= 0, signs_N < 0))
    low = max(_bound(-_DIGITS, most), 2 + _bound(-_LARGEST, least), -_STEEPEST)
    return low, min(_bound(_LARGEST, most), 2 + _bound(_DIGITS, least), _STEEPEST)


def _bound(logarithm: float, largest: float) -> float:
    """Give the power at which the largest 1 + |y| has a logarithm; none, where there is no such y."""
    return logarithm / largest if largest else math.copysign(math.inf, logarithm)


def _powered(values_N: Floats, power: float) -> Floats:
    """Give ((1 + v)**power - 1) / power, or its limit at power 0, of v that are not negative."""
    logs_N = log1p(values_N)
    return np.asarray(expm1(power * logs_N) / power if power else logs_N)


def _unpowered(values_N: Floats, power: float) -> Floats:
    """Undo `_powered`; infinite from the bound -1 / power on, which a negative power has."""
    logs_N = log1p(np.maximum(power * values_N, -1)) / power if power else values_N
    return np.asarray(expm1(logs_N))


def _unlikelihood(power: float, signs_N: Floats, logs_N: Floats) -> float:
    """Give the negative logarithm of the likelihood of a power, less a constant, a row.

    `logs_N` are those of 1 + |y|. Powers are divided by the largest one before their variance is taken, which neither
    overflows nor vanishes so.
    """
    below_N = signs_N < 0
    power_N = np.where(below_N, 2 - power, power)
    raised_N = power_N * logs_N
    one_sign = bool(below_N.all() or not below_N.any())  # then the 1 that is taken off changes no variance
    largest = float(raised_N.max()) if one_sign else max(float(raised_N.max()), 0.0)
    part_N = exp(raised_N - largest) - (0.0 if one_sign else math.exp(-largest))
    with np.errstate(divide="ignore", invalid="ignore"):
        part_N = np.where(power_N == 0, logs_N * math.exp(-largest), part_N / power_N)
    variance = float(np.var(np.where(below_N, -part_N, part_N)))
    if variance < np.finfo(np.float64).tiny:
        return math.inf
    return math.log(variance) / 2 + largest - (power - 1) * float(np.mean(signs_N * logs_N))


TRANSFORMS: Final[dict[str, type[TargetTransform]]] = {
    transform.kind: transform for transform in (Log, Log1p, YeoJohnson)
}
