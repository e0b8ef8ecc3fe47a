"""The kernels of every convolutional layer.

Letters: I channels that a layer takes in, U channels that it gives, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import BAR, PANEL, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._mosaics import (
    IN_A_ROW,
    MOST_CHANNELS,
    TALLEST,
    mosaic,
    number_columns,
    numbers,
    places,
    short_number,
)
from shoal.look._paper import Panel, Sheet, diverging, heading, plain, stacked
from shoal.look._run_findings import DELIVERED, RunFindings


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


def kernels(name: str, layers: Sequence[str], weights: Mapping[str, NDArray[Any]]) -> Kernels:
    """Take the kernels of some layers out of a network's arrays: `<layer>.weight`, (channels, inputs, H, W)."""
    layer_kernels = []
    for layer in layers:
        weight = weights[f"{layer}.weight"]
        shown = np.asarray(weight[:MOST_CHANNELS, :MOST_CHANNELS], np.float64)
        most = float(np.abs(shown).max())
        layer_kernels.append(LayerKernels(layer, weight.shape[1], weight.shape[0], shown, most))
    return Kernels(name, tuple(layer_kernels))


def convolution_kernels(findings: RunFindings) -> Kernels | None:
    """The kernels of every convolutional layer."""
    if findings.network is None or not findings.convolutions:
        return None
    return kernels(DELIVERED, [layer.name for layer in findings.convolutions], findings.network[1])


def draw_kernels(kernels: Kernels) -> Sheet:
    """Kernels of each layer: a column a channel, a row a channel that it takes in."""
    tiles = [_kernel_tiles(layer) for layer in kernels.layers]
    heights = tuple(min(TALLEST, max(1.1, 10 * part.shape[0] / part.shape[1])) for part in tiles)
    figure, grid = stacked(heights, (11.5, sum(heights) + 1.1 * len(tiles)), shared=False)
    for axes, layer, tile, height in zip(grid, kernels.layers, tiles, heights, strict=True):
        most = layer.most or 1.0
        image = mosaic(axes, tile, cmap=diverging(), vmin=-most, vmax=most)
        bar = figure.colorbar(
            image, ax=axes, label="weight", aspect=12, shrink=min(1.0, 2.5 / height), pad=0.01
        )
        bar.set_ticks([-most, 0, most], labels=[short_number(-most), "0", short_number(most)])
        axes.set_title(_kernels_text(layer), fontsize=10, fontweight="normal")
        if layer.inputs == 1:
            _number_wrapped(axes, layer.weight_UIHW.shape[0])
            continue
        number_columns(axes, tile.shape[1])
        axes.set_yticks(places(tile.shape[0]), numbers(tile.shape[0]))
        axes.set_ylabel("channel taken in")
    heading(figure, f"{plain(kernels.name)}: kernels of the convolutions")
    return figure


def _kernels_text(layer: LayerKernels) -> str:
    parts = [f"{layer.channels:,} channels" + f" of {layer.inputs:,} each" * (layer.inputs > 1)]
    parts += ["the first shown"] * (max(layer.inputs, layer.channels) > max(layer.weight_UIHW.shape[:2]))
    size = "{} × {} pixels".format(*layer.weight_UIHW.shape[2:])
    return f"{plain(layer.layer)}: {', '.join([*parts, size])}"


def _kernel_tiles(layer: LayerKernels) -> NDArray[np.float64]:
    """Tiles (rows, columns, 1, H, W): wrapped rows of channels for one-channel images, else inputs by channels."""
    if layer.inputs > 1:
        return layer.weight_UIHW.swapaxes(0, 1)[:, :, None]
    channels, _, *size = layer.weight_UIHW.shape
    columns = min(channels, IN_A_ROW)
    rows = -(-channels // columns)
    tiles = np.full((rows * columns, 1, *size), np.nan)
    tiles[:channels] = layer.weight_UIHW
    return tiles.reshape(rows, columns, 1, *size)


def _number_wrapped(axes: Panel, channels: int) -> None:
    """Number channels that stand in rows of `IN_A_ROW`."""
    columns = min(channels, IN_A_ROW)
    firsts = range(0, channels, columns)
    axes.set_yticks(places(len(firsts)), [f"{first + 1} …" for first in firsts] if len(firsts) > 1 else [""])
    number_columns(axes, columns)


def words(fact: Kernels) -> str:
    """Say it in a sentence, with its few telling numbers."""
    parts = (f"{layer.layer} {layer.channels} × {layer.inputs}" for layer in fact.layers)
    return f"Kernels, channels × inputs: {', '.join(parts)}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    layers = len(extent.convolutions)
    return panels_seconds(0) + layers * 2 * (PANEL + BAR) if layers else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=50,
    name="34-delivered-kernels",
    title="Kernels",
    caption=(
        "Blue and vermillion side by side find an edge, one colour a patch of light; grain without form"
        " is a kernel that may have learned little."
    ),
    gather=single(convolution_kernels),
    draw=draw_kernels,
    words=words,
    seconds=seconds,
)
