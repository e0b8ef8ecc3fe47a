"""What the threshold of two classes does to the scores of a run: of rows held out, where it was chosen, and test rows.

Letters: V rows, K classes, of which there are two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import Decision
from shoal.results._asked import score_of_answers
from shoal.results._differences import Answers, test_units
from shoal.results._intervals import Interval
from shoal.results._kept_arrays import KeptArrays
from shoal.results._mean_recall import BALANCED, recall_difference, recall_interval, too_few_of_classes
from shoal.results._reading import opened
from shoal.results._record import FitRecord, PlanEntry, Truth
from shoal.results._row_score import RowScore
from shoal.results._score_rows import score_on
from shoal.results._stored_facts import coherent
from shoal.results._threshold import COST, ChosenThreshold, choose_threshold, cost_score
from shoal.results._two_way import Difference, Scored, difference, repeated_interval, unlike_too_few
from shoal.scores import score_kind
from shoal.study import Costs, ThresholdRule
from shoal.wording import quoted

Floats = NDArray[np.float64]
HeldOut = Callable[[PlanEntry], Floats]
"""Gives what the fit of a place answers to the rows that it holds out, (V, K)."""
SHOWN: Final = ("recall", "precision", "f1", BALANCED, "accuracy")
"""The scores whose change a threshold is shown by."""


@dataclass(frozen=True)
class DecidedScore:
    """A score of the classes that are named: first where the likelier is named, then by the threshold.

    Those of rows held out are optimistic: the threshold was chosen on them. `interval` (95 %) is for that of the
    threshold on other test rows, `change` what the threshold adds on the test rows, paired by row.
    """

    title: str
    held_out: tuple[float, float]
    tested: tuple[float, float]
    interval: Interval
    change: Difference


@dataclass(frozen=True, eq=False)
class Naming:
    """Which classes the delivered network of a run names, and what that does to scores.

    `chosen` are the places of the chosen candidate in the search; none before the choice.
    """

    rule: ThresholdRule
    chosen: Sequence[PlanEntry]
    arrays: KeptArrays

    @cached_property
    def threshold(self) -> ChosenThreshold | None:
        """The threshold that is chosen on their rows held out; None where none is asked for, or before the choice."""
        if self.rule == "none" or not self.chosen or len(self.arrays.truth.classes) != 2:
            return None
        return choose_threshold(self.rule, self.arrays.truth.positive, *self._held_out)

    @property
    def decision(self) -> Decision | None:
        """From which probability on the positive class is named; None where the likelier class is."""
        return self.threshold.decision if self.threshold else None

    @cached_property
    def refits(self) -> Mapping[str, FitRecord]:
        """The records of the networks on all training rows by id, their test scores by the decision."""
        if self.decision is None:
            return self.arrays.summaries
        with opened(self.arrays.folder) as store:
            tested = self.arrays.tested(store)
            return {
                entry.fit_id: self._decided(self.arrays.summaries[entry.fit_id], tested)
                for entry in self.arrays.plan
                if entry.stage == "refit" and entry.fit_id in self.arrays.summaries
            }

    def _decided(self, record: FitRecord, tested: Answers) -> FitRecord:
        own, truth = record.scores.get("test", {}), self.arrays.truth
        if not own or record.status != "ok" or self.decision is None:
            return record
        y, answers_VK = truth.y[truth.train_rows :], tested(record.fit_id)
        scores = decided_of(own, y, answers_VK, truth.test_weights, self.decision)
        return replace(record, scores={**record.scores, "test": scores})

    def scores(self, tested_VK: Floats) -> tuple[DecidedScore, ...]:
        """Give scores of the classes named, the mean cost first where mistakes have costs; () without a threshold."""
        truth, decision = self.arrays.truth, self.decision
        if decision is None:
            return ()
        scores = {truth.title_of(name): score_on(truth, name) for name in SHOWN}
        if isinstance(self.rule, Costs):
            scores = {COST: cost_score(self.rule, decision.positive), **scores}
        y, answer_VK, weight_V = self._held_out
        held_out = likelier(answer_VK), decision.sure(answer_VK)
        tested = likelier(tested_VK), decision.sure(tested_VK)
        true_V, rows = truth.y[truth.train_rows :], []
        for title, score in scores.items():
            of_held_out = [score.score(y, sure_VK, weight_V) for sure_VK in held_out]
            of_tested = [score.score(true_V, sure_VK, truth.test_weights) for sure_VK in tested]
            span, change = _on_test_rows(score, truth, tested, balanced=title == truth.title_of(BALANCED))
            pairs = (of_held_out[0], of_held_out[1]), (of_tested[0], of_tested[1])
            rows.append(DecidedScore(title, *pairs, span, change))
        return tuple(rows)

    def judged(self, metric: str, tested: Answers) -> Answers:
        """Give what reads the answers of a fit as a score judges them."""
        return lambda fit_id: judged_answers(metric, tested(fit_id), self.decision)

    @cached_property
    def _held_out(self) -> tuple[NDArray[Any], Floats, Floats | None]:
        folder = self.arrays.folder
        with opened(folder) as store, coherent(folder, "the rows held out"):
            return pooled(self.chosen, self.arrays.truth, "search", partial(self.arrays.held_out, store))


def judge_of(chosen: ChosenThreshold, truth: Truth) -> tuple[RowScore, str]:
    """Give the score that a threshold was chosen by, of classes that are named, and what it is called."""
    if isinstance(chosen.rule, Costs):
        return cost_score(chosen.rule, truth.positive), COST
    name = BALANCED if chosen.rule == "balanced" else "f1"
    return score_on(truth, name), truth.title_of(name)


def pooled(
    entries: Iterable[PlanEntry], truth: Truth, stage: str, held_out: HeldOut
) -> tuple[NDArray[Any], Floats, Floats | None]:
    """Give true classes, answers and weights of the rows that some places hold out, one after the other."""
    places = [(truth.validation_rows[stage, entry.fold], held_out(entry)) for entry in entries]
    row_V = np.concatenate([row_V for row_V, _ in places])
    return truth.y[row_V], np.concatenate([answers for _, answers in places]), truth.weights_of(row_V)


def likelier(answers_VK: Floats) -> Floats:
    """Give 1 for the likelier class, of equal ones the first, and 0 for the other."""
    return np.asarray(np.eye(2)[answers_VK.argmax(axis=1)])


def judged_answers(metric: str, answers_VK: Floats, decision: Decision | None) -> Floats:
    """Give the answers by which a score is computed: sure of the class that is named, where it judges that alone."""
    return decision.sure(answers_VK) if decision and score_kind(metric).names_classes else answers_VK


def decided_of(
    own: Mapping[str, float], y: NDArray[Any], answers_VK: Floats, weight_V: Floats | None, decision: Decision
) -> dict[str, float]:
    """Give the same scores of answers, those that judge the class that is named by a decision."""
    sure_VK = decision.sure(answers_VK)
    decided = {
        name: score_of_answers(name, y, sure_VK, weight_V, decision.positive)
        for name in own
        if score_kind(name).names_classes
    }
    return {**own, **decided}


def _on_test_rows(
    score: RowScore, truth: Truth, answers: tuple[Floats, Floats], *, balanced: bool
) -> tuple[Interval, Difference]:
    """Give the interval of a score by the second answers, and their difference to the first."""
    y, units = truth.y[truth.train_rows :], test_units(truth)
    before, after = answers
    if not len(y):
        why = "there are no test rows"
        nothing = Difference(math.nan, math.nan, math.nan, math.nan, 0, why)
        return Interval(math.nan, math.nan, why), nothing
    if balanced:
        return recall_interval(y, after, units), recall_difference(y, after, before, units)
    span = repeated_interval(score, y, [after], units)
    apart = difference(Scored.of(score, y, {0: after}, units), Scored.of(score, y, {0: before}, units))
    seen = _seen(score)
    few = too_few_of_classes([np.flatnonzero(y == k) for k in seen], units)
    if few:
        span = Interval(math.nan, math.nan, few)
    unlike_N = before.argmax(axis=1) != after.argmax(axis=1)
    of_classes = (
        unlike_too_few(unlike_N & (y == k), units, f" of class {quoted(truth.classes[k])}") for k in seen
    )
    few = few or next(filter(None, of_classes), "")
    if few:
        apart = Difference(apart.mean, math.nan, math.nan, math.nan, apart.repeats, few)
    return span, apart


def _seen(score: RowScore) -> tuple[int, ...]:
    """Give the classes whose rows a score counts apart, so that many of one say nothing of few of the other.

    A share counts a row like any other, whichever class it is of.
    """
    if score.share:
        return ()
    both, right_KK = np.arange(2), np.eye(2)
    wrong = [np.where(both[:, None] == k, right_KK[::-1], right_KK) for k in both]
    whole = score.score(both, right_KK)
    return tuple(k for k, answers_KK in enumerate(wrong) if score.score(both, answers_KK) != whole)
