"""Areas under ROC curves without each row or group, beside scikit-learn's on the rows that are left."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from benchmarks.honesty.small_tests import chosen_on, measure
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from shoal.results import Units, peer_score, row_score
from shoal.results._intervals import freedom_of, left_out
from shoal.results._pair_scores import odds, of_odds
from shoal.results._two_way import Scored, difference, repeated_interval

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
AREAS = ("roc_auc", "roc_auc_ovr", "roc_auc_ovo")


@st.composite
def answered(draw: st.DrawFn, classes: int) -> tuple[NDArray[Any], NDArray[Any], Units]:
    """Rows of all classes with ties among their probabilities, each by itself or in groups."""
    rows = draw(st.integers(classes + 1, 25))
    rest = draw(st.lists(st.integers(0, classes - 1), min_size=rows - classes, max_size=rows - classes))
    numbers = st.lists(st.integers(1, 4), min_size=classes, max_size=classes)
    weight = np.array(draw(st.lists(numbers, min_size=rows, max_size=rows)), np.float64)
    group = draw(st.none() | st.lists(st.integers(0, 5), min_size=rows, max_size=rows))
    units = Units.of(rows, None if group is None else np.array(group))
    return np.array([*range(classes), *rest]), weight / weight.sum(axis=1, keepdims=True), units


@pytest.mark.parametrize("name", AREAS)
@settings(deadline=None, max_examples=400 if LONG else 15)
@given(data=st.data())
def test_a_unit_is_taken_away_as_if_it_had_never_been(name: str, data: st.DataObject) -> None:
    classes = 2 if name == "roc_auc" else data.draw(st.integers(2, 4))
    y, probability, units = data.draw(answered(classes))
    score = row_score("classification", name)
    assert score.without is not None
    value, without_U = score.without(y, probability, units.of_N, None)
    assert value == pytest.approx(peer_score(name, y, probability))
    for unit, area in enumerate(without_U.tolist()):
        rest = units.of_N != unit
        assert area == pytest.approx(peer_score(name, y[rest], probability[rest]), nan_ok=True)


@pytest.mark.parametrize("name", ["roc_auc", "roc_auc_ovr"])
@settings(deadline=None, max_examples=400 if LONG else 15)
@given(data=st.data())
def test_pairs_of_weighted_rows_count_the_product_of_their_weights(name: str, data: st.DataObject) -> None:
    classes = 2 if name == "roc_auc" else data.draw(st.integers(2, 4))
    y, probability, units = data.draw(answered(classes))
    weight = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(y), max_size=len(y))), np.float64)
    score = row_score("classification", name)
    assert score.without is not None
    value, without_U = score.without(y, probability, units.of_N, weight)
    assert value == pytest.approx(peer_score(name, y, probability, weight))
    for unit, area in enumerate(without_U.tolist()):
        rest = units.of_N != unit
        expected = peer_score(name, y[rest], probability[rest], weight[rest])
        assert area == pytest.approx(expected, nan_ok=True)


def test_the_variance_is_that_of_delong() -> None:
    draw = np.random.default_rng(3)
    y, chance = draw.integers(2, size=400), draw.random(400)
    probability = np.stack([1 - chance, chance], axis=1)
    value, part = left_out(row_score("classification", "roc_auc"), y, probability, Units.of(400))
    high, low = chance[y == 1], chance[y == 0]
    ordered = (high[:, None] > low).astype(np.float64)
    delong = ordered.mean(axis=1).var(ddof=1) / len(high) + ordered.mean(axis=0).var(ddof=1) / len(low)
    assert value == pytest.approx(ordered.mean())
    assert (part**2).sum() / (400 * 399) == pytest.approx(delong, rel=0.02)


def test_an_interval_holds_the_area_and_stays_within_0_and_1() -> None:
    draw, score = np.random.default_rng(4), row_score("classification", "roc_auc")
    y = draw.integers(2, size=60)
    chance = 1 / (1 + np.exp(-2.5 * y - draw.normal(size=60)))
    probability = np.stack([1 - chance, chance], axis=1)
    span = repeated_interval(score, y, [probability], Units.of(60))
    assert 0 < span.low < peer_score("roc_auc", y, probability) < span.high < 1


def test_an_interval_is_students_on_the_odds_without_each_row() -> None:
    """By hand, with scikit-learn's areas: what a row adds to the logarithm of the odds, in two samples (Welch)."""
    draw, score = np.random.default_rng(8), row_score("classification", "roc_auc")
    for rows, few in ((60, 18), (60, 9), (120, 60)):
        y = (np.arange(rows) < few).astype(np.int64)
        chance = 1 / (1 + np.exp(-1.5 * y - draw.normal(size=rows)))
        others = ~np.eye(rows, dtype=bool)
        areas = np.array([roc_auc_score(y[rest], chance[rest]) for rest in others])
        value, without = (np.log(area / (1 - area)) for area in (roc_auc_score(y, chance), areas))
        part = (value - without) - (value - without).mean()
        first, second = ((part[y == k] ** 2).sum() for k in (1, 0))
        freedom = (first + second) ** 2 / (first**2 / (few - 1) + second**2 / (rows - few - 1))
        far = student.ppf(0.975, min(freedom, rows - 1)) * np.sqrt((first + second) * (rows - 1) / rows)
        span = repeated_interval(score, y, [np.stack([1 - chance, chance], axis=1)], Units.of(rows))
        expected = 1 / (1 + np.exp(-(value + np.array([-far, far]))))
        assert (span.low, span.high) == pytest.approx(tuple(expected))


def test_an_area_near_1_of_few_rows_is_told_from_a_coin() -> None:
    """With skewness moving the ends the interval of such an area reached from 0.3 to 0.99."""
    cell = next(one for one in chosen_on() if one.name.startswith("roc_auc 0.95, normal, 60 rows"))
    held, _ = measure(cell, 300)
    assert held["ours"].held >= 93
    assert held["ours"].width < 1.4 * held["Student"].width < held["Hall"].width / 2


@given(st.integers(3, 60), st.integers(3, 60))
def test_a_small_class_leaves_few_degrees_of_freedom(few: int, many: int) -> None:
    y, score = np.r_[np.ones(few, np.int64), np.zeros(many, np.int64)], row_score("classification", "roc_auc")
    part = np.random.default_rng(few).normal(size=few + many)
    first, second = ((part[y == k] ** 2).sum() for k in (1, 0))
    welch = (first + second) ** 2 / (first**2 / (few - 1) + second**2 / (many - 1))
    units = Units.of(few + many)
    assert freedom_of(score, y, part, units) == pytest.approx(min(welch, few + many - 1))
    assert freedom_of(row_score("classification", "f1_macro"), y, part, units) == few + many - 1
    # Groups of rows of one class each are such rows themselves.
    group = Units.of(2 * (few + many), np.repeat(np.arange(few + many), 2))
    assert freedom_of(score, np.repeat(y, 2), part, group) == pytest.approx(min(welch, few + many - 1))


def test_a_perfect_area_has_no_interval_and_says_why() -> None:
    y = np.arange(60) % 2
    probability = np.stack([1 - y, y], axis=1) * 0.8 + 0.1
    span = repeated_interval(row_score("classification", "roc_auc"), y, [probability], Units.of(60))
    assert span.why == "no row differs from the others"


def test_a_better_order_is_found_better() -> None:
    draw, score = np.random.default_rng(5), row_score("classification", "roc_auc")
    y = draw.integers(2, size=200)
    noise = draw.normal(size=200)

    def answers(strength: float) -> NDArray[np.float64]:
        chance = 1 / (1 + np.exp(-strength * y - noise))
        return np.stack([1 - chance, chance], axis=1)

    units = Units.of(200)
    better, worse = (Scored.of(score, y, {0: answers(strength)}, units) for strength in (2.0, 0.5))
    apart = difference(better, worse)
    assert 0 < apart.low < apart.mean < apart.high
    assert apart.p < 0.001
    same = difference(worse, worse)
    assert same.why == "they differ on no row"


def test_odds_lead_to_the_area_and_back() -> None:
    area = np.array([0.0, 0.1, 0.5, 0.999, 1.0])
    np.testing.assert_allclose(of_odds(odds(area)), area, atol=1e-8)
    assert np.isfinite(odds(area)).all()


# -- average precision ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("positive", [0, 1])
@settings(deadline=None, max_examples=300 if LONG else 10)
@given(data=st.data())
def test_average_precision_changes_with_a_unit_as_scikit_learns_does(
    positive: int, data: st.DataObject
) -> None:
    """What is taken away for a unit is the derivative by what it weighs, here by a small step."""
    classes = data.draw(st.integers(2, 4))
    y, probability, units = data.draw(answered(classes))
    weight = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(y), max_size=len(y))), np.float64)
    score = row_score("classification", "average_precision", None, positive)
    assert score.without is not None
    value, without_U = score.without(y, probability, units.of_N, weight)
    assert value == pytest.approx(peer_score("average_precision", y, probability, weight, positive))
    step = 1e-6
    for unit, other in enumerate(without_U.tolist()):
        less = weight * np.where(units.of_N == unit, 1 - step, 1.0)
        slope = (value - peer_score("average_precision", y, probability, less, positive)) / step
        assert value - other == pytest.approx(slope, abs=1e-4)


def test_the_interval_of_average_precision_holds_it_and_few_rows_of_the_class_give_none() -> None:
    score, held, shown = row_score("classification", "average_precision"), 0, 0
    rng = np.random.default_rng(4)

    def drawn(rows: int, share: float) -> tuple[NDArray[Any], NDArray[Any]]:
        y = (rng.random(rows) < share).astype(np.int64)
        second = 1 / (1 + np.exp(-rng.normal(size=rows) - 1.5 * y))
        return y, np.stack([1 - second, second], axis=1)

    truth = score.score(*drawn(200_000, 0.1))
    for _ in range(200):
        y, probability = drawn(400, 0.1)
        span = repeated_interval(score, y, [probability], Units.of(400))
        shown += span.known
        held += span.known and span.low <= truth <= span.high
    assert shown >= 195
    assert 0.91 <= held / shown <= 0.99
    few, answers = np.arange(60) < 19, np.tile([0.4, 0.6], (60, 1))
    why = repeated_interval(score, few.astype(np.int64), [answers], Units.of(60)).why
    assert why == "19 rows of a class are too few for an interval"
    assert not repeated_interval(score, 1 - few, [answers], Units.of(60)).why.startswith("41")
