"""Which of the most important inputs interact, and what the pair that does most answers together.

Letters: J columns looked at in pairs, I pairs, G and H values of the two of the pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import BAR, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import BLUE, TITLED, Panel, Sheet, beside, heading, panels, plain, shades
from shoal.look._run_findings import RunFindings
from shoal.look._work import Work
from shoal.look.figures.dependence import (
    answer_words,
    dependence_of,
    level_names,
    number_labels,
    turn_long,
    value_labels,
)
from shoal.wording import counted, listed, one_number

if TYPE_CHECKING:
    from shoal.results import DependenceCurve

Values = tuple[str, ...] | NDArray[np.float64]
_TICKS: Final = 5
_NAMED: Final = 3


@dataclass(frozen=True, eq=False)
class Interactions:
    """Pairs of inputs by how much they interact, the most first, (I,); mean answers over the first pair, (G, H).

    `size_I` is what both do together beyond the sum of what each does, as a standard deviation of mean answers over
    `rows` training rows; `h_I` its share of the whole (Friedman's H). `first` and `second` are the
    values of the pair: numbers, or categories and days by name.
    """

    answer: str
    rows: int
    pair_I: tuple[str, ...]
    size_I: NDArray[np.float64]
    h_I: NDArray[np.float64]
    names: tuple[str, ...]
    first_G: Values
    second_H: Values
    answer_GH: NDArray[np.float64]


def interactions_of(findings: RunFindings) -> Interactions | None:
    """Give what is kept of pairs; None where fewer than two inputs were looked at."""
    fact = dependence_of(findings)
    if fact is None or fact.asked.paired < 2:
        return None
    asked = fact.asked
    pairs = list(combinations(range(asked.paired), 2))
    order = sorted(range(len(pairs)), key=lambda place: -fact.size_JJ[pairs[place]])
    two: list[DependenceCurve] = [fact.curves[place] for place in asked.pair]
    return Interactions(
        answer=answer_words(fact, [asked.of_pair]),
        rows=asked.pair_rows,
        pair_I=tuple(" and ".join(asked.columns[place] for place in pairs[number]) for number in order),
        size_I=np.array([fact.size_JJ[pairs[number]] for number in order]),
        h_I=np.array([fact.h_JJ[pairs[number]] for number in order]),
        names=tuple(curve.column for curve in two),
        first_G=_values(two[0], fact.first_G) if two else (),
        second_H=_values(two[1], fact.second_H) if two else (),
        answer_GH=fact.pair_GH,
    )


def _values(curve: DependenceCurve, x: NDArray[np.float64]) -> Values:
    if curve.kind == "numbers":
        return x
    return tuple(level_names(curve, x) if curve.levels else value_labels(curve, x))


def draw_interactions(fact: Interactions) -> Sheet:
    """Bars of all pairs; beside them a map of mean answers over the values of the first pair."""
    if fact.answer_GH.size:
        figure, (bars, both) = beside((1, 1.15), size=(11.0, 4.2))
        _draw_pair(figure, both, fact)
    else:
        figure, (bars,) = panels(1, size=(7.0, 4.2))
    places = np.arange(len(fact.pair_I))
    bars.barh(places, fact.size_I, color=BLUE, height=0.6)
    top = float(fact.size_I.max()) or 1.0
    for place, (size, share) in enumerate(zip(fact.size_I.tolist(), fact.h_I.tolist(), strict=True)):
        bars.text(size + 0.02 * top, place, f"H = {share:.2f}", va="center", fontsize=9)
    bars.set_yticks(places, [plain(name, 30) for name in fact.pair_I])
    bars.set(ylim=(len(places) - 0.4, -0.6), xlim=(0, 1.25 * top))
    bars.set_xlabel(f"beyond the sum of both: {plain(fact.answer, 30)}")
    bars.tick_params(axis="y", length=0)
    bars.grid(visible=False, axis="y")
    most = f"How much pairs of inputs interact: {plain(fact.pair_I[0], TITLED)} the most"
    heading(figure, most if fact.answer_GH.size else "No pair of inputs interacts")
    return figure


def _draw_pair(figure: Sheet, axes: Panel, fact: Interactions) -> None:
    shown = axes.imshow(fact.answer_GH, cmap=shades(), aspect="auto", origin="lower", interpolation="nearest")
    for axis, values, name in (
        (axes.yaxis, fact.first_G, fact.names[0]),
        (axes.xaxis, fact.second_H, fact.names[1]),
    ):
        labels = (
            [plain(value, 14) for value in values] if isinstance(values, tuple) else number_labels(values)
        )
        ticks = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), _TICKS)).round()).astype(int)
        axis.set_ticks(ticks, [labels[tick] for tick in ticks])
        axis.set_label_text(plain(name, 34))
    turn_long(axes, [label.get_text() for label in axes.get_xticklabels()])
    axes.grid(visible=False)
    axes.set_title(f"mean answer: {plain(fact.answer, 34)}", fontsize=10, fontweight="normal")
    figure.colorbar(shown, ax=axes, pad=0.02)


def caption(fact: Interactions) -> str:
    """What the bars and H are, and how they were computed."""
    rows = f"over {counted(fact.rows, 'training row')}, evenly spaced"
    return (
        f"{counted(len(fact.pair_I), 'pair').capitalize()} of the most important inputs, {rows}. Bars: what the mean"
        " answer along both does beyond the sum of what it does along each, as a standard deviation in the unit of the"
        " answer. H is its share of all that it does along both (0: they add up; near 1: nothing but interaction), and"
        " of inputs that do little it may be large by chance. The map is on quantiles of numbers, and on the most"
        " frequent categories."
    )


def words(fact: Interactions) -> str:
    """Say it in a sentence, with its few telling numbers."""
    named = [
        f"{name} {one_number(float(size))} (H {share:.2f})"
        for name, size, share in zip(fact.pair_I[:_NAMED], fact.size_I, fact.h_I, strict=False)
    ]
    return f"Beyond the sum of both ({fact.answer}): {listed(named)}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    if extent.images or not extent.study.inspect.importance or len(extent.dataset.columns) < 2:
        return 0.0
    return panels_seconds(2) + BAR


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=6,
    name="31-delivered-interactions",
    title="Inputs that interact",
    caption=caption,
    gather=single(interactions_of),
    draw=draw_interactions,
    words=words,
    works=(
        Work(
            "the H statistic of pairs",
            "Friedman, Popescu (2008): Predictive learning via rule ensembles. The Annals of Applied Statistics 2,"
            " 916–954.",
        ),
    ),
    seconds=seconds,
)
