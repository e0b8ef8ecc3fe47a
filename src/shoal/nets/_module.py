"""The same network as an ordinary torch.nn.Module: torch's own layers, under the names of the slots."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.nets._activations import activation_module
from shoal.nets._architecture import Architecture, ConvLayer, Layer

if TYPE_CHECKING:
    from torch import nn


def build_module(architecture: Architecture) -> nn.Sequential:
    """Build the module; its state_dict has the names of `architecture.slots` and `buffer_slots`.

    Parameters are left as torch makes them: set them from a flat vector through `architecture.named`.
    """
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    previous: Layer | None = None
    for layer in architecture.layers:
        if isinstance(layer, ConvLayer):
            layers[layer.name] = nn.Conv2d(
                layer.inputs, layer.units, layer.kernel, layer.stride, layer.padding, groups=layer.groups
            )
        else:
            if isinstance(previous, ConvLayer):
                layers["flatten"] = nn.Flatten()
            layers[layer.name] = nn.Linear(layer.inputs, layer.units)
        layers |= _after(layer)
        previous = layer
    return nn.Sequential(layers)


def trained_module(architecture: Architecture, named: Mapping[str, NDArray[Any]]) -> nn.Sequential:
    """Build the module with parameters and buffers of its own, copied from `named`; in evaluation mode."""
    import torch

    module = build_module(architecture)
    state = {name: torch.from_numpy(np.array(array)) for name, array in named.items()}
    kinds = {array.dtype for array in state.values() if array.is_floating_point()}
    module.to(kinds.pop()).load_state_dict(module.state_dict() | state)
    return module.eval()


def module_source(architecture: Architecture) -> list[tuple[str, str]]:
    """Give (name, call) of every layer of `build_module`: torch's own words for it, such as "ReLU()"."""
    return [(name, repr(layer)) for name, layer in build_module(architecture).named_children()]


def _after(layer: Layer) -> dict[str, nn.Module]:
    """Norm, activation, pooling and dropout of one layer, in this order, each only if it does something."""
    from torch import nn

    conv = isinstance(layer, ConvLayer)
    parts: dict[str, nn.Module] = {}
    if layer.batch_norm:
        parts[f"{layer.name}_norm"] = (nn.BatchNorm2d if conv else nn.BatchNorm1d)(layer.units)
    if layer.activation != "identity":
        parts[f"{layer.name}_activation"] = activation_module(layer.activation)
    if isinstance(layer, ConvLayer) and layer.pool != "none":
        pool = nn.MaxPool2d if layer.pool == "max" else nn.AvgPool2d
        parts[f"{layer.name}_pool"] = pool(layer.pool_size, layer.pool_stride)
    if layer.dropout:
        parts[f"{layer.name}_dropout"] = (nn.Dropout2d if conv else nn.Dropout)(layer.dropout)
    return parts
