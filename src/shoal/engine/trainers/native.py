"""The native trainer: small networks on one CPU core each, through the C++ core of `src/native/`.

ctypes calls the core's plain C interface and leaves the GIL alone meanwhile, so fits run in threads.
Letters: N rows, D inputs, C channels, K outputs, P parameters, E epochs, T evaluation points.
"""

from __future__ import annotations

import ctypes
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, assert_never

import numpy as np
from numpy.typing import NDArray

from shoal.core import ABI
from shoal.engine._trainer import (
    AskedGradient,
    FitData,
    Job,
    Rows,
    State,
    every_kth,
    initial_state,
    steps_per_epoch,
)
from shoal.engine.forecast.steps import StepTimes, step_work
from shoal.engine.trainers.batches import chunks_of
from shoal.engine.trainers.native_core import (
    Build,
    FitStruct,
    RowsStruct,
    ShouldPause,
    Words,
    call,
    native_available,
    native_missing_reason,
    pick_target,
)
from shoal.engine.trainers.native_kinds import refusal_of
from shoal.engine.trainers.native_memory import passing_bytes
from shoal.engine.trainers.native_network import CoreNetwork, at, gradient_of, maps_of, outputs_of
from shoal.kinds import LOSSES, OPTIMIZERS, Takes, core_number
from shoal.nets import Architecture, learning_rates
from shoal.streams import Role
from shoal.study import Training

_MONITORS: Final = ("none", "validation", "inner")
_STATUSES: Final = ("training", "done", "diverged")
BREATH_SECONDS: Final = 0.5
"""How long the core works at most in the main thread before Python has its turn: Ctrl-C waits for that."""
PAUSE_INTERVAL: Final = 1 << 28
"""Multiply-adds between two questions whether to pause: below 10 ms of a core with AVX2, 0.4 s of the portable one."""

_MEASURED_STEPS: Final[dict[Takes, int]] = {"table": 4, "images": 1}
"""Batches of the rows on which a step is timed: more tell nothing more, and images take long."""


def _ready(array: NDArray[Any], dtype: type) -> NDArray[Any]:
    return np.require(array, dtype, ["C", "A", "W"])


@dataclass
class _Pause:
    """What the core asks: whether to leave off, since the state wishes it or Python is to have its turn."""

    state: State
    until: float = math.inf
    wished: bool = False

    def asked(self) -> bool:
        self.wished = self.state.pausing()
        return self.wished or time.monotonic() >= self.until


class _Fit:
    """One fit as the core reads it. Holds every array that the struct points into."""

    def __init__(self, job: Job, data: FitData, state: State) -> None:
        training = job.training
        self.state, self.references = state, list[Any]()
        self.struct = fit = FitStruct(abi=ABI)
        network = CoreNetwork.of(job.architecture)
        self.references.append(network)
        fit.network = network.struct
        fit.loss = core_number("loss", LOSSES, job.loss)
        option = training.option_of(job.loss)
        levels = option if isinstance(option, tuple) else ()
        fit.loss_option = 0.0 if option is None or levels else option
        fit.levels, fit.level_count = self._keep(np.array(levels), np.float64)
        fit.optimizer = core_number("optimizer", OPTIMIZERS, training.optimizer)
        fit.momentum, fit.nesterov = training.momentum, training.nesterov
        fit.weight_decay, fit.batch_size, fit.epochs = (
            training.weight_decay,
            training.batch_size,
            training.epochs,
        )
        fit.learning_rates, fit.learning_rates_count = self._keep(learning_rates(training), np.float64)
        # What a judge in Python says is none of the core's: it evaluates and leaves off, see `judge`.
        monitor = "none" if data.judge else job.monitor
        fit.monitor = _MONITORS.index(monitor)
        fit.patience = training.patience if monitor == "inner" else 0
        fit.order_key = Words(*job.key.words(Role.ORDER))
        fit.dropout_key = Words(*job.key.words(Role.DROPOUT))
        fit.train, fit.validation, fit.inner = (
            self._rows(job, rows) for rows in (data.train, data.validation, data.inner)
        )
        fit.evaluate_every = every_kth(len(data.train), job.architecture.takes)
        if data.train.index is not None:
            self._images(job, data)
        self._point_at(state)
        self.pause = _Pause(state)
        fit.should_pause, fit.pause_interval = ShouldPause(self.pause.asked), PAUSE_INTERVAL

    def _images(self, job: Job, data: FitData) -> None:
        """Say where the shared images lie, and what becomes of their bytes."""
        fit, augment = self.struct, job.training.augment
        assert data.pixel_scale_C is not None  # noqa: S101 - images come with their scale
        assert data.pixel_offset_C is not None  # noqa: S101
        fit.images, fit.images_count = self._keep(data.train.x, np.uint8)
        fit.pixel_scale, fit.pixel_count = self._keep(data.pixel_scale_C, np.float32)
        fit.pixel_offset, _ = self._keep(data.pixel_offset_C, np.float32)
        fit.shift, fit.flip = augment.shift, augment.flip
        fit.augment_key = Words(*job.key.words(Role.AUGMENT))

    def _keep(self, array: NDArray[Any], dtype: type) -> tuple[int | None, int]:
        ready: NDArray[Any] = np.ascontiguousarray(array, dtype)
        self.references.append(ready)
        return at(ready), ready.size

    def _rows(self, job: Job, rows: Rows) -> RowsStruct:
        struct = RowsStruct(len(rows))
        if rows.index is None:
            struct.x, struct.x_count = self._keep(rows.x, np.float32)
        else:
            struct.index, struct.index_count = self._keep(rows.index, np.int64)
        match job.target:
            case "numbers" | "labels":
                struct.values, struct.values_count = self._keep(rows.y, np.float32)
            case "class":
                struct.labels, struct.labels_count = self._keep(rows.y, np.int64)
            case target:
                assert_never(target)
        if rows.weight is not None:
            struct.weights, struct.weights_count = self._keep(rows.weight, np.float32)
        if rows.share is not None:
            struct.shares, struct.shares_count = self._keep(rows.share, np.float32)
        return struct

    def _point_at(self, state: State) -> None:
        """Let the core work in the state's own arrays."""
        fit = self.struct
        for field, name in (
            ("parameters", "parameters_P"),
            ("first_moment", "first_P"),
            ("second_moment", "second_P"),
            ("best_parameters", "best_P"),
            ("buffers", "buffers"),
            ("best_buffers", "best_buffers"),
        ):
            setattr(state, name, _ready(getattr(state, name), np.float32))
            setattr(fit, field, at(getattr(state, name)))
        sizes = {array.size for array in (state.parameters_P, state.first_P, state.second_P, state.best_P)}
        fit.parameter_count = sizes.pop() if len(sizes) == 1 else -1
        fit.buffer_count = state.buffers.size if state.buffers.size == state.best_buffers.size else -1
        state.curve_TC = _ready(state.curve_TC, np.float64)
        fit.curve, fit.curve_count = at(state.curve_TC), state.curve_TC.size
        fit.evaluation_epochs, fit.evaluation_count = self._keep(state.epoch_T, np.int64)
        fit.epoch, fit.step, fit.evaluations_done, fit.best_epoch, fit.best_loss = (
            state.epoch,
            state.step,
            state.points,
            state.best_epoch,
            state.best_loss,
        )
        fit.status = _STATUSES.index(state.status)
        fit.diverged_epoch, fit.diverged_batch = state.diverged_epoch, state.diverged_batch

    def give_back(self) -> None:
        """Copy the numbers of the advanced state; the arrays are its own."""
        fit, state = self.struct, self.state
        state.epoch, state.step, state.points, state.best_epoch, state.best_loss = (
            fit.epoch,
            fit.step,
            fit.evaluations_done,
            fit.best_epoch,
            fit.best_loss,
        )
        state.status = _STATUSES[fit.status]
        state.diverged_epoch, state.diverged_batch = fit.diverged_epoch, fit.diverged_batch

    def judge(self, job: Job, value: float) -> None:
        """Keep the parameters or stop by what the judge says of the state as it stands."""
        fit, state = self.struct, self.state
        state.keep_or_stop(job, value)
        fit.best_epoch, fit.best_loss = state.best_epoch, state.best_loss


class NativeTrainer:
    """Trains in the C++ core what `refusal_of` lets it; see `Trainer` for what its methods promise.

    `target` names a vector width of `runnable_targets()`; the widest by default. All give the same bytes. `core` is
    another build of the core, for benchmarks.
    """

    name = "native"
    versions: Final[Mapping[Takes, str]] = {"table": "native-1", "images": "native-2"}
    imports_torch = False

    def __init__(self, target: str | None = None, core: Path | None = None) -> None:
        self.target = target
        self.core = core

    def workers(self, architecture: Architecture) -> str:  # noqa: ARG002
        """Threads: the core leaves the GIL alone."""
        return "threads"

    def refuses(self, architecture: Architecture, training: Training) -> str | None:
        """Say why this trainer cannot take such a fit, or None."""
        if not native_available():
            return native_missing_reason()
        return refusal_of(architecture, training)

    def advance(self, job: Job, data: FitData, state: State, until: int) -> None:
        """Train up to `until` epochs in all; see `Trainer.advance`."""
        fit = _Fit(job, data, state)
        until = max(0, min(until, job.training.epochs))
        breath = BREATH_SECONDS if threading.current_thread() is threading.main_thread() else math.inf
        while not fit.pause.wished:
            fit.pause.until, points = time.monotonic() + breath, state.points
            there = min(until, int(state.epoch_T[points])) if data.judge else until
            self._call("shoal_advance", ctypes.byref(fit.struct), there)
            fit.give_back()
            if data.judge and state.points > points and state.status != "diverged":
                fit.judge(job, data.judge(self._monitored(job, data, state)))
            if state.status != "training" or state.epoch >= until:
                return

    def _monitored(self, job: Job, data: FitData, state: State) -> NDArray[np.float32]:
        """Outputs for the monitored rows, by the network as it stands."""
        rows = data.inner if job.monitor == "inner" else data.validation
        parts = chunks_of(rows, job.architecture.takes)
        return np.concatenate(
            [
                self.outputs(job.architecture, state.parameters_P, state.buffers, data.inputs(rows, part))
                for part in parts
            ]
        )

    def outputs(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Outputs for prepared rows, shape (N, K)."""
        return outputs_of(self._build, (architecture, parameters_P, buffers), x)

    def maps(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> tuple[NDArray[np.float32], ...]:
        """Feature maps of every convolution for prepared images; see `Trainer.maps`."""
        return maps_of(self._build, (architecture, parameters_P, buffers), x)

    def gradient(
        self,
        architecture: Architecture,
        parameters_P: NDArray[Any],
        buffers: NDArray[Any],
        x: NDArray[Any],
        asked: AskedGradient,
    ) -> NDArray[np.float32]:
        """Gradient by prepared images, or by maps; see `Trainer.gradient`."""
        return gradient_of(self._build, (architecture, parameters_P, buffers), x, asked)

    def step_seconds(self, job: Job, rows: int) -> float:
        """Time a few milliseconds of a fit of this shape on drawn numbers; see `StepTimes`, where there are many."""
        training, network = job.training, job.architecture
        layers = tuple(replace(layer, dropout=1.0) if layer.dropout else layer for layer in network.layers)
        shape = (
            layers,
            network.input_shape,
            training.augment,
            job.loss,
            training.optimizer,
            bool(training.momentum),
            min(training.batch_size, rows),
        )
        times, steps = _TIMES[network.takes], _MEASURED_STEPS[network.takes]
        return times.of(
            shape, step_work(job, rows), lambda: self._measure(job, min(rows, steps * training.batch_size))
        )

    def passing_bytes(self, job: Job, rows: int, asked: int) -> float:  # noqa: ARG002
        """Predict what passes through a network at once."""
        return passing_bytes(job, rows)

    def lingering_bytes(self, job: Job, rows: int, asked: int) -> float:  # noqa: ARG002
        """Nothing: the core frees what it took as one."""
        return 0.0

    def _measure(self, job: Job, rows: int) -> float:
        """Mean time of a step, in seconds, from runs of growing length until one is long enough to trust.

        The time is this thread's own on its core: what else the machine does now is no part of it.
        """
        epochs = 1 << 16
        changes: dict[str, Any] = {
            "epochs": epochs,
            "early_stopping": "none",
            "keep": "last",
            "schedule": "constant",
        }
        job = replace(job, training=job.training.model_copy(update=changes))
        numbers = np.random.default_rng(0)
        outputs = job.architecture.outputs
        match job.target:
            case "numbers" | "labels":
                y: NDArray[Any] = numbers.random((rows, outputs // job.outputs_of_target), np.float32)
            case "class":
                y = numbers.integers(0, outputs, rows)
            case other:
                assert_never(other)
        data = _drawn_rows(job.architecture, y, numbers)
        state = initial_state(job)
        state.epoch_T, state.curve_TC = state.epoch_T[:0], state.curve_TC[:0]
        fit = _Fit(job, data, state)
        self._call("shoal_advance", ctypes.byref(fit.struct), 1)
        steps, passed, length = steps_per_epoch(rows, job.training.batch_size), 0.0, 1
        while passed < 3e-3 and fit.struct.epoch + length <= epochs and fit.struct.status == 0:
            begun = time.thread_time()
            self._call("shoal_advance", ctypes.byref(fit.struct), fit.struct.epoch + length)
            passed, length = time.thread_time() - begun, 2 * length
        length = max(1, length // 2)
        for _ in range(2):  # the best of three: on a busy machine others empty the caches in between
            if fit.struct.epoch + length <= epochs and fit.struct.status == 0:
                begun = time.thread_time()
                self._call("shoal_advance", ctypes.byref(fit.struct), fit.struct.epoch + length)
                passed = min(passed, time.thread_time() - begun)
        return passed / (length * steps)

    @property
    def _build(self) -> Build:
        return self.core, self.target or pick_target()

    def _call(self, name: str, *arguments: Any) -> None:
        call(self._build, name, *arguments)


def _drawn_rows(architecture: Architecture, y: NDArray[Any], numbers: np.random.Generator) -> FitData:
    """Draw rows for these targets, to be trained on alone."""
    shape = len(y), *architecture.input_shape
    match architecture.takes:
        case "images":
            x, index = numbers.integers(0, 256, shape, np.uint8), np.arange(len(y))
            some, none = Rows(x, y, index), Rows(x, y[:0], index[:0])
        case "table":
            floats = numbers.random(shape, np.float32)
            for place, (rows, _) in enumerate(architecture.tables, shape[1] - len(architecture.tables)):
                floats[:, place] = numbers.integers(0, rows, len(y))
            some, none = Rows(floats, y), Rows(floats[:0], y[:0])
        case takes:
            assert_never(takes)
    scale_C = np.full(architecture.input_shape[0], 1 / 255, np.float32)
    return FitData(some, none, none, scale_C, np.zeros_like(scale_C))


_TIMES: Final[dict[Takes, StepTimes]] = {"table": StepTimes(), "images": StepTimes()}
