"""Pictures of the inside of a network: one drawing function a fact. Only places on paper are computed."""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.look._facts_inside import Histogram, Profile, Profiles, WeightHistory, Weights
from shoal.look._figures import (
    BLACK,
    BLUE,
    GREY,
    VERMILLION,
    Panel,
    Sheet,
    heading,
    legend_beside,
    panels,
    plain,
    sequence_colors,
    whole_numbers,
)

_MOST_LAYERS: Final = 8


def draw_weights(weights: Weights) -> Sheet:
    """Weights of each layer, before and after training."""
    shown = weights.layers[:_MOST_LAYERS]
    figure, grid = panels(len(shown), size=(4.6, 3.4))
    for axes, layer in zip(grid, shown, strict=True):
        _draw_histogram(axes, layer)
    legend_beside(grid[min(1, len(shown) - 1)])
    heading(figure, f"{plain(weights.name)}: weights of each layer{_left_out(len(weights.layers))}")
    return figure


def draw_weight_history(history: WeightHistory) -> Sheet:
    """Weights of each layer over the epochs: bands that hold all, 90 % and half of them, and their median."""
    shown = history.layers[:_MOST_LAYERS]
    figure, grid = panels(len(shown), size=(4.6, 3.4))
    for axes, layer in zip(grid, shown, strict=True):
        last = len(history.share_Q) - 1
        for place, strength in zip(range((last + 1) // 2), (0.16, 0.32, 0.6), strict=False):
            low, high = history.share_Q[[place, last - place]]
            told = "all weights" if high - low == 1 else f"{100 * (high - low):.0f} % of them"
            axes.fill_between(
                history.epoch_S, layer.quantile_SQ[:, place], layer.quantile_SQ[:, last - place],
                color=BLUE, alpha=strength, linewidth=0, label=told,
            )  # fmt: skip
        axes.plot(history.epoch_S, layer.quantile_SQ[:, last // 2], color=BLACK, label="median")
        axes.set(xlabel="epoch", ylabel="weight")
        whole_numbers(axes.xaxis)
        moved = f"moved by {layer.moved_S[-1]:.3g} (root mean square)"
        axes.set_title(f"{plain(layer.layer, 24)}: {moved}", fontsize=10, fontweight="normal")
    legend_beside(grid[min(1, len(shown) - 1)])
    heading(figure, f"{plain(history.name)}: weights over the epochs{_left_out(len(history.layers))}")
    return figure


def draw_profiles(profiles: Profiles) -> Sheet:
    """Each unit's output: lines over the one input, coloured by where they change most; else a row of a map."""
    shown = profiles.layers[:_MOST_LAYERS]
    figure, grid = panels(len(shown), size=(4.6, 3.6))
    for axes, layer in zip(grid, shown, strict=True):
        if profiles.ranked:
            _draw_map(figure, axes, profiles, layer)
        else:
            _draw_lines(axes, profiles, layer)
        axes.set_xlabel(plain(profiles.axis, 52))
        told = [f"{layer.output_MU.shape[1]:,} unit{'s' * (layer.output_MU.shape[1] > 1)}", layer.activation]
        told += [f"{layer.dead} dead"] * bool(layer.dead) + [f"{layer.saturated} saturated"] * bool(
            layer.saturated
        )
        axes.set_title(f"{plain(layer.layer, 24)}: {', '.join(told)}", fontsize=10, fontweight="normal")
    colors = "" if profiles.ranked else ", from dark (changes at the left) to light (at the right)"
    heading(figure, f"{plain(profiles.name)}: output of every unit{_left_out(len(profiles.layers))}{colors}")
    return figure


def _draw_histogram(axes: Panel, layer: Histogram) -> None:
    axes.stairs(layer.before_B, layer.edge, fill=True, color=GREY, alpha=0.55, label="before training")
    axes.stairs(layer.after_B, layer.edge, color=VERMILLION, linewidth=1.6, label="after training")
    axes.set(xlabel="weight", ylabel="number of weights")
    spread = f"standard deviation {layer.deviation_before:.3g} → {layer.deviation_after:.3g}"
    axes.set_title(
        f"{plain(layer.layer, 24)} ({layer.after_B.sum():,} weights)\n{spread}",
        fontsize=10,
        fontweight="normal",
    )


def _draw_lines(axes: Panel, profiles: Profiles, layer: Profile) -> None:
    units = layer.output_MU.shape[1]
    change_MU = np.abs(np.diff(layer.output_MU, axis=0))
    order_U = np.argsort(change_MU.argmax(axis=0), kind="stable") if len(change_MU) else np.arange(units)
    colors = sequence_colors(units) if units > 1 else [BLUE]
    for unit, color in zip(order_U, colors, strict=True):
        axes.plot(
            profiles.x_M,
            layer.output_MU[:, unit],
            color=color,
            alpha=max(0.4, min(1, 12 / units)),
            linewidth=1,
        )
    axes.set_ylabel("output of the unit")


def _draw_map(figure: Sheet, axes: Panel, profiles: Profiles, layer: Profile) -> None:
    """Units that rise with the prediction at the top, those that fall at the bottom."""
    rows, units = layer.output_MU.shape
    rise_U = layer.output_MU[rows // 2 :].mean(axis=0) - layer.output_MU[: (rows + 1) // 2].mean(axis=0)
    order_U = np.argsort(-rise_U, kind="stable")
    image = axes.imshow(
        layer.output_MU[:, order_U].T, aspect="auto", cmap="cividis", interpolation="nearest",
        extent=(profiles.x_M[0] - 0.5, profiles.x_M[-1] + 0.5, units + 0.5, 0.5),
    )  # fmt: skip
    axes.grid(visible=False)
    axes.set_ylabel("unit (falling below, rising above)" if units > 1 else "unit")
    if units == 1:
        axes.set_yticks([1])
    else:
        whole_numbers(axes.yaxis)
    figure.colorbar(image, ax=axes, label="output")


def _left_out(layers: int) -> str:
    return f" (the first {_MOST_LAYERS} of {layers} layers)" if layers > _MOST_LAYERS else ""
