"""Gradients of a trained network of images, computed by torch in float64: by its inputs, or by the maps of a layer.

Letters: N images, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture
from shoal.nets._module import MAP_PARTS, trained_module

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gradients:
    """A trained network whose gradients are asked for; it is given prepared images, float64."""

    architecture: Architecture
    named: Mapping[str, NDArray[Any]]

    def outputs(self, x: Floats) -> Floats:
        """Give what the network answers to inputs, (N, K)."""
        import torch

        with torch.no_grad():
            return np.asarray(self._module(torch.from_numpy(x)).numpy())

    def by_inputs(self, x: Floats, gradient_of: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """Give outputs (N, K), and a gradient by inputs, their shape.

        `gradient_of` gives, of these outputs, the gradient by them of what is differentiated, (N, K), row by row.
        """
        outputs, _, gradient = self._pulled(None, x, gradient_of)
        return outputs, gradient

    def by_maps(
        self, layer: str, x: Floats, gradient_of: Callable[[Floats], Floats]
    ) -> tuple[Floats, Floats]:
        """Give the feature maps of a convolutional layer, after its norm and activation and before pooling, and the
        gradient by them, both (N, U, H, W).
        """
        own = [f"{layer}{part}" for part in MAP_PARTS]
        last = [name for name, _ in self._module.named_children() if name in own][-1]
        _, maps, gradient = self._pulled(last, x, gradient_of)
        return maps, gradient

    @cached_property
    def _module(self) -> nn.Sequential:
        exact = {name: array.astype(np.float64) for name, array in self.named.items()}
        return trained_module(self.architecture, exact).requires_grad_(requires_grad=False)

    def _pulled(
        self, after: str | None, x: Floats, gradient_of: Callable[[Floats], Floats]
    ) -> tuple[Floats, Floats, Floats]:
        """Give outputs, what the module of this name gives, or the inputs, and the gradient by that."""
        import torch

        between = torch.from_numpy(x)

        def cut(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            nonlocal between
            between = output.detach().requires_grad_()
            return between

        if after is None:
            outputs = self._module(between.requires_grad_())
        else:
            hook = self._module.get_submodule(after).register_forward_hook(cut)
            outputs = self._module(between)
            hook.remove()
        above = torch.from_numpy(gradient_of(outputs.detach().numpy()))
        (gradient,) = torch.autograd.grad(outputs, between, above)
        return outputs.detach().numpy(), between.detach().numpy(), gradient.numpy()
