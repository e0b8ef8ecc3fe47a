"""Intervals, sets and temperature of weighted rows: by their definitions in loops, by repeated rows, by relations."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from benchmarks.honesty.weighted_predictions import COVERAGES, PROBLEMS, WITHIN, measure, off_by
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from shoal.errors import InputError
from shoal.results import (
    Counts,
    HeldOut,
    class_sets,
    cv_plus,
    in_order,
    rank_at,
    temperature_of,
)
from shoal.results._conformal import _halved, _Rises

seeds = st.integers(0, 10_000)
shares = st.sampled_from([0.5, 0.6, 0.75, 0.8, 0.9])
kinds = st.sampled_from(["whole", "gamma", "wild"])


class Drawn:
    """Scores of rows held out, fold by fold, what these weigh, and answers to six new rows."""

    def __init__(self, seed: int, kind: str, *, classes: bool = False) -> None:
        rng = np.random.default_rng(seed)
        sizes, lines = rng.integers(4, 9, size=rng.integers(2, 5)), 1 if classes else int(rng.integers(1, 3))
        self.scores = [np.abs(rng.normal(size=(lines, size))).round(1) for size in sizes]
        draw = {
            "whole": lambda size: rng.integers(1, 5, size).astype(float),
            "gamma": lambda size: rng.gamma(1.0, size=size) + 0.05,
            "wild": lambda size: np.exp(rng.normal(size=size)),
        }[kind]
        self.weights = [draw(size) for size in sizes]
        self.new = [rng.normal(size=(6, 3 if classes else lines)).round(1) for _ in sizes]
        if classes:
            self.scores = [np.minimum(score, 1) for score in self.scores]
            self.new = [np.minimum(np.abs(new), 1) for new in self.new]

    @property
    def folds(self) -> list[HeldOut]:
        return in_order(self.scores, self.weights)

    def rows(self, line: int) -> list[tuple[int, float, Fraction]]:
        """Fold, score and weight of each row."""
        return [
            (fold, float(score), Fraction(float(weight)))
            for fold, (score_SV, weight_V) in enumerate(zip(self.scores, self.weights, strict=True))
            for score, weight in zip(score_SV[line], weight_V, strict=True)
        ]

    def most(self, coverage: float) -> float:
        """The coverage, or 0.5 where so many rows tell no more."""
        own = np.concatenate(self.weights) / max(own.max() for own in self.weights)
        return coverage if coverage * (1 + (own**2).sum() / own.sum() ** 2) <= 1 else 0.5


def needed(rows: list[tuple[int, float, Fraction]], coverage: float) -> Fraction:
    """The share of the weight of all rows and of a new one, which weighs what a row does that is drawn by weight."""
    total = sum((weight for *_, weight in rows), Fraction(0))
    square = sum((weight**2 for *_, weight in rows), Fraction(0))
    return Fraction(str(coverage)) * (total + square / total)


def end_by_definition(ends: list[tuple[float, Fraction]], need: Fraction) -> float:
    """The first of the ends, from the nearest on, up to which rows weigh enough."""
    total = Fraction(0)
    for end, weight in sorted(ends):
        total += weight
        if total >= need:
            return end
    raise AssertionError("expected rows that weigh enough")


@given(seeds, shares, kinds)
def test_intervals_are_those_of_the_definition(seed: int, coverage: float, kind: str) -> None:
    drawn = Drawn(seed, kind)
    coverage = drawn.most(coverage)
    ends = cv_plus(drawn.new, drawn.folds, coverage)
    for k in range(ends.shape[1]):
        rows = drawn.rows(k)
        need = needed(rows, coverage)
        for row in range(6):
            high = [(drawn.new[fold][row, k] + score, weight) for fold, score, weight in rows]
            low = [(-(drawn.new[fold][row, k] - score), weight) for fold, score, weight in rows]
            assert ends[row, k, 1] == end_by_definition(high, need)
            assert ends[row, k, 0] == -end_by_definition(low, need)


@given(seeds, shares, kinds)
def test_sets_are_those_of_the_definition(seed: int, coverage: float, kind: str) -> None:
    """A class is out where the rows that conform better than it weigh as much as is needed, or more."""
    drawn = Drawn(seed, kind, classes=True)
    coverage = drawn.most(coverage)
    rows = drawn.rows(0)
    need = needed(rows, coverage)
    sets = class_sets(drawn.new, drawn.folds, coverage)
    for row in range(6):
        for k in range(3):
            better = sum(weight for fold, score, weight in rows if score > drawn.new[fold][row, k])
            assert sets[row, k] == (better < need)


@given(seeds, shares)
def test_whole_weights_are_rows_that_come_so_often(seed: int, coverage: float) -> None:
    """All but what a new row counts: there it is one of them, here one that is drawn by its weight."""
    drawn = Drawn(seed, "whole")
    coverage = drawn.most(coverage)
    times = [weight_V.astype(int) for weight_V in drawn.weights]
    often = in_order([np.repeat(score, n, axis=1) for score, n in zip(drawn.scores, times, strict=True)])
    rows, counts = sum(n.sum() for n in times), Counts.of(drawn.folds)
    need = math.ceil(needed(drawn.rows(0), coverage))
    assert rank_at(coverage, counts) == pytest.approx(need * counts.total / rows, abs=counts.total / rows)
    for k in range(drawn.new[0].shape[1]):
        reaches = [fold.scores[k] for fold in often]
        middle_FN = np.stack([new[:, k] for new in drawn.new])
        falling = _Rises.of([-reach[::-1] for reach in reaches], None)
        own = cv_plus(drawn.new, drawn.folds, coverage)[:, k]
        assert own[:, 1].tolist() == _halved(middle_FN, _Rises.of(reaches, None), need).tolist()
        assert own[:, 0].tolist() == _halved(middle_FN, falling, rows + 1 - need).tolist()


@given(seeds, st.sampled_from([1.0, 0.3, 7e300]), shares)
def test_equal_weights_are_none(seed: int, weight: float, coverage: float) -> None:
    drawn = Drawn(seed, "whole")
    drawn.weights = [np.full(len(own), weight) for own in drawn.weights]
    coverage = drawn.most(coverage)
    plain = in_order(drawn.scores)
    assert all(fold.weights is None for fold in drawn.folds)
    ends = cv_plus(drawn.new, drawn.folds, coverage)
    assert ends.tobytes() == cv_plus(drawn.new, plain, coverage).tobytes()
    # Weights that are all the same, as a file may hold them, give the same by another way.
    held = [HeldOut(fold.scores, np.full_like(fold.scores, weight)) for fold in plain]
    assert cv_plus(drawn.new, held, coverage).tolist() == ends.tolist()
    assert Counts.of(held).worth == pytest.approx(Counts.of(plain).rows)


@given(seeds, kinds, st.sampled_from([3.0, 0.1, 1e-300, 1e300, 2.0**-1000]))
def test_only_ratios_count(seed: int, kind: str, unit: float) -> None:
    for classes in (False, True):
        drawn = Drawn(seed, kind, classes=classes)
        ask: Any = class_sets if classes else cv_plus
        coverage = drawn.most(0.8)
        plain = ask(drawn.new, drawn.folds, coverage)
        drawn.weights = [unit * own for own in drawn.weights]
        assert ask(drawn.new, drawn.folds, coverage).tolist() == plain.tolist()


@given(seeds, kinds)
def test_rows_that_weigh_nothing_are_not_there(seed: int, kind: str) -> None:
    drawn = Drawn(seed, kind)
    idle = [np.c_[score, np.full((len(score), 2), np.nan)] for score in drawn.scores]
    weights = [np.r_[own, 0.0, 0.0] for own in drawn.weights]
    for fold, other in zip(in_order(idle, weights), drawn.folds, strict=True):
        assert fold.scores.tobytes() == other.scores.tobytes()
        assert (fold.weights is None) == (other.weights is None)
        if fold.weights is not None and other.weights is not None:
            assert fold.weights.tobytes() == other.weights.tobytes()
    alone = in_order(idle, [np.r_[np.ones(len(own)), 0.0, 0.0] for own in drawn.weights])
    assert all(fold.weights is None for fold in alone)


@given(seeds, kinds)
def test_the_order_of_rows_changes_no_byte(seed: int, kind: str) -> None:
    drawn, rng = Drawn(seed, kind), np.random.default_rng(seed)
    plain = drawn.folds
    orders = [rng.permutation(len(own)) for own in drawn.weights]
    drawn.scores = [score[:, order] for score, order in zip(drawn.scores, orders, strict=True)]
    drawn.weights = [own[order] for own, order in zip(drawn.weights, orders, strict=True)]
    for fold, other in zip(drawn.folds, plain, strict=True):
        assert fold.scores.tobytes() == other.scores.tobytes()
        assert fold.weights is other.weights or fold.weights.tobytes() == other.weights.tobytes()  # type: ignore[union-attr]


@given(seeds, kinds)
def test_more_coverage_gives_wider_intervals_and_larger_sets(seed: int, kind: str) -> None:
    for classes in (False, True):
        drawn = Drawn(seed, kind, classes=classes)
        ask: Any = class_sets if classes else cv_plus
        wide = [share for share in (0.5, 0.55, 0.7, 0.8, 0.9) if drawn.most(share) == share]
        for small, larger in pairwise(ask(drawn.new, drawn.folds, share) for share in wide):
            if classes:
                assert (small <= larger).all()
            else:
                assert (larger[..., 0] <= small[..., 0]).all()
                assert (small[..., 1] <= larger[..., 1]).all()


def test_many_weighted_rows_are_those_of_the_definition() -> None:
    """Beyond the rows of which all sums are made, with ties, and one row that weighs as much as many."""
    rng = np.random.default_rng(1)
    scores = [np.abs(rng.normal(size=(1, 3000))).round(2) for _ in range(3)]
    weights = [rng.gamma(0.5, size=3000) for _ in range(3)]
    weights[1][7] = 500.0
    new = [rng.normal(size=(4, 1)) for _ in range(3)]
    ends = cv_plus(new, in_order(scores, weights), 0.9)
    own = np.concatenate(weights)
    need = 0.9 * (own.sum() + (own**2).sum() / own.sum())
    for row in range(4):
        high = np.concatenate([n[row, 0] + s[0] for n, s in zip(new, scores, strict=True)])
        order = np.argsort(high, kind="stable")
        assert ends[row, 0, 1] == high[order][np.searchsorted(np.cumsum(own[order]), need)]


def test_one_row_that_weighs_most_tells_little() -> None:
    folds = in_order([np.ones((1, 20)), np.ones((1, 20))], [np.ones(20), np.r_[np.ones(19), 20.0]])
    counts = Counts.of(folds)
    assert counts.worth == pytest.approx(59**2 / 439)
    with pytest.raises(InputError) as caught:
        cv_plus([np.zeros((1, 1))] * 2, folds, 0.95)
    what = (
        "coverage: expected at most 0.888 of 40 rows held out that are worth 7.9 rows of one weight, got 0.95"
    )
    assert str(caught.value) == what
    assert cv_plus([np.zeros((1, 1))] * 2, folds, 0.85).tolist() == [[[-1.0, 1.0]]]


# -- the temperature -----------------------------------------------------------------------------------------


def rows_of_classes(seed: int, classes: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(classes, 0.7), size=60) * 0.98 + 0.02 / classes
    return rng.integers(classes, size=60), probability, rng.gamma(1.0, size=60) + 0.01


@given(seeds, st.sampled_from([2, 4]))
def test_the_temperature_is_that_of_the_least_weighted_cross_entropy(seed: int, classes: int) -> None:
    y, probability, weight = rows_of_classes(seed, classes)
    worth = weight.sum() ** 2 / (weight**2).sum()
    target = np.full((60, classes), 1 / (worth + 2) / (classes - 1))
    target[np.arange(60), y] = (worth + 1) / (worth + 2)

    def loss(power: float) -> float:
        scaled = probability ** math.exp(-power)
        log = np.log(scaled / scaled.sum(axis=1, keepdims=True))
        return float(-np.average((target * log).sum(axis=1), weights=weight))

    best = minimize_scalar(loss, bounds=(math.log(0.1), math.log(100)), method="bounded")
    temperature = temperature_of(y, probability, 5, weight)
    assert temperature == 1 or loss(math.log(temperature)) <= best.fun + 1e-9
    whole = temperature_of(y, probability, 5, 2.0**-900 * weight)
    assert whole == pytest.approx(temperature)
    assert temperature_of(y, probability, 5, np.full(60, 0.3)) == temperature_of(y, probability, 5)
    idle = np.r_[weight, np.zeros(60)]
    twice = temperature_of(np.tile(y, 2), np.tile(probability, (2, 1)), 5, idle)
    assert twice == temperature


def test_heavy_rows_say_what_is_too_sure() -> None:
    """Networks that are right on the rows that weigh much, and wrong on the others, ask for no more doubt."""
    y = np.arange(200) % 2
    wrong = np.arange(200) % 4 < 2
    sure = np.where(wrong, 0.05, 0.95)
    probability = np.where(np.arange(2)[None] == y[:, None], sure[:, None], 1 - sure[:, None])
    assert temperature_of(y, probability, 5) > 2
    assert temperature_of(y, probability, 5, np.where(wrong, 0.05, 1.0)) < 1.1


# -- the campaign, short -------------------------------------------------------------------------------------

SHORT = [PROBLEMS[place] for place in (1, 4, 11)]


@pytest.mark.parametrize("problem", SHORT, ids=lambda problem: problem.name)
def test_of_the_weight_of_new_rows_as_much_lies_within_as_is_said(problem: Any) -> None:
    measured = measure(problem, 8)
    for place, coverage in enumerate(COVERAGES):
        mean, error = off_by(measured[:, place], coverage)
        assert abs(mean) <= WITHIN + 2.5 * error
    assert abs(off_by(measured[:, 2], COVERAGES[0])[0]) > WITHIN  # where each row counts once
