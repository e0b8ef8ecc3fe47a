"""What the pictures of convolutional layers show, as plain arrays.

Letters: M images, C channels of an image, I channels that a layer takes in, U channels that it gives, K classes,
T most exciting images, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._facts_inside import dead_units
from shoal.nets import BOUNDS

MOST_CHANNELS: Final = 32
"""Channels of a layer that are shown, at most: the first."""


@dataclass(frozen=True, eq=False)
class LayerKernels:
    """Kernels of one layer, the first `MOST_CHANNELS` each way; `most` is the largest size of a shown weight."""

    layer: str
    inputs: int
    channels: int
    weight_UIHW: NDArray[np.float64]
    most: float


@dataclass(frozen=True, eq=False)
class Kernels:
    """Kernels of every convolutional layer of one network."""

    name: str
    layers: tuple[LayerKernels, ...]


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What the channels of one layer make of M images; `labels` say which images. Zeiler and Fergus 2014."""

    name: str
    layer: str
    activation: str
    channels: int
    labels: tuple[str, ...]
    image_MCHW: NDArray[np.uint8]
    map_MUHW: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerActivation:
    """Mean activation of every channel by class; how many channels are dead or saturated at all images looked at."""

    layer: str
    activation: str
    mean_KU: NDArray[np.float64]
    dead: int
    saturated: int


@dataclass(frozen=True, eq=False)
class ClassActivation:
    """What each channel answers to each class, layer by layer, over `images` of the `of` test images."""

    name: str
    classes: tuple[str, ...]
    images: int
    of: int
    layers: tuple[LayerActivation, ...]


@dataclass(frozen=True, eq=False)
class Exciting:
    """Of each channel of one layer, of the test images looked at, those that excite it most, strongest first, and an
    image made to.

    An image excites a channel by the largest value of its feature map. Test images: Zeiler and Fergus 2014,
    "Visualizing and understanding convolutional networks"; made images: Erhan et al. 2009, Olah et al. 2017.
    `row_UT` are numbers of test images, from 0; they say nothing of a channel that is dead on all of them, `dead_U`.
    """

    name: str
    layer: str
    channels: int
    dead_U: NDArray[np.bool_]
    row_UT: NDArray[np.int64]
    activation_UT: NDArray[np.float64]
    made_activation_U: NDArray[np.float64]
    image_UTCHW: NDArray[np.uint8]
    made_UCHW: NDArray[np.uint8]


def kernels(name: str, layers: Sequence[str], weights: Mapping[str, NDArray[Any]]) -> Kernels:
    """Take the kernels of some layers out of a network's arrays: `<layer>.weight`, (channels, inputs, H, W)."""
    found = []
    for layer in layers:
        weight = weights[f"{layer}.weight"]
        shown = np.asarray(weight[:MOST_CHANNELS, :MOST_CHANNELS], np.float64)
        most = float(np.abs(shown).max())
        found.append(LayerKernels(layer, weight.shape[1], weight.shape[0], shown, most))
    return Kernels(name, tuple(found))


def feature_maps(
    name: str,
    layer: tuple[str, str, int],
    labels: Sequence[str],
    images: NDArray[np.uint8],
    maps: NDArray[Any],
) -> FeatureMaps:
    """Put images and their maps together; `layer` is its name, activation and number of channels."""
    shown = np.asarray(maps[:, :MOST_CHANNELS], np.float64)
    return FeatureMaps(name, *layer, tuple(labels), images, shown)


def exciting(
    name: str, layer: tuple[str, str, int], found: Mapping[str, NDArray[Any]], first_row: int
) -> Exciting:
    """Put together what was `found` by the run (see `Inside.channels`); `layer` is its name, activation and channels.

    Row `first_row` of the data is test image 0.
    """
    shown = len(found["made"])
    dead_U = dead_units(layer[1], np.array([found["low"], found["high"]]))[:shown]
    strongest = (found["rows"] - first_row, found["activation"], found["made_activation"])
    return Exciting(name, layer[0], layer[2], dead_U, *strongest, found["images"], found["made"])


def layer_activation(
    layer: tuple[str, str],
    mean_KU: NDArray[Any],
    extremes: tuple[NDArray[Any], NDArray[Any]],
    inner_U: NDArray[Any],
) -> LayerActivation:
    """Count dead and saturated channels from the smallest and largest values, and how many are off the bounds."""
    low_U, high_U = extremes
    dead = int(dead_units(layer[1], np.array([low_U, high_U])).sum())
    saturated = int((np.asarray(inner_U) == 0).sum()) if layer[1] in BOUNDS else 0
    return LayerActivation(*layer, np.asarray(mean_KU, np.float64), dead, saturated)
