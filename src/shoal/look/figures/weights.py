"""How the weights of each layer are spread before and after training.

Letters: B bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._layers import MOST_LAYERS, layers_left_out
from shoal.look._paper import (
    GREY,
    VERMILLION,
    Panel,
    Sheet,
    heading,
    legend_beside,
    panels,
    plain,
    whole_numbers,
)
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.nets import refit_parameters, weights_by_layer
from shoal.wording import counted, rounded

_WEIGHT_SECONDS: Final = 2e-8


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


def weight_histograms(
    name: str, before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]
) -> Weights:
    """Histograms of the weights of every layer; both share bins that hold all values. In the order of `before`.

    The number of bins follows Rice's rule, twice the cube root of the number of weights, from 8 to 40.
    """
    layers: list[Histogram] = []
    trained = weights_by_layer(after)
    for layer, drawn in weights_by_layer(before).items():
        old, new = (np.asarray(part, dtype=np.float64) for part in (drawn, trained[layer]))
        bins = int(np.clip(2 * round(len(new) ** (1 / 3)), 8, 40))
        edge = np.histogram_bin_edges(np.concatenate((old, new)), bins)
        before_B, after_B = (np.histogram(part, edge)[0] for part in (old, new))
        layers.append(Histogram(layer, edge, before_B, after_B, float(old.std()), float(new.std())))
    return Weights(name, tuple(layers))


def weights_of(findings: RunFindings) -> Weights | None:
    """Weights of the delivered network, before and after training."""
    if findings.network is None:
        return None
    architecture, named = findings.network
    start_P = refit_parameters(architecture, findings.study.study.seed, findings.delivered.healthy[0].repeat)
    return weight_histograms(DELIVERED, architecture.named(start_P), named)


def draw_weights(weights: Weights) -> Sheet:
    """Weights of each layer, before and after training."""
    shown = weights.layers[:MOST_LAYERS]
    figure, grid = panels(len(shown), size=(4.6, 3.4))
    for axes, layer in zip(grid, shown, strict=True):
        _draw_histogram(axes, layer)
    legend_beside(grid[min(1, len(shown) - 1)])
    heading(figure, f"{plain(weights.name)}: weights of each layer{layers_left_out(len(weights.layers))}")
    return figure


def _draw_histogram(axes: Panel, layer: Histogram) -> None:
    axes.stairs(layer.before_B, layer.edge, fill=True, color=GREY, alpha=0.55, label="before training")
    axes.stairs(layer.after_B, layer.edge, color=VERMILLION, linewidth=1.6, label="after training")
    axes.set(xlabel="weight", ylabel="number of weights")
    whole_numbers(axes.yaxis)
    axes.locator_params(axis="x", nbins=6)
    spread = f"standard deviation {rounded(layer.deviation_before, 3)} → {rounded(layer.deviation_after, 3)}"
    axes.set_title(
        f"{plain(layer.layer, 24)} ({counted(layer.after_B.sum(), 'weight')})\n{spread}",
        fontsize=10,
        fontweight="normal",
    )


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    network = extent.network
    return panels_seconds(min(MOST_LAYERS, len(network.layers))) + _WEIGHT_SECONDS * network.parameter_count


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=10,
    name="31-delivered-weights",
    title="Weights of the layers",
    caption=(
        "Compare the outline, after training, with the grey before it: where the two coincide, a layer may have hardly"
        " changed."
    ),
    gather=single(weights_of),
    draw=draw_weights,
    seconds=seconds,
)
