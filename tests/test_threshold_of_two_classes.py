"""A threshold of two classes through whole runs: chosen on rows held out, kept, used everywhere, and said."""

from __future__ import annotations

import csv
import importlib.util
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.model_selection import TunedThresholdClassifierCV

import shoal
from shoal.decisions import Decision
from shoal.errors import ModelFileError, ShoalError
from shoal.estimators import MLPClassifier
from shoal.export import export_onnx, export_torch, graph_feed, run_onnx
from shoal.look import results_text
from shoal.look.method_checks import constant_answer
from shoal.model import Model
from shoal.planning import plan
from shoal.predict import predict_file
from shoal.results import ChosenThreshold, Results, choose_threshold
from shoal.study import Costs
from shoal.wording import rounded

pytestmark = pytest.mark.usefixtures("dots")
COSTS = {"false_positive": 1.0, "false_negative": 15.0}


def table(rows: int = 400, seed: int = 11) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    x_ND = draw.normal(size=(rows, 2))
    fraud_N = x_ND[:, 0] + 0.7 * draw.normal(size=rows) > 1.6
    return pd.DataFrame({"u": x_ND[:, 0], "v": x_ND[:, 1], "y": np.where(fraud_N, "fraud", "ok")})


def study(threshold: Any = COSTS, **sections: Any) -> dict[str, Any]:
    search = {"folds": 3, "space": {"training.lr": [0.001, 0.05]}, "scores": ["recall", "average_precision"]}
    return {
        "name": "paid",
        "task": "classification",
        "target": "y",
        "data": {"inputs": ["u", "v"], "positive": "fraud"},
        "network": {"hidden": [4]},
        "training": {"epochs": 8, "batch_size": 16, "validation": 0},
        "search": {**search, "threshold": threshold},
        "checks": {"baselines": False},
        **sections,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("threshold") / "run"
    return shoal.run(table(), out=folder, test=table(150, 5), **study(nested={"folds": 3}))


def sklearn_free_choice(results: Results, frame: pd.DataFrame) -> float:
    """Choose from the answers that a frame of predictions holds, as a user could."""
    held = frame[frame["rows"] == "validation"]
    answers_NK = held[["probability_fraud", "probability_ok"]].to_numpy()
    true_N = np.where(held["true"] == "fraud", 0, 1)
    chosen = choose_threshold(Costs(**COSTS), 0, true_N, answers_NK)
    assert chosen.decision is not None
    return chosen.decision.threshold


def test_it_is_that_of_the_rows_held_out_by_the_chosen_candidate(run: Results) -> None:
    assert run.choice is not None
    assert run.decision is not None
    frame = run.predictions_of("search")
    own = frame[frame["candidate_id"] == run.choice.candidate_id]
    assert run.decision.threshold == sklearn_free_choice(run, own)
    assert run.decision.positive == 0
    model = shoal.load(run.folder)
    assert model.decision == run.decision
    assert Model.from_bytes(model.to_bytes()).decision == run.decision


def test_it_names_the_test_rows_and_their_scores_are_scikit_learns(run: Results) -> None:
    assert run.decision is not None
    truth = run.truth
    true = np.array(truth.classes)[truth.y[truth.train_rows :]]
    answers_NK = run.test_predictions(str(run.delivered_id))
    named = np.where(answers_NK[:, 0] >= run.decision.threshold, "fraud", "ok")
    assert (named != np.array(truth.classes)[answers_NK.argmax(axis=1)]).any()
    predicted = run.predictions_of("refit")
    assert (predicted["predicted"] == named).all()
    assert (shoal.load(run.folder).predict(table(150, 5)) == named).all()
    own, how = run.refit.iloc[0], {"pos_label": "fraud"}
    assert own["test_recall"] == metrics.recall_score(true, named, **how)
    assert own["test_accuracy"] == pytest.approx(metrics.accuracy_score(true, named))
    assert own["test_macro_f1"] == pytest.approx(metrics.f1_score(true, named, average="macro"))
    assert own["test_average_precision"] == metrics.average_precision_score(true, answers_NK[:, 0], **how)
    stored = run.summaries[str(run.delivered_id)].scores["test"]
    assert own["test_loss"] == stored["loss"]
    assert own["test_ece"] == stored["ece"]
    facts = shoal.load(run.folder).facts.scores["test"]
    assert facts["accuracy"] == own["test_accuracy"]
    cost_V = np.where((named == "fraud") & (true == "ok"), 1.0, 0.0)
    cost_V += np.where((named == "ok") & (true == "fraud"), 15.0, 0.0)
    rows = {row.title: row for row in run.decided_scores}
    assert rows["mean cost of a row"].tested[1] == pytest.approx(cost_V.mean())
    assert rows["recall of “fraud”"].tested[1] == own["test_recall"]
    assert rows["balanced accuracy"].tested[1] == pytest.approx(metrics.balanced_accuracy_score(true, named))
    assert rows["recall of “fraud”"].tested[0] == stored["recall"]


def test_it_costs_no_more_on_the_rows_held_out_than_the_likelier_class(run: Results) -> None:
    cost = run.decided_scores[0]
    assert cost.title == "mean cost of a row"
    assert cost.held_out[1] < cost.held_out[0]


def test_each_outer_fold_has_its_own(run: Results) -> None:
    assert run.nested is not None
    frame = run.predictions_of("nested")
    truth, of_fold = run.truth, {}
    for number, fold in enumerate(run.nested.folds):
        own = frame[(frame["label"] == fold.label) & (frame["candidate_id"] == fold.candidate_id)]
        inner, refit = own[own["fit_id"] != fold.fit_id], own[own["fit_id"] == fold.fit_id]
        assert fold.threshold == sklearn_free_choice(run, inner)
        named = np.where(refit["probability_fraud"] >= fold.threshold, "fraud", "ok")
        assert fold.scores["recall"] == metrics.recall_score(refit["true"], named, pos_label="fraud")
        of_fold[number] = (named, refit["true"].to_numpy())
    named, true = (np.concatenate([pair[place] for pair in of_fold.values()]) for place in (0, 1))
    assert run.nested.scores["recall"].value == metrics.recall_score(true, named, pos_label="fraud")
    assert run.nested.scores["accuracy"].value == pytest.approx(metrics.accuracy_score(true, named))
    assert len(truth.classes) == 2


def test_no_fit_is_another_and_it_can_be_asked_for_later(tmp_path: Path) -> None:
    rows = table()
    before = shoal.run(rows, out=tmp_path / "one", **study("none"))
    model = (tmp_path / "one" / "model.safetensors").read_bytes()
    assert b"decision" not in model
    assert before.threshold is None
    assert before.decided_scores == ()
    seconds = dict(zip(before.fits["fit_id"], before.fits["seconds"], strict=True))
    for threshold in ("f1", "balanced", COSTS):
        after = shoal.run(rows, out=tmp_path / "one", **study(threshold))
        assert after.digest == before.digest
        assert dict(zip(after.fits["fit_id"], after.fits["seconds"], strict=True)) == seconds
        assert after.decision is not None
        assert shoal.load(tmp_path / "one").decision == after.decision
    again = shoal.run(rows, out=tmp_path / "other", **study(COSTS))
    assert again.decision == after.decision
    assert (again.folder / "model.safetensors").read_bytes() == (
        after.folder / "model.safetensors"
    ).read_bytes()
    shoal.run(rows, out=tmp_path / "one", **study("none"))
    assert (tmp_path / "one" / "model.safetensors").read_bytes() == model


def test_rows_that_are_tested_never_change_it(run: Results, tmp_path: Path) -> None:
    poisoned = table(150, 5)
    poisoned[["u", "v"]] = 1e3
    poisoned["y"] = np.where(poisoned["y"] == "ok", "fraud", "ok")
    other = shoal.run(table(), out=tmp_path, test=poisoned, **study())
    assert other.decision == run.decision


def test_rows_of_an_outer_fold_never_change_its_threshold(run: Results, tmp_path: Path) -> None:
    assert run.nested is not None
    row_V = run.truth.validation_rows["nested", 0]
    poisoned = table()
    poisoned.loc[row_V, ["u", "v"]] = np.random.default_rng(1).normal(size=(len(row_V), 2)) * 50
    other = shoal.run(poisoned, out=tmp_path, test=table(150, 5), **study(nested={"folds": 3}))
    assert other.nested is not None
    first, *others = run.nested.folds
    assert first.label == other.nested.folds[0].label
    assert other.nested.folds[0].threshold == first.threshold
    assert [fold.threshold for fold in others] != [fold.threshold for fold in other.nested.folds[1:]]


def test_weights_of_rows_count(tmp_path: Path) -> None:
    rows = table()
    rows["w"] = np.where(rows["y"] == "fraud", 0.05, 1.0) * np.random.default_rng(2).uniform(0, 5, len(rows))
    asked = study()
    asked["data"]["weights"] = "w"
    results = shoal.run(rows, out=tmp_path, **asked)
    assert results.choice is not None
    frame = results.predictions_of("search")
    held = frame[frame["candidate_id"] == results.choice.candidate_id]
    weight_N = results.truth.weights[held["row"].to_numpy()]
    true_N = np.where(held["true"] == "fraud", 0, 1)
    answers_NK = held[["probability_fraud", "probability_ok"]].to_numpy()
    chosen = choose_threshold(Costs(**COSTS), 0, true_N, answers_NK, weight_N)
    assert chosen.decision != choose_threshold(Costs(**COSTS), 0, true_N, answers_NK).decision
    assert results.decision == chosen.decision == shoal.load(tmp_path).decision


def test_every_way_to_predict_names_the_same(run: Results, tmp_path: Path) -> None:
    assert run.decision is not None
    new = table(300, 17)
    new.to_csv(tmp_path / "new.csv", index=False)
    model = shoal.load(run.folder)
    named = model.predict(new)
    answers_NK = model.predict_proba(new)
    assert (named == np.where(answers_NK[:, 0] >= run.decision.threshold, "fraud", "ok")).all()
    assert (named != np.array(model.classes)[answers_NK.argmax(axis=1)]).any()
    for source in (run.folder, run.folder / "model.safetensors"):
        for calibrated in (False, True):
            table_of = predict_file(source, tmp_path / "new.csv", calibrated=calibrated)
            lines = list(csv.DictReader(io.StringIO(table_of.to_csv())))
            assert [line["predicted_y"] for line in lines] == named.tolist()
            said = [note for note in table_of.notes if "search.threshold" in note]
            assert said == [
                f'"fraud" is named where its probability is {run.decision.threshold:.6f} or more (search.threshold)'
            ] or said[0].startswith('"fraud" is named where its probability is ')
    export_onnx(run.folder, tmp_path / "m.onnx")
    content = (tmp_path / "m.onnx").read_bytes()
    feed = graph_feed(list(model.inputs(new)))  # type: ignore[arg-type]
    probabilities, places = run_onnx(content, feed)
    assert places.shape == (300,)
    assert places.dtype == np.int64
    assert (np.array(model.classes)[places] == named).all()
    assert (places != probabilities.argmax(axis=1)).any()
    export_torch(run.folder, tmp_path / "m.safetensors")
    spec = importlib.util.spec_from_file_location("exported", tmp_path / "m.py")
    assert spec is not None
    assert spec.loader is not None
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    outputs = exported.build()(exported.prepare(new))
    own = exported.named(exported.answers(outputs)).numpy()
    assert (np.array(exported.CLASSES)[own] == named).all()
    assert ("fraud", run.decision.threshold) == (exported.POSITIVE, exported.THRESHOLD)


def test_the_metadata_of_an_onnx_file_have_it(run: Results) -> None:
    from shoal.export import onnx_model

    properties = {entry.key: entry.value for entry in onnx_model(shoal.load(run.folder)).metadata_props}
    assert run.decision is not None
    assert properties["decision"] == f'{{"positive": "fraud", "threshold": {run.decision.threshold!r}}}'


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        ({"positive": "Fraud", "threshold": 0.5}, "decision: expected one of two classes, got another"),
        (
            {"positive": "fraud", "threshold": 1.5},
            "metadata 'decision.threshold': Input should be less than or equal to 1.0000000000000002",
        ),
        (
            {"positive": "fraud", "threshold": -0.0},
            "metadata 'decision.threshold': Input should be greater than or equal to 0, got -0.0",
        ),
        ({"positive": "fraud"}, "metadata 'decision.threshold': Field required"),
        ({"positive": "fraud", "threshold": 1}, "expected facts as Shoal writes them, got others"),
        (None, "expected facts as Shoal writes them, got others"),
    ],
)
def test_a_foreign_decision_is_refused(run: Results, decision: Any, sentence: str) -> None:
    from shoal.nets import model_bytes

    model = shoal.load(run.folder)
    facts = {**model.facts.described, "decision": decision}
    with pytest.raises(ModelFileError) as refused:
        Model.from_bytes(model_bytes(model.architecture, model.parameters, facts))
    assert str(refused.value) == sentence


def test_it_is_said_everywhere(run: Results) -> None:
    text = " ".join(results_text(run).split())
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    first = "The class “fraud” is named where its probability is "
    rule = (
        " or more: the threshold of the lowest mean cost (a row wrongly named “fraud” costs 1.00, one that is missed"
        " 15.0) on 400 answers of the chosen candidate’s networks to rows held out."
    )
    cost = next(row for row in run.decided_scores if row.title == "mean cost of a row")
    way = "raises" if cost.tested[1] > cost.tested[0] else "lowers"
    changes = f"On the test rows it {way} mean cost of a row from "
    for said in (text, " ".join(page.replace("\u00a0", " ").split())):
        assert first in said
        assert rule in said
        assert changes in said
    assert "Each outer fold chose a threshold of its own, on the rows that its search held out: " in text
    assert "On the 150 test rows, ROC AUC is 0.940 for the delivered network" in text
    assert "rows held out, threshold (optimistic)" in text
    assert "What the threshold changes" in page
    assert (run.folder / "figures" / "30-delivered-threshold.png").exists()


def test_tables_say_by_what_their_classes_are_named(run: Results, tmp_path: Path) -> None:
    beside = "Scores of the classes named are by its threshold for the delivered network, by the likelier class for"
    together = "Scores of the classes named are here those of the likelier class, those of the delivered network too."
    plain = shoal.run(table(), out=tmp_path / "plain", test=table(150, 5), **study("none"))
    for results, times in ((run, 1), (plain, 0)):
        page = (results.folder / "report.html").read_text(encoding="utf-8").replace("\u00a0", " ")
        for said in (" ".join(results_text(results).split()), " ".join(page.split())):
            assert said.count(beside) == times
            assert said.count(together) == times


@pytest.mark.parametrize(
    ("rule", "what", "own", "constant"),
    [
        ("f1", "F1 of “fraud”", 0.0, "“fraud” has 0.667"),
        ("balanced", "balanced accuracy", 0.0, "“fraud” has 0.5"),
        (COSTS, "mean cost of a row", 8.0, "“fraud” has 0.5"),
    ],
)
def test_a_threshold_that_is_no_better_than_one_class_is_doubted(
    run: Results, monkeypatch: pytest.MonkeyPatch, rule: Any, what: str, own: float, constant: str
) -> None:
    """By what it was chosen by: the accuracy, which it gives up, is no measure of it."""
    true_V = np.arange(150) % 2
    chosen = ChosenThreshold(Costs(**rule) if isinstance(rule, dict) else rule, Decision(0, 0.5), "", 9)
    truth = replace(run.truth, y=np.concatenate((run.truth.y[:400], true_V)))
    made_up = SimpleNamespace(truth=truth, threshold=chosen, decision=chosen.decision)
    find = "shoal.look.method_checks.constant_answer.delivered_answers"
    monkeypatch.setattr(find, lambda _: np.eye(2)[1 - true_V])
    assert constant_answer.no_better_than_a_constant(made_up) == (  # type: ignore[arg-type]
        f"By its threshold the delivered model has a {what} of {rounded(own, 3)} on the test rows; always predicting"
        f" {constant}."
    )
    monkeypatch.setattr(find, lambda _: np.eye(2)[true_V])
    assert constant_answer.no_better_than_a_constant(made_up) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        ("f1", "highest F1"),
        ("balanced", "highest balanced accuracy"),
        (COSTS, "lowest mean cost"),
    ],
)
def test_a_plan_says_it(threshold: Any, said: str) -> None:
    notes = plan(table(), **study(threshold)).data_notes
    assert (
        'the class "fraud" is named where its probability reaches a threshold (search.threshold): that of the'
        f" {said} on the rows held out"
    ) in notes
    asked = study(threshold)
    asked["data"]["positive"] = None
    asked["search"]["scores"] = []
    assert (
        'the class "ok" is named where its probability reaches a threshold (search.threshold): that of the'
        f' {said} on the rows held out, the second, as in scikit-learn; data.positive = "fraud" takes the other'
    ) in plan(table(), **asked).data_notes


def test_more_than_two_classes_have_none(tmp_path: Path) -> None:
    rows, asked = table(), study("f1")
    rows.loc[:30, "y"] = "unknown"
    asked["data"]["positive"] = None
    asked["search"]["scores"] = []
    with pytest.raises(ShoalError) as refused:
        plan(rows, **asked)
    assert str(refused.value) == (
        'search.threshold: expected "none" for 3 classes: a threshold is one of two classes'
    )
    assert asked["search"].pop("threshold") == "f1"
    plan(rows, **asked)


def test_mlp_classifier_has_its_threshold_tuned_by_scikit_learn() -> None:
    rows = table()
    x, y = rows[["u", "v"]], rows["y"]
    scoring = metrics.make_scorer(metrics.f1_score, pos_label="fraud")
    network = MLPClassifier(hidden_layer_sizes=(4,), max_iter=15, random_state=0)
    tuned = TunedThresholdClassifierCV(network, scoring=scoring, cv=3, random_state=0).fit(x, y)
    place = list(tuned.classes_).index("fraud")
    reached = tuned.predict_proba(x)[:, place] >= tuned.best_threshold_
    assert tuned.best_threshold_ != 0.5
    assert set(tuned.predict(x)[reached]) | set(tuned.predict(x)[~reached]) == {"fraud", "ok"}


def test_a_search_of_one_candidate_has_folds_enough(tmp_path: Path) -> None:
    results = shoal.run(
        table(), out=tmp_path, **{**study(), "search": {"threshold": "balanced", "space": {}}}
    )
    assert len(results.candidates) == 1
    assert results.threshold is not None
    assert results.threshold.answers == results.truth.train_rows
    assert results.decision == shoal.load(tmp_path).decision is not None


def test_rows_held_out_of_one_class_have_none_and_it_is_said(tmp_path: Path) -> None:
    """Where rows have an order and those of the class are all early, no fold holds one out."""
    rows = table()
    rows["y"] = np.where(np.arange(len(rows)) < 80, rows["y"].sample(frac=1, random_state=1), "ok")
    rows.loc[::9, "y"] = np.where(np.arange(len(rows))[::9] < 80, "fraud", "ok")
    asked = study("f1")
    asked["data"]["ordered"] = True
    asked["search"] = {"threshold": "f1", "folds": 3}
    results = shoal.run(rows, out=tmp_path, **asked)
    assert results.decision is None
    said = (
        "There is no threshold (search.threshold): all rows held out that count are of one class."
        " The likelier class is named."
    )
    assert said in " ".join(results_text(results).split())
    assert said in " ".join(
        (tmp_path / "report.html").read_text(encoding="utf-8").replace("\u00a0", " ").split()
    )
    model = shoal.load(tmp_path)
    assert model.decision is None
    assert (model.predict(rows) == np.array(model.classes)[model.predict_proba(rows).argmax(axis=1)]).all()
