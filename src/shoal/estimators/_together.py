"""Networks of a search that are trained together: the task of each, taken before it is trained; rows that they share.

Letters: N rows, V rows held out, K outputs.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.estimators._tasks import Task, Train, Trained, answered

SAY_SECONDS: Final = 10.0

Held = tuple[NDArray[Any], NDArray[Any]]
"""Rows held out, ready for the arithmetic: `x` as the task's, `y` as the task's."""


class _Planned(Exception):
    """Ends a fit where it would train."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task


def planned(fit: Callable[[], object], network: Any) -> Task | None:
    """Give the task that `network` would train in a fit, without training it; None where the fit fails before.

    Warnings are kept back: it is only tried here, and warns where it counts.
    """

    def note(task: Task, asking: Any, train_it: Train) -> Trained:
        if asking is network:
            raise _Planned(task)
        return train_it(task)

    try:
        with warnings.catch_warnings(), answered(note):
            warnings.simplefilter("ignore")
            fit()
    except _Planned as found:
        return found.task
    except Exception:  # it fails again where its failure counts
        return None
    return None


class SharedRows:
    """The arrays of tasks on the same rows: equal ones become one, so that they are kept and sent once."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[Any]] = []
        self._joined: dict[tuple[int, int], NDArray[Any]] = {}

    def of(self, task: Task, held: Held | None) -> Task:
        """Give a task with such arrays, the rows held out joined to them to draw its validation curve."""
        x, y, weight, rows = self._one(task.x), self._one(task.y), task.sample_weight, task.validation_rows
        if held is not None:
            rows = self._one(np.arange(len(x), len(x) + len(held[0]), dtype=np.int64))
            x, y = self._with(x, held[0]), self._with(y, held[1])
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(held[0]), weight.dtype)])
        return replace(
            task,
            x=x,
            y=y,
            sample_weight=None if weight is None else self._one(weight),
            train_rows=self._one(task.train_rows),
            validation_rows=rows,
            inner_rows=self._one(task.inner_rows),
        )

    def _one(self, array: NDArray[Any]) -> NDArray[Any]:
        for known in self._arrays:
            if known.dtype == array.dtype and np.array_equal(known, array):
                return known
        self._arrays.append(array)
        return array

    def _with(self, learned: NDArray[Any], held: NDArray[Any]) -> NDArray[Any]:
        key = (id(learned), id(held))
        if key not in self._joined:
            self._joined[key] = np.concatenate([learned, held])
        return self._joined[key]


class Spoken:
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
