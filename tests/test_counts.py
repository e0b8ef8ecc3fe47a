"""A study of counts: the network gives the logarithm of the rate, and answers are rates wherever they are asked for."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.data import Preprocessing
from shoal.engine import Trainers
from shoal.errors import DataError, ModelFileError, StudyError
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.look._evidence import fits_of_shares, judged_fits
from shoal.look._losses import loss_words
from shoal.look._measures import score_words
from shoal.look.page.tables import settings_table
from shoal.model import Model
from shoal.predict import ensemble, predict_file
from shoal.results import Results, Truth
from shoal.study import Training, parse_study

pytestmark = pytest.mark.usefixtures("dots")


def counts(rows: int = 90) -> pd.DataFrame:
    random = np.random.default_rng(5)
    a, b = random.normal(size=(2, rows))
    return pd.DataFrame({"a": a, "b": b, "visits": random.poisson(np.exp(1.5 + a - 0.5 * b))})


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return shoal.run(
        counts(),
        target="visits",
        out=tmp_path_factory.mktemp("counts") / "run",
        workers=1,
        network={"hidden": [6]},
        training={"loss": "poisson", "epochs": 40, "lr": 0.02},
        data={"standardize": "both"},
        search={"folds": 2, "space": {"training.loss": ["poisson", "mse"]}},
        compare=[{"name": "rates"}, {"name": "squares", "training": {"loss": "mse"}}],
    )


@pytest.fixture(scope="module")
def model(results: Results) -> Model:
    return shoal.load(results.folder)


def test_answers_are_exponentials_of_outputs_and_targets_are_not_scaled(model: Model) -> None:
    pytest.importorskip("torch")
    assert model.preprocessing.to_json()["targets"] == [
        {"name": "visits", "mean": 0.0, "scale": 1.0, "link": "exp"}
    ]
    rows = counts()[["a", "b"]]
    x = model.preprocessing.inputs(model.inputs(rows))
    outputs = (
        Trainers()
        .by_name["torch"]
        .outputs(model.architecture, model.architecture.flat(model.parameters)[0], np.zeros(0, np.float32), x)
    )
    np.testing.assert_allclose(model.predict(rows), np.exp(outputs.astype(np.float64)), rtol=1e-5)


def test_scores_and_the_choice_are_in_the_units_of_counts(results: Results) -> None:
    """Both losses are chosen among by the squared error of answers; curves are those of each loss."""
    tested = results.fits.query("stage == 'compare'").set_index("label")
    assert list(tested["test_loss"]) == list(tested["test_mse"])
    assert tested.loc["rates", "test_mse"] != tested.loc["squares", "test_mse"]
    text = (results.folder / "report.html").read_text(encoding="utf-8")
    assert "loss (Poisson negative log-likelihood)" in text
    assert "loss (mean squared error, standardised targets)" in text
    assert "loss (each network by its own)" in text
    assert "selection score (mean squared error, lower is better)" in text
    assert "Nelder, Wedderburn (1972)" in text


def test_a_loss_without_a_zero_has_no_shares_that_checks_speak_of(results: Results) -> None:
    assert judged_fits(results)
    assert fits_of_shares(results) == []


def test_settings_name_no_key_of_another_loss(results: Results) -> None:
    keys = settings_table(results).columns[0].cells
    assert "training.loss" in keys
    assert not {"training.huber_delta", "training.label_smoothing", "training.quantiles"} & set(keys)


def test_files_and_networks_of_folds_give_the_same_answers(results: Results, model: Model) -> None:
    rows = counts()[["a", "b"]]
    expected = model.predict(rows)
    assert np.array_equal(Model.from_bytes(model.to_bytes()).predict(rows), expected)
    members, why_not = ensemble(results, model)
    assert not why_not
    assert [member.preprocessing.link for member in members] == ["exp", "exp"]
    folder = results.folder.parent
    export_torch(results.folder, folder / "network.safetensors")
    spec = importlib.util.spec_from_file_location("network", folder / "network.py")
    assert spec is not None
    assert spec.loader is not None
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    answers = exported.answers(
        exported.build()(exported.prepare({name: rows[name].to_numpy() for name in rows}))
    )
    np.testing.assert_allclose(answers.detach().numpy(), expected, rtol=1e-5)


def test_onnx_has_the_exponential_in_it(results: Results, model: Model) -> None:
    pytest.importorskip("onnxruntime")
    path, rows = results.folder.parent / "network.onnx", counts()[["a", "b"]]
    assert "onnxruntime agrees within" in export_onnx(results.folder, path)
    answers = run_onnx(path.read_bytes(), graph_feed(list(model.inputs(rows))))[0]
    np.testing.assert_allclose(answers, model.predict(rows), rtol=1e-5)


def test_predictions_that_overflow_are_counted(model: Model, results: Results, tmp_path: Path) -> None:
    """Rows of which exp is infinite are said to have no prediction; others are answered as ever, without a word."""
    rows = counts()[["a", "b"]][:5]
    far = rows.copy()
    far.loc[[1, 3], "a"] = [1e30, -1e30]
    with pytest.warns(UserWarning, match="range|no finite prediction") as warned:
        answers = model.predict(far)
    lost = int((~np.isfinite(answers)).any(axis=1).sum())
    assert 0 < lost < 5
    why = "what the network answers is too large for floating-point numbers"
    what = f"no finite prediction for {lost} of 5 rows: {why}"
    assert [str(each.message) for each in warned][1:] == [what]
    assert {each.filename for each in warned} == {__file__}
    np.testing.assert_array_equal(answers[[0, 2, 4]], model.predict(rows)[[0, 2, 4]])
    far.to_csv(tmp_path / "far.csv", index=False)
    assert what in predict_file(results.folder, tmp_path / "far.csv").notes
    rows.to_csv(tmp_path / "near.csv", index=False)
    assert not predict_file(results.folder, tmp_path / "near.csv").notes


def test_estimators_say_it_too() -> None:
    table = counts()
    model = shoal.MLPRegressor((6,), loss="poisson", max_iter=20, learning_rate_init=0.02, random_state=0)
    model.fit(table[["a", "b"]].to_numpy(), table["visits"])
    with pytest.warns(UserWarning, match=r"^no finite prediction for [12] of 3 rows: ") as warned:
        answers = model.predict([[0.0, 0.0], [1e30, 0.0], [-1e30, 0.0]])
    assert not np.isfinite(answers).all()
    assert {each.filename for each in warned} == {__file__}


def rows_of(*classes: str) -> Truth:
    return Truth((), ("y",), classes, np.zeros((0, 0)), np.zeros(0), 0)


def test_a_loss_is_called_with_its_option_and_a_score_without() -> None:
    for training, words in (
        (Training(loss="huber", huber_delta=0.5), "Huber's loss, delta 0.5"),
        (Training(loss="mae", huber_delta=0.5), "mean absolute error"),
        (Training(), "mean squared error"),
    ):
        assert loss_words("regression", training, ()) == words
    smoothed = Training(label_smoothing=0.1)
    assert (
        loss_words("classification", smoothed, ("a", "b")) == "cross-entropy in nats, labels smoothed by 0.1"
    )
    assert score_words("loss", rows_of("a", "b"), smoothed) == "cross-entropy in nats"
    for loss, words in (("huber", "mean squared error"), ("quantile", "mean pinball loss")):
        assert score_words("loss", rows_of(), Training(loss=loss)) == words
    levels = Training(loss="quantile", quantiles=(0.25, 0.5))
    assert loss_words("regression", levels, ()) == "pinball loss, quantiles 0.25, 0.5"
    for weights, weighted in (({"a": 2.0, "b": 2.0}, False), ({"a": 2.0}, True), ({"a": 1.0}, False)):
        words = loss_words("classification", Training(class_weight=weights), ("a", "b"))
        assert words.endswith(", classes weighted in training") == weighted
    assert loss_words("multilabel", Training(class_weight={"a": 2.0, "b": 2.0}), ()).endswith(
        "labels weighted in training"
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "y", "mean": 0.0, "scale": 1.0, "link": "logit"},
        {"name": "y", "mean": 0.0, "scale": 1.0, "link": "softmax"},
        {"name": "y", "mean": 0.0, "scale": 1.0, "link": "identity"},
        {"name": "y", "mean": 0.0, "scale": 2.0, "link": "exp"},
    ],
    ids=json.dumps,
)
def test_a_file_of_another_link_is_refused(entry: dict[str, object]) -> None:
    described = {"inputs": [{"name": "x", "mean": 0.0, "scale": 1.0}], "targets": [entry], "channels": []}
    with pytest.raises(ModelFileError):
        Preprocessing.from_json(described)


def test_targets_of_two_links_do_not_go_together() -> None:
    entries = [
        {"name": "y", "mean": 0.0, "scale": 1.0, "link": "exp"},
        {"name": "z", "mean": 0.0, "scale": 1.0},
    ]
    described = {"inputs": [{"name": "x", "mean": 0.0, "scale": 1.0}], "targets": entries, "channels": []}
    assert list(Preprocessing.from_json(described).misfits()) == [
        "preprocessing: expected one link of all targets, got several"
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"training": {"loss": "poisson"}},
        {"compare": [{"name": "rates", "training": {"loss": "poisson"}}]},
        {"search": {"space": {"training.loss": ["mse", "poisson"]}}},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_a_count_below_zero_is_refused_wherever_the_loss_is_named(
    asked: dict[str, object], tmp_path: Path
) -> None:
    """Missing targets are another matter; fractions are taken."""
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "\n".join(f"{row},{row / 2 if row != 3 else -0.5}" for row in range(40)) + "\n")
    study = parse_study({
        "study": {"task": "regression"}, "data": {"train": str(path), "target": "y"}, **asked
    })  # fmt: skip
    with pytest.raises(DataError) as refused:
        shoal.plan(study)
    assert str(refused.value) == (
        f'{path}, column "y": expected targets of at least 0 for training.loss = "poisson", got -0.5 (line 5)'
    )


def test_a_transform_of_counts_is_refused_where_the_loss_is_named() -> None:
    data = {"train": "t.csv", "target": "y", "target_transform": "log1p"}
    said = 'loss poisson takes targets as they are: expected data.target_transform = "none", got "log1p"'
    for asked, place in (
        ({"training": {"loss": "poisson"}}, "training.loss"),
        ({"compare": [{"name": "a", "training": {"loss": "poisson"}}]}, "compare[0].training.loss"),
        ({"search": {"space": {"training.loss": ["mse", "poisson"]}}}, 'search.space."training.loss"[1]'),
    ):
        with pytest.raises(StudyError) as refused:
            parse_study({"study": {"task": "regression"}, "data": data, **asked})
        assert str(refused.value) == f"{place}: {said}"
