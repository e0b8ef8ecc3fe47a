"""The learned function of one input, target by target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._curves import draw_line
from shoal.look._escape import label
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._layers import MOST_PANELS, targets_left_out
from shoal.look._line_notes import line_notes
from shoal.look._lines import Line, Points, line_over_repeats, with_place
from shoal.look._paper import (
    SKY,
    TEST,
    TITLED,
    TRAINING,
    VERMILLION,
    Sheet,
    heading,
    legend_beside,
    noted,
    panels,
    plain,
)
from shoal.look._plots import MOST_POINTS, Plot, line_traces, live_axis, live_band, live_dots, plotted
from shoal.look._run_findings import NetworkGroup, RunFindings
from shoal.wording import one_number

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FittedCurve:
    """One target over the one input: the points, and the predictions in the order of the input.

    `sure_low` and `sure_high` are the ends of the interval of most new rows at `sure_x`, empty where there is none.
    """

    name: str
    input: str
    target: str
    train_x: NDArray[np.float64]
    train_y: NDArray[np.float64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.float64]
    line: Line
    sure_x: Floats = field(default_factory=lambda: np.zeros(0))
    sure_low: Floats = field(default_factory=lambda: np.zeros(0))
    sure_high: Floats = field(default_factory=lambda: np.zeros(0))


def fitted_curve(
    name: str, names: tuple[str, str], train: Points, test: Points, predicted_RV: NDArray[Any]
) -> FittedCurve:
    """Give the learned function of one input; `names` are input and target, `train` and `test` values."""
    x_V = np.asarray(test[0], dtype=np.float64)
    predicted_RV = np.asarray(predicted_RV, dtype=np.float64).reshape(-1, len(x_V))
    order = np.argsort(x_V, kind="stable")
    order = order[~np.isnan(x_V[order])]  # a row that lacks the input has no place on its axis
    predicted_RV = predicted_RV[:, order]
    train, test = with_place(train), with_place(test)
    # The whole range: the middle half of many repeats would hide behind the line.
    line = line_over_repeats(name, x_V[order], predicted_RV, "range")
    return FittedCurve(name, *names, *train, *test, line)


def fitted_curves(findings: RunFindings, group: NetworkGroup) -> list[FittedCurve]:
    """The learned function of every target, where there is one input, a numeric one."""
    if not findings.one_input:
        return []
    predicted_RVK, x_N, rows = findings.predicted(group), findings.truth.x_ND[:, 0], findings.truth.train_rows
    curves = []
    for k, target in enumerate(findings.truth.target_names):
        y_N = findings.truth.y[:, k]
        train, test = (x_N[:rows], y_N[:rows]), (x_N[rows:], y_N[rows:])
        names = (findings.truth.input_names[0], target)
        curves.append(fitted_curve(group.titled, names, train, test, predicted_RVK[:, :, k]))
    certainty = findings.results.certainty if group.delivered else None
    if certainty is None or not len(certainty.grid_G) or len(curves) > 1:
        return curves
    low_G, high_G = certainty.grid_G2.T
    return [replace(curves[0], sure_x=certainty.grid_G, sure_low=low_G, sure_high=high_G)]


def _sure() -> str:
    """Name the band of an interval."""
    from shoal.look._certainty import NOMINAL

    return f"{NOMINAL} interval, new rows of the same kind"


def draw_fitted_curve(facts: Sequence[FittedCurve]) -> Sheet:
    """The learned function over the points that it learned from and those it was tested on."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(8.8 if len(shown) == 1 else 6.4, 4.6))
    for axes, fact in zip(grid, shown, strict=True):
        if len(fact.sure_x):
            axes.fill_between(
                fact.sure_x, fact.sure_low, fact.sure_high, color=SKY, alpha=0.3, linewidth=0, label=_sure()
            )
        axes.scatter(
            fact.train_x, fact.train_y, s=18, color=TRAINING, alpha=0.6, linewidths=0, label="training rows"
        )
        axes.scatter(
            fact.test_x,
            fact.test_y,
            s=16,
            facecolors="none",
            edgecolors=TEST,
            linewidths=0.9,
            label="test rows",
        )
        draw_line(axes, fact.line, {"color": VERMILLION, "label": "prediction"})
        axes.set_xlabel(plain(fact.input))
        axes.set_ylabel(plain(fact.target))
    legend_beside(grid[min(1, len(shown) - 1)], noted(line_notes(shown[0].line)))
    heading(figure, f"{plain(facts[0].name, TITLED)}: fitted curve{targets_left_out(facts)}")
    return figure


def _target_words(fact: FittedCurve) -> str:
    line = fact.line
    ends = f"from {one_number(float(line.middle_M.min()))} to {one_number(float(line.middle_M.max()))}"
    return f"Predicted {fact.target} over {fact.input}: {ends}." if len(line.middle_M) else ""


def words(facts: Sequence[FittedCurve]) -> str:
    """Say it of the first few targets, a sentence each."""
    return " ".join(sentence for fact in facts[:MOST_PANELS] if (sentence := _target_words(fact)))


def plot(facts: Sequence[FittedCurve]) -> Plot | None:
    """One target has a plot; many stay drawn."""
    return _target_plot(facts[0]) if len(facts) == 1 else None


def _target_plot(fact: FittedCurve) -> Plot | None:
    if len(fact.train_x) + len(fact.test_x) > MOST_POINTS:
        return None
    test = live_dots("test rows", fact.test_x, fact.test_y, TEST)
    test["marker"] |= {
        "symbol": "circle-open",
        "opacity": 1,
        "line": {"width": 1.4},
    }  # thin rings vanish in the dark
    traces = [
        *_live_band(fact),
        live_dots("training rows", fact.train_x, fact.train_y, TRAINING),
        test,
        *line_traces(fact.line, VERMILLION, "solid"),
    ]
    traces[-1]["name"] = "prediction"
    axes = {"xaxis": live_axis(label(fact.input)), "yaxis": live_axis(label(fact.target))}
    return plotted(traces, {**axes, "hovermode": "closest"}, line_notes(fact.line))


def _live_band(fact: FittedCurve) -> list[dict[str, Any]]:
    if not len(fact.sure_x):
        return []
    band = live_band(fact.sure_x, fact.sure_low, fact.sure_high, SKY)
    return [{**band, "name": label(_sure()), "showlegend": True}]


def gather(subject: Subject) -> Iterator[Gathered]:
    """The answers of a regression in one input."""
    findings, group = subject.findings, subject.group
    curves = fitted_curves(findings, group) if group.healthy and findings.numbers else []
    if curves:
        yield Gathered(curves)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(1) if extent.one_input and extent.numbers else 0.0


FIGURE: Final = Figure(
    chapters=(
        Chapter.TESTED,
        Chapter.COMPARED,
    ),
    order=40,
    name="fit",
    title="Fitted curve",
    caption="The prediction should follow the test rows, also where there are no training rows.",
    gather=gather,
    draw=draw_fitted_curve,
    words=words,
    plot=plot,
    seconds=seconds,
)
