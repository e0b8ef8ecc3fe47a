"""The way of the data, from a study to its results: load, lay out, train, choose, refit, test, draw."""

from __future__ import annotations

import os
import time
from pathlib import Path

from shoal.data import Dataset, coverage
from shoal.engine import (
    Circumstances,
    DeviceChoice,
    Executor,
    Ground,
    Planner,
    Silent,
    TrainerChoice,
    Trainers,
    Watcher,
    ask_ensemble,
    available_memory,
    delivered,
    entries,
    environment,
    fold_preprocessing,
    give_back,
    load_data,
    look_inside,
    make_plan,
    memory_need,
    pick_device,
    refuse_above,
    save_winner,
    settle,
    truth_of,
    with_mistakes,
)
from shoal.look import write_report
from shoal.nets import write_atomically
from shoal.results import Identity, Plan, Results, RunLock, Store
from shoal.study import Study, check_study, load_study, to_toml


def default_folder(study: Study) -> Path:
    """Give the run folder of a study that names none: runs/<study name>."""
    return Path("runs") / study.study.name


def default_workers() -> int:
    """Give the number of cores this process may use: one fit a core."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def plan(
    study: Study | str | Path,
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    trainer: TrainerChoice = "auto",
    device: DeviceChoice = "auto",
) -> Plan:
    """Lay a study out and predict its cost; trains and writes nothing. Raises what `run` would refuse."""
    study = _checked(study)
    begun = time.thread_time()
    trainers, planner = _lay_out(study, trainer, device)
    read = time.thread_time() - begun
    folder = Path(out) if out is not None else default_folder(study)
    workers = workers or default_workers()
    refuse_above(memory_need(planner, workers), available_memory())
    known: frozenset[str] = frozenset()
    if (folder / "results.sqlite").exists():
        with Store.open_readonly(folder) as store:
            known = store.known()
    return make_plan(planner, Circumstances(trainers.by_name, workers, known, read))


def run(
    study: Study | str | Path,
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    trainer: TrainerChoice = "auto",
    device: DeviceChoice = "auto",
    watcher: Watcher | None = None,
) -> Results:
    """Run a study (a Study, a file, or a built-in name) and draw its pictures.

    `out` is the run folder (runs/<study name>), `workers` the fits trained at a time (one a core). Fits that
    the folder holds already are not trained again. Raises InputError before anything is written,
    TrainingError where every candidate is sick, RunFolderBusy, EnvironmentFault (where too little memory is
    available before anything is written), Interrupted.
    """
    study = _checked(study)
    folder = Path(out) if out is not None else default_folder(study)
    trainers, planner = _lay_out(study, trainer, device)
    watcher = watcher or Silent()
    if trainers.note:
        watcher.note(trainers.note)
    workers = workers or default_workers()
    refuse_above(memory_need(planner, workers), available_memory())
    ground = Ground(planner.dataset, study.data.standardize)
    executor = Executor(ground, trainers.by_name, workers, watcher)
    with RunLock(folder), Store.create_or_open(folder, _identity(study, planner.dataset)) as store:
        _train(planner, executor, store, folder)
        give_back()
        results = Results.open(folder)
        write_report(results)
    return results


def _checked(study: Study | str | Path) -> Study:
    """Read a study, or hold one built in Python to the same rules."""
    if not isinstance(study, Study):
        return load_study(study)
    check_study(study)
    return study


def _lay_out(study: Study, trainer: TrainerChoice, device: DeviceChoice) -> tuple[Trainers, Planner]:
    trainers = Trainers(trainer, pick_device(device))
    dataset = load_data(study)
    give_back()
    return trainers, Planner(study, dataset, trainers.choose)


def _identity(study: Study, dataset: Dataset) -> Identity:
    return Identity(study.study.name, study.study.task, dataset.train_fingerprint)


def _train(planner: Planner, executor: Executor, store: Store, folder: Path) -> None:
    """Search and comparisons, the choice, then the winner: beside the comparisons, and on all training rows."""
    first = planner.search_fits() + planner.comparison_fits()
    text = to_toml(planner.study)
    write_atomically(folder / "study.toml", text.encode())
    store.put_fact("study", text)
    store.put_fact("environment", environment(executor.trainers))
    store.put_fact("preprocessing", fold_preprocessing(planner))
    store.put_fact("coverage", coverage(planner.dataset).to_json())
    give_back()
    truth = truth_of(planner)
    store.put_truth(truth)
    store.set_plan(entries(first), planner.candidate_rows())
    executor.execute("training", first, store)
    winner, epochs = settle(planner, store)
    last = planner.winner_fits(winner, epochs)
    store.set_plan(entries(first + last), planner.candidate_rows())
    executor.execute("winner", last, store)
    fit, record = delivered(last, store)
    if planner.dataset.images is not None:
        store.put_truth(with_mistakes(truth, planner.dataset.images, record))
    ask_ensemble(planner, winner, store, executor.trainers)
    look_inside(planner, fit, record, store, executor.trainers)
    save_winner(planner, fit, record, folder)
