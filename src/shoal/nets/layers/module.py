"""A person's own module, as the one layer of its network: its arrays have the names of its state_dict.

Letters: N rows, U units.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from numpy.typing import NDArray

from shoal.errors import InputError
from shoal.kinds import Takes
from shoal.nets._layer import LAYER_CALLS, LayerStep, Part, Shape, StepCost
from shoal.nets._own_module import PYTHON, ModuleArrays, OwnNetwork, arrays_of, own_draws
from shoal.nets.layers.dense import MULTIPLY_ADD
from shoal.wording import listed, quoted

if TYPE_CHECKING:
    from torch import nn

    from shoal.nets._graph import GraphParts


@dataclass(frozen=True)
class ModuleLayer:
    """A module whose arrays are `parts`, which are trained, and `buffers`; `takes` what the rows of a study are."""

    kind: ClassVar[str] = "module"
    name: ClassVar[str] = ""
    activation: ClassVar[str] = "identity"
    dropout: ClassVar[float] = 0.0
    batch_norm: ClassVar[bool] = False
    layer_norm: ClassVar[bool] = False

    network: OwnNetwork = field(compare=False)
    units: int
    parts: tuple[Part, ...]
    buffers: tuple[Part, ...]
    takes: Takes

    @classmethod
    def of(cls, network: OwnNetwork, units: int, takes: Takes) -> Self:
        """Read what arrays a module has, from one that is made. Raises InputError where it cannot be trained."""
        with own_draws() as seed:
            seed(0)
            module = network.build(units)
        _refuse_other_inputs(network, module)
        arrays = arrays_of(module)
        parts, buffers = (
            tuple(Part(name, tuple(array.shape), "own", finite=finite) for name, array in named.items())
            for named, finite in ((arrays.trained, True), (arrays.others, False))
        )
        return cls(network, units, parts, buffers, takes)

    def made(self) -> nn.Module:
        """Make the module anew. Raises InputError where its arrays are not those of when it was laid out."""
        module = self.network.build(self.units)
        self.arrays(module)
        return module

    def arrays(self, module: nn.Module) -> ModuleArrays:
        """Give the arrays of a module that was made. Raises InputError where they are not those of when it was laid
        out: a layer was made since, or frozen, or has other sizes each time.
        """
        arrays = arrays_of(module)
        shapes = {part.suffix: part.shape for part in (*self.parts, *self.buffers)}
        was = _said(shapes, {part.suffix for part in self.parts})
        named = {**arrays.trained, **arrays.others}
        now = _said({name: tuple(array.shape) for name, array in named.items()}, arrays.trained.keys())
        for name in sorted(was.keys() | now.keys()):
            if was.get(name) != now.get(name):
                what = f"expected {self.network.own.module.title} to keep its arrays, however often it is made and used"
                got = f"for {name} {now.get(name, 'none')} where there was {was.get(name, 'none')}"
                raise InputError(f"module: {what}, got {got}")
        return arrays

    @property
    def described(self) -> dict[str, Any]:
        """Say as JSON values what a file holds of it: its arrays, what names its code, and what makes it of a module
        that is given to it.
        """
        network, code = self.network, self.network.code(self.units)
        return {
            "name": network.own.module.title,
            "code": "" if code.unknown else f"{PYTHON} {code.digest}",
            "inputs": [[part.name, list(part.shape), part.whole] for part in network.inputs],
            "classes": network.classes,
            "takes": self.takes,
            "trained": [[part.suffix, list(part.shape)] for part in self.parts],
            "others": [[part.suffix, list(part.shape)] for part in self.buffers],
        }

    @property
    def inputs(self) -> int:
        """Numbers of a row."""
        return self.network.size

    @property
    def multiply_adds(self) -> int:
        """One for each number that is trained: what a module makes of them nobody else knows."""
        return sum(math.prod(part.shape) for part in self.parts)

    @property
    def numbers(self) -> int:
        """Its outputs, and a number for each that enters."""
        return self.units + self.inputs

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """All of it at once."""
        return (LayerStep(self.network.own.module.title, (self.units,)),)

    @property
    def mask_shape(self) -> Shape:
        """A draw a unit."""
        return (self.units,)

    def step_cost(self, takes: Takes, *, first: bool) -> StepCost:  # noqa: ARG002
        """As that of dense layers of as many arrays and parameters."""
        return StepCost(LAYER_CALLS * len(self.parts), MULTIPLY_ADD[takes] * self.multiply_adds)

    def modules(self, torch: Any) -> dict[str, nn.Module]:
        """The whole network, which has no name within itself. Raises InputError where it is only to be written down."""
        if not isinstance(getattr(torch, "__version__", None), str):
            self._nowhere("written down as text")
        return {"": self.made()}

    def output(self, named: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """Raise InputError: there is no pass in numpy."""
        self._nowhere("asked without torch")

    def pulled_back(
        self,
        named: Mapping[str, NDArray[Any]],  # noqa: ARG002
        x: NDArray[Any],  # noqa: ARG002
        gradient_NU: NDArray[Any],  # noqa: ARG002
    ) -> NDArray[Any]:
        """Raise InputError: there is no pass in numpy."""
        self._nowhere("asked without torch")

    def nodes(self, graph: GraphParts, x: str) -> str:  # noqa: ARG002
        """Raise InputError: what it computes is not known."""
        self._nowhere("written as ONNX; torch.onnx.export does that")

    def _nowhere(self, what: str) -> NoReturn:
        raise InputError(
            f"module: {self.network.own.module.title} is a module of its own, and cannot be {what}"
        )


def _refuse_other_inputs(network: OwnNetwork, module: nn.Module) -> None:
    """Refuse inputs by names that the module's forward does not have. Raises InputError."""
    names = [part.name for part in network.inputs if part.name]
    parameters = inspect.signature(module.forward).parameters if names else {}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    strange = [] if takes_any else [name for name in names if name not in parameters]
    if strange:
        known = listed([*map(quoted, parameters)], "or")
        title = network.own.module.title
        raise InputError(
            f"X: expected inputs by the names of the forward of {title} ({known}), got {quoted(strange[0])}"
        )


def _said(shapes: Mapping[str, tuple[int, ...]], trained: Collection[str]) -> dict[str, str]:
    """Say of arrays, by name, what tells them from others."""
    return {
        name: f"a {'trained' if name in trained else 'fixed'} one of shape {shape}"
        for name, shape in shapes.items()
    }


LAYER = ModuleLayer
