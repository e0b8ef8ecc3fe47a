"""Pictures that answer to the pointer: what they are made of, as plotly's JSON, and the only `import plotly`.

Only what hovering adds to is here; every such picture also stands as a drawn one, for print and for readers without
scripts. Colours are those of the drawn pictures. No WebGL, which would need scripts made while running.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._lines import Line
from shoal.wording import interval, one_number

if TYPE_CHECKING:
    import plotly.graph_objects as go

Plot = dict[str, Any]
LiveFigure: TypeAlias = "go.Figure"
MOST_POINTS: Final = 2000
"""More dots than these make a page slow and a picture a blot: such a picture stays a drawn one."""
X, Y = "%{customdata[0]}", "%{customdata[1]}"
"""A dot's own numbers at the pointer, which the page writes as it writes all numbers (`report.js.jinja`)."""
BRUSH: Final = "drag over an axis: only the candidates that pass there; a double click: all of them"
"""What the page alone can do."""


def plotly_source() -> str:
    """Give plotly's own script, which travels inside the report."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def plotly_figure(plot: Plot, title: str) -> LiveFigure:
    """Make a figure of plotly's own, which notebooks show, on a white ground; numbers at the pointer as on the page."""
    import plotly.graph_objects as go

    layout, legend = plot["layout"], plot["layout"].get("legend", {})
    notes = legend.get("title", {}).get("text", "").removeprefix(BRUSH).removeprefix("<br>")
    axis = {"showline": True, "zeroline": False, "automargin": True, "linecolor": "#666666"}
    return go.Figure(
        {
            "data": [_pointed_at(trace) for trace in plot["data"]],
            "layout": {
                **layout,
                "title": {"text": label(title), "font": {"size": 16}},
                "template": "plotly_white",
                "font": {"color": "#222222"},
                "annotations": [{"bgcolor": "#ffffff", **text} for text in layout.get("annotations", ())],
                "xaxis": {**axis, **layout["xaxis"]},
                "yaxis": {**axis, **layout["yaxis"]},
                "legend": {**legend, "title": {"text": notes, "font": {"size": 11.5}}},
                "dragmode": "zoom",
            },
        }
    )


def _pointed_at(trace: dict[str, Any]) -> dict[str, Any]:
    if "hovertemplate" not in trace:
        return trace
    numbers = zip(trace["x"], trace["y"], strict=True)
    written = [[one_number(math.nan if at is None else at, 4) for at in dot] for dot in numbers]
    return {**trace, "customdata": written}


def style_marks(source: str) -> list[str]:
    """Find the ids by which parts of plotly see that their style is on the page already.

    A page that has elements of these ids is spared style elements that its policy would refuse; they are for maps.
    """
    return re.findall(r'getElementById\("([0-9a-f]{64})"\)', source)


def plotted(traces: list[dict[str, Any]], layout: dict[str, Any], notes: Sequence[str]) -> Plot:
    """Put traces and layout together; the notes stand as the legend's title, as they do where it is drawn."""
    title = "<br>".join(label(note) for note in notes)
    legend = {"title": {"text": title, "side": "top", "font": {"size": 11.5}}} if title else {}
    return {"data": traces, "layout": {**layout, "showlegend": True, "legend": legend}}


def line_traces(line: Line, color: str, dash: str) -> list[dict[str, Any]]:
    """Draw a line, and its band where it has one."""
    name = label(line.name)
    traces: list[dict[str, Any]] = []
    if (line.high_M > line.low_M).any():
        traces.append({**live_band(line.x_M, line.low_M, line.high_M, color), "legendgroup": name})
    traces.append(
        {
            "type": "scatter", "mode": "lines", "name": name,
            "x": short_numbers(line.x_M), "y": short_numbers(line.middle_M),
            "line": {"color": color, "dash": dash, "width": 1.8}, "legendgroup": name,
            "hovertemplate": f"{X}: {Y}",
        }
    )  # fmt: skip
    return traces


def live_band(x_M: NDArray[Any], low_M: NDArray[Any], high_M: NDArray[Any], color: str) -> dict[str, Any]:
    """Draw a band between two edges."""
    there_and_back = np.concatenate((x_M, x_M[::-1]))
    edge = np.concatenate((low_M, high_M[::-1]))
    return {
        "type": "scatter", "mode": "lines", "x": short_numbers(there_and_back), "y": short_numbers(edge),
        "fill": "toself", "fillcolor": faint(color), "line": {"width": 0}, "hoverinfo": "skip",
        "showlegend": False,
    }  # fmt: skip


def live_dots(name: str, x_M: NDArray[Any], y_M: NDArray[Any], color: str) -> dict[str, Any]:
    """Draw dots."""
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": short_numbers(x_M), "y": short_numbers(y_M),
        "marker": {"color": color, "size": 6, "opacity": 0.75}, "hovertemplate": f"{X}: {Y}",
    }  # fmt: skip


def live_spans(
    name: str,
    middle_M: NDArray[Any],
    ends: tuple[NDArray[Any], NDArray[Any]],
    height_M: NDArray[Any],
    color: str,
) -> dict[str, Any]:
    """Draw dots at heights with their intervals, from low to high; where these are NaN, none."""
    low_M, high_M = ends
    reach = {
        "array": short_numbers(np.nan_to_num(high_M - middle_M)),
        "arrayminus": short_numbers(np.nan_to_num(middle_M - low_M)),
    }
    between = [
        "" if np.isnan(low) else f"<br>95 % interval {interval(low, high)}"
        for low, high in zip(low_M.tolist(), high_M.tolist(), strict=True)
    ]
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": short_numbers(middle_M), "y": short_numbers(height_M),
        "error_x": {"type": "data", "symmetric": False, **reach, "thickness": 1.4, "width": 0},
        "marker": {"color": color, "size": 8}, "text": between, "hovertemplate": f"{X}%{{text}}<extra></extra>",
    }  # fmt: skip


def live_names(names: Sequence[str]) -> dict[str, Any]:
    """Name the heights 0, 1, 2 ... of a vertical axis, from the top down."""
    ticks = {"tickvals": list(range(len(names))), "ticktext": [label(name) for name in names]}
    return {**live_axis(""), **ticks, "range": [len(names) - 0.4, -0.6]}


def live_axis(title: str, *, log: bool = False) -> dict[str, Any]:
    """Name an axis; its scale is linear, or logarithmic."""
    axis: dict[str, Any] = {"title": {"text": title}}
    return {**axis, "type": "log"} if log else axis


def short_numbers(values: Sequence[float] | NDArray[Any], digits: int = 5) -> list[float | None]:
    """Give so many significant digits, larger numbers whole: enough for a pointer, and half the bytes."""
    numbers = np.asarray(values, dtype=np.float64).tolist()
    return [_short(value, digits) if np.isfinite(value) else None for value in numbers]


def _short(value: float, digits: int) -> float:
    return float(round(value)) if abs(value) >= 10**digits else float(f"{value:.{digits}g}")


def faint(color: str, alpha: float = 0.16) -> str:
    """Let a colour shine through."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
