"""The one event loop: takes lots of fits, hands each fit to workers of its kind, and yields what happens."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shoal.engine._fit import Fit
from shoal.engine._train import Checkpoint, SharedRows
from shoal.engine._trainer import Trainer
from shoal.engine.workers.kinds import CLUSTER, kind_of, workers_of
from shoal.engine.workers.protocol import Coordination, Event, FitProgress, GivenBack, Workers
from shoal.results import FitRecord

if TYPE_CHECKING:
    from shoal.engine.workers.cluster import Cluster

STOP_SECONDS: Final = 1.0
"""How long workers have to hand over their checkpoints when asked to stop."""
POLL_SECONDS: Final = 0.05
"""How long the loop waits for a ring before it looks around: for a wish to stop, for workers that do not ring."""


@dataclass(frozen=True, eq=False)
class FitLot:
    """Fits on the same rows, of networks that take the same, and who trains them.

    Long fits first keeps all workers busy to the end; they come in that order. `known` are records that are there
    already, to be yielded among the events.
    """

    fits: Sequence[Fit]
    rows: SharedRows
    trainer: Trainer
    starts: Mapping[str, Checkpoint] = field(default_factory=dict)
    known: Sequence[FitRecord] = ()


class WorkerPool:
    """Trains lots of fits, `workers` at a time or on a cluster; `events` yields what happens until nothing is left."""

    def __init__(self, lots: Iterable[FitLot], workers: int, cluster: Cluster | None = None) -> None:
        """Begin with nothing: `events` takes lots, in its own thread, when few of its fits are left."""
        self._lots, self._workers, self._cluster = iter(lots), workers, cluster
        self._shared = Coordination(workers, cluster)
        self._kinds: dict[str, Workers] = {}
        self._happened: deque[Event | GivenBack] = deque()
        self._known: deque[FitRecord] = deque()
        self._open = 0
        self._more, self._stopping = True, False

    def stop(self) -> None:
        """Ask every worker to hand over a checkpoint and end; safe in a signal handler."""
        self._stopping = True

    def events(self) -> Iterator[Event]:
        """Yield events until all fits have ended, or, after `stop`, until each fit in hand is handed over.

        Workers that have begun none (a process that is still starting) are not waited for, the others for
        `STOP_SECONDS`. Where a fit is given back with a fault, that is raised: what is finished is kept.
        """
        deadline, in_hand = math.inf, set[str]()
        while (self._more or self._open or self._known) and time.monotonic() < deadline:
            stopping = (
                self._stopping
            )  # a wish that comes meanwhile is heard in the next turn, by the workers first
            if stopping:
                deadline = min(deadline, time.monotonic() + STOP_SECONDS)
                for workers in self._kinds.values():
                    workers.stop()
            else:
                self._take_lots()
                if self._known:
                    yield self._known.popleft()
                    continue
            event = self._next_event(POLL_SECONDS if in_hand or not stopping else 0.0)
            if event is None and stopping and not in_hand:
                return
            if isinstance(event, FitProgress):
                in_hand.add(event.fit_id)
            elif isinstance(event, FitRecord | GivenBack):
                in_hand.discard(event.fit_id)
                self._open -= 1
            if isinstance(event, GivenBack):
                if event.fault is not None:
                    raise event.fault
            elif event is not None:
                yield event

    def close(self) -> None:
        """End what still runs."""
        for workers in self._kinds.values():
            workers.close()

    def _next_event(self, seconds: float) -> Event | GivenBack | None:
        """Give what happened next, or None where nothing does for so long."""
        if not self._happened:
            self._gather()
        if not self._happened and seconds:
            self._shared.wait(seconds)
            self._gather()
        return self._happened.popleft() if self._happened else None

    def _gather(self) -> None:
        for workers in self._kinds.values():
            self._happened.extend(workers.events())

    def _take_lots(self) -> None:
        """Take lots until enough fits wait.

        None are taken while records wait to be yielded: lots of rows would gather behind a slow reader.
        """
        workers = self._cluster.at_hand if self._cluster else self._workers
        while (
            self._more
            and max(0, self._open - workers) + len(self._known) < workers
            and self._open < 2 * workers
        ):
            lot = next(self._lots, None)
            if lot is None:
                self._more = False
                return
            self._known.extend(lot.known)
            self._open += len(lot.fits)
            if lot.fits:
                self._submit(lot)

    def _submit(self, lot: FitLot) -> None:
        kind = CLUSTER if self._cluster else kind_of(lot.trainer, lot.fits[0].job.architecture, self._workers)
        if kind not in self._kinds:
            self._kinds[kind] = workers_of(kind, self._shared)
        workers = self._kinds[kind]
        workers.start(lot.rows, lot.trainer)
        for fit in lot.fits:
            workers.submit(fit, lot.starts.get(fit.id))
