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
from shoal.look._facts import Agreement, Curves, FittedCurve, Line
from shoal.look._facts_search import Ranking
from shoal.look._figures import BLUE, GREY, SERIES, TEST, TRAINING, VALIDATION, VERMILLION
from shoal.look._figures_search import CHOSEN, RANKING_LOG, TIED, WORSE, ranking_places, ranking_table
from shoal.look._notes import agreement_scores, curve_notes, line_notes
from shoal.look._reasons import counted

Plot = dict[str, Any]
MOST_POINTS: Final = 2000
"""More dots than these make a page slow and a picture a blot: such a picture stays a drawn one."""
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
    for number, line in enumerate(fact.shown):
        own = (SERIES[number % len(SERIES)], _DASHES[number // len(SERIES) % len(_DASHES)])
        traces += _line(line, *_ROWS.get(line.name, own))
    axes = {
        "xaxis": _axis("epoch", log=fact.long) | _whole(last),
        "yaxis": _axis(fact.quantity, log=fact.logarithmic),
    }
    hover = "x unified" if len(fact.lines) < 3 else "closest"
    return _plot(traces, {**axes, "hovermode": hover}, curve_notes(fact))


@plot_of.register
def _of_ranking(fact: Ranking) -> Plot | None:
    """Candidates from the top down with their settings beside them, as they are drawn."""
    count = len(fact.score_C)
    if not np.isfinite(fact.score_C).any() or count > MOST_POINTS:
        return None
    place_C, named = ranking_places(count)
    header, *rows = (label(line).replace(" ", "\u00a0") for line in ranking_table(fact, named))
    healthy_C = np.isfinite(fact.score_C)
    kinds = (WORSE, GREY, healthy_C & ~fact.tied_C), (TIED, BLUE, healthy_C & fact.tied_C)
    traces = [
        _candidates(
            fact,
            kind,
            {"color": color, "symbol": "circle", "size": 7},
            (place_C, named, np.flatnonzero(some_C)),
        )
        for kind, color, some_C in kinds
        if some_C.any()
    ]
    if fact.chosen >= 0:
        mark = {"color": VERMILLION, "symbol": "diamond", "size": 11}
        traces.append(_candidates(fact, CHOSEN, mark, (place_C, named, np.array([fact.chosen]))))
    score_C = fact.score_C[healthy_C]
    wide = bool(score_C.min() > 0 and score_C.max() / score_C.min() > RANKING_LOG)
    ticks = {
        "tickvals": [-1.2, *_short(place_C[:named])], "ticktext": [header, *rows],
        "tickfont": {"family": "DejaVu Sans Mono, monospace", "size": 11}, "range": [float(place_C[-1]) + 1, -2],
    }  # fmt: skip
    layout = {
        "xaxis": _axis(fact.quantity, log=wide), "yaxis": {**_axis(""), **ticks}, "hovermode": "closest",
        "height": round(150 + 18 * (place_C[-1] + 2)),
    }  # fmt: skip
    sick = int((~healthy_C).sum())
    notes = ["bars: one standard error"] + [f"{counted(sick, 'candidate')} diverged or failed"] * bool(sick)
    return _plot(traces, layout, notes)


def _candidates(
    fact: Ranking, name: str, marker: dict[str, Any], where: tuple[NDArray[Any], int, NDArray[np.int64]]
) -> dict[str, Any]:
    """Some candidates (numbers `some` into `place_C`) as dots with their standard errors, those named only."""
    place_C, named, some = where
    error = np.where(some < named, np.nan_to_num(fact.error_C[some]), 0)
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": _short(fact.score_C[some]),
        "y": _short(place_C[some]), "error_x": {"type": "data", "array": _short(error), "thickness": 1, "width": 0},
        "text": [f"rank {number + 1}<br>{_settings(fact, number)}" for number in some.tolist()],
        "marker": marker, "hovertemplate": "%{x:.4g}<br>%{text}<extra></extra>",
    }  # fmt: skip


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
    if (line.high_M > line.low_M).any():
        up, down = _short(line.high_M - line.middle_M), _short(line.middle_M - line.low_M)
        dots["error_y"] = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "width": 0}
        dots["error_y"] |= {"thickness": 1.2, "color": _faint(BLUE, 0.35)}
    axes = {
        "xaxis": {**_axis(f"true {label(fact.target)}"), "constrain": "domain", "constraintoward": "left"},
        "yaxis": {**_axis(f"predicted {label(fact.target)}"), "scaleanchor": "x"},
    }
    notes = (*agreement_scores(fact), *line_notes(line, "dot", "bar"))
    return _plot([right, dots], {**axes, "hovermode": "closest"}, notes)


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
    return _plot(traces, {**axes, "hovermode": "closest"}, line_notes(fact.line))


def _plot(traces: list[dict[str, Any]], layout: dict[str, Any], notes: Sequence[str]) -> Plot:
    """Put traces and layout together; the notes stand as the legend's title, as they do where it is drawn."""
    title = "<br>".join(label(note) for note in notes)
    legend = {"title": {"text": title, "side": "top", "font": {"size": 11.5}}} if title else {}
    return {"data": traces, "layout": {**layout, "showlegend": True, "legend": legend}}


def _line(line: Line, color: str, dash: str) -> list[dict[str, Any]]:
    """Draw a line, and its band where it has one."""
    name = label(line.name)
    traces: list[dict[str, Any]] = []
    if (line.high_M > line.low_M).any():
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


def _faint(color: str, alpha: float = 0.16) -> str:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
