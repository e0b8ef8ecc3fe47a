"""Series that a convolutional network answers: where in time it sees what it says, and what its channels make of them.

Letters: M rows shown, C series, T values of one, U channels of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
from shoal.wording import counted, percent

_PANEL: Final = (3.4, 1.9)
_MOST_LAYERS: Final = 6
"""Layers that are shown: the first ones."""
_MOST_NUMBERS: Final = 6
"""Series that are numbered beside their lanes, at most."""
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
    answer_VK, titles = findings.predicted(findings.delivered)[0], []
    for row, asked in zip(arrays["rows"].tolist(), arrays["asked"].tolist(), strict=True):
        tested = row - truth.train_rows
        answer = _answer(truth, asked, float(answer_VK[tested, asked]))
        titles.append(f"{answer}, {_truth(truth, row, asked)} ({tested})")
    layers = []
    for conv in findings.network[0].convolutions:
        maps = arrays.get(f"{conv.name}/maps")
        if maps is not None:
            layers.append((conv.name, conv.units, np.asarray(maps, np.float64)))
        if f"{conv.name}/seen" in arrays:
            layer, seen = conv.name, np.asarray(arrays[f"{conv.name}/seen"], np.float64)
    series = np.asarray(arrays["series"], np.float64)
    return SeriesMaps(DELIVERED, tuple(titles), series, tuple(layers[:_MOST_LAYERS]), layer, seen)


def _answer(truth: Truth, asked: int, value: float) -> str:
    """Say what is answered: the class named, how probable the likeliest label is, or which number a target has."""
    name = plain((truth.classes or truth.target_names)[asked], CLASS_NAME)
    if truth.classes:
        return name
    return f"{name}: {percent(value)}" if truth.y.dtype == np.bool_ else f"{name}: {short_number(value)}"


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
    own = in_lanes(fact.series_MCT)
    for place, axes in enumerate(grid[:rows]):
        _draw_series(axes, own[place], None if fact.seen is None else fact.seen[place])
        axes.set_ylim(*ends(own))
        number_lanes(axes, own)
        axes.set_title(fact.titles[place], fontsize=9, fontweight="normal")
    for number, (_, _, maps) in enumerate(fact.layers, start=1):
        for place, axes in enumerate(grid[number * rows : (number + 1) * rows]):
            for channel, map_T in enumerate(maps[place]):
                style = {"label": f"channel {channel + 1}", **series_style(channel)}
                axes.plot(_times(len(map_T), length), map_T, linewidth=1.0, **style)
            axes.set(xlim=(-0.5, length - 0.5), ylim=ends(maps))
    names = ["series", *(_layer_text(name, units, maps.shape[1]) for name, units, maps in fact.layers)]
    for number, name in enumerate(names):
        grid[number * rows].set_ylabel(name, fontsize=9)
    for axes in grid[-rows:]:
        axes.set_xlabel("place in the series", fontsize=9)
    _name_channels(figure, grid[rows::rows], 2 * rows)
    where = f"where {plain(fact.layer)} sees what is said, and " if fact.seen is not None else ""
    heading(figure, f"{plain(fact.name)}: {where}feature maps over time")
    return figure


def in_lanes(series_MCT: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put several series below each other, the first on top, all to one scale; one stays as it is."""
    count = series_MCT.shape[1]
    if count == 1:
        return series_MCT
    lane = 1.1 * float(np.ptp(series_MCT, axis=2).max()) or 1.0
    middle_MC1 = (series_MCT.max(axis=2, keepdims=True) + series_MCT.min(axis=2, keepdims=True)) / 2
    return np.asarray(series_MCT - middle_MC1 - lane * np.arange(count)[:, None])


def number_lanes(axes: Panel, lanes_MCT: NDArray[np.float64]) -> None:
    """Write the numbers of several series beside their lanes, of many not every one."""
    count = lanes_MCT.shape[1]
    step = math.ceil(count / _MOST_NUMBERS)
    if count > 1:
        axes.set_yticks(lanes_MCT.mean(axis=(0, 2))[::step], numbers(count)[::step])


def _name_channels(figure: Sheet, below: Sequence[Panel], columns: int) -> None:
    """Say which line is which channel, below all panels: those of the fullest, of which others have some."""
    lines, names = max(
        (axes.get_legend_handles_labels() for axes in below),
        key=lambda named: len(named[1]),
        default=([], []),
    )
    if len(names) > 1:
        figure.legend(lines, names, loc="outside lower left", ncols=columns)


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


def ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Give the ends of an axis on which all values lie, with some room."""
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
