"""Workers on `concurrent.futures`, from outside: all that another library of workers needs, in a file of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from shoal.engine._fit import Fit
from shoal.engine._train import Checkpoint, SharedRows, train_fit
from shoal.engine._trainer import Trainer
from shoal.engine.workers.protocol import Coordination, Event, GivenBack
from shoal.engine.workers.slices import OnSlice, Stopped


class PoolWorkers:
    """Trains in the threads of a pool."""

    def __init__(self, shared: Coordination) -> None:
        self._shared, self._pool = shared, ThreadPoolExecutor(shared.workers)
        self._happened: queue.SimpleQueue[Event | GivenBack] = queue.SimpleQueue()
        self._stop = threading.Event()

    def start(self, rows: SharedRows, trainer: Trainer) -> None:
        self._rows, self._trainer = rows, trainer

    def submit(self, fit: Fit, checkpoint: Checkpoint | None) -> None:
        self._pool.submit(self._train, fit, checkpoint, self._rows, self._trainer)

    def events(self) -> Iterator[Event | GivenBack]:
        while not self._happened.empty():
            yield self._happened.get()

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _train(self, fit: Fit, checkpoint: Checkpoint | None, rows: SharedRows, trainer: Trainer) -> None:
        if self._stop.is_set():
            return
        on_slice = OnSlice(fit, self._send, self._stop.is_set, time.monotonic())
        try:
            self._send(train_fit(fit, rows, trainer, checkpoint, on_slice))
        except Stopped:
            self._send(GivenBack(fit.id))
        except BaseException as fault:
            self._send(GivenBack(fit.id, fault))

    def _send(self, event: Event | GivenBack) -> None:
        self._happened.put(event)
        self._shared.ring()
