"""Trains what is missing, commits every fit as it ends, follows progress, and stops cleanly when asked."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from shoal.engine._fit import fit_seconds, grouped
from shoal.engine._planned import PlannedFit, StudyFit, unique
from shoal.engine._stored import refuse_strangers, stored_checkpoint
from shoal.engine._study_rows import StudyRows
from shoal.engine._train import Checkpoint
from shoal.engine._trainer import Trainer
from shoal.engine._watcher import Watcher
from shoal.engine.workers.loop import FitLot, WorkerPool
from shoal.engine.workers.protocol import FitProgress, TrainedOn
from shoal.errors import Interrupted
from shoal.results import FitRecord, PlanEntry, Store

if TYPE_CHECKING:
    from shoal.engine.workers.cluster import Cluster


@dataclass(frozen=True)
class Executor:
    """Spreads fits over `workers` workers of the trainers at hand, or over those of a cluster."""

    rows: StudyRows
    trainers: Mapping[str, Trainer]
    workers: int
    watcher: Watcher
    cluster: Cluster | None = None

    def execute(
        self, title: str, planned: Sequence[PlannedFit], store: Store, among: Sequence[PlannedFit] = ()
    ) -> None:
        """Train and store what `store` does not know yet; raises Interrupted after a wish to stop.

        They may be some `among` others, so that who follows sees when a candidate is complete.
        """
        if not planned:
            return
        refuse_strangers(planned, self.rows.dataset, store)
        missing = unique(planned, store.known())
        work = {fit.id: fit_seconds(fit, self.trainers[fit.trainer]) for fit in missing}
        done = len({item.fit.id for item in planned}) - len(missing)
        self.watcher.begin(title, among or planned, done, work)
        try:
            for fits in grouped(missing):
                self._train(sorted(fits, key=lambda fit: -work[fit.id]), store)
        finally:
            self.watcher.end()

    def _train(self, fits: Sequence[StudyFit], store: Store) -> None:
        starts = {fit.id: start for fit in fits if (start := stored_checkpoint(fit, store))}
        fit_of = {fit.id: fit for fit in fits}
        origins, named = dict[str, set[str]](), dict[int, str]()
        lot = FitLot(fits, self.rows, self.trainers[fits[0].trainer], starts)
        pool = WorkerPool([lot], min(self.workers, len(fits)), self.cluster)
        try:
            with _stop_on_signals(pool.stop) as caught:
                for event in pool.events():
                    match event:
                        case TrainedOn():
                            where = id(event.environment)  # one object for each worker
                            if where not in named:
                                named[where] = store.put_environment(dict(event.environment))
                            origins.setdefault(event.fit_id, set()).add(named[where])
                        case FitRecord():
                            store.add(event, origins.pop(event.fit_id, ()))
                            self.watcher.finished(self.rows.shown(event, fit_of[event.fit_id]))
                        case Checkpoint():
                            begun = origins.get(event.fit_id, ())
                            store.put_checkpoint(event.fit_id, event.arrays, event.facts, begun)
                        case FitProgress():
                            self.watcher.progress(event.fit_id, event.share)
        finally:
            pool.close()
        if caught:
            raise Interrupted.by(caught[0])


@contextlib.contextmanager
def _stop_on_signals(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Turn Ctrl-C and SIGTERM into a wish to stop while a store is being written; a second one acts at once."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before: dict[int, object] = {}

    def wish(number: int, _frame: FrameType | None) -> None:
        if caught:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        caught.append(number)
        stop()

    for number in map(int, (signal.SIGINT, signal.SIGTERM)):
        before[number] = signal.signal(number, wish)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def entries(planned: Sequence[PlannedFit]) -> tuple[PlanEntry, ...]:
    """The places of the fits, for the store."""
    return tuple(item.entry for item in planned)
