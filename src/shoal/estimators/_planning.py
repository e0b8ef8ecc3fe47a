"""Networks of a search that are trained together: the task of each, taken before it is trained; rows that they share.

Letters: N rows, V rows held out, K outputs.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from shoal.data import Preprocessing
from shoal.errors import TrainingError
from shoal.estimators._answers import FitArguments, FitCall, Known, answered, first_asked
from shoal.estimators._course import Course
from shoal.estimators._estimator import NetworkEstimator
from shoal.estimators._inputs import Prepared
from shoal.estimators._training_tasks import Task, TaskResult
from shoal.nets import Architecture

_T = TypeVar("_T")
SAY_SECONDS: Final = 10.0

HeldOutArrays = tuple[NDArray[Any], NDArray[Any]]
"""Rows held out, ready for the arithmetic: `x` as the task's, `y` as the task's."""


class _Asked(Exception):
    """Ends a fit where its network would be fitted."""


@dataclass(frozen=True, eq=False)
class Planned:
    """A network to be trained elsewhere: what it was given, its task; what it set and warned of on the way.

    Where it waits for what comes of its task, `arguments` are empty.
    """

    network: NetworkEstimator
    arguments: FitArguments
    prepared: Prepared
    task: Task
    noted: dict[str, Any]
    warned: tuple[list[warnings.WarningMessage], list[warnings.WarningMessage]]

    @classmethod
    def of(cls, network: NetworkEstimator, arguments: FitArguments, like: Planned | None = None) -> Self:
        """Plan a network; what it shares with another, planned `like` it for the same rows, is not done again."""
        if like is None or not like.prepares_as(network):
            before = dict(vars(network))
            prepared, of_rows = _warned(lambda: network._prepared(*arguments))
            noted = _new(vars(network), before)
        else:
            prepared, of_rows, noted = like.prepared, like.warned[0], like.noted
            network.__dict__.update(noted)
        task, of_task = _warned(lambda: network._task(prepared).laid_out())
        return cls(network, arguments, prepared, task, noted, (of_rows, of_task))

    def prepares_as(self, network: NetworkEstimator) -> bool:
        """Whether another network makes the same of the same rows."""
        return type(network) is type(self.network) and network._preparation == self.network._preparation

    def waiting(self, task: Task) -> Planned:
        """Wait for what comes of a task: of the rows, those that it holds will do."""
        prepared = replace(self.prepared, x=task.x, y=task.y, checked=None)
        return replace(self, arguments=FitArguments(None, None, None), prepared=prepared, task=task)

    def known(self, trained: TaskResult, *, goes_on: bool) -> Known:
        """Fit the network by what came of its task; `goes_on` where somebody may train it further."""
        before, failure = vars(self.network).copy(), None
        try:
            self.network._adopt(trained, self.task, self.prepared, Course())
        except TrainingError as error:
            failure = str(error)
        adopted = _new(vars(self.network), before)
        # Others that were planned like it, or trained as one with it, hold the same: who scores may write into it.
        own = {
            name: value if isinstance(value, Architecture | Preprocessing) else copy.deepcopy(value)
            for name, value in (self.noted | adopted).items()
        }
        if goes_on and failure is None:
            own["_optimizer"] = self.task
        return Known(own, failure, [*self.warned[0], *self.warned[1]])


def planned(fit: Callable[[], object], network: Any) -> Planned | None:
    """Plan the network that is fitted in a fit; None where the fit fails before.

    Warnings are kept back: it is only tried here, and warns where it counts.
    """
    with suppress(Exception):  # it fails again where its failure counts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arguments = fitted_up_to(fit, network)
        return None if arguments is None else Planned.of(network, arguments)
    return None


def fitted_up_to(fit: Callable[[], object], network: Any) -> FitArguments | None:
    """Fit what stands before a network, and give what the network would be fitted to; None where it is not fitted."""
    reached: list[FitArguments] = []

    def end(_network: Any, arguments: FitArguments, _fit: FitCall) -> None:
        reached.append(arguments)
        raise _Asked

    try:
        with answered(first_asked(lambda: network, end)):
            fit()
    except _Asked:
        return reached[0]
    return None


def _new(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes that were not there before, or were others."""
    return {name: value for name, value in now.items() if name not in before or before[name] is not value}


def _warned(call: Callable[[], _T]) -> tuple[_T, list[warnings.WarningMessage]]:
    """Call, and keep back all warnings."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        return call(), warned


class SharedArrays:
    """The arrays of tasks on the same rows: equal ones become one, so that they are kept and sent once."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[Any]] = []
        self._joined: dict[tuple[int, int], NDArray[Any]] = {}

    def of(self, task: Task, held_out: HeldOutArrays | None) -> Task:
        """Give a task with such arrays, the rows held out joined to them to draw its validation curve."""
        x, y, rows = self._shared(task.x), self._shared(task.y), task.validation_rows
        weight, share = task.sample_weight, task.share
        if held_out is not None:
            rows = self._shared(np.arange(len(x), len(x) + len(held_out[0]), dtype=np.int64))
            x, y = self._with(x, held_out[0]), self._with(y, held_out[1])
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(held_out[0]), weight.dtype)])
            if share is not None:
                share = np.concatenate([share, np.ones(held_out[1].shape, share.dtype)])
        return replace(
            task,
            x=x,
            y=y,
            sample_weight=None if weight is None else self._shared(weight),
            share=None if share is None else self._shared(share),
            train_rows=self._shared(task.train_rows),
            validation_rows=rows,
            inner_rows=self._shared(task.inner_rows),
        )

    def _shared(self, array: NDArray[Any]) -> NDArray[Any]:
        for known in self._arrays:
            if known is array or (known.dtype == array.dtype and np.array_equal(known, array)):
                return known
        self._arrays.append(array)
        return array

    def _with(self, learned: NDArray[Any], held_out: NDArray[Any]) -> NDArray[Any]:
        key = (id(learned), id(held_out))
        if key not in self._joined:
            self._joined[key] = np.concatenate([learned, held_out])
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
            remaining_time = f", about {passed * (self._tasks - done) / done:.0f} s left" if done else ""
            self._say(f"{ended} of {self._tasks} networks are trained{remaining_time}")


def held_rows(rows: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    """Give row numbers as int64, also where a splitter gives a mask."""
    numbers = np.asarray(rows)
    return np.flatnonzero(numbers) if numbers.dtype == np.bool_ else numbers.astype(np.int64)
