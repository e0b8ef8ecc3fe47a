"""The way of the data, from a study to its results: load, lay out, train, choose, refit, draw.

Tests need no line of their own: a network of a comparison or a refit is scored on the test rows when its training ends,
in the executor; the search never sees them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Unpack

from shoal.data import drift_of_rows
from shoal.engine import (
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
    choose_winner,
    column_records,
    decision_of,
    early_fits,
    entries,
    environment,
    fold_preprocessing,
    give_back_memory,
    ground_truth,
    keep_test_cells,
    look_at_inputs,
    look_inside,
    model_file,
    nested_rounds,
    open_cluster,
    pick_delivered,
    refusal_notes,
    refusals,
    shard_fits,
    shard_note,
    warnings_before,
    with_images_of_mistakes,
)
from shoal.look import Results, SecondProcess, write_report
from shoal.nets import MODEL_NAME
from shoal.parts import RUN, Parts
from shoal.planning import drawing_within_memory, folder_of, identity_of, lay_out, workers_of
from shoal.progress import notebook
from shoal.request import Request, RunKeywords, StudyOrRows, run_request_of
from shoal.results import (
    OUTPUT_FILES,
    STUDY_NAME,
    TEST_CELLS,
    FitRecord,
    RunFiles,
    RunLock,
    Store,
    choosing_scores,
    note_looks,
    put_shard,
    refuse_other_shard,
    scored_summaries,
)
from shoal.shards import Shard
from shoal.study import Candidate, to_toml


def run(
    study: StudyOrRows,
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    trainer: TrainerChoice = "auto",
    device: DeviceChoice = "auto",
    watcher: Watcher | None = None,
    **keywords: Unpack[RunKeywords],
) -> Results:
    """Run a study, or one made for rows in memory: train what is missing, choose, refit, test, draw, write the report.

    Parameters
    ----------
    study : Study, path of a study file, name of a built-in study, or rows
        Rows are a frame of pandas, polars or another library, a dict of columns, an array (N, D), or a pair of such
        inputs and targets.
    out : path, optional
        The run folder, runs/<study name> by default. Fits that it holds already are not trained again.
    workers : int, optional
        How many fits are trained at a time, one a core by default.
    trainer : {"auto", "torch", "native"}, default="auto"
        What trains the networks; "auto" takes the C++ core where it can.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where torch computes.
    watcher : Watcher, optional
        Hears how the run goes on; in a notebook, it is shown there.
    **keywords
        `train` and `test` take the place of the study's files: rows as above; beside a study also images (N, H, W),
        (N, H, W, C) or (N, C, H, W) and labels (N,). `target` names the columns to learn, or is the targets (N,) or
        (N, K). `shard="3/16"` trains one of sixteen parts, which `merge` unites; `cluster` has fits trained by Dask: an
        address, a Client, or "local:N"; `module` makes a torch.nn.Module in place of networks (see `TorchRegressor`).
        Others are keys of the study: `name`, `task`, `seed`, `repeats`, sections changed: `training={"epochs": 50}`.

    Returns
    -------
    Results
        What stands in the run folder; in `missing` what could not be made after training (a RuntimeWarning, too).

    Raises
    ------
    InputError
        For whatever is refused, before anything is written.
    TrainingError, RunFolderBusy, EnvironmentFault, Interrupted
        Where every candidate has failed fits; where another process holds the run folder; where the machine fails (too
        little memory: before anything is written); where it was stopped on request, and the same call goes on.

    Examples
    --------
    >>> import shoal
    >>> shorter = {"training": {"epochs": 20}, "compare": [], "repeats": 1, "inspect": {"history": 0}}
    >>> results = shoal.run("two-peaks", out="runs/short", **shorter)
    >>> shoal.run("two-peaks", out="runs/short", **shorter).digest == results.digest
    True
    >>> rows = {"x": range(60), "y": [x % 7 for x in range(60)]}
    >>> shoal.run(rows, target="y", name="weeks", search=None, training={"epochs": 20}).folder.as_posix()
    'runs/weeks'
    """
    request = run_request_of(study, keywords)
    return carry_out(request, folder_of(request, out), lay_out(request, trainer, device), workers, watcher)


def carry_out(
    request: Request,
    folder: Path,
    laid_out: tuple[Trainers, Planner],
    workers: int | None,
    watcher: Watcher | None,
    take_over: Callable[[Store, Watcher], None] | None = None,
) -> Results:
    """Run what is laid out, in its folder; see `run`. What `take_over` puts into the store before is not trained."""
    study, (trainers, planner) = request.study, laid_out
    watcher = watcher or notebook(study.search.metric if study.search else "loss")
    parts = Parts(watcher.note if watcher else None)
    watcher = watcher or Silent()
    workers = workers_of(workers, request.cluster)
    drawing = drawing_within_memory(
        planner, workers, request.shard
    )  # what is refused is not warned of before
    of_trainers = filter(None, (trainers.note, *refusal_notes(planner, trainers.by_name)))
    for line in (*of_trainers, *warnings_before(planner), *planner.dataset.notes):
        watcher.note(line)
    rows = StudyRows(planner.dataset, study.data.standardize, choosing_scores(study))
    identity = identity_of(study, planner.dataset)
    second = SecondProcess(allowed=drawing.second)
    with (
        open_cluster(request.cluster, watcher.note) as cluster,
        RunLock(folder),
        Store.create_or_open(folder, identity) as store,
        second,
    ):
        executor = Executor(rows, trainers.by_name, workers, watcher, cluster)
        files = RunFiles(folder, store).adopt_unlisted()  # of versions that kept no list of their files
        files.refuse_foreign_files(*OUTPUT_FILES)
        if request.shard is not None:
            refuse_other_shard(store, folder, request.shard)
        put_shard(store, request.shard)
        _keep_study(planner, executor, store, files)
        if request.shard is not None:
            _train_shard(planner, request.shard, executor, store)
            return Results.open(folder)
        if take_over is not None:
            take_over(store, watcher)
        trained = _train(planner, executor, store)
        if not study.nested:
            second.start()  # it gets ready meanwhile
        _finish(planner, trained, executor, store, files, parts)
        _nest(planner, executor, store)
        give_back_memory()
        results = Results.open(folder)
        write_report(results, parts, files, second)
    return dataclasses.replace(results, missing=tuple(parts.missing)) if parts.missing else results


def _keep_study(planner: Planner, executor: Executor, store: Store, files: RunFiles) -> None:
    """Keep what is asked and what was read: the study, the rows, what is known of them before anything is trained."""
    text = to_toml(planner.study)
    files.write(STUDY_NAME, text.encode())
    store.put_fact("study", text)
    store.begin(environment(executor.trainers))
    store.put_fact("refusals", [reason for _, reason in refusals(planner, executor.trainers)])
    store.put_fact("preprocessing", fold_preprocessing(planner))
    store.put_fact("coverage", planner.coverage.to_json())
    categorical = [column.name for column in planner.dataset.columns if column.categorical]
    store.put_fact("categorical inputs", categorical)
    store.put_fact("dates", [column.name for column in planner.dataset.columns if column.takes == "dates"])
    store.put_fact("findings in rows", planner.findings_in_rows)
    store.put_fact("data notes", list(planner.dataset.notes))
    columns = column_records(planner.study.data, planner.dataset)
    store.put_fact("module", [planner.own.said] if planner.own else [])
    store.put_fact("columns", [dataclasses.asdict(column) for column in columns])
    give_back_memory()
    store.put_fact(TEST_CELLS, None)  # those of an earlier run may be of other test rows
    store.put_truth(ground_truth(planner))  # inputs and targets, for whoever reads predictions later
    note_looks(store, planner.dataset.test_fingerprint, planner.preparation)


def _train_shard(planner: Planner, shard: Shard, executor: Executor, store: Store) -> None:
    """Train the fits of a shard; the store names those of all shards, by which they are told from each other."""
    executor.watcher.note(shard_note(planner, shard))
    planned = early_fits(planner)
    store.set_plan(entries(planned), planner.candidate_rows())
    store.forget_failed()
    executor.execute(f"shard {shard}", shard_fits(planner, shard), store, among=planned)


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
    images, decision = planner.dataset.images, decision_of(planner, winner, store)
    with parts.attempt(MODEL_NAME, RUN, partial(files.remove, MODEL_NAME)):
        files.write(MODEL_NAME, model_file(planner, winner, (fit, record), store))
    if images is not None:
        with parts.attempt("images of the mistakes", RUN):
            store.put_truth(with_images_of_mistakes(ground_truth(planner), images, record, decision))
    ask_simple_models(planner, fit.id, store, parts)
    with parts.attempt("ensemble", RUN):
        ask_ensemble(planner, winner, store, executor.trainers)
    with parts.attempt("inside of the network", RUN):
        look_inside(planner, (fit, record), decision, store, executor.trainers, parts)
    with parts.attempt("inputs of the network", RUN):
        look_at_inputs(planner, winner, (fit, record), store, executor.trainers, parts)
    with parts.attempt("categories of the test rows", RUN):
        keep_test_cells(planner, fit.id, store)
    store.put_fact("drift", "")
    with parts.attempt("drift of the test rows", RUN):
        store.put_fact("drift", drift_of_rows(planner.dataset))
    store.put_fact("missing", [dataclasses.asdict(part) for part in parts.missing])


def _nest(planner: Planner, executor: Executor, store: Store) -> None:
    """Make the whole search again without each outer fold's rows, which say how good what it chooses is."""
    for fits in nested_rounds(planner, store):
        store.set_plan(store.plan() + entries(fits), planner.candidate_rows())
        executor.execute("nested search", fits, store)
