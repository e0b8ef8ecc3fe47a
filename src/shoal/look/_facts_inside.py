"""What the pictures of the inside of a network show, as plain arrays.

Letters: U units of a layer, M inputs looked at, B bins, D inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.nets import BOUNDS, FLAT_BELOW, near_bound

MOST_INPUTS: Final = 1000
"""Inputs at which a unit's output is shown, at most: more than a picture has dots across."""


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
    """Each unit's output at M of `rows` inputs; how many units are `dead` (constant) or `saturated` at all of these."""

    layer: str
    activation: str
    output_MU: NDArray[np.float64]
    rows: int
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


@dataclass(frozen=True, eq=False)
class LayerHistory:
    """Weights of one layer at S epochs: quantiles, and how far they are from their start (root mean square)."""

    layer: str
    quantile_SQ: NDArray[np.float64]
    moved_S: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WeightHistory:
    """How the weights of every layer moved; `share_Q` of the weights lie below each quantile."""

    name: str
    epoch_S: NDArray[np.int64]
    share_Q: NDArray[np.float64]
    layers: tuple[LayerHistory, ...]


@dataclass(frozen=True, eq=False)
class UnitCounts:
    """Dead and saturated units of every layer, over `rows` test rows (or points of the one input)."""

    layer: tuple[str, ...]
    activation: tuple[str, ...]
    units: NDArray[np.int64]
    dead: NDArray[np.int64]
    saturated: NDArray[np.int64]
    rows: NDArray[np.int64]


def weight_history(name: str, layers: Sequence[str], kept: Mapping[str, NDArray[Any]]) -> WeightHistory:
    """Put the kept quantiles of some layers together: `kept` holds what `Inside.history` does."""
    found = (LayerHistory(layer, kept[f"{layer}/quantile"], kept[f"{layer}/moved"]) for layer in layers)
    return WeightHistory(name, kept["epoch"], kept["share"], tuple(found))


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

    With `ranked`, `x_M` (a prediction a row) only gives the order, and becomes the rank from 1. Of many inputs
    `MOST_INPUTS` are kept, evenly spaced from the first to the last; units are counted over all.
    """
    rows = len(x_M)
    shown = np.unique(np.linspace(0, rows - 1, min(rows, MOST_INPUTS)).round()).astype(np.int64)
    order = np.argsort(x_M, kind="stable")[shown]
    found = []
    for layer, activation, output in layers:
        output_MU = np.asarray(output[order], dtype=np.float64)
        found.append(Profile(layer, activation, output_MU, rows, *dead_and_saturated(activation, output)))
    place_M = shown.astype(np.float64) + 1 if ranked else np.asarray(x_M, dtype=np.float64)[order]
    return Profiles(name, axis, ranked, place_M, tuple(found))


def dead_and_saturated(activation: str, output_MU: NDArray[Any]) -> tuple[int, int]:
    """Count dead units (see `dead_units`) and those that stay close to a bound at all M inputs.

    sigmoid, tanh: within 1 % of the range from either bound; elu: within 0.01 of -1; the others have no bound
    at which they saturate. A unit that is both counts as both.
    """
    dead = int(dead_units(activation, output_MU).sum())
    if activation not in BOUNDS:
        return dead, 0
    return dead, int(near_bound(activation, output_MU).all(axis=0).sum())


def dead_units(activation: str, output_MU: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which units are dead, (U,): they give the same at all M inputs, or, rectifiers, never leave the flat side.

    That is: never above 0 for relu, leaky-relu, gelu and silu, never above 0.01 for softplus.
    """
    constant_U = np.ptp(output_MU, axis=0) == 0
    if activation not in FLAT_BELOW:
        return np.asarray(constant_U)
    return np.asarray(constant_U | (output_MU.max(axis=0) <= FLAT_BELOW[activation]))
