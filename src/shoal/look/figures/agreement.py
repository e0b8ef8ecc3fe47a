"""Predicted against true values, target by target.

Letters: R repeats, V rows predicted, K targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._extent import VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._layers import MOST_PANELS, targets_left_out
from shoal.look._line_notes import line_notes
from shoal.look._lines import Line, line_over_repeats, usual_spread
from shoal.look._paper import (
    BLUE,
    GREY,
    TITLED,
    Panel,
    Sheet,
    heading,
    legend_beside,
    noted,
    panels,
    plain,
    with_room,
)
from shoal.look._plots import MOST_POINTS, Plot, X, Y, faint, live_axis, live_dots, plotted, short_numbers
from shoal.look._run_findings import NetworkGroup, RunFindings
from shoal.wording import rounded

_ERROR_BAR_BYTES: Final = 650.0
"""Of a test row: matplotlib makes an object of each error bar."""
_ERROR_BAR_SECONDS: Final = 4e-5


@dataclass(frozen=True, eq=False)
class Agreement:
    """What R repeats predicted (`line`) at the true values of one target; `r2_R` and `rmse_R` per repeat.

    `delivered`: the first repeat is the delivered network.
    """

    name: str
    target: str
    line: Line
    r2_R: NDArray[np.float64]
    rmse_R: NDArray[np.float64]
    delivered: bool = False


def agreement(
    name: str,
    target: str,
    true_V: NDArray[Any],
    predicted_RV: NDArray[Any],
    *,
    delivered: bool = False,
    weight_V: NDArray[np.float64] | None = None,
) -> Agreement:
    """Predicted against true values of one target.

    R2 is one minus the residual over the total sum of squares (NaN where all true values are equal).
    """
    true = np.asarray(true_V, dtype=np.float64)
    predicted = np.asarray(predicted_RV, dtype=np.float64).reshape(-1, len(true))
    square_R = np.average((predicted - true) ** 2, axis=1, weights=weight_V)
    variance = np.average((true - np.average(true, weights=weight_V)) ** 2, weights=weight_V)
    r2_R = 1 - square_R / variance if variance > 0 else np.full(len(predicted), np.nan)
    line = line_over_repeats(name, true, predicted, usual_spread(len(predicted)))
    return Agreement(name, target, line, r2_R, np.sqrt(square_R), delivered)


def agreements(findings: RunFindings, group: NetworkGroup) -> list[Agreement]:
    """Predicted against true values of every target."""
    predicted_RVK = findings.predicted(group)
    true_VK = findings.truth.y[findings.truth.train_rows :]
    return [
        agreement(
            group.titled,
            target,
            true_VK[:, k],
            predicted_RVK[:, :, k],
            delivered=group.delivered,
            weight_V=findings.truth.test_weights,
        )
        for k, target in enumerate(findings.truth.target_names)
    ]


def draw_agreement(facts: Sequence[Agreement]) -> Sheet:
    """Predicted against true values, one panel a target, the first six."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(7.2, 5.2) if len(shown) == 1 else (4.6, 4.2))
    for axes, fact in zip(grid, shown, strict=True):
        _draw_agreement(axes, fact)
    legend_beside(grid[min(1, len(shown) - 1)], noted(line_notes(shown[0].line, "dot", "bar")))
    heading(figure, f"{plain(facts[0].name, TITLED)}: predicted against true values{targets_left_out(facts)}")
    return figure


def _draw_agreement(axes: Panel, fact: Agreement) -> None:
    line = fact.line
    ends = [min(line.x_M.min(), line.low_M.min()), max(line.x_M.max(), line.high_M.max())]
    axes.plot(ends, ends, color=GREY, linewidth=1.2, zorder=1, label="predicted = true")
    axes.vlines(line.x_M, line.low_M, line.high_M, color=BLUE, alpha=0.3, linewidth=1.2)
    axes.scatter(line.x_M, line.middle_M, s=18, color=BLUE, alpha=0.75, linewidths=0, label="test row")
    roomy = with_room(float(ends[0]), float(ends[1]))
    axes.set(xlim=roomy, ylim=roomy, aspect="equal")
    axes.set_xlabel(f"true {plain(fact.target, 32)}")
    axes.set_ylabel(f"predicted {plain(fact.target, 32)}")
    axes.set_title("\n".join(agreement_scores(fact)), fontsize=10, fontweight="normal")


def agreement_scores(fact: Agreement) -> tuple[str, ...]:
    """Say how well values are predicted: over all networks, and by the delivered one where it is among them."""
    middle = "median " if fact.line.repeats > 1 else ""
    parts = [f"{middle}R² {_number(np.median(fact.r2_R))}, {middle}RMSE {rounded(np.median(fact.rmse_R), 4)}"]
    if fact.delivered and fact.line.repeats > 1:
        parts.append(f"the delivered network: R² {_number(fact.r2_R[0])}, RMSE {rounded(fact.rmse_R[0], 4)}")
    return tuple(parts)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"


def _target_words(fact: Agreement) -> str:
    return f"Predicted against true {fact.target}: {'; '.join(agreement_scores(fact))}."


def words(facts: Sequence[Agreement]) -> str:
    """Say it of the first few targets, a sentence each."""
    return " ".join(_target_words(fact) for fact in facts[:MOST_PANELS])


def plot(facts: Sequence[Agreement]) -> Plot | None:
    """One target has a plot; many stay drawn."""
    return _target_plot(facts[0]) if len(facts) == 1 else None


def _target_plot(fact: Agreement) -> Plot | None:
    line = fact.line
    if not 0 < len(line.x_M) <= MOST_POINTS:
        return None
    low, high = min(line.x_M.min(), line.low_M.min()), max(line.x_M.max(), line.high_M.max())
    right = {
        "type": "scatter", "mode": "lines", "name": "predicted = true", "x": short_numbers([low, high]),
        "y": short_numbers([low, high]), "line": {"color": GREY, "width": 1.2}, "hoverinfo": "skip",
    }  # fmt: skip
    dots = live_dots("test row", line.x_M, line.middle_M, BLUE)
    dots["hovertemplate"] = f"true {X}, predicted {Y}<extra></extra>"
    if (line.high_M > line.low_M).any():
        up, down = short_numbers(line.high_M - line.middle_M), short_numbers(line.middle_M - line.low_M)
        dots["error_y"] = {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "width": 0}
        dots["error_y"] |= {"thickness": 1.2, "color": faint(BLUE, 0.35)}
    axes = {
        "xaxis": {
            **live_axis(f"true {label(fact.target)}"),
            "constrain": "domain",
            "constraintoward": "left",
        },
        "yaxis": {**live_axis(f"predicted {label(fact.target)}"), "scaleanchor": "x"},
    }
    notes = (*agreement_scores(fact), *line_notes(line, "dot", "bar"))
    return plotted([right, dots], {**axes, "hovermode": "closest"}, notes)


def gather(subject: Subject) -> Iterator[Gathered]:
    """The answers of a regression."""
    findings, group = subject.findings, subject.group
    if group.healthy and findings.numbers:
        yield Gathered(agreements(findings, group))


def memory(extent: Extent) -> float:
    """Give the bytes of its error bars."""
    return 0.0 if not extent.numbers else _ERROR_BAR_BYTES * extent.tested * extent.dataset.outputs


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    if not extent.numbers:
        return 0.0
    values = extent.tested * extent.dataset.outputs
    row = _ERROR_BAR_SECONDS if extent.repeats > 1 else VALUE
    return panels_seconds(1) + VALUE * values * extent.repeats + row * values


FIGURE: Final = Figure(
    chapters=(
        Chapter.TESTED,
        Chapter.COMPARED,
    ),
    order=50,
    name="predicted",
    title="Predicted against true values",
    caption="Dots on the line are right; their upright distance from it is the error.",
    gather=gather,
    draw=draw_agreement,
    words=words,
    plot=plot,
    memory=memory,
    seconds=seconds,
)
