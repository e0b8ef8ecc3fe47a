"""What every row has in a score."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.results._out_of_fold import of_rows
from shoal.results._peer_scores import peer_score
from shoal.results._score_rows import row_score


def test_a_mean_over_rows_has_the_rows_own_numbers():
    draw = np.random.default_rng(3)
    y, prediction = draw.normal(size=(50, 2)), draw.normal(size=(50, 2))
    squares = ((prediction - y) ** 2).mean(axis=1)
    np.testing.assert_allclose(of_rows(row_score("regression", "loss"), y, prediction), squares)
    named, probability = draw.integers(3, size=50), draw.dirichlet(np.ones(3), 50)
    hits = probability.argmax(axis=1) == named
    np.testing.assert_allclose(
        of_rows(row_score("classification", "accuracy"), named, probability), hits, atol=1e-12
    )


def test_of_other_scores_leaving_a_row_out_says_what_it_has():
    draw = np.random.default_rng(4)
    y = draw.normal(size=(200, 1))
    prediction = y + 0.5 * draw.normal(size=(200, 1))
    score = row_score("regression", "r2")
    part_N = of_rows(score, y, prediction)
    without = score.score(y[1:], prediction[1:])
    other = score.score(np.delete(y, 1, axis=0), np.delete(prediction, 1, axis=0))
    assert part_N[0] - part_N[1] == pytest.approx(199 * (other - without), abs=1e-6)
    assert part_N.mean() == pytest.approx(score.score(y, prediction))


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
@pytest.mark.parametrize("positive", [0, 1])
def test_means_over_rows_make_the_score_of_the_positive_class(name: str, positive: int) -> None:
    """What intervals are made from is the same number as scikit-learn's, of either class; the other one is another."""
    draw = np.random.default_rng(6)
    y, second = (draw.random(80) < 0.2).astype(np.int64), draw.random(80)
    answers, weight_N = np.stack((1 - second, second), axis=1), draw.uniform(0.2, 2, 80)
    score = row_score("classification", name, None, positive)
    means = np.average(score.rows(y, answers), axis=0, weights=weight_N)
    whole = peer_score(name, y, answers, weight_N, positive)
    assert float(score.of_means(means)) == pytest.approx(whole, rel=1e-12)
    assert score.score(y, answers, weight_N) == whole
    assert peer_score(name, y, answers, weight_N, 1 - positive) != pytest.approx(whole, rel=1e-3)
