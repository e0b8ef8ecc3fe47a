"""Published values in a study: what is taken, what is refused, and that they take no part in anything."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.engine import Planner, Trainers
from shoal.errors import StudyError
from shoal.study import candidates, parse_study, to_toml
from studies import tiny_study, two_peaks

ONE = {"name": "Adam", "metric": "mse", "value": 0.1, "source": "a book, page 3"}
BASE: dict[str, Any] = {
    "study": {"task": "regression"},
    "data": {"dataset": "two-peaks"},
    "compare": [{"name": "Adam"}, {"name": "SGD"}],
}


def problems(*references: Any, **changes: Any) -> list[str]:
    with pytest.raises(StudyError) as refusal:
        parse_study({**BASE, **changes, "reference": list(references)})
    return str(refusal.value).split("\n")


@pytest.mark.parametrize("name", ["Adam", "SGD", "winner", "delivered"])
def test_a_reference_belongs_to_a_comparison_or_to_the_winner(name: str) -> None:
    study = parse_study({**BASE, "reference": [{**ONE, "name": name}]})
    assert study.reference[0].name == name


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"name": "Adm"},
            "reference[0].name: expected the name of a comparison, winner or delivered, got 'Adm'; did you mean"
            " 'Adam'?",
        ),
        (
            {"metric": "accuracy"},
            "reference[0].metric: expected a score of a regression (loss, mse, rmse, mae, r2, neg_mean_absolute_error,"
            " neg_median_absolute_error, neg_mean_squared_error, neg_root_mean_squared_error,"
            " neg_mean_absolute_percentage_error, neg_mean_squared_log_error, neg_root_mean_squared_log_error and 6"
            " more), got 'accuracy'",
        ),
        (
            {"metric": "mses"},
            "reference[0].metric: expected one of loss, mse, rmse, mae, r2, neg_mean_absolute_error,"
            " neg_median_absolute_error, neg_mean_squared_error, neg_root_mean_squared_error,"
            " neg_mean_absolute_percentage_error, neg_mean_squared_log_error, neg_root_mean_squared_log_error,"
            " explained_variance, d2_absolute_error_score, d2_pinball_score, neg_mean_poisson_deviance,"
            " neg_mean_gamma_deviance, neg_max_error, got 'mses'; did you mean 'mse'?",
        ),
        ({"value": "0.1"}, "reference[0].value: expected a number, got '0.1'"),
        ({"value": float("inf")}, "reference[0].value: expected a finite number, got inf"),
        (
            {"source": ""},
            "reference[0].source: expected text without control characters (1 to 500 characters), got ''",
        ),
        ({"sauce": "x"}, "reference[0].sauce: unknown key; did you mean source?"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], sentence: str) -> None:
    assert problems({**ONE, **changes}) == [sentence]


def test_every_mistake_is_reported_and_what_follows_from_another_is_not() -> None:
    found = problems(
        {**ONE, "value": None}, {"name": "x"}, 3, {**ONE, "name": "SGDD"},
        compare=[{"name": "Adam"}, {"name": "SGD"}],
    )  # fmt: skip
    assert [line.split(": ")[0] for line in found] == [
        "reference[0].value", "reference[1].metric", "reference[1].value", "reference[1].source", "reference[2]",
        "reference[1].name", "reference[3].name",
    ]  # fmt: skip


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), texts), max_size=3))
def test_a_study_with_references_survives_its_file(values: list[tuple[float, str]]) -> None:
    references = [{**ONE, "value": value, "source": source} for value, source in values]
    study = parse_study({**BASE, "reference": references})
    assert parse_study(tomllib.loads(to_toml(study))) == study
    assert ("[[reference]]" in to_toml(study)) == bool(values)


def test_references_change_no_candidate_and_no_fit() -> None:
    without = tiny_study()
    reference = {"name": "sgd", "metric": "mse", "value": 0.1, "source": "a book"}
    study = tiny_study(reference=[reference])
    assert candidates(study) == candidates(without)
    ids = [
        [item.fit.id for item in (*planner.search_fits(), *planner.comparison_fits())]
        for planner in (Planner(one, two_peaks(), Trainers().choose) for one in (study, without))
    ]
    assert ids[0] == ids[1]
