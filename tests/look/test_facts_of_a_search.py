"""Facts of a search, against numbers worked out by hand or by scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from shoal.look._settings import short_keys, text_of
from shoal.look.figures.effects import MAX_LEVELS, effects
from shoal.look.figures.ranking import ranking
from shoal.look.figures.variance import variance_split

GRID = [{"network.dropout": d, "training.lr": r} for d in (0, 0.5) for r in (0.1, 0.01)]


def test_ranking_puts_the_best_first_and_the_failed_last() -> None:
    settings = [{"network.dropout": value} for value in (0.1, 0.2, 0.3)]
    scores, errors = np.array([2.0, np.nan, 1.0]), np.array([0.5, np.nan, 0.25])
    fact = ranking(
        "loss", settings, (scores, errors), np.array([True, False, True]), np.array([True, False, False])
    )
    np.testing.assert_array_equal(fact.score_C, [1, 2, np.nan])
    np.testing.assert_array_equal(fact.error_C, [0.25, 0.5, np.nan])
    assert fact.tied_C.tolist() == [True, True, False]
    assert fact.values == (("0.3",), ("0.1",), ("0.2",))
    assert (fact.keys, fact.chosen) == (("dropout",), 1)


def test_ranking_by_accuracy_puts_the_highest_first() -> None:
    found = ranking(
        "accuracy", GRID, (np.arange(4.0), np.zeros(4)), np.zeros(4), np.zeros(4), higher_is_better=True
    )
    assert found.score_C.tolist() == [3, 2, 1, 0]
    assert found.chosen == -1


def test_a_setting_that_a_candidate_lacks_is_told() -> None:
    found = ranking(
        "loss", [{"a.b": 1}, {"a.c": (3, 4)}], (np.arange(2.0), np.zeros(2)), np.ones(2), np.ones(2)
    )
    assert found.values == (("1", "none"), ("none", "3-4"))


def test_keys_are_short_where_that_stays_unique() -> None:
    assert short_keys(["network.dropout", "training.lr"]) == ("dropout", "lr")
    assert short_keys(["network.conv[0].kernel", "network.conv[1].kernel", "a.x"]) == (
        "network.conv[0].kernel", "network.conv[1].kernel", "x",
    )  # fmt: skip


def test_settings_are_written_as_a_person_would() -> None:
    values = [1e-5, 0.25, 10, True, None, "relu", [100, 80], ()]
    assert [text_of(value) for value in values] == [
        "1e-05",
        "0.25",
        "10",
        "True",
        "none",
        "relu",
        "100-80",
        "none",
    ]


def test_effects_of_a_grid_by_hand() -> None:
    # Rows: (dropout 0, lr 0.1), (0, 0.01), (0.5, 0.1), (0.5, 0.01); columns: two folds.
    score_CU = np.array([[1.0, 2.0], [2.0, 3.0], [4.0, 7.0], [5.0, 8.0]])
    found = effects("loss", GRID, score_CU, (20.0, 10.0))
    dropout, lr = found.effects
    assert (dropout.key, dropout.levels, dropout.ordered) == ("dropout", ("0", "0.5"), True)
    np.testing.assert_allclose(dropout.mean_L, [2, 6])
    assert dropout.count_L.tolist() == [2, 2]
    # Level means by fold: (1.5, 2.5) and (4.5, 7.5); their difference, 3 and 5, has mean 4, variance 2.
    t = 4 / np.sqrt(2 * (1 / 2 + 10 / 20))
    assert dropout.size == 4
    assert dropout.p_value == pytest.approx(2 * stats.t.sf(t, 1))
    assert not dropout.significant
    # Deviations from the mean of both levels are -1.5 and -2.5: variance 0.5.
    half = stats.t.ppf(0.975, 1) * np.sqrt(0.5 * (1 / 2 + 10 / 20))
    np.testing.assert_allclose(dropout.half_width_L, [half, half])
    # The learning rate does the same in every fold: no spread, so nothing to test with.
    assert (lr.levels, lr.size) == (("0.01", "0.1"), 1)
    assert np.isnan(lr.p_value)
    assert not lr.significant
    assert found.grand_mean == 4


def test_a_large_effect_is_significant_and_many_levels_cost_certainty() -> None:
    draw = np.random.default_rng(1)
    settings = [{"a.x": level} for level in range(4)]
    score_CU = np.array([0.0, 0.0, 0.0, 1.0])[:, None] + 0.01 * draw.normal(size=(4, 5))
    (found,) = effects("loss", settings, score_CU, (4.0, 1.0)).effects
    assert found.significant
    difference = score_CU[found.mean_L.argmax()] - score_CU[found.mean_L.argmin()]
    t = difference.mean() / (difference.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4))
    assert found.p_value == pytest.approx(6 * 2 * stats.t.sf(t, 4))


def test_effects_of_a_random_search_come_from_the_candidates() -> None:
    draw = np.random.default_rng(2)
    settings = [{"a.kind": kind} for kind in "xxxxyyyyy"]
    score_CU = draw.normal(size=(9, 3)) + 4
    (found,) = effects("loss", settings, score_CU, None).effects
    x, y = score_CU[:4].mean(axis=1), score_CU[4:].mean(axis=1)
    assert found.p_value == pytest.approx(stats.ttest_ind(x, y, equal_var=False).pvalue)
    low, high = stats.t.interval(0.95, 3, x.mean(), stats.sem(x))
    assert found.half_width_L[0] == pytest.approx((high - low) / 2)
    assert not found.ordered


def test_candidates_without_spread_are_told_apart_or_not_tested() -> None:
    settings = [{"a.kind": kind} for kind in "xxyyzz"]
    (apart,) = effects("loss", settings, np.array([1.0, 1, 2, 2, 3, 3])[:, None], None).effects
    (equal,) = effects("loss", settings, np.ones((6, 1)), None).effects
    assert apart.p_value == 0
    assert np.isnan(equal.p_value)


def test_many_numbers_become_bins_of_equal_counts() -> None:
    settings = [{"a.lr": 10.0 ** (-number / 10)} for number in range(50)]
    (found,) = effects("loss", settings, np.arange(50.0)[:, None] + np.zeros(3), None).effects
    assert found.count_L.tolist() == [10] * 5
    assert found.levels[0] == "1.3e-05 to 0.0001"
    assert np.all(np.diff(found.mean_L) < 0)


@pytest.mark.parametrize("count", range(9, 80))
def test_bins_differ_by_one_at_the_most(count: int) -> None:
    settings = [{"a.lr": number / 7} for number in range(count)]
    (found,) = effects("loss", settings, np.ones((count, 2)), None).effects
    assert np.ptp(found.count_L) <= 1
    assert len(found.count_L) == 5


@given(st.lists(st.integers(0, 12), min_size=12, max_size=40))
def test_no_bin_is_empty(numbers: list[int]) -> None:
    assume(len(set(numbers)) > MAX_LEVELS)
    settings = [{"a.size": number} for number in numbers]
    (found,) = effects("loss", settings, np.ones((len(numbers), 2)), None).effects
    assert found.count_L.min() > 0
    assert found.count_L.sum() == len(numbers)
    assert len(found.levels) == len(found.count_L)


def test_effects_leave_out_the_failed_and_what_does_not_vary() -> None:
    settings = [{"a.x": 1, "a.y": 5}, {"a.x": 2, "a.y": 5}, {"a.x": 3, "a.y": 5}]
    score_CU = np.array([[1.0, 1.5], [2.0, 2.0], [np.nan, 3.0]])
    found = effects("loss", settings, score_CU, (2.0, 1.0))
    assert [(effect.key, effect.levels) for effect in found.effects] == [("x", ("1", "2"))]
    nothing = effects("loss", settings, np.full((3, 2), np.nan), (2.0, 1.0))
    assert nothing.effects == ()
    assert np.isnan(nothing.grand_mean)


def test_one_unit_gives_means_but_no_test() -> None:
    (dropout, _) = effects("loss", GRID, np.array([[1.0], [2.0], [4.0], [8.0]]), (2.0, 1.0)).effects
    assert dropout.mean_L.tolist() == [1.5, 6]
    assert np.isnan(dropout.p_value)
    assert np.isnan(dropout.half_width_L).all()


def test_variance_split_of_sums_by_hand() -> None:
    candidate, fold = np.array([0.0, 1.0, 5.0]), np.array([0.0, 2.0])
    split = variance_split("loss", (candidate[:, None] + fold)[:, :, None])
    assert split.sources == ("candidate", "fold", "candidate × fold and initialisation")
    np.testing.assert_allclose(split.variance, [candidate.var(ddof=1), fold.var(ddof=1), 0], atol=1e-12)
    np.testing.assert_allclose(split.share, [7 / 9, 2 / 9, 0], atol=1e-12)
    assert (split.candidates, split.folds, split.repeats) == (3, 2, 1)


def test_variance_split_leaves_out_the_failed() -> None:
    score_CFR = (np.array([0.0, 1.0, 5.0, 9.0])[:, None] + np.array([0.0, 2.0]))[:, :, None]
    score_CFR[3, 1] = np.nan
    assert variance_split("loss", score_CFR).candidates == 3


def test_equal_scores_have_no_variance_to_share() -> None:
    assert variance_split("loss", np.ones((3, 2, 2))).share.tolist() == [0, 0, 0, 0]


def test_variance_split_recovers_what_was_put_in() -> None:
    draw = np.random.default_rng(4)
    C, F, R = 300, 300, 3
    score = 2 * draw.normal(size=(C, 1, 1)) + draw.normal(size=(1, F, 1)) + 1.5 * draw.normal(size=(C, F, 1))
    score = score + 0.8 * draw.normal(size=(1, F, R)) + 0.6 * draw.normal(size=(C, F, R))
    split = variance_split("loss", score)
    assert split.sources == ("candidate", "fold", "candidate × fold", "initialisation")
    np.testing.assert_allclose(split.variance, [4, 1, 2.25, 0.64 + 0.36], rtol=0.25)
    assert split.share.sum() == pytest.approx(1)


def test_order_of_candidates_makes_no_difference_to_effects() -> None:
    score_CU = np.random.default_rng(5).normal(size=(4, 3))
    for order in itertools.islice(itertools.permutations(range(4)), 1, None, 7):
        one = effects("loss", GRID, score_CU, (2.0, 1.0)).effects
        other = effects("loss", [GRID[c] for c in order], score_CU[list(order)], (2.0, 1.0)).effects
        for a, b in zip(one, other, strict=True):
            assert (a.key, a.levels) == (b.key, b.levels)
            np.testing.assert_allclose(a.mean_L, b.mean_L)
            assert a.p_value == pytest.approx(b.p_value)
