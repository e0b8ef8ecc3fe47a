"""How well the probability of a class, or of a label, puts the test rows in order: ROC, precision over recall, gain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from shoal.look._extent import VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._lines import Line
from shoal.look._order_curves import HeldOut, OrderCurve, OrderCurves, Ordered, bands, order_curves
from shoal.look._paper import GREY, Panel, Sheet, heading, legend_beside, noted, panels, plain, series_style
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look._tested_rows import tested_rows
from shoal.look._work import Work
from shoal.results import Interval
from shoal.wording import counted, interval, one_number, percent

_MOST: Final = 8
"""Classes or labels that are drawn, at most: those of the smallest areas."""
_NEARLY_PERFECT: Final = 0.995
"""Area under a ROC curve from which the curve is hardly to be told from the edges of its panel."""
_TICKS: Final = range(0, 101, 25)
_LINE_SECONDS: Final = 0.004
"""Seconds of the three lines of a class, and of a network."""
_SORTED: Final = 4e-7
"""Seconds of a row that is sorted by a probability."""


def curves_of(subject: Subject) -> OrderCurves | None:
    """Give the curves of the delivered network; of two classes that of the positive one. None in regression."""
    findings, group = subject.findings, subject.group
    tested = None if findings.numbers else tested_rows(findings, group)
    if tested is None:
        return None
    truth = findings.truth
    names, noun, answer_RVK = truth.classes or truth.target_names, "class", tested.answer_RVK
    if findings.labels:
        noun, of_VK = "label", tested.true_V
    else:
        of_VK = tested.true_V[:, None] == np.arange(len(names))
    if len(truth.classes) == 2:
        positive = slice(truth.positive, truth.positive + 1)
        names, of_VK, answer_RVK = names[positive], of_VK[:, positive], answer_RVK[:, :, positive]
    fact = order_curves(DELIVERED, noun, names, (of_VK, tested.weight_V), answer_RVK, _MOST)
    if not fact.shown:
        return None
    if len(truth.classes) == 2:
        roc, precision = bands(_held_out(findings))
        own = replace(fact.shown[0], roc_band=roc, precision_band=precision)
        fact = replace(fact, shown=(own,))
    return replace(fact, score=_score(findings, fact))


def _score(findings: RunFindings, fact: OrderCurves) -> str:
    """Say the areas of two classes, or the mean area of more, with the intervals of the report."""
    delivered = findings.results.delivered_id
    if delivered is None:
        return ""

    def span(metric: str) -> str:
        ends: Interval = findings.results.test_interval(metric, [delivered])
        words = interval(ends.low, ends.high).replace("\u00a0", " ")  # a CSV file has the same sentence
        return f" (95 % interval {words})" if ends.known else ""

    if len(findings.truth.classes) == 2:
        own = fact.shown[0]
        return (
            f"area under the ROC curve {one_number(own.roc_auc)}{span('roc_auc')},"
            f" average precision {one_number(own.average_precision)}{span('average_precision')}"
        )
    mean = one_number(float(np.nanmean(fact.roc_auc_K)))
    of = "labels" if findings.labels else "classes, each against the rest,"
    return f"mean area under the ROC curves of {of} {mean}{span('roc_auc' if findings.labels else 'roc_auc_ovr')}"


def _held_out(findings: RunFindings) -> list[HeldOut]:
    """Give what the networks of the chosen candidate answered to the rows that they held out."""
    results, truth = findings.results, findings.truth
    if results.choice is None:
        return []
    parts = []
    with results.rows_held_out() as rows:
        for entry in rows.entries:
            summary = results.summaries.get(entry.fit_id)
            if entry.candidate_id != results.choice.candidate_id or not summary or summary.status != "ok":
                continue
            row_V = truth.validation_rows["search", entry.fold]
            with rows.guard():
                answer_V = rows.predictions(entry)[:, truth.positive]
            parts.append(HeldOut(truth.y[row_V] == truth.positive, answer_V, truth.weights_of(row_V)))
    return parts


def draw_curves(fact: OrderCurves) -> Sheet:
    """Three panels: ROC curve, precision over recall, gain."""
    figure, (roc, precision, gain) = panels(3, columns=3, size=(4.4, 4.4))
    for axes in (roc, gain):
        axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.0, linestyle=":")
    for number, own in enumerate(fact.shown):
        _draw_class((roc, precision, gain), own, series_style(number))
    gain.plot([], [], color=GREY, linewidth=1.0, linestyle=":", label="in any order")
    roc.set(xlabel="false positives: share of other rows (%)", ylabel="recall (%)", title="ROC")
    precision.set(xlabel="recall (%)", ylabel="precision (%)", title="Precision and recall")
    gain.set(xlabel="rows named, the likeliest first (%)", ylabel="recall (%)", title="Gain")
    for axes in (roc, precision, gain):
        axes.set(xlim=(-1, 101), ylim=(-2, 102), xticks=_TICKS, yticks=_TICKS)
        axes.tick_params(labelleft=axes is roc)
    legend_beside(gain, noted(_notes(fact)))
    heading(figure, f"{plain(fact.name)}: {fact.score or 'order of the test rows by probability'}")
    return figure


def _draw_class(grid: tuple[Panel, Panel, Panel], own: Ordered, style: dict[str, Any]) -> None:
    roc, precision, _ = grid
    color = style["color"]
    for axes, band in ((roc, own.roc_band), (precision, own.precision_band)):
        if band is not None:
            axes.fill_between(
                100 * band.x_M, 100 * band.low_M, 100 * band.high_M, color=color, alpha=0.16, linewidth=0
            )
    for thin in own.repeats:
        _draw_curve(grid, thin, {**style, "linewidth": 0.6, "alpha": 0.6})
    said = f"{plain(own.of, 24)}\nareas {one_number(own.roc_auc)}, {one_number(own.average_precision)}"
    _draw_curve(grid, own.curve, {**style, "label": said})
    precision.axhline(100 * own.share, color=color, linewidth=0.8, linestyle=":")


def _draw_curve(grid: tuple[Panel, Panel, Panel], curve: OrderCurve, style: dict[str, Any]) -> None:
    roc, precision, gain = grid
    roc.plot(100 * curve.false_T, 100 * curve.recall_T, **style)
    precision.plot(100 * curve.recall_T, 100 * curve.precision_T, drawstyle="steps-pre", **style)
    gain.plot(100 * curve.named_T, 100 * curve.recall_T, **style)


def _notes(fact: OrderCurves) -> list[str]:
    """Say what the lines are."""
    notes = ["areas: under the ROC curve, and average precision", "dotted: rows in any order"]
    repeats = max(len(own.repeats) for own in fact.shown)
    if repeats:
        notes.append(f"thin: {counted(repeats, 'other repeat')}")
    band = fact.shown[0].roc_band
    if band is not None:
        notes.append(_band_note(band))
    return notes


def _band_note(band: Line) -> str:
    which = "lowest to highest" if band.spread == "range" else "the middle half"
    return f"band: {band.repeats} networks of the folds on rows held out, {which}"


def caption(fact: OrderCurves) -> str:
    """What to see, and which classes are left out."""
    noun, plural = fact.noun, "classes" if fact.noun == "class" else "labels"
    parts = [
        "Rows are named from the likeliest on: the farther above the dotted line, the better;"
        " gain over the share named is the lift."
    ]
    further = len(fact.classes) - fact.undefined - len(fact.shown)
    if further:
        parts.append(
            f"The {len(fact.shown)} {plural} of the smallest ROC areas are drawn, {further:,} more are not."
        )
    perfect = sum(own.roc_auc >= _NEARLY_PERFECT for own in fact.shown)
    if perfect:
        whose = "The curve runs" if len(fact.shown) == 1 else f"The curves of {perfect} of them run"
        parts.append(
            f"{whose} along the edges, where little is to be seen: ROC areas of {_NEARLY_PERFECT} or more."
        )
    if fact.undefined:
        what = noun if fact.undefined == 1 else plural
        parts.append(f"{fact.undefined:,} {what} without a curve: all test rows are alike in it.")
    return " ".join(parts)


def words(fact: OrderCurves) -> str:
    """Say it in a sentence, with its few telling numbers."""
    if len(fact.classes) == 1:
        own = fact.shown[0]
        return (
            f"{own.of} ({percent(own.share)} of the test rows): area under the ROC curve {one_number(own.roc_auc)},"
            f" average precision {one_number(own.average_precision)}."
        )
    low, high = int(np.nanargmin(fact.roc_auc_K)), int(np.nanargmax(fact.roc_auc_K))
    return (
        f"Areas under ROC curves from {one_number(float(fact.roc_auc_K[low]))} ({fact.classes[low]}) to"
        f" {one_number(float(fact.roc_auc_K[high]))} ({fact.classes[high]})."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The curves of classes and labels."""
    if (fact := curves_of(subject)) is not None:
        yield Gathered(fact)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the sorting behind it."""
    several = extent.classes or extent.labels
    if not several:
        return 0.0
    series = 1 if several == 2 else several
    networks = extent.members + extent.repeats if series == 1 else 1
    answers = extent.tested * extent.repeats * extent.dataset.outputs
    lines = _LINE_SECONDS * (min(series, _MOST) + (extent.repeats if series <= 2 else 0))
    return panels_seconds(3) + lines + VALUE * answers + _SORTED * extent.tested * series * networks


FAWCETT: Final = Work(
    "ROC curves",
    "Fawcett (2006): An introduction to ROC analysis. Pattern Recognition Letters 27, 861–874.",
)
FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=24,
    name="roc",
    title="Order of rows by probability",
    caption=caption,
    gather=gather,
    draw=draw_curves,
    words=words,
    works=(FAWCETT,),
    seconds=seconds,
)
