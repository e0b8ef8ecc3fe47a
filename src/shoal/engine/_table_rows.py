"""Rows of tables in memory, on which the estimators' networks are trained: one at once, or many on workers.

Several fits share one `TableInMemory`; none copies it. Such a fit may have weighted rows, may start from given
parameters, may be of images of floats, and may be computed in float64, which the torch trainer alone does.

Letters: N rows, D inputs, K outputs, C channels, P parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.engine._fit import Fit
from shoal.engine._train import Outcome, advance_fit, finished, first_state
from shoal.engine._trainer import FitData, Job, Rows, State, Trainer, steps_per_epoch
from shoal.engine.forecast.steps import step_work
from shoal.engine.trainers.choice import Trainers, of_modules
from shoal.engine.trainers.torch import TorchTrainer
from shoal.errors import StudyError
from shoal.extras import is_there, needed
from shoal.kinds import Takes
from shoal.nets import Architecture, forward
from shoal.results import FitRecord

Dtype = Literal["float32", "float64"]

OUTPUTS_AT_ONCE: Final = 1024
"""Rows predicted at once: bounds the memory of images' floats."""
ALONE_PRODUCTS: Final = 200_000
"""Up to so many multiplications, linear algebra takes no threads, which wait where networks are trained beside them."""
FEW_ROWS: Final = 16
"""Fewer at once are slower than threads that wait."""


@dataclass(frozen=True, eq=False)
class TableInMemory:
    """Rows that fits share: `x` floats (N, D) or (N, C, H, W), or pictures uint8 (N, C, H, W).

    `y` is float (N, K), or int64 (N,) class numbers; `weight` float (N,) weighs the losses of the rows, `share` float
    (N, K) says how that of a row is spread over its labels; see `Rows`.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any] | None = None
    share: NDArray[Any] | None = None

    def rows(self, chosen: NDArray[np.int64]) -> Rows:
        """Gather some rows; pictures stay where they are and are looked up."""
        y = self.y[chosen]
        weight, share = (None if of is None else of[chosen] for of in (self.weight, self.share))
        if self.x.dtype == np.uint8:
            return Rows(self.x, y, chosen, weight, share)
        return Rows(self.x[chosen], y, None, weight, share)


@dataclass(frozen=True, eq=False)
class TableRows:
    """What the fits of tables share, sent to every worker once."""

    tables: tuple[TableInMemory, ...]

    advice = "fewer jobs at a time need less"

    def prepared(self, fit: Fit) -> PreparedTable:
        """Gather the rows of one fit."""
        table = self.tables[fit.rows.table]
        chosen = (fit.rows.learning, fit.rows.validation, fit.rows.inner)
        train, validation, inner = (table.rows(rows) for rows in chosen)
        if table.x.dtype != np.uint8:
            return PreparedTable(fit, FitData(train, validation, inner))
        scale_C = np.full(table.x.shape[1], 1 / 255, np.float32)
        return PreparedTable(fit, FitData(train, validation, inner, scale_C, np.zeros_like(scale_C)))


@dataclass(frozen=True, eq=False)
class PreparedTable:
    """The rows of one fit of a table."""

    fit: Fit
    data: FitData

    def outcome(self, _trainer: Trainer, state: State, /) -> Outcome:
        """Keep the best parameters, where any were judged; predicting is left to those who asked for the fit."""
        if self.fit.job.training.keep == "best" and state.best_epoch > 0:
            return Outcome(state.best_P, state.best_buffers)
        return Outcome(state.parameters_P, state.buffers)


def trainer_for(job: Job, device: str, dtype: Dtype) -> Trainer:
    """Choose who trains: torch where numbers are float64, else the usual. Raises StudyError where there is nobody."""
    if dtype == "float64":
        return _exact_trainer(job.architecture, device)
    return Trainers("auto", device).choose(job)


def _exact_trainer(architecture: Architecture, device: str) -> Trainer:
    if not is_there("torch"):
        raise StudyError(f"dtype: float64 {needed('torch')}")
    if architecture.own is None:
        return TorchTrainer(device, "float64")
    return of_modules(device, "float64")


def train_here(
    fit: Fit, rows: TableRows, trainer: Trainer, on_epoch: Callable[[State], bool] | None = None
) -> tuple[FitRecord, State]:
    """Train one fit in this thread; give its state too, so that it can be trained further.

    `on_epoch` is called after every epoch and ends the fit where it answers true. Whatever goes wrong is raised.
    """
    begun = time.perf_counter()
    state, prepared = first_state(fit), rows.prepared(fit)
    if on_epoch is None:
        advance_fit(fit, trainer, prepared.data, state, lambda _: None)
        return finished(fit, prepared, trainer, state, begun), state
    more = True
    while more:
        trainer.advance(fit.job, prepared.data, state, state.epoch + 1)
        stop = state.status != "diverged" and on_epoch(state)
        more = state.status == "training" and not stop
    return finished(fit, prepared, trainer, state, begun), state


def network_outputs(
    architecture: Architecture, named: dict[str, NDArray[Any]], x: NDArray[Any]
) -> NDArray[np.float64]:
    """Outputs of a trained network for rows, float64 (N, K), on the CPU.

    Rows of tables are computed in float64, so that a row's answer does not depend on the rows beside it; images and
    series as in training, in the precision of the parameters, and rows of people's own modules too.
    """
    if architecture.own is not None:
        return _outputs_of_module(architecture, named, x)
    convolved = "images" if architecture.series else architecture.takes
    return _OUTPUTS[convolved](architecture, named, x)


def _outputs_of_rows(
    architecture: Architecture, named: dict[str, NDArray[Any]], x_ND: NDArray[Any]
) -> NDArray[np.float64]:
    parts = _parts(x_ND, _rows_at_once(architecture))
    return np.concatenate([forward(architecture, named, part.astype(np.float64)) for part in parts])


def _outputs_of_images(
    architecture: Architecture, named: dict[str, NDArray[Any]], x_NCHW: NDArray[Any]
) -> NDArray[np.float64]:
    floats, parts = x_NCHW.dtype != np.uint8, _parts(x_NCHW, OUTPUTS_AT_ONCE)
    flat_P, buffers = flat_arrays(architecture, named)
    exact = flat_P.dtype == np.float64
    trainer = _exact_trainer(architecture, "cpu") if exact else Trainers().taking(architecture)
    answers = [
        trainer.outputs(architecture, flat_P, buffers, part if floats else part * np.float32(1 / 255))
        for part in parts
    ]
    return np.concatenate(answers).astype(np.float64)


def _outputs_of_module(
    architecture: Architecture, named: dict[str, NDArray[Any]], x: NDArray[Any]
) -> NDArray[np.float64]:
    flat_P, buffers = flat_arrays(architecture, named)
    trainer = of_modules("cpu", "float64" if flat_P.dtype == np.float64 else "float32")
    return trainer.outputs(architecture, flat_P, buffers, x).astype(np.float64)


_OUTPUTS: Final[dict[Takes, Callable[..., NDArray[np.float64]]]] = {
    "table": _outputs_of_rows,
    "images": _outputs_of_images,
}


def _parts(x: NDArray[Any], at_once: int) -> list[NDArray[Any]]:
    """Cut rows into parts of one size, so that none of one row stands beside others."""
    return np.array_split(x, max(1, -(-len(x) // at_once)))


def _rows_at_once(architecture: Architecture) -> int:
    """Give how many rows pass a network at once: of a small one so few that they do in one thread."""
    alone = ALONE_PRODUCTS // max(layer.multiply_adds for layer in architecture.layers)
    return min(alone, OUTPUTS_AT_ONCE) if alone >= FEW_ROWS else OUTPUTS_AT_ONCE


def flat_arrays(
    architecture: Architecture, named: dict[str, NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Turn named arrays into the flat parameter and buffer vectors, in their own precision."""
    parameters = np.concatenate([named[slot.name].ravel() for slot in architecture.slots])
    buffers = [named[slot.name].ravel() for slot in architecture.buffer_slots]
    return parameters, np.concatenate([parameters[:0], *buffers])


def longest_first(fits: Sequence[Fit]) -> list[Fit]:
    """Order fits of one trainer so that workers end together: by their work, the most first."""
    return sorted(fits, key=lambda fit: training_work(fit.job, fit.rows.learning_count), reverse=True)


def training_work(job: Job, rows: int) -> float:
    """Say how much work training on so many rows is, in operations, where nothing ends it early."""
    steps = job.training.epochs * steps_per_epoch(rows, job.training.batch_size)
    return steps * step_work(job, rows)
