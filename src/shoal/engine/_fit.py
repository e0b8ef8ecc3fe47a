"""One kind of fit, a study's and an estimator's alike: what workers and trainers know of a network to train."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import Job, State, Trainer, evaluation_epochs, every_kth, steps_per_epoch


@dataclass(frozen=True, eq=False)
class FitRows:
    """Numbers of the rows of a fit, in the table of that number where several are shared.

    `inner` rows decide early stopping, `validation` rows only draw curves or choose the kept epoch. Where the inner
    ones are `within` the training rows, these are trained on less the inner ones; else they stand beside them, and
    training rows may be repeated, in any order.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    inner: NDArray[np.int64]
    within: bool = False
    table: int = 0

    @property
    def learning(self) -> NDArray[np.int64]:
        """Training rows less the inner ones."""
        if not self.within or not len(self.inner):
            return self.train
        return np.setdiff1d(self.train, self.inner, assume_unique=True)

    @property
    def learning_count(self) -> int:
        """Number of `learning` rows."""
        return len(self.train) - len(self.inner) * self.within


@dataclass(frozen=True, eq=False)
class Fit:
    """One network to train; all that its bytes depend on stands behind its id.

    `trainer` is the name that its record bears. `start` is where it starts from in place of the first weights that
    its key draws.
    """

    id: str
    job: Job
    rows: FitRows
    trainer: str
    start: State | None = None

    @property
    def steps(self) -> int:
        """Training steps, when nothing stops it early."""
        training = self.job.training
        return training.epochs * steps_per_epoch(self.rows.learning_count, training.batch_size)


SCORE_SECONDS: Final = 0.0015
"""What scikit-learn takes for a score of few rows, as measured (0.4 to 1.9 ms); nearly all of it is no arithmetic."""

AnyFit = TypeVar("AnyFit", bound=Fit)


def grouped(fits: Iterable[AnyFit]) -> list[list[AnyFit]]:
    """Fits that one kind of workers can train together: of one trainer, of networks that take the same."""
    groups: dict[tuple[str, str, bool], list[AnyFit]] = {}
    for fit in fits:
        network = fit.job.architecture
        groups.setdefault((fit.trainer, network.takes, network.travels), []).append(fit)
    return list(groups.values())


def fit_seconds(fit: Fit, trainer: Trainer) -> float:
    """Predict the time of one fit on one core when nothing stops it early.

    Steps at the trainer's measured pace; a row evaluated costs a third of a row trained (forward only).
    """
    training, rows = fit.job.training, fit.rows.learning_count
    step = trainer.step_seconds(fit.job, rows)
    points = len(evaluation_epochs(training.epochs))
    seen = rows // every_kth(rows, fit.job.architecture.takes)
    judged = points * SCORE_SECONDS if fit.job.scored else 0.0
    evaluated = points * (seen + len(fit.rows.validation) + len(fit.rows.inner)) / training.batch_size
    return step * (fit.steps + evaluated / 3) + judged


def content_id(content: Mapping[str, Any], first: str = "") -> str:
    """Give the SHA-256 of what a fit is, as JSON of sorted keys.

    `first` is text that was made once for many fits: keys that come before all others, with their values.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    if first:
        text = f"{{{first},{text[1:]}"
    return hashlib.sha256(text.encode()).hexdigest()


def row_digest(rows: NDArray[np.int64]) -> str:
    """Give the SHA-256 of row numbers, in hex."""
    return hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest()
