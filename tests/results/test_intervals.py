"""Intervals of test scores: of which numbers a score is made, who draws anew, what covers, what is not said."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.honesty.intervals import Cell, measure
from benchmarks.honesty.small_tests import others
from benchmarks.honesty.worlds import (
    NORMAL,
    T3,
    classification,
    grouped_classification,
    grouped_share,
    regression,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from shoal.results import (
    Scored,
    Units,
    calibrated_error,
    calibration_bins,
    classification_scores,
    difference,
    regression_scores,
    repeated_interval,
    row_score,
)
from shoal.results._intervals import Spread, held_by_few, of_difference, of_score, wilson
from shoal.scores import scores_of

REGRESSION = {name: row_score("regression", name) for name in scores_of("regression")}
CLASSES = {name: row_score("classification", name) for name in scores_of("classification")}


def answers(seed: int, rows: int, outputs: int = 2) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    y = draw.normal(size=(rows, outputs)) * 10.0 ** np.arange(outputs)
    return y, y + draw.standard_t(5, y.shape) * 10.0 ** np.arange(outputs)


def probabilities(seed: int, rows: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    y = draw.integers(0, classes, rows)
    odds = np.exp(draw.normal(size=(rows, classes)) + 1.5 * (np.arange(classes) == y[:, None]))
    return y, odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_every_score_is_a_function_of_means_over_rows(seed: int) -> None:
    y, value = answers(seed, 40)
    scores = {name: score.score(y, value) for name, score in REGRESSION.items()}
    assert scores == pytest.approx(regression_scores(y, value))
    y, value = probabilities(seed, 40)
    assert {name: score.score(y, value) for name, score in CLASSES.items()} == pytest.approx(
        classification_scores(y, value)
    )


def test_a_score_of_no_rows_or_of_huge_numbers_is_said_quietly() -> None:
    assert math.isnan(REGRESSION["rmse"].score(np.zeros((0, 1)), np.zeros((0, 1))))
    y = np.arange(60.0)[:, None]
    far = repeated_interval(REGRESSION["rmse"], y, [1e200 * y], Units.of(60))
    assert far.why == "the score is not defined on every part of these rows"
    large = repeated_interval(REGRESSION["mae"], y, [1e200 * np.sqrt(y)], Units.of(60))
    assert 0 < large.low < large.high < math.inf


@pytest.mark.parametrize("name", REGRESSION)
def test_the_order_of_rows_and_the_unit_of_a_target_change_nothing(name: str) -> None:
    score = REGRESSION[name]
    y, value = answers(1, 80, outputs=1)
    found = repeated_interval(score, y, [value], Units.of(80))
    assert found.low < score.score(y, value) < found.high
    mixed = np.random.default_rng(2).permutation(80)
    again = repeated_interval(score, y[mixed], [value[mixed]], Units.of(80))
    assert (again.low, again.high) == pytest.approx((found.low, found.high))
    power = {"mse": 2, "loss": 2, "r2": 0}.get(name, 1)
    scaled = repeated_interval(score, 8 * y, [8 * value], Units.of(80))
    assert (scaled.low, scaled.high) == pytest.approx((found.low * 8**power, found.high * 8**power))


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
def test_rows_that_are_repeated_say_no_more_where_they_are_groups(name: str) -> None:
    y, value = answers(3, 60)
    once = repeated_interval(REGRESSION[name], y, [value], Units.of(60))
    group_N = np.repeat(np.arange(60), 4)
    groups = repeated_interval(REGRESSION[name], y[group_N], [value[group_N]], Units.of(240, group_N))
    assert (groups.low, groups.high) == pytest.approx((once.low, once.high))
    rows = repeated_interval(REGRESSION[name], y[group_N], [value[group_N]], Units.of(240))
    assert rows.high - rows.low < 0.7 * (once.high - once.low)


def test_the_interval_of_several_targets_is_that_of_the_mean_of_their_errors() -> None:
    y, value = answers(4, 100, outputs=3)
    score = REGRESSION["rmse"]
    found = repeated_interval(score, y, [value], Units.of(100))
    each = [math.sqrt(np.mean((value[:, k] - y[:, k]) ** 2)) for k in range(3)]
    assert found.low < np.mean(each) < found.high
    # A target in a unit that makes it vanish leaves the interval of the others, as a part of the mean.
    y[:, 0], value[:, 0] = 1e-9 * y[:, 0], 1e-9 * value[:, 0]
    two = repeated_interval(score, y[:, 1:], [value[:, 1:]], Units.of(100))
    three = repeated_interval(score, y, [value], Units.of(100))
    assert (three.low * 3, three.high * 3) == pytest.approx((two.low * 2, two.high * 2), rel=1e-6)


@pytest.mark.parametrize(("right", "rows"), [(0, 10), (7, 10), (50, 50), (8765, 10000)])
def test_the_interval_of_an_accuracy_is_wilsons(right: int, rows: int) -> None:
    wanted = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    y, value = np.zeros(rows, np.int64), np.tile([0.4, 0.6], (rows, 1))
    value[:right] = [0.6, 0.4]
    found = repeated_interval(CLASSES["accuracy"], y, [value], Units.of(rows))
    np.testing.assert_allclose((found.low, found.high), wanted, rtol=1e-9, atol=1e-12)


def test_groups_all_right_count_for_one_row_each() -> None:
    y, value = np.zeros(200, np.int64), np.tile([0.9, 0.1], (200, 1))
    units = Units.of(200, np.repeat(np.arange(20), 10))
    found = repeated_interval(CLASSES["accuracy"], y, [value], units)
    assert (found.low, found.high) == pytest.approx(wilson(1.0, 20, float(student.ppf(0.975, 19))))


@given(st.floats(-5, 5), st.floats(0.01, 3), st.floats(-1, 1), st.floats(1, 100))
def test_a_p_value_is_below_5_percent_where_the_interval_leaves_0_out(
    value: float, error: float, skewness: float, freedom: float
) -> None:
    spread = Spread(error, skewness)
    low, high, p = of_difference(value, spread, freedom)
    assert low < value < high
    inner = student.interval(0.95, freedom, value, error)
    # Student's, but at the end that skewness moves outwards: Johnson's, with a skewness that is too low mended.
    reach = student.ppf(0.975, freedom)
    further = error * abs(skewness) * (1 + 8 * abs(skewness)) * (1 + 2 * reach**2) / 6
    apart = (low, high + further) if skewness < 0 else (low - further, high)
    assert (inner[0] - further, inner[1] + further) == pytest.approx(apart)
    nearest = min(abs(low), abs(high))
    if nearest > 1e-6:
        assert (p < 0.05) == (low > 0 or high < 0)


def test_without_skewness_it_is_students_interval() -> None:
    low, high = student.interval(0.95, 9, 2.0, 0.5)
    assert of_difference(2.0, Spread(0.5, 0.0), 9) == pytest.approx((low, high, 2 * student.sf(4.0, 9)))
    assert math.isnan(of_difference(2.0, Spread(0.0, 0.0), 9)[2])
    for skewness in (0.0, 9.9e-7, -9.9e-7, 1.1e-6):  # near 0 the cube root is left for its series
        found = of_score(REGRESSION["mae"], 2.0, Spread(0.5, skewness), 9, Units.of(10))
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-5)


def ends_by_largest_error(error_N: np.ndarray, weight_N: np.ndarray | None) -> np.ndarray:
    """The ends that a growing largest error has, as long as there is an interval, for this method and for Hall's cubic
    with the skewness doubled, (steps, 2, 2).
    """
    ends, units = [], Units.of(len(error_N), None, weight_N)
    y, error_N = np.zeros((len(error_N), 1)), error_N.copy()
    most = float(np.abs(error_N).max())
    for largest in np.arange(most, most + 6, 0.05):
        error_N[np.abs(error_N).argmax()] = largest
        answer = error_N[:, None]
        own = repeated_interval(REGRESSION["mse"], y, [answer], units)
        if not own.known:
            break
        ends.append(((own.low, own.high), others(REGRESSION["mse"], (y, answer, weight_N))["doubled"]))
    return np.array(ends)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([30, 60, 200]), st.booleans())
def test_a_larger_outlier_widens_the_interval_without_a_jump(seed: int, rows: int, weighted: bool) -> None:
    draw = np.random.default_rng(seed)
    error_N = draw.normal(size=rows)
    weight_N = draw.uniform(0.9, 1.1, rows) if weighted else None
    ends = ends_by_largest_error(error_N, weight_N)[:, 0]
    high, width = ends[:, 1], ends[:, 1] - ends[:, 0]
    assert (np.diff(high) > 0).all()
    assert (np.diff(width) > 0).all()
    steps = np.diff(high)
    assert (
        np.abs(np.log(steps[1:] / steps[:-1])) < 0.5
    ).all()  # a jump would be one step unlike its neighbours


def test_the_inverse_of_a_cubic_with_the_skewness_doubled_jumps_and_shrinks() -> None:
    """The witness for the test above: what was done before would not have passed it."""
    error_N = np.random.default_rng(12).normal(size=60)
    high = ends_by_largest_error(error_N, None)[:, 1, 1]
    steps = np.diff(high)
    assert (steps < 0).any()
    assert (np.abs(np.diff(np.log(np.abs(steps)))) > 0.5).any()


@given(st.integers(0, 10_000))
def test_weights_that_hardly_differ_hardly_change_an_interval(seed: int) -> None:
    draw = np.random.default_rng(seed)
    y, value = answers(seed, 60, outputs=1)
    for name in ("mse", "mae", "r2"):
        plain = repeated_interval(REGRESSION[name], y, [value], Units.of(60))
        units = Units.of(60, None, 1 + 1e-7 * draw.random(60))
        assert units.weight_N is not None
        near = repeated_interval(REGRESSION[name], y, [value], units)
        assert (near.low, near.high) == pytest.approx(
            (plain.low, plain.high), rel=1e-4, abs=1e-5, nan_ok=True
        )


def test_unequal_sizes_leave_a_variance_fewer_degrees_of_freedom() -> None:
    assert Units.of(40).freedom == pytest.approx(39)
    assert Units.of(40, np.arange(40) // 4).freedom == pytest.approx(9)
    weight = np.r_[np.ones(30), np.full(10, 5.0)]
    units = Units.of(40, None, weight)
    assert units.freedom == pytest.approx((30 + 250) ** 2 / (30 + 6250) * 39 / 40)
    assert units.freedom < units.effective - 1
    assert Units.of(0).freedom == 0


def test_a_relative_error_has_no_interval_where_targets_lie_on_both_sides_of_0() -> None:
    name = "neg_mean_absolute_percentage_error"
    y, value = answers(2, 80, outputs=1)
    score = row_score("regression", name)
    why = "targets lie on both sides of 0, or are 0, where a relative error has no bound"
    assert repeated_interval(score, y, [value], Units.of(80)).why == why
    both = [Scored.of(score, y, {0: one}, Units.of(80)) for one in (value, 0.9 * value)]
    assert difference(*both).why == why
    away = 5 + np.abs(y)
    assert repeated_interval(score, away, [away + value - y], Units.of(80)).known
    away[0] = 0
    assert repeated_interval(score, away, [away + value - y], Units.of(80)).why == why
    # A row that weighs nothing is not looked at.
    units = Units.of(80, None, np.r_[0.0, np.linspace(1, 2, 79)])
    assert repeated_interval(score, away, [away + value - y], units).known


@pytest.mark.parametrize(
    ("name", "rows", "groups", "why"),
    [
        ("rmse", 20, 0, "20 rows are too few for an interval"),
        ("rmse", 1, 0, "1 row is too few for an interval"),
        ("rmse", 40, 4, "4 groups are too few for an interval"),
        ("rmse", 400, 2, "2 groups are too few for an interval"),
    ],
)
def test_where_there_are_too_few_it_is_said(name: str, rows: int, groups: int, why: str) -> None:
    y, value = answers(5, rows)
    units = Units.of(rows, np.arange(rows) % groups if groups else None)
    found = repeated_interval(REGRESSION[name], y, [value], units)
    assert (found.why, found.known) == (why, False)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_groups_of_very_unequal_sizes_count_for_few() -> None:
    y, value = answers(5, 200)
    units = Units.of(200, np.maximum(np.arange(200) - 180, 0))
    assert units.effective == pytest.approx(200**2 / (181**2 + 19))
    assert repeated_interval(REGRESSION["rmse"], y, [value], units).why == (
        "20 groups of such unequal sizes are too few for an interval"
    )


def test_unknown_groups_are_rows() -> None:
    units = Units.of(4, np.array([0, 0, -1, 1]))
    assert not units.grouped
    assert Units.of(4, np.array([7, 7, 3, 7])).of_N.tolist() == [1, 1, 0, 1]


def test_a_few_rows_that_hold_the_sum_are_named() -> None:
    y = np.zeros((100, 1))
    value = np.ones((100, 1)) + 0.001 * np.arange(100)[:, None]
    value[:2] = 1000.0
    found = repeated_interval(REGRESSION["rmse"], y, [value], Units.of(100))
    assert found.why == "2 rows hold three quarters of it, too few for an interval"
    assert held_by_few(np.linspace(-1, 1, 100), Units.of(100)) == ""
    perfect = repeated_interval(REGRESSION["rmse"], y, [y], Units.of(100))
    assert perfect.why == "no row differs from the others"
    cauchy = np.random.default_rng(1).standard_t(1, (50, 300, 1))
    hidden = [
        bool(repeated_interval(REGRESSION["rmse"], np.zeros((300, 1)), [one], Units.of(300)).why)
        for one in cauchy
    ]
    assert np.mean(hidden) > 0.9


def test_a_calibration_error_has_no_interval_but_a_size_by_chance() -> None:
    y, value = probabilities(6, 300)
    assert "depends on the number of rows" in repeated_interval(CLASSES["ece"], y, [value], Units.of(300)).why
    mean, high = calibrated_error(value)
    assert (mean, high) == calibrated_error(value)
    assert 0 < mean < high
    draw = np.random.default_rng(7)
    found = []
    for _ in range(
        300
    ):  # the true class drawn with the very probabilities: a network without any error of calibration
        true = (draw.random(300)[:, None] > np.cumsum(value, axis=1)).sum(axis=1)
        found.append(calibration_bins(true, value).error)
    assert np.mean(found) == pytest.approx(mean, rel=0.05)
    assert np.quantile(found, 0.95) == pytest.approx(high, rel=0.1)
    assert calibrated_error(np.tile([1.0, 0.0], (50, 1))) == (0.0, 0.0)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("normal", "regression", "rmse", lambda rng: regression(rng, 30, NORMAL), 1.0),
        Cell("tails", "regression", "rmse", lambda rng: regression(rng, 100, T3), math.sqrt(3)),
        Cell("share", "classification", "accuracy", lambda rng: classification(rng, 50, 0.9, 10), 0.9),
        Cell(
            "groups",
            "classification",
            "accuracy",
            lambda rng: grouped_classification(rng, 20, 2.5, 1.5, 2),
            grouped_share(2.5, 1.5),
        ),
    ],
    ids=lambda cell: cell.name,
)
def test_what_is_shown_holds_the_truth_nine_times_in_ten(cell: Cell) -> None:
    found = measure(cell, 250)
    assert found.shown > 200
    assert found.as_promised
