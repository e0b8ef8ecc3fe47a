"""Studies of several labels, from the table to predictions, exports and report; what of a table is refused.

Letters: N rows, K labels.
"""

from __future__ import annotations

import html
import importlib.util
import re
import subprocess
import sys
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
from shoal.data import load_builtin
from shoal.draft import draft_study
from shoal.engine import Planner, Trainers
from shoal.engine._row_weights import training_shares, training_weights
from shoal.errors import DataError, InputError, ModelFileError, ShoalError, StudyError
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.kinds import TASK_KINDS, TASKS
from shoal.look import results_text
from shoal.model import Model
from shoal.pipeline import plan
from shoal.predict import predict_file
from shoal.results import Results
from shoal.study import Training, load_study

LABELS = ["sport", "music", "rare"]
ASKED = ["roc_auc", "average_precision", "f1_samples", "jaccard_micro", "recall_weighted", "precision_macro"]


def table(rows: int = 260) -> pd.DataFrame:
    draw = np.random.default_rng(7)
    x_ND = draw.normal(size=(rows, 3))
    logit_NK = x_ND @ draw.normal(size=(3, 3)) + np.array([0.0, 0.5, -1.8])
    y_NK = draw.random((rows, 3)) < 1 / (1 + np.exp(-2 * logit_NK))
    columns = {"u": x_ND[:, 0], "v": x_ND[:, 1], "w": x_ND[:, 2], "place": draw.choice(["hill", "sea"], rows)}
    return pd.DataFrame({**columns, **{name: y_NK[:, k].astype(int) for k, name in enumerate(LABELS)}})


def study(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tags",
        "task": "multilabel",
        "target": LABELS,
        "data": {"standardize": "inputs"},
        "network": {"hidden": [6]},
        "training": {"epochs": 12, "lr": 0.02},
        "compare": [{"name": "balanced", "training": {"class_weight": "balanced"}}],
        "search": {
            "folds": 3,
            "metric": "f1_macro",
            "scores": ASKED,
            "space": {"training.lr": [0.001, 0.02]},
        },
        **changes,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("labels")
    table().to_csv(folder / "tags.csv", index=False)
    return shoal.run(load_study(written(folder)), out=folder / "run", workers=1)


def written(folder: Path) -> Path:
    file = folder / "study.toml"
    file.write_text(
        f"""
[study]
name = "tags"
task = "multilabel"
[data]
train = "{(folder / "tags.csv").as_posix()}"
target = ["sport", "music", "rare"]
standardize = "inputs"
[network]
hidden = [6]
[training]
epochs = 12
lr = 0.02
[[compare]]
name = "balanced"
training = {{ class_weight = "balanced" }}
[search]
folds = 3
metric = "f1_macro"
scores = {ASKED!r}
[search.space]
"training.lr" = [0.001, 0.02]
""",
        encoding="utf-8",
    )
    return file


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
    assert "the binary cross-entropy of the delivered network, the mean of the 3 labels, is " in text
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


def test_the_same_run_twice_and_on_other_workers_has_one_digest(tmp_path: Path) -> None:
    asked = study(checks={"baselines": False}, compare=[], search=None)
    digests = {
        shoal.run(table(), out=tmp_path / str(workers), workers=workers, **asked).digest for workers in (1, 2)
    }
    assert len(digests) == 1
    again = shoal.run(table(), out=tmp_path / "1", workers=1, **asked)
    assert {again.digest} == digests
    assert Results.open(tmp_path / "1").digest == again.digest


# -- what is read --------------------------------------------------------------------------------------------


def refusal(folder: Path, frame: pd.DataFrame, **keys: Any) -> str:
    file = folder / "tags.csv"
    frame.to_csv(file, index=False)
    with pytest.raises(ShoalError) as refused:
        plan(load_study(written(folder), [f"{key}={value}" for key, value in keys.items()]))
    return str(refused.value).replace(file.as_posix(), "tags.csv").replace(str(file), "tags.csv")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            {3: 2, 8: 0.5},
            'tags.csv, column "music": expected labels of 0 and 1, got 2 (line 5), 0.5 (line 10)',
        ),
        ({0: -1}, 'tags.csv, column "music": expected labels of 0 and 1, got -1 (line 2)'),
        ({4: "x"}, 'tags.csv, line 6, column "music": expected a number, got "x"'),
        (
            {5: "", 6: ""},
            'tags.csv, column "music": expected a target in each of 260 rows, got none in 2 (lines 7, 8);'
            ' data.missing_targets = "drop" leaves such rows out',
        ),
    ],
)
def test_a_label_that_is_neither_0_nor_1_is_refused_by_its_line(
    tmp_path: Path, cells: dict[int, Any], sentence: str
) -> None:
    frame = table()
    frame["music"] = frame["music"].astype(object)
    for row, cell in cells.items():
        frame.loc[row, "music"] = cell
    assert refusal(tmp_path, frame) == sentence


def test_words_are_no_labels_but_truth_is(tmp_path: Path) -> None:
    frame = table()
    spoken = frame.assign(music=np.where(frame["music"] > 0, "yes", "no"))
    first = "yes" if frame["music"][0] else "no"
    what = f'expected numbers, got text such as "{first}"; a label is 0 or 1, or false or true'
    assert refusal(tmp_path, spoken) == f'tags.csv, column "music": {what}'
    notes = [
        plan(asked, target=LABELS, task="multilabel").columns
        for asked in (frame, frame.assign(music=frame["music"] > 0))
    ]
    assert notes[0] == notes[1]


def test_labels_of_which_nothing_is_learned(tmp_path: Path) -> None:
    frame = table()
    what = "expected a label that some training rows have and others have not, got none"
    same = frame.assign(**dict.fromkeys(LABELS, 1))
    assert refusal(tmp_path, same) == f'tags.csv, columns "sport", "music", "rare": {what}'
    one_same = plan(frame.assign(rare=0), target=LABELS, task="multilabel")
    sentence = 'column "rare": no training row has this label, so that nothing is learned of it'
    assert sentence in one_same.data_notes
    always = plan(frame.assign(rare=1), target=LABELS, task="multilabel")
    assert sentence.replace("no training", "every training") in always.data_notes


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"training.loss": "mse"},
            "training.loss: expected binary-cross-entropy, the loss of several labels, got 'mse'",
        ),
        (
            {"training.class_weight": "{ musc = 2.0 }"},
            'training.class_weight: expected labels ("sport", "music", "rare"), got "musc"; did you mean "music"?',
        ),
        (
            {"data.positive": "sport"},
            "data.positive: expected nothing for several labels: only one of two classes is the positive one;"
            ' got "sport"',
        ),
        (
            {"data.target_transform": "log1p"},
            'data.target_transform: expected "none" with study.task = "multilabel", got "log1p"',
        ),
        (
            {"study.task": "classification", "search.scores": "[]"},
            "data.target: expected one column for classification, got 3; where each holds 0 and 1:"
            ' study.task = "multilabel"',
        ),
    ],
)
def test_what_does_not_go_with_labels_is_refused(tmp_path: Path, keys: dict[str, str], sentence: str) -> None:
    said = refusal(tmp_path, table(), **keys).replace(f"{tmp_path / 'study.toml'}:7", "--set")
    assert said.replace("--set: ", "--set ") == f"--set {sentence}"


def test_images_have_one_class_each() -> None:
    with pytest.raises(ShoalError) as refused:
        plan(load_study("digits", ["study.task=multilabel"]))
    assert str(refused.value) == "--set study.task: expected classification for these data, got multilabel"


def test_a_fold_without_a_label_has_no_area_and_says_so() -> None:
    frame = table()
    asked = study(search={"folds": 3, "metric": "roc_auc", "space": {"training.lr": [0.1, 0.2]}})
    why = "a label is the same in all rows"
    few = plan(frame.assign(rare=(np.arange(len(frame)) == 40).astype(int)), **asked)
    said = re.compile(
        rf"ROC AUC is undefined on the rows of folds ., . of 3 folds \({why}\): they count for no candidate"
    )
    assert len([note for note in few.notes if said.fullmatch(note)]) == 1
    with pytest.raises(DataError) as refused:
        plan(frame.assign(rare=0), **asked)
    what = f"expected folds with rows on which ROC AUC is defined, got none: {why}"
    assert str(refused.value) == f"search.metric: {what}"


# -- drafts and templates ------------------------------------------------------------------------------------


def test_several_targets_of_0_and_1_are_guessed_to_be_labels(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "t.csv", index=False)
    text = draft_study(tmp_path / "t.csv", "sport, music,rare")
    assert 'task = "multilabel"' in text
    assert "a guess: each of the 3 targets holds 0 and 1 alone" in text
    assert 'target = ["sport", "music", "rare"]  # as you said' in text
    assert 'standardize = "inputs"' in text
    numbers = draft_study(tmp_path / "t.csv", "u,v")
    assert 'task = "regression"' in numbers
    assert 'target = ["u", "v"]' in numbers
    said = draft_study(tmp_path / "t.csv", ("sport", "rare"), "regression")
    assert 'task = "regression"' in said


def test_a_column_whose_name_has_a_comma_is_one_target(tmp_path: Path) -> None:
    table().rename(columns={"sport": "music, loud"}).to_csv(tmp_path / "t.csv", index=False)
    assert 'target = "music, loud"' in draft_study(tmp_path / "t.csv", "music, loud")


@pytest.mark.parametrize(
    ("target", "task", "sentence"),
    [
        (
            "sport,musc", None,
            '--target: expected a column of FILE ("u", "v", "w", "place", "sport", "music", "rare"), got "musc";'
            ' did you mean "music"?',
        ),
        (
            "sport,music", "classification",
            "--target: expected one column for classification, got 2; where each holds 0 and 1:"
            ' study.task = "multilabel"',
        ),
        ("u,music", "multilabel", None),
    ],
)  # fmt: skip
def test_targets_that_cannot_be_are_refused(
    tmp_path: Path, target: str, task: Any, sentence: str | None
) -> None:
    file = tmp_path / "t.csv"
    table().to_csv(file, index=False)
    with pytest.raises(DataError) as refused:
        draft_study(file, target, task)
    text = str(refused.value).replace(str(file), "FILE")
    if sentence is None:
        assert text.startswith('FILE, column "u": expected labels of 0 and 1, got ')
    else:
        assert text == sentence


def test_rows_in_memory_need_no_study(tmp_path: Path) -> None:
    results = shoal.run(
        table(), target=LABELS, training={"epochs": 3}, search=None, out=tmp_path, workers=1,
        checks={"baselines": False},
    )  # fmt: skip
    assert results.study.study.task == "multilabel"
    assert results.truth.target_names == tuple(LABELS)


def test_the_commands_write_and_run_a_study_of_labels(tmp_path: Path) -> None:
    def shoal_command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "shoal", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    text = shoal_command("new", "multilabel")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert "labels left, right, top" in shoal_command("check", "study.toml")
    assert "three-discs    multilabel      300 + 200 rows, 2 inputs, 3 labels  built in" in shoal_command(
        "data", "list"
    )


def test_three_discs_are_three_discs() -> None:
    dataset = load_builtin("three-discs")
    place = np.stack([column.values for column in dataset.columns], axis=1)
    for k, centre in enumerate([(-0.35, -0.2), (0.35, -0.2), (0.0, 0.4)]):
        inside = np.hypot(*(place - centre).T) < 0.6
        assert 0.02 < (inside != dataset.targets[:, k]).mean() < 0.08
    assert (dataset.task, dataset.classes, dataset.outputs) == ("multilabel", (), 3)
    assert (len(dataset.targets), dataset.train_rows) == (500, 300)
