"""Of how many test rows the target lies below a quantile, and when that is not its level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from shoal.distributions import Normal, Quantiles, side_by_side
from shoal.results import LevelHeld, Truth, Units, wilson
from shoal.results._levels import levels_held

LEVELS = (0.1, 0.5, 0.9)


def truth_of(y_VK: NDArray[np.float64]) -> Truth:
    """Test rows behind two training rows."""
    y = np.concatenate([np.zeros((2, y_VK.shape[1])), y_VK])
    names = tuple(f"y{k}" for k in range(y_VK.shape[1]))
    return Truth(("x",), names, (), np.zeros((len(y), 1)), y, 2)


def answers(quantile_VKL: NDArray[np.float64]) -> NDArray[np.float64]:
    return side_by_side(Quantiles(LEVELS).answers(quantile_VKL, lambda values: values, 1.0))


def test_shares_are_counted_target_by_target_and_level_by_level() -> None:
    y = np.arange(20.0)[:, None] * [1.0, -1.0]
    quantiles = np.broadcast_to([[1.5, 9.5, 14.5], [-17.5, -0.5, 0.5]], (20, 2, 3)).copy()
    held = levels_held(truth_of(y), Quantiles(LEVELS), answers(quantiles), Units.of(20))
    assert [(of.target, of.level, of.share) for of in held] == [
        ("y0", 0.1, 0.1), ("y0", 0.5, 0.5), ("y0", 0.9, 0.75),
        ("y1", 0.1, 0.1), ("y1", 0.5, 0.95), ("y1", 0.9, 1.0),
    ]  # fmt: skip
    assert (held[2].interval.low, held[2].interval.high) == pytest.approx(wilson(0.75, 20))


def test_rows_at_the_quantile_are_counted_as_the_level_asks() -> None:
    """Of a target that is 0 in 60 % of rows, each quantile up to that may be 0."""
    y = np.concatenate([np.zeros(60), np.ones(40)])[:, None]
    for zeros, share in ((np.zeros((100, 1, 3)), (0.1, 0.5, 0.6)), (np.ones((100, 1, 3)), (0.6, 0.6, 0.9))):
        held = levels_held(truth_of(y), Quantiles(LEVELS), answers(zeros), Units.of(100))
        assert tuple(of.share for of in held) == pytest.approx(share)


def test_quantiles_of_a_normal_distribution_hold_what_it_says() -> None:
    random = np.random.default_rng(2)
    mean, deviation = random.normal(size=(40_000, 1)), np.exp(random.normal(size=(40_000, 1)))
    y = mean + deviation * random.normal(size=(40_000, 1))
    held = levels_held(truth_of(y), Normal(), np.hstack([mean, deviation]), Units.of(40_000))
    assert [of.level for of in held] == [0.025, 0.1, 0.5, 0.9, 0.975]
    assert not any(of.is_off(5) for of in held)
    twice = levels_held(truth_of(y), Normal(), np.hstack([mean, 2 * deviation]), Units.of(40_000))
    assert [of.is_off(5) for of in twice] == [True, True, False, True, True]
    for of in twice:
        assert of.share == pytest.approx(norm.cdf(2 * norm.ppf(of.level)), abs=0.01)


def test_groups_say_less_than_as_many_rows() -> None:
    y = np.arange(20.0)[:, None]
    units = Units.of(20, np.repeat(np.arange(4), 5))
    (first, *_) = levels_held(truth_of(y), Quantiles(LEVELS), answers(np.zeros((20, 1, 3))), units)
    assert (first.rows, first.worth) == (20, 4.0)


def test_rows_count_what_they_weigh() -> None:
    """A row of weight 2 is two rows, but not worth so many."""
    y, twice = np.arange(20.0)[:, None], np.arange(20) < 5
    quantiles = np.broadcast_to([[1.5, 9.5, 14.5]], (20, 1, 3)).copy()
    truth, again = truth_of(y), np.concatenate([y, y[twice]])
    weighted = levels_held(truth, Quantiles(LEVELS), answers(quantiles), Units.of(20, None, 1.0 + twice))
    repeated = levels_held(truth_of(again), Quantiles(LEVELS), answers(quantiles[[0] * 25]), Units.of(25))
    assert [of.share for of in weighted] == pytest.approx([of.share for of in repeated])
    assert all(of.worth == pytest.approx(25**2 / (15 + 4 * 5)) for of in weighted)


def test_too_few_rows_say_nothing() -> None:
    y = np.zeros((9, 1))
    assert levels_held(truth_of(y), Quantiles(LEVELS), answers(np.zeros((9, 1, 3))), Units.of(9)) == ()


@given(level=st.floats(0.001, 0.999), rows=st.integers(10, 5000), among=st.integers(1, 20))
def test_a_level_is_never_off_itself_and_more_at_once_are_off_less_often(
    level: float, rows: int, among: int
) -> None:
    assert not LevelHeld("y", level, level, rows, rows).is_off(among)
    for share in (0.0, 0.25, 0.5, 1.0):
        of = LevelHeld("y", level, share, rows, rows)
        assert not of.is_off(among) or of.is_off(1)
        assert not of.is_off(1) or not of.interval.low <= level <= of.interval.high


def test_what_is_near_is_not_off_however_many_rows_say_so() -> None:
    assert not LevelHeld("y", 0.5, 0.529, 10**6, 1e6).is_off(1)
    assert LevelHeld("y", 0.5, 0.531, 10**6, 1e6).is_off(1)
    assert not LevelHeld("y", 0.01, 0.0149, 10**6, 1e6).is_off(1)
    assert LevelHeld("y", 0.01, 0.0151, 10**6, 1e6).is_off(1)
    assert LevelHeld("y", 0.99, 1.0, 10**6, 1e6).is_off(1)
