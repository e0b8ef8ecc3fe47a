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
from shoal.nets.layers import norm

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts

MULTIPLY_ADD: Final[dict[Takes, float]] = {"table": 8.1e-6, "images": 9.36e-6}
UNIT: Final[dict[Takes, float]] = {"table": 4e-4, "images": 0.0}
"""Costs of a multiply-add and of a unit for each row, forwards and backwards, by what the network takes: measured apart
in networks of dense layers alone and behind convolutions."""


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer of `units`, then (if hidden) batch norm, activation, dropout."""

    kind: ClassVar[str] = "dense"
    takes: ClassVar[Takes] = "table"

    name: str
    inputs: int
    units: int
    activation: str
    dropout: float
    batch_norm: bool

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
        normed = norm.parts(self.units) if self.batch_norm else ()
        return (*weight_and_bias(self.weight_shape), *normed)

    @property
    def buffers(self) -> tuple[Part, ...]:
        """The norm's running statistics."""
        return norm.buffers(self.units) if self.batch_norm else ()

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:  # noqa: ARG002
        """Its products and its units; the first is charged like the others."""
        drops = self.dropout > 0
        calls = LAYER_CALLS + DROPOUT_CALLS * drops + norm.STEP_CALLS[takes] * self.batch_norm
        row = UNIT[takes] * self.units + MULTIPLY_ADD[takes] * self.multiply_adds
        return StepCost(calls, row + DROPPED_UNIT * self.units * drops)

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """Torch's own layers by name, each only if it does something."""
        nn = torch.nn
        modules: dict[str, nn.Module] = {self.name: nn.Linear(self.inputs, self.units)}
        if self.batch_norm:
            modules[f"{self.name}_norm"] = nn.BatchNorm1d(self.units)
        modules |= activation_parts(torch, self.name, self.activation)
        if self.dropout:
            modules[f"{self.name}_dropout"] = nn.Dropout(self.dropout)
        return modules

    def output(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        """Outputs (N, U) for inputs (N, D), in their dtype."""
        return activation_of(self.activation).numpy(self.sums(named, x)).astype(x.dtype, copy=False)

    def pulled_back(
        self, named: Mapping[str, NDArray[Any]], x: NDArray[Any], gradient_NU: NDArray[Any]
    ) -> NDArray[Any]:
        """Gradient (N, D) by inputs (N, D), in their dtype."""
        gradient_NU = gradient_NU * activation_of(self.activation).derivative(self.sums(named, x))
        if self.batch_norm:
            gradient_NU = gradient_NU * norm.scale(self.name, named, x.dtype)
        return np.asarray(gradient_NU @ named[f"{self.name}.weight"].astype(x.dtype), x.dtype)

    def sums(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        """What the activation is given, (N, U)."""
        weight, bias = (named[f"{self.name}.{part}"].astype(x.dtype) for part in ("weight", "bias"))
        sum_NU = x @ weight.T
        sum_NU += bias  # in place, as all rows pass at once
        return norm.output(self.name, named, sum_NU) if self.batch_norm else np.asarray(sum_NU)

    def nodes(self, graph: GraphParts, x: str) -> str:
        """Add its ONNX nodes."""
        x = graph.node(
            "Gemm", [x, f"{self.name}.weight", f"{self.name}.bias"], f"{self.name}_sum", {"transB": 1}
        )
        if self.batch_norm:
            x = norm.node(graph, self.name, x)
        return activation_of(self.activation).onnx(graph, x, self.name)


LAYER = DenseLayer
