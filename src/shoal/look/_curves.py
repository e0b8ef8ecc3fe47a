"""Curves against epochs, drawn, in words and live: what the pictures of training and of validation share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shoal.look._line_notes import curve_notes
from shoal.look._lines import Curves, Line
from shoal.look._paper import (
    SERIES,
    TRAINING,
    VALIDATION,
    Panel,
    empty,
    legend_beside,
    logarithmic,
    noted,
    plain,
    whole_numbers,
)
from shoal.look._plots import Plot, line_traces, live_axis, plotted
from shoal.look._text_layout import in_lines
from shoal.wording import one_number

_ROW_STYLES: Final = {"training": (TRAINING, "solid"), "validation": (VALIDATION, "dash")}
_AXIS_LETTERS: Final = 48
"""As many as stand beside an axis of curves; more words are lines of it."""
LIVE_DASHES: Final = ("solid", "dash", "dot", "dashdot")


def draw_line(axes: Panel, line: Line, style: Mapping[str, Any]) -> None:
    """Draw a line, and its band where it has one."""
    axes.plot(line.x_M, line.middle_M, **{"label": plain(line.name), **style})
    if (line.high_M > line.low_M).any():
        axes.fill_between(line.x_M, line.low_M, line.high_M, color=style["color"], alpha=0.22, linewidth=0)


def draw_curves(axes: Panel, curves: Curves, styles: list[dict[str, Any]]) -> None:
    """Draw lines against epochs, each in a style, with their notes beside them."""
    axes.set_xlabel("epoch")
    axes.set_ylabel(in_lines(curves.quantity, _AXIS_LETTERS))
    if not curves.lines:
        empty(axes, "every repeat diverged or failed" if curves.failed else "no rows were held out")
        return
    if curves.long:
        first, last = (pick(line.x_M[end] for line in curves.lines) for pick, end in ((min, 0), (max, -1)))
        logarithmic(axes.xaxis, first, last)
    else:
        whole_numbers(axes.xaxis)
    for line, style in zip(curves.shown, styles, strict=True):
        draw_line(axes, line, style)
    if curves.logarithmic:
        logarithmic(axes.yaxis, *curves.ends)
    legend_beside(axes, noted(curve_notes(curves)))


def measure_of(curves: Curves) -> str:
    """Name what curves show, without its unit."""
    return curves.quantity.partition(" (")[0]


def curves_in_words(fact: Curves) -> str:
    """Say where each line ends, and what is said beside them."""
    ends = [f"{line.name} ends at {one_number(line.middle_M[-1])}" for line in fact.lines]
    if not ends:
        return (
            f"{fact.quantity}: no curve, {'every network diverged or failed' if fact.failed else 'no rows'}."
        )
    return f"{fact.quantity} against epochs: {', '.join(ends)}{''.join(f'; {n}' for n in curve_notes(fact))}."


def live_curves(fact: Curves) -> Plot | None:
    """Give curves that answer to the pointer."""
    if not fact.lines:
        return None
    last = max(line.x_M[-1] for line in fact.lines)
    traces: list[dict[str, Any]] = []
    for number, line in enumerate(fact.shown):
        own = (SERIES[number % len(SERIES)], LIVE_DASHES[number // len(SERIES) % len(LIVE_DASHES)])
        traces += line_traces(line, *_ROW_STYLES.get(line.name, own))
    quantity = in_lines(fact.quantity, _AXIS_LETTERS).replace("\n", "<br>")
    axes = {
        "xaxis": live_axis("epoch", log=fact.long) | _whole(last),
        "yaxis": live_axis(quantity, log=fact.logarithmic),
    }
    hover = "x unified" if len(fact.lines) < 3 else "closest"
    return plotted(traces, {**axes, "hovermode": hover}, curve_notes(fact))


def _whole(last: float) -> dict[str, Any]:
    """Keep a short axis of whole numbers from ticks between them."""
    return {"dtick": 1} if last <= 10 else {}
