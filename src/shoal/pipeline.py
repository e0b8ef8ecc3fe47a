"""The way of the data, from a study to its results: load, lay out, train, choose, refit, draw.

Tests need no line of their own: a network of a comparison or a refit is scored on the test rows when its training ends,
in the executor; the search never sees them.
"""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Unpack, get_args

from shoal.cores import core_count
from shoal.data import Dataset, drift_of_rows
from shoal.engine import (
    Circumstances,
    DeviceChoice,
    Executor,
    Planner,
    Silent,
    StudyFit,
    StudyRows,
    TrainerChoice,
    Trainers,
    Watcher,
    ask_ensemble,
    ask_simple_models,
    available_memory,
    choose_winner,
    column_records,
    entries,
    environment,
    fold_preprocessing,
    give_back_memory,
    ground_truth,
    load_data,
    look_inside,
    make_plan,
    memory_need,
    model_file,
    nested_rounds,
    pick_delivered,
    pick_device,
    refuse_above,
    refuse_undefined_scores,
    refuse_unscalable,
    warnings_before,
    with_images_of_mistakes,
)
from shoal.errors import InputError, ShoalError, as_path
from shoal.look import Drawing, Results, plan_text, write_report
from shoal.nets import MODEL_NAME
from shoal.parts import RUN, Parts
from shoal.progress import notebook
from shoal.request import Keywords, Request, StudyOrRows, request_of
from shoal.results import (
    OUTPUT_FILES,
    STUDY_NAME,
    FitRecord,
    Identity,
    Plan,
    RunFiles,
    RunLock,
    Store,
    choosing_scores,
    note_looks,
    refuse_foreign_files_in,
    scored_summaries,
    trained_places,
)
from shoal.study import Candidate, Study, to_toml
from shoal.wording import wrong_choice, wrong_count


def default_folder(study: Study) -> Path:
    """Give the run folder of a study that names none: runs/<study name>."""
    return Path("runs") / study.study.name


def default_workers() -> int:
    """Give the number of cores this process may use: one fit a core."""
    return core_count()


def plan(
    study: StudyOrRows,
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    trainer: TrainerChoice = "auto",
    device: DeviceChoice = "auto",
    **keywords: Unpack[Keywords],
) -> Plan:
    """Lay a study out and predict its cost; trains and writes nothing. Takes and refuses what `run` does."""
    request = request_of(study, keywords)
    study = request.study
    begun = time.thread_time()
    trainers, planner = _lay_out(request, trainer, device)
    read = time.thread_time() - begun
    folder = _folder(study, out)
    workers = _workers(workers)
    refuse_above(memory_need(planner, workers, _drawing(planner)), available_memory())
    trained_before = Store.trained_in(folder, _identity(study, planner.dataset))
    refuse_foreign_files_in(folder)
    places = trained_places(folder, planner.study, planner.dataset.test_fingerprint)
    known = trained_before | planner.known_by_place(places, trained_before)
    made = make_plan(planner, Circumstances(trainers.by_name, workers, _drawing(planner), known, read))
    return dataclasses.replace(made, text=plan_text(study, made, folder, workers))


def run(
    study: StudyOrRows,
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    trainer: TrainerChoice = "auto",
    device: DeviceChoice = "auto",
    watcher: Watcher | None = None,
    **keywords: Unpack[Keywords],
) -> Results:
    """Run a study (a Study, a file, a built-in name), or one made for rows in memory, and draw its pictures.

    Rows are a frame of pandas, polars or another library, a dict of columns, an array (N, D), or a pair of such inputs
    and targets; beside a study also images (N, H, W), (N, H, W, C) or (N, C, H, W) and labels (N,). `train` and `test`
    take the place of the study's files. `target` names the columns to learn, or is the targets themselves, (N,) or
    (N, K). All other keywords are keys of the study: `name`, `task`, `seed` and `repeats`, and its sections, of which
    the named keys are changed: `training={"epochs": 50}`.

    `out` is the run folder (runs/<study name>), `workers` the fits trained at a time (one a core). Fits that
    the folder holds already are not trained again. A part that cannot be made after training is told to the
    watcher (without one, by a RuntimeWarning) and stands in `missing` of the results. Raises InputError before
    anything is written, TrainingError where every candidate has failed fits, RunFolderBusy, EnvironmentFault (where
    too little memory is available before anything is written), Interrupted.
    """
    request = request_of(study, keywords)
    study = request.study
    folder = _folder(study, out)
    trainers, planner = _lay_out(request, trainer, device)
    watcher = watcher or notebook(study.search.metric if study.search else "loss")
    parts = Parts(watcher.note if watcher else None)
    watcher = watcher or Silent()
    workers = _workers(workers)
    memory = memory_need(planner, workers, _drawing(planner))
    refuse_above(memory, available_memory())  # what is refused is not warned of before
    for line in filter(None, (trainers.note, *warnings_before(planner), *planner.dataset.notes)):
        watcher.note(line)
    rows = StudyRows(planner.dataset, study.data.standardize, choosing_scores(study))
    executor = Executor(rows, trainers.by_name, workers, watcher)
    with RunLock(folder), Store.create_or_open(folder, _identity(study, planner.dataset)) as store:
        files = RunFiles(folder, store).adopt_unlisted()  # of versions that kept no list of their files
        files.refuse_foreign_files(*OUTPUT_FILES)
        _keep_study(planner, executor, store, files)
        trained = _train(planner, executor, store)
        _finish(planner, trained, executor, store, files, parts)
        _nest(planner, executor, store)
        give_back_memory()
        results = Results.open(folder)
        write_report(results, parts, files)
    return dataclasses.replace(results, missing=tuple(parts.missing)) if parts.missing else results


def _workers(workers: int | None) -> int:
    if workers is None:
        return default_workers()
    if not isinstance(workers, Integral) or isinstance(workers, bool) or workers < 1:
        raise InputError(f"workers: {wrong_count(workers)}")
    return int(workers)


def _folder(study: Study, out: Path | str | None) -> Path:
    return default_folder(study) if out is None else as_path(out, "the path of a run folder for `out`")


def _lay_out(request: Request, trainer: TrainerChoice, device: DeviceChoice) -> tuple[Trainers, Planner]:
    study = request.study
    for name, choice, choices in (("trainer", trainer, TrainerChoice), ("device", device, DeviceChoice)):
        if not isinstance(choice, str) or choice not in get_args(choices):
            raise InputError(f"{name}: {wrong_choice(choice, get_args(choices))}")
    trainers = Trainers(trainer, pick_device(device))
    try:
        dataset = load_data(study, request.in_memory)
        dataset = dataclasses.replace(dataset, notes=(*request.notes, *dataset.notes))
        give_back_memory()
        planner = Planner(study, dataset, trainers.choose)
        refuse_unscalable(planner)  # numbers that are too large to be standardised in some fold
        refuse_undefined_scores(planner)
    except ShoalError as error:
        raise type(error)(map(study.placed, error.problems)) from error
    return trainers, planner


def _identity(study: Study, dataset: Dataset) -> Identity:
    return Identity(study.study.name, study.study.task, dataset.train_fingerprint)


def _drawing(planner: Planner) -> Drawing:
    """Say what the figures will take, which the engine's forecasts ask for."""
    return Drawing(planner.dataset, planner.study, planner.candidates, len(planner.folds))


def _keep_study(planner: Planner, executor: Executor, store: Store, files: RunFiles) -> None:
    """Keep what is asked and what was read: the study, the rows, what is known of them before anything is trained."""
    text = to_toml(planner.study)
    files.write(STUDY_NAME, text.encode())
    store.put_fact("study", text)
    store.begin(environment(executor.trainers))
    store.put_fact("preprocessing", fold_preprocessing(planner))
    store.put_fact("coverage", planner.coverage.to_json())
    categorical = [column.name for column in planner.dataset.columns if column.categorical]
    store.put_fact("categorical inputs", categorical)
    store.put_fact("dates", [column.name for column in planner.dataset.columns if column.takes == "dates"])
    store.put_fact("findings in rows", planner.findings_in_rows)
    store.put_fact("data notes", list(planner.dataset.notes))
    columns = column_records(planner.study.data, planner.dataset)
    store.put_fact("columns", [dataclasses.asdict(column) for column in columns])
    give_back_memory()
    store.put_truth(ground_truth(planner))  # inputs and targets, for whoever reads predictions later
    note_looks(store, planner.dataset.test_fingerprint, planner.preparation)


def _train(planner: Planner, executor: Executor, store: Store) -> tuple[Candidate, StudyFit, FitRecord]:
    """Search and comparisons, the choice, then the winner: beside the comparisons, and on all training rows.

    Gives the winner, and of the network that is delivered the fit and its record. What stands in the store already is
    not trained again; networks of comparisons and refits are tested as they end.
    """
    fits = planner.search_fits() + planner.comparison_fits()
    store.set_plan(entries(fits), planner.candidate_rows())
    store.forget_failed()  # what failed in an earlier run is tried again; what fails in this one stays a row
    executor.execute(planner.training_title, fits, store)
    while next_round := planner.next_search_fits(scored_summaries(store, choosing_scores(planner.study))):
        fits += next_round
        store.set_plan(entries(fits), planner.candidate_rows())
        executor.execute(planner.training_title, next_round, store)
    winner, epochs = choose_winner(planner, store)
    winner_fits = planner.winner_fits(winner, epochs)
    permuted = planner.permuted_fits(winner, epochs)
    store.set_plan(entries(fits + winner_fits + permuted), planner.candidate_rows())
    executor.execute("winner", winner_fits, store)
    note_looks(store, planner.dataset.test_fingerprint, planner.preparation)
    executor.execute("permuted targets", permuted, store)
    fit, record = pick_delivered(winner_fits, store)
    return winner, fit, record


def _finish(
    planner: Planner,
    trained: tuple[Candidate, StudyFit, FitRecord],
    executor: Executor,
    store: Store,
    files: RunFiles,
    parts: Parts,
) -> None:
    """Write the model file, then keep what only rows and trainer tell of the winner: each part for itself."""
    winner, fit, record = trained
    images = planner.dataset.images
    with parts.attempt(MODEL_NAME, RUN, partial(files.remove, MODEL_NAME)):
        files.write(MODEL_NAME, model_file(planner, winner, (fit, record), store))
    if images is not None:
        with parts.attempt("images of the mistakes", RUN):
            store.put_truth(with_images_of_mistakes(ground_truth(planner), images, record))
    ask_simple_models(planner, fit.id, store, parts)
    with parts.attempt("ensemble", RUN):
        ask_ensemble(planner, winner, store, executor.trainers)
    with parts.attempt("inside of the network", RUN):
        look_inside(planner, (fit, record), store, executor.trainers, parts)
    store.put_fact("drift", "")
    with parts.attempt("drift of the test rows", RUN):
        store.put_fact("drift", drift_of_rows(planner.dataset))
    store.put_fact("missing", [dataclasses.asdict(part) for part in parts.missing])


def _nest(planner: Planner, executor: Executor, store: Store) -> None:
    """Make the whole search again without each outer fold's rows, which say how good what it chooses is."""
    for fits in nested_rounds(planner, store):
        store.set_plan(store.plan() + entries(fits), planner.candidate_rows())
        executor.execute("nested search", fits, store)
