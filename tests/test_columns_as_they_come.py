"""Dates, ordered categories, codes and gaps from a file to a report; new rows of every format get the same answers."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shoal
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.model import Model
from shoal.pipeline import run
from shoal.predict import predict_file
from shoal.results import Results
from studies import tiny_study

SIZES = ["s", "m", "l"]


def table(count: int = 90) -> pd.DataFrame:
    """Rows with a date, an order, a code, a truth value, an id and gaps."""
    draw = np.random.default_rng(4)
    when = pd.Timestamp("2021-05-01") + pd.to_timedelta(draw.integers(0, 90_000_000, count), "s")
    frame = pd.DataFrame(
        {
            "id": draw.permutation(5000)[:count],
            "when": pd.Series(when.as_unit("us")).where(draw.random(count) > 0.1),
            "size": pd.Series(draw.choice(SIZES, count)).where(draw.random(count) > 0.1),
            "code": draw.choice(["01", "02", "7"], count),
            "ok": draw.random(count) > 0.5,
            "x": np.where(draw.random(count) > 0.1, draw.normal(size=count), np.nan),
        }
    )
    frame["y"] = frame["x"].fillna(0) + frame["ok"] + draw.normal(0, 0.1, count)
    return frame


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, dots: None) -> Results:
    folder = tmp_path_factory.mktemp("columns")
    table().to_csv(folder / "t.csv", index=False)
    data = {
        "dataset": None,
        "train": str(folder / "t.csv"),
        "target": "y",
        "standardize": "inputs",
        "columns": {"size": {"kind": "ordered", "order": SIZES}},
    }
    study = tiny_study(data=data, search=None, compare=[], training={"epochs": 2})
    return run(study, out=folder / "run", workers=1)


def test_all_of_it_is_trained_and_said(results: Results) -> None:
    assert results.missing == ()
    assert results.dates == ("when",)
    assert results.categorical == ("size", "code")
    said = dict(note.split(": ", 1) for note in results.data_notes)
    assert said['column "id"'] == 'left out, being an id (data.keep = ["id"] brings it back)'
    assert said['column "when"'].startswith("dates from 2021-05-28T23:58:16 to ")
    assert said['column "size"'].startswith("3 ordered categories")
    assert said['column "code"'].startswith("numbers with zeros before them (0")
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    assert "inputs that are dates" in page
    model = shoal.load(results.folder)
    assert model.preprocessing.input_names == (
        "when", "when month sin", "when month cos", "when weekday sin", "when weekday cos", "when hour sin",
        "when hour cos", "when is missing", "size", "size is missing", "code=01", "code=02", "code=7", "ok", "x",
        "x is missing",
    )  # fmt: skip
    assert Model.from_bytes(model.to_bytes()).preprocessing == model.preprocessing


def test_predictions_of_test_rows_are_those_of_the_run(results: Results) -> None:
    frame, truth = table(), results.truth
    fit = next(entry.fit_id for entry in results.plan if entry.stage == "refit")
    places = [int(np.flatnonzero(frame["y"] == target)[0]) for target in truth.y[truth.train_rows :, 0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            shoal.load(results.folder).predict(frame.iloc[places]).tobytes()
            == results.test_predictions(fit).tobytes()
        )


def test_dates_far_outside_of_training_are_noted(results: Results) -> None:
    model = shoal.load(results.folder)
    new = {"when": ["2051-01-01"], "size": ["s"], "code": ["01"], "ok": [1], "x": [0.0]}
    assert list(model.unknown(model.inputs(new))) == [
        'column "when": 1 of 1 row outside of the training rows\' range, 2021-05-28T23:58:16 to 2024-02-11T22:05:33, by'
        " more than its length, such as 2051-01-01"
    ]


def test_exported_networks_answer_alike(results: Results, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model, frame = shoal.load(results.folder), table()
    columns = model.inputs(frame)
    assert not isinstance(columns, np.ndarray)
    expected = model.answer(columns)
    export_onnx(results.folder, tmp_path / "network.onnx")
    (answers,) = run_onnx((tmp_path / "network.onnx").read_bytes(), graph_feed(list(columns)))
    np.testing.assert_allclose(answers, expected, atol=1e-6)
    export_torch(results.folder, tmp_path / "network.safetensors")
    spec = importlib.util.spec_from_file_location("network", tmp_path / "network.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    given = {column.name: column.values.tolist() for column in columns}
    torch_answers = module.answers(module.build()(module.prepare(given))).detach().numpy()
    np.testing.assert_allclose(torch_answers, expected, atol=1e-6)


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "when": st.none() | st.datetimes(pd.Timestamp("1980-01-01"), pd.Timestamp("2100-01-01")),
    "size": st.sampled_from([*SIZES, "huge", None]),
    "code": st.sampled_from(["01", "02", "7", "99", None]),
    "ok": st.booleans(),
    "x": st.none() | st.floats(-1e6, 1e6) | st.integers(-9, 9).map(float),
}


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=4),
    order=st.permutations([*CELLS, "extra"]),
    written=st.sampled_from([int, float, str, bool]),
)
def test_new_rows_get_the_same_answers_from_every_format(
    results: Results,
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, Any]],
    order: list[str],
    written: Any,
) -> None:
    """Missing, unseen, reordered and differently typed: a truth value as 1, 1.0, true or True."""
    for row in rows[:1]:  # a column of one known value at least, since none known at all is refused
        row.update(
            size=row["size"] if row["size"] in SIZES else "s",
            code=row["code"] if row["code"] in ("01", "02") else "7",
        )
    model, folder = shoal.load(results.folder), tmp_path_factory.mktemp("new")
    frame = pd.DataFrame(rows).assign(extra="e", ok=[written(row["ok"]) for row in rows])
    frame = frame.astype({"when": "datetime64[us]", "x": "float64"})[order]
    frame.to_csv(folder / "n.csv", index=False)
    frame.to_parquet(folder / "n.parquet")
    polars = pl.DataFrame({name: [row.get(name, "e") for row in rows] for name in order}, schema_overrides={
        "when": pl.Datetime("us"), "x": pl.Float64, "size": pl.String, "code": pl.String})  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = model.predict(frame)
        assert np.isfinite(expected).all()
        assert model.predict(polars).tobytes() == expected.tobytes()
        assert model.predict({name: frame[name].tolist() for name in order}).tobytes() == expected.tobytes()
    for file in ("n.csv", "n.parquet"):
        predicted = predict_file(results.folder, folder / file)
        assert np.array(predicted.columns[1]).tobytes() == expected[:, 0].tobytes()
