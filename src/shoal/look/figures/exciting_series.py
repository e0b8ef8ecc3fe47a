"""Series made to excite the channels of a network of series.

Letters: C series, T values of one, U channels of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import Sheet, heading, panels, plain, series_style
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look.figures.along_series import ends, in_lanes, number_lanes
from shoal.look.figures.exciting import WORKS
from shoal.wording import counted

_MOST_LAYERS: Final = 6
_COLUMNS: Final = 8


@dataclass(frozen=True, eq=False)
class ExcitingSeries:
    """By layer, series made to excite its first channels, (U, C, T)."""

    name: str
    layers: tuple[tuple[str, NDArray[np.float64]], ...]


def exciting_series(findings: RunFindings) -> ExcitingSeries | None:
    """Take what was made."""
    inside = findings.inside
    if not inside or not inside.series or findings.network is None:
        return None
    names = [
        layer.name for layer in findings.network[0].convolutions if f"{layer.name}/made" in inside.series
    ]
    made = ((name, np.asarray(inside.series[f"{name}/made"], np.float64)) for name in names[:_MOST_LAYERS])
    return ExcitingSeries(DELIVERED, tuple(made))


def draw_exciting_series(fact: ExcitingSeries) -> Sheet:
    """A row a layer, a column a channel, a line a series, below each other."""
    columns = min(_COLUMNS, max(len(made) for _, made in fact.layers))
    figure, grid = panels(columns * len(fact.layers), columns=columns, size=(1.75, 1.6))
    lanes = in_lanes(np.concatenate([made for _, made in fact.layers]))
    first = 0
    for number, (name, made_UCT) in enumerate(fact.layers):
        of_layer = grid[number * columns : (number + 1) * columns]
        of_layer[0].set_ylabel(plain(name), fontsize=9)
        for channel, axes in enumerate(of_layer):
            if channel >= len(made_UCT):
                axes.set_visible(False)
                continue
            for place, values_T in enumerate(lanes[first + channel]):
                axes.plot(values_T, linewidth=1.0, **series_style(place))
            axes.set_ylim(*ends(lanes))
            number_lanes(axes, lanes)
            axes.set_title(f"channel {channel + 1}", fontsize=8, fontweight="normal")
            axes.tick_params(labelsize=7, labelleft=channel == 0)
        first += len(made_UCT)
    heading(figure, f"{plain(fact.name)}: series made to excite channels")
    return figure


def caption(fact: ExcitingSeries) -> str:
    """How they were made."""
    several = len(fact.layers[0][1][0]) > 1
    lines = " The numbered series stand one below the other, to one scale." if several else ""
    return (
        "A channel looks for what the series made to excite it have: they rose by gradient ascent from noise,"
        " between the least and the largest value of the training rows, for the place in the middle of the channel’s"
        " map; beyond what that place sees they stay noise. Series are as the network takes them."
        f"{lines}"
    )


def words(fact: ExcitingSeries) -> str:
    """Say it in a sentence, with its few telling numbers."""
    made = sum(len(made) for _, made in fact.layers)
    return f"Series made to excite {counted(made, 'channel')} of {counted(len(fact.layers), 'layer')}."


def gather(subject: Subject) -> Iterator[Gathered]:
    """A picture, where the network takes series."""
    fact = exciting_series(subject.findings)
    if fact is not None:
        yield Gathered(fact, FIGURE.name, FIGURE.title)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    if extent.network.series is None:
        return 0.0
    shown = (min(_COLUMNS, layer.units) for layer in extent.network.convolutions[:_MOST_LAYERS])
    return panels_seconds(sum(shown))


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=81,
    name="34-delivered-series-exciting",
    title="Series that excite channels most",
    caption=caption,
    gather=gather,
    draw=draw_exciting_series,
    words=words,
    works=WORKS,
    seconds=seconds,
)
