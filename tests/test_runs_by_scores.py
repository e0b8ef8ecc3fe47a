"""Runs that choose by scores of scikit-learn's names, several at once, stopped, asked for later."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

import shoal
from shoal.engine import Silent
from shoal.errors import DataError, Interrupted
from shoal.look import results_text, write_report
from shoal.look.page.tables import candidate_table, comparison_table, refit_table
from shoal.planning import plan
from shoal.results import FitRecord, Store, higher_is_better, row_score
from shoal.scores import SCORES, different, metrics_of, title_of

pytestmark = pytest.mark.usefixtures("dots", "no_report")
ROWS = 90


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run finds the fits of other tests that asked for another score of the same networks."""
    return tmp_path_factory.mktemp("trained")


def table(task: str, classes: int = 2) -> pd.DataFrame:
    """Rows of two inputs, a third of the classes as wide as they are apart; counts in a regression."""
    draw = np.random.default_rng(7)
    x_ND = draw.normal(size=(ROWS, 2))
    if task == "classification":
        y: Any = np.digitize(x_ND[:, 0] + 0.7 * draw.normal(size=ROWS), np.linspace(-0.5, 0.5, classes - 1))
        y = np.array(["a", "b", "c", "d"])[y]
    elif task == "multilabel":
        first, second = (x_ND[:, k] + 0.7 * draw.normal(size=ROWS) > 0.3 for k in range(2))
        return pd.DataFrame({"u": x_ND[:, 0], "v": x_ND[:, 1], "y": first * 1, "z": second * 1})
    else:
        y = draw.poisson(np.exp(0.5 * x_ND[:, 0])) + 0.5
    return pd.DataFrame({"u": x_ND[:, 0], "v": x_ND[:, 1], "y": y})


def asked_study(task: str, metric: str = "loss", **search: Any) -> dict[str, Any]:
    return {
        "name": "by-scores",
        "task": task,
        "target": ["y", "z"] if task == "multilabel" else "y",
        "data": {"inputs": ["u", "v"]},
        "network": {"hidden": [4]},
        "training": {"epochs": 4, "lr": 0.02, "loss": "poisson" if task == "regression" else None},
        "compare": [{"name": "none", "network": {"hidden": []}}],
        "search": {"metric": metric, "folds": 3, "space": {"training.lr": [0.001, 0.02]}, **search},
        "checks": {"baselines": False},
    }


def fitting(task: str, classes: int) -> tuple[str, ...]:
    """The scores that such data have."""
    names = metrics_of(task)
    if task != "classification":
        return names
    return tuple(name for name in names if SCORES[name].classes[0] <= classes <= SCORES[name].classes[1])


@pytest.mark.parametrize(
    ("task", "classes"), [("classification", 2), ("classification", 3), ("regression", 1), ("multilabel", 2)]
)
def test_all_scores_at_once_come_from_the_study_to_the_report(
    task: str, classes: int, tmp_path: Path
) -> None:
    names = fitting(task, classes)
    results = shoal.run(table(task, classes), out=tmp_path, **asked_study(task, scores=list(names)))
    frame = results.fits
    for rows in ("validation", "test"):
        assert {f"{rows}_{name}" for name in names} <= set(frame.columns)
    compared = frame[frame["stage"] == "compare"]
    assert compared[[f"test_{name}" for name in names]].notna().all().all()
    text, report = results_text(results), write_report(results).read_text(encoding="utf-8")
    for name in different(names, results.truth.task):
        assert name in text
        assert title_of(name, results.truth.classes) in report


@pytest.mark.parametrize(
    ("task", "scores", "headings"),
    [
        (
            "classification",
            ["f1_macro", "f1_micro", "balanced_accuracy", "f1"],
            "accuracy, loss, macro F1, ECE, balanced accuracy, F1 of “b”",
        ),
        (
            "regression",
            [
                "neg_mean_squared_error",
                "neg_root_mean_squared_error",
                "neg_mean_absolute_error",
                "neg_max_error",
            ],
            "MSE, RMSE, MAE, R², negated largest error",
        ),
        (
            "multilabel",
            ["f1_macro", "f1_micro", "jaccard_samples"],
            "loss, macro F1, accuracy, micro F1, Jaccard of each row",
        ),
    ],
)
def test_one_score_is_one_column_whatever_its_name_or_sign(
    task: str, scores: list[str], headings: str, tmp_path: Path
) -> None:
    results = shoal.run(table(task), out=tmp_path, **asked_study(task, scores=scores))
    for made in (comparison_table(results), refit_table(results)):
        assert made is not None
        shown = [column.heading for column in made.columns if column.heading.startswith("test ")]
        assert shown == [f"test {heading}" for heading in headings.split(", ")]
    macro = ["macro_f1", "f1_macro"]
    twice = {"classification": macro, "regression": ["mae", "neg_mean_absolute_error"], "multilabel": macro}[
        task
    ]
    later = shoal.run(table(task), out=tmp_path, **asked_study(task, scores=twice))
    candidates = candidate_table(later)
    assert candidates is not None
    means = [column.heading for column in candidates.columns if column.heading.startswith("mean ")]
    assert means == [f"mean {SCORES[twice[0]].title}"]
    assert twice[1] in later.fits.filter(like="test_").columns.str.removeprefix(
        "test_"
    )  # numbers have all names


@pytest.mark.parametrize("name", [name for name, kind in SCORES.items() if kind.same_as])
def test_a_score_that_is_another_has_its_number_perhaps_with_the_other_sign(name: str) -> None:
    kind, draw = SCORES[name], np.random.default_rng(5)
    task = kind.tasks[0]
    y: Any = draw.integers(0, 3, 50) if task == "classification" else draw.normal(size=(50, 2))
    answers: Any = draw.dirichlet(np.ones(3), 50) if task == "classification" else draw.normal(size=(50, 2))
    if task == "multilabel":
        y, answers = y > 0, draw.random((50, 2))
    weight_N = draw.uniform(0.1, 2, 50)
    own, other = (row_score(task, each).score(y, answers, weight_N) for each in (name, kind.same_as))
    assert own == pytest.approx(-other if kind.negated else other, rel=1e-12)
    assert different([name, kind.same_as], task) == (name,)


@pytest.mark.parametrize(
    ("task", "metric"), [(task, name) for name, kind in SCORES.items() if kind.peer for task in kind.tasks]
)
def test_every_score_chooses_the_candidate_with_the_best_mean(
    task: str, metric: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best is the highest, or of errors the lowest, and it is said in the words of the score."""
    for name in ("look_inside", "look_at_inputs", "ask_ensemble"):  # of the winner, whoever it is
        monkeypatch.setattr(f"shoal.pipeline.{name}", lambda *_: None)
    kind = SCORES[metric]
    classes = 2 if kind.classes[1] == 2 else 3
    results = shoal.run(table(task, classes), out=trained / f"{task}-{classes}", **asked_study(task, metric))
    search = results.fits[results.fits["stage"] == "search"]
    means = search.groupby("candidate_id")[f"validation_{metric}"].mean()
    assert results.choice is not None
    assert higher_is_better(metric)
    assert results.choice.candidate_id == means.idxmax()
    assert results.candidates["selection_score"].to_numpy() == pytest.approx(sorted(means, reverse=True))
    assert f"mean {title_of(metric, results.truth.classes)} over 3 folds" in " ".join(
        results_text(results).split()
    )


def test_a_score_of_a_run_is_scikit_learns_on_the_answers_that_it_kept(tmp_path: Path) -> None:
    results = shoal.run(table("classification"), out=tmp_path, **asked_study("classification", "roc_auc"))
    true = results.truth.y[results.truth.train_rows :]
    probability = results.test_predictions(str(results.delivered_id))[:, 1]
    own = results.refit["test_roc_auc"].iloc[0]
    assert own == metrics.roc_auc_score(true, probability)


def test_a_score_asked_for_later_trains_nothing_and_is_the_same(tmp_path: Path) -> None:
    rows = table("classification")
    shoal.run(rows, out=tmp_path, **asked_study("classification"))
    with Store.open_readonly(tmp_path) as store:
        before = set(store.known())
    later = shoal.run(rows, out=tmp_path, **asked_study("classification", scores=["roc_auc", "f1"]))
    with Store.open_readonly(tmp_path) as store:
        assert set(store.known()) == before
        assert all("f1" not in scores for fit in store.summaries().values() for scores in fit.scores.values())
    whole = shoal.run(rows, out=tmp_path / "whole", **asked_study("classification", scores=["roc_auc", "f1"]))
    columns = [name for name in whole.fits.columns if name.startswith(("validation_", "test_"))]
    pd.testing.assert_frame_equal(later.fits[columns], whole.fits[columns])
    assert later.digest == whole.digest


class StopAfter(Silent):
    """Sends this process SIGINT once so many fits are done."""

    def __init__(self, fits: int) -> None:
        self.left = fits

    def finished(self, record: FitRecord) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_that_was_stopped_comes_to_the_same_choice_and_digest(tmp_path: Path) -> None:
    rows, asked = (
        table("classification", 3),
        asked_study("classification", "roc_auc_ovr", scores=["f1_macro"]),
    )
    whole = shoal.run(rows, out=tmp_path / "whole", **asked)
    for fits in (1, 4, 7):
        folder = tmp_path / f"after-{fits}"
        with pytest.raises(Interrupted):
            shoal.run(rows, out=folder, watcher=StopAfter(fits), **asked)
        again = shoal.run(rows, out=folder, **asked)
        assert again.digest == whole.digest
        assert repr(again.choice) == repr(whole.choice)  # NaN is itself there


class Shown(Silent):
    """Keeps what a display is shown."""

    def __init__(self) -> None:
        self.records: list[FitRecord] = []

    def finished(self, record: FitRecord) -> None:
        self.records.append(record)


def test_a_display_is_shown_the_score_that_chooses(tmp_path: Path) -> None:
    shown = Shown()
    asked = asked_study("classification", "roc_auc")
    results = shoal.run(table("classification"), out=tmp_path, watcher=shown, **asked)
    scores = {record.fit_id: record.scores for record in shown.records}
    assert scores == {fit_id: fit.scores for fit_id, fit in results.summaries.items()}


def given_folds(rows: pd.DataFrame, one_class: list[int]) -> pd.DataFrame:
    """Folds 0 to 2, some of which hold out rows of one class alone."""
    fold = np.arange(len(rows)) % 3
    for number in one_class:
        fold[(fold == number) & (rows["y"] != "a")] = -1
    return rows.assign(fold=fold)


FOLDS = {"kind": "given", "column": "fold"}


def test_a_fold_of_one_class_counts_for_no_candidate(tmp_path: Path) -> None:
    rows = given_folds(table("classification"), [1])
    asked = asked_study("classification", "roc_auc", folds=FOLDS)
    results = shoal.run(rows, out=tmp_path, **asked)
    search = results.fits[results.fits["stage"] == "search"]
    assert search.loc[search["fold"] == 1, "validation_roc_auc"].isna().all()
    means = search[search["fold"] != 1].groupby("candidate_id")["validation_roc_auc"].mean()
    assert results.candidates["selection_score"].to_numpy() == pytest.approx(sorted(means, reverse=True))
    said = "ROC AUC is undefined on the rows of 1 of 3 folds, which counts for no candidate."
    assert said in " ".join(results_text(results).split())


def test_such_folds_are_named_before_training(tmp_path: Path) -> None:
    rows = given_folds(table("classification"), [0, 2])
    laid_out = plan(rows, out=tmp_path, **asked_study("classification", "roc_auc", folds=FOLDS))
    said = (
        "ROC AUC is undefined on the rows of folds 1, 3 of 3 folds (all rows are of one class): they count for no"
        " candidate"
    )
    assert said in " ".join(laid_out.text.split())


def refused(rows: pd.DataFrame, tmp_path: Path, asked: dict[str, Any]) -> str:
    with pytest.raises(DataError) as refusal:
        shoal.run(rows, out=tmp_path, **asked)
    assert not any(tmp_path.iterdir())
    return str(refusal.value)


def test_a_metric_that_no_fold_has_is_refused_before_training(tmp_path: Path) -> None:
    rows = given_folds(table("classification"), [0, 1, 2])
    assert refused(rows, tmp_path, asked_study("classification", "roc_auc", folds=FOLDS)) == (
        "search.metric: expected folds with rows on which ROC AUC is defined, got none: all rows are of one class"
    )


def test_scores_that_the_data_have_none_of_are_refused_before_training(tmp_path: Path) -> None:
    asked = asked_study("classification", "roc_auc", scores=["f1_macro", "f1"])
    assert refused(table("classification", 3), tmp_path, asked).split("\n") == [
        "search.metric: expected a score of 3 classes, got one of two classes",
        "search.scores[1]: expected a score of 3 classes, got one of two classes",
    ]


def test_a_score_without_a_standard_error_takes_no_rule_of_one(tmp_path: Path) -> None:
    asked = asked_study("regression", "neg_max_error", rule="one-standard-error")
    assert refused(table("regression"), tmp_path, asked) == (
        "search.rule: expected best, since negated largest error has no standard error: it is that of a single row,"
        " and grows with the number of rows"
    )


def test_of_a_score_that_tells_nothing_of_other_rows_nothing_is_said(tmp_path: Path) -> None:
    results = shoal.run(table("regression"), out=tmp_path, **asked_study("regression", "neg_max_error"))
    first, second = results.standings
    assert (first.verdict, second.verdict) == ("best", "not compared")
    assert np.isnan([first.standard_error, second.p_value, results.expected_score]).all()
    assert results.disagreement is None
    text = " ".join(results_text(results).split())
    assert "is not known: the score tells nothing of other rows." in text
    assert "indistinguishable" not in text


def test_a_fold_with_a_single_row_of_a_class_leaves_candidates_uncompared(tmp_path: Path) -> None:
    """They are ranked; but without that row the fold has no area, so that nothing is known of other rows."""
    rows = table("classification")
    fold = np.arange(len(rows)) % 3
    fold[np.flatnonzero((fold == 0) & (rows["y"] != "a"))[1:]] = -1
    asked = asked_study("classification", "roc_auc", folds=FOLDS)
    results = shoal.run(rows.assign(fold=fold), out=tmp_path, **asked)
    assert [row.verdict for row in results.standings] == ["best", "not compared"]
    assert results.candidates["selection_score"].notna().all()


def test_candidates_are_compared_by_an_area_and_the_corrected_score_is_said(tmp_path: Path) -> None:
    results = shoal.run(table("classification"), out=tmp_path, **asked_study("classification", "roc_auc"))
    assert {row.verdict for row in results.standings} <= {"best", "equivalent", "unresolved", "worse"}
    assert 0.4 < results.expected_score < 1
    assert results.standings[0].standard_error > 0


def test_weights_of_rows_are_scikit_learns_sample_weight(tmp_path: Path) -> None:
    rows = table("classification")
    rows["w"] = np.arange(len(rows)) % 3 + 1.0
    asked = asked_study("classification", "roc_auc", scores=["f1_macro"])
    asked["data"]["weights"] = "w"
    results = shoal.run(rows, out=tmp_path, **asked)
    truth = results.truth
    true, weight = truth.y[truth.train_rows :], truth.test_weights
    probability = results.test_predictions(str(results.delivered_id))
    own = results.refit.iloc[0]
    assert own["test_roc_auc"] == metrics.roc_auc_score(true, probability[:, 1], sample_weight=weight)
    assert own["test_f1_macro"] == metrics.f1_score(
        true, probability.argmax(axis=1), average="macro", sample_weight=weight
    )


def test_further_scores_stand_beside_the_selection_score(tmp_path: Path) -> None:
    asked = asked_study("classification", "f1_macro", scores=["roc_auc", "loss"])
    asked["data"]["test_share"] = 0.4  # enough test rows for an interval
    results = shoal.run(table("classification"), out=tmp_path, **asked)
    search = results.fits[results.fits["stage"] == "search"]
    for name in ("roc_auc", "loss"):
        means = search.groupby("candidate_id")[f"validation_{name}"].mean()
        shown = results.candidates.set_index("candidate_id")[f"mean_{name}"]
        pd.testing.assert_series_equal(shown.sort_index(), means.sort_index(), check_names=False)
    text = " ".join(results_text(results).split())
    assert "mean roc_auc mean loss" in text
    assert "test rows, macro F1 is " in text  # by which it was chosen, and so it heads
    assert re.search(r"On the test rows it has: ROC AUC [0-9.]+ \(95 % interval", text)


def test_a_candidate_whose_answers_have_no_score_is_ranked_last(tmp_path: Path) -> None:
    """A network whose answers are below 0 has no Poisson deviance."""
    asked = asked_study("regression", "neg_mean_poisson_deviance")
    asked["training"] = {"epochs": 30, "lr": 0.02}
    asked["search"]["space"] = {"training.loss": ["mse", "poisson"]}
    rows = table("regression").assign(y=lambda frame: (frame["y"] - 0.5) * (frame["u"] > 0))
    results = shoal.run(rows, out=tmp_path, **asked)
    assert [row.failed for row in results.standings] == [False, True]
    assert results.candidates["training.loss"].tolist() == ["poisson", "mse"]
    said = "1 of 2 candidates has no negated Poisson deviance and was left out."
    assert said in " ".join(results_text(results).split())


def test_outer_folds_choose_by_the_score_and_say_it(tmp_path: Path) -> None:
    asked = asked_study("classification", "roc_auc", scores=["f1"]) | {"nested": {"folds": 3}}
    results = shoal.run(table("classification"), out=tmp_path, **asked)
    assert results.nested is not None
    assert not results.nested.why
    assert {"roc_auc", "f1"} <= set(results.nested.scores)
    for fold in results.nested.folds:
        entry = next(each for each in results.plan if each.fit_id == fold.fit_id)
        true = results.truth.y[results.truth.validation_rows["nested", entry.fold]]
        with Store.open_readonly(tmp_path) as store:
            answers = store.arrays(fold.fit_id, "predictions")["validation"]
        assert fold.scores["roc_auc"] == metrics.roc_auc_score(true, answers[:, 1])
    assert "expected on new rows of the same kind are ROC AUC" in " ".join(results.conclusion.split())


def test_a_published_value_may_be_of_any_score(tmp_path: Path) -> None:
    published = {"name": "none", "metric": "roc_auc", "value": 0.8, "source": "a book"}
    asked = asked_study("classification") | {"reference": [published]}
    results = shoal.run(table("classification"), out=tmp_path, **asked)
    row = results.references.iloc[0]
    assert row["mean"] == results.comparisons["roc_auc_mean"].iloc[0]
