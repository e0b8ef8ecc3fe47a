"""Precision, recall and F1 of each class: what a table of counts says only by the ratio of its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import LABEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLACK, BLUE, VERMILLION, Sheet, heading, legend_beside, panels, plain
from shoal.look._run_findings import DELIVERED
from shoal.look._tested_rows import RowsTested, tested_rows
from shoal.results import ClassScores, class_scores, confusion_matrix, wilson
from shoal.wording import counted, one_number

_MOST: Final = 40
"""Classes that are drawn, at most: those of the lowest F1."""
_AT: Final = 0.22
"""How far marks of precision and recall stand above and below the middle of a class."""


@dataclass(frozen=True, eq=False)
class ScoresOfClasses:
    """Scores of the K classes on the test rows, as weighted as these are, all shape (K,); NaN where undefined.

    `rows_K` counts test rows. Ends of 95 % intervals of recall and precision (Wilson) are for as many rows as the
    weights are worth.
    """

    name: str
    classes: tuple[str, ...]
    rows_K: NDArray[np.int64]
    precision_K: NDArray[np.float64]
    precision_low_K: NDArray[np.float64]
    precision_high_K: NDArray[np.float64]
    recall_K: NDArray[np.float64]
    recall_low_K: NDArray[np.float64]
    recall_high_K: NDArray[np.float64]
    f1_K: NDArray[np.float64]
    weighted: bool = False


def scores_of_classes(
    name: str, classes: tuple[str, ...], tested: RowsTested, named_V: NDArray[Any]
) -> ScoresOfClasses:
    """Score each class by the classes that are named."""
    count, weight_V = len(classes), tested.weight_V
    true_V = np.asarray(tested.true_V, np.int64)
    scores: ClassScores = class_scores(confusion_matrix(true_V, named_V, count, weight_V))
    precision_low_K, precision_high_K = ends_of_shares(scores.precision_K, named_V, weight_V)
    recall_low_K, recall_high_K = ends_of_shares(scores.recall_K, true_V, weight_V)
    rows_K = np.bincount(true_V, minlength=count)
    return ScoresOfClasses(
        name,
        classes,
        rows_K,
        scores.precision_K,
        precision_low_K,
        precision_high_K,
        scores.recall_K,
        recall_low_K,
        recall_high_K,
        scores.f1_K,
        weight_V is not None,
    )


def ends_of_shares(
    share_K: NDArray[np.float64], of_V: NDArray[Any], weight_V: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Give the ends of each class's interval, (2, K), of as many rows as its weights are worth."""
    own_V = np.ones(len(of_V)) if weight_V is None else weight_V
    sum_K, square_K = (np.bincount(of_V, values, minlength=len(share_K)) for values in (own_V, own_V**2))
    ends = np.full((2, len(share_K)), np.nan)
    for k in np.flatnonzero(square_K > 0):
        ends[:, k] = wilson(float(share_K[k]), float(sum_K[k] ** 2 / square_K[k]))
    return ends


def draw_scores(fact: ScoresOfClasses) -> Sheet:
    """Marks of precision, recall and F1, a row a class, the worst first."""
    order_K = np.argsort(np.nan_to_num(fact.f1_K, nan=-1.0), kind="stable")[:_MOST]
    figure, (axes,) = panels(1, size=(8.5, 1.8 + 0.4 * len(order_K)))
    rows = np.arange(len(order_K))
    marks = (
        ("precision", -_AT, "o", BLUE, (fact.precision_K, fact.precision_low_K, fact.precision_high_K)),
        ("recall", _AT, "s", VERMILLION, (fact.recall_K, fact.recall_low_K, fact.recall_high_K)),
    )
    for what, place, marker, color, values in marks:
        share, low, high = (100 * value_K[order_K] for value_K in values)
        axes.hlines(rows + place, low, high, color=color, linewidth=1.2, alpha=0.6)
        axes.scatter(
            share, rows + place, s=30, marker=marker, color=color, linewidths=0, label=what, zorder=3
        )
    axes.scatter(
        100 * fact.f1_K[order_K],
        rows,
        s=36,
        marker="D",
        facecolors="none",
        edgecolors=BLACK,
        label="F1",
        zorder=4,
    )
    axes.set_yticks(rows, [f"{plain(fact.classes[k], 30)} ({fact.rows_K[k]:,})" for k in order_K])
    begin = _begin(fact, order_K)
    room = 0.03 * (100 - begin)
    axes.set(
        ylim=(len(order_K) - 0.5, -0.5),
        xlim=(begin - room, 100 + room),
        xlabel="share (%; in brackets: test rows)",
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    heading(figure, f"{plain(fact.name)}: how well each class is predicted")
    legend_beside(axes, "line: 95 % interval")
    return figure


def _begin(fact: ScoresOfClasses, order_K: NDArray[np.int64]) -> int:
    """Give the whole tens of percent below all that is drawn, so that shares near 100 % stay apart."""
    drawn = np.concatenate([fact.precision_low_K[order_K], fact.recall_low_K[order_K], fact.f1_K[order_K]])
    drawn = drawn[np.isfinite(drawn)]
    return 10 * int(10 * min(drawn.min(), 0.9)) if len(drawn) else 0


def caption(fact: ScoresOfClasses) -> str:
    """What the marks are, and which classes are left out."""
    text = (
        "Precision is the share of the rows named a class that are of it, recall the share of the rows of the class"
        " that are named so."
    )
    if np.isnan(fact.precision_K).any() or np.isnan(fact.recall_K).any():
        text += " A mark is missing where the share is one of no rows."
    more = len(fact.classes) - _MOST
    return text + (f" The {_MOST} of the lowest F1 are drawn, {more:,} more are not." if more > 0 else "")


def words(fact: ScoresOfClasses) -> str:
    """Say it in a sentence, with its few telling numbers."""
    known = np.flatnonzero(~np.isnan(fact.f1_K))
    worst, best = (int(known[place(fact.f1_K[known])]) for place in (np.argmin, np.argmax))
    return (
        f"F1 of {counted(len(fact.classes), 'class')}: from"
        f" {one_number(float(fact.f1_K[worst]))} ({fact.classes[worst]}) to {one_number(float(fact.f1_K[best]))}"
        f" ({fact.classes[best]})."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The classes that the delivered network names, by its threshold where it has one."""
    findings, group = subject.findings, subject.group
    tested = tested_rows(findings, group) if findings.classes else None
    if tested is not None:
        named_V = findings.judged(group)[0][tested.row_V].argmax(axis=1)
        yield Gathered(scores_of_classes(DELIVERED, findings.truth.classes, tested, named_V))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, of its names and of the answers behind it."""
    if not extent.classes:
        return 0.0
    answers = VALUE * extent.tested * extent.dataset.outputs
    return panels_seconds(1) + answers + LABEL * min(_MOST, extent.classes)


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=21,
    name="class-scores",
    title="Precision and recall of classes",
    caption=caption,
    gather=gather,
    draw=draw_scores,
    words=words,
    seconds=seconds,
)
