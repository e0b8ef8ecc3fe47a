"""Series that a convolutional network answers: where in time it sees what it says, and what its channels make of them.

Letters: M rows shown, C series, T values of one, U channels of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import LABEL, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._mosaics import CLASS_NAME, numbers, short_number
from shoal.look._paper import GREY, Panel, Sheet, heading, panels, plain, series_style, shades
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look._work import ZEILER_FERGUS
from shoal.look.figures.grad_cam import FIGURE as GRAD_CAM
from shoal.results import Truth
from shoal.wording import counted

_PANEL: Final = (3.4, 1.9)
_MOST_LAYERS: Final = 6
"""Layers that are shown: the first ones."""
_PALE: Final = 0.1
"""Share of the most in a row below which a place is not coloured: it would be as light as the paper."""


@dataclass(frozen=True, eq=False)
class SeriesMaps:
    """Series of M rows, `titles` over them, and by layer its `activation` maps; `seen` (M, T), where `layer` sees what
    is said of each row, is None where no layer has several places.
    """

    name: str
    titles: tuple[str, ...]
    series_MCT: NDArray[np.float64]
    layers: tuple[tuple[str, int, NDArray[np.float64]], ...]
    layer: str
    seen: NDArray[np.float64] | None


def series_maps(findings: RunFindings) -> SeriesMaps | None:
    """Take what was kept of the rows shown."""
    inside, truth = findings.inside, findings.truth
    if not inside or not inside.series or findings.network is None:
        return None
    arrays, seen, layer = inside.series, None, ""
    outputs = truth.classes or truth.target_names
    titles = []
    for row, asked in zip(arrays["rows"].tolist(), arrays["asked"].tolist(), strict=True):
        titles.append(
            f"{plain(outputs[asked], CLASS_NAME)}, {_truth(truth, row, asked)} ({row - truth.train_rows})"
        )
    layers = []
    for conv in findings.network[0].convolutions:
        maps = arrays.get(f"{conv.name}/maps")
        if maps is not None:
            layers.append((conv.name, conv.units, np.asarray(maps, np.float64)))
        if f"{conv.name}/seen" in arrays:
            layer, seen = conv.name, np.asarray(arrays[f"{conv.name}/seen"], np.float64)
    series = np.asarray(arrays["series"], np.float64)
    return SeriesMaps(DELIVERED, tuple(titles), series, tuple(layers[:_MOST_LAYERS]), layer, seen)


def _truth(truth: Truth, row: int, asked: int) -> str:
    """Say what is true of a row: its class, or what it has of the target that is asked about."""
    if truth.classes:
        return f"truly {plain(truth.classes[truth.y[row]], CLASS_NAME)}"
    value = truth.y[row, asked]
    if truth.y.dtype == np.bool_:
        return "truly so" if value else "truly not"
    return f"truly {short_number(value)}"


def draw_series_maps(fact: SeriesMaps) -> Sheet:
    """A column a row of the table: its series, coloured by where the class is seen; below, the maps of each layer."""
    rows, _, length = fact.series_MCT.shape
    figure, grid = panels(rows * (1 + len(fact.layers)), columns=rows, size=_PANEL)
    own = _in_lanes(fact.series_MCT)
    for place, axes in enumerate(grid[:rows]):
        _draw_series(axes, own[place], None if fact.seen is None else fact.seen[place])
        axes.set_ylim(*_ends(own))
        if own is not fact.series_MCT:
            axes.set_yticks(own.mean(axis=(0, 2)), numbers(own.shape[1]))
        axes.set_title(fact.titles[place], fontsize=9, fontweight="normal")
    for number, (_, _, maps) in enumerate(fact.layers, start=1):
        for place, axes in enumerate(grid[number * rows : (number + 1) * rows]):
            for channel, map_T in enumerate(maps[place]):
                axes.plot(_times(len(map_T), length), map_T, linewidth=1.0, **series_style(channel))
            axes.set(xlim=(-0.5, length - 0.5), ylim=_ends(maps))
    names = ["series", *(_layer_text(name, units, maps.shape[1]) for name, units, maps in fact.layers)]
    for number, name in enumerate(names):
        grid[number * rows].set_ylabel(name, fontsize=9)
    for axes in grid[-rows:]:
        axes.set_xlabel("place in the series", fontsize=9)
    where = f"where {plain(fact.layer)} sees what is said, and " if fact.seen is not None else ""
    heading(figure, f"{plain(fact.name)}: {where}feature maps over time")
    return figure


def _in_lanes(series_MCT: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put several series below each other, the first on top, all to one scale; one stays as it is."""
    count = series_MCT.shape[1]
    if count == 1:
        return series_MCT
    lane = 1.1 * float(np.ptp(series_MCT, axis=2).max()) or 1.0
    middle_MC1 = (series_MCT.max(axis=2, keepdims=True) + series_MCT.min(axis=2, keepdims=True)) / 2
    return np.asarray(series_MCT - middle_MC1 - lane * np.arange(count)[:, None])


def _draw_series(axes: Panel, series_CT: NDArray[np.float64], seen_T: NDArray[np.float64] | None) -> None:
    """Draw series as lines, with colours where something is seen in them."""
    length = series_CT.shape[1]
    axes.set_xlim(-0.5, length - 0.5)
    for number, values in enumerate(series_CT):
        style = series_style(number) | ({"color": GREY} if seen_T is not None else {})
        axes.plot(np.arange(length), values, linewidth=0.9, **style)
        if seen_T is not None:
            share_T = np.interp(
                np.arange(length), _times(len(seen_T), length), seen_T / (seen_T.max() or 1.0)
            )
            dark = np.flatnonzero(share_T > _PALE)
            axes.scatter(dark, values[dark], c=share_T[dark], cmap=shades(), vmin=0, vmax=1, s=12, zorder=3)


def _times(count: int, length: int) -> NDArray[np.float64]:
    """Give the places in a series of `length` of so many values that lie evenly along it."""
    return np.asarray((np.arange(count) + 0.5) * length / count - 0.5)


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _layer_text(name: str, units: int, shown: int) -> str:
    channels = counted(units, "channel")
    return f"{plain(name)}\n{shown} of {channels}" if shown < units else f"{plain(name)}\n{channels}"


def caption(fact: SeriesMaps) -> str:
    """What is shown of which rows."""
    text = "A line below is the map of a channel: how strongly it finds what it looks for, along the series."
    if fact.seen is not None:
        what = f"what stands above, as {fact.layer} sees it (Grad-CAM); without a dot, none does."
        darker = f"The darker a place, the more it speaks for {what}"
        text = f"{darker} {text}"
    if fact.series_MCT.shape[1] > 1:
        text = f"Series stand one below the other, to one scale. {text}"
    return f"{text} In brackets: the number of the test row; series are as the network takes them."


def words(fact: SeriesMaps) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return f"Maps over time of {counted(len(fact.layers), 'layer')} for {'; '.join(fact.titles)}."


def gather(subject: Subject) -> Iterator[Gathered]:
    """A picture, where the network takes series."""
    fact = series_maps(subject.findings)
    if fact is not None:
        yield Gathered(fact, FIGURE.name, FIGURE.title)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture: panels of a few rows, one a layer and one of the series."""
    if extent.network.series is None:
        return 0.0
    layers = min(_MOST_LAYERS, len(extent.network.convolutions))
    return panels_seconds(4 * (1 + layers)) + 4 * LABEL


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=45,
    name="33-delivered-series",
    title="Series seen by the network",
    caption=caption,
    gather=gather,
    draw=draw_series_maps,
    words=words,
    works=(*GRAD_CAM.works, ZEILER_FERGUS),
    seconds=seconds,
)
