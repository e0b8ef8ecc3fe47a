"""Workers that are threads of this process and train themselves.

They do for a trainer that leaves the GIL alone, for convolutional networks (whose torch calls are long, and whose
images are then shared for nothing), and for a single worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shoal.engine._train import train_fit
from shoal.engine.workers.crew import Crew, FitOrder
from shoal.engine.workers.protocol import Coordination, Event
from shoal.engine.workers.slices import OnSlice


class _Here:
    """A seat of the thread itself."""

    def train(self, order: FitOrder, send: Callable[[Event], None], stopping: Callable[[], bool]) -> None:
        """Train a fit in this thread."""
        on_slice = OnSlice(order.fit, send, stopping, time.monotonic())
        send(train_fit(order.fit, order.rows, order.trainer, order.checkpoint, on_slice))

    def kill(self) -> None:
        """A thread cannot be ended from another: it sees the wish to stop after its slice."""

    def end(self) -> None:
        """Nothing is held."""


def threads(shared: Coordination) -> Crew:
    """Make workers that are threads."""
    return Crew(shared, _Here)
