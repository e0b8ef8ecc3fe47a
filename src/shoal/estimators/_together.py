"""The fits of one search, trained together: planned one by one, given to the engine at once, handed out again.

A fit is its content. So a search first walks through every candidate and fold up to the place where a network
would be trained, and notes the task instead; then the engine trains all tasks; then the same walk again, this
time scikit-learn's own, meets networks that are trained already.

Letters: N rows, V rows held out, K outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.estimators._shared import content_of
from shoal.estimators._tasks import Devices, Task, Trained, answering, train

SAY_SECONDS: Final = 10.0

Held = tuple[NDArray[Any], NDArray[Any]]
"""Rows held out, ready for the arithmetic: `x` as the task's, `y` as the task's."""


class _Planned(Exception):
    """Ends a fit where it would train."""

    def __init__(self, task: Task, device: Devices) -> None:
        super().__init__()
        self.task, self.device = task, device


@dataclass(frozen=True, eq=False)
class Wanted:
    """The task of one fit and the device it asks for."""

    task: Task
    device: Devices


def planned(fit: Callable[[], object]) -> Wanted | None:
    """Give what a fit would train, without training it; None where it fails before, or trains no network."""

    def note(task: Task, device: Devices) -> Trained:
        raise _Planned(task, device)

    before = answering.set(note)
    try:
        fit()
    except _Planned as found:
        return Wanted(found.task, found.device) if found.task.start is None else None
    except Exception:  # it fails again where its failure counts
        return None
    finally:
        answering.reset(before)
    return None


class Together:
    """The networks of one search; equal tasks are trained once.

    `n_jobs` are trained at a time, None is one a core. With `store`, a folder, they are kept there. `say` is told
    every ten seconds how far they are.
    """

    def __init__(
        self, n_jobs: int | None, store: str | PathLike[str] | None, say: Callable[[str], None] | None
    ) -> None:
        self._n_jobs, self._store, self._say = -1 if n_jobs is None else n_jobs, store, say
        self._wanted: dict[str, Wanted] = {}
        self._arrays: dict[str, NDArray[Any]] = {}
        self._running: Generator[Trained, None, None] | None = None
        self._done: dict[str, Trained] = {}
        self._fault: Exception | None = None

    def plan(self, wanted: Wanted, held: Held | None) -> str:
        """Add a task, with the rows held out that draw its validation curve; give its name."""
        name = _name(wanted.task)
        if name not in self._wanted:
            task = self._with_shared_arrays(wanted.task, held)
            self._wanted[name] = replace(wanted, task=replace(task, key=name))
        return name

    def task(self, name: str) -> Task:
        """Give a planned task."""
        return self._wanted[name].task

    def result(self, name: str) -> Trained | None:
        """Give what came of a task, if it has ended."""
        return self._done.get(name)

    def start(self) -> None:
        """Hand every planned task to the engine; it begins when the first result is asked for."""
        self._running = self._train()

    def _train(self) -> Generator[Trained, None, None]:
        by_device: dict[Devices, list[Task]] = {}
        for wanted in self._wanted.values():
            by_device.setdefault(wanted.device, []).append(wanted.task)
        store = None if self._store is None else Path(self._store)
        watcher = _Spoken(self._say, len(self._wanted)) if self._say else None
        for device, tasks in by_device.items():
            yield from train(tasks, n_jobs=self._n_jobs, device=device, store=store, watcher=watcher)

    @contextmanager
    def answers(self) -> Iterator[None]:
        """Within, a fit that was planned takes its network from here. A fault of the machine ends the search."""
        before = answering.set(self._answer)
        try:
            yield
        finally:
            answering.reset(before)
            if self._fault is not None:
                raise self._fault

    def close(self) -> None:
        """End what still runs."""
        if self._running is not None:
            self._running.close()

    def _answer(self, task: Task, device: Devices) -> Trained | None:
        del device
        name = _name(task)
        if name not in self._wanted:
            return None
        if self._fault is not None:
            raise self._fault
        assert self._running is not None  # noqa: S101 - what is planned was started
        while name not in self._done:
            try:
                trained = next(self._running)
            except Exception as error:
                self._fault = error
                raise
            self._done[trained.key] = trained
        return self._done[name]

    def _with_shared_arrays(self, task: Task, held: Held | None) -> Task:
        """Join the rows held out to the task's; equal arrays become one, so that the engine sends them once."""
        x, y, weight = task.x, task.y, task.sample_weight
        if held is not None:
            rows = np.arange(len(x), len(x) + len(held[0]), dtype=np.int64)
            task = replace(task, validation_rows=rows)
            x, y = np.concatenate([x, held[0]]), np.concatenate([y, held[1]])
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(rows), weight.dtype)])
        kept = None if weight is None else self._one(weight)
        return replace(task, x=self._one(x), y=self._one(y), sample_weight=kept)

    def _one(self, array: NDArray[Any]) -> NDArray[Any]:
        return self._arrays.setdefault(content_of(array), array)


def _name(task: Task) -> str:
    """Name a task by all that its training depends on."""
    arrays = (task.x, task.y, task.train_rows, task.inner_rows, task.sample_weight)
    settings = (task.network.model_dump_json(), task.training.model_dump_json(), task.task, task.dtype)
    return content_of(*arrays, *settings, task.outputs, task.seed, task.fold, task.repeat)


class _Spoken:
    """Says how many of the networks are trained, every ten seconds."""

    def __init__(self, say: Callable[[str], None], tasks: int) -> None:
        self._say, self._tasks = say, tasks
        self._share: dict[str, float] = {}
        self._begun = self._said = time.monotonic()

    def __call__(self, key: str, share: float) -> None:
        self._share[key] = share
        now = time.monotonic()
        if now - self._said >= SAY_SECONDS:
            self._said = now
            done, passed = sum(self._share.values()), now - self._begun
            ended = sum(part == 1 for part in self._share.values())
            left = f", about {passed * (self._tasks - done) / done:.0f} s left" if done else ""
            self._say(f"{ended} of {self._tasks} networks are trained{left}")


def held_rows(rows: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    """Give row numbers as int64, also where a splitter gives a mask."""
    found = np.asarray(rows)
    return np.flatnonzero(found) if found.dtype == np.bool_ else found.astype(np.int64)
