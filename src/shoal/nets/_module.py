"""The same network as an ordinary torch.nn.Module: torch's own layers, under the names of the slots."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.errors import InputError
from shoal.extras import is_there, needed
from shoal.nets._architecture import Architecture

if TYPE_CHECKING:
    from torch import nn


def build_module(architecture: Architecture) -> nn.Sequential:
    """Build the module; its state_dict has the names of `architecture.slots` and `buffer_slots`.

    Parameters are left as torch makes them: set them from a flat vector through `architecture.named`.
    """
    from torch import nn

    modules: OrderedDict[str, nn.Module] = OrderedDict()
    takes = architecture.takes
    for layer in architecture.layers:
        if layer.takes != takes:
            modules["flatten"], takes = nn.Flatten(), layer.takes
        modules |= layer.modules()
    return nn.Sequential(modules)


def trained_module(architecture: Architecture, named: Mapping[str, NDArray[Any]]) -> nn.Sequential:
    """Build the module with parameters and buffers of its own, copied from `named`; in evaluation mode.

    Raises InputError where torch is missing.
    """
    if not is_there("torch"):
        raise InputError(f"a torch.nn.Module {needed('torch')}")
    import torch

    module = build_module(architecture)
    state = {name: torch.from_numpy(np.array(array)) for name, array in named.items()}
    kinds = {array.dtype for array in state.values() if array.is_floating_point()}
    module.to(kinds.pop()).load_state_dict(module.state_dict() | state)
    return module.eval()


def module_source(architecture: Architecture) -> list[tuple[str, str]]:
    """Give (name, call) of every layer of `build_module`: torch's own words for it, such as "nn.ReLU()"."""
    children = build_module(architecture).named_children()
    return [(name, ("" if _is_ours(layer) else "nn.") + repr(layer)) for name, layer in children]


def module_classes(architecture: Architecture) -> list[str]:
    """Give the text of every class of layers of `build_module` that is not torch's own."""
    classes = {type(layer): None for layer in build_module(architecture) if _is_ours(layer)}
    return [_text_of(made) for made in classes]


def _is_ours(layer: nn.Module) -> bool:
    return not type(layer).__module__.startswith("torch.")


def _text_of(made: type) -> str:
    """Give the text of a class as it stands in its file, without what is said there to the type checker."""
    lines = inspect.getsource(made).rstrip().splitlines()
    indent = lines[0].partition("class")[0]
    return "\n".join(line.removeprefix(indent).partition("  # type:")[0] for line in lines)
