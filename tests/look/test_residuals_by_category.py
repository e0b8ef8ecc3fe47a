"""Residuals in categories: matplotlib's boxes, scipy's ranks, pandas' groups; weights as repeated rows; odd names."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import boxplot_stats
from readable import faults
from scipy import stats
from test_figures import HOSTILE
from test_pictures_of_residuals import WIDE, repeated, residuals

from shoal.look.figures import errors_by_group as errors
from shoal.look.figures import over_time as times
from shoal.look.figures import residuals as over_inputs
from shoal.look.figures import residuals_by_category as figure
from shoal.look.page.spreadsheet import fact_csv
from shoal.results import FURTHER, LACKING, CategoriesTested

NAMES = ("a", "b", "c")


def cells(place_V: Any, names: tuple[str, ...] = NAMES, further: int = 0, column: str = "kind") -> Any:
    return CategoriesTested(column, names, further, np.asarray(place_V, np.uint8))


def test_boxes_are_matplotlibs_and_medians_pandas() -> None:
    own = residuals(300)
    place = np.arange(300) ** 2 % 5 % 3
    fact = figure.boxes(own, cells(place))
    assert fact.names == ("a", "b")  # no square leaves 2 or 3 of 5; of 4 and 1 comes one place
    for number in range(2):
        (theirs,) = boxplot_stats(own.residual_V[place == number])
        ours = [
            getattr(fact, name)[number]
            for name in ("whisker_low_C", "low_C", "middle_C", "high_C", "whisker_high_C")
        ]
        np.testing.assert_allclose(ours, [theirs[name] for name in ("whislo", "q1", "med", "q3", "whishi")])
        far = np.sort(fact.far_residual_F[fact.far_place_F == number])
        np.testing.assert_allclose(far, np.sort(theirs["fliers"]))
        assert fact.far_C[number] == len(far)
    groups = pd.Series(own.residual_V).groupby(place)
    np.testing.assert_allclose(fact.middle_C, groups.median())
    np.testing.assert_array_equal(fact.rows_C, groups.size())


@pytest.mark.parametrize("categories", [2, 5])
def test_epsilon_is_of_kruskal_and_wallis(categories: int) -> None:
    size = np.abs(residuals(120).residual_V).round(1)
    place = np.arange(120) % categories
    size[place == 0] += 1
    h = stats.kruskal(*(size[place == number] for number in range(categories))).statistic
    wanted = 1 - (1 - h / 119) * 119 / (120 - categories)
    assert figure.correlation_ratio(size, place) == pytest.approx(np.sqrt(wanted), abs=1e-12)
    assert figure.correlation_ratio(size, place * 7) == figure.correlation_ratio(size, place)
    assert figure.correlation_ratio(np.sort(size), np.arange(120) // 60) > 0.8
    assert np.isnan(figure.correlation_ratio(size, np.zeros(120, int)))
    assert np.isnan(figure.correlation_ratio(np.ones(120), place))
    assert np.isnan(figure.correlation_ratio(size, np.arange(120)))


def test_weights_count_as_repeated_rows_do() -> None:
    counts = np.random.default_rng(0).integers(1, 4, 200)
    own, place = replace(residuals(200), weight_V=0.5 * counts), np.arange(200) % 3
    fact = figure.boxes(own, cells(place))
    for number in range(3):
        many = repeated(own, np.where(place == number, counts, 0)).residual_V
        quartiles = np.quantile(many, [0.25, 0.5, 0.75], method="inverted_cdf")
        np.testing.assert_array_equal(
            [fact.low_C[number], fact.middle_C[number], fact.high_C[number]], quartiles
        )
    assert fact.rows_C.tolist() == [67, 67, 66]
    assert figure.caption([fact]).endswith(" Quartiles and medians count rows by their weights.")


def test_only_rows_that_are_tested_count() -> None:
    own = replace(residuals(4), row_V=np.array([1, 2, 4, 5]))
    fact = figure.boxes(own, cells([0, 1, 1, 2, FURTHER, LACKING], further=7))
    assert fact.names == ("b", "(7 more)", "(missing)")
    assert fact.rows_C.tolist() == [2, 1, 1]
    np.testing.assert_array_equal(fact.low_C[1:], own.residual_V[2:])
    assert figure.words([fact]).startswith("Median residuals of y by category of kind: from ")


def test_inputs_of_one_category_are_not_shown_and_the_most_telling_first() -> None:
    own = residuals(90)
    by_size = np.argsort(np.argsort(np.abs(own.residual_V))) // 30
    columns = (cells(np.zeros(90), column="same"), cells(np.arange(90) % 3, column="little"), cells(by_size))
    assert [fact.column for fact in figure.most_telling(own, columns, 3)] == ["kind", "little"]
    assert [fact.column for fact in figure.most_telling(own, columns, 1)] == ["kind"]


def gathered(parts: list[Any], categories: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(figure, "residuals_of", lambda _: parts)
    kept = SimpleNamespace(categories=categories) if categories else None
    subject: Any = SimpleNamespace(findings=SimpleNamespace(results=SimpleNamespace(test_cells=kept)))
    return [gathering.fact for gathering in figure.gather(subject)]


def test_each_of_several_targets_has_its_own_input(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [residuals(90), *(replace(residuals(90, name), residual_V=np.arange(90.0)) for name in "zuv")]
    columns = (cells(np.arange(90) % 3, column="p"), cells(np.arange(90) // 30, column="q"))
    (facts,) = gathered(parts, columns, monkeypatch)
    assert [fact.target for fact in facts] == ["y", "z", "u"]
    assert {fact.column for fact in facts[1:]} == {"q"}
    assert faults(figure.draw_boxes, facts) == []
    (alone,) = gathered(parts[:1], columns, monkeypatch)
    assert {fact.column for fact in alone} == {"p", "q"}
    assert gathered(parts, (), monkeypatch) == []
    assert gathered([], columns, monkeypatch) == []
    assert gathered(parts, (cells(np.zeros(90)),), monkeypatch) == []


@pytest.mark.parametrize("rows", [2, 13, 4000])
def test_boxes_are_readable(rows: int) -> None:
    own = replace(residuals(rows, WIDE), residual_V=1e6 * residuals(rows).residual_V)
    names = (*HOSTILE[:4], *(f"kind {number}" for number in range(8)))
    place = np.where(np.arange(rows) % 13 == 12, FURTHER, np.arange(rows) % 13)
    facts = [figure.boxes(own, cells(place, names, 90, column)) for column in (*HOSTILE[:2], "c")]
    assert faults(figure.draw_boxes, facts) == []
    assert len(facts[0].far_residual_F) <= 300
    if facts[0].far_C.sum() > 300:
        assert figure.caption(facts).endswith(" Of rows beyond whiskers the 300 farthest from 0 are drawn.")
    text = fact_csv(facts)
    assert "whisker_low" in text
    assert figure.words(facts)


def test_a_name_that_is_a_formula_is_none_in_the_numbers() -> None:
    fact = figure.boxes(residuals(30), cells(np.arange(30) % 2, ("=1+1", "b")))
    assert "'=1+1," in fact_csv([fact])


@pytest.mark.parametrize("span", [0, 3600, 3 * 86_400, 40_000 * 86_400])
def test_dates_stand_below_residuals(span: int) -> None:
    own = residuals(200)
    seconds = np.linspace(-1e9, span - 1e9, 200)[:, None]
    facts = over_inputs.spreads(own, ("day",), seconds, ("day",))
    assert [fact.kind for fact in facts] == (["predicted", "date"] if span else ["predicted"])
    assert faults(over_inputs.draw_spreads, facts) == []
    if span:
        assert "|residual| goes most with day" in over_inputs.words(facts)


def test_groups_go_by_their_names_where_they_are_kept() -> None:
    own = residuals(40)
    assert errors.group_name({3: "Ann"}, 3) == "Ann"
    assert errors.group_name({3: "Ann"}, 4) == "group 5"
    fact = errors.errors_by_group(own, "groups", ["Ann", "Bob"], np.arange(40) % 2)
    assert errors.NUMBERED not in errors.caption(fact)
    facts = [times.course(own, name, "number", np.arange(40.0)) for name in HOSTILE[:3]]
    assert faults(times.draw_courses, facts) == []
    assert times.NUMBERED not in times.caption(facts)
    assert times.caption([replace(facts[0], numbered=True)]).endswith(times.NUMBERED)
