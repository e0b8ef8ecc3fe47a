"""The same network as an ordinary torch.nn.Module: torch's own layers, under the names of the slots."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import InputError
from shoal.extras import is_there, needed
from shoal.nets._architecture import Architecture
from shoal.nets.layers.skip import residual_class

if TYPE_CHECKING:
    from torch import nn


MAP_PARTS: Final = ("", "_norm", "_skip", "_activation")
"""What is behind a convolution's name in those of the modules that make its feature maps."""


def build_module(architecture: Architecture) -> nn.Module:
    """Build the module; its state_dict has the names of `architecture.slots` and `buffer_slots`.

    Parameters are left as torch makes them: set them from a flat vector through `architecture.named`. Raises InputError
    where torch is missing.
    """
    if not is_there("torch"):
        raise InputError(f"a torch.nn.Module {needed('torch')}")
    import torch

    if architecture.own is not None:
        return architecture.own.network.build(architecture.outputs)
    layers, residual = OrderedDict(_modules(architecture, torch)), _is_residual(architecture)
    return residual_class(torch)(layers) if residual else torch.nn.Sequential(layers)


def _is_residual(architecture: Architecture) -> bool:
    return any(layer.skip for layer in architecture.convolutions)


def _modules(architecture: Architecture, torch: Any) -> dict[str, Any]:
    """Build all layers by name, of torch or of what writes them down."""
    modules: dict[str, Any] = {}
    takes = architecture.takes
    for layer in architecture.layers:
        if (takes, layer.takes) == ("images", "table"):
            modules["flatten"] = torch.nn.Flatten()
        takes = layer.takes
        modules |= layer.modules(torch)
    return modules


def trained_module(architecture: Architecture, named: Mapping[str, NDArray[Any]]) -> nn.Module:
    """Build the module with parameters and buffers of its own, copied from `named`; in evaluation mode."""
    module = build_module(architecture)
    import torch

    state = {name: torch.from_numpy(np.array(array)) for name, array in named.items()}
    kinds = {array.dtype for array in state.values() if array.is_floating_point()}
    module.to(kinds.pop()).load_state_dict(module.state_dict() | state)
    return module.eval()


def module_source(architecture: Architecture) -> tuple[str, list[tuple[str, str]]]:
    """Give the class of what `build_module` builds, and (name, call) of every layer: torch's words, as "nn.ReLU()".

    Torch itself is not needed.
    """
    container = "Residual" if _is_residual(architecture) else "nn.Sequential"
    return container, [(name, repr(layer)) for name, layer in _modules(architecture, _Written).items()]


def module_classes(architecture: Architecture) -> list[str]:
    """Give the text of every class of `build_module` and of its layers that is not torch's own."""
    made: list[Any] = [type(layer) for layer in _modules(architecture, _Written).values()]
    made += [residual_class(_Written)] * _is_residual(architecture)
    return [_text_of(own) for own in dict.fromkeys(made) if own.__module__ != __name__]


class _Call:
    """A layer that is written down: the call that makes it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._arguments = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in named.items())]

    def __repr__(self) -> str:
        return f"nn.{type(self).__name__}({', '.join(self._arguments)})"


class _Names:
    """Every name of a layer of torch as a class of calls, one and the same each time."""

    def __init__(self) -> None:
        self._classes: dict[str, type[_Call]] = {}

    def __getattr__(self, name: str) -> type[_Call]:
        return self._classes.setdefault(name, type(name, (_Call,), {}))


class _Written:
    """What stands in for torch where layers are only written down."""

    nn = _Names()
    zeros = _Call


def _text_of(made: type) -> str:
    """Give the text of a class as it stands in its file, without what is said there to the type checker."""
    lines = inspect.getsource(made).rstrip().splitlines()
    indent = lines[0].partition("class")[0]
    return "\n".join(line.removeprefix(indent).partition("  # type:")[0] for line in lines)
