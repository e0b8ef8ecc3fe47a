"""A study that transforms its targets: learned in other units, scored, kept, predicted and exported in their own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from dots import end_with_the_model
from shoal.errors import StudyError
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.planning import plan
from shoal.predict import predict_file
from shoal.results import Results
from shoal.study import Study, parse_study
from studies import tiny_study

KINDS = ["log", "log1p", "yeo-johnson"]


def prices(rows: int = 72) -> pd.DataFrame:
    random = np.random.default_rng(8)
    size = random.normal(3, 1, rows)
    price = np.exp(size + random.normal(0, 0.3, rows)) * 1000
    return pd.DataFrame(
        {"size": size, "age": random.normal(0, 1, rows), "price": price, "rent": price**0.5 + 1}
    )


def study(folder: Path, kind: str, *, searched: bool = True) -> Study:
    prices().to_csv(folder / "t.csv", index=False)
    data = {
        "dataset": None,
        "train": str(folder / "t.csv"),
        "target": ["price", "rent"],
        "standardize": "both",
    }
    search = {"folds": 2, "space": {"network.hidden[0]": [4, 5]}}
    asked: dict[str, Any] = {"search": search, "nested": {"folds": 2}} if searched else {"search": None}
    data["target_transform"] = kind
    return tiny_study(data=data, compare=None, training={"epochs": 25}, **asked)


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch, simple_models=True)
        yield


@pytest.fixture(scope="module", params=KINDS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("transformed")
    return shoal.run(study(folder, request.param), out=folder / "run", workers=1)


def scores(true: Any, predicted: Any) -> tuple[float, float]:
    squares = ((true - predicted) ** 2).sum(axis=0)
    return float(squares.sum() / true.size), float(
        (1 - squares / ((true - true.mean(axis=0)) ** 2).sum(axis=0)).mean()
    )


def test_scores_are_in_the_units_of_the_targets(run: Results) -> None:
    frame = prices()
    for stage, rows in (("refit", "test"), ("search", "validation"), ("nested", "validation")):
        stored = run.predictions_of(stage)
        for fit_id, part in stored[stored["rows"] == rows].groupby("fit_id"):
            by_target = part.pivot(index="row", columns="target", values=["true", "predicted"])
            true, predicted = by_target["true"].to_numpy(), by_target["predicted"].to_numpy()
            assert set(by_target["true"]["price"]) <= set(frame["price"])
            mse, r2 = scores(true, predicted)
            record = run.summaries[str(fit_id)].scores[rows]
            assert record["mse"] == pytest.approx(mse)
            assert record["r2"] == pytest.approx(r2)
            assert (predicted > 0).all()
    assert run.refit["test_r2"].iloc[0] > 0  # the network learned, in whatever units


def test_the_model_file_answers_in_own_units_and_so_do_its_exports(run: Results, tmp_path: Path) -> None:
    frame, model = prices(), shoal.load(run.folder)
    stored = (
        run.predictions_of("refit")
        .query("repeat == 0")
        .pivot(index="row", columns="target", values="predicted")
    )
    test = model.predict(pd.DataFrame(dict(zip(run.truth.input_names, run.truth.x_ND.T, strict=True))))
    assert test[run.truth.train_rows :].tobytes() == np.ascontiguousarray(stored[["price", "rent"]]).tobytes()
    expected = model.predict(frame)
    export_onnx(run.folder, tmp_path / "network.onnx")
    feed = graph_feed(list(model.inputs(frame)))
    (answers,) = run_onnx((tmp_path / "network.onnx").read_bytes(), feed)
    np.testing.assert_allclose(answers, expected, rtol=1e-5)
    far = pd.DataFrame({"size": [1e30, -1e30], "age": [1e30, 1e30]})
    (strange,) = run_onnx((tmp_path / "network.onnx").read_bytes(), graph_feed(list(model.inputs(far))))
    np.testing.assert_allclose(strange, model.answer(model.inputs(far)), rtol=1e-5)
    export_torch(run.folder, tmp_path / "network.safetensors")
    spec = importlib.util.spec_from_file_location("network", tmp_path / "network.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for rows, wanted in ((frame, expected), (far, strange)):
        torch_answers = module.answers(module.build()(module.prepare(rows))).detach().numpy()
        np.testing.assert_allclose(torch_answers, wanted, rtol=1e-5)


def test_intervals_ensemble_and_simple_models_are_in_own_units(run: Results) -> None:
    frame, model = prices(), shoal.load(run.folder)
    lowest, highest = frame["price"].min(), frame["price"].max()
    ends = model.predict_interval(frame)[:, 0]
    assert (ends[:, 0] <= ends[:, 1]).all()
    assert np.mean((ends[:, 0] <= frame["price"]) & (frame["price"] <= ends[:, 1])) > 0.7
    predicted = predict_file(run.folder, run.folder.parent / "t.csv")
    means = np.array(predicted.columns[predicted.names.index("ensemble_mean_price")])
    assert lowest / 2 < np.median(means) < highest
    baselines = {baseline.name: baseline for baseline in run.baselines}
    assert {"linear", "trees"} <= set(baselines)
    true = run.truth.y[run.truth.train_rows :]
    for name in ("linear", "trees"):
        assert (baselines[name].answers_VK > 0).all()
        assert scores(true, baselines[name].answers_VK)[1] > 0


def test_a_run_goes_on_and_another_transform_is_another_fit(run: Results) -> None:
    kind = run.study.data.target_transform
    again = shoal.run(study(run.folder.parent, kind), out=run.folder, workers=1)
    assert again.digest == run.digest
    assert again.fits.equals(run.fits)
    known = {name: plan(study(run.folder.parent, name), out=run.folder).known for name in KINDS}
    assert known == {name: len(run.plan) if name == kind else 0 for name in KINDS}


def test_both_trainers_learn_the_same(tmp_path: Path) -> None:
    asked = study(tmp_path, "yeo-johnson", searched=False)
    answers = []
    for trainer in ("native", "torch"):
        results = shoal.run(asked, out=tmp_path / trainer, workers=1, trainer=trainer)
        answers.append(results.predictions_of("refit")["predicted"].to_numpy())
    np.testing.assert_allclose(*answers, rtol=1e-3)


def test_what_networks_learn_is_said(run: Results) -> None:
    words = {
        "log": "logarithms of targets",
        "log1p": "logarithms of 1 + targets",
        "yeo-johnson": "Yeo-Johnson targets",
    }
    kind = run.study.data.target_transform
    assert run.data_notes[-1] == (
        f'networks learn {words[kind]} (data.target_transform = "{kind}"); predictions and scores are in the'
        " targets' own units, at most 10 ranges of the training rows' targets beyond these"
    )


def test_classes_are_not_transformed() -> None:
    with pytest.raises(StudyError) as refusal:
        parse_study(
            {"study": {"task": "classification"}, "data": {"dataset": "digits", "target_transform": "log"}}
        )
    assert str(refusal.value) == (
        'data.target_transform: expected "none" with study.task = "classification", got "log"'
    )
