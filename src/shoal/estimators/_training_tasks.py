"""The seam to the engine: networks to train as tasks, given lot by lot, and what came of each.

Letters: N rows, D inputs, K outputs or classes, C channels, T evaluation points.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution, Quantiles
from shoal.engine import (
    CURVES,
    Checkpoint,
    Dtype,
    Fit,
    FitLot,
    FitProgress,
    FitRows,
    Job,
    State,
    TableInMemory,
    TableRows,
    TrainedOn,
    Trainer,
    WorkerPool,
    content_id,
    environment,
    grouped,
    longest_first,
    open_cluster,
    pick_device,
    train_here,
    trainer_for,
    training_work,
)
from shoal.errors import InputError, Problem
from shoal.estimators._convolutions import in_parameters
from shoal.kinds import LOSSES
from shoal.kinds import Task as TaskName
from shoal.nets import Architecture, OwnModule, OwnNetwork, build_architecture, own_architecture, tables_of
from shoal.planning import default_workers
from shoal.results import FitRecord, Identity, RunLock, Store
from shoal.streams import StreamKey
from shoal.study import TASK_LOSS, Network, Training, naming_values

STORE_NAME = "estimators"
OPERATIONS = 5e9
"""A core makes so many a second, more or less."""
Devices = Literal["auto", "cpu", "cuda", "mps"]
OnProgress = Callable[[str, float], None]
"""Is told a task's key and the share of its epochs that are done."""


def _no_rows() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Task:
    """One network to train. Tasks that hold the same arrays share them; `key` names a task within a call.

    `x` is float (N, D) or (N, C, H, W), or pictures uint8 (N, C, H, W), in `dtype` unless pictures; `y` float (N, K) or
    int64 (N,) class numbers below `outputs`, which counts targets, classes or labels; `sample_weight` float (N,),
    `share` float (N, K) (see `Rows`). `train_rows` may repeat rows; `inner_rows` decide early stopping;
    `validation_rows` only draw curves. `seed`, `fold` and `repeat` key the streams: tasks that share all three are
    compared in pairs. `start` is a state to go on from; `device` is where torch computes. `code_rows`:
    of the last inputs, which are codes, how many vectors are looked up by each.
    """

    key: str
    network: Network | OwnNetwork
    training: Training
    task: TaskName
    x: NDArray[Any]
    y: NDArray[Any]
    outputs: int
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64] = field(default_factory=_no_rows)
    inner_rows: NDArray[np.int64] = field(default_factory=_no_rows)
    sample_weight: NDArray[Any] | None = None
    share: NDArray[Any] | None = None
    seed: int = 0
    fold: int = 0
    repeat: int = 0
    start: State | None = None
    dtype: Dtype = "float32"
    device: Devices = "auto"
    code_rows: tuple[int, ...] = ()

    @cached_property
    def job(self) -> Job:
        """What a trainer is told of it. Raises InputError where one of its layers does not fit."""
        training, said = self.training, self.training.distribution
        outputs = self.outputs * (1 if said is None else said.outputs)
        architecture = self._laid_out(outputs)
        loss = training.loss or TASK_LOSS[self.task]
        return Job(architecture, training, loss, StreamKey(self.seed, self.fold, self.repeat))

    def _laid_out(self, outputs: int) -> Architecture:
        if isinstance(self.network, OwnNetwork):
            return own_architecture(self.network, self.x.shape[1:], outputs)
        tables = tables_of(self.network, self.code_rows)
        with in_parameters():
            return build_architecture(self.network, self.x.shape[1:], outputs, tables)

    def network_name(self, *, by_content: bool) -> Any:
        """What tells its network from others, as JSON values: a person's own module by content, or as an object."""
        if not isinstance(self.network, OwnNetwork):
            return naming_values(self.network)
        if not by_content:
            return id(self.network)
        return self.network.identity(self.job.architecture.outputs)

    def laid_out(self) -> Self:
        """Lay its network out. Raises InputError where one of its layers does not fit."""
        self.job  # noqa: B018 (made once)
        return self

    def refused(self, y: NDArray[Any]) -> str:
        """Say why its loss has no value for one of such targets; empty where it has one for each."""
        least = LOSSES[self.job.loss].least
        if least is None or y.min() >= least:
            return ""
        return f'expected targets of at least {least:g} with loss="{self.job.loss}", got {y.min():g}'

    @property
    def table(self) -> TableInMemory:
        """The rows that it learns from, among others."""
        return TableInMemory(self.x, self.y, self.sample_weight, self.share)

    @property
    def parameter_count(self) -> int:
        """How many parameters its network has."""
        return self.job.architecture.parameter_count


@dataclass(frozen=True, eq=False)
class TaskResult:
    """What came of a task.

    `parameters` are the kept ones by name, in torch's shapes (empty where the fit failed); `curves` hold "epoch",
    "train_loss" and what else was evaluated ("inner_loss", "validation_loss", "train_accuracy" ...), each
    (T,). `epochs` were trained, the parameters are those after `kept_epoch`. `message` says why a fit failed.
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
    def of(cls, key: str, record: FitRecord, state: State | None = None) -> TaskResult:
        """Take what an estimator needs out of an engine's record."""
        names = ("status", "message", "parameters", "curves", "epochs", "kept_epoch", "seconds", "trainer")
        return cls(key, **{name: getattr(record, name) for name in names}, state=state)

    def bare(self) -> TaskResult:
        """Leave out what is large: the parameters, and the state."""
        return replace(self, parameters={}, state=None)


def likely_causes(task: Task, rate: float) -> str:
    """Say why a fit may have diverged: the learning rate, or large inputs, or targets where these are numbers."""

    def far(what: str, values: NDArray[Any]) -> str:
        return (
            f"{what} that are not scaled (the largest is {float(np.abs(values[task.train_rows]).max()):.3g})"
        )

    causes = [f"learning_rate_init={rate:g} being too high"]
    causes += [
        far("inputs", task.x) if task.x.dtype != np.uint8 else "inputs that are not scaled (the largest is 1)"
    ]
    causes += [far("targets", task.y)] if task.task == "regression" else []
    return ", ".join(causes[:-1]) + f", and {causes[-1]}"


def refuse_other_loss(task: Task, was: str, distribution: Distribution | None) -> None:
    """Raise ValueError for a task that goes on with a network of another loss, or of other quantiles: its outputs would
    mean something else. The size from which an error is huge, and levels of a normal distribution, may change.
    """
    now, said = task.job.loss, task.job.distribution
    if now != was:
        raise ValueError(f"loss: expected {was!r} as it was fitted, to train it further, got {now!r}")
    if isinstance(said, Quantiles) and said != distribution:
        before = "others" if not isinstance(distribution, Quantiles) else f"{distribution.levels}"
        raise ValueError(
            f"quantiles: expected {before} as they were fitted, to train further, got {said.levels}"
        )


def refuse_other_layers(name: str, new: Architecture, old: Architecture) -> None:
    """Raise ValueError for an estimator that goes on with a network of other layers than it was fitted with."""
    if new.own is not None:
        _refuse_other_arrays(name, new, old)
    elif [slot.shape for slot in new.slots] != [slot.shape for slot in old.slots]:
        now, was = ("-".join(str(layer.units) for layer in network.layers) for network in (new, old))
        what = "expected the network's layers as they were fitted, to train them further"
        raise ValueError(f"{name}: {what}, got others: {now} for {was}")


def _refuse_other_arrays(name: str, new: Architecture, old: Architecture) -> None:
    """Raise ValueError for a person's own module of other arrays, naming the first."""
    now, was = (
        {slot.name: slot.shape for slot in (*network.slots, *network.buffer_slots)} for network in (new, old)
    )
    apart = [key for key in {**now, **was} if now.get(key) != was.get(key)]
    if apart:
        what = "expected the arrays of the module as they were fitted, to train them further"
        got = f"{apart[0]} {now.get(apart[0], 'missing')} for {was.get(apart[0], 'none')}"
        raise ValueError(f"{name}: {what}, got {got}")


def train_one(
    task: Task, *, device: Devices = "auto", on_epoch: Callable[[State], bool] | None = None
) -> TaskResult:
    """Train one task in this thread.

    `on_epoch` is called after every epoch and ends the fit by answering true.
    """
    task = replace(task, device=device)
    table = task.table
    trainer = trainer_for(task.job, pick_device(task.device), task.dtype)
    fit = _fit(task, 0, task.key, trainer)
    return TaskResult.of(task.key, *train_here(fit, TableRows((table,)), trainer, on_epoch))


def train(
    lots: Iterable[Sequence[Task]],
    *,
    n_jobs: int | None = None,
    store: Path | None = None,
    watcher: OnProgress | None = None,
    cluster: Any = None,
) -> Generator[TaskResult, None, None]:
    """Train every task and yield what came of each as it ends, in no promised order.

    Tasks come in lots that are taken one by one, in this thread, when few tasks are left to train; the rows of
    a lot are let go when its last task has ended. Equal tasks on the same arrays of a lot are one fit.

    `n_jobs` networks are trained at a time: None is 1, as in scikit-learn, -1 is one a core; on a `cluster` one a
    thread of its own. The bytes of a
    result depend on its task alone, not on `n_jobs`, on order or on other tasks.

    With `store`, a folder, every finished network is committed there under a hash of all that its bytes
    depend on, and what is there already is not trained again; RunFolderBusy where another process
    writes there, RunFolderError where it holds something else.
    """
    with ExitStack() as stack:
        plan = _Plan(store, stack, watcher)
        opened = stack.enter_context(open_cluster(cluster, warnings.warn))
        plan.afar = opened is not None
        pool = WorkerPool(plan.lots(lots), jobs_at_once(n_jobs), opened)
        stack.callback(pool.close)
        for event in pool.events():
            match event:
                case FitRecord():
                    yield from plan.results(event)
                case TrainedOn() if plan.store:
                    plan.trained_on(event)
                case Checkpoint() if plan.store:
                    where = plan.origins.get(event.fit_id, ())
                    plan.store.put_checkpoint(event.fit_id, event.arrays, event.facts, where)
                case FitProgress():
                    plan.tell(event.fit_id, event.share)


def light_seconds(task: Task) -> float:
    """Say about how long a network trains, by its operations alone; in torch infinitely long, which starts slowly."""
    trainer = trainer_for(task.job, "cpu", task.dtype)
    return math.inf if trainer.imports_torch else training_work(task.job, len(task.train_rows)) / OPERATIONS


def jobs_at_once(n_jobs: int | None) -> int:
    """Give how many networks are trained at a time; negative numbers count from the cores, as in scikit-learn."""
    if n_jobs == 0:
        raise InputError(Problem("n_jobs", "expected None, a number above 0 or one below 0, got 0"))
    return n_jobs if n_jobs and n_jobs > 0 else max(1, default_workers() + 1 + (n_jobs or -default_workers()))


class _Plan:
    """Tasks laid out for the engine, and the keys of the tasks that each fit answers."""

    def __init__(self, folder: Path | None, stack: ExitStack, watcher: OnProgress | None) -> None:
        self._folder, self._stack, self._watcher = folder, stack, watcher
        self.store: Store | None = None
        self.afar = False
        self.origins: dict[str, set[str]] = {}
        self._stored, self._said = set[str](), set[str]()
        self._keys: dict[str, list[str]] = {}

    def lots(self, lots: Iterable[Sequence[Task]]) -> Iterator[FitLot]:
        """Lay out every lot: fits that go together, long ones first; the rest is known."""
        for number, tasks in enumerate(lots):
            if self._folder is not None and self.store is None:
                self.store = _open_store(self._folder, tasks[0].task, self._stack)
                self._stored |= self.store.known()
            yield from self._lot(tasks, f"{number} ")

    def _say_unknown(self, own: OwnModule) -> None:
        """Warn once of a module that no store knows again."""
        what = f"module: nothing is taken from the store for {own.module.title}: {own.source.unknown}"
        if own.source.unknown and what not in self._said:
            self._said.add(what)
            warnings.warn(what, UserWarning, stacklevel=2)

    def _lot(self, tasks: Sequence[Task], lot: str) -> Iterator[FitLot]:
        tables: dict[tuple[int, ...], tuple[int, TableInMemory]] = {}
        fits: list[Fit] = []
        trainers: dict[str, Trainer] = {}
        known: list[FitRecord] = []
        digests: dict[int, str] = {}
        for task in tasks:
            if self.afar and not task.job.architecture.travels:
                what = "expected a class or function that the workers of a cluster can import"
                raise InputError(f"module: {what}, got one that this program alone has")
            if self.store and isinstance(task.network, OwnNetwork):
                self._say_unknown(task.network.own)
            arrays = (id(task.x), id(task.y), id(task.sample_weight), id(task.share))
            place, _ = tables.setdefault(arrays, (len(tables), task.table))
            trainer = trainer_for(task.job, pick_device(task.device), task.dtype)
            digest = _digest_of_bytes if self.store else _digest_of_object
            name = ("" if self.store else lot) + _named(task, _version(task, trainer), digests, digest)
            keys = self._keys.setdefault(name, [])
            keys.append(task.key)
            if len(keys) > 1:
                continue
            if self.store and name in self._stored:
                known.append(self.store.record(name))
            else:
                trainers[_version(task, trainer)] = trainer
                fits.append(_fit(task, place, name, trainer))
        rows = TableRows(tuple(table for _, table in tables.values()))
        for group in grouped(fits):
            starts = {fit.id: start for fit in group if (start := self._start(fit.id))}
            yield FitLot(longest_first(group), rows, trainers[group[0].trainer], starts)
        if known:
            yield FitLot((), rows, trainer, known=known)

    def _start(self, name: str) -> Checkpoint | None:
        saved = self.store.checkpoint(name) if self.store else None
        return Checkpoint(name, *saved) if saved else None

    def trained_on(self, event: TrainedOn) -> None:
        """Note on which machine of a cluster a fit is trained."""
        assert self.store is not None  # noqa: S101 - where else would it be kept
        name = self.store.put_environment(dict(event.environment))
        self.origins.setdefault(event.fit_id, set()).add(name)

    def results(self, record: FitRecord) -> Iterator[TaskResult]:
        """Keep what came of a fit, and give it to every task that it answers."""
        name = record.fit_id
        if self.store and name not in self._stored:
            self.store.add(record, self.origins.pop(name, ()))
            self._stored.add(name)
        self.tell(name, 1.0)
        return (TaskResult.of(key, record) for key in self._keys.pop(name, ()))

    def tell(self, name: str, share: float) -> None:
        """Say how far a fit has come."""
        for key in self._keys.get(name, ()) if self._watcher else ():
            self._watcher(key, share)  # type: ignore[misc]


def _version(task: Task, trainer: Trainer) -> str:
    return trainer.versions[task.job.architecture.takes]


def _fit(task: Task, table: int, name: str, trainer: Trainer) -> Fit:
    rows = FitRows(task.train_rows, task.validation_rows, task.inner_rows, table=table)
    return Fit(name, task.job, rows, _version(task, trainer), task.start)


def _open_store(folder: Path, kind: str, stack: ExitStack) -> Store:
    """Open the store of a folder, for as long as the stack is; a fit that failed there is tried anew.

    Where its fits are trained is kept as in a run folder, less the trainers: they hang on each task, and every fit
    names its own.
    """
    stack.enter_context(RunLock(folder))
    store = stack.enter_context(Store.create_or_open(folder, Identity(STORE_NAME, kind, "")))
    store.forget_failed()
    store.begin(environment({}))
    return store


def _named(task: Task, version: str, digests: dict[int, str], digest: Callable[[NDArray[Any]], str]) -> str:
    """Give the SHA-256 of all that the bytes of a task's result depend on; `digest` names an array."""

    def known(array: NDArray[Any] | None) -> str | None:
        if array is not None and id(array) not in digests:
            digests[id(array)] = digest(array)
        return None if array is None else digests[id(array)]

    arrays = (task.x, task.y, task.sample_weight, task.train_rows, task.validation_rows, task.inner_rows)
    start = task.start
    began = () if start is None else (start.parameters_P, start.buffers, start.first_P, start.second_P)
    content = {
        "network": task.network_name(by_content=digest is _digest_of_bytes),
        "training": naming_values(task.training),
        "task": [task.task, task.outputs, task.dtype],
        "arrays": [known(array) for array in arrays] + ([] if task.share is None else [known(task.share)]),
        "streams": [task.seed, task.fold, task.repeat],
        "start": [known(array) for array in began] + ([] if start is None else [str(start.epoch)]),
        "trainer": version,
        **({"codes": list(task.code_rows)} if task.code_rows else {}),
    }
    return content_id(content)


def _digest_of_bytes(array: NDArray[Any]) -> str:
    """Name an array by its content, for a store."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def _digest_of_object(array: NDArray[Any]) -> str:
    """Name an array by itself, while it is there."""
    return str(id(array))


def result_so_far(state: State, task: Task) -> TaskResult:
    """Say what came of a task if it ends here."""
    named = task.job.architecture.named(state.parameters_P, state.buffers)
    parameters = {name: array.copy() for name, array in named.items()}
    curve_TC = state.curve_TC[: state.points].copy()
    curves = {"epoch": state.epoch_T[: state.points].astype(np.float64)}
    for name in ("train_loss", "inner_loss") if len(task.inner_rows) else ("train_loss",):
        curves[name] = curve_TC[:, CURVES.index(name)]
    return TaskResult(task.key, "ok", "", parameters, curves, state.epoch, state.epoch, 0.0, "")
