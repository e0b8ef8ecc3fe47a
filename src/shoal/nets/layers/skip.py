"""Skips: what entered an earlier convolution, added to the sum of a later one, as it is or projected.

He, Zhang, Ren, Sun (2016): Deep residual learning for image recognition. CVPR. Letters: C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shoal.errors import Problem, StudyError
from shoal.nets._layer import Shape, Sides

if TYPE_CHECKING:
    from torch import nn


LARGEST_STRIDE: Final = 2**24
"""Larger than any map: a longer one takes the same pixel, and torch has no room for the product of many."""


def skip_stride(place: str, skip: int, before: Shape, after: Shape, strides: tuple[int, int]) -> Sides:
    """Give the stride at which maps of shape `before`, (C, height, width), become as large as those of shape `after`.

    It is that of the layers between, `strides`. Raises StudyError where the sizes differ by more than that.
    """
    fitting = tuple(-(-size // stride) for size, stride in zip(before[1:], strides, strict=True))
    if fitting != after[1:]:
        entered, own, fits = (" × ".join(map(str, size)) for size in (before[1:], after[1:], fitting))
        layers = "this layer" if skip == 1 else f"these {skip} layers"
        what = f"skip = {skip} adds maps of {entered} pixels to maps of {own}: expected {fits} from {layers}"
        keep = "padding = dilation * (kernel - 1) / 2 with an odd kernel keeps the size, a stride divides it"
        raise StudyError(Problem(place, f"{what}; {keep}"))
    down, across = (min(stride, LARGEST_STRIDE) for stride in strides)
    return down if down == across else (down, across)


@cache
def skip_class(torch: Any) -> Callable[..., nn.Module]:
    """Give the module; exported files have its very text."""

    class Skip(torch.nn.Module):  # type: ignore[misc]
        """Adds what entered the layer `source`; of other channels or size through a convolution of 1 x 1, no bias."""

        def __init__(self, source, *projected):  # type: ignore[no-untyped-def]
            super().__init__()
            self.source, self.projected = source, projected
            if projected:
                inputs, units, self.stride = projected
                self.weight = torch.nn.Parameter(torch.zeros(units, inputs, 1, 1))

        def forward(self, x, entered):  # type: ignore[no-untyped-def]
            if self.projected:
                entered = torch.nn.functional.conv2d(entered, self.weight, stride=self.stride)
            return x + entered

        def __repr__(self):  # type: ignore[no-untyped-def]
            return f"Skip({', '.join(map(repr, (self.source, *self.projected)))})"

    return Skip


@cache
def residual_class(torch: Any) -> Callable[..., nn.Sequential]:
    """Give what layers with skips stand in; exported files have its very text."""
    Skip: Any = skip_class(torch)  # by the name that it has in an exported file

    class Residual(torch.nn.Sequential):  # type: ignore[misc]
        """Layers one behind the other; a Skip is given what entered an earlier one, too."""

        def forward(self, x):  # type: ignore[no-untyped-def]
            sources = {layer.source for layer in self if isinstance(layer, Skip)}
            entered = {}
            for name, layer in self.named_children():
                if name in sources:
                    entered[name] = x
                x = layer(x, entered[layer.source]) if isinstance(layer, Skip) else layer(x)
            return x

    return Residual
