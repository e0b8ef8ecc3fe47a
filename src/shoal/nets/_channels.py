"""What the channels of a convolutional network answer to, computed in torch: maps, and inputs that excite them.

A channel's activation at an image is the largest value of its feature map: after norm and activation, before pooling.
Letters: N images, C channels of an image, U channels of a layer, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture
from shoal.nets._layer import both
from shoal.nets._module import trained_module
from shoal.nets.layers.conv import ConvLayer
from shoal.streams import Role, StreamKey, draw, uniform

if TYPE_CHECKING:
    from torch import Tensor, nn

EXCITING_STEPS: Final = 160
RATE: Final = 0.05
"""Step of the ascent in shares of the range from black to white."""
MEMORY: Final = (0.9, 0.95)
"""Decay of Adam's means: what jitter left is soon forgotten."""
JITTER: Final = 2
"""Pixels by which the image is moved in each step, at most."""
STILL: Final = 40
"""Steps at the end in which it is not moved."""
ROUGHNESS: Final = 1.0
"""Weight of the total variation, at the start, against the logarithm of the channel's activation."""
LEAK: Final = 0.1
"""Share of what lies below zero that passes an activation at first; in the last steps only that of the layer itself."""
IMAGES_AT_ONCE: Final = 256


@dataclass(frozen=True, eq=False)
class Channels:
    """A trained convolutional network whose channels are asked; bytes of an image become `scale * byte + offset`."""

    architecture: Architecture
    named: Mapping[str, NDArray[Any]]
    pixel_scale_C: NDArray[np.float32]
    pixel_offset_C: NDArray[np.float32]

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The convolutional layers, in order."""
        return self.architecture.convolutions

    def maps(self, images: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.float32], ...]]:
        """Yield the feature maps of every layer, float32 (N, U, H, W), for some images after the others."""
        import torch

        parts = self._parts()
        for start in range(0, len(images), IMAGES_AT_ONCE):
            arrays: list[NDArray[np.float32]] = []
            with torch.no_grad():
                x = self._prepared(torch.from_numpy(images[start : start + IMAGES_AT_ONCE]).float())
                for to_map, after in parts:
                    mapped = to_map(x)
                    arrays.append(mapped.numpy())
                    x = after(mapped)
            yield tuple(arrays)

    def exciting_inputs(self, number: int, count: int, key: StreamKey) -> NDArray[np.uint8]:
        """Make an image that excites each of the first `count` channels of layer `number` most, uint8 (count, C, H, W).

        Activation maximisation (Erhan, Bengio, Courville, Vincent 2009, "Visualizing higher-layer features of a deep
        network"): gradient ascent by Adam on the unit in the middle of the channel's map, from grey noise of the
        streams, pixels kept between black and white. Only the part of the image that this unit sees passes through the
        network. The image is moved by some pixels in each step (jitter), and
        its total variation is held low, less and less, so that patterns win over noise (Olah, Mordvintsev, Schubert
        2017, "Feature visualization", Distill). Of every tenth step's images the most exciting one is given.
        """
        import torch

        parts = [part for pair in self._parts()[: number + 1] for part in pair][:-1]
        (rows, row), (columns, column) = (seen_by_the_middle(self.layers, number, axis) for axis in (0, 1))
        best = self._noise(number, count, key)
        most_U = self._activation(parts, best)
        pixels = torch.from_numpy(best.astype(np.float32) / 255).requires_grad_()
        climb = _Climb(pixels)
        for step, (down, right) in enumerate(_jitters(key, number)):
            moved = torch.roll(pixels, (down, right), (2, 3))[:, :, rows, columns]
            remaining = max(0.0, 1 - step / (EXCITING_STEPS - STILL))
            risen_U = _rising(parts, self._prepared(255 * moved), LEAK * remaining, (row, column))
            scale_U = risen_U.detach().abs().clamp(min=1e-3)
            objective = (risen_U / scale_U - ROUGHNESS * remaining * _variation(pixels)).sum()
            climb.step(*torch.autograd.grad(objective, pixels))
            if (step + 1) % 10 == 0:
                now = (255 * pixels.detach()).round().to(torch.uint8).numpy()
                now_U = self._activation(parts, now)
                best[now_U > most_U], most_U = now[now_U > most_U], np.maximum(most_U, now_U)
        return best

    def _noise(self, number: int, count: int, key: StreamKey) -> NDArray[np.uint8]:
        """Grey images with a little noise, one for each channel."""
        shape = (count, *self.architecture.input_shape)
        draws = uniform(key.words(Role.INSPECT), math.prod(shape), layer=number, step=1)
        return (115 + 25 * draws).astype(np.uint8).reshape(shape)

    def flattened(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give what the first dense layer takes in for each image, float32 (N, D)."""
        import torch

        with torch.no_grad():
            x = self._prepared(torch.from_numpy(images).float())
            for to_map, after in self._parts():
                x = after(to_map(x))
        return np.asarray(x.flatten(1).numpy())

    def activation(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Give the activation of every channel of layer `number` at each image, float64 (N, U)."""
        peaks = [maps[number].max(axis=(2, 3)).astype(np.float64) for maps in self.maps(images)]
        return np.concatenate(peaks)

    def _activation(self, parts: Sequence[nn.Module], images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Activation of channel u at image u, (U,)."""
        import torch

        with torch.no_grad():
            x = self._prepared(torch.from_numpy(images).float())
            for part in parts:
                x = part(x)
        return np.asarray(np.diagonal(x.double().amax((2, 3)).numpy()))

    def _prepared(self, bytes_NCHW: Tensor) -> Tensor:
        import torch

        scale, offset = (torch.from_numpy(part) for part in (self.pixel_scale_C, self.pixel_offset_C))
        return bytes_NCHW * scale[:, None, None] + offset[:, None, None]

    def _parts(self) -> list[tuple[nn.Sequential, nn.Sequential]]:
        """Cut the module: for each layer up to its feature map, and from there to the next layer."""
        from torch import nn

        module = trained_module(self.architecture, self.named).requires_grad_(requires_grad=False)
        children = list(module.named_children())
        parts = []
        for layer in self.layers:
            mapped = (layer.name, f"{layer.name}_norm", f"{layer.name}_activation")
            before = [child for name, child in children if name in mapped]
            after = [child for name, child in children if name == f"{layer.name}_pool"]
            parts.append((nn.Sequential(*before), nn.Sequential(*after)))
        return parts


class _Climb:
    """Gradient ascent by Adam (Kingma and Ba 2015) on pixels between 0 and 1; torch's own takes a second to import."""

    def __init__(self, pixels: Tensor) -> None:
        import torch

        self._pixels, self._steps = pixels, 0
        self._mean, self._square = torch.zeros_like(pixels), torch.zeros_like(pixels)

    def step(self, gradient: Tensor) -> None:
        """Go one step up."""
        import torch

        self._steps += 1
        first, second = MEMORY
        with torch.no_grad():
            self._mean.lerp_(gradient, 1 - first)
            self._square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            spread = (self._square / (1 - second**self._steps)).sqrt_().add_(1e-8)
            self._pixels.addcdiv_(self._mean, spread, value=RATE / (1 - first**self._steps)).clamp_(0, 1)


def _back(layer: ConvLayer, axis: int, first: int, last: int) -> tuple[int, int]:
    """Give the first and the last pixel of a layer's input that the units `first` to `last` of its map see."""
    kernel, stride, padding, dilation = (
        both(sides)[axis] for sides in (layer.kernel, layer.stride, layer.padding, layer.dilation)
    )
    return first * stride - padding, last * stride - padding + dilation * (kernel - 1)


def seen_by(layers: Sequence[ConvLayer], number: int, unit: int, axis: int) -> tuple[int, int]:
    """Give the first and the last pixel, along one axis, that unit `unit` of layer `number` sees.

    Those below 0 and beyond the image are padding, of the image or of a map between.
    """
    first = last = unit
    for place in range(number, -1, -1):
        first, last = _back(layers[place], axis, first, last)
        if place:
            size, stride = _pool(layers[place - 1], axis)
            first, last = first * stride, last * stride + size - 1
    return first, last


def _pool(layer: ConvLayer, axis: int) -> tuple[int, int]:
    """Give size and stride of a layer's pool along one axis."""
    return both(layer.pool_size)[axis], both(layer.pool_stride)[axis]


def seen_by_the_middle(layers: Sequence[ConvLayer], number: int, axis: int) -> tuple[slice, int]:
    """Give the part of an image, along one axis, that the middle unit of layer `number` sees, and that unit's place in
    the layer's map of this part alone.

    The part begins at a multiple of all strides, so that every unit in it stands where it stands in the whole image.
    With layer norm, which goes over whole maps, it is the whole image.
    """
    middle = first = last = layers[number].size[axis] // 2
    strides = 1
    for place in range(number, -1, -1):
        first, last = _back(layers[place], axis, first, last)
        first = max(0, first)
        strides *= both(layers[place].stride)[axis]
        if place:
            size, stride = _pool(layers[place - 1], axis)
            first, last = first * stride, last * stride + size - 1
            strides *= stride
    if any(layer.layer_norm for layer in layers[: number + 1]):
        return slice(None), middle
    start = first // strides * strides
    return slice(start, last + 1), middle - start // strides


def _rising(parts: Sequence[nn.Sequential], x: Tensor, leak: float, place: tuple[int, int]) -> Tensor:
    """Unit at `place` of channel u at image u, (U,); `leak` of each sum below zero passes its activation, `LEAK` the
    last.

    Without it there would be no gradient to follow from where rectifiers are silent.
    """
    import torch

    plain = (
        torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.GroupNorm,
        torch.nn.MaxPool2d, torch.nn.AvgPool2d, torch.nn.AdaptiveAvgPool2d,
    )  # fmt: skip
    for part in parts:
        passed = LEAK if part is parts[-1] else leak
        for layer in part:
            x = layer(x) if isinstance(layer, plain) else layer(x) + passed * x.clamp(max=0)
    channel = torch.arange(len(x))
    return x[channel, channel, *place]


def _variation(pixels_UCHW: Tensor) -> Tensor:
    """Total variation of each image: the mean difference between neighbouring pixels, (U,)."""
    down = (pixels_UCHW[:, :, 1:] - pixels_UCHW[:, :, :-1]).abs().mean((1, 2, 3))
    right = (pixels_UCHW[:, :, :, 1:] - pixels_UCHW[:, :, :, :-1]).abs().mean((1, 2, 3))
    return down + right


def _jitters(key: StreamKey, number: int) -> list[tuple[int, int]]:
    """How far the image is moved down and to the right in each step, from the streams."""
    span = 2 * JITTER + 1
    draws = draw(key.words(Role.INSPECT), 2 * EXCITING_STEPS, layer=number) % np.uint32(span)
    moved = [(int(down) - JITTER, int(right) - JITTER) for down, right in draws.reshape(EXCITING_STEPS, 2)]
    return [*moved[:-STILL], *[(0, 0)] * STILL]
