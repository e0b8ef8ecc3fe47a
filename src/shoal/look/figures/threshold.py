"""What every threshold of two classes comes to: on the rows held out, where one was chosen, and on the test rows.

Letters: T thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import (
    GREY,
    TEST,
    VALIDATION,
    Sheet,
    heading,
    legend_beside,
    logarithmic,
    plain,
    stacked,
)
from shoal.look._run_findings import RunFindings
from shoal.look._threshold import DIGITS
from shoal.look._work import Work
from shoal.results import COST, Curve, thinned, threshold_curve
from shoal.study import RULES, Costs
from shoal.wording import one_number

_POINTS: Final = 500
_SMALL: Final = 0.1
"""Below this the axis of thresholds is logarithmic."""
_BELOW: Final = 50.0
"""How far below a threshold such an axis begins, as a factor."""


@dataclass(frozen=True, eq=False)
class ThresholdCurves:
    """What each threshold comes to: `held_out` and, where test rows are of both classes, `tested`.

    `score` is what the rule judges by, `best` what it comes to at the `threshold` on the rows held out.
    """

    positive: str
    score: str
    threshold: float
    best: float
    held_out: Curve
    tested: Curve | None


def curves_of(findings: RunFindings) -> ThresholdCurves | None:
    """Give the curves of a run; None without a threshold."""
    chosen, truth = findings.results.threshold, findings.truth
    if chosen is None or chosen.decision is None or chosen.curve is None:
        return None
    decision, curve = chosen.decision, chosen.curve
    answers_VK = findings.predicted(findings.delivered)[0]
    true_V, weight_V, tested = findings.true_classes == decision.positive, truth.test_weights, None
    counted_V = np.ones(len(true_V), np.bool_) if weight_V is None else weight_V > 0
    if len(np.unique(true_V[counted_V])) == 2:
        weight_V = None if weight_V is None else weight_V[counted_V]
        probability_V = answers_VK[counted_V, decision.positive]
        tested = threshold_curve(chosen.rule, true_V[counted_V], probability_V, weight_V)
    best = float(curve.score_T[np.searchsorted(curve.threshold_T, decision.threshold)])
    score = COST if isinstance(chosen.rule, Costs) else RULES[chosen.rule]
    return ThresholdCurves(
        truth.classes[decision.positive],
        score,
        decision.threshold,
        best,
        thinned(curve, _POINTS, decision.threshold),
        None if tested is None else thinned(tested, _POINTS, float(tested.threshold_T[0])),
    )


def draw_threshold(fact: ThresholdCurves) -> Sheet:
    """The score over the threshold, above recall and precision."""
    figure, (above, below) = stacked((3, 2), size=(9.6, 6.4))
    parts: list[tuple[str, str, Curve | None]] = [
        ("rows held out", VALIDATION, fact.held_out),
        ("test rows", TEST, fact.tested),
    ]
    for name, color, curve in parts:
        if curve is None:
            continue
        above.plot(curve.threshold_T, curve.score_T, color=color, label=name)
        below.plot(curve.threshold_T, 100 * curve.recall_T, color=color, label=f"recall, {name}")
        below.plot(
            curve.threshold_T,
            100 * curve.precision_T,
            color=color,
            linestyle="--",
            label=f"precision, {name}",
        )
    above.plot([fact.threshold], [fact.best], "o", color=VALIDATION, label="chosen")
    for axes in (above, below):
        axes.axvline(fact.threshold, color=VALIDATION, linewidth=1.0)
        axes.axvline(0.5, color=GREY, linewidth=1.0, linestyle=":", label="the likelier class (0.5)")
    legend_beside(above)
    legend_beside(below)
    above.set(ylabel=fact.score)
    below.set(
        ylabel="share (%)", ylim=(-2, 102), xlabel=f"threshold: probability of “{plain(fact.positive, 30)}”"
    )
    if 0 < fact.threshold < _SMALL:
        lowest = fact.threshold / _BELOW
        logarithmic(below.xaxis, lowest, 1.0)
        below.set(xlim=(lowest, 1.0))
    else:
        below.set(xlim=(0, 1))
    at, best = one_number(fact.threshold, DIGITS), one_number(fact.best)
    heading(figure, f"Threshold {at}: {fact.score} on the rows held out {best}")
    return figure


def words(fact: ThresholdCurves) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return (
        f"At the threshold {one_number(fact.threshold, DIGITS)} the {fact.score} on the rows held out is"
        f" {one_number(fact.best)}; elsewhere it goes from {one_number(float(fact.held_out.score_T.min()))} to"
        f" {one_number(float(fact.held_out.score_T.max()))}."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The curves of the delivered network."""
    if subject.group.delivered and subject.group.healthy and (fact := curves_of(subject.findings)):
        yield Gathered(fact)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    search = extent.study.search
    return panels_seconds(2) if search and search.threshold != "none" else 0.0


ELKAN: Final = Work(
    "a threshold by costs",
    "Elkan (2001): The foundations of cost-sensitive learning. IJCAI, 973–978.",
)
FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=27,
    name="threshold",
    title="Score over threshold",
    caption="The threshold was chosen on the rows held out, where its score is optimistic; that of test rows is not.",
    gather=gather,
    draw=draw_threshold,
    words=words,
    works=(ELKAN,),
    seconds=seconds,
)
