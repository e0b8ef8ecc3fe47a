"""How often a classifier is wrong in each category of the inputs whose categories its mistakes differ between.

Letters: C categories, V rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import LABEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLUE, GREY, Sheet, heading, plain, stacked, with_room
from shoal.look._run_findings import DELIVERED
from shoal.look._tested_rows import tested_rows
from shoal.look.figures.class_scores import ends_of_shares
from shoal.look.figures.residuals_by_category import FIGURE as RESIDUALS
from shoal.look.figures.residuals_by_category import correlation_ratio
from shoal.wording import one_number, percent

if TYPE_CHECKING:
    from shoal.results import CategoriesTested

_PANELS: Final = 3
"""Inputs that are drawn, at most."""
_ROWS: Final = 8
"""Categories of an input, more or less."""


@dataclass(frozen=True, eq=False)
class MistakesIn:
    """The share of wrong rows in C categories of an input, weighted where rows are, and its 95 % interval (Wilson).

    `rows_C` counts test rows, `mean` is the share in all of them. `epsilon` is Kelley's correlation ratio of being
    wrong with the categories; NaN where that says nothing.
    """

    column: str
    epsilon: float
    mean: float
    names: tuple[str, ...]
    rows_C: NDArray[np.int64]
    wrong_C: NDArray[np.float64]
    low_C: NDArray[np.float64]
    high_C: NDArray[np.float64]


def mistakes_in(
    cells: CategoriesTested, wrong_V: NDArray[np.bool_], weight_V: NDArray[np.float64] | None
) -> MistakesIn:
    """Count the wrong rows of each category that rows have, in the order of the levels, others and missing last."""
    codes, code_V = np.unique(cells.place_V, return_inverse=True)
    own_V = np.ones(len(wrong_V)) if weight_V is None else weight_V
    wrong_C = np.bincount(code_V, own_V * wrong_V) / np.bincount(code_V, own_V)
    low_C, high_C = ends_of_shares(wrong_C, code_V, weight_V)
    return MistakesIn(
        cells.column,
        correlation_ratio(wrong_V.astype(np.float64), code_V),
        float(np.average(wrong_V, weights=weight_V)),
        tuple(cells.name(code) for code in codes.tolist()),
        np.bincount(code_V),
        wrong_C,
        low_C,
        high_C,
    )


def draw_mistakes_in(facts: Sequence[MistakesIn]) -> Sheet:
    """A panel an input, below each other, a row a category."""
    heights = tuple(0.9 + 0.27 * len(fact.names) for fact in facts)
    figure, grid = stacked(heights, size=(8.6, 0.8 + sum(heights)))
    for axes, fact in zip(grid, facts, strict=True):
        place = np.arange(len(fact.names))
        axes.axvline(100 * fact.mean, color=GREY, linewidth=1.2, linestyle=":")
        axes.hlines(place, 100 * fact.low_C, 100 * fact.high_C, color=BLUE, linewidth=1.4, alpha=0.6)
        axes.scatter(100 * fact.wrong_C, place, s=26, color=BLUE, linewidths=0, zorder=3)
        names = zip(fact.names, fact.rows_C.tolist(), strict=True)
        axes.set_yticks(place, [f"{plain(name, 30)} ({rows:,})" for name, rows in names])
        axes.set(ylim=(len(place) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        title = f"{plain(fact.column, 40)}: ε {one_number(fact.epsilon, 2)}"
        axes.set_title(title, fontsize=9, fontweight="normal")
    most = max(float(fact.high_C.max()) for fact in facts)
    grid[-1].set(xlim=with_room(0.0, 100 * most), xlabel="share of rows that are wrong (%)")
    heading(
        figure, f"{DELIVERED}: {percent(facts[0].mean)} wrong; by category of inputs (in brackets: test rows)"
    )
    return figure


def caption(facts: Sequence[MistakesIn]) -> str:
    """What lines are, and which inputs are shown."""
    text = (
        "Lines are 95 % intervals (Wilson), the dotted one is the share of all rows. ε is the correlation ratio of"
        " being wrong with the categories: 0 where they are alike, 1 where they tell right from wrong."
    )
    return text + " Inputs of the largest are shown." if len(facts) == _PANELS else text


def words(facts: Sequence[MistakesIn]) -> str:
    """Say it in a sentence, with its few telling numbers."""
    first = facts[0]
    low, high = int(first.wrong_C.argmin()), int(first.wrong_C.argmax())
    return (
        f"Share of wrong rows by category of {first.column}: from {percent(float(first.wrong_C[low]))} in"
        f" {first.names[low]} to {percent(float(first.wrong_C[high]))} in {first.names[high]}."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The inputs of several categories whose mistakes differ most, where there are mistakes."""
    findings, group = subject.findings, subject.group
    tested, cells = tested_rows(findings, group) if findings.classes else None, findings.results.test_cells
    if tested is None or cells is None:
        return
    wrong_V = findings.judged(group)[0][tested.row_V].argmax(axis=1) != tested.true_V
    if not wrong_V.any():
        return
    of_rows = (replace(each, place_V=each.place_V[tested.row_V]) for each in cells.categories)
    facts = [mistakes_in(each, wrong_V, tested.weight_V) for each in of_rows]
    telling = sorted(
        (fact for fact in facts if len(fact.names) > 1),
        key=lambda fact: -np.nan_to_num(fact.epsilon, nan=-1.0),
    )
    if telling:
        yield Gathered(telling[:_PANELS])


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    columns = sum(column.categorical for column in extent.dataset.columns)
    if not extent.classes or not columns:
        return 0.0
    shown = min(_PANELS, columns)
    answers = VALUE * extent.tested * (extent.dataset.outputs + columns)
    return panels_seconds(shown) + LABEL * _ROWS * shown + answers


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=23,
    name="mistakes-by-category",
    title="Mistakes by category",
    caption=caption,
    gather=gather,
    draw=draw_mistakes_in,
    words=words,
    works=RESIDUALS.works[1:],
    seconds=seconds,
)
