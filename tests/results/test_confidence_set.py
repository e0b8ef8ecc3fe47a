"""Candidates compared row by row: by hand, by relations, and beside a plain bootstrap."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from row_cases import searched
from shoal.results import _confidence_set as module
from shoal.results import choose, rank_candidates
from shoal.results._confidence_set import confidence_set, search_errors
from shoal.results._select import expected_score


def errors_of(loss_CFV, **kinds):
    scores, rows = searched(loss_CFV, **kinds)
    return search_errors(rows.cells(scores.candidate_ids, "loss"))


def noise(shape, seed=0):
    return np.random.default_rng(seed).gamma(2.0, 0.5, shape)


def test_variances_by_hand():
    # Differences b - a: fold 1 has 1 and 3 (mean 2), fold 2 has 4 and 4 (mean 4): the mean difference is 3.
    errors = errors_of([[[0, 0], [0, 0]], [[1, 3], [4, 4]]])
    # Of two rows, each with half of its fold, and of two folds: 1/2 * 1/2 * (-1, 1, 0, 0), times the root of 2/(2 - 1).
    assert errors.pairs.rows[0, 1] == pytest.approx(2 * (1 / 16 + 1 / 16))
    assert errors.pairs.largest[0, 1] == pytest.approx(2 / 16)
    # Folds vary by (2 - 3)² + (4 - 3)² = 2; their rows by themselves by 1 and 0, so 1/2 on average, less what both
    # share: (1/2 - 1/4) * 2 = 1/2. So (2 - 1/2)/2 is from training, three times the variance from rows.
    assert errors.pairs.training == pytest.approx(0.75 / 0.25)
    assert errors.pairs.whole[0, 1] == pytest.approx(0.25 * 4 + 0.125)
    assert errors.to_best.whole[1] == pytest.approx(0.25 * 4 + 0.125)
    # Four units, and (2 - 1)(2 - 1) degrees for training.
    assert errors.pairs.freedom == pytest.approx(16 / (1 / 3 + 9))
    assert (errors.units, errors.cells) == (4, 2)


def test_standings_follow_from_the_variances():
    scores, rows = searched([[[0, 0], [0, 0]], [[1, 3], [4, 4]]])
    best, other = rank_candidates(scores, rows)
    half = stats.t.ppf(0.975, 16 / (1 / 3 + 9)) * math.sqrt(1.125)  # of two, neither is lucky
    assert (other.difference, other.ci_low, other.ci_high) == pytest.approx((3, 3 - half, 3 + half), rel=0.2)
    assert other.p_value == pytest.approx(2 * stats.t.sf(3 / math.sqrt(1.125), 16 / (1 / 3 + 9)), abs=0.03)
    assert math.isnan(best.ci_low)
    assert math.isnan(best.p_value)
    assert (best.verdict, other.verdict) == ("best", "unresolved")


@given(st.integers(0, 10_000), st.permutations(range(5)), st.integers(-8, 8))
def test_neither_the_order_of_candidates_nor_the_unit_of_the_loss_matters(seed, order, power):
    loss_CFV = noise((5, 3, 8), seed) + np.arange(5)[:, None, None] / 4
    means = loss_CFV.mean(axis=(1, 2))
    found = confidence_set(means, errors_of(loss_CFV)).p_S
    turned = confidence_set(means[order], errors_of(loss_CFV[order])).p_S
    np.testing.assert_allclose(turned, found[order], atol=1.1e-3)
    scaled = confidence_set(means * 2.0**power, errors_of(loss_CFV * 2.0**power)).p_S
    np.testing.assert_allclose(scaled, found, atol=1.1e-3)


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_a_row_that_stands_there_several_times_in_its_group_is_one_row(seed, times):
    loss_CFV = noise((3, 3, 6), seed)
    plain = errors_of(loss_CFV)
    repeated = errors_of(np.repeat(loss_CFV, times, axis=2), groups=np.repeat(np.arange(18), times))
    np.testing.assert_allclose(repeated.pairs.whole, plain.pairs.whole)
    np.testing.assert_allclose(repeated.scores.whole, plain.scores.whole)
    assert repeated.units == plain.units == 18
    assert repeated.pairs.freedom == pytest.approx(plain.pairs.freedom)


def test_networks_that_answer_alike_are_never_told_apart():
    same = noise((1, 3, 20))
    scores, rows = searched(np.repeat(same, 4, axis=0))
    standings = rank_candidates(scores, rows)
    assert [row.verdict for row in standings] == ["best", "equivalent", "equivalent", "equivalent"]
    assert all(row.indistinguishable for row in standings)


def test_a_few_rows_that_all_speak_for_one_prove_nothing():
    # One row more in each fold, of folds of 34, 33 and 33: by their means these look like no spread at all.
    hits = np.zeros((2, 99))
    hits[1, [0, 34, 67]] = 1
    scores, rows = searched(hits.reshape(2, 3, 33))
    assert [row.indistinguishable for row in rank_candidates(scores, rows)] == [True, True]
    hits[1] = np.arange(99) % 5 == 0  # twenty of them do
    scores, rows = searched(hits.reshape(2, 3, 33))
    assert [row.indistinguishable for row in rank_candidates(scores, rows)] == [True, False]


def test_a_plain_bootstrap_of_rows_gives_the_same_set():
    loss_CFV = noise((6, 2, 150), 3) + np.array([0, 0, 0.05, 0.1, 0.2, 0.4])[:, None, None]
    loss_CFV += (
        1 - loss_CFV.mean(axis=2, keepdims=True) + loss_CFV.mean(axis=(1, 2), keepdims=True)
    )  # no luck
    means, errors = loss_CFV.mean(axis=(1, 2)), errors_of(loss_CFV)
    assert errors.pairs.training == 0
    cautious = confidence_set(means, errors).p_S
    pairs = dataclasses.replace(errors.pairs, largest=np.zeros((6, 6)))
    found = confidence_set(means, dataclasses.replace(errors, pairs=pairs)).p_S
    assert (cautious >= found).all()
    np.testing.assert_allclose(found, bootstrapped(loss_CFV.reshape(6, -1)), atol=0.06)


def bootstrapped(loss_CN) -> np.ndarray:
    """Hansen, Lunde and Nason's procedure, written down as they do."""
    draws = np.random.default_rng(1).multinomial(
        loss_CN.shape[1], np.full(loss_CN.shape[1], 1 / loss_CN.shape[1]), 2000
    )
    mean_C, mean_DC = loss_CN.mean(axis=1), draws @ loss_CN.T / loss_CN.shape[1]
    left, p_C, so_far = list(range(len(loss_CN))), np.ones(len(loss_CN)), 0.0
    while len(left) > 1:
        pairs = [(i, j) for i in left for j in left if i != j]
        t = {
            pair: (mean_C[pair[0]] - mean_C[pair[1]]) / (mean_DC[:, pair[0]] - mean_DC[:, pair[1]]).std()
            for pair in pairs
        }
        centred = {
            (i, j): (mean_DC[:, i] - mean_DC[:, j] - mean_C[i] + mean_C[j])
            / (mean_DC[:, i] - mean_DC[:, j]).std()
            for i, j in pairs
        }
        ranges = np.max([np.abs(values) for values in centred.values()], axis=0)
        worst = max(left, key=lambda i: max(t[i, j] for j in left if j != i))
        so_far = max(so_far, np.mean(ranges >= max(t.values())))
        p_C[worst] = so_far
        left.remove(worst)
    return p_C


def test_equal_candidates_that_differ_by_the_luck_of_their_training_stay_together():
    random, lost = np.random.default_rng(5), 0
    for _ in range(60):
        rows = random.gamma(2.0, 0.5, (1, 3, 40))
        luck = random.normal(0, 0.3, (6, 3, 1)) * random.normal(1, 0.1, (6, 3, 40))
        scores, held_out = searched(np.maximum(rows + luck, 0) + random.gamma(2.0, 0.05, (6, 3, 40)))
        lost += any(row.verdict == "worse" for row in rank_candidates(scores, held_out))
    assert lost <= 7  # 5 % of 60 are 3; without the luck of training more than 30


def test_one_that_is_clearly_worse_is_called_so_and_one_within_the_margin_equivalent():
    base = noise((1, 3, 60), 8)
    scores, rows = searched(np.concatenate([base, base * 1.01, base * 3]))
    assert [row.verdict for row in rank_candidates(scores, rows)] == ["best", "equivalent", "worse"]
    assert [row.verdict for row in rank_candidates(scores, rows, margin=0.001)][2] == "worse"
    assert choose(scores, "best", rows).indistinguishable >= {"a"}


def test_more_networks_are_asked_for_where_training_is_what_varies():
    random = np.random.default_rng(2)
    luck = np.array([[0.0, 0.02, -0.02], [0.5, -0.1, 0.4]])[:, :, None]
    scores, rows = searched(1 + luck + random.normal(0, 0.02, (2, 3, 40)))
    (_, other) = rank_candidates(scores, rows)
    assert other.verdict == "unresolved"
    assert other.networks is not None
    assert other.networks > 3
    scores, rows = searched(1 + random.normal(0, 1, (2, 3, 40)) ** 2)
    (_, other) = rank_candidates(scores, rows)
    assert (other.verdict, other.networks) == ("unresolved", None)


def test_rows_left_out_one_at_a_time_are_one_cell():
    loss_CFV = noise((3, 12, 1))
    errors = errors_of(loss_CFV)
    assert (errors.cells, errors.units, errors.pairs.training) == (1, 12, 0)
    difference = loss_CFV[1, :, 0] - loss_CFV[0, :, 0]
    assert errors.pairs.rows[0, 1] == pytest.approx(difference.var(ddof=1) / 12)


def test_repeated_folds_count_their_rows_once():
    once = noise((3, 2, 10), 4)
    folds = np.arange(20).reshape(2, 10)
    twice = errors_of(np.concatenate([once, once], axis=1), folds=np.concatenate([folds, folds]))
    np.testing.assert_allclose(twice.pairs.rows, errors_of(once).pairs.rows)
    assert twice.units == 20


def test_those_far_behind_are_compared_with_the_best_alone(monkeypatch):
    loss_CFV = noise((6, 3, 30)) * np.array([1, 1.1, 1.2, 3, 5, 9])[:, None, None]
    scores, rows = searched(loss_CFV)
    whole = rank_candidates(scores, rows)
    monkeypatch.setattr(module, "COMPARED", 3)
    few = rank_candidates(scores, rows)
    assert [row.candidate_id for row in few] == [row.candidate_id for row in whole]
    assert few[5].verdict == "worse"
    assert few[5].adjusted_p_value < 0.05


def test_losses_too_large_for_a_square_are_taken_without_a_word():
    scores, rows = searched(np.array([1.0, 1e200, 1e300])[:, None, None] * noise((3, 3, 5)))
    standings = rank_candidates(scores, rows)
    assert [row.candidate_id for row in standings] == ["a", "b", "c"]


def test_of_a_single_candidate_the_whole_search_expects_its_own_score():
    scores, rows = searched(noise((1, 3, 40)))
    standings = rank_candidates(scores, rows)
    errors = search_errors(rows.cells(["a"], "loss"))
    found = expected_score(standings, errors, "best", "loss")
    assert found == pytest.approx(standings[0].selection_score, rel=0.02)


@pytest.mark.parametrize("rule", ["best", "one-standard-error"])
def test_among_equal_candidates_the_choice_is_lucky_and_the_correction_is_not(rule):
    lucky, corrected = [], []
    for seed in range(30):
        draw = np.random.default_rng(seed)
        scores, rows = searched((draw.random((40, 3, 20)) < 0.5).astype(float), parameters=range(40))
        standings = rank_candidates(scores, rows)
        errors = search_errors(rows.cells([row.candidate_id for row in standings], "loss"))
        lucky.append(standings[0].selection_score)
        corrected.append(expected_score(standings, errors, rule, "loss"))
    assert np.mean(lucky) < 0.42
    assert abs(np.mean(corrected) - 0.5) < 0.01
