"""True less predicted values in each category of the inputs whose categories the size of residuals differs between.

Letters: C categories, V rows, F rows far off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import DOT, LABEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLUE, GREY, VERMILLION, Panel, Sheet, heading, plain, stacked, with_room
from shoal.look._residuals import Residuals, ranks, residuals_of, weighted_quantiles
from shoal.look._run_findings import DELIVERED
from shoal.look._work import Work
from shoal.wording import one_number

if TYPE_CHECKING:
    from shoal.results import CategoriesTested

_PANELS: Final = 3
"""Inputs, or targets, that are drawn, at most."""
_REACH: Final = 1.5
"""Whiskers reach so many lengths of the box beyond it (Tukey 1977)."""
_MOST_FAR: Final = 300
"""Dots of a panel beyond whiskers, at most: those farthest from 0."""
_BOXES: Final = 12


@dataclass(frozen=True, eq=False)
class Boxes:
    """Weighted quartiles of one target's residuals in C categories, and the rows that whiskers reach to.

    `far_C` rows lie beyond whiskers; of all those, `far_place_F` and `far_residual_F` are the ones drawn. `epsilon` is
    Kelley's correlation ratio of the ranks of |residual| with the categories; NaN of a single one.
    """

    target: str
    column: str
    epsilon: float
    weighted: bool
    names: tuple[str, ...]
    rows_C: NDArray[np.int64]
    whisker_low_C: NDArray[np.float64]
    low_C: NDArray[np.float64]
    middle_C: NDArray[np.float64]
    high_C: NDArray[np.float64]
    whisker_high_C: NDArray[np.float64]
    far_C: NDArray[np.int64]
    far_place_F: NDArray[np.int64]
    far_residual_F: NDArray[np.float64]


def correlation_ratio(size_V: NDArray[np.float64], place_V: NDArray[np.int64]) -> float:
    """Give Kelley's epsilon of the ranks of sizes with categories, 0 to 1; NaN of one category, or of too few rows.

    It is the root of the share of the ranks' variance that lies between categories, corrected for their number.
    """
    rank_V = ranks(size_V)
    rank_V = rank_V - rank_V.mean()
    _, place_V = np.unique(place_V, return_inverse=True)
    rows_C, sum_C = np.bincount(place_V), np.bincount(place_V, rank_V)
    whole, rows, categories = float((rank_V**2).sum()), len(rank_V), len(rows_C)
    if categories < 2 or rows <= categories or whole <= 0:
        return math.nan
    within = 1 - float((sum_C**2 / rows_C).sum()) / whole
    return math.sqrt(max(0.0, 1 - within * (rows - 1) / (rows - categories)))


def boxes(own: Residuals, cells: CategoriesTested) -> Boxes:
    """Give a box to each category that rows have, in the order of the levels; then to all others, and to missing."""
    place_V = cells.place_V[own.row_V].astype(np.int64)
    codes = np.unique(place_V).tolist()  # those of all others and of missing cells are the largest
    weight_V = own.weight_V
    levels = np.array([0.25, 0.5, 0.75])
    ends, far, rows = [], [], []
    for number, code in enumerate(codes):
        of_V = np.flatnonzero(place_V == code)
        residual_V = own.residual_V[of_V]
        low, middle, high = weighted_quantiles(
            residual_V, levels, None if weight_V is None else weight_V[of_V]
        )
        reach = _REACH * (high - low)
        near_V = (residual_V >= low - reach) & (residual_V <= high + reach)
        near = residual_V[near_V]
        ends.append((min(near.min(), low), low, middle, high, max(near.max(), high)))
        rows.append(len(of_V))
        far.append([(number, value) for value in residual_V[~near_V].tolist()])
    every = sorted((dot for dots in far for dot in dots), key=lambda dot: -abs(dot[1]))[:_MOST_FAR]
    low_whisker, low_C, middle_C, high_C, high_whisker = np.array(ends).reshape(-1, 5).T
    return Boxes(
        own.target,
        cells.column,
        correlation_ratio(np.abs(own.residual_V), place_V),
        weight_V is not None,
        tuple(cells.name(code) for code in codes),
        np.array(rows, np.int64),
        low_whisker,
        low_C,
        middle_C,
        high_C,
        high_whisker,
        np.array([len(dots) for dots in far], np.int64),
        np.array([number for number, _ in every], np.int64),
        np.array([value for _, value in every], np.float64),
    )


def most_telling(own: Residuals, categories: Sequence[CategoriesTested], most: int) -> list[Boxes]:
    """Give the inputs whose categories the size of residuals differs between most, none of a single category."""
    every = [fact for fact in (boxes(own, cells) for cells in categories) if len(fact.names) > 1]
    return sorted(every, key=lambda fact: -np.nan_to_num(fact.epsilon, nan=-1.0))[:most]


def draw_boxes(facts: Sequence[Boxes]) -> Sheet:
    """A panel an input, below each other, a row a category; of several targets a panel a target."""
    several = facts[0].target != facts[-1].target
    heights = tuple(0.9 + 0.3 * len(fact.names) for fact in facts)
    figure, grid = stacked(heights, size=(8.6, 0.8 + sum(heights)), shared=not several)
    for axes, fact in zip(grid, facts, strict=True):
        _draw_panel(axes, fact)
        title = f"{plain(fact.column, 40)}: ε {one_number(fact.epsilon, 2)}"
        axes.set_title(title, fontsize=9, fontweight="normal")
        if several or axes is grid[-1]:
            axes.set_xlabel(f"residual of {plain(fact.target, 24)}")
    heading(
        figure,
        f"{DELIVERED}: residuals by category, true less predicted (in brackets: test rows)",
    )
    return figure


def _draw_panel(axes: Panel, fact: Boxes) -> None:
    place = np.arange(len(fact.names))
    axes.axvline(0, color=GREY, linewidth=1.2)
    axes.hlines(place, fact.whisker_low_C, fact.whisker_high_C, color=BLUE, linewidth=1.2)
    axes.barh(
        place,
        fact.high_C - fact.low_C,
        left=fact.low_C,
        height=0.56,
        color="white",
        edgecolor=BLUE,
        linewidth=1.2,
        zorder=2,
    )
    axes.vlines(fact.middle_C, place - 0.28, place + 0.28, color=VERMILLION, linewidth=2.2, zorder=3)
    axes.scatter(fact.far_residual_F, fact.far_place_F, s=9, color=BLUE, alpha=0.5, linewidths=0)
    rows = fact.rows_C.tolist()
    axes.set_yticks(
        place, [f"{plain(name, 30)} ({count:,})" for name, count in zip(fact.names, rows, strict=True)]
    )
    axes.set(ylim=(len(place) - 0.4, -0.6))
    ends = np.concatenate((fact.whisker_low_C, fact.whisker_high_C, fact.far_residual_F, [0.0]))
    axes.set(xlim=with_room(float(ends.min()), float(ends.max())))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def caption(facts: Sequence[Boxes]) -> str:
    """What boxes are, and which inputs and categories are shown."""
    text = (
        "Boxes are the middle half with the median; whiskers end at the farthest row within"
        f" {_REACH} lengths of the box, dots lie beyond. A median off 0 is what the network missed, a long box where"
        " it is less sure. ε is the correlation ratio of the ranks of |residual|: 0 where they are alike in all"
        " categories, 1 where categories tell them apart; inputs of the largest are shown."
    )
    if any(fact.weighted for fact in facts):
        text += " Quartiles and medians count rows by their weights."
    if any(int(fact.far_C.sum()) > len(fact.far_place_F) for fact in facts):
        text += f" Of rows beyond whiskers the {_MOST_FAR} farthest from 0 are drawn."
    return text


def words(facts: Sequence[Boxes]) -> str:
    """Say it in a sentence, with its few telling numbers."""
    first = facts[0]
    low, high = int(first.middle_C.argmin()), int(first.middle_C.argmax())
    return (
        f"Median residuals of {first.target} by category of {first.column}: from"
        f" {one_number(float(first.middle_C[low]))} in {first.names[low]} to"
        f" {one_number(float(first.middle_C[high]))} in {first.names[high]}."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The residuals of one target in categories of several inputs; of several targets each by the most telling one."""
    parts, cells = residuals_of(subject), subject.findings.results.test_cells
    if not parts or cells is None:
        return
    if len(parts) == 1:
        facts = most_telling(parts[0], cells.categories, _PANELS)
    else:
        facts = [fact for own in parts[:_PANELS] for fact in most_telling(own, cells.categories, 1)]
    if facts:
        yield Gathered(facts)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    columns, targets = sum(column.categorical for column in extent.dataset.columns), extent.dataset.outputs
    if not extent.numbers or not columns:
        return 0.0
    shown = min(_PANELS, columns if targets == 1 else targets)
    dots, rows = min(_MOST_FAR, extent.tested), extent.tested * columns * min(targets, _PANELS)
    return panels_seconds(shown) + (LABEL * _BOXES + DOT * dots) * shown + 8 * VALUE * rows


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=53,
    name="residuals-by-category",
    title="Residuals by category",
    caption=caption,
    gather=gather,
    draw=draw_boxes,
    words=words,
    works=(
        Work("boxes with whiskers", "Tukey (1977): Exploratory Data Analysis. Addison-Wesley."),
        Work(
            "the correlation ratio ε",
            "Kelley (1935): An unbiased correlation ratio measure. Proceedings of the National Academy of Sciences 21,"
            " 554–559.",
        ),
    ),
    seconds=seconds,
)
