"""Studies of several labels, from the table to predictions, exports and report; what of a table is refused.

Letters: N rows, K labels.
"""

from __future__ import annotations

import html
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import shoal
from labels_cases import LABELS, study, table, written
from shoal.data import load_builtin
from shoal.engine import Planner, Trainers
from shoal.engine._row_weights import training_shares, training_weights
from shoal.errors import InputError, ModelFileError, StudyError
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.kinds import TASK_KINDS, TASKS
from shoal.look import results_text
from shoal.model import Model
from shoal.predict import predict_file
from shoal.results import Results
from shoal.study import Training, load_study


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, simple_models: None) -> Results:
    folder = tmp_path_factory.mktemp("labels")
    table().to_csv(folder / "tags.csv", index=False)
    return shoal.run(load_study(written(folder)), out=folder / "run", workers=1)


def held_out(results: Results) -> tuple[NDArray[Any], NDArray[Any]]:
    """Test labels and their probabilities, by the delivered network."""
    truth = results.truth
    return truth.y[truth.train_rows :], results.test_predictions(str(results.delivered_id))


# -- scores --------------------------------------------------------------------------------------------------


def test_every_task_has_a_row() -> None:
    assert tuple(TASK_KINDS) == TASKS
    assert [kind.target for kind in TASK_KINDS.values()] == ["numbers", "class", "labels"]


def test_scores_are_scikit_learns_of_the_test_rows(run: Results) -> None:
    y, probability = held_out(run)
    named, own = probability > 0.5, run.refit.iloc[0]
    none: dict[str, Any] = {"zero_division": 0}
    expected = {
        "loss": np.mean([metrics.log_loss(y[:, k], probability[:, k]) for k in range(3)]),
        "accuracy": metrics.accuracy_score(y, named),
        "macro_f1": metrics.f1_score(y, named, average="macro", **none),
        "roc_auc": metrics.roc_auc_score(y, probability),
        "average_precision": metrics.average_precision_score(y, probability),
        "f1_samples": metrics.f1_score(y, named, average="samples", **none),
        "jaccard_micro": metrics.jaccard_score(y, named, average="micro", **none),
        "recall_weighted": metrics.recall_score(y, named, average="weighted", **none),
        "precision_macro": metrics.precision_score(y, named, average="macro", **none),
    }
    for name, value in expected.items():
        assert own[f"test_{name}"] == pytest.approx(float(value), rel=1e-12), name
    search = run.fits[run.fits["stage"] == "search"]
    means = search.groupby("candidate_id")["validation_f1_macro"].mean()
    assert run.choice is not None
    assert run.choice.candidate_id == means.idxmax()


def test_rows_of_predictions_have_the_label_and_its_probability(run: Results) -> None:
    y, probability = held_out(run)
    frame = run.predictions_of("refit")
    frame = frame[frame["fit_id"] == run.delivered_id]
    assert frame["target"].tolist() == LABELS * len(y)
    assert frame["true"].to_numpy().tolist() == y.astype(int).reshape(-1).tolist()
    np.testing.assert_array_equal(frame["probability"].to_numpy(), probability.reshape(-1))
    np.testing.assert_array_equal(frame["predicted"], (probability.reshape(-1) > 0.5).astype(int))


def test_simple_models_are_scikit_learns_of_each_label(run: Results) -> None:
    truth = run.truth
    y = truth.y[: truth.train_rows]
    constant, linear, trees = run.baselines
    assert constant.answers_VK is not None
    np.testing.assert_allclose(constant.answers_VK[0], y.mean(axis=0))
    frame = table().drop(columns=LABELS)
    inputs = np.column_stack([frame[["u", "v", "w"]], pd.get_dummies(frame["place"])])
    rows = np.concatenate([np.flatnonzero((frame["u"] == value).to_numpy()) for value in truth.x_ND[:, 0]])
    x_ND = StandardScaler().fit_transform(inputs[rows][: truth.train_rows])
    scaler = StandardScaler().fit(inputs[rows][: truth.train_rows])
    asked = scaler.transform(inputs[rows][truth.train_rows :])
    near = []
    for penalty in (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4):
        models = [
            LogisticRegression(C=1 / (penalty * len(x_ND)), max_iter=200).fit(x_ND, y[:, k]) for k in range(3)
        ]
        answers = np.stack([model.predict_proba(asked)[:, 1] for model in models], axis=1)
        near.append(float(np.abs(answers - linear.answers_VK).max()))
    assert min(near) < 1e-3
    assert trees.answers_VK is not None
    assert ((trees.answers_VK > 0) & (trees.answers_VK < 1)).all()


# -- the model file ------------------------------------------------------------------------------------------


def test_a_model_file_predicts_labels_and_probabilities(run: Results, tmp_path: Path) -> None:
    model, rows = shoal.load(run.folder), table().drop(columns=LABELS)
    probability = model.predict_proba(rows)
    assert model.predict(rows).dtype == np.int64
    np.testing.assert_array_equal(model.predict(rows), (probability > 0.5).astype(int))
    assert (model.classes, model.targets, model.facts.task) == ((), tuple(LABELS), "multilabel")
    again = Model.from_bytes(model.to_bytes())
    np.testing.assert_array_equal(again.predict_proba(rows), probability)
    rows.to_csv(tmp_path / "new.csv", index=False)
    frame = predict_file(run.folder, tmp_path / "new.csv")
    columns = dict(zip(frame.names, frame.columns, strict=True))
    for k, name in enumerate(LABELS):
        assert columns[f"predicted_{name}"] == (probability[:, k] > 0.5).astype(int).tolist()
        assert columns[f"probability_{name}"] == probability[:, k].tolist()
        assert f"ensemble_std_probability_{name}" in columns


def test_what_a_model_of_labels_has_not_is_refused_in_a_sentence(run: Results, tmp_path: Path) -> None:
    model, rows, file = shoal.load(run.folder), table().drop(columns=LABELS), tmp_path / "new.csv"
    rows.to_csv(file, index=False)
    asked = {
        "expected a model of numbers, got one of labels: it has no intervals": lambda: model.predict_interval(
            rows
        ),
        "expected a model of classes, got one of labels: it has no sets": lambda: model.predict_set(rows),
        "expected a model of classes, got one of labels: it has no temperature": (
            lambda: model.predict_proba(rows, calibrated=True)
        ),
        "--coverage: expected a model of numbers or classes, got one of labels: it has no intervals, nor sets": (
            lambda: predict_file(run.folder, file, coverage=0.9)
        ),
        "--calibrated: expected a model of classes, got one of labels": (
            lambda: predict_file(run.folder, file, calibrated=True)
        ),
    }
    for sentence, ask in asked.items():
        with pytest.raises(InputError) as refused:
            ask()
        assert str(refused.value) == sentence


def test_a_foreign_file_whose_answers_are_of_another_kind_is_refused(run: Results) -> None:
    model = shoal.load(run.folder)
    for task, sentence in (
        ("regression", "preprocessing: expected a link of regression, got sigmoid"),
        ("classification", "classes: expected 3, got 0"),
    ):
        facts = model.facts.model_copy(update={"task": task})
        content = Model(model.architecture, model.parameters, model.preprocessing, facts).to_bytes()
        with pytest.raises(ModelFileError) as refused:
            Model.from_bytes(content)
        assert str(refused.value) == sentence


def test_exports_give_the_same_labels(run: Results, tmp_path: Path) -> None:
    model, rows = shoal.load(run.folder), table().drop(columns=LABELS)
    expected = model.predict_proba(rows)
    export_onnx(run.folder, tmp_path / "m.onnx")
    inputs = model.inputs(rows)
    probabilities, labels = run_onnx((tmp_path / "m.onnx").read_bytes(), graph_feed(list(inputs)))
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_array_equal(labels, (probabilities > 0.5).astype(np.int64))
    export_torch(run.folder, tmp_path / "m.safetensors")
    spec = importlib.util.spec_from_file_location("exported", tmp_path / "m.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers = module.answers(module.build()(module.prepare({name: rows[name].tolist() for name in rows})))
    np.testing.assert_allclose(answers.detach().numpy(), expected, atol=1e-6)


# -- the report ----------------------------------------------------------------------------------------------


def page(run: Results) -> str:
    text = (run.folder / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<script.*?</script>|<style.*?</style>|data:[^\"]*", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def test_the_report_says_how_good_each_label_is(run: Results) -> None:
    assert run.missing == ()
    y, probability = held_out(run)
    named, text = probability > 0.5, page(run)
    assert "Predict the labels “sport”, “music” and “rare” from 4 inputs" in text
    assert "on the 52 test rows, macro F1 is " in text  # by which it was chosen
    assert "Scores of labels" in (run.folder / "report.html").read_text(encoding="utf-8")
    shown = " ".join(results_text(run).split())
    for k, name in enumerate(LABELS):
        area = metrics.roc_auc_score(y[:, k], probability[:, k])
        assert f"{name} {int(y[:, k].sum())} " in shown
        assert f"{area:.4g}" in shown
        assert metrics.f1_score(y[:, k], named[:, k]) > 0
    why = "of several labels there are neither intervals nor sets of classes, but a probability for each."
    assert f"How sure single predictions are is not shown: {why}" in text


def test_figures_are_those_that_labels_have(run: Results) -> None:
    names = {file.name for file in (run.folder / "figures").iterdir()}
    assert {"30-delivered-labels.png", "40-01-balanced-labels.png", "40-01-balanced-accuracy.png"} <= names
    of_others = ("confusion", "calibration", "predicted", "fit", "votes", "spread", "mistakes")
    assert not [name for name in names if any(f"-{other}." in name for other in of_others)]


def test_labels_are_weighted_in_training_alone(run: Results) -> None:
    """The balanced comparison is trained on weights, and judged without them."""
    note = (
        "labels are weighted in training alone (training.class_weight), also in its curve; losses of rows held out and"
        " scores are not weighted by label"
    )
    assert note in run.data_notes
    row = run.comparisons.set_index("label").loc["balanced"]
    balanced = run.predictions_of("compare")
    balanced = balanced[(balanced["label"] == "balanced") & (balanced["rows"] == "test")]
    true = balanced["true"].to_numpy().reshape(-1, 3)
    probability = balanced["probability"].to_numpy().reshape(-1, 3)
    expected = np.mean([metrics.log_loss(true[:, k], probability[:, k]) for k in range(3)])
    assert row["loss_mean"] == pytest.approx(expected)
    rarest = table()["rare"].mean()
    plain = held_out(run)[1][:, 2].mean()
    assert probability[:, 2].mean() > max(1.3 * plain, rarest)


# -- what trains ---------------------------------------------------------------------------------------------


def planner(**changes: Any) -> Planner:
    from shoal.study import parse_study

    tree = {"study": {"task": "multilabel"}, "data": {"dataset": "three-discs"}, **changes}
    return Planner(parse_study(tree), load_builtin("three-discs"), Trainers().choose)


@pytest.mark.parametrize("asked", ["balanced", {"top": 4.0, "left": 0.5}])
def test_shares_and_weights_are_those_of_cells(asked: Any) -> None:
    dataset, rows = load_builtin("three-discs"), np.arange(0, 200, 2)
    training = Training(class_weight=asked)
    weight_N, share_NK = training_weights(dataset, training, rows), training_shares(dataset, training, rows)
    assert weight_N is not None
    assert share_NK is not None
    y = dataset.targets[rows]
    for k, name in enumerate(dataset.target_names):
        has = y[:, k]
        cell = weight_N * share_NK[:, k]
        ratio = cell[has][0] / cell[~has][0]
        expected = (~has).sum() / has.sum() if asked == "balanced" else asked.get(name, 1.0)
        assert ratio == pytest.approx(expected)
        assert cell[has] == pytest.approx(cell[has][0])
    np.testing.assert_allclose(share_NK.mean(axis=1), 1)


def test_folds_are_drawn_without_regard_to_labels() -> None:
    assert (
        planner(search={"folds": 3}).study.folds_kind(planner(search={"folds": 3}).study.search.splitter)
        == "k-fold"
    )  # type: ignore[union-attr]
    with pytest.raises(StudyError) as refused:
        planner(search={"folds": {"kind": "stratified"}})
    sentence = "expected folds without classes, since the task is several labels, got 'stratified'"
    assert str(refused.value) == f"search.folds.kind: {sentence}"


@pytest.mark.usefixtures("no_report")
def test_the_same_run_twice_and_on_other_workers_has_one_digest(tmp_path: Path) -> None:
    asked = study(checks={"baselines": False}, compare=[], search=None)
    digests = {
        shoal.run(table(), out=tmp_path / str(workers), workers=workers, **asked).digest for workers in (1, 2)
    }
    assert len(digests) == 1
    again = shoal.run(table(), out=tmp_path / "1", workers=1, **asked)
    assert {again.digest} == digests
    assert Results.open(tmp_path / "1").digest == again.digest
