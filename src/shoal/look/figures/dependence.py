"""How answers of the delivered network hang on its most important inputs: partial dependence, and single rows.

Letters: G points of a grid, Q answers, M rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import (
    BLACK,
    BLUE,
    Panel,
    Sheet,
    fan,
    heading,
    legend_beside,
    number_text,
    panels,
    plain,
    series_style,
    with_room,
)
from shoal.look._run_findings import RunFindings
from shoal.look._work import Work
from shoal.wording import counted, listed, one_number, told_apart

if TYPE_CHECKING:
    from shoal.results import Dependence, DependenceCurve

_MOST: Final = 6
"""Inputs, and answers, that are drawn, at most."""
_LETTERS: Final = 26
"""Of the labels of a horizontal axis, at most."""
_OUTER: Final = (0.03, 0.97)
"""Of single rows, what the vertical axis holds."""


def dependence_of(findings: RunFindings) -> Dependence | None:
    """Give what is kept of the network that is delivered now; None where nothing is."""
    fact, healthy = findings.results.dependence, findings.delivered.healthy
    return fact if fact and healthy and fact.asked.fit == healthy[0].fit_id else None


def drawn_answers(fact: Dependence) -> list[int]:
    """Give the places of the answers that are drawn: of several targets, in units of their own, the first alone."""
    count = len(fact.asked.answers) if fact.asked.shares else 1
    return list(range(min(count, _MOST)))


def answer_words(fact: Dependence, places: list[int]) -> str:
    """Name what is drawn: a target, or the probability of a class or label."""
    if not fact.asked.shares:
        return fact.asked.answers[places[0]]
    return f"probability of {fact.asked.answers[places[0]]}" if len(places) == 1 else "probability"


def value_labels(curve: DependenceCurve, x: NDArray[Any]) -> list[str]:
    """Write values of an input: categories by name, dates as days, numbers in as few digits as tell them apart."""
    if curve.levels:
        return [plain(name, 14) for name in level_names(curve, x)]
    if curve.kind == "dates":
        return [str(np.datetime64(int(second), "s"))[:10] for second in x.tolist()]
    return number_labels(x)


def level_names(curve: DependenceCurve, x: NDArray[Any]) -> list[str]:
    """Give the whole names of categories."""
    return [curve.levels[int(place)] or "(missing)" for place in x]


def number_labels(x: NDArray[Any]) -> list[str]:
    """Write numbers in as few digits as tell them apart."""
    return list(told_apart(x.tolist(), 3))


def value_text(value: float) -> str:
    """Write a value of a number for an axis, with a true minus."""
    return number_text(value).replace("-", "−")


def turn_long(axes: Panel, labels: list[str]) -> None:
    """Turn the labels of the horizontal axis where they are too long to stand side by side."""
    if sum(map(len, labels)) > _LETTERS:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")


def draw_dependence(fact: Dependence) -> Sheet:
    """A panel a column, all on one vertical scale: the mean answer, and single rows behind it."""
    figure, grid = panels(len(fact.curves), columns=2, size=(4.8, 3.3))
    shown = drawn_answers(fact)
    alone = len(shown) == 1
    low, high = _ends(fact, shown, alone=alone)
    for place, (axes, curve) in enumerate(zip(grid, fact.curves, strict=True)):
        draw = _draw_levels if curve.levels else _draw_numbers
        draw(axes, curve, fact, shown)
        axes.set(ylim=(low, high), xlabel=plain(curve.column, 40))
        if place % 2 == 0:
            axes.set_ylabel(plain(answer_words(fact, shown), 22))
    if not alone:
        legend_beside(grid[min(1, len(grid) - 1)])
    inputs = (
        counted(len(fact.curves), "most important input") if len(fact.curves) > 1 else "most important input"
    )
    heading(figure, f"Mean answer of the delivered network along the {inputs}")
    return figure


def _ends(fact: Dependence, shown: list[int], *, alone: bool) -> tuple[float, float]:
    """Give the ends of the vertical axis: of all means, and of most single rows."""
    values = [curve.mean_GQ[:, shown].reshape(-1) for curve in fact.curves]
    if alone:
        values += [
            np.quantile(curve.row_MG.reshape(-1), _OUTER) for curve in fact.curves if curve.row_MG.size
        ]
    every = np.concatenate(values)
    every = every[np.isfinite(every)]
    return with_room(float(every.min()), float(every.max()), 0.06) if len(every) else (0.0, 1.0)


def _draw_numbers(axes: Panel, curve: DependenceCurve, fact: Dependence, shown: list[int]) -> None:
    if len(shown) == 1:
        axes.plot(curve.x_G, curve.row_MG.T, color="#BBBBBB", linewidth=0.6, alpha=0.7)
    for number, place in enumerate(shown):
        style = {"color": BLUE, "linestyle": "-"} if len(shown) == 1 else series_style(number)
        axes.plot(
            curve.x_G,
            curve.mean_GQ[:, place],
            **style,
            linewidth=2.2,
            marker="o",
            markersize=4,
            label=plain(fact.asked.answers[place], 24),
        )
    axes.plot(
        curve.x_G,
        np.full(len(curve.x_G), 0.012),
        "|",
        color=BLACK,
        markersize=6,
        transform=axes.get_xaxis_transform(),
    )
    if curve.kind == "dates":
        ticks = np.linspace(curve.x_G[0], curve.x_G[-1], 3)
        axes.set_xticks(ticks, value_labels(curve, ticks))
    else:
        axes.xaxis.set_major_formatter(lambda value, _: value_text(value))


def _draw_levels(axes: Panel, curve: DependenceCurve, fact: Dependence, shown: list[int]) -> None:
    if len(shown) == 1:
        rows = len(curve.row_MG)
        beside = np.add.outer(1.4 * fan(rows), curve.x_G)
        axes.scatter(beside, curve.row_MG, s=5, color="#BBBBBB", linewidths=0)
        mean_G = curve.mean_GQ[:, shown[0]]
        middle = float(np.average(mean_G, weights=curve.share_G))
        axes.axhline(middle, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.bar(curve.x_G, mean_G - middle, bottom=middle, width=0.7, color=BLUE, alpha=0.85)
        axes.hlines(mean_G, curve.x_G - 0.35, curve.x_G + 0.35, color=BLUE, linewidth=2.2)
    else:
        for number, place in enumerate(shown):
            style = series_style(number)
            axes.plot(
                curve.x_G,
                curve.mean_GQ[:, place],
                "o",
                color=style["color"],
                label=plain(fact.asked.answers[place], 24),
            )
    labels = value_labels(curve, curve.x_G)
    axes.set_xticks(curve.x_G, labels)
    axes.set_xlim(-0.6, len(curve.x_G) - 0.4)
    turn_long(axes, labels)


def caption(fact: Dependence) -> str:
    """How it was asked, and what lines, ticks and bars are."""
    asked = fact.asked
    sentences = [
        f"Of {counted(asked.rows, 'training row')}, evenly spaced, one input at a time is set to each value, all others"
        " as they are; lines are mean answers"
        + (", grey are single rows." if len(drawn_answers(fact)) == 1 else ".")
    ]
    if any(not curve.levels for curve in fact.curves):
        sentences.append("Ticks are quantiles of the training rows, from 1 % to 99 %.")
    if any(curve.levels for curve in fact.curves):
        sentences.append(
            "Bars begin at the mean over all rows; of many categories the most frequent are shown."
        )
    sentences.append("Where inputs go along with each other, some of these rows are such as there are none.")
    others = len(asked.answers) - len(drawn_answers(fact))
    if others:
        are = "answer is" if others == 1 else "answers are"
        sentences.append(f"{others:,} more {are} not drawn, but in the numbers.")
    return " ".join(sentences)


def words(fact: Dependence) -> str:
    """Say it in a sentence, with its few telling numbers."""
    place = drawn_answers(fact)[0]
    spans = [
        f"{curve.column} from {one_number(float(curve.mean_GQ[:, place].min()))}"
        f" to {one_number(float(curve.mean_GQ[:, place].max()))}"
        for curve in fact.curves
    ]
    return f"The mean answer ({answer_words(fact, [place])}) goes along {listed(spans)}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    if extent.images or not extent.study.inspect.importance:
        return 0.0
    return 1.6 * panels_seconds(min(_MOST, len(extent.dataset.columns)))


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=4,
    name="31-delivered-inputs",
    title="Answers along the inputs",
    caption=caption,
    gather=single(dependence_of),
    draw=draw_dependence,
    words=words,
    works=(
        Work(
            "partial dependence",
            "Friedman (2001): Greedy function approximation: a gradient boosting machine. The Annals of Statistics 29,"
            " 1189–1232.",
        ),
        Work(
            "answers of single rows along an input",
            "Goldstein, Kapelner, Bleich, Pitkin (2015): Peeking inside the black box. Journal of Computational and"
            " Graphical Statistics 24, 44–65.",
        ),
    ),
    seconds=seconds,
)
