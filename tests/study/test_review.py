"""What is reported together, and what is not: all mistakes at once, none that only follows from another."""

from __future__ import annotations

from typing import Any

import pytest
from drawn_studies import BASE

from shoal.errors import StudyError
from shoal.study import Study, check_study, parse_study


def problems(tree: dict[str, Any]) -> list[str]:
    with pytest.raises(StudyError) as refusal:
        parse_study(tree)
    return str(refusal.value).split("\n")


def test_every_mistake_is_reported_at_once() -> None:
    tree = {
        "study": {"task": "regression", "seed": -1},
        "data": {"dataset": "x", "train": "y", "standardize": "no"},
        "network": {"hidden": [0]},
        "training": {"lr": 0, "momentum": 0.9, "keep": "best", "validation": 0},
        "compare": [{"name": "a", "network": {"dropout": 1}}, {}, {"name": "a"}],
        "search": {
            "metric": "accuracy",
            "folds": {"n": 1},
            "space": {"training.epochs": [0], "network.dropout": [0, 0]},
        },
    }
    assert [line.split(": ")[0] for line in problems(tree)] == [
        "study.seed",
        "data.standardize",
        "network.hidden[0]",
        "training.lr",
        "compare[1].name",
        "search.folds.n",
        "data.train",
        "training.momentum",
        "training.keep",
        "compare[2].name",
        "search.metric",
        "compare[0].network.dropout",
        'search.space."training.epochs"[0]',
        'search.space."network.dropout"[1]',
    ]


def test_what_depends_on_a_mistake_is_not_reported() -> None:
    tree = {
        "study": {"task": "regresion"},
        "data": {"dataset": "x"},
        "network": {"hidden": [5, 0]},
        "training": {"optimizer": "sgdd", "momentum": 0.9, "loss": "cross-entropy"},
        "compare": [{"name": "a", "training": {"nesterov": True}}],
        "search": {
            "metric": "accuracy",
            "space": {"network.hidden[1]": [5, 6], "training.optimizer": ["sgd", "x"]},
        },
    }
    assert [line.split(": ")[0] for line in problems(tree)] == [
        "study.task",
        "network.hidden[1]",
        "training.optimizer",
        'search.space."training.optimizer"[1]',
    ]


def test_studies_built_in_python_are_checked_alike() -> None:
    study = Study.model_validate(
        {**BASE, "training": {"loss": "cross-entropy"}, "compare": [{"name": "winner"}]}
    )
    with pytest.raises(StudyError) as refusal:
        check_study(study)
    assert [problem.where for problem in refusal.value.problems] == ["training.loss", "compare[0].name"]
    check_study(Study.model_validate(BASE))


def test_python_values_that_no_file_can_hold() -> None:
    study = {"task": "regression", "name": "\ud800"}
    tree = {
        **BASE,
        "study": study,
        "compare": [{"name": "a", "training": {"step_every": None}}],
        "network": {"hidden": 3j},
    }
    assert problems(tree) == [
        "study.name: expected text in UTF-8, got '\\ud800'",
        "network.hidden: expected a list of whole numbers, got complex 3j",
        "compare[0].training.step_every: expected a value, got nothing",
    ]


def test_names_are_one_in_both_forms_of_unicode() -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    study = parse_study(
        {
            "study": {"task": "regression"},
            "data": {"train": "t.csv", "inputs": [composed], "target": "y", "categorical": [apart]},
            "compare": [{"name": composed}],
            "reference": [{"name": apart, "metric": "mse", "value": 1.0, "source": "a"}],
        }
    )
    assert study.data.categorical == (composed,)
    assert study.reference[0].name == composed


@pytest.mark.parametrize(
    ("data", "sentences"),
    [
        (
            {"missing": "refuse", "missing_marks": ["?"]},
            ['data.missing_marks: expected none with data.missing = "refuse"'],
        ),
        (
            {"missing_marks": [" "]},
            ["data.missing_marks: expected texts, got a blank one: an empty cell is missing anyway"],
        ),
        (
            {"inputs": ["a"], "ignore": ["b"], "keep": ["c"]},
            [
                f"data.{key}: expected nothing beside data.inputs, which names all inputs"
                for key in ("ignore", "keep")
            ],
        ),
        ({"ignore": ["b"], "keep": ["b"]}, ["data.keep: expected columns that are not ignored, got 'b'"]),
        ({"ignore": ["b", "b"]}, ["data.ignore: expected every column once, got 'b' 2 times"]),
        ({"rare_below": 0}, ["data.rare_below: expected a whole number of at least 1, got 0"]),
    ],
)
def test_what_is_left_out_and_what_is_missing_go_together(data: dict[str, Any], sentences: list[str]) -> None:
    tree = {"study": {"task": "regression"}, "data": {"train": "t.csv", "target": "y", **data}}
    assert problems(tree) == sentences


def test_marks_go_with_targets_that_are_left_out() -> None:
    data = {
        "train": "t.csv",
        "target": "y",
        "missing": "refuse",
        "missing_marks": ["?"],
        "missing_targets": "drop",
    }
    parse_study({"study": {"task": "regression"}, "data": data})
