"""What the channels of a convolutional network answer to: maps, and inputs that excite them.

A channel's activation at an image is the largest value of its feature map: after norm and activation, before pooling.
Letters: N images, C channels of an image, U channels of a layer, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.engine._extents import EXCITING_STEPS
from shoal.engine._trainer import AskedGradient, Trainer
from shoal.engine.trainers.choice import Trainers
from shoal.nets import Architecture, ConvLayer, of_convolutions, seen_by_the_middle
from shoal.streams import Role, StreamKey, draw, uniform

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
"""What lower slopes of activations count as at first, in the last steps those of the layer itself alone: without it
there would be no way up from where rectifiers are silent."""
IMAGES_AT_ONCE: Final = 256

Floats = NDArray[np.float32]


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

    @classmethod
    def of_series(cls, architecture: Architecture, named: Mapping[str, NDArray[Any]]) -> Channels:
        """Ask the convolutions of a network of series, which take numbers, (N, C, 1, T), in the place of images."""
        shape = architecture.map_shape
        ones, zeros = np.ones(shape[0], np.float32), np.zeros(shape[0], np.float32)
        return cls(of_convolutions(architecture.convolutions, shape), named, ones, zeros)

    def maps(self, images: NDArray[Any]) -> Iterator[tuple[Floats, ...]]:
        """Yield the feature maps of every layer, float32 (N, U, H, W), for some images after the others."""
        for start in range(0, len(images), IMAGES_AT_ONCE):
            x = self.prepared(images[start : start + IMAGES_AT_ONCE])
            yield self._trainer.maps(self.architecture, *self._flat, x)

    def flattened(self, images: NDArray[Any]) -> Floats:
        """Give what the first dense layer takes in for each image, float32 (N, D)."""
        return self.outputs(
            of_convolutions(self.layers, self.architecture.input_shape), self.prepared(images)
        )

    def activation(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Give the activation of every channel of layer `number` at each image, float64 (N, U)."""
        peaks = [maps[number].max(axis=(2, 3)).astype(np.float64) for maps in self.maps(images)]
        return np.concatenate(peaks)

    def exciting_inputs(self, number: int, count: int, key: StreamKey) -> NDArray[np.uint8]:
        """Make an image that excites each of the first `count` channels of layer `number` most, uint8 (count, C, H, W).

        Activation maximisation (Erhan, Bengio, Courville, Vincent 2009, "Visualizing higher-layer features of a deep
        network"): gradient ascent by Adam on the unit in the middle of the channel's map, from grey noise of the
        streams, pixels kept between black and white. Only the part of the image that this unit sees passes through the
        network. The image is moved by some pixels in each step (jitter), and
        its total variation is held low, less and less, so that patterns win over noise (Olah, Mordvintsev, Schubert
        2017, "Feature visualization", Distill). Of every tenth step's images the most exciting one is given.
        """
        best = self._noise(number, count, key)
        most_U = self._excited(number, best)
        climb = _Climb(best.astype(np.float32) / np.float32(255))
        ascent = _Ascent(self, number)
        for step, moved in enumerate(_jitters(key, number)):
            remaining = max(0.0, 1 - step / (EXCITING_STEPS - STILL))
            rising = ascent.gradient(climb.pixels, moved, LEAK * remaining)
            climb.step(rising - np.float32(ROUGHNESS * remaining) * _roughening(climb.pixels))
            if (step + 1) % 10 == 0:
                now = (255 * climb.pixels).round().astype(np.uint8)
                now_U = self._excited(number, now)
                best[now_U > most_U], most_U = now[now_U > most_U], np.maximum(most_U, now_U)
        return best

    def _noise(self, number: int, count: int, key: StreamKey) -> NDArray[np.uint8]:
        """Grey images with a little noise, one for each channel."""
        shape = (count, *self.architecture.input_shape)
        draws = uniform(key.words(Role.INSPECT), math.prod(shape), layer=number, step=1)
        return (115 + 25 * draws).astype(np.uint8).reshape(shape)

    def _excited(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Activation of channel u of layer `number` at image u, (U,)."""
        network = of_convolutions(_mapping(self.layers, number), self.architecture.input_shape)
        maps = self.outputs(network, self.prepared(images)).reshape(
            len(images), self.layers[number].units, -1
        )
        return np.asarray(np.diagonal(maps.max(axis=2)), np.float64)

    def prepared(self, images: NDArray[Any]) -> Floats:
        """Give images, in bytes or between them, as the network takes them."""
        scale, offset = self.pixel_scale_C[:, None, None], self.pixel_offset_C[:, None, None]
        return np.asarray(images.astype(np.float32) * scale + offset)

    @cached_property
    def _trainer(self) -> Trainer:
        return Trainers().taking(self.architecture)

    @cached_property
    def _flat(self) -> tuple[Floats, Floats]:
        return self.architecture.flat(dict(self.named))

    def outputs(self, network: Architecture, x: Floats) -> Floats:
        """What some of the convolutions, from the first on, answer to prepared images."""
        return self._trainer.outputs(network, *self._of(network), x)

    def gradient(self, network: Architecture, x: Floats, asked: AskedGradient) -> Floats:
        """Gradient by prepared images of what some of the convolutions, from the first on, answer."""
        return self._trainer.gradient(network, *self._of(network), x, asked)

    def _of(self, network: Architecture) -> tuple[Floats, Floats]:
        """Parameters and running statistics of the first layers."""
        parameters_P, buffers = self._flat
        return parameters_P[: network.parameter_count], buffers[: network.buffer_count]


def _mapping(layers: Sequence[ConvLayer], number: int) -> tuple[ConvLayer, ...]:
    """Give the layers up to one of that number, which gives its map and no pool of it."""
    last = replace(layers[number], pool="none", pool_size=1, pool_stride=1)
    return (*layers[:number], last)


class _Ascent:
    """The way up for the middle unit of each channel of a layer, in the part of the image that this unit sees."""

    def __init__(self, channels: Channels, number: int) -> None:
        shape, layers = channels.architecture.input_shape, _mapping(channels.layers, number)
        (rows, row), (columns, column) = (
            seen_by_the_middle(channels.layers, number, axis) for axis in (0, 1)
        )
        self._channels, self._seen = channels, np.s_[:, :, rows, columns]
        self._activation = activation_of(layers[-1].activation)
        seen = (len(range(length)[part]) for length, part in zip(shape[1:], (rows, columns), strict=True))
        summed = (*layers[:-1], replace(layers[-1], activation="identity"))
        self._network = of_convolutions(summed, (shape[0], *seen))
        self._unit = row, column

    def gradient(self, pixels_UCHW: Floats, moved: tuple[int, int], leak: float) -> Floats:
        """Give the gradient by the pixels (0 to 1) of image u, moved, of the logarithm of what channel u answers there.

        What lies below zero of its sum passes by `LEAK` beside its activation.
        """
        channels, network, last = self._channels, self._network, self._network.convolutions[-1]
        x = channels.prepared(255 * np.roll(pixels_UCHW, moved, (2, 3))[self._seen])
        unit_U = (np.arange(len(x)), np.arange(len(x)), *self._unit)
        sums_UUHW = channels.outputs(network, x).reshape(len(x), last.units, *last.size)
        sum_U, by_sums = sums_UUHW[unit_U], np.zeros_like(sums_UUHW)
        leaks = self._activation.module != ""
        risen_U = self._activation.numpy(sum_U) + LEAK * leaks * np.minimum(sum_U, 0)
        slope_U = self._activation.derivative(sum_U) + LEAK * leaks * (sum_U < 0)
        by_sums[unit_U] = slope_U / np.maximum(np.abs(risen_U), np.float32(1e-3))
        asked = AskedGradient(by_sums.reshape(len(x), -1), least_slope=leak)
        gradient = np.zeros_like(pixels_UCHW)
        by_bytes = channels.gradient(network, x, asked) * channels.pixel_scale_C[:, None, None]
        gradient[self._seen] = np.float32(255) * by_bytes
        return np.roll(gradient, (-moved[0], -moved[1]), (2, 3))


class _Climb:
    """Gradient ascent by Adam (Kingma and Ba 2015) on pixels between 0 and 1."""

    def __init__(self, pixels: Floats) -> None:
        self.pixels, self._steps = pixels, 0
        self._mean, self._square = np.zeros_like(pixels), np.zeros_like(pixels)

    def step(self, gradient: Floats) -> None:
        """Go one step up."""
        self._steps += 1
        first, second = MEMORY
        self._mean += np.float32(1 - first) * (gradient - self._mean)
        self._square += np.float32(1 - second) * (gradient**2 - self._square)
        spread = np.sqrt(self._square / np.float32(1 - second**self._steps)) + np.float32(1e-8)
        risen = self.pixels + np.float32(RATE / (1 - first**self._steps)) * self._mean / spread
        self.pixels = np.clip(risen, 0, 1)


def _roughening(pixels_UCHW: Floats) -> Floats:
    """Give the gradient of the total variation of each image: the mean difference between neighbouring pixels."""
    gradient = np.zeros_like(pixels_UCHW)
    for axis in (2, 3):
        sign = np.sign(np.diff(pixels_UCHW, axis=axis))
        sign /= np.float32(max(1, sign[0].size))
        ahead, behind = [slice(None)] * 4, [slice(None)] * 4
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        gradient[tuple(ahead)] += sign
        gradient[tuple(behind)] -= sign
    return gradient


def _jitters(key: StreamKey, number: int) -> list[tuple[int, int]]:
    """How far the image is moved down and to the right in each step, from the streams."""
    span = 2 * JITTER + 1
    draws = draw(key.words(Role.INSPECT), 2 * EXCITING_STEPS, layer=number) % np.uint32(span)
    moved = [(int(down) - JITTER, int(right) - JITTER) for down, right in draws.reshape(EXCITING_STEPS, 2)]
    return [*moved[:-STILL], *[(0, 0)] * STILL]
