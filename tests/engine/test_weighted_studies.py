"""Studies whose rows or classes have weights: what is learned from which rows, what is refused, what stays the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from shoal.data import Column, Dataset, load_builtin
from shoal.engine import Planner, StudyFit, StudyRows, Trainers, ground_truth
from shoal.engine._row_weights import class_weights, training_weights
from shoal.engine._train import train_fit
from shoal.errors import StudyError
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import FitRecord, Store
from shoal.study import Study, Training, parse_study

TRAINERS = Trainers()
DRAW = np.random.default_rng(8)
ROWS, TRAIN = 90, 72
X = DRAW.normal(size=(ROWS, 2))
LABEL = np.where(X[:, 0] > 0.9, 2, (X[:, 1] > 0.2).astype(int)).astype(np.int64)
WEIGHT = DRAW.gamma(1.0, 2.0, ROWS)
CLASSES = ("low", "mid", "rare")


def dataset(task: str = "classification", weights: Any = WEIGHT) -> Dataset:
    named = task == "classification"
    return Dataset(
        name="made", task=task, columns=tuple(Column(name, X[:, k]) for k, name in enumerate("ab")),  # type: ignore[arg-type]
        target_names=("y",), targets=LABEL if named else X[:, :1] - X[:, 1:] ** 2,
        classes=CLASSES if named else (), train_rows=TRAIN, groups=None, given_folds=None,
        train_fingerprint="train", test_fingerprint="test", source="made", weights=weights,
    )  # fmt: skip


def study(task: str = "classification", **changes: Any) -> Study:
    sections: dict[str, Any] = {
        "study": {"task": task, "seed": 4},
        "data": {"train": "made.csv", "target": "y", "standardize": "inputs"},
        "network": {"hidden": [5]},
        "training": {"epochs": 6, "batch_size": 16, "lr": 0.02},
        "search": {"folds": 3},
    }
    for section, change in changes.items():
        sections[section] = {**sections.get(section, {}), **change}
    return parse_study(sections)


def first_fit(asked: Study, rows: Dataset) -> StudyFit:
    return Planner(asked, rows, TRAINERS.choose).search_fits()[0].fit


def trained(fit: StudyFit, rows: Dataset) -> FitRecord:
    return train_fit(fit, StudyRows(rows, "inputs"), TRAINERS.by_name[fit.trainer], None, lambda state: None)


def parameters(record: FitRecord) -> bytes:
    return b"".join(record.parameters[name].tobytes() for name in sorted(record.parameters))


# -- weights of classes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_balanced_is_scikit_learns(weight: Any) -> None:
    own = class_weights("balanced", LABEL, CLASSES, weight)
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=LABEL, sample_weight=weight)
    assert own / own[0] == pytest.approx(theirs / theirs[0])
    if weight is None:
        assert own.tolist() == theirs.tolist()
    total = np.bincount(LABEL, np.ones(ROWS) if weight is None else weight) * own
    assert total == pytest.approx(total[0])


def test_a_class_that_no_row_has_takes_no_part() -> None:
    assert class_weights("balanced", LABEL[LABEL < 2], CLASSES).tolist()[2] == 0
    two = compute_class_weight("balanced", classes=np.arange(2), y=LABEL[LABEL < 2])
    assert class_weights("balanced", LABEL[LABEL < 2], CLASSES)[:2] == pytest.approx(two)
    assert class_weights({"rare": 4.0}, LABEL, CLASSES).tolist() == [1, 1, 4]


def test_weights_of_rows_and_classes_are_multiplied() -> None:
    rows = np.arange(20)
    own = training_weights(dataset(), Training(class_weight={"rare": 4.0}), rows)
    assert own is not None
    expected = WEIGHT[:20] * np.where(LABEL[:20] == 2, 4.0, 1.0)
    assert own / own[0] == pytest.approx(expected / expected[0])


@pytest.mark.parametrize("weights", [None, WEIGHT])
def test_nothing_of_a_row_held_out_says_what_a_class_weighs(weights: Any) -> None:
    """Garbage in the labels and weights of all other rows changes no byte of what is trained."""
    asked = study(training={"class_weight": "balanced"})
    rows = dataset(weights=weights)
    fit = first_fit(asked, rows)
    held = np.setdiff1d(np.arange(ROWS), fit.split.train)
    label, weight = LABEL.copy(), None if weights is None else weights.copy()
    label[held] = 2
    if weight is not None:
        weight[held] = np.arange(len(held)) * 1e6
    clean, dirty = trained(fit, rows), trained(fit, replace(rows, targets=label, weights=weight))
    assert parameters(clean) == parameters(dirty)
    assert clean.curves["train_loss"].tobytes() == dirty.curves["train_loss"].tobytes()
    assert clean.curves["validation_loss"].tobytes() != dirty.curves["validation_loss"].tobytes()
    # The witness: those of training rows do.
    label[fit.split.train[:5]] = 2
    assert parameters(trained(fit, replace(rows, targets=label))) != parameters(clean)


def test_losses_of_rows_held_out_and_scores_are_not_weighted_by_class() -> None:
    """They are those of the network that was trained so, on rows as they are."""
    fit = first_fit(study(training={"class_weight": {"rare": 50.0}}), dataset(weights=None))
    record = trained(fit, dataset(weights=None))
    held = fit.split.validation
    probability = record.predictions["validation"]
    loss = -np.log(probability[np.arange(len(held)), LABEL[held]]).mean()
    assert record.scores["validation"]["loss"] == pytest.approx(loss)
    assert record.curves["validation_loss"][-1] == pytest.approx(loss, rel=1e-5)
    plain = trained(first_fit(study(), dataset(weights=None)), dataset(weights=None))
    assert parameters(plain) != parameters(record)


def test_a_fit_without_weights_of_classes_is_called_as_ever() -> None:
    rows = dataset(weights=None)
    none, balanced = study(training={"class_weight": "none"}), study(training={"class_weight": "balanced"})
    assert first_fit(study(), rows).id == first_fit(none, rows).id != first_fit(balanced, rows).id


# -- weights of rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_rows_that_all_weigh_the_same_give_the_bytes_of_rows_without_weights(task: str) -> None:
    fit = first_fit(study(task), dataset(task, None))
    plain, alike = (trained(fit, dataset(task, w)) for w in (None, np.full(ROWS, 0.3)))
    weighted = trained(fit, dataset(task))
    assert parameters(plain) == parameters(alike) != parameters(weighted)
    assert plain.scores == alike.scores != weighted.scores
    assert all(plain.curves[name].tobytes() == alike.curves[name].tobytes() for name in plain.curves)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_scores_and_curves_of_rows_held_out_weigh_them(task: str) -> None:
    rows = dataset(task)
    fit = first_fit(study(task), rows)
    record, held = trained(fit, rows), fit.split.validation
    answer = record.predictions["validation"]
    own = (
        ((answer - rows.targets[held]) ** 2).mean(axis=1)
        if task == "regression"
        else -np.log(answer[np.arange(len(held)), LABEL[held]])
    )
    loss = float(np.average(own, weights=WEIGHT[held]))
    assert record.scores["validation"]["loss"] == pytest.approx(loss)
    assert record.curves["validation_loss"][-1] == pytest.approx(loss, rel=1e-4)


def test_a_fold_whose_rows_weigh_nothing_is_refused() -> None:
    plain = dataset("regression", None)
    split = Planner(study("regression"), plain, TRAINERS.choose).folds[0]
    what = "expected a weight above 0 in some of the"
    refused = (
        (split.train, f"data.weights: {what} training rows (fold 1 of 3), got none"),
        (
            split.validation,
            "data.weights: expected a weight above 0 in some of the validation rows (fold 1 of 3), got none",
        ),
    )
    for rows, sentence in refused:
        weight = np.ones(ROWS)
        weight[rows] = 0
        with pytest.raises(StudyError) as caught:
            Planner(study("regression"), replace(plain, weights=weight), TRAINERS.choose).search_fits()
        assert str(caught.value) == sentence


def test_class_weights_that_leave_no_row_of_a_fold_are_refused() -> None:
    label = np.zeros(ROWS, np.int64)
    label[:6] = 1
    rows = replace(dataset(weights=None), targets=label, classes=("a", "b"))
    folds = np.zeros(TRAIN, np.int64)
    folds[:6] = 1
    asked = study(
        training={"class_weight": {"a": 1.0, "b": 0.0}}, search={"folds": {"kind": "given", "column": "f"}}
    )
    folds[6:12] = 2
    swapped = replace(rows, given_folds=folds, targets=np.where(np.arange(ROWS) < 66, 1, 0))
    only = replace(swapped, targets=np.where(np.isin(np.arange(ROWS), [0, 1, 2]), 0, 1))
    with pytest.raises(StudyError) as caught:
        Planner(asked, only, TRAINERS.choose).search_fits()
    what = "expected a weight above 0 in some of the training rows (fold"
    assert str(caught.value).startswith(f"training.class_weight: {what}")


# -- a whole run ---------------------------------------------------------------------------------------------


def table(**weights: Any) -> dict[str, Any]:
    return {"a": X[:, 0], "b": X[:, 1], "y": [CLASSES[k] for k in LABEL], **weights}


RUN: dict[str, Any] = {
    "target": "y", "data": {"weights": "w"}, "network": {"hidden": [4]},
    "training": {"epochs": 3, "class_weight": "balanced"},
    "search": {"folds": 3, "space": {"training.class_weight": ["none", "balanced", {"rare": 5}]}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"training": {"class_weight": {"rar": 2.0}}},
         'training.class_weight: expected classes of the training rows ("low", "mid", "rare"), got "rar"; did you mean'
         ' "rare"?'),
        ({"training": {"class_weight": dict.fromkeys(CLASSES, 0.0)}},
         "training.class_weight: expected a class with a weight above 0, got 0 for all of them"),
        ({"search": {"folds": 3, "space": {"training.class_weight": ["none", {"mids": 2.0}]}}},
         'search.space."training.class_weight"[1]: expected classes of the training rows ("low", "mid", "rare"), got'
         ' "mids"; did you mean "mid"?'),
        ({"compare": [{"name": "A", "training": {"class_weight": {"lo": 3}}}]},
         'compare[0].training.class_weight: expected classes of the training rows ("low", "mid", "rare"), got "lo"; did'
         ' you mean "low"?'),
    ],
)  # fmt: skip
def test_classes_that_there_are_not_are_refused_by_name(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        plan(table(w=WEIGHT), **{**RUN, **changes})
    assert str(caught.value) == sentence


def test_a_plan_says_of_which_classes_nothing_is_learned() -> None:
    space = {"training.class_weight": ["none", {"rare": 0.0, "low": 0}, {"mid": 0.5}]}
    changes = {"training": {"epochs": 3, "class_weight": {"rare": 0}}, "search": {"folds": 3, "space": space}}
    text = " ".join(plan(table(w=WEIGHT), **{**RUN, **changes}).text.split())
    of, then = "nothing is learned from rows of", "; scores count these rows"
    assert f'{of} "rare": weight 0 (training.class_weight){then}' in text
    by_some = "some candidates learn nothing from rows of"
    assert f'{by_some} "rare", "low": weight 0 (search.space."training.class_weight"[1]){then}' in text
    assert text.count(of) == text.count(by_some) == 1


def test_a_plan_says_of_which_class_nothing_is_learned_where_its_weight_alone_is_searched() -> None:
    weight = '"training.class_weight.rare"'
    for values, times in (([0, 1], 1), ([0.5, 1], 0), ({"low": 0.0, "high": 2.0}, 0)):
        search = {"folds": 3, "space": {weight.strip('"'): values}}
        drawn = {"method": "random", "samples": 2} if isinstance(values, dict) else {}
        changes = {"training": {"epochs": 3, "class_weight": {"low": 2}}, "search": {**search, **drawn}}
        text = " ".join(plan(table(w=WEIGHT), **{**RUN, **changes}).text.split())
        what = f'some candidates learn nothing from rows of "rare": weight 0 (search.space.{weight}); scores'
        assert text.count(what) == text.count("weight 0 (") == times


def test_equal_weights_of_all_classes_are_no_weights() -> None:
    """They are said to be none, nothing is trained otherwise, and the accuracy heads the run as without."""
    for weights, same in (
        (dict.fromkeys(CLASSES, 3.0), True),
        ({"low": 1.0}, True),
        ({"low": 3.0, "mid": 3.0}, False),
        ({}, False),
    ):
        asked = study(training={"class_weight": weights})
        changes = {"training": {"class_weight": weights}, "search": {"folds": 3}}
        text = " ".join(plan(table(w=WEIGHT), **{**RUN, **changes}).text.split())
        assert ("all classes weigh the same (training.class_weight), as without weights" in text) == same
        assert ("classes are weighted in training alone" in text) == asked.weighs_classes(CLASSES)
        assert asked.weighs_classes(CLASSES) == (not same and bool(weights))
        equal = training_weights(dataset(weights=None), asked.training, np.arange(20)) is None
        assert equal == (not asked.training.weighs_classes(CLASSES))


@pytest.mark.usefixtures("dots")
def test_a_run_of_weighted_rows_says_so_and_opens_again(tmp_path: Any) -> None:
    asked = plan(table(w=WEIGHT), **RUN).text
    assert "rows are weighted (data.weights) in losses, curves, scores and their intervals" in asked
    assert "classes are weighted in training alone (training.class_weight)" in asked
    assert " training rows weigh " in " ".join(asked.split())
    results = run(table(w=WEIGHT), out=tmp_path / "run", **RUN)
    truth = results.truth
    assert sorted(truth.weights) == sorted(WEIGHT)
    with Store.open_readonly(results.folder) as store:
        assert store.truth().weights.tobytes() == truth.weights.tobytes()
    certainty = results.certainty
    assert not certainty.why
    assert certainty.worth < certainty.rows == len(truth.y[: truth.train_rows])
    assert len(results.candidates) == 3
    text = str(results.columns)
    assert "weights" in text
    plain = run(table(), out=tmp_path / "plain", **{**RUN, "data": {}})
    assert not len(plain.truth.weights)


def test_weights_reach_the_truth_of_a_run() -> None:
    planner = Planner(study("regression"), dataset("regression"), TRAINERS.choose)
    assert ground_truth(planner).weights.tolist() == WEIGHT.tolist()


# -- images --------------------------------------------------------------------------------------------------


def test_images_have_no_column_of_weights() -> None:
    with pytest.raises(StudyError) as caught:
        plan("digits", data={"weights": "w"})
    what = "expected nothing for images, without columns to choose from"
    assert str(caught.value) == f"data.weights: {what}"


def test_classes_of_images_weigh_in_training_too() -> None:
    digits = load_builtin("digits")
    network = {"kind": "cnn", "conv": [{"channels": 3, "stride": 2}], "hidden": []}
    records = []
    for asked in ("none", "balanced", {"3": 9.0}):
        training = {"epochs": 1, "class_weight": asked}
        sections = {
            "study": {"task": "classification"},
            "data": {"dataset": "digits"},
            "search": {"folds": 2},
        }
        own = parse_study({**sections, "network": network, "training": training})
        records.append(trained(first_fit(own, digits), digits))
    assert len({parameters(record) for record in records}) == 3
    assert all(record.status == "ok" for record in records)
