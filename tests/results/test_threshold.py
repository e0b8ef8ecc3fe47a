"""The threshold of two classes against an oracle that tries every one, and scikit-learn's scores."""

from __future__ import annotations

import itertools
import math
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from shoal.decisions import HIGHEST, Decision
from shoal.results import choose_threshold, thinned, threshold_curve
from shoal.results._threshold import TIED, cost_score
from shoal.study import Costs, ThresholdRule

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
COSTS = Costs(false_positive=1.0, false_negative=7.5)
RULES: tuple[ThresholdRule, ...] = ("f1", "balanced", COSTS, Costs(false_positive=4.0, false_negative=1.5))
# Few values, so that many are equal; the ends of the unit interval and neighbours of float64 among them.
VALUES = (0.0, 5e-324, 1e-9, 0.2, 0.5, float(np.nextafter(0.5, 1)), 0.7, float(np.nextafter(1, 0)), 1.0)

Rows = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any] | None]


@st.composite
def rows(draw: st.DrawFn, weighted: bool | None = None) -> Rows:
    """Draw probabilities of the positive class, which rows are of it (some are, some not), and weights."""
    count = draw(st.integers(2, 25))
    value = st.one_of(st.sampled_from(VALUES), st.floats(0, 1))
    p_N = np.array(draw(st.lists(value, min_size=count, max_size=count)))
    true_N = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    true_N[draw(st.integers(0, count - 1))] = True
    true_N[int(np.flatnonzero(true_N)[0]) - 1] = False
    if true_N.all() or not true_N.any():
        true_N[0], true_N[1] = True, False
    if not (draw(st.booleans()) if weighted is None else weighted):
        return p_N, true_N, None
    weight_N = np.array(draw(st.lists(st.floats(0.01, 100), min_size=count, max_size=count)))
    return p_N, true_N, weight_N


def both(p_N: np.ndarray[Any, Any], positive: int = 1) -> np.ndarray[Any, Any]:
    answers_NK = np.empty((len(p_N), 2))
    answers_NK[:, positive], answers_NK[:, 1 - positive] = p_N, 1 - p_N
    return answers_NK


def worth(rule: ThresholdRule, true_N: Any, named_N: Any, weight_N: Any) -> float:
    """Score one threshold the slow way, by scikit-learn; costs with their sign turned round, over the largest."""
    if rule == "f1":
        return float(metrics.f1_score(true_N, named_N, sample_weight=weight_N, zero_division=0.0))
    if rule == "balanced":
        return float(
            metrics.recall_score(true_N, named_N, average="macro", sample_weight=weight_N, zero_division=0.0)
        )
    assert isinstance(rule, Costs)
    cost_N = np.where(named_N & ~true_N, rule.false_positive, 0.0)
    cost_N += np.where(true_N & ~named_N, rule.false_negative, 0.0)
    return -float(np.average(cost_N, weights=weight_N)) / max(rule.false_positive, rule.false_negative)


def tried(p_N: np.ndarray[Any, Any]) -> list[float]:
    """List every threshold: between neighbours, below and above all."""
    values = sorted(set(p_N.tolist()))
    edges = [0.0, *values, 1.0]
    thresholds = []
    for low, high in itertools.pairwise(edges):
        middle = low + (high - low) / 2
        thresholds.append(middle if middle > low else high)
    if values[-1] == 1.0:
        thresholds[-1] = HIGHEST
    return thresholds


@given(rule=st.sampled_from(RULES), drawn=rows())
def test_it_is_the_best_of_all_and_of_equal_ones_the_nearest_to_a_half(
    rule: ThresholdRule, drawn: Rows
) -> None:
    p_N, true_N, weight_N = drawn
    chosen = choose_threshold(rule, 1, true_N.astype(np.int64), both(p_N), weight_N)
    assert chosen.decision is not None
    assert chosen.why == ""
    every = {t: worth(rule, true_N, p_N >= t, weight_N) for t in tried(p_N)}
    threshold = chosen.decision.threshold
    assert threshold in every
    best = max(every.values())
    assert every[threshold] == pytest.approx(best, abs=1e-9)
    near = abs(threshold - 0.5)
    nearer = [t for t in every if abs(t - 0.5) < near]
    assert all(every[t] < best - TIED / 2 for t in nearer)
    assert all(every[t] < best - TIED / 2 for t in every if t < threshold and abs(t - 0.5) == near)


@given(rule=st.sampled_from(RULES), drawn=rows())
def test_the_curve_is_scikit_learns_score_at_every_threshold(rule: ThresholdRule, drawn: Rows) -> None:
    p_N, true_N, weight_N = drawn
    curve = threshold_curve(rule, true_N, p_N, weight_N)
    assert curve.threshold_T.tolist() == tried(p_N)
    assert (np.diff(curve.threshold_T) > 0).all()
    sign = -max(rule.false_positive, rule.false_negative) if isinstance(rule, Costs) else 1.0
    for place, t in enumerate(curve.threshold_T):
        named_N = p_N >= t
        own = worth(rule, true_N, named_N, weight_N) * sign
        assert curve.score_T[place] == pytest.approx(own, abs=1e-9)
        recall = metrics.recall_score(true_N, named_N, sample_weight=weight_N)
        assert curve.recall_T[place] == pytest.approx(recall, abs=1e-12)
        precision = metrics.precision_score(true_N, named_N, sample_weight=weight_N, zero_division=math.nan)
        assert curve.precision_T[place] == pytest.approx(precision, abs=1e-12, nan_ok=True)
    assert (np.diff(curve.recall_T) <= 0).all()
    assert curve.recall_T[0] == 1
    assert curve.recall_T[-1] == 0


@settings(max_examples=2000 if LONG else 50)  # sums are rounded alike most often
@given(rule=st.sampled_from(RULES), drawn=rows(), seed=st.integers(0, 99))
def test_the_order_of_rows_changes_no_bit(rule: ThresholdRule, drawn: Rows, seed: int) -> None:
    p_N, true_N, weight_N = drawn
    order = np.random.default_rng(seed).permutation(len(p_N))
    first = threshold_curve(rule, true_N, p_N, weight_N)
    other = threshold_curve(rule, true_N[order], p_N[order], None if weight_N is None else weight_N[order])
    for own, again in zip(vars(first).values(), vars(other).values(), strict=True):
        assert own.tobytes() == again.tobytes()


@given(drawn=rows(weighted=False), dearer=st.floats(1.01, 1000))
def test_a_dearer_miss_never_raises_the_threshold_nor_lowers_recall(drawn: Rows, dearer: float) -> None:
    p_N, true_N, _ = drawn
    recalls = []
    for cost in (3.0, 3.0 * dearer):
        rule = Costs(false_positive=1.0, false_negative=cost)
        chosen = choose_threshold(rule, 1, true_N.astype(np.int64), both(p_N))
        assert chosen.decision is not None
        recalls.append(float((p_N[true_N] >= chosen.decision.threshold).mean()))
    assert recalls[1] >= recalls[0]


@given(drawn=rows(), factor=st.sampled_from([1e-200, 0.5, 1e200]))
def test_the_unit_of_costs_and_weights_says_nothing(drawn: Rows, factor: float) -> None:
    p_N, true_N, weight_N = drawn
    dear = Costs(false_positive=COSTS.false_positive * factor, false_negative=COSTS.false_negative * factor)
    y_N = true_N.astype(np.int64)
    first = choose_threshold(COSTS, 1, y_N, both(p_N), weight_N).decision
    assert choose_threshold(dear, 1, y_N, both(p_N), weight_N).decision == first
    if weight_N is not None:
        assert choose_threshold(COSTS, 1, y_N, both(p_N), weight_N * 2.0**10).decision == first


@given(rule=st.sampled_from(RULES), drawn=rows(weighted=False))
def test_a_weight_of_two_is_a_row_twice_and_one_of_nothing_is_no_row(
    rule: ThresholdRule, drawn: Rows
) -> None:
    p_N, true_N, _ = drawn
    y_N, weight_N = true_N.astype(np.int64), np.ones(len(p_N))
    weight_N[0] = 2
    twice = np.append(np.arange(len(p_N)), 0)
    first = choose_threshold(rule, 1, y_N, both(p_N), weight_N).decision
    assert choose_threshold(rule, 1, y_N[twice], both(p_N[twice])).decision == first
    more_NK = np.concatenate((both(p_N), [[0.25, 0.75]]))
    plain = choose_threshold(rule, 1, y_N, both(p_N)).decision
    nothing_N = np.append(np.ones(len(p_N)), 0.0)
    assert choose_threshold(rule, 1, np.append(y_N, 0), more_NK, nothing_N).decision == plain


@given(drawn=rows())
def test_either_class_may_be_the_positive_one(drawn: Rows) -> None:
    p_N, true_N, weight_N = drawn
    first = choose_threshold("f1", 1, true_N.astype(np.int64), both(p_N, 1), weight_N).decision
    other = choose_threshold("f1", 0, (~true_N).astype(np.int64), both(p_N, 0), weight_N).decision
    assert first is not None
    assert other == Decision(0, first.threshold)


@given(drawn=rows(), t=st.one_of(st.sampled_from(VALUES), st.floats(0, 1)), positive=st.integers(0, 1))
def test_classes_are_named_as_scikit_learn_does_from_the_threshold_on(
    drawn: Rows, t: float, positive: int
) -> None:
    p_N = drawn[0]
    decision = Decision(positive, t)
    named_N = decision.named(both(p_N, positive))
    assert ((named_N == positive) == (p_N >= t)).all()
    assert (decision.sure(both(p_N, positive)).argmax(axis=1) == named_N).all()


def test_the_mean_cost_is_a_score_of_the_classes_named() -> None:
    y_N, named_N = np.array([1, 1, 0, 0, 0]), np.array([1, 0, 1, 1, 0])
    score = cost_score(COSTS, 1)
    assert score.score(y_N, np.eye(2)[named_N]) == pytest.approx((7.5 + 2 * 1.0) / 5)
    assert score.score(y_N, np.eye(2)[named_N], np.array([1.0, 3, 1, 0, 1])) == pytest.approx(
        (3 * 7.5 + 1) / 6
    )
    assert cost_score(COSTS, 0).score(y_N, np.eye(2)[named_N]) == pytest.approx((1.0 + 2 * 7.5) / 5)


@pytest.mark.parametrize(
    ("y", "p", "weight", "why"),
    [
        ([1, 1], [0.2, 0.7], None, "all rows held out that count are of one class"),
        ([0, 1], [0.2, 0.7], [1.0, 0.0], "all rows held out that count are of one class"),
        ([0, 1], [0.2, math.nan], None, "an answer to a row held out is not a finite number"),
    ],
)
def test_where_there_is_none_it_says_why(y: list[int], p: list[float], weight: Any, why: str) -> None:
    weight_N = None if weight is None else np.array(weight)
    chosen = choose_threshold("balanced", 1, np.array(y), both(np.array(p)), weight_N)
    assert (chosen.decision, chosen.why, chosen.curve) == (None, why, None)


def test_a_thinned_curve_keeps_the_threshold_that_is_chosen() -> None:
    draw = np.random.default_rng(3)
    p_N = draw.random(4000)
    true_N = draw.random(4000) < p_N
    chosen = choose_threshold("f1", 1, true_N.astype(np.int64), both(p_N))
    assert chosen.curve is not None
    assert chosen.decision is not None
    few = thinned(chosen.curve, 100, chosen.decision.threshold)
    assert 100 <= len(few.threshold_T) <= 101
    assert chosen.decision.threshold in few.threshold_T
    assert few.score_T.max() == chosen.curve.score_T.max()
    assert thinned(few, 101, chosen.decision.threshold) is few
