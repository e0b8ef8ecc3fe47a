"""The same network as an ordinary torch.nn.Module: torch's own layers, under the names of the slots."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture
from shoal.nets.layers.skip import residual_class

if TYPE_CHECKING:
    from torch import nn


MAP_PARTS: Final = ("", "_norm", "_skip", "_activation")
"""What is behind a convolution's name in those of the modules that make its feature maps."""


def build_module(architecture: Architecture) -> nn.Sequential:
    """Build the module; its state_dict has the names of `architecture.slots` and `buffer_slots`.

    Parameters are left as torch makes them: set them from a flat vector through `architecture.named`.
    """
    from torch import nn

    container = residual_class() if any(layer.skip for layer in architecture.convolutions) else nn.Sequential
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    takes = architecture.takes
    for layer in architecture.layers:
        if (takes, layer.takes) == ("images", "table"):
            modules["flatten"] = nn.Flatten()
        takes = layer.takes
        modules |= layer.modules()
    return container(modules)


def trained_module(architecture: Architecture, named: Mapping[str, NDArray[Any]]) -> nn.Sequential:
    """Build the module with parameters and buffers of its own, copied from `named`; in evaluation mode."""
    import torch

    module = build_module(architecture)
    state = {name: torch.from_numpy(np.array(array)) for name, array in named.items()}
    kinds = {array.dtype for array in state.values() if array.is_floating_point()}
    module.to(kinds.pop()).load_state_dict(module.state_dict() | state)
    return module.eval()


def module_source(architecture: Architecture) -> tuple[str, list[tuple[str, str]]]:
    """Give the class of what `build_module` builds, and (name, call) of every layer: torch's words, as "nn.ReLU()"."""
    module = build_module(architecture)
    calls = [(name, _class_words(layer) + repr(layer)) for name, layer in module.named_children()]
    return _class_words(module) + type(module).__name__, calls


def _class_words(layer: nn.Module) -> str:
    return "" if _is_ours(layer) else "nn."


def module_classes(architecture: Architecture) -> list[str]:
    """Give the text of every class of `build_module` and of its layers that is not torch's own."""
    module = build_module(architecture)
    classes = {type(layer): None for layer in (*module, module) if _is_ours(layer)}
    return [_text_of(made) for made in classes]


def _is_ours(layer: nn.Module) -> bool:
    return not type(layer).__module__.startswith("torch.")


def _text_of(made: type) -> str:
    """Give the text of a class as it stands in its file, without what is said there to the type checker."""
    lines = inspect.getsource(made).rstrip().splitlines()
    indent = lines[0].partition("class")[0]
    return "\n".join(line.removeprefix(indent).partition("  # type:")[0] for line in lines)
