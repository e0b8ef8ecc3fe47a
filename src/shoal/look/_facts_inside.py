"""What the pictures of the inside of a network show, as plain arrays.

Letters: U units of a layer, M inputs looked at, B bins, D inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BOUNDS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
SATURATED_WITHIN = 0.01
"""A unit is saturated where it lies within this share of its range from a bound."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Weights of one layer before and after training in the same bins: `edge` (B+1,), counts (B,)."""

    layer: str
    edge: NDArray[np.float64]
    before_B: NDArray[np.int64]
    after_B: NDArray[np.int64]
    deviation_before: float
    deviation_after: float


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of every layer of one network, biases and batch norm apart."""

    name: str
    layers: tuple[Histogram, ...]


@dataclass(frozen=True, eq=False)
class Profile:
    """Each unit's output at M inputs; how many units are `dead` (constant) or `saturated` there."""

    layer: str
    activation: str
    output_MU: NDArray[np.float64]
    dead: int
    saturated: int


@dataclass(frozen=True, eq=False)
class Profiles:
    """Profiles of all layers over `x_M`: the one input in its own units, or (`ranked`) rows by prediction."""

    name: str
    axis: str
    ranked: bool
    x_M: NDArray[np.float64]
    layers: tuple[Profile, ...]


def weight_histograms(
    name: str, before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]
) -> Weights:
    """Histograms of every array called `<layer>.weight`; both share bins that hold all values. In the order of
    `before`.

    The number of bins follows Rice's rule, twice the cube root of the number of weights, from 8 to 40.
    """
    layers: list[Histogram] = []
    for key, drawn in before.items():
        layer, _, kind = key.rpartition(".")
        if kind != "weight" or layer.endswith("_norm"):
            continue
        old, new = (np.asarray(part, dtype=np.float64).reshape(-1) for part in (drawn, after[key]))
        bins = int(np.clip(2 * round(len(new) ** (1 / 3)), 8, 40))
        edge = np.histogram_bin_edges(np.concatenate((old, new)), bins)
        before_B, after_B = (np.histogram(part, edge)[0] for part in (old, new))
        layers.append(Histogram(layer, edge, before_B, after_B, float(old.std()), float(new.std())))
    return Weights(name, tuple(layers))


def activation_profiles(
    name: str,
    axis: str,
    x_M: NDArray[Any],
    layers: Sequence[tuple[str, str, NDArray[Any]]],
    *,
    ranked: bool = False,
) -> Profiles:
    """Outputs of every layer in the order of `x_M`; `layers` holds name, activation, outputs (M, U).

    With `ranked`, `x_M` (a prediction a row) only gives the order, and becomes the rank from 1.
    """
    order = np.argsort(x_M, kind="stable")
    found = []
    for layer, activation, output in layers:
        output_MU = np.asarray(output, dtype=np.float64)[order]
        dead, saturated = dead_and_saturated(activation, output_MU)
        found.append(Profile(layer, activation, output_MU, dead, saturated))
    place_M = np.arange(1.0, len(order) + 1) if ranked else np.asarray(x_M, dtype=np.float64)[order]
    return Profiles(name, axis, ranked, place_M, tuple(found))


def dead_and_saturated(activation: str, output_MU: NDArray[Any]) -> tuple[int, int]:
    """Count units that give the same at all M inputs, and those that stay close to a bound at all of them.

    Only sigmoid and tanh have bounds on both sides; a unit that is saturated and constant counts as both.
    """
    dead = int((np.ptp(output_MU, axis=0) == 0).sum())
    if activation not in _BOUNDS:
        return dead, 0
    low, high = _BOUNDS[activation]
    margin = SATURATED_WITHIN * (high - low)
    near_MU = (output_MU < low + margin) | (output_MU > high - margin)
    return dead, int(near_MU.all(axis=0).sum())
