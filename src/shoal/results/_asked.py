"""The scores that a study asks for beyond those that every fit has: computed from the answers that the store keeps.

A store holds none of them, so they can be asked for after a study has been run, and no fit is trained again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.results._peer_scores import peer_score
from shoal.results._record import FitRecord, Truth, place_of
from shoal.results._scores import classification_scores, label_scores, regression_scores
from shoal.results._store import Store
from shoal.scores import SCORES, scores_of
from shoal.study import Study

Floats = NDArray[np.float64]
Judged = tuple[NDArray[Any], Floats | None]
"""True values of some rows, and what each counts; None where all count the same."""


def asked_scores(study: Study) -> tuple[str, ...]:
    """Name the scores that the study names and that not every fit has: the metric of the search first."""
    search = study.search
    named = [*((search.metric, *search.scores) if search else ()), *(each.metric for each in study.reference)]
    return tuple(dict.fromkeys(name for name in named if SCORES[name].peer))


def suiting_scores(study: Study, truth: Truth) -> tuple[str, ...]:
    """Name those, and balanced accuracy where classes are rare or weighted, by which networks are compared then."""
    from shoal.results._mean_recall import BALANCED
    from shoal.results._verdict import rare_tested  # a plan asks for neither

    suits = bool(truth.classes) and (bool(rare_tested(truth)) or study.weighs_classes(truth.classes))
    return tuple(dict.fromkeys((*asked_scores(study), *[BALANCED] * suits)))


def choosing_scores(study: Study) -> tuple[str, ...]:
    """Name the score that candidates are chosen by, where not every fit has it."""
    search = study.search
    return (search.metric,) if search and SCORES[search.metric].peer else ()


def reported_scores(study: Study, truth: Truth) -> tuple[str, ...]:
    """Name the scores that every fit has, then those that the study asks for, and what suits its classes."""
    return (*scores_of(study.study.task), *suiting_scores(study, truth))


def scores_of_answers(
    y: NDArray[Any],
    answers_NA: Floats,
    weight_N: Floats | None = None,
    asked: tuple[str, ...] = (),
    distribution: Distribution | None = None,
    positive: int = 1,
) -> dict[str, float]:
    """Give the scores of answers that every fit has, and those asked for; `y` are numbers (N, K), bools
    (N, K) of labels, or classes (N,).

    Each row counts as much as it weighs. `distribution` is what answers say of a target beside their prediction,
    `positive` the number of the positive one of two classes.
    """
    further = {name: peer_score(name, y, answers_NA, weight_N, positive) for name in asked}
    if y.ndim == 1:
        return classification_scores(y, answers_NA, weight_N) | further
    if y.dtype == np.bool_:
        return label_scores(y, answers_NA, weight_N) | further
    return regression_scores(y, answers_NA, weight_N, distribution) | further


def score_of_answers(
    name: str, y: NDArray[Any], answers_NK: Floats, weight_N: Floats | None = None, positive: int = 1
) -> float:
    """Give one score of answers, by its name."""
    if SCORES[name].peer:
        return peer_score(name, y, answers_NK, weight_N, positive)
    return scores_of_answers(y, answers_NK, weight_N)[name]


def with_asked_scores(
    record: FitRecord, true: Mapping[str, Judged], asked: tuple[str, ...], positive: int = 1
) -> FitRecord:
    """Give a record with the scores asked for; `true` are the true values of the rows that it has answers to."""
    scores = {}
    for rows, own in record.scores.items():
        y, weight_N = true[rows]
        answers_NK = record.predictions[rows]
        scores[rows] = own | {name: peer_score(name, y, answers_NK, weight_N, positive) for name in asked}
    return replace(record, scores=scores)


def scored_summaries(
    store: Store, asked: tuple[str, ...], before: Mapping[str, FitRecord] | None = None
) -> dict[str, FitRecord]:
    """Give the records in a store, without their arrays, with the scores asked for.

    Those in `before`, which an earlier call gave, are taken from there.
    """
    fits, before = store.summaries(), before or {}
    if not asked:
        return fits
    truth = store.truth()
    places = {entry.fit_id: place_of(entry) for entry in store.plan()}
    scored = {}
    for fit_id, fit in fits.items():
        if fit_id in before and before[fit_id].status == fit.status:
            scored[fit_id] = before[fit_id]
        elif fit.status == "ok" and fit_id in places:
            arrays = store.arrays(fit_id, "predictions")
            true = true_values(truth, places[fit_id])
            answered = replace(fit, predictions=arrays)
            scored[fit_id] = replace(with_asked_scores(answered, true, asked, truth.positive), predictions={})
        else:
            scored[fit_id] = fit
    return scored


def true_values(truth: Truth, place: tuple[str, int]) -> dict[str, Judged]:
    """Give the true values, and weights, of the rows that a fit of a place holds out, and of the test rows."""
    true = {"test": (truth.y[truth.train_rows :], truth.test_weights)}
    if place in truth.validation_rows:
        rows = truth.validation_rows[place]
        true["validation"] = (truth.y[rows], truth.weights_of(rows))
    return true
