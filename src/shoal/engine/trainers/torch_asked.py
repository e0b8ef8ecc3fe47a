"""What a network of images is asked of torch as it stands: maps of its convolutions, and gradients.

Letters: N images, K outputs, U channels of a layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import AskedGradient
from shoal.nets import Architecture

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = NDArray[np.float32]


def maps_of(module: nn.Sequential, architecture: Architecture, x: Tensor) -> tuple[Floats, ...]:
    """Feature maps of every convolution; see `Trainer.maps`."""
    import torch

    maps, start = [], 0
    with torch.no_grad():
        for place in map_places(module, architecture):
            x = module[start:place](x)
            maps.append(_array(x))
            start = place
    return tuple(maps)


def gradient_of(module: nn.Sequential, architecture: Architecture, x: Tensor, asked: AskedGradient) -> Floats:
    """Gradient by images, or by the maps of a convolution; see `Trainer.gradient`."""
    import torch

    place = 0 if asked.layer is None else map_places(module, architecture)[asked.layer]
    for name, layer in module.named_children() if asked.least_slope else ():
        if name in {f"{conv.name}_activation" for conv in architecture.convolutions}:
            layer.register_forward_hook(_Steeper(asked.least_slope))
    with torch.no_grad():
        between = module[:place](x)
    between.requires_grad_()
    outputs = module[place:](between).flatten(1)
    above = torch.from_numpy(np.ascontiguousarray(asked.by_outputs_NK)).to(outputs)
    (gradient,) = torch.autograd.grad(outputs, between, above)
    return _array(gradient)


def map_places(module: nn.Sequential, architecture: Architecture) -> list[int]:
    """Give how many layers of the module lead to the feature map of each convolution, norm and activation with it."""
    names = [name for name, _ in module.named_children()]
    own = [(conv.name, f"{conv.name}_norm", f"{conv.name}_activation") for conv in architecture.convolutions]
    return [1 + max(names.index(name) for name in of_one if name in names) for of_one in own]


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
