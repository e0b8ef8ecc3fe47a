"""True less predicted values over what is predicted, and over the inputs that the size of residuals goes with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import numpy as np

from shoal.look._extent import DOT, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._layers import MOST_PANELS, targets_left_out
from shoal.look._paper import (
    BLUE,
    GREY,
    VERMILLION,
    Panel,
    Sheet,
    heading,
    legend_beside,
    noted,
    panels,
    plain,
    with_room,
)
from shoal.look._residuals import (
    BINS,
    MOST_DOTS,
    Residuals,
    Spread,
    rank_correlation,
    residuals_of,
    spread_over,
)
from shoal.look._run_findings import DELIVERED
from shoal.wording import one_number

_INPUTS: Final = 3
"""Inputs that are shown, at most."""
_DOT_SECONDS: Final = 8e-6


def spreads(
    own: Residuals, names: Sequence[str], x_VD: np.ndarray, dates: Collection[str] = ()
) -> tuple[Spread, ...]:
    """Give residuals over predictions, and over the inputs whose ranks the size of residuals goes with most.

    Inputs that are constant are not shown. Those of `dates` are in seconds since 1970.
    """
    predicted = spread_over(own, "predicted", own.target, own.predicted_V)
    size_V = np.abs(own.residual_V)
    goes_D = np.array([rank_correlation(size_V, x_VD[:, d]) for d in range(len(names))])
    order = [
        d
        for d in np.argsort(-np.nan_to_num(np.abs(goes_D), nan=-1.0), kind="stable")
        if not np.isnan(goes_D[d])
    ]
    kinds = ["date" if name in dates else "input" for name in names]
    chosen = (spread_over(own, kinds[d], names[d], x_VD[:, d], float(goes_D[d])) for d in order[:_INPUTS])
    return (predicted, *chosen)


def draw_spreads(facts: Sequence[Spread]) -> Sheet:
    """A panel for what residuals stand over."""
    shown = facts[:MOST_PANELS]
    of_targets = facts[0].target != facts[-1].target
    columns = 3 if of_targets else len(shown)
    figure, grid = panels(len(shown), columns=columns, size=(6.8, 4.4) if len(shown) == 1 else (3.7, 3.5))
    for axes, fact in zip(grid, shown, strict=True):
        _draw_spread(axes, fact)
        axes.set_ylabel(f"residual of {plain(fact.target, 20)}" if of_targets or axes is grid[0] else "")
    if not of_targets:
        lows, highs = zip(*(axes.get_ylim() for axes in grid), strict=True)
        for axes in grid:
            axes.set_ylim(min(lows), max(highs))
            axes.tick_params(labelleft=axes is grid[0])
    every = max(fact.every for fact in shown)
    notes = [f"one row in {every} is drawn"] if every > 1 else []
    legend_beside(grid[min(columns, len(shown)) - 1], noted(notes))
    more = targets_left_out(facts) if of_targets else ""
    heading(figure, f"{DELIVERED}: residuals of the test rows, true less predicted{more}")
    return figure


def _draw_spread(axes: Panel, fact: Spread) -> None:
    axes.axhline(0, color=GREY, linewidth=1.2)
    axes.scatter(fact.x_V, fact.residual_V, s=10, color=BLUE, alpha=0.45, linewidths=0, label="test row")
    if len(fact.x_M):
        axes.vlines(
            fact.x_M, fact.low_M, fact.high_M, color=VERMILLION, linewidth=2, label="middle half of a bin"
        )
        axes.plot(
            fact.x_M, fact.middle_M, "o-", color=VERMILLION, markersize=4, linewidth=1, label="its median"
        )
    axes.set_xlabel(_over(fact))
    if len(fact.x_V):
        axes.set(xlim=with_room(float(fact.x_V[0]), float(fact.x_V[-1])))
    if fact.kind == "date":
        _days(axes, fact)
    else:
        axes.locator_params(axis="x", nbins=4)
    if fact.kind != "predicted":
        said = f"rank correlation with |residual| {one_number(fact.rank_correlation, 2)}"
        axes.set_title(said, fontsize=9, fontweight="normal")


def _days(axes: Panel, fact: Spread) -> None:
    """Write three dates below the axis, of less than a few days with their times."""
    low, high = float(fact.x_V[0]), float(fact.x_V[-1])
    ticks = np.linspace(low, high, 3)
    letters = 10 if high - low > 4 * 86_400 else 16
    moments = [str(np.datetime64(round(tick), "s"))[:letters] for tick in ticks.tolist()]
    axes.set_xticks(ticks, [moment.replace("T", "\n") for moment in moments])


def _over(fact: Spread) -> str:
    return f"predicted {plain(fact.over, 24)}" if fact.kind == "predicted" else plain(fact.over, 26)


def caption(facts: Sequence[Spread]) -> str:
    """What to look for, and how bins are made."""
    inputs = sum(fact.kind != "predicted" for fact in facts)
    which = " Inputs are those whose ranks |residual| goes with most." if inputs else ""
    return (
        "A bend of the medians is what the network missed, a widening where it is less sure."
        f" Bins have a like number of rows ({BINS}), or one value each.{which}"
    )


def words(facts: Sequence[Spread]) -> str:
    """Say it in a sentence, with its few telling numbers."""
    first, inputs = facts[0], [fact for fact in facts if fact.kind != "predicted"]
    parts = []
    if len(first.x_M):
        low, high = float(first.middle_M.min()), float(first.middle_M.max())
        parts.append(f"medians over predicted {first.target} from {one_number(low)} to {one_number(high)}")
    if inputs:
        parts.append(
            f"|residual| goes most with {inputs[0].over} (rank correlation {one_number(inputs[0].rank_correlation, 2)})"
        )
    return f"Residuals: {'; '.join(parts)}." if parts else ""


def gather(subject: Subject) -> Iterator[Gathered]:
    """The residuals of one target over predictions, numeric inputs and dates; of several over their predictions."""
    parts, truth = residuals_of(subject), subject.findings.truth
    if len(parts) > 1:
        yield Gathered(tuple(spread_over(own, "predicted", own.target, own.predicted_V) for own in parts))
    elif parts:
        named = len(truth.input_names) == truth.x_ND.shape[1]
        x_VD, names = truth.x_ND[truth.train_rows :][parts[0].row_V], truth.input_names if named else ()
        cells = subject.findings.results.test_cells
        dates = {} if cells is None else {name: cells.dates[name] for name in names if name in cells.dates}
        for name, second_V in dates.items():
            x_VD[:, names.index(name)] = second_V[parts[0].row_V]  # kept as seconds since the first row
        yield Gathered(spreads(parts[0], names, x_VD, dates))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, of its dots and of the answers behind it."""
    if not extent.numbers:
        return 0.0
    inputs = sum(not column.categorical for column in extent.dataset.columns)
    targets = extent.dataset.outputs
    shown = 1 + min(_INPUTS, inputs) if targets == 1 else min(MOST_PANELS, targets)
    rows = extent.tested * (1 + inputs if targets == 1 else targets)
    return (
        panels_seconds(shown)
        + (DOT + _DOT_SECONDS) * min(extent.tested, MOST_DOTS) * shown
        + 5 * VALUE * rows
    )


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=52,
    name="residuals",
    title="Residuals",
    caption=caption,
    gather=gather,
    draw=draw_spreads,
    words=words,
    seconds=seconds,
)
