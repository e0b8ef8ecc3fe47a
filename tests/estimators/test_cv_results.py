"""What scores of a search say, held against arrays computed by hand and against scikit-learn's conventions."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.honesty.fold_scores import LOSSES, WORSE, Noise, worse_by_pairs, worse_now
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.stats import t

from shoal.estimators._cv_results import FoldScores, held_out_means, pooled_variance, scores_of

NAN = np.nan
Scores = NDArray[np.float64] | list[list[float]]


def on_folds(scores: Scores, rows: int = 100) -> FoldScores:
    """Scores on folds of so many rows."""
    score_CF = np.array(scores, np.float64)
    held = np.array([len(part) for part in np.array_split(np.arange(rows), score_CF.shape[1])])
    return FoldScores(score_CF, rows - held, held)


def test_scores_come_in_the_order_of_the_splits() -> None:
    results = {f"split{fold}_test_r2": np.array([fold, 10 + fold]) for fold in range(11)}
    assert scores_of(results, "r2").tolist() == [list(range(11)), list(range(10, 21))]


@pytest.mark.parametrize(
    ("scores", "parameters", "chosen"),
    [
        (
            [[0.9, 0.7], [0.75, 0.79], [0.6, 0.7]],
            [50, 10, 5],
            1,
        ),  # 0.8 with an error of 0.1; 0.77 is near, 0.65 not
        ([[0.8, 0.8], [0.7999, 0.7999]], [50, 10], 0),  # no spread, no reach
        ([[0.9, 0.7], [0.79, 0.79], [0.78, 0.8]], [50, 10, 10], 1),  # equal: the earlier
        ([[0.9, 0.7], [0.77, 0.79], [0.78, 0.8]], [50, 10, 10], 2),  # the better
        ([[NAN, 0.99], [0.9, 0.7], [NAN, 0.8]], [1, 50, 2], 1),  # the failed are never chosen
        ([[NAN, NAN], [NAN, NAN]], [3, 2], 0),
        ([[0.5], [0.9]], [1, 9], 1),  # one fold has no error
    ],
)
def test_the_simplest_near_the_best(scores: list[list[float]], parameters: list[int], chosen: int) -> None:
    assert on_folds(scores).simplest_near_best(parameters) == chosen


def test_means_and_errors_by_hand() -> None:
    mean_C, error_C = on_folds([[2.0, 6.0], [NAN, 2.0]]).means_and_errors()
    np.testing.assert_allclose(mean_C, [4.0, NAN])
    np.testing.assert_allclose(error_C, [2.0, NAN])  # deviation 2 sqrt 2 over the root of 2
    assert np.isnan(on_folds([[3.0]]).means_and_errors()[1]).all()


def test_folds_that_are_drawn_again_do_not_make_the_error_smaller() -> None:
    """Three folds and ten rounds of three: rows are the same, and so is what other rows may do to the score."""
    once = np.random.default_rng(0).normal(size=(1, 3))
    again = FoldScores(np.tile(once, 10), np.full(30, 20), np.full(30, 10))
    deviation = np.tile(once, 10).std(ddof=1)
    np.testing.assert_allclose(again.means_and_errors()[1], deviation / np.sqrt(3))
    np.testing.assert_allclose(on_folds(once, 30).means_and_errors()[1], once.std(ddof=1) / np.sqrt(3))


@given(hnp.arrays(np.float64, (2, 5), elements=st.floats(-10, 10)))
def test_of_two_candidates_it_is_the_corrected_resampled_t_test(score_CF: NDArray[np.float64]) -> None:
    apart = score_CF[0] - score_CF[1]
    if apart.std() < 1e-6 or (score_CF * 20 == np.rint(score_CF * 20)).all():
        return
    corrected = apart.mean() / (apart.std(ddof=1) * np.sqrt(1 / 5 + 20 / 80))
    p = 2 * t.sf(abs(corrected), 4)
    if abs(p - 0.05) > 1e-9:
        assert (on_folds(score_CF).indistinguishable().sum() == 1) == (p < 0.05)


def test_the_pooled_variance_by_hand() -> None:
    # Two candidates: that of their difference, 2 of (-1, 0, 1) doubled, with the freedom of a pair.
    assert pooled_variance(np.array([[0.0, 0, 0], [-2, 0, 2]])) == pytest.approx((4.0, 2.0))
    # What candidates differ by on average, and folds, is no part of it.
    apart = np.array([[1.0], [5.0]]) + np.array([7.0, -3.0, 2.0])
    assert pooled_variance(apart + np.array([[0.0, 0, 0], [-2, 0, 2]])) == pytest.approx((4.0, 2.0))
    assert pooled_variance(apart) == pytest.approx((0.0, 2.0))


def test_the_pooled_variance_of_equals_and_of_a_few_that_vary() -> None:
    draw = np.random.default_rng(0)
    variance, freedom = np.mean([pooled_variance(3 * draw.normal(size=(40, 4))) for _ in range(300)], axis=0)
    assert variance == pytest.approx(2 * 9, rel=0.1)
    assert 0.8 * 39 * 3 < freedom <= 39 * 3
    few = np.zeros((300, 100, 4))
    few[:, :10] = 3 * draw.normal(size=(300, 10, 4))
    variance, freedom = np.mean([pooled_variance(score_CF) for score_CF in few], axis=0)
    assert variance == pytest.approx(2 * 9, rel=0.2)
    assert freedom < 2 * 10 * 3


def test_one_row_more_in_every_fold_proves_nothing() -> None:
    """Differences of (-1/34, -1/33, -1/33) have nearly no spread: a t-test alone calls it p = 0.00024."""
    rows = np.array([34, 33, 33])
    right = np.array([[20, 19, 21], [19, 18, 20], [9, 9, 10]])
    assert on_folds(right / rows).indistinguishable().tolist() == [True, True, False]
    assert on_folds(right[:2] / rows).indistinguishable().tolist() == [True, True]


@pytest.mark.parametrize(
    "scores", [[[0.3, 0.3, 0.3]] * 3, [[0.9, 0.7, 0.8], [0.81, 0.61, 0.71]], [[1, 2], [9, 8]]]
)
def test_what_has_no_spread_or_two_folds_proves_nothing(scores: list[list[float]]) -> None:
    assert on_folds(scores).indistinguishable().all()


def test_a_failed_candidate_is_no_better_and_no_worse() -> None:
    scores = [[0.90, 0.92, 0.94, 0.91], [0.40, 0.43, 0.44, 0.40], [NAN, 1, 1, 1]]
    assert on_folds(scores).indistinguishable().tolist() == [True, False, False]
    assert on_folds(scores[2:]).indistinguishable().tolist() == [False]


HUGE = st.sampled_from([0.5, -1e300, 1e300, 1.7e308, -1.7e308, 5e-324, 0.0])


@pytest.mark.filterwarnings("error")
@given(hnp.arrays(np.float64, (3, 3), elements=HUGE))
def test_scores_too_large_or_small_for_a_square_are_taken_without_a_word(
    score_CF: NDArray[np.float64],
) -> None:
    scores = on_folds(score_CF)
    with np.errstate(all="ignore"):
        _, error_C = scores.means_and_errors()
    assert scores.indistinguishable().any()
    assert not (error_C < 0).any()


def test_scale_and_sign_of_zero_make_no_difference() -> None:
    score_CF = np.random.default_rng(2).normal(size=(5, 4)) + 3 * np.arange(5)[:, None]
    alike = on_folds(score_CF).indistinguishable().tolist()
    assert 1 <= sum(alike) < 5
    for scale in (1e-200, 1e-9, 1e200):
        assert on_folds(scale * score_CF).indistinguishable().tolist() == alike


@pytest.mark.parametrize(
    "kind",
    [
        Noise(candidates, classes, alike=alike)
        for candidates in (2, 12, 72)
        for classes in (2, 10)
        for alike in (0.0, 0.9)
    ]
    + [Noise(72, 2, alike=alike, odd=odd) for odd in (1, 4, 8, 36) for alike in (1.0, 0.97)],
    ids=lambda kind: kind.name,
)
def test_noise_is_seldom_called_worse(kind: Noise) -> None:
    """Labels by lot, 200 rows, three folds; a short form of the campaign."""
    draw = np.random.default_rng([kind.candidates, kind.classes])
    drawn = [kind.accuracies(draw) for _ in range(300)]
    assert np.mean([worse_now(score_CF, kind.rows).any() for score_CF in drawn]) <= 0.05
    if kind.candidates == 72 and kind.alike == 0.9:
        assert np.mean([worse_by_pairs(score_CF, kind.rows).any() for score_CF in drawn]) > 0.2


@pytest.mark.parametrize("wild", [0, 2])
def test_a_worse_candidate_is_called_so(wild: int) -> None:
    """Losses of 12 candidates on five folds; one of 1.8 times the best's differs by 8 times what folds do.

    Candidates that are nowhere near the best, and everywhere else in each fold, hide nothing.
    """
    draw, calls = np.random.default_rng(5), []
    for _ in range(50):
        loss_CF = LOSSES[:, None] * (1 + 0.2 * draw.normal(size=5) + 0.07 * draw.normal(size=(12, 5)))
        loss_CF = np.concatenate([loss_CF, 5 + 5 * draw.normal(size=(wild, 5)) ** 2])
        calls += (~on_folds(-loss_CF).indistinguishable()[:12][WORSE]).tolist()
    assert np.mean(calls) > 0.8


def test_the_level_is_kept_where_every_split_of_the_rows_says_the_same() -> None:
    """Two equally good learners on 15 random splits of 300 data sets: how often is one called better?

    y = a + b + noise; one learner fits a line to a, the other to b. In a given data set one of them looks better, and
    so it does in every split of it: a t-test without correction takes that for 15 independent proofs.
    """
    draw = np.random.default_rng(3)
    a, b, noise = draw.normal(size=(3, 300, 60))
    y = a + b + noise
    score_DCF = np.empty((300, 2, 15))
    for split in range(15):
        order = draw.permutation(60)
        test, train = order[:20], order[20:]
        for candidate, x in enumerate((a, b)):
            slope = (x * y)[:, train].sum(axis=1) / (x * x)[:, train].sum(axis=1)
            score_DCF[:, candidate, split] = -((y - slope[:, None] * x)[:, test] ** 2).mean(axis=1)
    rows = np.full(15, 20)
    sure = [not FoldScores(score_CF, 2 * rows, rows).indistinguishable().all() for score_CF in score_DCF]
    assert 0.005 < np.mean(sure) < 0.08


@given(st.lists(st.lists(st.integers(0, 7), max_size=8), max_size=5), st.integers(1, 3))
def test_held_out_rows_have_the_mean_of_what_was_predicted(splits: list[list[int]], columns: int) -> None:
    rng = np.random.default_rng(0)
    parts = [(np.array(rows, np.int64), rng.normal(size=(len(rows), columns))) for rows in splits]
    found = held_out_means(8, parts)
    for row in range(8):
        seen = [predicted[place] for numbers, predicted in parts for place in np.flatnonzero(numbers == row)]
        expected = np.mean(seen, axis=0) if seen else np.full(found.shape[1:], NAN)
        np.testing.assert_allclose(found[row], expected, atol=1e-12)
