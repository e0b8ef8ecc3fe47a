"""What a network of images is asked of torch as it stands: maps of its convolutions, and gradients.

Letters: N images, K outputs, U channels of a layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import AskedGradient
from shoal.nets import MAP_PARTS, Architecture

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = NDArray[np.float32]


def maps_of(module: nn.Module, architecture: Architecture, x: Tensor) -> tuple[Floats, ...]:
    """Feature maps of every convolution; see `Trainer.maps`."""
    import torch

    maps: list[Floats] = []
    for name in map_ends(module, architecture):
        module.get_submodule(name).register_forward_hook(
            lambda _module, _x, output: maps.append(_array(output))
        )
    with torch.no_grad():
        module(x)
    return tuple(maps)


def gradient_of(module: nn.Module, architecture: Architecture, x: Tensor, asked: AskedGradient) -> Floats:
    """Gradient by images, or by the maps of a convolution; see `Trainer.gradient`."""
    import torch

    for name, layer in module.named_children() if asked.least_slope else ():
        if name in {f"{conv.name}_activation" for conv in architecture.convolutions}:
            layer.register_forward_hook(_Steeper(asked.least_slope))
    between = x

    def cut(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        nonlocal between
        between = output.detach().requires_grad_()
        return between

    if asked.layer is None:
        between.requires_grad_()
    else:
        module.get_submodule(map_ends(module, architecture)[asked.layer]).register_forward_hook(cut)
    outputs = module(x).flatten(1)
    above = torch.from_numpy(np.ascontiguousarray(asked.by_outputs_NK)).to(outputs)
    (gradient,) = torch.autograd.grad(outputs, between, above)
    return _array(gradient)


def map_ends(module: nn.Module, architecture: Architecture) -> list[str]:
    """Name the module that gives the feature map of each convolution: its last before the pool."""
    names = [name for name, _ in module.named_children()]
    own = [{conv.name + part for part in MAP_PARTS} for conv in architecture.convolutions]
    return [[name for name in names if name in of_layer][-1] for of_layer in own]


class _Steeper:
    """A hook of an activation: its values are as they are, its slopes no lower than `least`."""

    def __init__(self, least: float) -> None:
        self._least = least

    def __call__(self, activation: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        import torch

        (x,) = inputs
        with torch.enable_grad():
            there = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(activation.forward(there).sum(), there)
        return output + (self._least - slope).clamp(min=0) * (x - x.detach())


def _array(values: Tensor) -> Floats:
    array: NDArray[Any] = values.detach().cpu().numpy()
    return array.astype(np.float32, copy=False)
