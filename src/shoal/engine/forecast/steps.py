"""Predicts the time of a training step in torch without importing torch, so that a plan appears at once.

The unit is the time of a fixed chain of small numpy calls on this machine, now; the factors were measured
(least squares over thirteen convolutional networks of 8 to 600 rows a batch, for those) and hold as far as
torch's costs scale with numpy's.
"""

from __future__ import annotations

import math
import time
from bisect import bisect, insort
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

import numpy as np

from shoal.engine._trainer import Job
from shoal.kinds import Takes
from shoal.nets import Architecture, StepCost, optimizer_of

_Made = TypeVar("_Made")
CROWD_SECONDS = 0.03
"""Long enough for a busy machine to give the core to others some times."""
MEASURING = 1.0
"""Seconds for which the steps of a study are measured: some hundred small shapes."""
_CALLED = 2e4
"""Operations that take as long as what a step costs however small it is."""
_STEP: Final = 34.0
_MOVED: Final = 1e-3
_INPUT: Final[dict[Takes, float]] = {"table": 0.0, "images": 1.3e-3}
_PARAMETER: Final[dict[Takes, float]] = {"table": 1.6e-4, "images": 0.0}
"""Costs of a step of torch beside those that its layers say (see `StepCost`): of the step itself; for each row, of an
input that is moved and of one that is made of a byte; of a parameter."""


@cache
def machine_pace() -> float:
    """Seconds of a chain of four small numpy calls, the best of 15 rounds (about 13 ms in all)."""
    x = np.ones((10, 64), np.float32)
    weight = np.ones((64, 64), np.float32)
    best = 1.0
    for _ in range(15):
        start = time.perf_counter()
        for _ in range(100):
            (np.tanh(x @ weight) + 1).sum()
        best = min(best, time.perf_counter() - start)
    return best / 100


@dataclass(eq=False)
class Watched:
    """Work of this thread that waits for nothing but a core: its seconds on the clock, and its own."""

    clock: float = 0.0
    own: float = 0.0

    def call(self, work: Callable[[], _Made]) -> _Made:
        """Do some more of it, and give what it makes."""
        begun, own = time.perf_counter(), time.thread_time()
        made = work()
        self.clock += time.perf_counter() - begun
        self.own += time.thread_time() - own
        return made


def crowding(watched: Watched) -> float:
    """How many times its own time a thread's work takes now, since others want the cores too; 1 where none does.

    Where what was watched is too little to tell, there is some more.
    """
    enough = time.thread_time() + CROWD_SECONDS - watched.own

    def work() -> None:
        x = np.ones((64, 64), np.float32)
        while time.thread_time() < enough:
            x = np.tanh(x @ x)

    watched.call(work)
    return max(1.0, watched.clock / watched.own)


class StepTimes:
    """Seconds of a step of many shapes: measured, until that took `MEASURING` in all; then told by the nearest.

    The nearest is the measured shape whose work (in any unit) is most like; time is in proportion to work.
    """

    def __init__(self, seconds: float = MEASURING) -> None:
        """Take the time that measuring may take."""
        self._seconds_left = seconds
        self._known: dict[Hashable, float] = {}
        self._measured: list[tuple[float, float]] = []

    def of(self, shape: Hashable, work: float, measure: Callable[[], float]) -> float:
        """Give the seconds of a step of this shape, the same ones whenever it is asked for."""
        if shape not in self._known:
            self._known[shape] = self._find(work, measure)
        return self._known[shape]

    def _find(self, work: float, measure: Callable[[], float]) -> float:
        if self._seconds_left > 0 or not self._measured:
            begun = time.thread_time()
            seconds = measure()
            self._seconds_left -= time.thread_time() - begun
            insort(self._measured, (work, seconds))
            return seconds
        place = bisect(self._measured, (work,))
        near = self._measured[max(0, place - 1) : place + 1]
        like, seconds = min(near, key=lambda measured: abs(math.log(measured[0] / work)))
        return seconds * work / like


def step_work(job: Job, rows: int) -> float:
    """Say how much work a step is, in operations: what times of steps are in proportion to where networks are alike."""
    network = job.architecture
    batch = min(job.training.batch_size, rows)
    return 3.0 * batch * network.flops_per_row + 8.0 * network.parameter_count + _CALLED


def torch_step_seconds(job: Job, rows: int) -> float:
    """Predict one step of the torch trainer on one CPU core."""
    network, augment = job.architecture, job.training.augment
    batch = min(rows, job.training.batch_size)
    moved = _MOVED * (augment.flip or augment.shift > 0)
    row = math.prod(network.input_shape) * (_INPUT[network.takes] + moved)
    row += sum(cost.row for cost in _layer_costs(network))
    numbers = batch * row + _PARAMETER[network.takes] * network.parameter_count
    return machine_pace() * (_calls(job) + numbers)


def torch_call_seconds(job: Job) -> float:
    """Predict the part of a step in which Python calls torch, one thread at a time."""
    return machine_pace() * _calls(job)


def _calls(job: Job) -> float:
    """What a step costs however few numbers it works on."""
    layers = sum(cost.calls for cost in _layer_costs(job.architecture))
    return _STEP + layers + optimizer_of(job.training.optimizer).calls


def _layer_costs(network: Architecture) -> list[StepCost]:
    return [layer.step_cost(network.takes, first=not number) for number, layer in enumerate(network.layers)]
