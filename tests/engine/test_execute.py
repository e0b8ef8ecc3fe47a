"""Relations between whole runs: alone or among others, one worker or many, interrupted or not, the same bytes."""

from __future__ import annotations

import dataclasses
import math
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.engine import (
    Executor,
    Planner,
    Silent,
    StudyFit,
    StudyRows,
    Trainers,
    _study_rows,
    _train,
    entries,
)
from shoal.engine._planned import unique
from shoal.engine._train import train_fit
from shoal.errors import DataError, Interrupted, TrainingError
from shoal.pipeline import run
from shoal.results import FitRecord, Identity, Store
from shoal.study import Study
from studies import poisoned, tiny_study, two_peaks

TRAINERS = Trainers()
WIDE = {"hidden": [50], "activation": "relu"}


def planner(study: Study) -> Planner:
    return Planner(study, two_peaks(), TRAINERS.choose)


def trained(fit: StudyFit, rows: StudyRows) -> FitRecord:
    return train_fit(fit, rows, TRAINERS.by_name[fit.trainer], None, lambda state: None)


def same(one: FitRecord, other: FitRecord) -> bool:
    """Equal in every byte but the time."""
    return _bytes(one) == _bytes(other)


def _bytes(record: FitRecord) -> Any:
    facts = dataclasses.asdict(dataclasses.replace(record, seconds=0.0))
    return {key: _plain(value) for key, value in facts.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


def digest(study: Study, folder: Path, **options: Any) -> str:
    return run(study, out=folder, **options).digest


def test_one_worker_or_two_and_the_order_of_the_grid_give_the_same_digest(tmp_path: Path) -> None:
    once = digest(tiny_study(), tmp_path / "one", workers=1)
    assert digest(tiny_study(), tmp_path / "two", workers=2) == once
    turned = {"network.hidden[0]": [6, 4], "network.dropout": [0.25, 0]}
    records = _records(tmp_path / "one")
    run(tiny_study(search={"space": turned}), out=tmp_path / "turned")
    assert {name: _bytes(record) for name, record in _records(tmp_path / "turned").items()} == {
        name: _bytes(record) for name, record in records.items()
    }


def test_processes_and_threads_give_the_same_digest(tmp_path: Path) -> None:
    study = tiny_study(training={"epochs": 2})
    once = digest(study, tmp_path / "one", workers=1, trainer="torch")
    assert digest(study, tmp_path / "two", workers=2, trainer="torch") == once


def _records(folder: Path) -> dict[str, FitRecord]:
    with Store.open_readonly(folder) as store:
        return {name: store.record(name) for name in store.known()}


class Stopper(Silent):
    """Asks the process to stop, as Ctrl-C does, after some fits."""

    def __init__(self, after: int) -> None:
        self.left = after

    def finished(self, record: FitRecord) -> None:
        import os
        import signal

        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of an uninterrupted run."""
    return digest(tiny_study(), tmp_path_factory.mktemp("whole"))


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=st.integers(1, 14), workers=st.integers(1, 2))
def test_interrupted_and_resumed_equals_uninterrupted(
    after: int, workers: int, whole: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    with pytest.raises(Interrupted) as caught:
        run(tiny_study(), out=folder / "cut", workers=workers, watcher=Stopper(after))
    assert caught.value.exit_code == 130
    assert str(caught.value) == "stopped; what is finished is kept, and the same command goes on from here"
    assert len(_records(folder / "cut")) >= after
    assert digest(tiny_study(), folder / "cut") == whole


class Counter(Silent):
    def __init__(self) -> None:
        self.count = 0

    def finished(self, record: FitRecord) -> None:
        self.count += 1


def test_what_is_done_is_not_done_again_and_a_wider_grid_trains_only_what_is_new(tmp_path: Path) -> None:
    first, again, wider = Counter(), Counter(), Counter()
    fits = run(tiny_study(), out=tmp_path, watcher=first).fits
    run(tiny_study(), out=tmp_path, watcher=again)
    wide = {"network.hidden[0]": [4, 6, 9], "network.dropout": [0, 0.25]}
    results = run(tiny_study(search={"space": wide}), out=tmp_path, watcher=wider)
    assert (first.count, again.count) == (fits["fit_id"].nunique(), 0)
    assert 2 * 3 <= wider.count <= 2 * 3 + 2
    assert len(results.candidates) == 6
    assert results.digest == digest(tiny_study(search={"space": wide}), tmp_path / "fresh")


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"early_stopping": "inner", "patience": 2, "epochs": 30},
        {"early_stopping": "inner", "keep": "best", "patience": 2, "epochs": 30},
        {"keep": "best"},
    ],
)
@pytest.mark.parametrize("standardize", ["none", "both"])
def test_garbage_in_held_out_rows_changes_no_training_byte(
    training: dict[str, Any], standardize: str
) -> None:
    study = tiny_study(training=training, data={"standardize": standardize})
    plan = planner(study)
    judged_by_fold = training == {"keep": "best"}
    for item in (plan.search_fits()[0], plan.comparison_fits()[0]):
        fit = item.fit
        held = np.setdiff1d(np.arange(200), fit.split.train)
        clean = trained(fit, StudyRows(two_peaks(), standardize))
        dirty = trained(fit, StudyRows(poisoned(two_peaks(), held), standardize))
        assert clean.status == dirty.status == "ok"
        assert clean.curves["train_loss"].tobytes() == dirty.curves["train_loss"].tobytes()
        if not judged_by_fold:  # there the fold's own rows choose the epoch, which law 3 allows and says
            assert _plain(clean.parameters) == _plain(dirty.parameters)
            assert clean.kept_epoch == dirty.kept_epoch
        assert _plain(clean.predictions) != _plain(dirty.predictions)


def test_garbage_in_test_rows_changes_neither_choice_nor_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tiny_study(), out=tmp_path / "clean")
    dirty = poisoned(two_peaks(), np.arange(100, 200))
    monkeypatch.setattr("shoal.planning.load_data", lambda *_: dirty)
    run(tiny_study(), out=tmp_path / "dirty")
    clean_records, dirty_records = _records(tmp_path / "clean"), _records(tmp_path / "dirty")
    assert clean_records.keys() == dirty_records.keys()
    for name, record in clean_records.items():
        assert _plain(record.parameters) == _plain(dirty_records[name].parameters)


def test_a_diverging_candidate_is_a_row_and_changes_no_neighbour(tmp_path: Path) -> None:
    sgd = {"optimizer": "sgd"}
    run(tiny_study(training=sgd, search={"space": {"training.lr": [0.01, 0.02]}}), out=tmp_path / "calm")
    wild = run(
        tiny_study(training=sgd, search={"space": {"training.lr": [0.01, 1e12, 0.02]}}), out=tmp_path / "wild"
    )
    frame = wild.candidates.set_index("training.lr")
    assert bool(frame.loc[1e12, "failed"])
    assert not frame.loc[1e12, "chosen"]
    messages = wild.fits.loc[wild.fits["status"] == "diverged", "message"]
    assert len(messages) == 3
    assert all("diverged in epoch" in message for message in messages)
    calm_records, wild_records = _records(tmp_path / "calm"), _records(tmp_path / "wild")
    assert calm_records.keys() < wild_records.keys()
    assert all(same(record, wild_records[name]) for name, record in calm_records.items())


@pytest.mark.parametrize(
    ("module", "place"),
    [(_study_rows, "prepare"), (_train, "advance_fit"), (_study_rows, "answers"), (_study_rows, "_scores")],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_in_one_fit_is_a_row_and_changes_no_neighbour(
    module: Any, place: str, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever step of it goes wrong, and with whatever error: a bug there costs that fit alone."""
    study = tiny_study(compare=None, search={"folds": 2, "space": {"network.hidden[0]": [4, 6]}})
    calm = run(study, out=tmp_path / "calm", workers=workers)
    train, step, odd = _train.train_fit, getattr(module, place), ContextVar("odd", default=False)

    def within(fit: StudyFit, *rest: Any) -> FitRecord:
        token = odd.set(fit.id == broken)
        try:
            return train(fit, *rest)
        finally:
            odd.reset(token)

    def fails(*given: Any) -> Any:
        return {}["nowhere"] if odd.get() else step(*given)

    broken = next(entry.fit_id for entry in calm.plan if entry.stage == "search")
    monkeypatch.setattr("shoal.engine.workers.threads.train_fit", within)
    monkeypatch.setattr(module, place, fails)
    rough = run(study, out=tmp_path / "rough", workers=workers)
    row = rough.summaries[broken]
    assert (row.status, row.message) == ("failed", "KeyError: 'nowhere'")
    assert rough.candidates["failed"].tolist() == [False, True]
    calm_records, rough_records = _records(tmp_path / "calm"), _records(tmp_path / "rough")
    searched = {entry.fit_id for entry in calm.plan if entry.stage == "search"} - {broken}
    assert len(searched) == 3
    assert all(same(calm_records[name], rough_records[name]) for name in searched)
    monkeypatch.setattr(module, place, step)
    assert run(study, out=tmp_path / "rough", workers=workers).digest == calm.digest  # it is tried again


def test_a_score_that_overflows_is_a_diverged_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = _study_rows._scores
    monkeypatch.setattr(_study_rows, "_scores", lambda *given: dict.fromkeys(scores(*given), math.inf))
    what = "diverged by epoch 8: a score of the rows held out is not finite"
    with pytest.raises(
        TrainingError, match=rf"every one of 4 candidates .*; the earliest: {what}; the learning"
    ):
        run(tiny_study(compare=None), out=tmp_path)


def test_test_rows_do_not_choose_the_repeat_that_is_delivered() -> None:
    """Numbers that 32 bits hold, and what a network makes of them does not: the run ends, and says which rows."""
    study = tiny_study(study={"repeats": 2}, network=WIDE, training={"lr": 0.5}, search=None)
    plan, spoilt = planner(study), poisoned(two_peaks(), np.array([103, 105]), 3e38)
    rows = StudyRows(spoilt, "none")
    refits = [item for item in plan.winner_fits(plan.candidates[-1], 8) if item.entry.stage == "refit"]
    assert len(refits) == 2
    for item in refits:
        assert item.fit.delivers
        with pytest.raises(TrainingError) as caught:
            trained(item.fit, rows)
        assert str(caught.value) == (
            "test rows: expected inputs for which the network that would be delivered has finite predictions,"
            " got too large ones in rows 4, 6 of 100"
        )
    compared = plan.comparison_fits()[0].fit
    assert not compared.delivers
    assert (
        trained(compared, rows).message == "diverged by epoch 8: a prediction of the test rows is not finite"
    )


@pytest.mark.parametrize("standardize", ["none", "both"])
def test_targets_whose_squared_errors_overflow_are_refused_before_training(
    standardize: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = two_peaks()
    huge = dataclasses.replace(rows, targets=1e300 * rows.targets)
    monkeypatch.setattr("shoal.planning.load_data", lambda *_: huge)
    with pytest.raises(DataError) as caught:
        run(tiny_study(data={"standardize": standardize}), out=tmp_path / "run")
    what = {"none": "within 32-bit", "both": "whose squared errors 64-bit"}[standardize]
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_when_every_candidate_failed_the_error_says_the_likely_cause(tmp_path: Path) -> None:
    wild = tiny_study(training={"optimizer": "sgd"}, search={"space": {"training.lr": [1e12, 1e13]}})
    with pytest.raises(
        TrainingError, match=r"every one of 2 candidates has a fit that diverged or failed; .*learning rate"
    ):
        run(wild, out=tmp_path)


def test_a_fit_alone_equals_the_fit_among_others(tmp_path: Path) -> None:
    study = tiny_study()
    run(study, out=tmp_path, workers=2)
    rows = StudyRows(two_peaks(), "none")
    records = _records(tmp_path)
    for fit in unique(planner(study).search_fits())[::5]:
        assert same(trained(fit, rows), records[fit.id])


def test_the_executor_trains_each_fit_once_however_often_it_is_planned(tmp_path: Path) -> None:
    plan = planner(tiny_study())
    fits = plan.search_fits()
    counter = Counter()
    executor = Executor(StudyRows(two_peaks(), "none"), TRAINERS.by_name, 2, counter)
    with Store.create_or_open(tmp_path, Identity("tiny", "regression", "x")) as store:
        store.set_plan(entries(fits), plan.candidate_rows())
        executor.execute("training", [*fits, *fits], store)
    assert counter.count == len(fits)
