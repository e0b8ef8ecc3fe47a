"""One fit from its description to its record, and the one policy for fits that fail or diverge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.engine._fit import Fit
from shoal.engine._trainer import CURVES, FitData, State, Trainer, initial_state
from shoal.errors import EnvironmentFault, ShoalError, lacks_memory
from shoal.kinds import Takes
from shoal.results import FitRecord

SLICE_SECONDS: Final = 0.2
"""How long a trainer works between two looks at the world: progress, checkpoints, a wish to stop."""
FIRST_STEPS: Final[dict[Takes, int]] = {"table": 1000, "images": 1}
"""Steps of the first slice, whose pace is not known: no more than this takes so long."""

_ARRAYS: Final = (
    "parameters_P", "buffers", "first_P", "second_P", "best_P", "best_buffers", "epoch_T", "curve_TC",
)  # fmt: skip
# Keys of a checkpoint in the store, and the fields of the state that they hold.
_OPTIMIZER: Final = "optimizer "
"""What the arrays of an optimiser of a person's own begin with in a checkpoint."""
_FACTS: Final = {
    **{name: name for name in ("epoch", "step", "points", "best_epoch", "best_loss", "status")},
    "sick_epoch": "diverged_epoch",
    "sick_batch": "diverged_batch",
}


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
        arrays |= {f"{_OPTIMIZER}{name}": array.copy() for name, array in state.optimizer.items()}
        return cls(fit_id, arrays, {key: getattr(state, name) for key, name in _FACTS.items()})

    def state(self) -> State:
        """Make the state again."""
        values: dict[str, Any] = {name: self.arrays[name].copy() for name in _ARRAYS}
        values["optimizer"] = {
            name.removeprefix(_OPTIMIZER): array.copy()
            for name, array in self.arrays.items()
            if name.startswith(_OPTIMIZER)
        }
        return State(**values, **{_FACTS.get(key, key): value for key, value in self.facts.items()})


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a fit that is done has to show: the parameters that are kept, and what they predict."""

    parameters_P: NDArray[Any]
    buffers: NDArray[Any]
    predictions: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)


class PreparedRows(Protocol):
    """The rows of one fit, ready for its trainer."""

    @property
    def data(self) -> FitData:
        """What the trainer is given."""
        ...

    def outcome(self, trainer: Trainer, state: State, /) -> Outcome:
        """Choose the parameters that are kept, and predict what is asked for."""
        ...


class SharedRows(Protocol):
    """The rows that many fits share, here or in a process that they were sent to."""

    @property
    def advice(self) -> str:
        """What needs less memory, said where it is lacking."""
        ...

    def prepared(self, fit: Any) -> PreparedRows:
        """Make the rows of one fit ready."""
        ...


def train_fit(
    fit: Fit,
    rows: SharedRows,
    trainer: Trainer,
    start: Checkpoint | None,
    on_slice: Callable[[State], None],
) -> FitRecord:
    """Train one fit until it is done, diverges or fails, and say what came of it.

    `on_slice` is called before every slice with the state; what it raises to stop ends the fit without a record. Any
    error of the fit itself becomes a record with the status "failed".
    """
    begun = time.perf_counter()
    try:
        prepared = rows.prepared(fit)
        state = start.state() if start else first_state(fit)
        advance_fit(fit, trainer, prepared.data, state, on_slice)
        return finished(fit, prepared, trainer, state, begun)
    except Exception as error:
        reason = failure(error, rows.advice)
        return record_of(fit, first_state(fit), "failed", reason, begun)


def failure(error: Exception, advice: str) -> str:
    """Say in one line why a fit failed, whatever went wrong in it: no other fit ends for that.

    A refusal, and what the machine failed at, are no faults of the fit: they are raised, lack of memory with `advice`.
    """
    if lacks_memory(error):
        raise EnvironmentFault(f"out of memory while training; {advice}") from error
    if isinstance(error, ShoalError | OSError):
        raise error
    return f"{type(error).__name__}: {error}".splitlines()[0]


def first_state(fit: Fit) -> State:
    """Give the state to begin with: the one given, copied, or that of the key."""
    return initial_state(fit.job) if fit.start is None else Checkpoint.of(fit.id, fit.start).state()


def advance_fit(
    fit: Fit, trainer: Trainer, data: FitData, state: State, on_slice: Callable[[State], None]
) -> None:
    """Advance in slices of about `SLICE_SECONDS`, the first of few steps; where slices end changes no byte.

    Slices are whole epochs, unless the state, in which `on_slice` may set it, asks for a pause within one.
    """
    few = FIRST_STEPS[fit.job.architecture.takes]
    epochs = max(1, few * fit.job.training.epochs // max(1, fit.steps))
    while state.status == "training":
        on_slice(state)
        begun = time.perf_counter()
        trainer.advance(fit.job, data, state, state.epoch + epochs)
        pace = SLICE_SECONDS / max(time.perf_counter() - begun, 1e-6)
        epochs = max(1, int(epochs * min(4.0, max(0.25, pace))))


def finished(fit: Fit, prepared: PreparedRows, trainer: Trainer, state: State, begun: float) -> FitRecord:
    """Say what came of a fit whose training is over; one with a number that is not finite has diverged."""
    if state.status == "diverged":
        reason = (
            f"diverged in epoch {state.diverged_epoch}, batch {state.diverged_batch}: the loss is not finite"
        )
        return record_of(fit, state, "diverged", reason, begun)
    if fit.job.scored and not state.best_epoch:
        return record_of(fit, state, "failed", prepared.data.unjudged, begun)
    outcome = prepared.outcome(trainer, state)
    numbers = {f"prediction of the {name} rows": values for name, values in outcome.predictions.items()}
    for what, values in {"parameter": outcome.parameters_P, **numbers}.items():
        if not np.isfinite(values).all():
            reason = f"diverged by epoch {state.epoch}: a {what} is not finite"
            return record_of(fit, state, "diverged", reason, begun)
    if np.isinf([*outcome.scores.get("validation", {}).values()]).any():
        reason = f"diverged by epoch {state.epoch}: a score of the rows held out is not finite"
        return record_of(fit, state, "diverged", reason, begun)
    named = fit.job.architecture.named(outcome.parameters_P, outcome.buffers)
    return replace(
        record_of(fit, state, "ok", "", begun),
        parameters={name: array.copy() for name, array in named.items()},
        predictions=outcome.predictions,
        scores=outcome.scores,
    )


def record_of(
    fit: Fit, state: State, status: Literal["ok", "diverged", "failed"], message: str, begun: float
) -> FitRecord:
    """Give the record of a fit as its state stands, without parameters, predictions and scores."""
    seen_TC = state.curve_TC[: state.points]
    curves = {
        name: seen_TC[:, place] for place, name in enumerate(CURVES) if not np.isnan(seen_TC[:, place]).all()
    }
    per_epoch = fit.steps // fit.job.training.epochs
    return FitRecord(
        fit_id=fit.id,
        trainer=fit.trainer,
        status=status,
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
