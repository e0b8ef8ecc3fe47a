"""Writing a study: complete, normalised, and read back to an equal study."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from drawn_studies import BASE, trees
from hypothesis import given

from shoal.errors import StudyError
from shoal.study import Comparison, Study, load_study, parse_study, passed_on, to_toml


@given(trees())
def test_a_study_read_back_is_equal(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]) -> None:
    study = parse_study(tree)
    file = tmp_path_factory.getbasetemp() / "written.toml"
    file.write_text(to_toml(study), encoding="utf-8")
    assert load_study(file) == study
    assert to_toml(load_study(file)) == to_toml(study)


def test_every_key_is_written_in_the_order_of_the_model() -> None:
    study = parse_study(
        {
            **BASE,
            "search": {"space": {"network.dropout": [0, 0.5]}},
            "network": {"kind": "cnn", "conv": [{"channels": 3}]},
        }
    )
    written = tomllib.loads(to_toml(study))
    assert list(written) == ["study", "data", "network", "training", "search", "inspect", "checks", "report"]
    for name in written:
        part = getattr(study, name)
        assert list(written[name]) == [key for key, value in part if value is not None]
    assert written["network"]["conv"] == [
        {"channels": 3, "kernel": 3, "stride": 1, "padding": 0, "dilation": 1, "groups": 1, "skip": 0}
    ]
    assert written["search"]["space"] == {"network.dropout": [0, 0.5]}


def test_keys_and_texts_are_escaped() -> None:
    column = 'a"\\\t\x7f\u2028é'
    study = parse_study({"study": {"task": "regression"}, "data": {"train": "/x.csv", "target": column}})
    text = to_toml(study)
    assert r'target = "a\"\\\t\u007f\u2028é"' in text
    assert tomllib.loads(text)["data"]["target"] == column


@pytest.mark.parametrize(
    ("value", "came"), [(float("inf"), "inf"), (float("nan"), "nan"), (3j, "complex 3j")]
)
def test_what_toml_cannot_hold_is_refused(value: Any, came: str) -> None:
    study = Study.model_validate(BASE).model_copy(
        update={"compare": (Comparison(name="a", training={"lr": value}),)}
    )
    with pytest.raises(StudyError) as refusal:
        to_toml(study)
    assert str(refusal.value) == f"expected a value that TOML can hold, got {came}"


@pytest.mark.parametrize(
    ("path", "name"),
    [("/home/anna/t.csv", "t.csv"), (r"C:\Users\anna\t.csv", "t.csv"), ("t.csv", "t.csv"), ("/a/b/", "")],
)
def test_a_study_that_is_passed_on_names_no_folder(path: str, name: str) -> None:
    tree = {"study": {"task": "regression"}, "data": {"train": path, "test": path, "target": "y"}}
    shown = passed_on(parse_study(tree)).data
    assert (shown.train, shown.test) == (name, name)
    told = parse_study({**tree, "report": {"paths": True}})
    assert passed_on(told) == told
