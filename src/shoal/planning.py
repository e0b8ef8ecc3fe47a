"""What goes before anything is trained: the rows read, folds and fits laid out, the cost of all of it predicted.

`shoal check` needs no more; it loads nothing that trains, chooses, tests or draws.
"""

from __future__ import annotations

import dataclasses
import time
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, get_args

from shoal import results as stored
from shoal.cores import core_count
from shoal.data import Dataset
from shoal.engine import (
    Circumstances,
    DeviceChoice,
    Planner,
    TrainerChoice,
    Trainers,
    available_memory,
    give_back_memory,
    input_records,
    load_data,
    make_plan,
    memory_need,
    pick_device,
    refuse_above,
    refuse_undefined_scores,
    refuse_unscalable,
)
from shoal.errors import InputError, ShoalError, as_path
from shoal.look import Asked, Drawing, NetworkFacts, Plan, network_facts, plan_text
from shoal.request import PlanKeywords, Request, StudyOrRows, run_request_of
from shoal.results import Identity, Store, refuse_foreign_files_in, trained_places
from shoal.study import Study, base_candidate
from shoal.wording import wrong_choice, wrong_count

if TYPE_CHECKING:
    from shoal.shards import Shard


def default_folder(study: Study, shard: Shard | None = None) -> Path:
    """Give the run folder of a study that names none, runs/<study name>, or that of one of its shards beside it."""
    return Path("runs") / f"{study.study.name}{shard.folder_suffix if shard else ''}"


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
    **keywords: Unpack[PlanKeywords],
) -> Plan:
    """Lay a study out, or a shard of it, and predict its cost; trains and writes nothing.

    Parameters and errors are those of `run`.

    Returns
    -------
    Plan
        Fits, steps, memory and time by stage, and the study's own network.

    Examples
    --------
    >>> import shoal
    >>> plan = shoal.plan("two-peaks")
    >>> plan.candidates, plan.folds, plan.fits
    (12, 3, 57)
    >>> shoal.plan("two-peaks", compare=[], repeats=1).stages
    (('search', 36, 180000), ('comparisons', 0, 0), ('winner', 2, 18000))
    """
    request = run_request_of(study, keywords)
    study = request.study
    begun = time.thread_time()
    trainers, planner = lay_out(request, trainer, device)
    read = time.thread_time() - begun
    folder = folder_of(request, out)
    workers = workers_of(workers)
    drawing = drawing_within_memory(planner, workers, request.shard)
    trained_before = Store.trained_in(folder, identity_of(study, planner.dataset))
    refuse_foreign_files_in(folder)
    here = Circumstances(trainers.by_name, workers, drawing, trained_before, read)
    if request.shard is not None:
        made = _shard_plan(planner, request.shard, here, folder)
    else:
        places = trained_places(folder, planner.study, planner.dataset.test_fingerprint)
        known = trained_before | planner.known_by_place(places, trained_before)
        made = make_plan(planner, dataclasses.replace(here, known=known))
    made = dataclasses.replace(made, notes=(*filter(None, [trainers.note]), *made.notes))
    facts = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    facts["text"] = plan_text(study, made, folder, workers)
    return Plan(**facts, network=study_network(planner))


def _shard_plan(planner: Planner, shard: Shard, here: Circumstances, folder: Path) -> stored.Plan:
    """Lay out one shard, or refuse its folder as a run of it would."""
    from shoal.engine import make_shard_plan
    from shoal.results import refuse_other_shard_in

    refuse_other_shard_in(folder, shard)
    return make_shard_plan(planner, shard, here)


def study_network(planner: Planner) -> NetworkFacts:
    """Give the study's own network as it is drawn, for all training rows. Raises StudyError where it does not fit."""
    study, dataset, split = planner.study, planner.dataset, planner.refit_split
    candidate = base_candidate(study)
    coded = planner.preprocessing(split).coded(candidate.network.codes_from) if dataset.columns else None
    inputs = () if coded is None else input_records(coded)
    asked = Asked(
        study.study.name,
        dataset.task,
        dataset.target_names,
        dataset.classes,
        candidate.training,
        candidate.training.distribution,
    )
    return network_facts(planner.architecture(candidate, split), inputs, asked)


def workers_of(workers: int | None, cluster: object = None) -> int:
    """Give the number of fits that are trained at a time in this process; one with a cluster, whose own others are.

    Raises InputError.
    """
    if cluster is not None:
        if workers is not None:
            what = f"expected none beside a cluster, which trains a fit a thread, got {workers}"
            raise InputError(f"workers: {what}")
        return 1
    if workers is None:
        return default_workers()
    if not isinstance(workers, Integral) or isinstance(workers, bool) or workers < 1:
        raise InputError(f"workers: {wrong_count(workers)}")
    return int(workers)


def folder_of(request: Request, out: Path | str | None) -> Path:
    """Give the run folder, as it was asked for or the study's own. Raises InputError."""
    if out is None:
        return default_folder(request.study, request.shard)
    return as_path(out, "the path of a run folder for `out`")


def lay_out(request: Request, trainer: TrainerChoice, device: DeviceChoice) -> tuple[Trainers, Planner]:
    """Read the rows and lay out folds and fits, or refuse: what goes before a plan and before a run.

    Raises InputError, DataError and StudyError.
    """
    study = request.study
    for name, choice, choices in (("trainer", trainer, TrainerChoice), ("device", device, DeviceChoice)):
        if not isinstance(choice, str) or choice not in get_args(choices):
            raise InputError(f"{name}: {wrong_choice(choice, get_args(choices))}")
    if request.cluster is not None:
        if device not in ("auto", "cpu"):
            raise InputError(f"device: expected cpu with a cluster, whose processors train, got {device}")
        device = "cpu"
    trainers = Trainers(trainer, pick_device(device), own=request.module is not None)
    try:
        dataset = load_data(study, request.in_memory)
        dataset = dataclasses.replace(dataset, notes=(*request.notes, *dataset.notes))
        give_back_memory()
        planner = Planner(study, dataset, trainers.choose, own=request.module)
        refuse_unscalable(planner)  # numbers that are too large to be standardised in some fold
        refuse_undefined_scores(planner)
    except ShoalError as error:
        raise type(error)(map(study.placed, error.problems)) from error
    return trainers, planner


def identity_of(study: Study, dataset: Dataset) -> Identity:
    """Name the study and rows that a run folder is of."""
    return Identity(study.study.name, study.study.task, dataset.train_fingerprint)


def drawing_within_memory(planner: Planner, workers: int, shard: Shard | None = None) -> Drawing:
    """Say what the figures will take, which the engine's forecasts ask for; a second process draws where there is room.

    Raises EnvironmentFault where the run needs more memory than there is, or a shard, which draws none.
    """
    available = available_memory()
    second = shard is None and min(core_count(), workers) > 1
    drawing = Drawing(planner.dataset, planner.study, planner.candidates, len(planner.folds), second=second)
    if shard is not None:
        from shoal.engine import shard_memory

        refuse_above(shard_memory(planner, shard, workers), available)
        return drawing
    memory = memory_need(planner, workers, drawing)
    if second and available is not None and max(memory.values()) > available:
        drawing = dataclasses.replace(drawing, second=False)
        memory = memory_need(planner, workers, drawing)
    refuse_above(memory, available)
    return drawing
