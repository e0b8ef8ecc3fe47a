"""Dense layers. Letters: N rows, D inputs, U units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.kinds import Takes
from shoal.nets._activations import activation_parts
from shoal.nets._layer import (
    DROPOUT_CALLS,
    DROPPED_UNIT,
    LAYER_CALLS,
    LayerStep,
    Part,
    Shape,
    StepCost,
    weight_and_bias,
)
from shoal.nets.layers.norm import norm_of

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts

MULTIPLY_ADD: Final[dict[Takes, float]] = {"table": 8.1e-6, "images": 9.36e-6}
UNIT: Final[dict[Takes, float]] = {"table": 4e-4, "images": 0.0}
"""Costs of a multiply-add and of a unit for each row, forwards and backwards, by what the network takes: measured apart
in networks of dense layers alone and behind convolutions."""


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer of `units`, then (if hidden) a norm, activation, dropout. See `ConvLayer` of defaults."""

    kind: ClassVar[str] = "dense"
    takes: ClassVar[Takes] = "table"

    name: str
    inputs: int
    units: int
    activation: str
    dropout: float
    batch_norm: bool
    layer_norm: bool = False

    @property
    def weight_shape(self) -> Shape:
        """Torch's shape of the weight: (units, inputs)."""
        return (self.units, self.inputs)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one row's forward pass."""
        return self.units * self.inputs

    @property
    def numbers(self) -> int:
        """A number a unit."""
        return self.units

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """A sum a unit."""
        return (LayerStep("dense", (self.units,)),)

    @property
    def mask_shape(self) -> Shape:
        """A draw a unit."""
        return (self.units,)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Weight and bias; then those of the norm."""
        norm = norm_of(self)
        return (*weight_and_bias(self.weight_shape), *(norm.parts(self.units) if norm else ()))

    @property
    def buffers(self) -> tuple[Part, ...]:
        """The norm's running statistics."""
        norm = norm_of(self)
        return norm.buffers(self.units) if norm else ()

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:  # noqa: ARG002
        """Its products and its units; the first is charged like the others."""
        drops, norm = self.dropout > 0, norm_of(self)
        calls = LAYER_CALLS + DROPOUT_CALLS * drops + (norm.step_calls[takes] if norm else 0.0)
        row = UNIT[takes] * self.units + MULTIPLY_ADD[takes] * self.multiply_adds
        return StepCost(calls, row + DROPPED_UNIT * self.units * drops)

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """Torch's own layers by name, each only if it does something."""
        modules: dict[str, nn.Module] = {self.name: torch.nn.Linear(self.inputs, self.units)}
        if norm := norm_of(self):
            modules[f"{self.name}_norm"] = norm.of_torch(torch, (self.units,))
        modules |= activation_parts(torch, self.name, self.activation)
        if self.dropout:
            modules[f"{self.name}_dropout"] = torch.nn.Dropout(self.dropout)
        return modules

    def output(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        """Outputs (N, U) for inputs (N, D), in their dtype."""
        return activation_of(self.activation).numpy(self.sums(named, x)).astype(x.dtype, copy=False)

    def pulled_back(
        self, named: Mapping[str, NDArray[Any]], x: NDArray[Any], gradient_NU: NDArray[Any]
    ) -> NDArray[Any]:
        """Gradient (N, D) by inputs (N, D), in their dtype."""
        sum_NU = self._weighted(named, x)
        normed_NU = self._normed(named, sum_NU)
        gradient_NU = gradient_NU * activation_of(self.activation).derivative(normed_NU)
        if norm := norm_of(self):
            gradient_NU = norm.pulled_back(self.name, named, sum_NU, gradient_NU)
        return np.asarray(gradient_NU @ named[f"{self.name}.weight"].astype(x.dtype), x.dtype)

    def sums(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        """What the activation is given, (N, U)."""
        return self._normed(named, self._weighted(named, x))

    def _weighted(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        """Its sums, before any norm."""
        weight, bias = (named[f"{self.name}.{part}"].astype(x.dtype) for part in ("weight", "bias"))
        sum_NU = x @ weight.T
        sum_NU += bias  # in place, as all rows pass at once
        return np.asarray(sum_NU)

    def _normed(self, named: Mapping[str, NDArray[Any]], sum_NU: NDArray[Any]) -> NDArray[Any]:
        norm = norm_of(self)
        return norm.output(self.name, named, sum_NU) if norm else sum_NU

    def nodes(self, graph: GraphParts, x: str) -> str:
        """Add its ONNX nodes."""
        x = graph.node(
            "Gemm", [x, f"{self.name}.weight", f"{self.name}.bias"], f"{self.name}_sum", {"transB": 1}
        )
        if norm := norm_of(self):
            x = norm.nodes(graph, self.name, x, (self.units,))
        return activation_of(self.activation).onnx(graph, x, self.name)


LAYER = DenseLayer
