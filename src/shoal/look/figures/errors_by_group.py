"""How large errors are, group by group, or part by part of time, or fold by fold.

Letters: G groups, parts or folds; V rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import time_text
from shoal.look._extent import LABEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLUE, GREY, Sheet, heading, panels, plain
from shoal.look._residuals import Residuals, residuals_of
from shoal.look._run_findings import DELIVERED
from shoal.results import Truth
from shoal.wording import counted, one_number

_MOST: Final = 24
"""Groups that are drawn, at most: those of the largest errors."""
_PARTS: Final = 10
"""Parts of time, of a like number of rows."""
NUMBERED: Final = "Groups are numbered in the order of their names; report.groups = true names them."
"""Names of groups may be persons': results keep none unless asked to."""
_FEWEST: Final = 2
"""A part, or a group, whose rows are worth fewer has no interval."""


@dataclass(frozen=True, eq=False)
class ErrorsByGroup:
    """Weighted mean |residual| of one target over the `rows_G` test rows of each group or part, and its 95 % interval.

    By "groups" the largest stand first, by "time" the earliest. The interval is Student's, for other rows of the group;
    NaN where rows are worth fewer than two. `groups` of them there are in all. `mean` is that over all rows.
    `numbered`: names are numbers, of some groups at least.
    """

    target: str
    by: str
    groups: int
    mean: float
    names: tuple[str, ...]
    rows_G: NDArray[np.int64]
    error_G: NDArray[np.float64]
    low_G: NDArray[np.float64]
    high_G: NDArray[np.float64]
    numbered: bool = False


def errors_by_group(
    own: Residuals, by: str, names: Sequence[str], place_V: NDArray[np.int64]
) -> ErrorsByGroup:
    """Give mean sizes of residuals; `place_V` numbers the group of every row, into `names`."""
    size_V = np.abs(own.residual_V)
    weight_V = np.ones(len(size_V)) if own.weight_V is None else own.weight_V / own.weight_V.max()
    count = len(names)
    rows_G = np.bincount(place_V, minlength=count)
    sum_G, square_G, error_G = (
        np.asarray(np.bincount(place_V, values, minlength=count), np.float64)
        for values in (weight_V, weight_V**2, weight_V * size_V)
    )
    error_G = error_G / sum_G
    apart_G = np.bincount(place_V, (weight_V * (size_V - error_G[place_V])) ** 2, minlength=count)
    reach_G = np.full(count, math.nan)
    worth_G = sum_G**2 / square_G
    several = worth_G >= _FEWEST - 1e-9
    reach_G[several] = _student(worth_G[several] - 1) * np.sqrt(
        apart_G[several] / sum_G[several] ** 2 * worth_G[several] / (worth_G[several] - 1)
    )
    order_G = np.arange(count) if by == "time" else np.argsort(-error_G, kind="stable")
    return ErrorsByGroup(
        own.target,
        by,
        count,
        float(np.average(size_V, weights=weight_V)),
        tuple(names[g] for g in order_G),
        rows_G[order_G],
        error_G[order_G],
        np.maximum(error_G - reach_G, 0.0)[order_G],
        (error_G + reach_G)[order_G],
    )


def _student(freedom_G: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom_G, 0.975))


def draw_errors(fact: ErrorsByGroup) -> Sheet:
    """A row a group, with its interval; a part of time after the other."""
    shown = min(len(fact.names), _MOST)
    figure, (axes,) = panels(1, size=(8.2, 1.7 + 0.27 * shown))
    place = np.arange(shown)
    axes.axvline(fact.mean, color=GREY, linewidth=1.2, linestyle=":")
    axes.hlines(place, fact.low_G[:shown], fact.high_G[:shown], color=BLUE, linewidth=1.4, alpha=0.6)
    axes.scatter(fact.error_G[:shown], place, s=26, color=BLUE, linewidths=0, zorder=3)
    names = zip(fact.names[:shown], fact.rows_G.tolist(), strict=False)
    axes.set_yticks(place, [f"{plain(name, 30)} ({rows:,})" for name, rows in names])
    axes.set(ylim=(shown - 0.4, -0.6))
    axes.set_xlabel(f"mean absolute error of {plain(fact.target, 24)} (in brackets: test rows)")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    what = {"groups": "group by group", "time": "in order of time"}[fact.by]
    heading(figure, f"{DELIVERED}: mean absolute error {what}; {one_number(fact.mean)} over all test rows")
    return figure


def caption(fact: ErrorsByGroup) -> str:
    """What lines are, and which groups are left out."""
    text = "Lines are 95 % intervals for other rows of each (Student’s t), the dotted one is the mean of all rows."
    if fact.by == "time":
        return text
    more = fact.groups - _MOST
    if more > 0:
        text += f" The {_MOST} groups of the largest errors are drawn, {more:,} more are not."
    return f"{text} {NUMBERED}" if fact.numbered else text


def words(fact: ErrorsByGroup) -> str:
    """Say it in a sentence, with its few telling numbers."""
    high, low = int(fact.error_G.argmax()), int(fact.error_G.argmin())
    return (
        f"Mean absolute error of {fact.target} over {counted(fact.groups, _NOUNS[fact.by])}: from"
        f" {one_number(float(fact.error_G[low]))} ({fact.names[low]}) to {one_number(float(fact.error_G[high]))}"
        f" ({fact.names[high]})."
    )


_NOUNS: Final = {"groups": "group", "time": "part"}


def gather(subject: Subject) -> Iterator[Gathered]:
    """The first target's errors by groups that test rows have, else by parts of time."""
    from shoal.look._time_folds import kind_of_times

    parts, truth = residuals_of(subject), subject.findings.truth
    if not parts:
        return
    own = parts[0]
    group_V = truth.groups[truth.train_rows :][own.row_V] if len(truth.groups) else np.zeros(0, np.int64)
    if len(group_V) and (group_V >= 0).all() and len(np.unique(group_V)) > 1:
        numbers, place_V = np.unique(group_V, return_inverse=True)
        known = names_of_groups(subject)
        names = [group_name(known, number) for number in numbers.tolist()]
        fact = errors_by_group(own, "groups", names, place_V)
        yield Gathered(replace(fact, numbered=not known.keys() >= set(numbers.tolist())))
        return
    time_V = _times(truth, own)
    if time_V is None or len(np.unique(time_V)) < 2 * _PARTS:
        return
    rank_V = np.argsort(np.argsort(time_V, kind="stable"), kind="stable")
    place_V = rank_V * _PARTS // len(rank_V)
    kind = kind_of_times(subject.findings.results)
    names = [time_text(float(time_V[place_V == part].min()), kind) for part in range(_PARTS)]
    yield Gathered(errors_by_group(own, "time", [f"from {name} on" for name in names], place_V))


def names_of_groups(subject: Subject) -> Mapping[int, str]:
    """Give the names of groups that are kept, by number."""
    cells = subject.findings.results.test_cells
    return {} if cells is None else cells.groups


def group_name(known: Mapping[int, str], number: int) -> str:
    """Name a group, by its number where its name is not kept."""
    return known.get(number, f"group {number + 1}")


def _times(truth: Truth, own: Residuals) -> NDArray[np.float64] | None:
    if not len(truth.times):
        return None
    time_V = truth.times[truth.train_rows :][own.row_V]
    return time_V if np.isfinite(time_V).all() else None


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    data = extent.study.data
    if not extent.numbers or not (data.groups or data.timed):
        return 0.0
    return panels_seconds(1) + LABEL * _MOST + 4 * VALUE * extent.tested


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=56,
    name="errors",
    title="Errors by group or time",
    caption=caption,
    gather=gather,
    draw=draw_errors,
    words=words,
    seconds=seconds,
)
