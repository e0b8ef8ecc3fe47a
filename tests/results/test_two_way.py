"""Differences of comparisons over rows and repeats: by hand, mirrored, not told where they cannot be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from benchmarks.honesty.intervals import Cell, measure
from benchmarks.honesty.worlds import EXP, NORMAL, T3, Classifiers, Errors, Regressors, equals
from scipy.stats import t as student

from shoal.results import Difference, Scored, Units, difference, row_score
from shoal.results._two_way import spread_over

MSE = row_score("regression", "mse")


def compared(
    metric: str, one: Any, first: Any, y: Any, groups: Any = None, task: str = "regression"
) -> Difference:
    units = Units.of(len(y), groups)
    score = row_score(task, metric)
    both = (Scored.of(score, y, dict(enumerate(answers)), units) for answers in (one, first))
    return difference(*both)


def drawn(seed: int = 0, repeats: int = 4, rows: int = 60) -> tuple[Any, Any, Any]:
    found = Regressors(NORMAL, 0.3, 0.5, 0.4).draw(np.random.default_rng(seed), repeats, rows)
    return found.y, found.one, found.first


def test_a_difference_by_hand() -> None:
    y, one, first = drawn()
    found = compared("mse", one, first, y)
    row_RN = ((one - y) ** 2 - (first - y) ** 2)[:, :, 0]
    repeats, rows = row_RN.shape
    # The analysis of variance of rows crossed with repeats, without a column of its own for anything else.
    of_row, of_repeat, mean = row_RN.mean(axis=0), row_RN.mean(axis=1), row_RN.mean()
    left = row_RN - of_row - of_repeat[:, None] + mean
    squares = (
        repeats * of_row.var(ddof=1),
        rows * of_repeat.var(ddof=1),
        (left**2).sum() / (rows - 1) / (repeats - 1),
    )
    freedom = (rows - 1, repeats - 1, (rows - 1) * (repeats - 1))
    total = squares[0] + squares[1] - squares[2]
    assert total > max(squares[:2])
    units = Units.of(rows)
    spread, free = spread_over(of_repeat, row_RN - of_repeat[:, None], units.freedom)
    assert found.mean == pytest.approx(mean)
    assert spread.error == pytest.approx(math.sqrt(total / repeats / rows))
    assert free == pytest.approx(total**2 / sum(s**2 / f for s, f in zip(squares, freedom, strict=True)))
    assert found.low < mean < found.high
    assert found.repeats == 4
    half = student.ppf(0.975, free) * spread.error
    assert found.high - found.low == pytest.approx(2 * half, rel=0.25)  # skewness moves the ends


def test_one_repeat_speaks_of_rows_alone() -> None:
    y, one, first = drawn(repeats=1)
    found = compared("mse", one, first, y)
    row_N = ((one - y) ** 2 - (first - y) ** 2)[0, :, 0]
    spread, free = spread_over(np.array([row_N.mean()]), (row_N - row_N.mean())[None], 59)
    assert spread.error == pytest.approx(row_N.std(ddof=1) / math.sqrt(60))
    assert free == pytest.approx(59)
    assert found.repeats == 1
    assert math.isfinite(found.p)


@pytest.mark.parametrize("metric", ["mse", "rmse", "mae", "r2"])
def test_exchanged_sides_mirror_the_interval_and_order_is_nothing(metric: str) -> None:
    y, one, first = drawn(1)
    found, mirrored = compared(metric, one, first, y), compared(metric, first, one, y)
    assert (mirrored.mean, mirrored.low, mirrored.high) == pytest.approx(
        (-found.mean, -found.high, -found.low)
    )
    assert mirrored.p == pytest.approx(found.p)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
    again, rows = np.array([2, 0, 3, 1]), np.random.default_rng(2).permutation(len(y))
    mixed = compared(metric, one[again][:, rows], first[again][:, rows], y[rows])
    assert (mixed.low, mixed.high, mixed.p) == pytest.approx((found.low, found.high, found.p))


def test_rows_repeated_in_groups_say_what_they_said_once() -> None:
    y, one, first = drawn(3)
    found = compared("mse", one, first, y)
    group_N = np.repeat(np.arange(len(y)), 3)
    groups = compared("mse", one[:, group_N], first[:, group_N], y[group_N], group_N)
    assert (groups.low, groups.high, groups.p) == pytest.approx((found.low, found.high, found.p))


def test_more_repeats_of_the_same_networks_make_nothing_surer_than_the_rows_allow() -> None:
    y, one, first = drawn(4, repeats=1)
    once = compared("mse", one, first, y)
    many = compared("mse", np.repeat(one, 50, axis=0), np.repeat(first, 50, axis=0), y)
    assert (many.low, many.high) == pytest.approx((once.low, once.high), rel=1e-6)


def test_only_repeats_of_both_count() -> None:
    y, one, first = drawn(5)
    units = Units.of(len(y))
    some = Scored.of(MSE, y, {0: one[0], 2: one[2], 7: one[3]}, units)
    all_of_them = Scored.of(MSE, y, dict(enumerate(first)), units)
    found = difference(some, all_of_them)
    assert found.repeats == 2
    # The third of them is number 7, which the first network lacks.
    alone = compared("mse", one[[0, 2]], first[[0, 2]], y)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    none = difference(Scored.of(MSE, y, {9: one[0]}, units), all_of_them)
    assert none.why == "no repeat is common to both"
    assert math.isnan(none.mean)


def test_networks_that_hardly_differ_are_not_compared() -> None:
    y = np.arange(100) % 2
    first = np.tile(np.where(np.arange(2) == y[:, None], 0.8, 0.2), (3, 1, 1))
    one = first.copy()
    assert compared("accuracy", one, first, y, task="classification").why == "they differ on no row"
    one[1, :3] = one[1, :3, ::-1]
    found = compared("accuracy", one, first, y, task="classification")
    assert found.why == "they differ on 3 rows alone, too few for an interval"
    assert found.mean == pytest.approx(-0.01)
    assert math.isnan(found.p)
    one[2, 50:60] = one[2, 50:60, ::-1]
    assert compared("accuracy", one, first, y, task="classification").why == ""
    assert compared("ece", one, first, y, task="classification").why.startswith("its size depends")


def test_no_difference_of_shares_is_beyond_1() -> None:
    found = Classifiers(0.0, 3.0, 0.0, 0.0, 2).draw(np.random.default_rng(0), 2, 60)
    told = compared("accuracy", found.one, found.first, found.y, task="classification")
    assert (told.low, told.high) == (-1, 1)


def test_too_few_rows_are_said() -> None:
    y, one, first = drawn(6, rows=20)
    assert compared("mse", one, first, y).why == "20 rows are too few for an interval"
    assert compared("mse", one[:, :0], first[:, :0], y[:0]).why == "0 rows are too few for an interval"


@pytest.mark.parametrize(
    "cell",
    [
        Cell("rows", "regression", "mse", lambda rng: REGRESSORS.draw(rng, 3, 100), 0.16, True),
        Cell("groups", "regression", "mse", lambda rng: REGRESSORS.draw(rng, 5, 0, 25), 0.16, True),
        Cell("right", "classification", "accuracy", lambda rng: CLASSIFIERS.draw(rng, 5, 100), 0.0, True),
    ],
    ids=lambda cell: cell.name,
)
def test_an_interval_over_rows_and_repeats_holds_the_truth_nine_times_in_ten(cell: Cell) -> None:
    found = measure(cell, 200)
    assert found.shown > 180
    assert found.as_promised


@pytest.mark.parametrize("errors", [NORMAL, T3, EXP], ids=["normal", "Student 3", "exp(normal)"])
@pytest.mark.parametrize("rows", [30, 100])
def test_of_two_equals_none_is_said_to_be_better_more_often_than_promised(errors: Errors, rows: int) -> None:
    cell = Cell("equals", "regression", "mse", lambda rng: equals(rng, rows, errors, 0.5), 0.0, True)
    found = measure(cell, 400)
    assert found.shown > 380
    assert 93 <= found.held <= 98.5  # with skewness moving both ends 89 to 93


REGRESSORS = Regressors(NORMAL, 0.2, 0.9, 0.4)
CLASSIFIERS = Classifiers(1.2, 0.2, 0.5, 0.0, 2)
