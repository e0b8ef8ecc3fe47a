"""Arrays (N, C, T) as data: series where the study says so, the same columns whatever holds them, never by a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shoal
from shoal.data import columns_of_array, given_columns, read_columns, read_table, series_shape
from shoal.data._array_columns import array_names
from shoal.engine import Planner, Trainers, load_data
from shoal.errors import InputError
from shoal.predict import predict_file
from shoal.request import request_of
from shoal.results import Results
from shoal.study import Study, parse_study

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3, 8))
X[:, 1, 2] = 0.5  # a column of one value is left in its place
Y = X[:, 2].max(axis=1)
KINDS = np.array(["low", "high"])[(np.median(Y) < Y).astype(int)]
CONV = [{"channels": 2, "kernel": 3, "padding": 1}]

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("s.npz", x=X, y=Y, kind=KINDS, both=np.stack([Y > 1, Y > 2], 1), other=Y)
    np.savez("flat.npz", x=X.reshape(40, -1), y=Y)
    np.savez("short.npz", x=X[:, :, :7], y=Y)
    np.savez("tiny.npz", a=Y, y=Y)


def study(task: str = "regression", target: Any = "y", **sections: Any) -> Study:
    data = {"train": "s.npz", "series": "x", "target": target, **sections.pop("data", {})}
    network = {"kind": "cnn", "conv": CONV, "hidden": [], **sections.pop("network", {})}
    return parse_study(
        {
            "study": {"name": "series", "task": task},
            "data": {key: value for key, value in data.items() if value is not None},
            "network": network,
            "training": {"epochs": 2},
            "checks": {"baselines": False},
            "inspect": {"importance": 0},
            **sections,
        }
    )


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (["x[0,0]", "x[0,1]", "x[0,2]"], (1, 3)),
        (["é[0,0]", "é[1,0]"], (2, 1)),
        (["x[0]", "x[1]"], None),
        (["x[0,1]", "x[0,0]"], None),
        (["x[0,0]", "x[1,1]"], None),
        (["x[0,0]", "y[0,1]"], None),
        (["x[0,0]", "x[0,1]", "x is missing"], None),
        ([], None),
    ],
)
def test_names_of_columns_say_how_many_series_they_are(
    names: list[str], shape: tuple[int, int] | None
) -> None:
    assert series_shape(names) == shape
    found = columns_of_array(names[0][0], [*names, "target"]) if names else None
    assert (found == tuple(names)) == (shape is not None or names == ["x[0]", "x[1]"])


@pytest.mark.parametrize(
    ("task", "target", "dtype"),
    [
        ("regression", "y", np.float64),
        ("classification", "kind", np.uint8),
        ("multilabel", ["both[0]", "both[1]"], np.float32),
    ],
)
def test_every_task_of_tables_takes_them_and_memory_is_a_file(task: str, target: Any, dtype: Any) -> None:
    x = (X * 20 + 100).astype(dtype)
    arrays = {"y": Y, "kind": KINDS, "both": np.stack([Y > 1, Y > 2], 1)}
    np.savez("s.npz", x=x, **arrays)
    asked = study(task, target)
    dataset = load_data(asked)
    assert [column.name for column in dataset.columns[:2]] == ["x[0,0]", "x[0,1]"]
    np.testing.assert_array_equal(np.stack([c.values for c in dataset.columns], 1)[:32].shape, (32, 24))
    assert sorted(map(tuple, np.stack([c.values for c in dataset.columns], 1))) == sorted(
        map(tuple, x.reshape(40, 24).astype(float))
    )
    own = arrays["kind" if task == "classification" else "both" if task == "multilabel" else "y"]
    request = request_of(asked, {"train": (x, own), "target": target})
    assert load_data(request.study, request.in_memory).train_fingerprint == dataset.train_fingerprint


def test_convolutions_are_those_of_the_same_columns_side_by_side() -> None:
    """The array says how many series there are; else the network does, of a table. Numbers are the same."""
    flat = study(data={"train": "flat.npz", "series": None}, network={"series": 3})
    planners = [Planner(asked, load_data(asked), Trainers().choose) for asked in (study(), flat)]
    first, second = (planner.likely_winner[-1].fit.job.architecture for planner in planners)
    assert first == second
    assert first.series is not None
    assert first.series.gives == (3, 1, 8)
    assert first.input_shape == (24,)
    dense = study(network={"kind": "mlp", "conv": [], "hidden": [4]})
    planner = Planner(dense, load_data(dense), Trainers().choose)
    assert planner.likely_winner[-1].fit.job.architecture.input_shape == (24,)
    scores = []
    for asked in (study(), flat):
        shoal.run(asked, out=asked.data.train + "-run", workers=1)
        scores.append(Results.open(Path(asked.data.train + "-run")).refit["test_mse"].tolist())
    assert scores[0] == scores[1]
    model = shoal.load("s.npz-run")
    np.testing.assert_array_equal(model.predict(X), shoal.load("flat.npz-run").predict(X.reshape(40, 24)))
    np.testing.assert_array_equal(model.predict(X), model.predict(X.reshape(40, 24)))
    np.savez("new.npz", x=X[:5])
    predicted = dict(zip(*_columns(predict_file(Path("s.npz-run"), Path("new.npz"))), strict=True))
    np.testing.assert_array_equal(predicted["predicted_y"], model.predict(X[:5])[:, 0])
    np.savez("new.npz", x=X[:5, :2])
    with pytest.raises(InputError) as caught:
        predict_file(Path("s.npz-run"), Path("new.npz"))
    assert str(caught.value) == 'new.npz: expected series "x" of shape (N, 3, 8), got "x" of shape (N, 2, 8)'
    with pytest.raises(InputError) as caught:
        model.predict(X[:, :2])
    shapes = "x: expected numbers of shape (N, 24) or (N, 3, 8), got float64 of shape (40, 2, 8)"
    assert str(caught.value) == shapes


def _columns(predictions: Any) -> tuple[Any, Any]:
    return predictions.names, predictions.columns


def test_a_study_is_drafted_for_series_in_memory_and_keeps_every_column() -> None:
    request = request_of((X, Y), {"data": {"series": "x"}, "network": {"kind": "cnn", "conv": CONV}})
    assert len(load_data(request.study, request.in_memory).columns) == 24
    assert not any("left out" in note for note in request.notes)


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        (
            {"data": {"series": "z"}},
            'data.series: expected the name of an array of 2 to 3 dimensions in s.npz ("x" of shape (N, 3, 8), "both"'
            ' of shape (N, 2)), got "z"',
        ),
        (
            {"data": {"series": "other"}},
            'data.series: expected the name of an array of 2 to 3 dimensions in s.npz ("x" of shape (N, 3, 8), "both"'
            ' of shape (N, 2)), got "other"; did you mean "both"?',
        ),
        (
            {"data": {"ignore": ["x[0,0]"]}},
            "data.ignore: `series` names all inputs: expected no `ignore` beside it, got some",
        ),
        (
            {"data": {"inputs": ["x[0,0]"]}},
            "data.inputs: `series` names all inputs: expected no `inputs` beside it, got some",
        ),
        (
            {"data": {"train": None, "target": None, "dataset": "two-peaks"}},
            "data.series: expected nothing for a built-in data set, without columns to choose from",
        ),
        (
            {"network": {"series": 2}},
            "network.series: expected 3, the series of the array of the inputs, got 2",
        ),
        (
            {"network": {"series": 1}},
            "network.series: expected 3, the series of the array of the inputs, got 1",
        ),
        (
            {"data": {"train": "tiny.npz", "series": "z"}},
            'data.series: expected the name of an array of 2 to 3 dimensions in tiny.npz (none, only columns "a", "y"),'
            ' got "z"',
        ),
        (
            {"data": {"test": "short.npz"}},
            'data.test: short.npz: expected series "x" of shape (N, 3, 8), got "x" of shape (N, 3, 7), unlike s.npz',
        ),
        (
            {"data": {"series": None, "target": None}},
            "study.task: expected classification for images, got regression; data.series names an array (N, C, T) that"
            " is series",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(sections: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        shoal.plan(study(**sections))
    assert str(caught.value) == sentence


def test_arrays_of_three_dimensions_are_images_unless_they_are_named_and_that_is_said() -> None:
    doubtful = study("classification", None, data={"series": None})
    np.savez("s.npz", x=X, y=KINDS)
    with pytest.raises(InputError) as caught:
        shoal.plan(doubtful)
    assert str(caught.value).endswith('(float64); data.series = "x" takes (N, C, T) as series')
    pixels = (20 * X + 100).astype(np.uint8)
    said = 'array "x" read as images of 8 x 3 pixels; data.series = "x" takes (N, C, T) as series'
    np.savez("s.npz", x=pixels, y=KINDS)
    dataset = load_data(doubtful)
    assert dataset.image_shape == (1, 3, 8)
    assert dataset.notes == (f"s.npz: {said}",)
    request = request_of(doubtful, {"train": (pixels, KINDS)})
    assert load_data(request.study, request.in_memory).notes == (f"train: {said}",)
    for named, size in (("images", 8), ("x", 3)):
        square = {named: pixels[:, :, :size]}
        np.savez("s.npz", **square, **{"labels" if named == "images" else "y": KINDS})
        assert load_data(doubtful).notes == ()


@pytest.mark.parametrize(
    ("asked", "array", "shape"),
    [
        ((3, 5), "x", (2, 5)),
        ((3, 5), "x", (3, 4)),
        ((3, 5), "x", (5, 3)),
        ((3, 5), "x", (1, 15)),
        ((3, 5), "x", (14,)),
        ((3, 5), "waves", (3, 5)),
        ((15,), "x", (3, 5)),
        ((15,), "x", (15, 1)),
    ],
)
def test_other_series_are_said_once_and_not_column_by_column(
    tmp_path: Path, asked: tuple[int, ...], array: str, shape: tuple[int, ...]
) -> None:
    file = tmp_path / "new.npz"
    np.savez(file, **{array: np.zeros((4, *shape))})
    with pytest.raises(InputError) as caught:
        read_columns(file, array_names("x", asked))
    expected, got = (", ".join(map(str, ("N", *sides))) for sides in (asked, shape))
    noun = "an array" if len(asked) == 1 else "series"
    assert (
        str(caught.value)
        == f'{file}: expected {noun} "x" of shape ({expected}), got "{array}" of shape ({got})'
    )


@given(st.integers(1, 4), st.integers(1, 6), st.data())
def test_arrays_of_the_same_values_are_read_as_they_are_asked_for(
    series: int, length: int, data: Any
) -> None:
    """Flat for series, and with an axis of 1 for flat: whatever the form, the columns are the same."""
    x = RNG.normal(size=(3, series, length))
    asked = data.draw(st.sampled_from([(series, length), (series * length,)]))
    flat = x.reshape(3, -1)
    forms = [flat, x if len(asked) == 2 else flat[:, None]]
    names = array_names("x", asked)
    for form in forms:
        np.savez("form.npz", x=form, unused=form[:, :1])
        table = read_table("form.npz", names)
        read = np.stack([column.values for column in read_columns(table, names)], 1)
        np.testing.assert_array_equal(read, flat)
        np.testing.assert_array_equal(
            np.stack([column.values for column in given_columns(form, names)], 1), flat
        )


def test_a_test_file_and_new_rows_may_have_the_shape_of_the_same_values() -> None:
    np.savez("one.npz", x=X[:, 2], y=Y)
    np.savez("more.npz", x=X[:7, 2:], y=Y[:7])
    asked = study(data={"train": "one.npz", "test": "more.npz"})
    dataset = load_data(asked)
    assert (dataset.train_rows, dataset.rows) == (40, 47)
    shoal.run(asked, out="run", workers=1)
    model = shoal.load("run")
    answers = model.predict(X[:7, 2])
    np.testing.assert_array_equal(model.predict(X[:7, 2:]), answers)
    predicted = dict(zip(*_columns(predict_file(Path("run"), Path("more.npz"))), strict=True))
    np.testing.assert_array_equal(predicted["predicted_y"], answers[:, 0])
    with pytest.raises(InputError) as caught:
        model.predict(X[:7])
    shapes = "x: expected numbers of shape (N, 8) or (N, 1, 8), got float64 of shape (7, 3, 8)"
    assert str(caught.value) == shapes
    # What training refuses is not made up either.
    holes = X[:7, 2].copy()
    holes[3, 4:6] = holes[5, 0] = np.nan
    np.savez("holes.npz", x=holes)
    said = (
        "x: expected series without missing values, got 3 missing values in 2 of 7 rows, the first in row 4"
    )
    for place, call in (
        ("x", lambda: model.predict(holes)),
        ("holes.npz", lambda: predict_file(Path("run"), Path("holes.npz"))),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert str(caught.value) == said.replace("x", place, 1)
    marked = predict_file(Path("run"), Path("holes.npz"), mark_missing=True)
    notes = dict(zip(*_columns(marked), strict=True))["note"]
    assert [place for place, note in enumerate(notes) if note] == [3, 5]
    assert notes[3] == 'missing: "x[4]", "x[5]"'
