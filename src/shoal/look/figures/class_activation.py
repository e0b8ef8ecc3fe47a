"""What every channel answers to each class.

Letters: U channels of a layer, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.look._extent import BAR, LABEL, PANEL, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._mosaics import CLASS_NAME, TALLEST, color_ends, numbers
from shoal.look._paper import Panel, Sheet, diverging, heading, panels, plain, shades
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.nets import dead_units
from shoal.wording import counted

_MOST_NAMED: Final = 30
"""Classes named beside a map, at most; of more, every second, third ..."""


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


def layer_activation(
    layer: tuple[str, str],
    mean_KU: NDArray[Any],
    extremes: tuple[NDArray[Any], NDArray[Any]],
    inner_U: NDArray[Any],
) -> LayerActivation:
    """Count dead and saturated channels from the smallest and largest values, and how many are off the bounds."""
    low_U, high_U = extremes
    dead = int(dead_units(layer[1], np.array([low_U, high_U])).sum())
    saturated = int((np.asarray(inner_U) == 0).sum()) if activation_of(layer[1]).bounds else 0
    return LayerActivation(*layer, np.asarray(mean_KU, np.float64), dead, saturated)


def class_activation(findings: RunFindings) -> ClassActivation | None:
    """Mean activation of every channel by class, layer by layer."""
    inside, truth = findings.inside, findings.truth
    if not inside or not inside.channels:
        return None
    layers = []
    for layer in findings.convolutions:
        mean_KU, low_U, high_U, inner_U = (
            inside.channels[f"{layer.name}/{part}"] for part in ("mean", "low", "high", "inner")
        )
        layers.append(layer_activation((layer.name, layer.activation), mean_KU, (low_U, high_U), inner_U))
    of = len(truth.y) - truth.train_rows
    looked_at = len(inside.channels.get("looked_at", range(of)))
    return ClassActivation(DELIVERED, truth.classes, looked_at, of, tuple(layers))


def draw_class_activation(fact: ClassActivation) -> Sheet:
    """Mean activation: a row a class, a column a channel."""
    tall = min(max(1.6, 0.24 * len(fact.classes)), 4 * TALLEST)
    figure, grid = panels(len(fact.layers), columns=1, size=(10.0, tall + 0.9))
    for axes, layer in zip(grid, fact.layers, strict=True):
        _class_panel(figure, axes, layer, fact.classes)
    shown = counted(fact.of, "test image")
    if fact.images < fact.of:
        shown = f"{fact.images:,} of {shown}"
    heading(figure, f"{plain(fact.name)}: mean activation by class over {shown}")
    return figure


def _class_panel(figure: Sheet, axes: Panel, layer: LayerActivation, classes: tuple[str, ...]) -> None:
    channels = layer.mean_KU.shape[1]
    low, high = color_ends(layer.mean_KU)
    image = axes.imshow(
        layer.mean_KU, aspect="auto", cmap=diverging() if low < 0 else shades(), vmin=low, vmax=high
    )
    axes.grid(visible=False)
    step = max(1, -(-len(classes) // _MOST_NAMED))
    axes.set_yticks(
        range(0, len(classes), step), [plain(name, CLASS_NAME) for name in classes[::step]], fontsize=8
    )
    step = max(1, -(-channels // 32))
    axes.set_xticks(range(0, channels, step), numbers(channels)[::step], fontsize=8)
    axes.set(xlabel="channel", ylabel="class")
    parts = [counted(channels, "channel"), layer.activation]
    parts += [f"{layer.dead} dead"] * bool(layer.dead) + [f"{layer.saturated} saturated"] * bool(
        layer.saturated
    )
    axes.set_title(f"{plain(layer.layer)}: {', '.join(parts)}", fontsize=10, fontweight="normal")
    figure.colorbar(image, ax=axes, label="mean activation", pad=0.01)


def caption(fact: ClassActivation) -> str:
    """What a dark row and a white column mean."""
    text = "A channel that stands out in few rows tells those classes apart; blank all over, it answers to nothing."
    return text + of_sample(fact)


def of_sample(fact: ClassActivation | None) -> str:
    """What share of the test images was looked at, to be said behind a caption; nothing where all were."""
    if fact is None or fact.images >= fact.of:
        return ""
    return f" Looked at: {fact.images:,} of {counted(fact.of, 'test image')}, of each class its share."


def words(fact: ClassActivation) -> str:
    """Say it in a sentence, with its few telling numbers."""
    parts = (f"{layer.layer} {layer.dead} dead, {layer.saturated} saturated" for layer in fact.layers)
    return (
        f"Mean activation of each channel by class, over {fact.images} of"
        f" {counted(fact.of, 'test image')}: {', '.join(parts)}."
    )


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    layers, names = len(extent.convolutions), min(_MOST_NAMED, extent.classes)
    return panels_seconds(0) + layers * (PANEL + BAR + LABEL * names) if layers else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=60,
    name="34-delivered-classes",
    title="Activation by class",
    caption=caption,
    gather=single(class_activation),
    draw=draw_class_activation,
    words=words,
    seconds=seconds,
)
