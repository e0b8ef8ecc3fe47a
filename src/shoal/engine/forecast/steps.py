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
from functools import cache

import numpy as np

from shoal.activations import activation_of
from shoal.engine._trainer import Job
from shoal.nets import ConvLayer, optimizer_of

CROWD_SECONDS = 0.06
"""Long enough for a busy machine to give the core to others some times."""
MEASURING = 1.0
"""Seconds for which the steps of a study are measured: some hundred small shapes."""
_CALLED = 2e4
"""Operations that take as long as what a step costs however small it is."""
_VECTOR = 8
"""Channels are worked on in groups of so many, full or not."""


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


@cache
def crowding() -> float:
    """How many times its own time a thread's work takes now, since others want the cores too; 1 where none does."""
    x = np.ones((64, 64), np.float32)
    begun, own = time.perf_counter(), time.thread_time()
    while time.thread_time() - own < CROWD_SECONDS:
        x = np.tanh(x @ x)
    return max(1.0, (time.perf_counter() - begun) / (time.thread_time() - own))


class StepTimes:
    """Seconds of a step of many shapes: measured, until that took `MEASURING` in all; then told by the nearest.

    The nearest is the measured shape whose work (in any unit) is most like; time is in proportion to work.
    """

    def __init__(self, seconds: float = MEASURING) -> None:
        """Take the time that measuring may take."""
        self._left = seconds
        self._known: dict[Hashable, float] = {}
        self._measured: list[tuple[float, float]] = []

    def of(self, shape: Hashable, work: float, measure: Callable[[], float]) -> float:
        """Give the seconds of a step of this shape, the same ones whenever it is asked for."""
        if shape not in self._known:
            self._known[shape] = self._find(work, measure)
        return self._known[shape]

    def _find(self, work: float, measure: Callable[[], float]) -> float:
        if self._left > 0 or not self._measured:
            begun = time.thread_time()
            seconds = measure()
            self._left -= time.thread_time() - begun
            insort(self._measured, (work, seconds))
            return seconds
        place = bisect(self._measured, (work,))
        near = self._measured[max(0, place - 1) : place + 1]
        like, seconds = min(near, key=lambda one: abs(math.log(one[0] / work)))
        return seconds * work / like


def step_work(job: Job, rows: int) -> float:
    """Say how much work a step is, in operations: what times of steps are in proportion to where networks are alike."""
    network = job.architecture
    batch = min(job.training.batch_size, rows)
    return 3.0 * batch * network.flops_per_row + 8.0 * network.parameter_count + _CALLED


def torch_step_seconds(job: Job, rows: int) -> float:
    """Predict one step of the torch trainer on one CPU core."""
    architecture, training = job.architecture, job.training
    batch = min(rows, training.batch_size)
    if architecture.convolutional:
        return machine_pace() * (_calls(job) + batch * _numbers_of_an_image(job))
    layers = architecture.layers
    draws = batch * sum(layer.units for layer in layers if layer.dropout)
    units = batch * sum(layer.units for layer in layers)
    products = 3 * batch * architecture.flops_per_row
    numbers = 1.26e-3 * draws + 4e-4 * units + 1.6e-4 * architecture.parameter_count + 1.35e-6 * products
    return machine_pace() * (_calls(job) + numbers)


def torch_call_seconds(job: Job) -> float:
    """Predict the part of a step in which Python calls torch, one thread at a time."""
    return machine_pace() * _calls(job)


def _calls(job: Job) -> float:
    """What a step costs however few numbers it works on."""
    layers, training = job.architecture.layers, job.training
    convolutions = [layer for layer in layers if isinstance(layer, ConvLayer)]
    return (
        34
        + 9.3 * len(layers)
        + 34 * len(convolutions)
        + optimizer_of(training.optimizer).calls
        + 6 * sum(layer.dropout > 0 for layer in layers)
        + (25 if convolutions else 8) * sum(layer.batch_norm for layer in layers)
    )


def _numbers_of_an_image(job: Job) -> float:
    """What one image of a batch costs: its pixels, the products and the elements of every feature map."""
    architecture, augment = job.architecture, job.training.augment
    pixels = math.prod(architecture.input_shape)
    cost = pixels * (1.3e-3 + 1e-3 * (augment.flip or augment.shift > 0))
    for number, layer in enumerate(architecture.layers):
        cost += 1.26e-3 * layer.units * (layer.dropout > 0)
        if not isinstance(layer, ConvLayer):
            cost += 1.56e-6 * 6 * layer.multiply_adds
            continue
        inputs = _filled(layer.inputs // layer.groups) if number else layer.inputs
        products = _filled(layer.units) * inputs * layer.kernel**2 * math.prod(layer.size)
        passes = 3 if number else 2  # images need no gradient
        cheap = activation_of(layer.activation).cheap
        elements = 3.1e-4 + 1.8e-4 * layer.batch_norm + 1.1e-3 * (not cheap)
        cost += 1.56e-6 * 2 * passes * products + elements * layer.units * math.prod(layer.size)
    return cost


def _filled(channels: int) -> int:
    return -(-channels // _VECTOR) * _VECTOR
