"""What every kind of workers is told, what it says, and what it must do."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shoal.engine._fit import Fit
from shoal.engine._train import Checkpoint, SharedRows
from shoal.engine._trainer import Trainer
from shoal.results import FitRecord

if TYPE_CHECKING:
    from shoal.engine.workers.cluster import Cluster


@dataclass(frozen=True)
class FitProgress:
    """A running fit has come this far, from 0 to 1."""

    fit_id: str
    share: float


@dataclass(frozen=True)
class GivenBack:
    """A fit comes back without a record: its worker was asked to stop, or is lost or refuses it, as `fault` says."""

    fit_id: str
    fault: BaseException | None = None


@dataclass(frozen=True, eq=False)
class TrainedOn:
    """What follows of a fit was trained on another machine, whose environment this is."""

    fit_id: str
    environment: Mapping[str, Any]


Event = FitRecord | Checkpoint | FitProgress | TrainedOn
"""What happens to a fit, as the coordinator hears of it."""


class Coordination:
    """What the workers of one event loop share, of whatever kind: places to train in here, a cluster, and a bell."""

    def __init__(self, workers: int, cluster: Cluster | None = None) -> None:
        """Let `workers` fits be trained at a time, or as many as a cluster has threads."""
        self.workers, self.cluster = workers, cluster
        self.places = threading.Semaphore(workers)
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        """Say that something has happened: the loop then asks at once, and not only now and then."""
        self._bell.put(None)

    def wait(self, seconds: float) -> None:
        """Wait until somebody rings, for so long at the most."""
        with suppress(queue.Empty):
            self._bell.get(timeout=seconds)
            while True:  # who has rung so far is heard at once
                self._bell.get_nowait()


class Workers(Protocol):
    """Trains fits beside the coordinator; made with the `Coordination` of its loop.

    Contract (tests/contracts): the bytes of a record depend on its fit alone, not on the order, on other fits or
    on who trained it. A fit that was begun ends in a record or is given back, once. A lost worker gives its fit
    back, with the fault, and another takes its place. The error of a fit is its record, with the status
    "failed"; what is refused gives the fit back, with the refusal.
    """

    def start(self, rows: SharedRows, trainer: Trainer) -> None:
        """Say on which rows the fits that are submitted from now on are trained, and by whom."""
        ...

    def submit(self, fit: Fit, checkpoint: Checkpoint | None) -> None:
        """Take a fit, to be trained when a place is free, from where it stood. Raises EnvironmentFault."""
        ...

    def events(self) -> Iterable[Event | GivenBack]:
        """Give what has happened since this was last asked, without waiting for more."""
        ...

    def stop(self) -> None:
        """Ask every fit in hand for a checkpoint, begin no other; safe in a signal handler."""
        ...

    def close(self) -> None:
        """End what still runs."""
        ...
