"""What a worker does between the slices of a fit, in whatever thread or process it trains."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shoal.engine._train import Checkpoint, Work
from shoal.engine._trainer import State
from shoal.engine.workers.protocol import Event, FitProgress

CHECKPOINT_SECONDS: Final = 25.0
"""After how long a running fit hands over a checkpoint, within an epoch where that is long."""
LOOK_SECONDS: Final = 0.01
"""How often a fit within an epoch looks whether it should pause: asking costs more than a small step."""


class Stopped(BaseException):
    """Ends a fit on request: no error, and no failure of the fit."""


@dataclass
class OnSlice:
    """What a worker does between slices: say how far it is, save now and then, stop when asked."""

    fit: Work
    send: Callable[[Event], None]
    stopping: Callable[[], bool]
    saved: float
    looked: float = 0.0

    def __call__(self, state: State) -> None:
        """Look at the world before the next slice; raises Stopped."""
        state.pausing = self.pausing
        if self.stopping():
            if state.epoch or state.step:
                self.send(Checkpoint.of(self.fit.id, state))
            raise Stopped
        if self._due(time.monotonic()):
            self.send(Checkpoint.of(self.fit.id, state))
            self.saved = time.monotonic()
        training = self.fit.job.training
        done = state.epoch + state.step * training.epochs / max(1, self.fit.steps)
        self.send(FitProgress(self.fit.id, done / training.epochs))

    def pausing(self) -> bool:
        """Whether the fit is to pause within its epoch, looked up now and then."""
        now = time.monotonic()
        if now - self.looked < LOOK_SECONDS:
            return False
        self.looked = now
        return self._due(now) or self.stopping()

    def _due(self, now: float) -> bool:
        return now - self.saved >= CHECKPOINT_SECONDS
