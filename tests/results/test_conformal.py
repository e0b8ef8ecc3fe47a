"""Intervals and sets by their definitions, in loops; relations; the temperature by a minimum; a short campaign."""

from __future__ import annotations

import math
import os
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from benchmarks.honesty.predictions import CELLS, LEAST, MOST, measure, tempering, worlds
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from shoal.errors import InputError
from shoal.results import (
    Counts,
    HeldOut,
    class_sets,
    conformities,
    cv_plus,
    guaranteed_coverage,
    in_order,
    rank_at,
    residuals,
    temperature_of,
    tempered,
)
from shoal.results._conformal import _FEW, _halved, _ranked, _Rises, _sorted_out

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"

Drawn = tuple[list[Any], list[Any], list[Any]]
seeds = st.integers(0, 10_000)
shares = st.sampled_from([0.5, 0.6, 0.75, 0.8, 0.9])


def drawn_numbers(seed: int) -> Drawn:
    """True values and answers of the rows held out, and answers to new rows, fold by fold."""
    rng = np.random.default_rng(seed)
    sizes, targets = rng.integers(3, 9, size=rng.integers(2, 5)), int(rng.integers(1, 3))
    true = [rng.normal(size=(size, targets)).round(1) for size in sizes]
    answers = [y + rng.normal(size=y.shape).round(1) for y in true]
    return true, answers, [rng.normal(size=(6, targets)).round(1) for _ in sizes]


def drawn_classes(seed: int, classes: int = 3) -> Drawn:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 9, size=rng.integers(2, 5))

    def probabilities(rows: int) -> Any:
        weight = rng.gamma(1.0, size=(rows, classes)).round(2) + 0.01
        return weight / weight.sum(axis=1, keepdims=True)

    true = [rng.integers(classes, size=size) for size in sizes]
    return true, [probabilities(size) for size in sizes], [probabilities(6) for _ in sizes]


# -- by definition -------------------------------------------------------------------------------------------


def interval_by_definition(drawn: Drawn, row: int, k: int, coverage: float) -> tuple[float, float]:
    """Barber, Candès, Ramdas, Tibshirani 2021, section 3: quantiles of what each row held out says."""
    low_ends, high_ends = [], []
    for y, answer, new in zip(*drawn, strict=True):
        for true, said in zip(y[:, k], answer[:, k], strict=True):
            low_ends.append(new[row, k] - abs(true - said))
            high_ends.append(new[row, k] + abs(true - said))
    rows, alpha = len(low_ends), 1 - coverage
    up = math.ceil(round((1 - alpha) * (rows + 1), 9))  # the smallest k with k >= (1 - alpha)(n + 1)
    down = math.floor(round(alpha * (rows + 1), 9))
    return sorted(low_ends)[down - 1], sorted(high_ends)[up - 1]


@given(seeds, shares)
def test_intervals_are_those_of_the_definition(seed: int, coverage: float) -> None:
    true, answers, new = drawn = drawn_numbers(seed)
    rows = sum(map(len, true))
    if math.ceil(round(coverage * (rows + 1), 9)) > rows:
        coverage = 0.5
    ends = cv_plus(new, in_order([residuals(y, a) for y, a in zip(true, answers, strict=True)]), coverage)
    assert ends.shape == (*new[0].shape, 2)
    for row in range(len(ends)):
        for k in range(ends.shape[1]):
            assert tuple(ends[row, k]) == interval_by_definition(drawn, row, k, coverage)


@given(seeds, shares)
def test_sets_are_those_of_the_definition(seed: int, coverage: float) -> None:
    """Romano, Sesia, Candès 2020, equation 10: a class is out where too many rows conform better than it."""
    true, answers, new = drawn_classes(seed)
    rows = sum(map(len, true))
    if math.ceil(round(coverage * (rows + 1), 9)) > rows:
        coverage = 0.5
    sets = class_sets(
        new, in_order([conformities(y, a) for y, a in zip(true, answers, strict=True)]), coverage
    )
    for row in range(6):
        for k in range(3):
            stranger = 0
            for y, answer, said in zip(true, answers, new, strict=True):
                for number, own in enumerate(y):
                    stranger += 1 - answer[number, own] < 1 - said[row, k] - 1e-12
            assert sets[row, k] == (stranger < round(coverage * (rows + 1), 9))


def test_one_row_a_fold_is_the_jackknife_plus_by_hand() -> None:
    # Three rows, networks that say the mean of the two others: residuals 1.5, 0 and 1.5.
    true = [np.array([[0.0]]), np.array([[1.0]]), np.array([[2.0]])]
    answers = [np.array([[1.5]]), np.array([[1.0]]), np.array([[0.5]])]
    scores = in_order([residuals(y, a) for y, a in zip(true, answers, strict=True)])
    ends = cv_plus([np.array([[1.5]]), np.array([[1.0]]), np.array([[0.5]])], scores, 0.75)
    # Lower ends 0, 1 and -1, upper ends 3, 1 and 2; rank 3 of 3.
    assert ends.tolist() == [[[-1.0, 3.0]]]


@given(seeds, st.integers(1, 40), st.sampled_from([0, 1, 3, 12]), st.sampled_from([1.0, 1e-9, 1e16, 1e-300]))
def test_the_number_of_a_rank_is_that_of_all_sums_in_order(
    seed: int, size: int, digits: int, unit: float
) -> None:
    """Ties, sums that rounding makes equal, tiny and huge numbers: the very number that a sort gives."""
    rng = np.random.default_rng(seed)
    rising = [np.sort(rng.normal(size=rng.integers(1, size + 1)).round(digits)) for _ in range(3)]
    middle_FN = (
        (unit * rng.normal(size=(3, 5))).round(digits) if unit == 1 else unit * rng.normal(size=(3, 5))
    )
    sums = np.concatenate([m[:, None] + rise for m, rise in zip(middle_FN, rising, strict=True)], axis=1)
    for rank in {1, sums.shape[1] // 2 + 1, sums.shape[1]}:
        expected = np.sort(sums, axis=1)[:, rank - 1].tolist()
        for find in (_sorted_out, _halved):
            assert find(middle_FN, _Rises.of(rising, None), rank).tolist() == expected


def test_the_ways_to_a_rank_agree_where_one_takes_over() -> None:
    rng = np.random.default_rng(3)
    middle_FN = rng.normal(size=(2, 7))
    for few in (_FEW - 1, _FEW, _FEW + 1):
        rising = [np.sort(rng.normal(size=few - 500)), np.sort(rng.normal(size=500))]
        sums = np.concatenate([m[:, None] + rise for m, rise in zip(middle_FN, rising, strict=True)], axis=1)
        assert (
            _ranked(middle_FN, _Rises.of(rising, None), 640).tolist()
            == np.sort(sums, axis=1)[:, 639].tolist()
        )


def test_answers_that_are_no_numbers_have_no_interval() -> None:
    scores = [HeldOut(np.array([[0.5, 1.0]])), HeldOut(np.array([[0.25, 2.0]]))]
    new = [np.array([[1.0], [np.nan], [2.0]]), np.array([[1.0], [1.0], [np.inf]])]
    ends = cv_plus(new, scores, 0.6)
    assert np.isfinite(ends[0]).all()
    assert np.isnan(ends[1:]).all()
    assert np.isnan(cv_plus(new, [HeldOut(np.array([[0.5, np.nan]]))] * 2, 0.6)).all()
    assert cv_plus([np.zeros((0, 1))] * 2, scores, 0.6).shape == (0, 1, 2)


def test_many_rows_take_little_time() -> None:
    rng = np.random.default_rng(0)
    scores = in_order([rng.gamma(1.0, size=(1, 20_000)) for _ in range(5)])
    begun = time.thread_time()
    cv_plus([rng.normal(size=(20_000, 1)) for _ in scores], scores, 0.9)
    assert time.thread_time() - begun < 20  # all sums in order would be two thousand million numbers


def test_no_numbers_take_long() -> None:
    """Model files may be foreign: one number far above all others, all equal ones that no sum shows, many folds."""
    rng = np.random.default_rng(0)
    plain = [np.sort(rng.random((1, 5000))) for _ in range(4)]
    far = [np.append(np.sort(rng.random(200_000)), 1e25)[None], *plain]
    equal = [np.full((1, 200_000), 1e-300)] * 5
    many = [np.sort(rng.random((3, 40))) for _ in range(1000)]
    for scores in (far, equal, many):
        begun = time.thread_time()
        new = [rng.normal(size=(50, len(scores[0]))) for _ in scores]
        assert np.isfinite(cv_plus(new, [HeldOut(score_SV) for score_SV in scores], 0.9)).all()
        assert time.thread_time() - begun < 5


def test_sums_that_are_too_large_are_infinite_without_a_word() -> None:
    scores = [HeldOut(np.array([[0.0, 1.7e308]]))] * 2
    assert cv_plus([np.array([[1.7e308]])] * 2, scores, 0.6).tolist() == [[[0.0, math.inf]]]


# -- relations -----------------------------------------------------------------------------------------------


@given(seeds)
def test_the_order_of_rows_within_a_fold_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for drawn, score, ask in (
        (drawn_numbers(seed), residuals, cv_plus), (drawn_classes(seed), conformities, class_sets),
    ):  # fmt: skip
        true, answers, new = drawn
        orders = [rng.permutation(len(y)) for y in true]
        mixed = in_order([score(y[o], a[o]) for y, a, o in zip(true, answers, orders, strict=True)])
        plain = in_order([score(y, a) for y, a in zip(true, answers, strict=True)])
        assert all(np.array_equal(one.scores, other.scores) for one, other in zip(mixed, plain, strict=True))
        assert np.array_equal(ask(new, mixed, 0.5), ask(new, plain, 0.5))


@given(seeds)
def test_more_coverage_gives_wider_intervals_and_larger_sets(seed: int) -> None:
    true, answers, new = drawn_numbers(seed)
    scores = in_order([residuals(y, a) for y, a in zip(true, answers, strict=True)])
    rows = sum(map(len, true))
    wide = [share for share in np.linspace(0.5, 0.95, 10) if share * (rows + 1) <= rows]
    for narrow, wider in pairwise(cv_plus(new, scores, share) for share in wide):
        assert (wider[..., 0] <= narrow[..., 0]).all()
        assert (narrow[..., 1] <= wider[..., 1]).all()
        assert (narrow[..., 0] <= narrow[..., 1]).all()
    true, answers, new = drawn_classes(seed)
    scores = in_order([conformities(y, a) for y, a in zip(true, answers, strict=True)])
    rows = sum(map(len, true))
    wide = [share for share in np.linspace(0.5, 0.95, 10) if share * (rows + 1) <= rows]
    for small, larger in pairwise(class_sets(new, scores, share) for share in wide):
        assert (small <= larger).all()


@given(seeds, st.integers(-40, 40), st.sampled_from([-1, 1]))
def test_units_and_signs_of_the_target_scale_the_intervals(seed: int, power: int, sign: int) -> None:
    true, answers, new = drawn_numbers(seed)
    unit = sign * 2.0**power
    ends = cv_plus(new, in_order([residuals(y, a) for y, a in zip(true, answers, strict=True)]), 0.6)
    scaled = in_order([residuals(unit * y, unit * a) for y, a in zip(true, answers, strict=True)])
    mirrored = cv_plus([unit * answer for answer in new], scaled, 0.6)
    assert np.array_equal(mirrored, unit * (ends if sign > 0 else ends[..., ::-1]))


@pytest.mark.parametrize(
    ("coverage", "sentence"),
    [
        (0.3, "coverage: expected a share from 0.5 on and below 1, got 0.3"),
        (1, "coverage: expected a share from 0.5 on and below 1, got 1"),
        (90, "coverage: expected a share from 0.5 on and below 1, got 90"),
        (math.nan, "coverage: expected a share from 0.5 on and below 1, got nan"),
        (True, "coverage: expected a share from 0.5 on and below 1, got True"),
        ("0.9", "coverage: expected a share from 0.5 on and below 1, got '0.9'"),
        ([0.9] * 100, "coverage: expected a share from 0.5 on and below 1"),
        (0.95, "coverage: expected at most 0.909 of 10 rows held out, got 0.95"),
    ],
)
def test_coverages_that_are_refused(coverage: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        rank_at(coverage, Counts(10, 10, 10.0))
    assert str(caught.value) == sentence


def test_the_rank_is_not_moved_by_rounding() -> None:
    def rank(share: Any, rows: int) -> int:
        return rank_at(share, Counts(rows, rows, float(rows)))

    assert [rank(share, 9) for share in (0.5, 0.6, 0.7, 0.8, 0.9, np.float32(0.5))] == [5, 6, 7, 8, 9, 5]
    assert rank(0.9, 89) == 81
    assert rank(0.7, 99) == 70  # 0.7 * 100 is above 70 in floating point


def test_what_is_guaranteed() -> None:
    assert guaranteed_coverage(0.9, 40, 40) == pytest.approx(0.8)  # the jackknife+ loses nothing
    assert guaranteed_coverage(0.9, 5, 60) == pytest.approx(0.8 - 1.6 / 13)
    assert guaranteed_coverage(0.5, 2, 4) == 0
    assert all(
        guaranteed_coverage(0.9, folds, rows) >= 0.8 - math.sqrt(2 / rows)
        for rows in range(2, 300)
        for folds in range(2, rows + 1)
    )


# -- the temperature -----------------------------------------------------------------------------------------


def cross_entropy(probability: Any, y: Any, temperature: float) -> float:
    power = probability ** (1 / temperature)
    return float(-np.log((power / power.sum(axis=1, keepdims=True))[np.arange(len(y)), y]).mean())


def smoothed_cross_entropy(probability: Any, y: Any, temperature: float) -> float:
    """With (n + 1) / (n + 2) as the target of the true class, row by row."""
    total = 0.0
    for row, true in zip(probability ** (1 / temperature), y, strict=True):
        for place, value in enumerate(row / row.sum()):
            share = (len(y) + 1) if place == true else 1 / (len(row) - 1)
            total -= share / (len(y) + 2) * math.log(value)
    return total / len(y)


@given(seeds, st.sampled_from([2, 3, 7]))
def test_the_temperature_is_that_of_the_least_cross_entropy_where_it_helps(seed: int, classes: int) -> None:
    true, answers, _ = drawn_classes(seed, classes)
    y, probability = np.concatenate(true), np.concatenate(answers)
    temperature = temperature_of(y, probability, 5)
    best = minimize_scalar(
        lambda power: smoothed_cross_entropy(probability, y, math.exp(power)),
        bounds=(math.log(0.1), math.log(100)),
        method="bounded",
    )
    assert 0.1 <= temperature <= 100
    at_best = tempered(probability, math.exp(best.x))
    row_V = np.arange(len(y))
    gain_V = np.log(at_best[row_V, y]) - np.log(probability[row_V, y])
    resolved = gain_V.mean() - 2 * gain_V.std(ddof=1) / math.sqrt(len(y))
    if abs(resolved) > 1e-3:
        assert (temperature != 1) == (resolved > 0)
    if temperature != 1:
        assert smoothed_cross_entropy(probability, y, temperature) <= best.fun + 1e-9
        assert cross_entropy(probability, y, temperature) < cross_entropy(probability, y, 1.0)
    loss = -np.log(tempered(probability, temperature)[row_V, y]).mean()
    assert loss == pytest.approx(cross_entropy(probability, y, temperature))
    assert temperature_of(y, probability, 4) == max(temperature, 1)


@given(seeds, st.floats(0.1, 100))
def test_a_temperature_keeps_the_order_of_classes_and_the_sum(seed: int, temperature: float) -> None:
    _, (probability, *_), _ = drawn_classes(seed, 4)
    changed = tempered(probability, temperature)
    assert np.allclose(changed.sum(axis=1), 1)
    assert (changed.argmax(axis=1) == probability.argmax(axis=1)).all()
    assert np.allclose(tempered(changed, 1 / temperature), probability, atol=1e-6) or temperature < 0.5


def test_networks_that_are_always_right_do_not_ask_for_certainty() -> None:
    y = np.arange(142) % 2
    rng = np.random.default_rng(0)
    right_V = rng.uniform(0.6, 0.8, size=142)
    probability = np.where(np.arange(2)[None] == y[:, None], right_V[:, None], 1 - right_V[:, None])
    temperature = temperature_of(y, probability, 5)
    assert 0.15 < temperature < 0.3
    sure_V = tempered(probability, temperature)[np.arange(142), y]
    assert 0.98 < sure_V.mean() < 143 / 144
    assert temperature_of(y, probability, 3) == 1  # their networks saw much fewer rows than the delivered one


def test_labels_by_lot_meet_the_bound_and_what_is_no_more_than_chance_changes_nothing() -> None:
    sure = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert temperature_of(np.array([1, 0]), sure, 3) == 100
    assert temperature_of(np.array([1]), sure[:1], 3) == 1  # one row has no error of its gain
    rng = np.random.default_rng(1)
    probability = rng.dirichlet(np.ones(3), size=200)
    y = np.array([rng.choice(3, p=row) for row in probability])  # they are what they say
    assert temperature_of(y, probability, 5) == 1
    assert tempered(np.array([[1.0, 0.0]]), 2.0)[0, 0] == 1
    assert tempered(np.zeros((0, 3)), 2.0).shape == (0, 3)


# -- the campaign, short -------------------------------------------------------------------------------------

SHORT = [cell for cell in CELLS if cell.rows < 1000]


@pytest.mark.parametrize("cell", SHORT, ids=lambda cell: cell.name)
def test_of_new_rows_as_many_lie_within_as_is_said(cell: Any) -> None:
    studies = (12 if cell.classes else 60) // (1 if LONG else 2)
    share_S = 100 * measure(cell, studies)[:, 0]
    error = 2.5 * share_S.std() / math.sqrt(studies)
    assert LEAST - error <= share_S.mean() <= MOST + error


def test_a_network_that_is_too_sure_is_calmed() -> None:
    name, x, y = list(worlds())[6]
    assert name.startswith("2 classes")
    before, after, ece_before, ece_after, temperature, *_ = tempering(x, y, 2).mean(axis=0)
    assert after < before
    assert ece_after < ece_before
    assert temperature > 1.5
