"""Pictures of training and prediction: one drawing function a fact. Only places on paper are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from shoal.look._facts import Agreement, Curves, FittedCurve, Line, Scores
from shoal.look._figures import (
    BLACK,
    BLUE,
    DASHES,
    GREY,
    TEST,
    TRAINING,
    VALIDATION,
    VERMILLION,
    Panel,
    Sheet,
    empty,
    fan,
    heading,
    legend_beside,
    logarithmic,
    noted,
    panels,
    plain,
    series_style,
    whole_numbers,
)
from shoal.look._notes import agreement_scores, curve_notes, line_notes

MOST_PANELS: Final = 6
_ROWS_STYLE: Final[dict[str, dict[str, Any]]] = {
    "training": {"color": TRAINING},
    "validation": {"color": VALIDATION, "linestyle": DASHES[1]},
}


def draw_training_curves(curves: Curves) -> Sheet:
    """Training and validation loss or accuracy against epochs."""
    figure, (axes,) = panels(1, size=(8.8, 4.6))
    _draw_curves(axes, curves, [_ROWS_STYLE[line.name] for line in curves.lines])
    heading(figure, f"{plain(curves.name)}: {_measure(curves)} against epochs")
    return figure


def draw_compared_curves(curves: Curves) -> Sheet:
    """Validation curves of all comparisons in one picture, the names beside it."""
    figure, (axes,) = panels(1, size=(9.5, max(4.8, 1.6 + 0.19 * len(curves.lines))))
    _draw_curves(axes, curves, [series_style(number) for number in range(len(curves.lines))])
    heading(figure, f"Validation {_measure(curves)} of all comparisons")
    return figure


def draw_scores(scores: Scores) -> Sheet:
    """Every repeat a dot, the median a bar: what a table with one number a row hides."""
    count = len(scores.names)
    figure, (axes,) = panels(1, size=(8.5, 1.5 + 0.45 * count))
    row_R = np.concatenate([row + fan(len(found)) for row, found in enumerate(scores.scores)])
    axes.scatter(
        np.concatenate(scores.scores), row_R, s=26, color=BLUE, alpha=0.6, linewidths=0, label="one repeat"
    )
    rows = np.arange(count)
    if any(len(found) > 1 for found in scores.scores):
        axes.vlines(
            scores.median_G, rows - 0.36, rows + 0.36, color=VERMILLION, linewidth=2.4, label="median"
        )
    known = np.isfinite(scores.reference_G)
    if known.any():
        axes.scatter(
            scores.reference_G[known], rows[known], marker="D", s=36, facecolors="none", edgecolors=BLACK,
            zorder=4, label="published",
        )  # fmt: skip
    names = zip(scores.names, scores.sick, strict=True)
    axes.set_yticks(
        rows, [plain(name, 34) + (f"\n({sick} sick, not drawn)" if sick else "") for name, sick in names]
    )
    axes.set_ylim(count - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(scores.metric)
    heading(figure, "Scores on test rows: every repeat of every comparison")
    legend_beside(axes)
    return figure


def draw_agreement(facts: Sequence[Agreement]) -> Sheet:
    """Predicted against true values, one panel a target, the first six."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(7.2, 5.2) if len(shown) == 1 else (4.6, 4.2))
    for axes, fact in zip(grid, shown, strict=True):
        _draw_agreement(axes, fact)
    legend_beside(grid[min(1, len(shown) - 1)], noted(line_notes(shown[0].line, "dot", "bar")))
    heading(figure, f"{plain(facts[0].name)}: predicted against true values{_left_out(facts)}")
    return figure


def draw_fitted_curve(facts: Sequence[FittedCurve]) -> Sheet:
    """The learned function over the points that it learned from and those it was tested on."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(8.8 if len(shown) == 1 else 6.4, 4.6))
    for axes, fact in zip(grid, shown, strict=True):
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
        _draw_line(axes, fact.line, color=VERMILLION, label="prediction")
        axes.set_xlabel(plain(fact.input))
        axes.set_ylabel(plain(fact.target))
    legend_beside(grid[min(1, len(shown) - 1)], noted(line_notes(shown[0].line)))
    heading(figure, f"{plain(facts[0].name)}: fitted curve{_left_out(facts)}")
    return figure


def _draw_line(axes: Panel, line: Line, **style: Any) -> None:
    axes.plot(line.x_M, line.middle_M, **{"label": plain(line.name), **style})
    if (line.high_M > line.low_M).any():
        axes.fill_between(line.x_M, line.low_M, line.high_M, color=style["color"], alpha=0.22, linewidth=0)


def _draw_curves(axes: Panel, curves: Curves, styles: list[dict[str, Any]]) -> None:
    axes.set_xlabel("epoch")
    axes.set_ylabel(curves.quantity)
    if not curves.lines:
        empty(axes, "every repeat diverged or failed" if curves.sick else "no rows were held out")
        return
    if curves.long:
        first, last = (pick(line.x_M[end] for line in curves.lines) for pick, end in ((min, 0), (max, -1)))
        logarithmic(axes.xaxis, first, last)
    else:
        whole_numbers(axes.xaxis)
    for line, style in zip(curves.shown, styles, strict=True):
        _draw_line(axes, line, **style)
    if curves.logarithmic:
        logarithmic(axes.yaxis, *curves.ends)
    legend_beside(axes, noted(curve_notes(curves)))


def _draw_agreement(axes: Panel, fact: Agreement) -> None:
    line = fact.line
    ends = [min(line.x_M.min(), line.low_M.min()), max(line.x_M.max(), line.high_M.max())]
    axes.plot(ends, ends, color=GREY, linewidth=1.2, zorder=1, label="predicted = true")
    axes.vlines(line.x_M, line.low_M, line.high_M, color=BLUE, alpha=0.3, linewidth=1.2)
    axes.scatter(line.x_M, line.middle_M, s=18, color=BLUE, alpha=0.75, linewidths=0, label="test row")
    margin = 0.04 * (ends[1] - ends[0]) or 1
    axes.set(
        xlim=(ends[0] - margin, ends[1] + margin), ylim=(ends[0] - margin, ends[1] + margin), aspect="equal"
    )
    axes.set_xlabel(f"true {plain(fact.target, 32)}")
    axes.set_ylabel(f"predicted {plain(fact.target, 32)}")
    axes.set_title("\n".join(agreement_scores(fact)), fontsize=10, fontweight="normal")


def _left_out(facts: Sequence[object]) -> str:
    return f" (the first {MOST_PANELS} of {len(facts)} targets)" if len(facts) > MOST_PANELS else ""


def _measure(curves: Curves) -> str:
    return curves.quantity.partition(" (")[0]
