"""What scores of a search say, held against arrays computed by hand and against scikit-learn's conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from shoal.estimators._cv_results import held_out_means, scores_of, simplest_near_best, tied_with_best

NAN = np.nan


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
    assert simplest_near_best(np.array(scores), parameters) == chosen


def test_a_tie_is_what_the_corrected_test_says() -> None:
    scores = np.array(
        [[0.90, 0.92, 0.94, 0.91], [0.80, 0.83, 0.84, 0.80], [0.88, 0.95, 0.90, 0.93], [NAN, 1, 1, 1]]
    )
    difference = scores[1] - scores[0]
    corrected = difference.mean() / (difference.std(ddof=1) * np.sqrt(1 / 4 + 25 / 75))
    assert 2 * 2 * t.sf(abs(corrected), 3) < 0.05  # twice: Holm's, for two tests
    assert tied_with_best(scores, 75, 25).tolist() == [True, False, True, False]
    assert tied_with_best(scores[3:], 75, 25).tolist() == [False]


@given(st.lists(st.lists(st.integers(0, 7), max_size=8), max_size=5), st.integers(1, 3))
def test_held_out_rows_have_the_mean_of_what_was_predicted(splits: list[list[int]], columns: int) -> None:
    rng = np.random.default_rng(0)
    parts = [(np.array(rows, np.int64), rng.normal(size=(len(rows), columns))) for rows in splits]
    found = held_out_means(8, parts)
    for row in range(8):
        seen = [predicted[place] for numbers, predicted in parts for place in np.flatnonzero(numbers == row)]
        expected = np.mean(seen, axis=0) if seen else np.full(found.shape[1:], NAN)
        np.testing.assert_allclose(found[row], expected, atol=1e-12)
