"""The schedules: how the learning rate changes, one rate for each epoch, the same for all trainers.

Letters: E epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import row_of
from shoal.study import Training

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """One schedule: what `training.lr` is multiplied by in each epoch, given the epochs (E,) from 0."""

    factors: Callable[[Training, Floats], Floats]
    source: str = ""


def _constant(_training: Training, epoch_E: Floats) -> Floats:
    return np.ones(len(epoch_E))


def _cosine(training: Training, epoch_E: Floats) -> Floats:
    """Half a period, without restarts."""
    return np.asarray((1 + np.cos(np.pi * epoch_E / training.epochs)) / 2)


def _step(training: Training, epoch_E: Floats) -> Floats:
    """Times `step_factor` every `step_every` epochs (a third of them by default)."""
    every = training.step_every or max(1, training.epochs // 3)
    return np.asarray(training.step_factor ** (epoch_E // every))


def _one_cycle(training: Training, epoch_E: Floats) -> Floats:
    """With torch's constants: 30 % up from lr/25, cosine both ways, down to lr/250,000."""
    epochs = training.epochs
    peak = 0.3 * epochs - 1
    rise_E = np.clip(epoch_E / peak, 0, 1) if peak > 0 else np.ones(epochs)
    fall_E = np.clip((epoch_E - peak) / (epochs - 1 - peak), 0, 1)
    up_E = 1 + (1 / 25 - 1) * (1 + np.cos(np.pi * rise_E)) / 2
    down_E = 4e-6 + (1 - 4e-6) * (1 + np.cos(np.pi * fall_E)) / 2
    return np.asarray(np.where(epoch_E <= peak, up_E, down_E))


SCHEDULES: Final[dict[str, Schedule]] = {
    "constant": Schedule(_constant),
    "cosine": Schedule(
        _cosine,
        source="Loshchilov, Hutter (2017): SGDR: stochastic gradient descent with warm restarts. ICLR.",
    ),
    "step": Schedule(_step),
    "one-cycle": Schedule(
        _one_cycle,
        source="Smith, Topin (2019): Super-convergence: very fast training of neural networks using large learning"
        " rates. SPIE 11006.",
    ),
}


def schedule_of(name: str) -> Schedule:
    """Give a schedule by name. Raises StudyError for one that is unknown."""
    return row_of("schedule", SCHEDULES, name)


def learning_rates(training: Training) -> Floats:
    """Learning rate of every epoch, shape (E,)."""
    factors = schedule_of(training.schedule).factors
    return np.asarray(training.lr * factors(training, np.arange(training.epochs, dtype=np.float64)))
