"""How the weights of every layer moved over the epochs.

Letters: S epochs, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._layers import MOST_LAYERS, layers_left_out
from shoal.look._paper import BLACK, BLUE, Sheet, heading, legend_beside, panels, plain, whole_numbers
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted, rounded


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


def weight_history(name: str, layers: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> WeightHistory:
    """Put the kept quantiles of some layers together: `arrays` holds what `Inside.history` does."""
    layer_histories = (
        LayerHistory(layer, arrays[f"{layer}/quantile"], arrays[f"{layer}/moved"]) for layer in layers
    )
    return WeightHistory(name, arrays["epoch"], arrays["share"], tuple(layer_histories))


def history(findings: RunFindings) -> WeightHistory | None:
    """How the weights of every layer moved over the epochs."""
    inside = findings.inside
    if not inside or not inside.history or findings.network is None:
        return None
    layers = [layer.name for layer in findings.network[0].layers]
    return weight_history(DELIVERED, layers, inside.history)


def draw_weight_history(history: WeightHistory) -> Sheet:
    """Weights of each layer over the epochs: bands that hold all, 90 % and half of them, and their median."""
    shown = history.layers[:MOST_LAYERS]
    figure, grid = panels(len(shown), size=(4.6, 3.4))
    for axes, layer in zip(grid, shown, strict=True):
        last = len(history.share_Q) - 1
        for place, strength in zip(range((last + 1) // 2), (0.16, 0.32, 0.6), strict=False):
            low, high = history.share_Q[[place, last - place]]
            label = "all weights" if high - low == 1 else f"{100 * (high - low):.0f} % of them"
            axes.fill_between(
                history.epoch_S, layer.quantile_SQ[:, place], layer.quantile_SQ[:, last - place],
                color=BLUE, alpha=strength, linewidth=0, label=label,
            )  # fmt: skip
        axes.plot(history.epoch_S, layer.quantile_SQ[:, last // 2], color=BLACK, label="median")
        axes.set(xlabel="epoch", ylabel="weight")
        whole_numbers(axes.xaxis)
        moved = f"moved by {rounded(layer.moved_S[-1], 3)} (root mean square)"
        axes.set_title(f"{plain(layer.layer, 24)}: {moved}", fontsize=10, fontweight="normal")
    legend_beside(grid[min(1, len(shown) - 1)])
    heading(figure, f"{plain(history.name)}: weights over the epochs{layers_left_out(len(history.layers))}")
    return figure


def words(fact: WeightHistory) -> str:
    """Say it in a sentence, with its few telling numbers."""
    names = ", ".join(layer.layer for layer in fact.layers)
    return f"Weights of {names} at {counted(len(fact.epoch_S), 'epoch')} up to {fact.epoch_S[-1]}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    shown = min(MOST_LAYERS, len(extent.network.layers))
    return panels_seconds(shown) if extent.study.inspect.history > 0 else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=20,
    name="31-delivered-weights-history",
    title="Weights over the epochs",
    caption=(
        "Where bands still widen at the end, the weights were still growing. The number above each panel says how"
        " far its weights moved."
    ),
    gather=single(history),
    draw=draw_weight_history,
    words=words,
    seconds=seconds,
)
