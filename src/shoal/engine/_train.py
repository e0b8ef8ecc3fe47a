"""One fit from its description to its record: prepare the rows, advance the state in slices, predict, score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset, Preprocessing, Standardize
from shoal.engine._fits import Fit, prepare
from shoal.engine._predict import Trained, answers, network_inputs
from shoal.engine._trainer import CURVES, FitData, Job, Rows, State, Trainer, initial_state
from shoal.errors import EnvironmentFault, ShoalError
from shoal.results import FitRecord, classification_scores, regression_scores

SLICE_SECONDS: Final = 0.2
"""How long a trainer works between two looks at the world: progress, checkpoints, a wish to stop."""

_ARRAYS: Final = (
    "parameters_P", "buffers", "first_P", "second_P", "best_P", "best_buffers", "epoch_T", "curve_TC",
)  # fmt: skip
_FACTS: Final = ("epoch", "step", "points", "best_epoch", "best_loss", "status", "sick_epoch", "sick_batch")


class Work(Protocol):
    """What a worker knows of a fit, whatever rows it stands on."""

    @property
    def id(self) -> str:
        """Its name: two works of one name are the same."""
        ...

    @property
    def job(self) -> Job:
        """What a trainer is told of it."""
        ...

    @property
    def trainer(self) -> str:
        """The name of its trainer."""
        ...

    @property
    def steps(self) -> int:
        """Training steps, when nothing stops it early."""
        ...


@dataclass(frozen=True, eq=False)
class Ground:
    """What all fits of a study stand on, sent to every worker once."""

    dataset: Dataset
    standardize: Standardize
    device: str = "cpu"

    def train(
        self, fit: Fit, trainer: Trainer, start: Checkpoint | None, on_slice: Callable[[State], None]
    ) -> FitRecord:
        """Train one fit of the study; see `train_fit`."""
        return train_fit(fit, self, trainer, start, on_slice)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A fit between two steps, as plain arrays and facts."""

    fit_id: str
    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]

    @classmethod
    def of(cls, fit_id: str, state: State) -> Checkpoint:
        """Copy the state, so that training may go on."""
        arrays = {name: getattr(state, name).copy() for name in _ARRAYS}
        return cls(fit_id, arrays, {name: getattr(state, name) for name in _FACTS})

    def state(self) -> State:
        """Make the state again."""
        values: dict[str, Any] = {name: self.arrays[name].copy() for name in _ARRAYS}
        return State(**values, **self.facts)


def train_fit(
    fit: Fit, ground: Ground, trainer: Trainer, start: Checkpoint | None, on_slice: Callable[[State], None]
) -> FitRecord:
    """Train one fit to its end, or to its sickness, and say what came of it.

    `on_slice` is called before every slice with the state; what it raises to stop ends the fit without a record. Any
    error of the fit itself becomes a record with the status "failed".
    """
    begun = time.perf_counter()
    try:
        preprocessing = prepare(ground.dataset, fit.split, ground.standardize)
        data = fit_data(fit, ground.dataset, preprocessing)
        state = start.state() if start else initial_state(fit.job)
        advance_fit(fit, trainer, data, state, on_slice)
        if state.status == "diverged":
            sick = f"diverged in epoch {state.sick_epoch}, batch {state.sick_batch}: the loss is not finite"
            return record_of(fit, state, "diverged", sick, begun)
        return _finished(fit, ground.dataset, preprocessing, trainer, state, begun)
    except Exception as error:
        reason = failure(error, "fewer --workers need less")
        return record_of(fit, initial_state(fit.job), "failed", reason, begun)


def failure(error: Exception, advice: str) -> str:
    """Say in one line why a fit failed, whatever went wrong in it: no other fit ends for that.

    A refusal, and what the machine failed at, are no faults of the fit: they are raised, lack of memory with `advice`.
    """
    if isinstance(error, MemoryError):
        raise EnvironmentFault(f"out of memory while training; {advice}") from error
    if isinstance(error, ShoalError | OSError):
        raise error
    return f"{type(error).__name__}: {error}".splitlines()[0]


def fit_data(fit: Fit, dataset: Dataset, preprocessing: Preprocessing) -> FitData:
    """Prepare the rows of a fit."""

    def prepared(rows: NDArray[np.int64]) -> Rows:
        y = preprocessing.targets(dataset, rows)
        if fit.job.architecture.convolutional:
            assert dataset.images is not None  # noqa: S101 - the study and its data were matched
            return Rows(dataset.images, y, rows)
        return Rows(network_inputs(fit.job.architecture, preprocessing, dataset, rows), y)

    return FitData(
        prepared(fit.learning_rows),
        prepared(fit.split.validation),
        prepared(fit.inner),
        preprocessing.pixel_scale_C,
        preprocessing.pixel_offset_C,
    )


def advance_fit(
    fit: Work, trainer: Trainer, data: FitData, state: State, on_slice: Callable[[State], None]
) -> None:
    """Advance in slices of about `SLICE_SECONDS`, the first of few steps; where slices end changes no byte.

    Slices are whole epochs, unless the state, in which `on_slice` may set it, asks for a pause within one.
    """
    few = 1 if fit.job.architecture.convolutional else 1000
    epochs = max(1, few * fit.job.training.epochs // max(1, fit.steps))
    while state.status == "training":
        on_slice(state)
        begun = time.perf_counter()
        trainer.advance(fit.job, data, state, state.epoch + epochs)
        pace = SLICE_SECONDS / max(time.perf_counter() - begun, 1e-6)
        epochs = max(1, int(epochs * min(4.0, max(0.25, pace))))


def _finished(
    fit: Fit, dataset: Dataset, preprocessing: Preprocessing, trainer: Trainer, state: State, begun: float
) -> FitRecord:
    keep_best = fit.job.training.keep == "best"
    parameters_P, buffers = (
        (state.best_P, state.best_buffers) if keep_best else (state.parameters_P, state.buffers)
    )
    trained = Trained(fit.job.architecture, parameters_P, buffers, preprocessing, dataset.task)
    predictions: dict[str, NDArray[np.float64]] = {}
    scores: dict[str, dict[str, float]] = {}
    wanted = {"validation": fit.split.validation}
    if fit.tested:
        wanted["test"] = np.arange(dataset.train_rows, dataset.rows, dtype=np.int64)
    for name, rows in wanted.items():
        if not len(rows):
            continue
        predictions[name] = answers(trainer, trained, dataset, rows)
        scores[name] = _scores(dataset, rows, predictions[name])
    finite = all(bool(np.isfinite(values).all()) for values in predictions.values())
    if not (finite and np.isfinite(parameters_P).all()):
        return record_of(
            fit, state, "diverged", f"diverged by epoch {state.epoch}: a prediction is not finite", begun
        )
    record = record_of(fit, state, "ok", "", begun)
    named = fit.job.architecture.named(parameters_P.astype(np.float32), buffers.astype(np.float32))
    kept = {name: array.copy() for name, array in named.items()}
    return FitRecord(**{**vars(record), "parameters": kept, "predictions": predictions, "scores": scores})


def _scores(dataset: Dataset, rows: NDArray[np.int64], predictions: NDArray[np.float64]) -> dict[str, float]:
    score = classification_scores if dataset.task == "classification" else regression_scores
    return score(dataset.targets[rows], predictions)


def record_of(fit: Work, state: State, status: str, message: str, begun: float) -> FitRecord:
    """Give the record of a fit as its state stands, without parameters, predictions and scores."""
    seen_TC = state.curve_TC[: state.points]
    curves = {
        name: seen_TC[:, place] for place, name in enumerate(CURVES) if not np.isnan(seen_TC[:, place]).all()
    }
    per_epoch = fit.steps // fit.job.training.epochs
    return FitRecord(
        fit_id=fit.id,
        trainer=fit.trainer,
        status=status,  # type: ignore[arg-type]
        message=message,
        epochs=state.epoch,
        kept_epoch=state.best_epoch if fit.job.training.keep == "best" else state.epoch,
        steps=state.epoch * per_epoch,
        curves={"epoch": state.epoch_T[: state.points].astype(np.float64), **curves},
        parameters={},
        predictions={},
        scores={},
        seconds=time.perf_counter() - begun,
    )
