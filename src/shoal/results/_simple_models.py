"""The delivered network beside what is simpler: the best constant, a linear model, boosted trees, on the same rows.

Letters: N training rows, V test rows, K targets or classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution, Quantiles, side_by_side
from shoal.results._brief import Brief
from shoal.results._differences import test_units
from shoal.results._intervals import Interval
from shoal.results._mean_recall import BALANCED, recall_difference, recall_interval
from shoal.results._record import Truth
from shoal.results._schema import checker, expect
from shoal.results._score_rows import score_on
from shoal.results._scores import mean_over_rows
from shoal.results._store import Store
from shoal.results._two_way import Difference, Scored, difference, repeated_interval

FITTED: Final = ("linear", "trees")
"""The simple models that are fitted; the best constant follows from the training rows."""
TREE_CATEGORIES: Final = 254
"""Categories of one input that trees tell apart: the most frequent ones; the others are one category."""
NOT_ASKED: Final = "the study asks for none (checks.baselines = false)"
NOT_FITTED: Final = "none was fitted in this run"
ONE_NUMBER: Final = "they say one number of a target, which has no such loss"
OF_MEDIANS: Final = ("mae", "d2_absolute_error_score")
"""Scores of which the best constant is the median, not the mean."""
_ROUNDING: Final = 1e-6
"""What probabilities may add up to less or more than 1."""


@dataclass(frozen=True)
class SimpleModel:
    """Where the answers of a simple model stand, and to how many training rows it was fitted; or why it was not.

    `pooled` names the inputs whose rarest categories it was given as a single one.
    """

    fit_id: str
    part: str
    rows: int
    why: str
    pooled: tuple[str, ...] = ()


_model: Final = checker(SimpleModel)


@dataclass(frozen=True, eq=False, repr=False)
class Baseline(Brief):
    """A simple model: "constant", "linear" or "trees", fitted to `rows` training rows.

    `answers_VK` to the test rows, as of a network; None where there are none, and `why` says so. `pooled` names inputs
    whose rarest categories were a single one to it.
    """

    name: str
    rows: int
    answers_VK: NDArray[np.float64] | None
    why: str = ""
    pooled: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Beside(Brief):
    """A score of a simple model on the test rows, and that of the delivered network less it: both for other test rows.

    All are NaN where there is no such model.
    """

    baseline: Baseline
    score: float
    interval: Interval
    difference: Difference


def read_baselines(store: Store, truth: Truth, *, asked: bool) -> tuple[Baseline, ...]:
    """Read the simple models of a run, the constant first. ValueError for answers that are not of these rows."""
    fact = store.fact("simple models")
    expect(fact is None or (isinstance(fact, dict) and set(fact) <= set(FITTED)))
    models = {name: _model(value) for name, value in (fact or {}).items()}
    baselines = [Baseline("constant", truth.train_rows, constant_answers(truth))]
    for name in FITTED:
        model = models.get(name) if asked else None
        if model is None or model.why:
            why = model.why if model else NOT_FITTED if asked else NOT_ASKED
            baselines.append(Baseline(name, 0, None, why))
            continue
        expect(0 < model.rows <= truth.train_rows)
        answers_VK = store.arrays(model.fit_id, model.part)["test"]
        expect(answers_VK.dtype == np.float64 and np.isfinite(answers_VK).all())
        outputs = len(truth.classes or truth.target_names)
        expect(answers_VK.shape == (len(truth.y) - truth.train_rows, outputs))
        if truth.classes:
            expect((answers_VK >= 0).all() and (np.abs(answers_VK.sum(axis=1) - 1) < _ROUNDING).all())
        baselines.append(Baseline(name, model.rows, answers_VK, pooled=model.pooled))
    return tuple(baselines)


def constant_answers(truth: Truth) -> NDArray[np.float64]:
    """Give the one answer that is best for all training rows: their mean, or the share of each class; (V, K)."""
    train, weight_N = truth.y[: truth.train_rows], truth.weights_of(slice(0, truth.train_rows))
    if truth.classes:
        train = train[:, None] == np.arange(len(truth.classes))
    answer_K = mean_over_rows(train, weight_N)
    return np.broadcast_to(answer_K, (len(truth.y) - truth.train_rows, len(answer_K))).astype(np.float64)


def beside_baselines(
    truth: Truth,
    metric: str,
    delivered_VK: NDArray[np.float64],
    baselines: Sequence[Baseline],
    target: int | None = None,
    said: Distribution | None = None,
) -> tuple[Beside, ...]:
    """Hold the delivered network's test score against that of each simple model, paired by row.

    The score of all targets, or of one alone; the loss of what the network has `said` of all targets, of which among
    simple models the constant alone says as much.
    """
    score, units = score_on(truth, metric, said), test_units(truth)
    chosen: Any = slice(None) if target is None else slice(target, target + 1)
    y = truth.y[truth.train_rows :]
    least = Quantiles((0.5,)) if metric in OF_MEDIANS else said
    if least:
        baselines = [_with_least(baseline, least, truth, alone=bool(said)) for baseline in baselines]
    y = y if truth.classes else y[:, chosen]
    own = Scored.of(score, y, {0: delivered_VK[:, chosen]}, units)
    stands = []
    for baseline in baselines:
        if baseline.answers_VK is None:
            nothing = Interval(math.nan, math.nan, baseline.why)
            none = Difference(math.nan, math.nan, math.nan, math.nan, 0, baseline.why)
            stands.append(Beside(baseline, math.nan, nothing, none))
            continue
        answers_VK = baseline.answers_VK[:, chosen]
        value = score.score(y, answers_VK, units.weight_N)
        if metric == BALANCED:
            apart = recall_difference(y, delivered_VK, answers_VK, units)
            span = recall_interval(y, answers_VK, units)
            if baseline.name == "constant":  # right on all rows of a single class, whichever rows are drawn
                span = Interval(value, value)
        else:
            apart = difference(own, Scored.of(score, y, {0: answers_VK}, units))
            span = repeated_interval(score, y, [answers_VK], units)
        stands.append(Beside(baseline, value, span, apart))
    return tuple(stands)


def _with_least(baseline: Baseline, least: Distribution, truth: Truth, *, alone: bool) -> Baseline:
    """Give the constant the answers of least loss; others stay as they are, or have none where it stands alone."""
    if baseline.name != "constant":
        return replace(baseline, answers_VK=None, why=baseline.why or ONE_NUMBER) if alone else baseline
    train = slice(0, truth.train_rows)
    answer_A = side_by_side(least.constant(truth.y[train], truth.weights_of(train))[None])[0]
    answers_VA = np.broadcast_to(answer_A, (len(truth.y) - truth.train_rows, len(answer_A)))
    return replace(baseline, answers_VK=answers_VA.astype(np.float64))
