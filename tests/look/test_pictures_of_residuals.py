"""Facts of pictures of residuals: scipy's numbers, weights as repeated rows, gaps of time, readable sheets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from readable import faults
from scipy import stats

from shoal.look import pictures
from shoal.look._residuals import Residuals, rank_correlation, spread_over, weighted_quantiles
from shoal.look.figures import errors_by_group as errors
from shoal.look.figures import over_time as times
from shoal.look.figures import residual_distribution as distribution
from shoal.look.figures import residuals as figure

WIDE = "W" * 200
STRANGE = "\u202eلا 😀\x00" + "漢" * 90


def residuals(rows: int, name: str = "y", weights: Any = None) -> Residuals:
    draw = np.random.default_rng(rows)
    predicted = draw.normal(size=rows)
    return Residuals(
        name, np.arange(rows), predicted, draw.standard_t(4, rows) * (1 + np.abs(predicted)), weights
    )


def repeated(own: Residuals, times_V: Any) -> Residuals:
    return Residuals(
        own.target,
        np.arange(times_V.sum()),
        np.repeat(own.predicted_V, times_V),
        np.repeat(own.residual_V, times_V),
    )


@pytest.mark.parametrize("rows", [3, 4, 50, 500])
def test_a_qq_plot_is_scipys(rows: int) -> None:
    own = residuals(rows)
    fact = distribution.residual_distribution(own)
    assert fact is not None
    (normal, ordered), _ = stats.probplot(own.residual_V)
    np.testing.assert_allclose(fact.normal_Q, normal, atol=1e-12)
    np.testing.assert_array_equal(fact.residual_Q, ordered)
    assert fact.skewness == pytest.approx(stats.skew(own.residual_V), abs=1e-12)
    assert fact.weight_M.sum() == pytest.approx(1)


def test_weights_count_as_repeated_rows_do() -> None:
    counts = np.random.default_rng(0).integers(1, 4, 200)
    own = replace(residuals(200), weight_V=0.5 * counts)
    many = repeated(own, counts)
    fact, other = (distribution.residual_distribution(part) for part in (own, many))
    assert fact is not None
    assert other is not None
    for what in ("mean", "deviation", "skewness", "beyond"):
        assert getattr(fact, what) == pytest.approx(getattr(other, what), abs=1e-12)
    levels = np.array([0.1, 0.5, 0.75])
    found_there = np.quantile(many.residual_V, levels, method="inverted_cdf")
    np.testing.assert_array_equal(weighted_quantiles(own.residual_V, levels, own.weight_V), found_there)
    place = np.arange(200) % 3
    alike, theirs = (
        errors.errors_by_group(part, "groups", ["a", "b", "c"], of)
        for part, of in ((own, place), (many, np.repeat(place, counts)))
    )
    np.testing.assert_allclose(alike.error_G, theirs.error_G, atol=1e-12)
    assert alike.mean == pytest.approx(theirs.mean)


def test_a_long_qq_plot_has_its_ends_and_so_many_points() -> None:
    own = residuals(5000)
    fact = distribution.residual_distribution(own)
    assert fact is not None
    assert len(fact.normal_Q) == 500
    (normal, ordered), _ = stats.probplot(own.residual_V)
    np.testing.assert_allclose(fact.normal_Q[[0, 19, -1]], normal[[0, 19, -1]])
    np.testing.assert_allclose(fact.residual_Q[[0, 19, -1]], ordered[[0, 19, -1]])


def test_residuals_over_the_deviation_that_is_said() -> None:
    own = residuals(60)
    fact = distribution.residual_distribution(replace(own, standard_V=own.residual_V / 2))
    plain = distribution.residual_distribution(own)
    assert fact is not None
    assert plain is not None
    assert fact.deviation == pytest.approx(plain.deviation / 2)
    assert distribution.words([fact]).startswith("Standardised residuals of y: mean ")
    assert distribution.caption([fact]).endswith("that of their own should be 1.")
    assert distribution.residual_distribution(replace(own, residual_V=np.full(60, 0.25))) is None
    assert distribution.residual_distribution(residuals(2)) is None


def test_rank_correlations_are_scipys() -> None:
    draw = np.random.default_rng(1)
    a, b = draw.integers(0, 5, 50) * 1.0, draw.normal(size=50)
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    a[3] = np.nan
    there = ~np.isnan(a)
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a[there], b[there]).statistic, abs=1e-12)
    assert np.isnan(rank_correlation(np.ones(5), np.arange(5.0)))
    assert np.isnan(rank_correlation(np.full(5, np.nan), np.arange(5.0)))


def test_bins_keep_equal_values_together_and_hold_quartiles() -> None:
    own, x = residuals(400), np.repeat(np.arange(80.0), 5)
    fact = spread_over(own, "input", "x", x)
    assert (len(fact.x_M), fact.rows_M.sum()) == (10, 400)
    assert (fact.rows_M % 5 == 0).all()
    np.testing.assert_allclose(fact.middle_M[0], np.median(own.residual_V[:40]))
    np.testing.assert_allclose(fact.low_M[0], np.quantile(own.residual_V[:40], 0.25))
    few = spread_over(own, "input", "x", np.arange(400) % 3 * 1.0)
    assert few.x_M.tolist() == [0, 1, 2]
    np.testing.assert_allclose(few.middle_M[1], np.median(own.residual_V[np.arange(400) % 3 == 1]))
    lacking = spread_over(own, "input", "x", np.where(x < 5, np.nan, x))
    assert lacking.rows_M.sum() == 375
    assert len(spread_over(residuals(29), "input", "x", np.arange(29.0)).x_M) == 0
    assert spread_over(residuals(4000), "input", "x", np.arange(4000.0)).every == 3


def test_inputs_stand_in_the_order_of_their_rank_correlation() -> None:
    own = residuals(100)
    size = np.abs(own.residual_V)
    inputs = np.stack((np.ones(100), np.arange(100) % 7, -size), axis=1)
    facts = figure.spreads(own, ("constant", "little", "all"), inputs)
    assert [fact.over for fact in facts] == ["y", "all", "little"]
    assert facts[1].rank_correlation == pytest.approx(-1)
    assert figure.words(facts).endswith("|residual| goes most with all (rank correlation −1.0).")


@pytest.mark.parametrize("rows", [1, 200])
def test_residuals_are_readable(rows: int) -> None:
    own = residuals(rows, WIDE)
    inputs = np.random.default_rng(0).normal(size=(rows, 7)) * 1e5
    names = (WIDE, STRANGE, "", "a", "b", "c", "d")
    assert faults(figure.draw_spreads, figure.spreads(own, names, inputs)) == []
    parts = [distribution.residual_distribution(residuals(50, name)) for name in (WIDE, STRANGE)]
    assert faults(distribution.draw_distributions, parts) == []


def test_errors_by_group_have_students_interval() -> None:
    own = residuals(30)
    place = np.repeat([0, 1, 2], [14, 15, 1])
    fact = errors.errors_by_group(own, "groups", ["a", "b", "c"], place)
    size = np.abs(own.residual_V)
    at = fact.names.index("a")
    span = stats.t.interval(0.95, 13, size[:14].mean(), stats.sem(size[:14]))
    np.testing.assert_allclose((max(span[0], 0), span[1]), (fact.low_G[at], fact.high_G[at]))
    assert np.isnan(fact.low_G[fact.names.index("c")])
    assert (np.diff(fact.error_G) <= 0).all()
    assert errors.errors_by_group(own, "time", ["a", "b", "c"], place).names == ("a", "b", "c")


def test_of_many_groups_the_worst_are_drawn() -> None:
    own = residuals(90, WIDE)
    names = [f"{STRANGE[: k % 7]} {k}" for k in range(30)]
    fact = replace(errors.errors_by_group(own, "groups", names, np.arange(90) % 30), numbered=True)
    assert errors.caption(fact).endswith(
        " The 24 groups of the largest errors are drawn, 6 more are not."
        " Groups are numbered in the order of their names; report.groups = true names them."
    )
    assert faults(errors.draw_errors, fact) == []


def test_lines_end_at_gaps_and_rows_of_one_time_are_their_mean() -> None:
    own = replace(residuals(7), predicted_V=np.arange(7.0), residual_V=np.ones(7))
    fact = times.course(own, "", "number", np.array([5.0, 1, 2, 2, 3, 4, 30]))
    np.testing.assert_array_equal(fact.time_T, [1, 2, 3, 4, 5, 17.5, 30])
    np.testing.assert_array_equal(fact.predicted_T, [1, 2.5, 4, 5, 0, np.nan, 6])
    np.testing.assert_array_equal(fact.actual_T, fact.predicted_T + 1)
    assert fact.rows_T.tolist() == [1, 2, 1, 1, 1, 0, 1]
    assert times.words([fact]) == "Actual and predicted y from 1 to 30: 1.00 apart on average."
    assert (
        times.caption([fact]) == "Lines end at gaps in time. Of several rows of one time the mean is drawn."
    )


def test_of_many_times_the_latest_are_drawn() -> None:
    fact = times.course(residuals(1500), "", "place", np.arange(1500.0))
    assert (len(fact.time_T), fact.further, fact.time_T[0]) == (1000, 500, 500)
    plot = times.plot([fact])
    assert plot is not None
    assert [trace["name"] for trace in plot["data"]] == ["actual", "predicted"]
    assert times.plot([fact, fact]) is None


@pytest.mark.parametrize("kind", ["date", "number", "place"])
def test_times_are_readable(kind: Any) -> None:
    day = 86_400.0
    facts = [
        times.course(residuals(50, WIDE), group, kind, np.arange(50) * day + 1.7e9)
        for group in ("group 1", "group 2")
    ]
    assert faults(times.draw_courses, facts) == []
    assert faults(times.draw_courses, [times.course(residuals(1), "", kind, np.ones(1))]) == []


def test_rows_with_times_or_groups_have_pictures_of_their_own(tmp_path: Path) -> None:
    results = make_run(tmp_path / "run", MadeUp(names=(), epochs=5, hidden=(2,)))
    rows = len(results.truth.y)

    def names(**changes: Any) -> set[str]:
        own = replace(results, truth=replace(results.truth, **changes))
        found = {picture.name.removeprefix("30-delivered-") for picture in pictures(own)}
        return found & {"residuals", "errors", "over-time"}

    group = np.arange(rows) % 4
    assert names() == {"residuals"}
    assert names(groups=group) == {"residuals", "errors"}
    assert names(groups=np.where(group == 0, -1, group)) == {"residuals"}  # of some rows nobody knows it
    assert names(times=np.arange(rows) * 1.0) == {"residuals", "errors", "over-time"}
    both = {"groups": group, "times": np.arange(rows) * 1.0}
    assert names(**both) == {"residuals", "errors", "over-time"}
    own = replace(results, truth=replace(results.truth, **both))
    (courses,) = (picture.fact for picture in pictures(own) if picture.name.endswith("over-time"))
    assert [(fact.group, fact.numbered) for fact in courses] == [(f"group {k}", True) for k in range(1, 5)]
    assert names(times=np.full(rows, np.nan)) == {"residuals"}
    weight = np.ones(rows)
    weight[results.truth.train_rows :] = 0
    assert names(weights=weight) == set()


def test_rows_that_weigh_nothing_are_in_no_picture(tmp_path: Path) -> None:
    results = make_run(tmp_path / "run", MadeUp(names=(), epochs=5, hidden=(2,)))
    weight = np.arange(len(results.truth.y)) % 2 * 1.0
    found = {p.name: p for p in pictures(replace(results, truth=replace(results.truth, weights=weight)))}
    assert len(found["30-delivered-residuals"].fact[0].x_V) == 15
    assert len(found["30-delivered-residual-distribution"].fact[0].normal_Q) == 15
