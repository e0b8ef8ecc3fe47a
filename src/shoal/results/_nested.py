"""The whole search made again without the rows of each outer fold: what was chosen, and how good it is on those rows.

Letters: V rows of all outer folds, K outputs or classes, U units (rows or groups of rows), F outer folds.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import Decision
from shoal.distributions import Distribution
from shoal.results._asked import reported_scores
from shoal.results._decided import decided_of, judged_answers, pooled
from shoal.results._differences import Said
from shoal.results._intervals import Interval, Units
from shoal.results._mean_recall import BALANCED
from shoal.results._out_of_fold import OutOfFold, blocks_of_folds
from shoal.results._outer_interval import OuterAnswers, outer_interval
from shoal.results._record import CandidateRow, FitRecord, PlanEntry, Truth, place_of
from shoal.results._row_score import RowScore
from shoal.results._said import in_common, said_by
from shoal.results._score_rows import row_score, score_on
from shoal.results._select import choose, search_scores
from shoal.results._store import Store
from shoal.results._threshold import choose_threshold
from shoal.results._verdict import rare_classes
from shoal.study import Search, Study

HeldOut = Callable[[PlanEntry], NDArray[np.float64]]
"""Gives what the fit of a place answers to the rows that it holds out, (V, K)."""
SCORES_WITH_INTERVAL: Final[Mapping[str, tuple[str, ...]]] = {
    "regression": ("loss", "mse", "rmse"),
    "classification": ("accuracy",),
    "multilabel": (),
}
"""The scores whose interval holds what it speaks of, by task, as `python -m benchmarks.honesty nested` measures it."""
OTHERS: Final = Interval(
    math.nan, math.nan, "few outer folds do not show how much it varies with the choice and the training"
)


@dataclass(frozen=True)
class OuterFold:
    """One outer fold: its rows, and the candidate that the search without them chose.

    `candidate_id` and `fit_id` (of the network that answers the rows) are empty where nothing is delivered: `why` says
    so. `scores` are those of its rows; `threshold` is that of two classes where the study asks for one, chosen on the
    rows that this search held out.
    """

    label: str
    rows: int
    candidate_id: str = ""
    fit_id: str = ""
    epochs: int = 0
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    why: str = ""
    threshold: float = math.nan


@dataclass(frozen=True)
class NestedScore:
    """A score of all outer folds' rows together, each answered by what was chosen and trained without it.

    `interval` speaks of the score that what this search delivers, made on these training rows, would have on new rows
    of the same kind.
    """

    value: float
    interval: Interval


@dataclass(frozen=True, eq=False)
class Nested:
    """What the searches without the rows of each outer fold came to.

    `scores` are by name (see `nested_names`); empty where an outer fold has none, or is not trained yet: `why` says so.
    """

    folds: tuple[OuterFold, ...]
    scores: Mapping[str, NestedScore]
    why: str = ""

    @property
    def times_chosen(self) -> dict[str, int]:
        """In how many outer folds each candidate was chosen, the most frequent first, then by id."""
        counts = Counter(fold.candidate_id for fold in self.folds if fold.candidate_id)
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def nested_names(study: Study, truth: Truth) -> tuple[str, ...]:
    """Name the scores of outer folds: those of test rows, and balanced accuracy where a class is rare among the rows of
    the outer folds, whether or not test rows have it.
    """
    rare = (BALANCED,) * bool(rare_classes(truth))
    return tuple(dict.fromkeys((*reported_scores(study, truth), *rare)))


def as_search(entries: Iterable[PlanEntry]) -> list[PlanEntry]:
    """Take the places of an outer fold's search for those of a search of its own."""
    return [dataclasses.replace(entry, stage="search", label="") for entry in entries]


@dataclass(frozen=True, eq=False)
class OuterNetworks:
    """What the network of a place answered to the rows held out, and what that of a fit's id says of a target."""

    held_out: HeldOut
    said: Said


@dataclass(frozen=True, eq=False)
class Answered:
    """The rows of an outer fold, what was answered to them, and which classes are named by that."""

    row_V: NDArray[np.int64]
    answer_VK: NDArray[np.float64]
    decision: Decision | None


@dataclass(frozen=True, eq=False)
class OuterRows:
    """The rows held out in the searches of all outer folds, by the number of their split, and what was answered."""

    truth: Truth
    held_out: HeldOut

    @classmethod
    def of(cls, store: Store) -> OuterRows:
        """Read them; inputs are left aside."""
        truth = store.truth()
        held_out = {
            ("search", number): row_V
            for (stage, number), row_V in truth.validation_rows.items()
            if stage == "nested"
        }
        none = np.zeros((len(truth.y), 0))
        return cls(
            dataclasses.replace(truth, validation_rows=held_out, input_names=(), x_ND=none),
            lambda entry: store.arrays(entry.fit_id, "predictions")["validation"],
        )


def choose_within(
    study: Study,
    entries: Sequence[PlanEntry],
    candidates: Sequence[CandidateRow],
    fits: Mapping[str, FitRecord],
    rows: OuterRows,
) -> str:
    """Choose from the search of an outer fold, `entries` (see `as_search`), by the study's rule; gives the id.

    Sizes are those that `candidates` say. Raises TrainingError where every candidate has a failed fit.
    """
    search = study.search or Search()
    scores = search_scores(entries, candidates, fits, study)
    said = said_by(study, candidates, entries[0].candidate_id if entries else None)
    held_out = OutOfFold(entries, rows.truth, rows.held_out, said)
    return choose(scores, search.rule, held_out, search.margin).candidate_id


def read_nested(
    study: Study,
    plan: Sequence[PlanEntry],
    fits: Mapping[str, FitRecord],
    truth: Truth,
    answers: OuterNetworks,
) -> Nested | None:
    """Put the outer folds together; None for a study without a nested search, or before it began."""
    by_label: dict[str, list[PlanEntry]] = {}
    for entry in plan:
        if entry.stage == "nested":
            by_label.setdefault(entry.label, []).append(entry)
    if study.nested is None or not by_label:
        return None
    balanced = row_score("classification", BALANCED) if BALANCED in nested_names(study, truth) else None
    folds, said, rule = [], list[Distribution | None](), (study.search or Search()).threshold
    answered: list[Answered] = []
    number = 0
    for label, entries in by_label.items():
        fold, refit = _outer_fold((label, number), entries, fits, truth, study.study.repeats)
        if refit is not None:
            decision = None
            if rule != "none" and len(truth.classes) == 2:
                inner = [e for e in entries if e.fold != number and e.candidate_id == refit.candidate_id]
                held_out = pooled(inner, truth, "nested", answers.held_out)
                decision = choose_threshold(rule, truth.positive, *held_out).decision
            own = Answered(truth.validation_rows[place_of(refit)], answers.held_out(refit), decision)
            answered.append(own)
            said.append(answers.said(refit.fit_id))
            fold = _scored(fold, own, truth, balanced)
        folds.append(fold)
        number = 1 + max(entry.fold for entry in entries)
    why = next((f"{fold.label}: {fold.why}" for fold in folds if fold.why), "")
    return Nested(tuple(folds), {} if why else _scores(study, truth, answered, said), why)


def _scored(fold: OuterFold, own: Answered, truth: Truth, balanced: RowScore | None) -> OuterFold:
    """Give an outer fold with its threshold, the scores of the classes named by it, and balanced accuracy."""
    y, weight_V = truth.y[own.row_V], truth.weights_of(own.row_V)
    scores = dict(fold.scores)
    if balanced is not None:
        scores[BALANCED] = balanced.score(y, own.answer_VK, weight_V)
    if own.decision is None:
        return dataclasses.replace(fold, scores=scores)
    scores = decided_of(scores, y, own.answer_VK, weight_V, own.decision)
    return dataclasses.replace(fold, scores=scores, threshold=own.decision.threshold)


def _outer_fold(
    place: tuple[str, int],
    entries: Sequence[PlanEntry],
    fits: Mapping[str, FitRecord],
    truth: Truth,
    repeats: int,
) -> tuple[OuterFold, PlanEntry | None]:
    """Give one outer fold, and the place of the network that answers its rows: the first refit that is well.

    `place` is its label and the number of its split, which its refits have, at most `repeats`; those of its search have
    the next ones.
    """
    label, number = place
    refits = [entry for entry in entries if entry.fold == number]
    search = [entry for entry in entries if entry not in refits]
    rows = len(truth.validation_rows["nested", number])
    for entry in refits:
        fit = fits.get(entry.fit_id)
        if fit is not None and fit.status == "ok":
            scores = fit.scores["validation"]
            return OuterFold(label, rows, entry.candidate_id, fit.fit_id, fit.epochs, scores), entry
    failed = {
        entry.candidate_id for entry in search if entry.fit_id in fits and fits[entry.fit_id].status != "ok"
    }
    why = "not trained yet"
    if all(entry.fit_id in fits for entry in entries):
        if failed == {entry.candidate_id for entry in search}:
            why = "every candidate has a fit that diverged or failed"
        elif len(refits) == repeats:
            why = "every refit diverged or failed"
    return OuterFold(label, rows, why=why), None


def _scores(
    study: Study,
    truth: Truth,
    answers: Sequence[Answered],
    said: Sequence[Distribution | None],
) -> dict[str, NestedScore]:
    """Score the rows of all outer folds together, with an interval of each score.

    Where the networks do not all say the same of a target, predictions alone are scored, and not the loss.
    """
    alike, outputs = in_common(said), len(truth.classes or truth.target_names)
    row_V = np.concatenate([own.row_V for own in answers])
    fold_V = np.repeat(np.arange(len(answers)), [len(own.row_V) for own in answers])
    of_N, in_time = truth.groups, len(truth.times) > 0 and not len(truth.groups)
    if in_time:
        of_N = blocks_of_folds(truth, [own.row_V for own in answers])
    unit_V = np.unique(of_N[row_V] if len(of_N) else row_V, return_inverse=True)[1]
    weight_V = Units.of(len(row_V), None, truth.weights_of(row_V)).weight_N
    units = Units(unit_V, len(of_N) > 0, weight_V, in_time)
    scores = {}
    for name in nested_names(study, truth):
        if alike or name != "loss":
            parts = [judged_answers(name, own.answer_VK, own.decision) for own in answers]
            answer_VK: NDArray[Any] = np.concatenate(
                parts if alike else [part[:, :outputs] for part in parts]
            )
            together = OuterAnswers(truth.y[row_V], answer_VK, fold_V, units, row_V)
            score = score_on(truth, name, said[0])
            span = OTHERS
            if name in SCORES_WITH_INTERVAL[study.study.task]:
                span = outer_interval(score, together)
            scores[name] = NestedScore(score.score(together.y, answer_VK, units.weight_N), span)
    return scores
