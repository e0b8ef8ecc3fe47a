"""A few lines against epochs, drawn and live: what pictures of layers and of learning rates share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._curves import LIVE_DASHES
from shoal.look._lines import Line, alone, line_over_repeats
from shoal.look._paper import (
    DASHES,
    SERIES,
    Sheet,
    heading,
    legend_beside,
    logarithmic,
    noted,
    panels,
    plain,
    whole_numbers,
    with_room,
)
from shoal.look._plots import Plot, line_traces, live_axis, plotted
from shoal.look._text_layout import in_lines

MOST_LINES: Final = 16
"""Layers that one picture shows, at most: evenly from the first to the last."""
_NAME_LETTERS, _NAME_WIDTH = 240, 36
"""Letters of a name, which may be that of several networks, at most, and of a line of it."""
_LETTERS: Final = 40


@dataclass(frozen=True, eq=False)
class EpochLines:
    """Lines against epochs: a title, what they are of, notes beside them.

    An axis that is not `logarithmic` begins at 0. `stepped`: each value holds for a whole epoch.
    """

    title: str
    quantity: str
    lines: tuple[Line, ...]
    logarithmic: bool = False
    notes: tuple[str, ...] = ()
    stepped: bool = False


def epoch_line(name: str, epoch_S: NDArray[Any], value_S: NDArray[Any]) -> Line:
    """Give the line of one series; where it has no finite value it has no place."""
    return line_over_repeats(name, epoch_S, value_S[None])


def shown_layers(count: int) -> list[int]:
    """Give the numbers of the layers that are shown: the first, the last, and others evenly between."""
    places: list[int] = np.unique(
        np.linspace(0, count - 1, min(count, MOST_LINES)).round().astype(int)
    ).tolist()
    return places


def draw_lines(shown: EpochLines) -> Sheet:
    """Draw lines, with names and notes beside them."""
    names = [_in_legend(line.name) for line in shown.lines]
    lines = sum(name.count("\n") + 1 for name in names)
    figure, (axes,) = panels(1, size=(8.8, max(4.0, 1.6 + 0.19 * lines)))
    for name, (line, color, dashes) in zip(names, _styled(shown.lines), strict=True):
        axes.plot(
            line.x_M,
            line.middle_M,
            color=color,
            linestyle=DASHES[dashes],
            label=name,
            marker=alone(line),
            drawstyle="steps-mid" if shown.stepped else "default",
        )
    axes.set(xlabel="epoch", ylabel=shown.quantity)
    whole_numbers(axes.xaxis)
    values = np.concatenate([np.zeros(0), *(line.middle_M for line in shown.lines)])
    if shown.logarithmic and len(values):
        logarithmic(axes.yaxis, float(values.min()), float(values.max()))
    elif len(values):
        axes.set_ylim(0, with_room(0, float(values.max()))[1])
    legend_beside(axes, noted(shown.notes))
    heading(figure, shown.title)
    return figure


def _in_legend(name: str) -> str:
    """Break a name into lines; one that is wider than so many letters of usual width is cut."""
    lines = in_lines(plain(name, _NAME_LETTERS), _NAME_WIDTH).splitlines()
    return "\n".join(plain(line, _LETTERS) for line in lines)


def live_lines(shown: EpochLines) -> Plot:
    """Give lines that answer to the pointer."""
    traces = []
    for line, color, dashes in _styled(shown.lines):
        (trace,) = line_traces(line, color, LIVE_DASHES[dashes])
        trace["line"] |= {"shape": "hvh"} if shown.stepped else {}
        trace["mode"] = "lines+markers" if alone(line) else "lines"
        traces.append(trace)
    axes = {"xaxis": live_axis("epoch"), "yaxis": live_axis(shown.quantity, log=shown.logarithmic)}
    return plotted(traces, {**axes, "hovermode": "closest"}, shown.notes)


def _styled(lines: Sequence[Line]) -> Iterator[tuple[Line, str, int]]:
    """Give each line with its colour and the number of its dashes, which differ from those of the lines beside it."""
    for number, line in enumerate(lines):
        yield line, SERIES[number % len(SERIES)], number % len(DASHES)
