"""Scores of rows that have weights, and their intervals: weighted means, and as many rows as the weights are worth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from shoal.results import (
    Units,
    classification_scores,
    regression_scores,
    repeated_interval,
    row_score,
)
from shoal.results._intervals import left_out, spread_of
from shoal.results._mean_recall import BALANCED, recall_interval
from shoal.results._out_of_fold import of_rows
from shoal.scores import SCORES, metrics_of, scores_of

Floats = np.ndarray[Any, np.dtype[np.float64]]


def numbers(seed: int, rows: int = 60) -> tuple[Floats, Floats, Floats]:
    """Targets, answers and weights, some of them 0."""
    draw = np.random.default_rng(seed)
    y = draw.normal(size=(rows, 2)) * [1, 10]
    weight = draw.gamma(0.7, 2, rows) * (draw.random(rows) > 0.1)
    return y, y + draw.normal(size=y.shape) * [1, 10], weight


def classes(seed: int, rows: int = 60) -> tuple[Any, Floats, Floats]:
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 3, rows)
    odds = np.exp(draw.normal(size=(rows, 3)) + 1.2 * (np.arange(3) == y[:, None]))
    weight = draw.gamma(0.7, 2, rows) * (draw.random(rows) > 0.1)
    return y, odds / odds.sum(axis=1, keepdims=True), weight


@pytest.mark.parametrize("seed", range(4))
def test_they_are_scikit_learns_with_sample_weight(seed: int) -> None:
    y, answer, weight = numbers(seed)
    of = {"sample_weight": weight}
    assert regression_scores(y, answer, weight) == pytest.approx({
        "loss": metrics.mean_squared_error(y, answer, **of),
        "mse": metrics.mean_squared_error(y, answer, **of),
        "rmse": metrics.root_mean_squared_error(y, answer, **of),
        "mae": metrics.mean_absolute_error(y, answer, **of),
        "r2": metrics.r2_score(y, answer, **of),
    })  # fmt: skip
    label, probability, weight = classes(seed)
    of, named = {"sample_weight": weight}, probability.argmax(axis=1)
    scores = classification_scores(label, probability, weight)
    assert scores["loss"] == pytest.approx(metrics.log_loss(label, probability, **of))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(label, named, **of))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(label, named, average="macro", **of))
    recall = row_score("classification", BALANCED).score(label, probability, weight)
    assert recall == pytest.approx(metrics.balanced_accuracy_score(label, named, **of))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_every_score_is_a_function_of_weighted_means(task: str, seed: int) -> None:
    y, answer, weight = numbers(seed) if task == "regression" else classes(seed)
    whole = regression_scores if task == "regression" else classification_scores
    own = {name: row_score(task, name).score(y, answer, weight) for name in scores_of(task)}
    assert own == pytest.approx(whole(y, answer, weight))


@given(weight=st.lists(st.integers(0, 4), min_size=30, max_size=30).filter(lambda w: sum(map(bool, w)) > 5))
def test_a_whole_weight_is_so_many_rows(weight: list[int]) -> None:
    for (y, answer, _), whole in (
        (numbers(1, 30), regression_scores),
        (classes(1, 30), classification_scores),
    ):
        repeated = np.repeat(np.arange(30), weight)
        by_rows = whole(y[repeated], answer[repeated])
        assert whole(y, answer, np.array(weight, np.float64)) == pytest.approx(by_rows, nan_ok=True)


def test_only_ratios_count_and_what_weighs_nothing_is_not_looked_at() -> None:
    y, answer, weight = numbers(3)
    expected = regression_scores(y, answer, weight)
    assert regression_scores(y, answer, weight * 1e300) == pytest.approx(expected)
    spoilt = answer.copy()
    spoilt[weight == 0] = math.nan
    assert regression_scores(y, spoilt, weight) == expected
    assert row_score("regression", "r2").score(y, spoilt, weight) == pytest.approx(expected["r2"])
    units = Units.of(len(y), None, weight)
    assert np.isfinite(left_out(row_score("regression", "mse"), y, spoilt, units)[1]).all()


def test_what_a_row_adds_to_a_weighted_mean_is_its_weighted_deviation() -> None:
    """So the error is that of a ratio of two means: sqrt(sum (w (m - M))^2 U / (U - 1)) / sum w."""
    y, answer, weight = numbers(5)
    score = row_score("regression", "mse")
    value, part = left_out(score, y, answer, Units.of(len(y), None, weight))
    own = ((answer - y) ** 2).mean(axis=1)
    mean = float(np.average(own, weights=weight))
    assert value == pytest.approx(mean)
    deviation = weight * (own - mean)
    assert part == pytest.approx(deviation * len(y) / weight.sum())
    expected = math.sqrt((deviation**2).sum() * len(y) / (len(y) - 1)) / weight.sum()
    assert spread_of(part).error == pytest.approx(expected)
    assert of_rows(score, y, answer, weight).mean() == pytest.approx(mean)
    # Of groups, the units are what the groups weigh.
    group = np.arange(len(y)) // 6
    _, of_groups = left_out(score, y, answer, Units.of(len(y), group, weight))
    assert of_groups == pytest.approx(np.bincount(group, deviation) * 10 / weight.sum())


def test_equal_weights_are_none_and_unequal_ones_are_worth_kishs_number() -> None:
    assert Units.of(40, None, np.full(40, 2.5)).weight_N is None
    weight = np.r_[np.ones(30), np.full(10, 5.0)]
    units = Units.of(40, None, weight)
    assert units.effective == pytest.approx(80**2 / (30 + 250))
    why = units.too_few_for(row_score("regression", "mse"))
    assert why == "40 rows of such unequal weights are worth 22.8 rows, too few for an interval"
    assert not units.too_few_for(row_score("classification", "accuracy"))


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_intervals_hold_the_weighted_score_of_all_rows_as_often_as_they_say(task: str) -> None:
    """Rows of two kinds, drawn as often as each other: one, more often or more wrong, weighs more."""
    draw = np.random.default_rng(11)
    metric, rows, within = ("mse" if task == "regression" else "accuracy"), 120, 0
    for _ in range(400):
        far = draw.random(rows) < 0.5
        weight = np.where(far, 2.0, 0.5) * draw.uniform(0.5, 1.5, rows)
        if task == "regression":
            y: Any = np.zeros((rows, 1))
            answer, truth = (draw.normal(size=rows) * np.where(far, 3.0, 1.0))[:, None], 0.8 * 9 + 0.2
        else:
            y, right = np.zeros(rows, np.int64), draw.random(rows) < np.where(far, 0.6, 0.9)
            answer, truth = np.c_[right, ~right].astype(float), 0.8 * 0.6 + 0.2 * 0.9
        span = repeated_interval(row_score(task, metric), y, [answer], Units.of(rows, None, weight))
        within += span.low <= truth <= span.high
    assert 0.92 <= within / 400 <= 0.99
    # The witness: rows that all count the same speak of another score.
    plain = repeated_interval(row_score(task, metric), y, [answer], Units.of(rows))
    assert plain.low != span.low


def test_balanced_accuracy_counts_as_many_rows_as_their_weights_are_worth() -> None:
    y, probability, weight = classes(2, 240)
    plain = recall_interval(y, probability, Units.of(240))
    alike = recall_interval(y, probability, Units.of(240, None, np.full(240, 3.0)))
    weighted = recall_interval(y, probability, Units.of(240, None, weight))
    assert (plain.low, plain.high) == (alike.low, alike.high)
    assert weighted.high - weighted.low > plain.high - plain.low
    assert (
        weighted.low <= row_score("classification", BALANCED).score(y, probability, weight) <= weighted.high
    )


@given(seed=st.integers(0, 2**32 - 1), nothing=st.booleans())
@settings(max_examples=20)
def test_what_rows_add_is_taken_from_the_weighted_score_itself(seed: int, nothing: bool) -> None:
    """The middle of an interval is the score, whatever rows weigh: also where a class weighs nothing."""
    draw = np.random.default_rng(seed)
    weight_N = draw.choice([0.5, 1.0, 2.0, 4.0], 60)
    label_N, value_N1 = np.arange(60) % 3, draw.gamma(2.0, size=(60, 1))
    if nothing:
        weight_N[label_N == 2] = 0.0
    answers = {
        "classification": (label_N, draw.dirichlet(np.ones(3), 60)),
        "regression": (value_N1, value_N1 * np.exp(0.3 * draw.normal(size=(60, 1)))),
    }
    for task, (y, answer_NK) in answers.items():
        for metric in metrics_of(task):
            score, kind = row_score(task, metric), SCORES[metric]
            if kind.classes == (2, 2) or not kind.weighted or score.why_none:
                continue
            value, _ = left_out(score, y, answer_NK, Units.of(60, None, weight_N))
            assert value == pytest.approx(score.score(y, answer_NK, weight_N), rel=1e-9), metric
