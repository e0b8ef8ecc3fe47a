"""Actual and predicted values in order of time.

Letters: T times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import TimeKind, time_text
from shoal.look._escape import label
from shoal.look._extent import VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLACK, TEST, Panel, Sheet, heading, legend_above, plain, stacked, with_room
from shoal.look._plots import Plot, live_axis, plotted, short_numbers
from shoal.look._residuals import Residuals, residuals_of
from shoal.look._run_findings import DELIVERED
from shoal.look.figures.errors_by_group import NUMBERED, group_name, names_of_groups
from shoal.wording import counted, one_number

MOST_TIMES: Final = 1000
"""Times of a panel, at most: the latest."""
_PANELS: Final = 4
"""Targets, or groups, that are drawn, at most: the first targets, the groups of the most rows."""
_GAP: Final = 3.5
"""A step of time beyond so many usual ones is a gap, over which no line is drawn."""
_TICKS: Final = 6


@dataclass(frozen=True, eq=False)
class Course:
    """Actual and predicted values of a target at T times, means over the rows of one time; NaN within gaps.

    `further` times before these are not drawn. `group` is empty where all rows are shown together, a number where
    `numbered`; `kind` says what times are.
    """

    target: str
    group: str
    kind: TimeKind
    further: int
    time_T: NDArray[np.float64]
    actual_T: NDArray[np.float64]
    predicted_T: NDArray[np.float64]
    rows_T: NDArray[np.int64]
    numbered: bool = False

    @property
    def several(self) -> bool:
        """Whether some time has several rows."""
        return bool((self.rows_T > 1).any())


def course(own: Residuals, group: str, kind: TimeKind, time_V: NDArray[np.float64]) -> Course:
    """Put the rows of a target in order of time."""
    weight_V = np.ones(len(time_V)) if own.weight_V is None else own.weight_V / own.weight_V.max()
    time_T, place_V = np.unique(time_V, return_inverse=True)
    sum_T = np.bincount(place_V, weight_V)
    actual_T, predicted_T = (
        np.bincount(place_V, weight_V * values) / sum_T
        for values in (own.predicted_V + own.residual_V, own.predicted_V)
    )
    rows_T = np.bincount(place_V)
    further = max(0, len(time_T) - MOST_TIMES)
    time_T, step_T = time_T[further:], np.diff(time_T[further:])
    gaps = np.flatnonzero(step_T > _GAP * np.median(step_T)) + 1 if len(step_T) else np.zeros(0, np.int64)
    return Course(
        own.target,
        group,
        kind,
        further,
        np.insert(time_T, gaps, (time_T[gaps - 1] + time_T[gaps]) / 2),
        np.insert(actual_T[further:], gaps, np.nan),
        np.insert(predicted_T[further:], gaps, np.nan),
        np.insert(rows_T[further:], gaps, 0),
    )


def draw_courses(facts: Sequence[Course]) -> Sheet:
    """A panel a target or group, above each other."""
    figure, grid = stacked((1,) * len(facts), size=(10.5, 1.6 + 2.5 * len(facts)))
    for axes, fact in zip(grid, facts, strict=True):
        _draw_course(axes, fact)
    times = np.concatenate([fact.time_T for fact in facts])
    low, high = float(times.min()), float(times.max())
    ticks = np.linspace(low, high, _TICKS) if high > low else np.array([low])
    ends = with_room(low, high, 0.02)
    grid[-1].set(xlim=ends)
    grid[-1].set_xticks(ticks, [_tick(tick, facts[0].kind) for tick in ticks.tolist()])
    grid[-1].set_xlabel("place in the file" if facts[0].kind == "place" else "time")
    legend_above(grid[0])
    heading(figure, f"{DELIVERED}: actual and predicted {plain(facts[0].target)} over time{_further(facts)}")
    return figure


def _draw_course(axes: Panel, fact: Course) -> None:
    marker = "." if np.count_nonzero(fact.rows_T) <= 60 else ""
    axes.plot(fact.time_T, fact.actual_T, color=BLACK, linewidth=1.0, marker=marker, label="actual")
    axes.plot(fact.time_T, fact.predicted_T, color=TEST, linewidth=1.4, marker=marker, label="predicted")
    axes.set_ylabel(plain(fact.target, 20))
    if fact.group:
        axes.set_title(
            f"{plain(fact.group)} ({counted(int(fact.rows_T.sum()), 'test row')})",
            fontsize=9,
            fontweight="normal",
        )


def _tick(time: float, kind: TimeKind) -> str:
    if kind == "date":
        return time_text(float(round(time)), kind).partition("T")[0]
    return one_number(float(time_text(float(round(time)) if kind == "place" else time, kind)), 4)


def _further(facts: Sequence[Course]) -> str:
    most = max(fact.further for fact in facts)
    return f" (the latest {MOST_TIMES:,} times, {counted(most, 'earlier one')} are not drawn)" if most else ""


def caption(facts: Sequence[Course]) -> str:
    """What lines are, and what is left out."""
    text = "Lines end at gaps in time."
    if any(fact.several for fact in facts):
        text += " Of several rows of one time the mean is drawn."
    if facts[0].group:
        text += f" Of many groups the {_PANELS} of the most test rows are drawn."
    if any(fact.numbered for fact in facts):
        text += f" {NUMBERED}"
    return text


def words(facts: Sequence[Course]) -> str:
    """Say it in a sentence, with its few telling numbers."""
    first = facts[0]
    seen_T = first.rows_T > 0
    apart = float(np.abs(first.actual_T - first.predicted_T)[seen_T].mean())
    start, end = (time_text(float(time), first.kind) for time in first.time_T[seen_T][[0, -1]])
    return f"Actual and predicted {first.target} from {start} to {end}: {one_number(apart)} apart on average."


def plot(facts: Sequence[Course]) -> Plot | None:
    """One course has a plot; several stay drawn."""
    if len(facts) > 1:
        return None
    fact = facts[0]
    times = [time_text(float(round(time)), fact.kind) for time in fact.time_T.tolist()]
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": times if fact.kind == "date" else
            short_numbers(fact.time_T, 10), "y": short_numbers(values), "line": {"color": color, "width": 1.6},
            "connectgaps": False,
        }
        for name, values, color in (("actual", fact.actual_T, BLACK), ("predicted", fact.predicted_T, TEST))
    ]  # fmt: skip
    axes = {"xaxis": live_axis("place in the file" if fact.kind == "place" else "time")}
    return plotted(traces, {**axes, "yaxis": live_axis(label(fact.target)), "hovermode": "x"}, ())


def gather(subject: Subject) -> Iterator[Gathered]:
    """The first targets where rows have an order; the largest groups of one target where these are known."""
    from shoal.look._time_folds import kind_of_times

    parts, truth = residuals_of(subject), subject.findings.truth
    if not parts or not len(truth.times):
        return
    time_V = truth.times[truth.train_rows :][parts[0].row_V]
    if not np.isfinite(time_V).all() or len(np.unique(time_V)) < 2:
        return
    kind = kind_of_times(subject.findings.results)
    group_V = truth.groups[truth.train_rows :][parts[0].row_V] if len(truth.groups) else np.zeros(0, np.int64)
    numbers, rows = np.unique(group_V, return_counts=True)
    if len(numbers) > 1 and (numbers >= 0).all():
        largest = np.sort(numbers[np.argsort(-rows, kind="stable")[:_PANELS]])
        known = names_of_groups(subject)
        facts = []
        for number in largest.tolist():
            of_V = group_V == number
            fact = course(_of_rows(parts[0], of_V), group_name(known, number), kind, time_V[of_V])
            facts.append(replace(fact, numbered=number not in known))
        yield Gathered(facts)
        return
    yield Gathered([course(own, "", kind, time_V) for own in parts[:_PANELS]])


def _of_rows(own: Residuals, of_V: NDArray[np.bool_]) -> Residuals:
    weight_V = None if own.weight_V is None else own.weight_V[of_V]
    return Residuals(own.target, own.row_V[of_V], own.predicted_V[of_V], own.residual_V[of_V], weight_V)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    data = extent.study.data
    if not extent.numbers or not data.timed:
        return 0.0
    shown = _PANELS if data.groups else min(_PANELS, extent.dataset.outputs)
    return panels_seconds(shown) + 4 * VALUE * extent.tested * extent.dataset.outputs


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=58,
    name="over-time",
    title="Actual and predicted over time",
    caption=caption,
    gather=gather,
    draw=draw_courses,
    words=words,
    plot=plot,
    seconds=seconds,
)
