"""People's own modules, losses and optimisers: what their program hands over, and what is made of it.

Nothing of it is ever read from a file. Letters: N rows, K outputs.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from shoal.errors import InputError, kind_of
from shoal.extras import is_there, needed
from shoal.wording import counted, did_you_mean, listed, quoted

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shoal.nets._own_source import Source

_DRAWING: Final = threading.RLock()
"""Torch has one generator a process: whoever draws from it does so alone."""
EXACT: Final = 2**24
"""Up to here every whole number is one in float32 too."""
PYTHON: Final = str(sys.implementation.cache_tag)
"""What names the kind and minor version of this Python, on which code hangs as it is compiled."""


@contextlib.contextmanager
def own_draws() -> Iterator[Callable[[int], Any]]:
    """Have torch's generators to oneself, and give back what they were; a call seeds them all.

    Raises InputError where torch is missing.
    """
    if not is_there("torch"):
        raise InputError(f"module: a torch.nn.Module {needed('torch')}")
    import torch

    with _DRAWING:
        cuda: Any = torch.cuda if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
        before, of_cuda = torch.get_rng_state(), cuda.get_rng_state_all() if cuda else ()
        try:
            yield torch.manual_seed if cuda else torch.default_generator.manual_seed
        finally:
            torch.set_rng_state(before)
            if cuda:
                cuda.set_rng_state_all(of_cuda)


@dataclass(frozen=True, eq=False)
class Recipe:
    """A class or function of a person's own, and the keywords that it is called with; `name` is its parameter's."""

    name: str
    make: Callable[..., Any]
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is called."""
        made: Any = getattr(self.make, "func", self.make)  # of a partial
        return str(getattr(made, "__qualname__", type(made).__name__)).rpartition(".")[2]

    @property
    def fixed(self) -> Mapping[str, Any]:
        """The keywords that a partial calls it with, and that so are no longer open."""
        return self.make.keywords if isinstance(self.make, partial) else {}

    @cached_property
    def takes(self) -> Mapping[str, inspect.Parameter]:
        """The keywords that it may be called with; none where that cannot be read."""
        try:
            parameters = inspect.signature(self.make).parameters
        except (TypeError, ValueError):
            return {}
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
        return {name: parameter for name, parameter in parameters.items() if parameter.kind not in positional}

    @property
    def takes_any(self) -> bool:
        """Whether it takes keywords of any name."""
        kinds = [parameter.kind for parameter in self.takes.values()]
        return not kinds or inspect.Parameter.VAR_KEYWORD in kinds

    def __getstate__(self) -> dict[str, Any]:
        """Send what a person gave, and nothing that was read of it."""
        return {name: vars(self)[name] for name in ("name", "make", "keywords")}

    def refuse_strange(self) -> None:
        """Raise InputError for a keyword that it does not take."""
        for keyword in self.keywords if not self.takes_any else ():
            if keyword not in self.takes:
                known = listed([*map(quoted, self.takes)], "or")
                hint = did_you_mean(keyword, [*self.takes], quoted)
                what = f"expected a parameter of {self.title} ({known})"
                raise InputError(f"{self.name}__{keyword}: {what}, got {quoted(keyword)}{hint}")


@dataclass(frozen=True, eq=False)
class OwnModule:
    """A person's own module, and perhaps a loss and an optimiser of their own."""

    module: Recipe
    criterion: Recipe | None = None
    optimizer: Recipe | None = None

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """All that is there."""
        return tuple(recipe for recipe in (self.module, self.criterion, self.optimizer) if recipe)

    @property
    def said(self) -> str:
        """Name it, and its source."""
        if self.source.unknown:
            return f"{self.module.title}, whose source is not known: {self.source.unknown}"
        return f"{self.module.title}, whose source has the SHA-256 {self.source.digest}"

    @cached_property
    def travels(self) -> bool:
        """Whether another process can be sent it: by the names of what it is made of, none of the program itself."""
        from multiprocessing.reduction import ForkingPickler

        try:
            sent = bytes(ForkingPickler.dumps(self.recipes))
        except Exception:  # whatever a class of somebody's raises when it is written down
            return False
        return b"__main__" not in sent

    @cached_property
    def source(self) -> Source:
        """What it is, by its source."""
        from shoal.nets._own_source import source_of

        return source_of(self.recipes)

    def __getstate__(self) -> dict[str, Any]:
        """Send what a person gave, and nothing that was made of it."""
        return {name: vars(self)[name] for name in ("module", "criterion", "optimizer")}


@dataclass(frozen=True)
class InputPart:
    """One input of a module: the name by which its `forward` takes it, empty where there is one alone, and the shape
    of a row. One of `whole` numbers is given as int64, as embeddings take them.
    """

    name: str
    shape: tuple[int, ...]
    whole: bool = False

    @property
    def size(self) -> int:
        """Numbers of a row."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A person's own module for rows of such inputs; `classes` where it learns one class a row."""

    own: OwnModule
    inputs: tuple[InputPart, ...]
    classes: bool = False
    normed: str = "none"
    layouts: dict[Any, Any] = field(default_factory=dict)
    identities: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Its layers, and what it is, by its outputs, each made once."""

    def __getstate__(self) -> dict[str, Any]:
        """Send what makes it, without layers that hold it."""
        return {**vars(self), "layouts": {}}

    @property
    def input_shape(self) -> Any:
        """The shape of a row, or of each of several inputs by name."""
        shapes = {part.name: part.shape for part in self.inputs}
        return shapes[""] if [*shapes] == [""] else shapes

    @cached_property
    def plain(self) -> bool:
        """Whether it takes rows of numbers as they are."""
        return [(part.name, len(part.shape), part.whole) for part in self.inputs] == [("", 1, False)]

    @property
    def size(self) -> int:
        """Numbers of a row, of all inputs."""
        return sum(part.size for part in self.inputs)

    def with_inputs(self, inputs: int) -> OwnNetwork:
        """Give the same module for rows of so many numbers, where they are a row of a table."""
        parts = self.inputs if self.size == inputs else (InputPart("", (inputs,)),)
        return OwnNetwork(self.own, parts, self.classes)

    def sizes(self, outputs: int) -> dict[str, Any]:
        """Give what a module may ask for by the names of its parameters."""
        sizes = {"in_features": self.size, "input_shape": self.input_shape, "out_features": outputs}
        if isinstance(self.input_shape, tuple) and len(self.input_shape) > 1:
            sizes["in_channels"] = self.input_shape[0]
        return sizes | ({"n_classes": outputs} if self.classes else {})

    def keywords(self, outputs: int) -> dict[str, Any]:
        """Give what the module is made with: the sizes that it asks for, and what was said."""
        recipe = self.own.module
        open_names = recipe.takes.keys() - recipe.fixed.keys()
        asked = {name: value for name, value in self.sizes(outputs).items() if name in open_names}
        return asked | dict(recipe.keywords)

    def code(self, outputs: int) -> Source:
        """Name what makes the module by its code and by all that it is made with, whether said or by default."""
        from shoal.nets._own_source import source_of

        recipe, empty = self.own.module, inspect.Parameter.empty
        defaults = {name: of.default for name, of in recipe.takes.items() if of.default is not empty}
        made_with = dict(sorted((defaults | self.keywords(outputs)).items()))
        return source_of([Recipe(recipe.name, recipe.make, made_with)], written=False)

    def build(self, outputs: int) -> nn.Module:
        """Make the module, in training mode; it draws its first weights from torch's generator.

        Raises InputError where it is none, takes other keywords, or needs some that nobody gave.
        """
        from torch import nn

        recipe = self.own.module
        if not callable(recipe.make) or isinstance(recipe.make, nn.Module):
            got = (
                f"{kind_of(recipe.make)} that is there already"
                if callable(recipe.make)
                else kind_of(recipe.make)
            )
            raise InputError(f"module: expected a class or function that makes a torch.nn.Module, got {got}")
        recipe.refuse_strange()
        keywords = self.keywords(outputs)
        for name, parameter in recipe.takes.items():
            fixed = parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
            if parameter.default is inspect.Parameter.empty and name not in keywords and not fixed:
                known = listed([*self.sizes(outputs)])
                what = f"expected a value, since {recipe.title} has none by itself and only {known} are known"
                raise InputError(f"module__{name}: {what}, got none")
        made = recipe.make(**keywords)
        if not isinstance(made, nn.Module):
            raise InputError(
                f"module: expected {recipe.title} to make a torch.nn.Module, got {kind_of(made)}"
            )
        return made.train()

    def identity(self, outputs: int) -> dict[str, Any]:
        """Say what it is, for the name of a fit: its source, its first weights, its inputs and the version of torch."""
        import torch

        if outputs not in self.identities:
            self.identities[outputs] = {
                "source": self.own.source.digest,
                "first": self.first_digest(outputs),
                "inputs": [[part.name, list(part.shape), part.whole] for part in self.inputs],
                "torch": torch.__version__,
            }
        return self.identities[outputs]

    def first_digest(self, outputs: int) -> str:
        """Give the SHA-256 of its weights as they are drawn from one seed."""
        import hashlib

        with own_draws() as seed:
            seed(0)
            arrays = arrays_of(self.build(outputs))
        digest = hashlib.sha256()
        for name, tensor in sorted({**arrays.trained, **arrays.others}.items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class ModuleArrays:
    """The entries of a module's state_dict: those that are trained, and the others (running statistics, frozen ones).

    A name of a parameter that has another name too is one of the others.
    """

    trained: Mapping[str, Tensor]
    others: Mapping[str, Tensor]


def numbers_of(tensor: Tensor) -> NDArray[Any]:
    """Give an array of a module as floats: whole numbers, such as counts of batches, as far as these hold them.

    Raises ValueError for larger ones.
    """
    import torch

    tensor = tensor.detach().cpu()
    if not tensor.is_floating_point() and tensor.numel() and int(tensor.to(torch.int64).abs().max()) > EXACT:
        raise ValueError(f"module: expected whole numbers up to {EXACT:,} in its state_dict, got larger ones")
    floats = tensor.to(torch.float64 if tensor.dtype == torch.float64 else torch.float32)
    array: NDArray[Any] = floats.numpy()
    return array


def arrays_of(module: nn.Module) -> ModuleArrays:
    """Take a module's arrays by name, in the order of its own. Raises InputError for what no file of arrays holds."""
    import torch

    trained = {name: tensor for name, tensor in module.named_parameters() if tensor.requires_grad}
    others = {}
    for name, value in module.state_dict(keep_vars=True).items():
        if not isinstance(value, torch.Tensor) or value.is_complex():
            raise InputError(
                f"module: expected real numbers in each entry of its state_dict, got others in {name}"
            )
        if torch.nn.parameter.is_lazy(value):
            raise InputError(f"module: expected layers of known sizes, got a lazy one with {name}")
        if name not in trained:
            others[name] = value
    if not trained:
        got = f"{counted(len(others), 'array')}, none of which asks for a gradient (requires_grad)"
        raise InputError(f"module: expected a parameter to train, got {got}")
    return ModuleArrays(trained, others)
