"""Intervals of balanced accuracy: by hand, over drawn rows, with groups, and none for a class of few rows."""

from __future__ import annotations

import os

import numpy as np
import pytest

from shoal.results import Units
from shoal.results._mean_recall import recall_difference, recall_interval

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"


def named(classes: np.ndarray) -> np.ndarray:
    return np.eye(2)[classes] * 0.8 + 0.1


def rows(count: int) -> Units:
    return Units.of(count, None)


def test_by_hand() -> None:
    y = np.repeat([0, 1], [90, 10])
    right = np.where(np.arange(100) < 90, 0, np.arange(100) % 2)  # 90 of 90, and 5 of 10
    of = recall_interval(y, named(right), rows(100))
    first, second = 92 / 94, 7 / 14
    error = np.sqrt(first * (1 - first) / 94 + second * (1 - second) / 14) / 2
    middle = (first + second) / 2
    assert (of.low, of.high) == (
        pytest.approx(middle - 1.959964 * error),
        pytest.approx(middle + 1.959964 * error),
    )
    apart = recall_difference(y, named(right), named(0 * y), rows(100))
    assert apart.mean == pytest.approx(0.25)
    # The rare class: 5 rows that only the first has right, and one more of each kind; the other: one of each alone.
    second, other = (6 - 1) / 12, 0.0
    error = np.sqrt(((6 + 1) / 12 - second**2) / 12 + (2 / 92) / 92) / 2
    assert apart.high == pytest.approx((second + other) / 2 + 1.959964 * error)
    assert apart.low == pytest.approx((second + other) / 2 - 1.959964 * error)
    assert apart.p > 0.05 if apart.low <= 0 else apart.p < 0.05


@pytest.mark.parametrize("rare", [12, 20, 50])
def test_the_truth_is_held_in_most_of_many_draws(rare: int) -> None:
    random, y = np.random.default_rng(rare), np.zeros(400, np.int64)
    y[:rare] = 1
    truth, held_score, held_difference = (0.8 + 0.97) / 2, 0, 0
    draws = 200 if LONG else 60
    for _ in range(draws):
        # One that is right in 80 and 97 % of the classes, and another that is right where it is, or half the time anew.
        first = random.random(400)
        second = np.where(random.random(400) < 0.5, first, random.random(400))
        answers = [np.where(y == 1, draw < 0.8, draw < 0.03).astype(np.int64) for draw in (first, second)]
        of = recall_interval(y, named(answers[0]), rows(400))
        held_score += of.low <= truth <= of.high
        apart = recall_difference(y, named(answers[0]), named(answers[1]), rows(400))
        held_difference += apart.low <= 0 <= apart.high
    assert held_score >= 0.9 * draws
    assert held_difference >= 0.9 * draws


def test_groups_make_it_wider_and_few_rows_give_none() -> None:
    y = np.tile([0, 0, 0, 1], 100)
    group = np.repeat(np.arange(20), 20)
    wrong = np.where(np.isin(group, (0, 1, 2, 3, 4)), 1 - y, y)
    alone = recall_interval(y, named(wrong), rows(400))
    grouped = recall_interval(y, named(wrong), Units.of(400, group))
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    few = np.where(np.arange(400) < 9, 1, 0)
    assert (
        recall_interval(few, named(few), rows(400)).why
        == "a class of 9 test rows is too small for an interval"
    )
    uneven = Units.of(400, None, np.where(np.arange(400) == 0, 3.0, 1.0))  # 11² / 17 rows of one weight
    why = recall_interval(few, named(few), uneven).why
    assert why == "a class of rows worth 7.1 test rows is too small for an interval"
    assert recall_interval(y[:8], named(y[:8]), rows(8)).why == "8 rows are too few for an interval"
    # Groups of one class each: of the rare one there are as few as it has groups, however many there are in all.
    pure = np.repeat(np.arange(47), [10] * 40 + [12] * 7)
    of_two = np.where(pure >= 40, 1, 0)
    assert (
        recall_interval(of_two, named(of_two), Units.of(484, pure)).why
        == recall_difference(of_two, named(of_two), named(0 * of_two), Units.of(484, pure)).why
        == "a class with test rows of 7 groups is too small for an interval"
    )
    pure = np.repeat(np.arange(48), [10] * 40 + [12] * 8)
    eight = np.where(pure >= 40, 1, 0)
    assert recall_interval(eight, named(eight), Units.of(496, pure)).known is True
    unequal = np.repeat(np.arange(48), [10] * 40 + [40, *[12] * 7])
    assert recall_interval(
        eight := np.where(unequal >= 40, 1, 0), named(eight), Units.of(524, unequal)
    ).why == ("a class with test rows of 8 groups of such unequal sizes is too small for an interval")
    same = recall_difference(y, named(y), named(y), rows(400))
    assert (same.mean, same.low < 0 < same.high) == (0.0, True)


def test_an_interval_holds_the_score_that_it_is_of() -> None:
    random = np.random.default_rng(5)
    for case in range(60):
        y = np.repeat([0, 1], [60, 12])
        first = np.where(random.random(72) < random.choice([0.0, 0.02, 0.5]), 1 - y, y)
        second = np.where(random.random(72) < random.choice([0.0, 0.02, 0.5]), 1 - y, y)
        score = np.mean([(first[y == k] == k).mean() for k in (0, 1)])
        of = recall_interval(y, named(first), rows(72))
        assert of.low <= score <= of.high, case
        apart = recall_difference(y, named(first), named(second), rows(72))
        assert apart.low <= apart.mean <= apart.high, case
    all_right = recall_interval(y, named(y), rows(72))
    assert all_right.low < all_right.high == 1.0
