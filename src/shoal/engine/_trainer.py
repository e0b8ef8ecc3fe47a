"""What every trainer is told, what it keeps and what it must do.

A trainer advances a `State`, by whole epochs unless it is asked to pause. All of a fit is in that state (the
streams need none), so a fit can stop between any two steps, be stored, and go on elsewhere to the same bytes.

Letters: N rows, D inputs, K outputs, P parameters, E epochs, T evaluation points.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution, distribution_of
from shoal.kinds import LOSSES, Takes, Target, row_of, task_kind
from shoal.nets import Architecture, initial_numbers
from shoal.streams import StreamKey
from shoal.study import Loss, Training

MAX_POINTS: Final = 500
CURVE_ROWS: Final[dict[Takes, int]] = {"table": sys.maxsize, "images": 8192}
"""Training rows that a curve is drawn from, about and at most."""
CURVES: Final = ("train_loss", "validation_loss", "inner_loss", "train_accuracy", "validation_accuracy")
"""Columns of `State.curve_TC`; NaN where there are no such rows or the loss is not one of classes."""


Judge = Callable[[NDArray[np.float32]], float]
"""What outputs (N, K) for the monitored rows are worth, the lower the better; NaN where that is undefined."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows ready for the arithmetic. `y`: float32 (N, K), of labels 0 or 1, or int64 (N,) class numbers.

    Tables: `x` float32 (N, D), `index` None. Images: `x` uint8 (M, C, height, width), shared by all fits, of
    which these rows are `index`, int64 (N,). With `weight`, float (N,), finite and not negative, every
    loss and accuracy is the weighted mean over its rows: the sum of weight times value over the sum of weights, of
    each batch as well. Of rows that weigh nothing it is 0, and so is its gradient; a row that weighs nothing is not
    looked at. With `share`, float (N, K), of labels alone, finite and not negative and 1 in the mean of each row, a
    row's loss is the mean over its labels of share times value.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    index: NDArray[np.int64] | None = None
    weight: NDArray[Any] | None = None
    share: NDArray[Any] | None = None

    def __len__(self) -> int:
        """N."""
        return len(self.y)


@dataclass(frozen=True, eq=False)
class FitData:
    """The rows of one fit. `validation` only draws curves; `inner` decides early stopping; both may be empty.

    Where there is a `judge`, what it says of the outputs for the monitored rows is monitored in place of their loss;
    `unjudged` is said where that is undefined after every epoch.

    Images become `x * pixel_scale_C + pixel_offset_C`, in float32, when they are used.
    """

    train: Rows
    validation: Rows
    inner: Rows
    pixel_scale_C: NDArray[np.float32] | None = None
    pixel_offset_C: NDArray[np.float32] | None = None
    judge: Judge | None = None
    unjudged: str = ""

    def inputs(self, rows: Rows, part: slice) -> NDArray[np.float32]:
        """Inputs of some of the rows, float32: as they are, or made of the bytes of images."""
        if rows.index is None:
            return np.asarray(rows.x[part], np.float32)
        assert self.pixel_scale_C is not None  # noqa: S101 - images come with their scale
        assert self.pixel_offset_C is not None  # noqa: S101
        scale, offset = self.pixel_scale_C[:, None, None], self.pixel_offset_C[:, None, None]
        return np.asarray(rows.x[rows.index[part]] * scale + offset, np.float32)


@dataclass(frozen=True, eq=False)
class AskedGradient:
    """What a gradient is asked of: of N images that which has the gradient `by_outputs_NK` by the outputs.

    It is asked by the images, or by the maps of convolution `layer`. With a `least_slope` above 0, slopes of the
    activations of convolutions that are lower count as that, so that there is a way through units that are silent.
    """

    by_outputs_NK: NDArray[Any]
    layer: int | None = None
    least_slope: float = 0.0


@dataclass(frozen=True)
class Job:
    """All that a trainer is told of one fit, except its rows."""

    architecture: Architecture
    training: Training
    loss: Loss
    key: StreamKey

    @property
    def target(self) -> Target:
        """What its network learns of a row."""
        return task_kind(row_of("loss", LOSSES, self.loss).task).target

    @property
    def distribution(self) -> Distribution | None:
        """What the network says of a target; None where that is one number."""
        return distribution_of(self.loss, self.training.option_of(self.loss))

    @property
    def outputs_of_target(self) -> int:
        """How many outputs of the network each target has."""
        return 1 if self.distribution is None else self.distribution.outputs

    @property
    def monitor(self) -> Literal["none", "validation", "inner"]:
        """Whose loss chooses the kept epoch: nobody's, that of the fold, or of the inner split of the training rows."""
        if self.training.early_stopping == "inner":
            return "inner"
        return "validation" if self.training.keep == "best" else "none"

    @property
    def scored(self) -> bool:
        """Whether a score chooses the kept epoch or ends the training, in place of the loss."""
        return self.training.monitor != "loss" and self.monitor != "none"


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Count the batches of one epoch; the last may be short."""
    return -(-rows // batch_size)


def evaluation_epochs(epochs: int) -> NDArray[np.int64]:
    """Epochs (from 1) after which the losses are evaluated: evenly spaced, at most 500, always the last; (T,)."""
    every = -(-epochs // MAX_POINTS)
    points = np.arange(every, epochs + 1, every, dtype=np.int64)
    return points if points[-1] == epochs else np.append(points[: MAX_POINTS - 1], epochs)


def every_kth(rows: int, takes: Takes) -> int:
    """Give k: of so many training rows, every k-th is evaluated for the training curve.

    Of a table all are, of images about 8,192.
    """
    return max(1, -(-rows // CURVE_ROWS[takes]))


def never() -> bool:
    """Nobody asks a fit to pause."""
    return False


@dataclass(eq=False)
class State:
    """One fit between two steps. Trainers change it in place; `first_P`, `second_P` belong to the optimiser.

    adam, adamw: means of the gradient and of its square; sgd: the momentum buffer in `first_P`;
    rmsprop: the momentum buffer and the mean square. `best_*` hold the kept epoch when rows choose it.
    `epoch` epochs are done, and `step` steps of the next one. `pausing` is asked now and then between two
    steps; where it is true, the trainer leaves off there, at least a step further than it began. `optimizer` is what
    an optimiser of a person's own keeps, by name; `live` what a trainer needs not make again in its next slice here.
    """

    parameters_P: NDArray[np.float32]
    buffers: NDArray[np.float32]
    first_P: NDArray[np.float32]
    second_P: NDArray[np.float32]
    best_P: NDArray[np.float32]
    best_buffers: NDArray[np.float32]
    epoch_T: NDArray[np.int64]
    curve_TC: NDArray[np.float64]
    epoch: int = 0
    step: int = 0
    points: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    status: Literal["training", "done", "diverged"] = "training"
    diverged_epoch: int = 0
    diverged_batch: int = 0
    pausing: Callable[[], bool] = never
    optimizer: dict[str, NDArray[Any]] = field(default_factory=dict)
    live: Any = None

    def record_evaluation(
        self, job: Job, curve_C: NDArray[np.float64], steps: int, judged: float | None = None
    ) -> None:
        """Write one row of the curve after epoch `self.epoch` of `steps` batches; keep, stop or end by it.

        `judged` is what the judge says of the outputs, if there is one.
        """
        self.curve_TC[self.points] = curve_C
        self.points += 1
        if not math.isfinite(curve_C[CURVES.index("train_loss")]):
            self.diverge(self.epoch, steps)
            return
        if self.epoch == job.training.epochs:
            self.status = "done"
        if job.monitor != "none":
            own = float(curve_C[CURVES.index(f"{job.monitor}_loss")])
            self.keep_or_stop(job, own if judged is None else judged)

    def keep_or_stop(self, job: Job, value: float) -> None:
        """Keep the parameters where the monitored `value` is the lowest so far; else stop after the last patience."""
        if value < self.best_loss:
            self.best_loss, self.best_epoch = value, self.epoch
            self.best_P[:], self.best_buffers[:] = self.parameters_P, self.buffers
        elif job.monitor == "inner" and self.epoch - self.best_epoch >= job.training.patience:
            self.status = "done"

    def diverge(self, epoch: int, batch: int) -> None:
        """Call the fit diverged in this epoch and batch, both from 1."""
        self.status, self.diverged_epoch, self.diverged_batch, self.step = "diverged", epoch, batch, 0


def initial_state(job: Job) -> State:
    """Build the state before the first epoch; it depends on the job alone."""
    parameters_P, buffers = initial_numbers(job.architecture, job.key)
    epoch_T = evaluation_epochs(job.training.epochs)
    return State(
        parameters_P=parameters_P,
        buffers=buffers,
        first_P=np.zeros_like(parameters_P),
        second_P=np.zeros_like(parameters_P),
        best_P=parameters_P.copy(),
        best_buffers=buffers.copy(),
        epoch_T=epoch_T,
        curve_TC=np.full((len(epoch_T), len(CURVES)), np.nan),
    )


class Trainer(Protocol):
    """What turns a job into a trained network.

    Contract (tests/contracts): the bytes of a fit depend on job and rows alone, not on other fits, on
    threads, or on where `advance` was called to stop.
    """

    name: str

    @property
    def versions(self) -> Mapping[Takes, str]:
        """What its fits are named after, by what networks take: other numbers of a job are another version's."""
        ...

    @property
    def imports_torch(self) -> bool:
        """Whether it imports torch, which takes seconds and some hundred megabytes where it trains."""
        ...

    def workers(self, architecture: Architecture) -> str:
        """Name the kind of workers that train fits of such a network: a key of `workers/kinds.py`."""
        ...

    def refuses(self, architecture: Architecture, training: Training) -> str | None:
        """Say why this trainer cannot take such a fit, or None."""
        ...

    def advance(self, job: Job, data: FitData, state: State, until: int) -> None:
        """Train up to `until` epochs in all, to the end of the fit or a pause; fill the curve; set the status.

        In epoch `e` (from 0) the rows come in the order `permutation(key.words(Role.ORDER), N, epoch=e)`,
        cut into batches, the last one short. Dropout of hidden layer `l` in step `s` of the epoch drops
        the units whose draw is below the threshold. After each epoch of `state.epoch_T` the losses
        (means over rows, without dropout) are written to the next row of `curve_TC`; the training loss of
        N images is that of every k-th of them from the first on, k = ceil(N / 8192). If `job.monitor` is
        not none, the parameters of the lowest monitored loss, or value of `data.judge`, so far (the earlier one on
        ties) are kept in `best_*`; with early stopping the fit is done once `patience` epochs have passed since then.
        The status becomes "diverged", with epoch and batch from 1, at the first batch whose loss is not
        finite, or at an evaluation whose training loss is not finite (batch: the epoch's last).
        """
        ...

    def outputs(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> NDArray[np.float32]:
        """Outputs for prepared float32 rows (values, or logits) without dropout, shape (N, K)."""
        ...

    def maps(
        self, architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any], x: NDArray[Any]
    ) -> tuple[NDArray[np.float32], ...]:
        """Feature maps of every convolution for prepared images, (N, units, height, width): after norm and activation
        and before pooling, without dropout.
        """
        ...

    def gradient(
        self,
        architecture: Architecture,
        parameters_P: NDArray[Any],
        buffers: NDArray[Any],
        x: NDArray[Any],
        asked: AskedGradient,
    ) -> NDArray[np.float32]:
        """Gradient by prepared images, in their shape, or by the maps of a convolution, in theirs; without dropout."""
        ...

    def step_seconds(self, job: Job, rows: int) -> float:
        """Predict the time of one training step on one core of this machine, from a short measurement."""
        ...

    def passing_bytes(self, job: Job, rows: int, asked: int) -> float:
        """Predict what passes through a network at once, trained on `rows` rows and asked for `asked` at a time."""
        ...

    def lingering_bytes(self, job: Job, rows: int, asked: int) -> float:
        """Predict what glibc keeps of that for its thread when all is freed."""
        ...
