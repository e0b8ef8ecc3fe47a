"""Pictures that answer to the pointer: facts as plotly's JSON, and the only `import plotly` of the project.

Only what hovering adds to is here; every such picture also stands as a drawn one, for print and for readers without
scripts. Colours are those of the drawn pictures. No WebGL, which would need scripts made while running.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import singledispatch
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._facts import Agreement, Curves, FittedCurve, Line, merged
from shoal.look._facts_search import Ranking
from shoal.look._figures import BLUE, GREY, SERIES, TEST, TRAINING, VALIDATION, VERMILLION

Plot = dict[str, Any]
MOST_POINTS: Final = 2000
"""More dots than these make a page slow and a picture a blot: such a picture stays a drawn one."""
_LONG: Final = 1000
_BANDS: Final = 3
"""The bands of more lines than these hide each other."""
_DASHES: Final = ("solid", "dash", "dot", "dashdot")
_ROWS: Final = {"training": (TRAINING, "solid"), "validation": (VALIDATION, "dash")}


def plotly_source() -> str:
    """Give plotly's own script, which travels inside the report."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def style_marks(source: str) -> list[str]:
    """Find the ids by which parts of plotly see that their style is on the page already.

    A page that has elements of these ids is spared style elements that its policy would refuse; they are for maps.
    """
    return re.findall(r'getElementById\("([0-9a-f]{64})"\)', source)


@singledispatch
def plot_of(fact: Any) -> Plot | None:
    """Give traces and layout of a fact as plotly's JSON; None where hovering would add nothing."""
    del fact
    return None


@plot_of.register
def _of_curves(fact: Curves) -> Plot | None:
    if not fact.lines:
        return None
    last = max(line.x_M[-1] for line in fact.lines)
    traces: list[dict[str, Any]] = []
    for number, line in enumerate(fact.lines):
        own = (SERIES[number % len(SERIES)], _DASHES[number // len(SERIES) % len(_DASHES)])
        color, dash = _ROWS.get(line.name, own)
        traces += _line(merged(line) if last >= _LONG else line, color, dash, band=len(fact.lines) <= _BANDS)
    rising = fact.quantity.startswith("accuracy")
    positive = min(line.low_M.min() for line in fact.lines) > 0
    axes = {
        "xaxis": _axis("epoch", log=bool(last >= _LONG)) | _whole(last),
        "yaxis": _axis(fact.quantity, log=bool(positive and not rising)),
    }
    return {
        "data": traces,
        "layout": {**axes, "hovermode": "x unified" if len(fact.lines) < 3 else "closest"},
    }


@plot_of.register
def _of_ranking(fact: Ranking) -> Plot | None:
    healthy = int(np.isfinite(fact.score_C).sum())
    if not 0 < healthy <= MOST_POINTS:
        return None
    kinds = np.where(fact.tied_C, 1, 0)
    if fact.chosen >= 0:
        kinds[fact.chosen] = 2
    styles = ("can be told from the best", GREY, "circle"), ("cannot be told from the best", BLUE, "circle")
    traces = []
    for kind, (name, color, symbol) in enumerate((*styles, ("chosen", VERMILLION, "diamond"))):
        place = np.flatnonzero(kinds[:healthy] == kind)
        error = {"type": "data", "array": _short(fact.error_C[place]), "thickness": 1, "width": 0}
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": name, "x": (place + 1).tolist(),
                "y": _short(fact.score_C[place]), "error_y": error,
                "text": [_settings(fact, number) for number in place.tolist()],
                "marker": {"color": color, "symbol": symbol, "size": 7 if kind < 2 else 10},
                "hovertemplate": "rank %{x}: %{y:.4g}<br>%{text}<extra></extra>",
            }
        )  # fmt: skip
    axes = {"xaxis": _axis("rank") | _whole(healthy), "yaxis": _axis(fact.quantity)}
    return {"data": [trace for trace in traces if trace["x"]], "layout": {**axes, "hovermode": "closest"}}


@plot_of.register
def _of_targets(facts: list) -> Plot | None:  # type: ignore[type-arg]
    """One target has a plot; many stay drawn."""
    return _of_one_target(facts[0]) if len(facts) == 1 else None


@singledispatch
def _of_one_target(fact: Any) -> Plot | None:
    del fact
    return None


@_of_one_target.register
def _of_agreement(fact: Agreement) -> Plot | None:
    line = fact.line
    if not 0 < len(line.x_M) <= MOST_POINTS:
        return None
    low, high = min(line.x_M.min(), line.low_M.min()), max(line.x_M.max(), line.high_M.max())
    right = {
        "type": "scatter", "mode": "lines", "name": "predicted = true", "x": _short([low, high]),
        "y": _short([low, high]), "line": {"color": GREY, "width": 1.2}, "hoverinfo": "skip",
    }  # fmt: skip
    dots = _dots("test row", line.x_M, line.middle_M, BLUE)
    dots["hovertemplate"] = "true %{x:.4g}, predicted %{y:.4g}<extra></extra>"
    axes = {
        "xaxis": {**_axis(f"true {label(fact.target)}"), "constrain": "domain", "constraintoward": "left"},
        "yaxis": {**_axis(f"predicted {label(fact.target)}"), "scaleanchor": "x"},
    }
    return {"data": [right, dots], "layout": {**axes, "hovermode": "closest"}}


@_of_one_target.register
def _of_fitted_curve(fact: FittedCurve) -> Plot | None:
    if len(fact.train_x) + len(fact.test_x) > MOST_POINTS:
        return None
    test = _dots("test rows", fact.test_x, fact.test_y, TEST)
    test["marker"]["symbol"] = "circle-open"
    traces = [
        _dots("training rows", fact.train_x, fact.train_y, TRAINING),
        test,
        *_line(fact.line, VERMILLION, "solid"),
    ]
    traces[-1]["name"] = "prediction"
    axes = {"xaxis": _axis(label(fact.input)), "yaxis": _axis(label(fact.target))}
    return {"data": traces, "layout": {**axes, "hovermode": "closest"}}


def _line(line: Line, color: str, dash: str, *, band: bool = True) -> list[dict[str, Any]]:
    """Draw a line, and its band where it has one."""
    name = label(line.name)
    traces: list[dict[str, Any]] = []
    if band and (line.high_M > line.low_M).any():
        there_and_back = np.concatenate((line.x_M, line.x_M[::-1]))
        edge = np.concatenate((line.low_M, line.high_M[::-1]))
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": _short(there_and_back), "y": _short(edge), "fill": "toself",
                "fillcolor": _faint(color), "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
                "legendgroup": name,
            }
        )  # fmt: skip
    traces.append(
        {
            "type": "scatter", "mode": "lines", "name": name, "x": _short(line.x_M), "y": _short(line.middle_M),
            "line": {"color": color, "dash": dash, "width": 1.8}, "legendgroup": name,
            "hovertemplate": "%{x:.4g}: %{y:.4g}",
        }
    )  # fmt: skip
    return traces


def _dots(name: str, x_M: NDArray[Any], y_M: NDArray[Any], color: str) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": _short(x_M), "y": _short(y_M),
        "marker": {"color": color, "size": 6, "opacity": 0.75}, "hovertemplate": "%{x:.4g}: %{y:.4g}",
    }  # fmt: skip


def _axis(title: str, *, log: bool = False) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": title}}
    return {**axis, "type": "log"} if log else axis


def _whole(last: float) -> dict[str, Any]:
    """Keep a short axis of whole numbers from ticks between them."""
    return {"dtick": 1} if last <= 10 else {}


def _settings(fact: Ranking, place: int) -> str:
    pairs = zip(fact.keys, fact.values[place], strict=True)
    return "<br>".join(label(f"{key} {value}") for key, value in pairs)


def _short(values: Sequence[float] | NDArray[Any]) -> list[float | None]:
    """Five significant digits: enough for a pointer, and half the bytes."""
    numbers = np.asarray(values, dtype=np.float64).tolist()
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in numbers]


def _faint(color: str) -> str:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"
