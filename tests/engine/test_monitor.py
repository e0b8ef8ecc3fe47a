"""A score that chooses the kept epoch and ends the training, in both trainers; stopped, gone on to the same bytes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.data import Column, Dataset, load_builtin
from shoal.engine import Planner, StudyFit, StudyRows, Trainer, Trainers, initial_state
from shoal.engine._train import Checkpoint, train_fit
from shoal.engine._trainer import FitData
from shoal.errors import StudyError
from shoal.results import FitRecord, higher_is_better, score_of_answers
from shoal.study import Study, candidates, parse_study
from studies import tiny_study

ROWS = 80
TRAINERS = ["native", "torch"]


def rows_of(task: str) -> Dataset:
    draw = np.random.default_rng(2)
    x_ND = draw.normal(size=(ROWS, 2))
    y: Any = x_ND[:, :1] + 0.8 * draw.normal(size=(ROWS, 1))
    if task == "classification":
        y = (y[:, 0] > 0.4).astype(np.int64)
    return Dataset(
        name="made",
        task="classification" if task == "classification" else "regression",
        columns=(Column("a", x_ND[:, 0]), Column("b", x_ND[:, 1])),
        targets=y,
        target_names=("y",),
        classes=("no", "yes") if task == "classification" else (),
        train_rows=ROWS - 10,
        groups=None,
        given_folds=None,
        train_fingerprint="made",
        test_fingerprint="tested",
        source="made",
    )


def study_of(task: str, monitor: str, **training: Any) -> Study:
    keep: dict[str, Any] = {"keep": "best", "epochs": 12, "lr": 0.2, "batch_size": 8}
    return parse_study(
        {
            "study": {"task": task, "seed": 4},
            "data": {"dataset": "two-peaks"},
            "network": {"hidden": [5], "dropout": 0.1},
            "training": {**keep, "monitor": monitor, **training},
            "search": {"folds": 2},
        }
    )


def laid_out(study: Study, name: str) -> tuple[StudyFit, StudyRows, Trainer]:
    dataset, trainers = rows_of(study.study.task), Trainers("native" if name == "native" else "torch")
    planner = Planner(study, dataset, trainers.choose)
    fit = planner.search_fits()[0].fit
    return fit, StudyRows(dataset, study.data.standardize), trainers.by_name[fit.trainer]


def trained(study: Study, name: str) -> FitRecord:
    fit, rows, trainer = laid_out(study, name)
    assert trainer.name == name
    return train_fit(fit, rows, trainer, None, lambda _: None)


def same(first: FitRecord, second: FitRecord) -> None:
    assert (first.epochs, first.kept_epoch, first.status) == (second.epochs, second.kept_epoch, second.status)
    assert first.parameters.keys() == second.parameters.keys()
    for part, array in first.parameters.items():
        assert array.tobytes() == second.parameters[part].tobytes()


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("training", [{}, {"early_stopping": "inner", "inner_share": 0.3, "patience": 2}])
@pytest.mark.parametrize(
    ("task", "monitor"),
    [("classification", "neg_log_loss"), ("regression", "mse"), ("regression", "neg_mean_squared_error")],
)
def test_a_score_that_is_the_loss_keeps_and_stops_as_the_loss_does(
    name: str, training: dict[str, Any], task: str, monitor: str
) -> None:
    by_loss = trained(study_of(task, "loss", **training), name)
    by_score = trained(study_of(task, monitor, **training), name)
    assert by_loss.fit_id != by_score.fit_id
    assert 0 < by_loss.kept_epoch < by_loss.epochs
    same(by_loss, by_score)


@pytest.mark.parametrize("name", TRAINERS)
def test_the_same_of_images(name: str) -> None:
    def of(monitor: str) -> FitRecord:
        study = parse_study(
            {
                "study": {"task": "classification", "seed": 1},
                "data": {"dataset": "digits"},
                "network": {"kind": "cnn", "conv": [{"channels": 2, "stride": 2}], "hidden": []},
                "training": {"keep": "best", "epochs": 6, "lr": 0.2, "monitor": monitor},
                "search": {"folds": 2},
            }
        )
        trainers, dataset = Trainers("native" if name == "native" else "torch"), load_builtin("digits")
        fit = Planner(study, dataset, trainers.choose).search_fits()[0].fit
        rows = StudyRows(dataset, study.data.standardize)
        return train_fit(fit, rows, trainers.by_name[fit.trainer], None, lambda _: None)

    by_loss = of("loss")
    assert 0 < by_loss.kept_epoch < by_loss.epochs
    same(by_loss, of("neg_log_loss"))


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize(("task", "monitor"), [("classification", "roc_auc"), ("regression", "r2")])
def test_the_kept_epoch_is_the_first_of_the_best_score(name: str, task: str, monitor: str) -> None:
    """Beside a training that keeps its last epoch, made as long as each of the epochs in turn."""
    record = trained(study_of(task, monitor), name)
    scores = []
    for epochs in range(1, record.epochs + 1):
        fit, rows, trainer = laid_out(study_of(task, "loss", keep="last", epochs=epochs), name)
        short = train_fit(fit, rows, trainer, None, lambda _: None)
        true = rows.dataset.targets[fit.rows.validation]
        scores.append(score_of_answers(monitor, true, short.predictions["validation"]))
    assert higher_is_better(monitor)
    assert record.kept_epoch == int(np.argmax(scores)) + 1
    assert record.scores["validation"].get(monitor, max(scores)) == max(scores)


@pytest.mark.parametrize("name", TRAINERS)
@settings(max_examples=8, deadline=None)
@given(steps=st.lists(st.integers(1, 9), min_size=1, max_size=4), monitor=st.sampled_from(["roc_auc", "f1"]))
def test_a_fit_that_leaves_off_and_goes_on_comes_to_the_same_bytes(
    name: str, steps: list[int], monitor: str
) -> None:
    study = study_of("classification", monitor, early_stopping="inner", inner_share=0.3, patience=3)
    fit, rows, trainer = laid_out(study, name)
    whole = train_fit(fit, rows, trainer, None, lambda _: None)
    state = initial_state(fit.job)
    for number in (*steps, *[1000]):
        data: FitData = rows.prepared(fit).data
        questions = iter(range(number))
        state.pausing = lambda questions=questions: next(questions, None) is None  # type: ignore[misc]
        trainer.advance(fit.job, data, state, fit.job.training.epochs)
        start = Checkpoint.of(fit.id, state)
        state = start.state()
    same(whole, train_fit(fit, rows, trainer, start, lambda _: None))


@pytest.mark.parametrize("name", TRAINERS)
def test_where_slices_end_changes_no_byte(name: str) -> None:
    fit, rows, trainer = laid_out(study_of("classification", "roc_auc"), name)
    whole = train_fit(fit, rows, trainer, None, lambda _: None)
    state, data = initial_state(fit.job), rows.prepared(fit).data
    while state.status == "training":
        trainer.advance(fit.job, data, state, state.epoch + 1)
    assert state.best_epoch == whole.kept_epoch
    same(whole, train_fit(fit, rows, trainer, Checkpoint.of(fit.id, state), lambda _: None))


@pytest.mark.parametrize("name", TRAINERS)
def test_a_score_that_no_epoch_has_is_a_failed_fit(name: str) -> None:
    study = study_of("classification", "roc_auc")
    fit, rows, trainer = laid_out(study, name)
    rows.dataset.targets[fit.rows.validation] = 1
    record = train_fit(fit, rows, trainer, None, lambda _: None)
    assert (record.status, record.predictions) == ("failed", {})
    undefined = "is undefined on the validation rows after every epoch that was evaluated"
    assert record.message == f'ROC AUC {undefined}: all rows are of one class, "yes"'


def test_a_score_that_no_epoch_has_is_called_by_its_class() -> None:
    """Of two classes by the positive one, wherever that stands; of a target that is the same in all rows by that."""
    fit, rows, trainer = laid_out(study_of("classification", "average_precision"), "native")
    rows.dataset.targets[fit.rows.validation] = 1
    of_no = StudyRows(replace(rows.dataset, positive=0), rows.standardize)
    for own, title in ((rows, "average precision of “yes”"), (of_no, "average precision of “no”")):
        record = train_fit(fit, own, trainer, None, lambda _: None)
        assert record.message.startswith(f"{title} is undefined on the validation rows")
        assert record.message.endswith(': all rows are of one class, "yes"')
    fit, rows, trainer = laid_out(study_of("regression", "r2"), "native")
    rows.dataset.targets[fit.rows.validation] = 1.0
    record = train_fit(fit, rows, trainer, None, lambda _: None)
    assert record.message.startswith("R² is undefined on the validation rows after every epoch")
    assert record.message.endswith("evaluated: a target is the same in all rows")


@pytest.mark.parametrize("name", TRAINERS)
def test_what_the_judge_says_is_monitored_and_nothing_else(name: str) -> None:
    """A judge that likes one epoch best keeps that epoch, whatever the loss; what is no number is never the best."""
    fit, rows, trainer = laid_out(study_of("classification", "roc_auc"), name)
    data = rows.prepared(fit).data
    for wished in (1, 5, 12):
        values = iter(
            [math.nan if epoch % 2 != wished % 2 else abs(epoch - wished) for epoch in range(1, 13)]
        )
        judge: Callable[[Any], float] = lambda _, values=values: next(values)  # noqa: E731
        judged = FitData(data.train, data.validation, data.inner, judge=judge)
        state = initial_state(fit.job)
        trainer.advance(fit.job, judged, state, 12)
        assert (state.status, state.best_epoch, state.best_loss) == ("done", wished, 0.0)


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        (
            {"monitor": "mae"},
            'training.monitor: `monitor` needs keep = "best" or early_stopping = "inner", got neither',
        ),
        (
            {"monitor": "roc_auc", "keep": "best"},
            "training.monitor: expected a score of a regression (loss, mse, rmse, mae, r2, neg_mean_absolute_error,"
            " neg_median_absolute_error, neg_mean_squared_error, neg_root_mean_squared_error,"
            " neg_mean_absolute_percentage_error, neg_mean_squared_log_error, neg_root_mean_squared_log_error and 6"
            " more), got 'roc_auc'",
        ),
    ],
)
def test_a_monitor_that_does_not_go_is_refused(training: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError) as refusal:
        parse_study({"study": {"task": "regression"}, "data": {"dataset": "two-peaks"}, "training": training})
    assert str(refusal.value) == sentence


def test_a_monitor_names_candidates_only_where_it_is_no_loss() -> None:
    plain = tiny_study(training={"keep": "best"})
    assert candidates(tiny_study(training={"keep": "best", "monitor": "loss"})) == candidates(plain)
    other = candidates(tiny_study(training={"keep": "best", "monitor": "mae"}))
    assert not {each.id for each in other} & {each.id for each in candidates(plain)}
    refits = {
        each.with_training(epochs=5, keep="last", early_stopping="none").id
        for each in (*other, *candidates(plain))
    }
    assert len(refits) == len(other)
