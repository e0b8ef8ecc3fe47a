"""The seam to the engine: networks to train as tasks, given all at once, and what came of each.

Letters: N rows, D inputs, K outputs or classes, C channels, T evaluation points.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.engine import (
    Checkpoint,
    Dtype,
    Job,
    MemoryFit,
    MemoryGround,
    Pool,
    Progress,
    State,
    Table,
    Trainer,
    longest_first,
    pick_device,
    train_here,
    trainer_for,
)
from shoal.errors import InputError, Problem
from shoal.nets import build_architecture
from shoal.pipeline import default_workers
from shoal.results import FitRecord, Identity, RunLock, Store
from shoal.streams import StreamKey
from shoal.study import TASK_LOSS, Network, Training

STORE_NAME = "estimators"
Devices = Literal["auto", "cpu", "cuda", "mps"]
OnProgress = Callable[[str, float], None]
"""Is told a task's key and the share of its epochs that are done."""


def _no_rows() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Task:
    """One network to train. Tasks that hold the same arrays share them; `key` names a task within a call.

    `x` is float (N, D) or (N, C, H, W), or pictures uint8 (N, C, H, W), in `dtype` unless pictures; `y` float (N, K) or
    int64 (N,) class numbers below `outputs`; `sample_weight` float (N,). `train_rows` may repeat rows; `inner_rows`
    decide early stopping; `validation_rows` only draw curves. `seed`, `fold` and `repeat` key the streams:
    tasks that share all three are compared in pairs. `start` is a state to go on from.
    """

    key: str
    network: Network
    training: Training
    task: Literal["regression", "classification"]
    x: NDArray[Any]
    y: NDArray[Any]
    outputs: int
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64] = field(default_factory=_no_rows)
    inner_rows: NDArray[np.int64] = field(default_factory=_no_rows)
    sample_weight: NDArray[Any] | None = None
    seed: int = 0
    fold: int = 0
    repeat: int = 0
    start: State | None = None
    dtype: Dtype = "float32"

    @property
    def job(self) -> Job:
        """What a trainer is told of it."""
        architecture = build_architecture(self.network, self.x.shape[1:], self.outputs)
        return Job(
            architecture, self.training, TASK_LOSS[self.task], StreamKey(self.seed, self.fold, self.repeat)
        )


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a task.

    `parameters` are the kept ones by name, in torch's shapes (empty of a sick fit); `curves` hold "epoch",
    "train_loss" and what else was evaluated ("inner_loss", "validation_loss", "train_accuracy" ...), each
    (T,). `epochs` were trained, the parameters are those after `kept_epoch`. `message` says why a fit is sick.
    `state` is there of a task that was trained alone: a later task can start from it.
    """

    key: str
    status: Literal["ok", "diverged", "failed"]
    message: str
    parameters: dict[str, NDArray[Any]]
    curves: dict[str, NDArray[np.float64]]
    epochs: int
    kept_epoch: int
    seconds: float
    trainer: str
    state: State | None = None

    @classmethod
    def of(cls, key: str, record: FitRecord, state: State | None = None) -> Trained:
        """Take what an estimator needs out of an engine's record."""
        names = ("status", "message", "parameters", "curves", "epochs", "kept_epoch", "seconds", "trainer")
        return cls(key, **{name: getattr(record, name) for name in names}, state=state)


def _nobody(_task: Task, _device: Devices) -> Trained | None:
    """Know nothing of a task: it is trained here and now."""


answering: ContextVar[Callable[[Task, Devices], Trained | None]] = ContextVar("answering", default=_nobody)
"""Is asked before a task is trained alone: a search knows what came of it already."""


def train_one(
    task: Task, *, device: Devices = "auto", on_epoch: Callable[[State], bool] | None = None
) -> Trained:
    """Train one task in this thread; `on_epoch` is called after every epoch and ends it by answering true."""
    if (known := answering.get()(task, device)) is not None:
        return known
    table = Table(task.x, task.y, task.sample_weight)
    trainer = trainer_for(task.job, table, pick_device(device), task.dtype)
    fit = _fit(task, 0, task.key, trainer)
    return Trained.of(task.key, *train_here(fit, MemoryGround((table,)), trainer, on_epoch))


def train(
    tasks: Sequence[Task],
    *,
    n_jobs: int | None = None,
    device: Devices = "auto",
    store: Path | None = None,
    watcher: OnProgress | None = None,
) -> Iterator[Trained]:
    """Train every task and yield what came of each as it ends, in no promised order.

    `n_jobs` networks are trained at a time: None is 1, as in scikit-learn, -1 is one a core. The bytes of a
    result depend on its task alone, not on `n_jobs`, on order or on other tasks.

    With `store`, a folder, every finished network is committed there under a hash of all that its bytes
    depend on, and what is there already is not trained again; RunFolderBusy where another process
    writes there, RunFolderError where it holds something else.
    """
    plan = _Plan.of(tasks, pick_device(device), by_content=store is not None)
    with ExitStack() as stack:
        kept = _open_store(store, tasks, stack)
        known = kept.known() if kept else frozenset()
        for name in known & plan.fits.keys():
            yield from plan.results(name, kept.record(name), watcher)  # type: ignore[union-attr]
        for group in plan.groups(known):
            yield from _train_group(group, plan, jobs_at_once(n_jobs), kept, watcher)


def jobs_at_once(n_jobs: int | None) -> int:
    """Give how many networks are trained at a time; negative numbers count from the cores, as in scikit-learn."""
    if n_jobs == 0:
        raise InputError(Problem("n_jobs", "expected None, a number above 0 or one below 0, got 0"))
    return n_jobs if n_jobs and n_jobs > 0 else max(1, default_workers() + 1 + (n_jobs or -default_workers()))


@dataclass(frozen=True, eq=False)
class _Plan:
    """Tasks laid out for the engine: fits by name, with their tables and trainers, and the tasks of each."""

    tables: tuple[Table, ...]
    fits: dict[str, MemoryFit]
    trainers: dict[str, Trainer]
    keys: dict[str, list[str]]

    @classmethod
    def of(cls, tasks: Sequence[Task], device: str, *, by_content: bool) -> _Plan:
        """Lay out tasks. Equal tasks are one fit where they are named by their content."""
        tables: dict[tuple[int, int, int], tuple[int, Table]] = {}
        fits: dict[str, MemoryFit] = {}
        trainers: dict[str, Trainer] = {}
        keys: dict[str, list[str]] = {}
        digests: dict[int, str] = {}
        for task in tasks:
            arrays = (id(task.x), id(task.y), id(task.sample_weight))
            number, table = tables.setdefault(
                arrays, (len(tables), Table(task.x, task.y, task.sample_weight))
            )
            trainer = trainer_for(task.job, table, device, task.dtype)
            trainers[trainer.version] = trainer
            name = _content(task, trainer.version, digests) if by_content else task.key
            fits[name] = _fit(task, number, name, trainer)
            keys.setdefault(name, []).append(task.key)
        return cls(tuple(table for _, table in tables.values()), fits, trainers, keys)

    def groups(self, known: frozenset[str]) -> list[list[MemoryFit]]:
        """Fits still to be trained: each group of one trainer, convolutional or not, long ones first."""
        groups: dict[tuple[str, bool], list[MemoryFit]] = {}
        for name, fit in self.fits.items():
            if name not in known:
                groups.setdefault((fit.trainer, fit.job.architecture.convolutional), []).append(fit)
        return [longest_first(group, self.trainers) for group in groups.values()]

    def results(self, name: str, record: FitRecord, watcher: OnProgress | None) -> Iterator[Trained]:
        """Give what came of a fit to every task that it answers."""
        self.tell(name, 1.0, watcher)
        return (Trained.of(key, record) for key in self.keys[name])

    def tell(self, name: str, share: float, watcher: OnProgress | None) -> None:
        """Say how far a fit has come."""
        for key in self.keys[name] if watcher else ():
            watcher(key, share)  # type: ignore[misc]


def _train_group(
    group: list[MemoryFit], plan: _Plan, workers: int, kept: Store | None, watcher: OnProgress | None
) -> Iterator[Trained]:
    starts: dict[str, Checkpoint] = {}
    for fit in group if kept else ():
        if kept and (saved := kept.checkpoint(fit.id)):
            starts[fit.id] = Checkpoint(fit.id, *saved)
    pool = Pool(group, MemoryGround(plan.tables), plan.trainers[group[0].trainer], starts, workers)
    try:
        for event in pool.events():
            match event:
                case FitRecord():
                    if kept:
                        kept.add(event)
                    yield from plan.results(event.fit_id, event, watcher)
                case Checkpoint() if kept:
                    kept.put_checkpoint(event.fit_id, event.arrays, event.facts)
                case Progress():
                    plan.tell(event.fit_id, event.share, watcher)
    finally:
        pool.close()


def _fit(task: Task, table: int, name: str, trainer: Trainer) -> MemoryFit:
    rows = (task.train_rows, task.validation_rows, task.inner_rows)
    return MemoryFit(name, task.job, table, *rows, trainer.version, task.start)


def _open_store(folder: Path | None, tasks: Sequence[Task], stack: ExitStack) -> Store | None:
    """Open the store of a folder, for as long as the stack is; a fit that failed there is tried anew."""
    if folder is None:
        return None
    stack.enter_context(RunLock(folder))
    identity = Identity(STORE_NAME, tasks[0].task if tasks else "", "")
    store = stack.enter_context(Store.create_or_open(folder, identity))
    store.forget_failed()
    return store


def _content(task: Task, version: str, digests: dict[int, str]) -> str:
    """Give the SHA-256 of all that the bytes of a task's result depend on."""

    def digest(array: NDArray[Any] | None) -> str | None:
        if array is not None and id(array) not in digests:
            head = f"{array.dtype.str}{array.shape}".encode()
            digests[id(array)] = hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()
        return None if array is None else digests[id(array)]

    arrays = (task.x, task.y, task.sample_weight, task.train_rows, task.validation_rows, task.inner_rows)
    start = task.start
    began = () if start is None else (start.parameters_P, start.buffers, start.first_P, start.second_P)
    content = {
        "network": task.network.model_dump(mode="json"),
        "training": task.training.model_dump(mode="json"),
        "task": [task.task, task.outputs, task.dtype],
        "arrays": [digest(array) for array in arrays],
        "streams": [task.seed, task.fold, task.repeat],
        "start": [digest(array) for array in began] + ([] if start is None else [str(start.epoch)]),
        "trainer": version,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
