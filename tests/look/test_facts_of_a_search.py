"""Facts of a search, against numbers worked out by hand or by scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from row_cases import searched
from shoal.look.figures.effects import MAX_LEVELS, effects
from shoal.look.figures.ranking import plot, ranking
from shoal.look.figures.variance import variance_split
from shoal.results import rank_candidates
from shoal.results._confidence_set import search_errors
from shoal.study import short_keys, text_of

GRID = [{"network.dropout": d, "training.lr": r} for d in (0, 0.5) for r in (0.1, 0.01)]


def test_ranking_puts_the_best_first_and_the_failed_last() -> None:
    settings = [{"network.dropout": value} for value in (0.1, 0.2, 0.3)]
    scores, errors = np.array([2.0, np.nan, 1.0]), np.array([0.5, np.nan, 0.25])
    fact = ranking(
        "loss", settings, (scores, errors), ["equivalent", "failed", "best"], np.array([True, False, False])
    )
    np.testing.assert_array_equal(fact.score_C, [1, 2, np.nan])
    np.testing.assert_array_equal(fact.error_C, [0.25, 0.5, np.nan])
    assert fact.verdict == ("best", "equivalent", "failed")
    assert fact.of_verdict("best").tolist() == [True, False, False]
    # The chosen one is no second dot, nor is its kind in the legend where it is the only one.
    assert not fact.of_verdict("equivalent").any()
    named = [trace["name"] for trace in plot(fact)["data"]]
    assert named == ["the best", "chosen, equivalent to the best (within the margin)"]
    assert fact.values == (("0.3",), ("0.1",), ("0.2",))
    assert (fact.keys, fact.chosen) == (("dropout",), 1)


def test_ranking_by_accuracy_puts_the_highest_first() -> None:
    found = ranking(
        "accuracy", GRID, (np.arange(4.0), np.zeros(4)), ["worse"] * 4, np.zeros(4), higher_is_better=True
    )
    assert found.score_C.tolist() == [3, 2, 1, 0]
    assert found.chosen == -1


def test_a_setting_that_a_candidate_lacks_is_told() -> None:
    found = ranking(
        "loss", [{"a.b": 1}, {"a.c": (3, 4)}], (np.arange(2.0), np.zeros(2)), ["best", "worse"], np.ones(2)
    )
    assert found.values == (("1", "none"), ("none", "3-4"))


def test_keys_are_short_where_that_stays_unique() -> None:
    assert short_keys(["network.dropout", "training.lr"]) == ("dropout", "learning rate")
    assert short_keys(["network.lr", "training.lr", "a.x"]) == ("network.lr", "training.lr", "x")


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


def rows_of(loss_CFV):
    scores, rows = searched(loss_CFV)
    return scores.scores_CFR.mean(axis=(1, 2)), search_errors(rows.cells(scores.candidate_ids, "loss"))


def test_effects_of_a_grid_by_hand() -> None:
    # Candidates: (dropout 0, lr 0.1), (0, 0.01), (0.5, 0.1), (0.5, 0.01); two folds of two rows.
    loss_CFV = np.array([[[1, 2], [2, 2]], [[2, 3], [2, 3]], [[4, 4], [6, 9]], [[5, 4], [7, 8]]], np.float64)
    score_C, errors = rows_of(loss_CFV)
    dropout, lr = effects("loss", GRID, score_C, errors).effects
    assert (dropout.key, dropout.levels, dropout.ordered) == ("dropout", ("0", "0.5"), True)
    np.testing.assert_allclose(dropout.difference_L, [-1.875, 1.875])
    assert dropout.count_L.tolist() == [2, 2]
    assert dropout.size == pytest.approx(3.75)
    # Row by row the levels differ by 3, 1.5 and 4.5, 6: each row is a quarter of the mean, its fold has two rows.
    deviation_U = np.array([0.75, -0.75, -0.75, 0.75]) / 4 * np.sqrt(2)
    variance = (deviation_U**2).sum() * (1 + errors.pairs.training) + (deviation_U**2).max()
    half = stats.t.ppf(0.975, errors.pairs.freedom) * np.sqrt(variance)
    assert (dropout.low, dropout.high) == pytest.approx((3.75 - half, 3.75 + half))
    assert dropout.p_value == pytest.approx(2 * stats.t.sf(3.75 / np.sqrt(variance), errors.pairs.freedom))
    # With two levels each lies half of their difference from the mean of both.
    np.testing.assert_allclose(dropout.half_width_L, half / 2)
    assert lr.size < dropout.size


def test_the_effect_of_one_setting_is_the_comparison_of_its_candidates() -> None:
    loss_CFV = np.random.default_rng(4).gamma(2.0, 0.5, (2, 3, 10))
    scores, rows = searched(loss_CFV)
    (effect,) = effects("loss", [{"a.x": 1}, {"a.x": 2}], *rows_of(loss_CFV)).effects
    _, other = rank_candidates(scores, rows)
    assert effect.p_value == pytest.approx(other.p_value, abs=0.03)
    assert (effect.low, effect.high) == pytest.approx((other.ci_low, other.ci_high), rel=0.2)


def test_a_large_effect_is_significant_and_many_levels_cost_certainty() -> None:
    draw = np.random.default_rng(1)
    settings = [{"a.x": level} for level in range(4)]
    loss_CFV = np.array([0.0, 0.0, 0.0, 1.0])[:, None, None] + 1 + 0.01 * draw.normal(size=(4, 5, 6))
    score_C, errors = rows_of(loss_CFV)
    (found,) = effects("loss", settings, score_C, errors).effects
    assert found.significant
    weight_C = np.eye(4)[score_C.argmax()] - np.eye(4)[score_C.argmin()]
    error, freedom = errors.contrast(weight_C)
    assert found.p_value == pytest.approx(6 * 2 * stats.t.sf(np.ptp(score_C) / error, freedom))


def test_effects_of_a_random_search_come_from_the_candidates() -> None:
    draw = np.random.default_rng(2)
    settings = [{"a.kind": kind} for kind in "xxxxyyyyy"]
    score_C = draw.normal(size=9) + 4
    (found,) = effects("loss", settings, score_C, None).effects
    expected = stats.ttest_ind(score_C[:4], score_C[4:], equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    span = expected.confidence_interval(0.95)
    assert sorted(map(abs, (found.low, found.high))) == pytest.approx(sorted(map(abs, span)))
    np.testing.assert_allclose(found.half_width_L, (span.high - span.low) / 4)
    assert not found.ordered


def test_candidates_without_spread_are_not_tested() -> None:
    settings = [{"a.kind": kind} for kind in "xxyyzz"]
    for score_C in (np.array([1.0, 1, 2, 2, 3, 3]), np.ones(6)):
        (found,) = effects("loss", settings, score_C, None).effects
        assert np.isnan(found.p_value)


def test_many_numbers_become_bins_of_equal_counts() -> None:
    settings = [{"a.lr": 10.0 ** (-number / 10)} for number in range(50)]
    (found,) = effects("loss", settings, np.arange(50.0), None).effects
    assert found.count_L.tolist() == [10] * 5
    assert found.levels[0] == "1.3e-05 to 0.0001"
    assert np.all(np.diff(found.difference_L) < 0)


@pytest.mark.parametrize("count", range(9, 80))
def test_bins_differ_by_one_at_the_most(count: int) -> None:
    settings = [{"a.lr": number / 7} for number in range(count)]
    (found,) = effects("loss", settings, np.ones(count), None).effects
    assert np.ptp(found.count_L) <= 1
    assert len(found.count_L) == 5


@given(st.lists(st.integers(0, 12), min_size=12, max_size=40))
def test_no_bin_is_empty(numbers: list[int]) -> None:
    assume(len(set(numbers)) > MAX_LEVELS)
    settings = [{"a.size": number} for number in numbers]
    (found,) = effects("loss", settings, np.ones(len(numbers)), None).effects
    assert found.count_L.min() > 0
    assert found.count_L.sum() == len(numbers)
    assert len(found.levels) == len(found.count_L)


def test_effects_leave_out_what_does_not_vary() -> None:
    settings = [{"a.x": 1, "a.y": 5}, {"a.x": 2, "a.y": 5}]
    found = effects("loss", settings, np.array([1.0, 2.0]), None)
    assert [(effect.key, effect.levels) for effect in found.effects] == [("x", ("1", "2"))]
    assert np.isnan(found.effects[0].p_value)  # one candidate a level


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
    loss_CFV = np.random.default_rng(5).gamma(2.0, 0.5, (4, 3, 5))
    for order in itertools.islice(itertools.permutations(range(4)), 1, None, 7):
        one = effects("loss", GRID, *rows_of(loss_CFV)).effects
        other = effects("loss", [GRID[c] for c in order], *rows_of(loss_CFV[list(order)])).effects
        for a, b in zip(one, other, strict=True):
            assert (a.key, a.levels) == (b.key, b.levels)
            np.testing.assert_allclose(a.difference_L, b.difference_L)
            assert a.p_value == pytest.approx(b.p_value)


def test_a_number_is_written_alike_wherever_it_stands() -> None:
    from shoal.wording import one_number, rounded

    assert [rounded(value, 2) for value in (218, -218, 2977, 0.5, 1e-5, 1e6, 999.6)] == [
        "220", "-220", "2,977", "0.5", "1e-05", "1e+06", "1,000",
    ]  # fmt: skip
    assert [rounded(value, 3) for value in (2976.6, 3036.0, 999_999.0, 12.0)] == [
        "2,977",
        "3,036",
        "999,999",
        "12",
    ]
    assert [one_number(value, 2) for value in (218, -218.4, 0.5)] == ["220", "−220", "0.50"]
    assert [one_number(value) for value in (2976.6, 3036.0, 999_999.0)] == ["2,977", "3,036", "999,999"]
    for value in np.geomspace(1e-4, 999_999, 500):
        assert "e" not in rounded(value, 2) + rounded(value, 4) + one_number(value)
