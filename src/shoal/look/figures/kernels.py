"""The kernels of every convolutional layer.

Letters: I channels that a layer takes in, U channels that it gives, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    spans,
)
from shoal.look._paper import BLUE, GREY, Panel, Sheet, diverging, heading, plain, stacked
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted

MOST_ACROSS: Final = 16
MOST_DOWN: Final = 8
"""Of channels that take in several, so many are shown, and so many of what they take in: more are too small to read."""
CURVE: Final = 0.75
"""Inches of a kernel that is drawn as a curve."""
COLORS: Final = ("red", "green", "blue")


@dataclass(frozen=True, eq=False)
class LayerKernels:
    """Kernels of one layer: of its channels `channel_U`, of what they take in `taken_I` (numbers from 1, or colours).

    Of several `groups` they are numbers within the channel's own group. `most` is the largest size of a shown weight.
    """

    layer: str
    inputs: int
    channels: int
    channel_U: NDArray[np.int64]
    taken_I: tuple[str, ...]
    weight_UIHW: NDArray[np.float64]
    most: float
    groups: int = 1

    @property
    def left_out(self) -> int:
        """Kernels that are not shown."""
        return self.inputs * self.channels - len(self.channel_U) * len(self.taken_I)


@dataclass(frozen=True, eq=False)
class Kernels:
    """Kernels of every convolutional layer of one network; those `along` series are curves."""

    name: str
    layers: tuple[LayerKernels, ...]
    along: bool = False


def kernels(
    name: str,
    layers: Sequence[str],
    weights: Mapping[str, NDArray[Any]],
    *,
    colors: bool = False,
    along: bool = False,
    groups: Mapping[str, int] | None = None,
) -> Kernels:
    """Take the kernels of some layers out of a network's arrays: `<layer>.weight`, (channels, inputs, H, W).

    Of many channels and of much that they take in those with the largest weights are shown, by the sum of squares.
    `colors`: the first layer takes in red, green and blue. `groups` of layers that have several.
    """
    layer_kernels = []
    for number, layer in enumerate(layers):
        weight_UIHW = np.asarray(weights[f"{layer}.weight"], np.float64)
        channels, inputs = weight_UIHW.shape[:2]
        channel_U = np.arange(min(channels, MOST_CHANNELS))
        if inputs > 1:
            channel_U = _largest(weight_UIHW, MOST_ACROSS)
        taken_I = _largest(weight_UIHW[channel_U].swapaxes(0, 1), MOST_DOWN)
        names = COLORS if colors and not number and inputs == len(COLORS) else numbers(inputs)
        shown_UIHW = weight_UIHW[np.ix_(channel_U, taken_I)]
        taken = tuple(names[i] for i in taken_I)
        most = float(np.abs(shown_UIHW).max())
        shown = LayerKernels(layer, inputs, channels, channel_U + 1, taken, shown_UIHW, most)
        layer_kernels.append(replace(shown, groups=(groups or {}).get(layer, 1)))
    return Kernels(name, tuple(layer_kernels), along)


def _largest(weight: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Give the places along the first axis with the largest weights, at most so many, in their order."""
    square = (weight**2).sum(axis=tuple(range(1, weight.ndim)))
    return np.sort(np.argsort(-square, kind="stable")[:most])


def convolution_kernels(findings: RunFindings) -> Kernels | None:
    """The kernels of every convolutional layer."""
    if findings.network is None or not findings.network[0].convolutions:
        return None
    architecture, named = findings.network
    layers = [layer.name for layer in architecture.convolutions]
    along = architecture.series is not None
    colors = not along and architecture.input_shape[0] == len(COLORS)
    groups = {layer.name: layer.groups for layer in architecture.convolutions}
    return kernels(DELIVERED, layers, named, colors=colors, along=along, groups=groups)


def draw_kernels(kernels: Kernels) -> Sheet:
    """Kernels of each layer: a column a channel, a row a channel that it takes in."""
    tiles = [_kernel_tiles(layer) for layer in kernels.layers]
    if kernels.along:
        return _draw_curves(kernels, tiles)
    heights = tuple(map(_height, tiles))
    figure, grid = stacked(heights, (11.5, sum(heights) + 1.1 * len(tiles)), shared=False)
    for axes, layer, tile, height in zip(grid, kernels.layers, tiles, heights, strict=True):
        most = layer.most or 1.0
        image = mosaic(axes, tile, cmap=diverging(), vmin=-most, vmax=most)
        bar = figure.colorbar(
            image, ax=axes, label="weight", aspect=12, shrink=min(1.0, 2.5 / height), pad=0.01
        )
        bar.set_ticks([-most, 0, most], labels=[short_number(-most), "0", short_number(most)])
        _name(axes, layer, _kernels_text(layer, "{} × {} pixels".format(*layer.weight_UIHW.shape[2:])))
    heading(figure, f"{plain(kernels.name)}: kernels of the convolutions")
    return figure


def _height(tiles: NDArray[np.float64]) -> float:
    """Give the inches of a layer's tiles, which fill the width of the paper; tall ones are as large as square ones."""
    rows, columns, _, high, wide = tiles.shape
    tall = high / wide if high < wide else math.sqrt(high / wide)
    return float(min(TALLEST, max(1.1, 10 * rows * tall / columns)))


def _draw_curves(kernels: Kernels, tiles: Sequence[NDArray[np.float64]]) -> Sheet:
    """Kernels along series, laid out like others, each a curve around the line of weights of 0."""
    heights = tuple(CURVE * part.shape[0] for part in tiles)
    figure, grid = stacked(heights, (11.5, sum(heights) + 1.1 * len(tiles)), shared=False)
    for axes, layer, tile in zip(grid, kernels.layers, tiles, strict=True):
        rows, columns, _, _, length = tile.shape
        most = layer.most or 1.0
        across = (np.arange(length) + 0.5) / length * 0.84 + 0.08
        x = np.full((rows, columns, length + 1), np.nan)
        x[..., :-1] = np.arange(columns)[:, None] + across
        y = np.full(x.shape, np.nan)
        y[..., :-1] = np.arange(rows)[:, None, None] + 0.5 - 0.42 * tile[:, :, 0, 0] / most
        axes.grid(visible=False)
        axes.hlines(places(rows), 0, columns, color=GREY, linewidth=0.8)
        axes.vlines(range(columns + 1), 0, rows, color=GREY, linewidth=0.4)
        axes.plot(x.reshape(-1), y.reshape(-1), color=BLUE, linewidth=1.2, marker=".", markersize=4)
        axes.set(xlim=(0, columns), ylim=(rows, 0))
        axes.tick_params(length=0)
        _name(axes, layer, f"{_kernels_text(layer, f'{length} values')}, up to ±{short_number(most)}")
    heading(figure, f"{plain(kernels.name)}: kernels of the convolutions")
    return figure


def _name(axes: Panel, layer: LayerKernels, title: str) -> None:
    """Name a layer's channels, and what they take in."""
    axes.set_title(title, fontsize=10, fontweight="normal")
    if layer.inputs == 1:
        _number_wrapped(axes, layer.weight_UIHW.shape[0])
        return
    axes.set_xticks(places(len(layer.channel_U)), layer.channel_U.tolist(), fontsize=8)
    axes.set_yticks(places(len(layer.taken_I)), layer.taken_I)
    taken = "channel of its group" if layer.groups > 1 else "channel taken in"
    axes.set(xlabel="channel", ylabel="colour" if layer.taken_I[0] in COLORS else taken)


def _kernels_text(layer: LayerKernels, size: str) -> str:
    parts = [counted(layer.channels, "channel")]
    if layer.inputs > 1:
        taken = f"in its group, of {layer.groups} groups" if layer.groups > 1 else "taken in"
        parts = [f"{parts[0]}, each a kernel for each of {counted(layer.inputs, 'channel')} {taken}"]
    if layer.left_out:
        which = "with the largest weights" if layer.inputs > 1 else "of the first channels"
        shown = layer.inputs * layer.channels - layer.left_out
        parts.append(f"the {shown} {which} of {counted(layer.inputs * layer.channels, 'kernel')}")
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
    rows = spans(channels, columns)
    axes.set_yticks(places(len(rows)), rows if len(rows) > 1 else [""])
    number_columns(axes, columns)


def caption(fact: Kernels) -> str:
    """What to look for, and where the kernels are that are not shown."""
    text = (
        "Blue and vermillion side by side find an edge, one colour a patch of light; grain without form"
        " is a kernel that may have learned little."
    )
    if fact.along:
        text = (
            "A curve is a kernel along the series, above its line where weights are above 0: a slope finds a rise or a"
            " fall, a bump a peak of its width; one without form may have learned little."
        )
    left_out = sum(layer.left_out for layer in fact.layers)
    more = f" {counted(left_out, 'kernel')} more {'is' if left_out == 1 else 'are'} not shown;"
    return text + f"{more} all stand in the delivered model." * bool(left_out)


def words(fact: Kernels) -> str:
    """Say it in a sentence, with its few telling numbers."""
    parts = (f"{layer.layer} {layer.channels} × {layer.inputs}" for layer in fact.layers)
    return f"Kernels, channels × inputs: {', '.join(parts)}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    layers = len(extent.network.convolutions)
    return panels_seconds(0) + layers * 2 * (PANEL + BAR) if layers else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=50,
    name="34-delivered-kernels",
    title="Kernels",
    caption=caption,
    gather=single(convolution_kernels),
    draw=draw_kernels,
    words=words,
    seconds=seconds,
)
