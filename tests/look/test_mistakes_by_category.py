"""Mistakes in categories: pandas' shares, Wilson's intervals, weights as repeated rows; odd names."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from readable import faults
from scipy import stats
from test_figures import HOSTILE

from shoal.look.figures import mistakes_by_category as figure
from shoal.results import FURTHER, LACKING, CategoriesTested

DRAW = np.random.default_rng(4)
WRONG = DRAW.random(300) < 0.3


def cells(place_V: Any, names: tuple[str, ...] = ("a", "b", "c"), column: str = "kind") -> CategoriesTested:
    return CategoriesTested(column, names, 7, np.asarray(place_V, np.uint8))


def test_shares_are_of_the_rows_of_each_category() -> None:
    place = DRAW.choice([0, 2, FURTHER, LACKING], 300)
    fact = figure.mistakes_in(cells(place), WRONG, None)
    assert fact.names == ("a", "c", "(7 more)", "(missing)")
    groups = pd.Series(WRONG).groupby(place)
    np.testing.assert_allclose(fact.wrong_C, groups.mean())
    np.testing.assert_array_equal(fact.rows_C, groups.size())
    assert fact.mean == WRONG.mean()
    for number, (_, rows) in enumerate(groups):
        low, high = stats.binomtest(int(rows.sum()), len(rows)).proportion_ci(method="wilson")
        np.testing.assert_allclose((fact.low_C[number], fact.high_C[number]), (low, high))


def test_weights_count_as_repeated_rows_do() -> None:
    counts, place = DRAW.integers(1, 4, 300), np.arange(300) % 3
    fact = figure.mistakes_in(cells(place), WRONG, 0.5 * counts)
    many = figure.mistakes_in(cells(np.repeat(place, counts)), np.repeat(WRONG, counts), None)
    np.testing.assert_allclose(fact.wrong_C, many.wrong_C)
    assert fact.mean == pytest.approx(many.mean)
    assert fact.rows_C.tolist() == [100, 100, 100]
    assert (fact.high_C - fact.low_C > many.high_C - many.low_C).all()  # rows of unlike weight say less


def gathered(wrong_V: Any, *categories: CategoriesTested) -> list[Any]:
    truth = SimpleNamespace(y=np.zeros(len(wrong_V), int), train_rows=0, test_weights=None)
    answer_RVK = np.eye(2)[np.asarray(wrong_V, int)][None]
    findings = SimpleNamespace(
        classes=True, truth=truth, predicted=lambda _: answer_RVK, judged=lambda _: answer_RVK,
        results=SimpleNamespace(test_cells=SimpleNamespace(categories=categories) if categories else None),
    )  # fmt: skip
    subject: Any = SimpleNamespace(findings=findings, group=SimpleNamespace(healthy=("one",)))
    return [gathering.fact for gathering in figure.gather(subject)]


def test_inputs_of_one_category_are_not_shown_and_the_most_telling_first() -> None:
    columns = (
        cells(np.zeros(300), column="same"), cells(np.arange(300) % 3, column="little"), cells(WRONG.astype(int)),
    )  # fmt: skip
    (facts,) = gathered(WRONG, *columns)
    assert [fact.column for fact in facts] == ["kind", "little"]
    assert facts[0].epsilon == pytest.approx(1)
    assert gathered(WRONG) == gathered(np.zeros(300), *columns) == []
    assert gathered(WRONG, columns[0]) == []
    assert (
        figure.words(facts)
        == "Share of wrong rows by category of kind: from 0.0\u00a0% in a to 100.0\u00a0% in b."
    )


def test_it_is_drawn_and_read_whatever_the_names() -> None:
    place = np.arange(300) % 3
    facts = [
        replace(figure.mistakes_in(cells(place, HOSTILE[:3]), WRONG, None), column=name)
        for name in HOSTILE[:3]
    ]
    assert not faults(figure.draw_mistakes_in, facts)
    sheet = figure.draw_mistakes_in(facts)
    assert len(sheet.axes) == 3
    dots = sheet.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(dots[:, 0], 100 * facts[0].wrong_C)
    assert figure.caption(facts).endswith("Inputs of the largest are shown.")
    assert not figure.caption(facts[:1]).endswith("shown.")
