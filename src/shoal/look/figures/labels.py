"""How well each of several labels is predicted: precision, recall and F1, label by label.

Letters: K labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from shoal.look._extent import LABEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._labels import Labels, labels_of
from shoal.look._paper import BLACK, BLUE, TITLED, VERMILLION, Sheet, heading, legend_beside, panels, plain
from shoal.wording import counted, one_number

_MOST: Final = 40
"""Labels that are drawn, at most: those of the lowest F1."""
_AREA_SECONDS: Final = 0.003
"""Seconds of the two areas of a label and a network."""


def draw_labels(fact: Labels) -> Sheet:
    """Precision and recall as ends of a line, F1 between them; the label that is predicted worst stands first."""
    order_K = np.argsort(np.nan_to_num(fact.f1_K, nan=-1.0), kind="stable")[:_MOST]
    figure, (axes,) = panels(1, size=(8.5, 1.6 + 0.32 * len(order_K)))
    rows = np.arange(len(order_K))
    precision, recall, f1 = (values[order_K] for values in (fact.precision_K, fact.recall_K, fact.f1_K))
    axes.hlines(
        rows, np.minimum(precision, recall), np.maximum(precision, recall), color="#BBBBBB", linewidth=2
    )
    axes.scatter(precision, rows, s=34, color=BLUE, linewidths=0, label="precision", zorder=3)
    axes.scatter(recall, rows, s=34, marker="s", color=VERMILLION, linewidths=0, label="recall", zorder=3)
    axes.scatter(f1, rows, s=40, marker="D", facecolors="none", edgecolors=BLACK, label="F1", zorder=4)
    axes.set_yticks(rows, [f"{plain(fact.labels[k], 30)} ({fact.test_K[k]:,})" for k in order_K])
    axes.set(
        ylim=(len(order_K) - 0.5, -0.5),
        xlim=(-0.03, 1.03),
        xlabel="share (in brackets: test rows that have the label)",
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    networks = f" ({fact.repeats} networks together)" if fact.repeats > 1 else ""
    heading(figure, f"{plain(fact.name, TITLED)}: how well each label is predicted{networks}")
    legend_beside(axes)
    return figure


def caption(fact: Labels) -> str:
    """What the marks are, and which labels are left out."""
    what = "Of the rows predicted to have a label, precision have it; of those that have it, recall are predicted to."
    missing = " A mark is missing where the share is one of no rows." if _undefined(fact) else ""
    more = len(fact.labels) - _MOST
    others = f" The {_MOST} of the lowest F1 are drawn, {more:,} more are not." if more > 0 else ""
    return f"{what}{missing}{others}"


def _undefined(fact: Labels) -> bool:
    return bool(np.isnan([fact.precision_K, fact.recall_K]).any())


def words(fact: Labels) -> str:
    """Say it in a sentence, with its few telling numbers."""
    known = np.flatnonzero(~np.isnan(fact.f1_K))
    if not len(known):
        return "No label is there or predicted on any test row."
    worst, best = (known[place(fact.f1_K[known])] for place in (np.argmin, np.argmax))
    return (
        f"F1 of {counted(len(fact.labels), 'label')}: from {one_number(float(fact.f1_K[worst]))}"
        f" ({fact.labels[worst]}) to {one_number(float(fact.f1_K[best]))} ({fact.labels[best]})."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The labels of the healthy networks of a group."""
    findings, group = subject.findings, subject.group
    if findings.labels and group.healthy:
        truth = findings.truth
        yield Gathered(labels_of(group.titled, truth.target_names, truth.y, findings.predicted(group)))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, of its names and of the scores behind it."""
    if not extent.labels:
        return 0.0
    answers = VALUE * extent.tested * extent.repeats * extent.labels
    return panels_seconds(1) + answers + LABEL * min(_MOST, extent.labels) + _AREA_SECONDS * extent.labels


FIGURE: Final = Figure(
    chapters=(
        Chapter.TESTED,
        Chapter.COMPARED,
    ),
    order=25,
    name="labels",
    title="Labels",
    caption=caption,
    gather=gather,
    draw=draw_labels,
    words=words,
    seconds=seconds,
)
