"""Rows with missing cells, from a file to a report: run, predicted, exported; nothing of them is dropped unseen."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from dots import dots_but
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.look._figure import Chapter
from shoal.look.figures import figures_of
from shoal.model import Model
from shoal.pipeline import run
from shoal.predict import predict_file
from shoal.results import Results
from studies import tiny_study

pytestmark = pytest.mark.usefixtures("dots")
OF_INPUTS = [figure.name for chapter in (Chapter.TESTED, Chapter.INSIDE) for figure in figures_of(chapter)]
"""Figures that may show inputs: these are drawn, the others have none of what may be missing."""


def written(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "t.csv"
    frame.to_csv(path, index=False)
    return path


def ran(folder: Path, frame: pd.DataFrame, folds: Any = 3, **data: Any) -> Results:
    study = tiny_study(
        search={"folds": folds},
        data={
            "dataset": None,
            "train": str(written(folder, frame)),
            "target": "y",
            "standardize": "inputs",
            **data,
        },
    )
    return run(study, out=folder / "run", workers=1)


def rows(columns: int, count: int = 90) -> pd.DataFrame:
    draw = np.random.default_rng(5)
    frame = pd.DataFrame(draw.normal(size=(count, columns)), columns=[f"x{d}" for d in range(columns)])
    frame["y"] = frame.sum(axis=1) + draw.normal(0, 0.1, count)
    for d in range(columns):
        frame.loc[draw.random(count) < 0.25, f"x{d}"] = np.nan
    return frame


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Results]:
    frame, draw = rows(3), np.random.default_rng(6)
    frame["x2"] = frame["x2"].fillna(0.5)
    frame.insert(1, "kind", draw.choice(["a", "b", "NA", ""], len(frame)))
    frame.insert(0, "full", draw.choice(["p", "q"], len(frame)))
    data = {"categorical": ["kind", "full"], "missing_marks": ["?"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.look._gallery.png", dots_but(*OF_INPUTS))
        return frame, ran(tmp_path_factory.mktemp("mixed"), frame, **data)


def test_the_whole_run_is_made_and_says_what_is_missing(mixed: tuple[pd.DataFrame, Results]) -> None:
    _, results = mixed
    assert results.missing == ()
    said = [note.partition(" missing; ")[2] for note in results.data_notes]
    assert said == [
        "each fit puts the median of its training rows there, and an input says where",
        "a category of their own",
        "each fit puts the median of its training rows there, and an input says where",
    ]
    assert [note.partition(":")[0] for note in results.data_notes] == [
        f'column "{n}"' for n in ("x0", "kind", "x1")
    ]
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    assert "a category of their own" in page


def test_the_network_has_an_input_for_what_is_missing(mixed: tuple[pd.DataFrame, Results]) -> None:
    model = shoal.load(mixed[1].folder)
    assert model.preprocessing.input_names == (
        "full=p", "full=q", "x0", "x0 is missing", "kind=a", "kind=b", "kind is missing", "x1", "x1 is missing", "x2",
    )  # fmt: skip
    assert model.preprocessing.missing_marks == ("?",)
    assert Model.from_bytes(model.to_bytes()).preprocessing == model.preprocessing


def test_predictions_of_test_rows_are_those_of_the_run(mixed: tuple[pd.DataFrame, Results]) -> None:
    frame, results = mixed
    truth = results.truth
    fit = next(entry.fit_id for entry in results.plan if entry.stage == "refit")
    stored = results.test_predictions(fit)
    targets = truth.y[truth.train_rows :, 0]
    places = [int(np.flatnonzero(frame["y"].to_numpy() == target)[0]) for target in targets]
    model = shoal.load(results.folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(frame.iloc[places]).tobytes() == stored.tobytes()


def test_predict_says_what_training_did_not_know(mixed: tuple[pd.DataFrame, Results], tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("full,x0,kind,x1,x2\np,,a,?,1\n,1,NA,1,null\nq,1,?,1,2\n", encoding="utf-8")
    predicted = predict_file(mixed[1].folder, new)
    assert [note for note in predicted.notes if "missing" in note] == [
        'column "full": 1 missing cell, which no training row had, read as none of its categories',
        'column "x2": 1 missing cell, which no training row had, read as their median, 0.277042',
    ]
    assert all(np.isfinite(column).all() for column in predicted.columns[1:])


def exported(folder: Path, out: Path) -> ModuleType:
    export_torch(folder, out / "network.safetensors")
    spec = importlib.util.spec_from_file_location("network", out / "network.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_exported_networks_answer_rows_with_missing_cells_alike(
    mixed: tuple[pd.DataFrame, Results], tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    frame, results = mixed
    model = shoal.load(results.folder)
    export_onnx(results.folder, tmp_path / "network.onnx")
    columns = model.inputs(frame)
    assert not isinstance(columns, np.ndarray)
    expected = model.answer(columns)
    (answers,) = run_onnx((tmp_path / "network.onnx").read_bytes(), graph_feed(list(columns)))
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    module = exported(results.folder, tmp_path)
    given = {name: frame[name].replace("NA", "").tolist() for name in model.input_names}
    torch_answers = module.answers(module.build()(module.prepare(given))).detach().numpy()
    np.testing.assert_allclose(torch_answers, expected, atol=1e-5)


@pytest.mark.parametrize("columns", [1, 2])
def test_numbers_alone_are_drawn_looked_into_and_exported(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look._gallery.png", dots_but(*OF_INPUTS))
    frame = rows(columns)
    results = ran(tmp_path, frame)
    assert results.missing == ()
    assert np.isnan(results.truth.x_ND).any()
    model = shoal.load(results.folder)
    assert len(model.preprocessing.input_names) == 2 * columns
    export_onnx(results.folder, tmp_path / "network.onnx")
    module = exported(results.folder, tmp_path)
    given = {name: frame[name].tolist() for name in model.input_names}
    torch_answers = module.answers(module.build()(module.prepare(given))).detach().numpy()
    np.testing.assert_allclose(torch_answers, model.predict(frame), atol=1e-5)


@pytest.mark.usefixtures("no_report")
def test_a_fold_that_knows_nothing_of_a_column_trains_without_it(tmp_path: Path) -> None:
    frame = rows(2, 60)
    frame["fold"] = np.arange(60) % 2
    frame.loc[frame["fold"] == 0, "x1"] = np.nan
    results = ran(tmp_path, frame, {"kind": "given", "column": "fold"})
    assert set(results.fits["status"]) == {"ok"}
    first = {entry.fold: entry.fit_id for entry in results.plan if entry.stage == "search"}
    widths = {fold: results.parameters(fit)["hidden1.weight"].shape[1] for fold, fit in first.items()}
    assert widths == {0: 4, 1: 2}


@pytest.mark.usefixtures("no_report")
def test_complete_rows_have_the_digest_that_they_have_when_nothing_may_be_missing(tmp_path: Path) -> None:
    digests = []
    for missing in ("impute", "refuse"):
        folder = tmp_path / missing
        folder.mkdir()
        frame = rows(2).dropna()
        digests.append(ran(folder, frame, missing=missing).digest)
    assert digests[0] == digests[1]


def test_categories_that_were_found_are_told_apart_from_numbers_ever_after(tmp_path: Path) -> None:
    frame = rows(1).fillna(0.0)
    frame["kind"] = np.random.default_rng(1).choice(["a", "b", "c"], len(frame))
    results = ran(tmp_path, frame)
    assert results.missing == ()
    assert results.categorical == ("kind",)
    assert results.truth.input_names == ("x0",)
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    assert "categorical inputs" in page
    assert "2 inputs" in page
    assert not list((results.folder / "figures").glob("*fitted*"))  # no curve over one of two inputs
    model = shoal.load(results.folder)
    assert model.categories == {"kind": ("a", "b", "c")}
    assert np.isfinite(model.predict({"x0": [1.0], "kind": ["b"]})).all()


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("rare", [["a", "b", "c"], ["c"]])
def test_rare_categories_are_exported_alike(rare: list[str], tmp_path: Path) -> None:
    frame = rows(1)
    kinds = ["a"] * 40 + ["b"] * 40 + ["c"] * 4 + [""] * 6
    frame["kind"] = np.random.default_rng(2).permutation(kinds)
    results = ran(tmp_path, frame, rare_below=60 if len(rare) > 1 else 10)
    model = shoal.load(results.folder)
    assert list(model.preprocessing.columns[1].to_json()["pooled"]) == rare
    export_onnx(results.folder, tmp_path / "network.onnx")
    module = exported(results.folder, tmp_path)
    asked = pd.concat([frame, frame.assign(kind="unseen").head(3)])
    given = {name: asked[name].tolist() for name in model.input_names}
    torch_answers = module.answers(module.build()(module.prepare(given))).detach().numpy()
    columns = model.inputs(asked)
    np.testing.assert_allclose(torch_answers, model.answer(columns), atol=1e-5)
