"""Threads that take fits in the order in which they are submitted, each at a seat where it has them trained.

What a seat is makes the kind of workers: this thread itself, or a process of its own (`threads.py`, `processes.py`).
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from shoal.engine._fit import Fit
from shoal.engine._train import Checkpoint, SharedRows
from shoal.engine._trainer import Trainer
from shoal.engine.workers.protocol import Coordination, Event, GivenBack
from shoal.engine.workers.slices import Stopped
from shoal.errors import EnvironmentFault


@dataclass(frozen=True, eq=False)
class FitOrder:
    """A fit that was submitted, and all that was said of it."""

    fit: Fit
    checkpoint: Checkpoint | None
    rows: SharedRows
    trainer: Trainer


class Seat(Protocol):
    """Where one thread of a crew has its fits trained, one after the other."""

    def train(self, order: FitOrder, send: Callable[[Event], None], stopping: Callable[[], bool]) -> None:
        """Train a fit and send what happens, its record last; raises Stopped, or what the worker was lost by."""
        ...

    def kill(self) -> None:
        """End it at once, from another thread: what it has sent is not lost."""
        ...

    def end(self) -> None:
        """Clear it away; may be called again."""
        ...


class Crew:
    """Workers that are threads of this process, as many as are needed; `seat` makes what each of them trains at."""

    def __init__(self, shared: Coordination, seat: Callable[[], Seat]) -> None:
        """Begin with no thread."""
        self._shared, self._seat = shared, seat
        self._orders: deque[FitOrder] = deque()
        self._changed = threading.Condition()
        self._events: queue.SimpleQueue[Event | GivenBack] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._seats: list[Seat] = []
        self._started = 0

    def start(self, rows: SharedRows, trainer: Trainer) -> None:
        """Note who trains the fits that are submitted from now on, on which rows."""
        self._rows, self._trainer = rows, trainer

    def submit(self, fit: Fit, checkpoint: Checkpoint | None) -> None:
        """Put a fit behind the others; a thread is started for it, up to one a worker."""
        with self._changed:
            self._orders.append(FitOrder(fit, checkpoint, self._rows, self._trainer))
            self._changed.notify()
        if self._started < self._shared.workers:
            self._start_thread()

    def events(self) -> Iterator[Event | GivenBack]:
        """Give what has happened since this was last asked."""
        while not self._events.empty():
            yield self._events.get()

    def stop(self) -> None:
        """Ask the fits in hand to stop, and take no other; safe in a signal handler."""
        self._stop.set()

    def close(self) -> None:
        """End what still runs, and let threads that wait go."""
        self._stop.set()
        with self._changed:
            self._orders.clear()
            self._changed.notify_all()
            seats = tuple(
                self._seats
            )  # from now on none is made; a thread whose seat is lost takes it out meanwhile
        for seat in seats:
            seat.kill()
        for seat in seats:
            seat.end()

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name=f"shoal-{self._started}", daemon=True).start()
        except RuntimeError as error:
            many = self._shared.workers
            what = f"the system starts no more threads, and {many} workers need one each; try fewer --workers"
            raise EnvironmentFault(what) from error
        self._started += 1

    def _next(self) -> FitOrder | None:
        """Wait for a fit; None where no more will be trained."""
        with self._changed:
            self._changed.wait_for(lambda: self._orders or self._stop.is_set())
            return None if self._stop.is_set() else self._orders.popleft()

    def _send(self, event: Event | GivenBack) -> None:
        self._events.put(event)
        self._shared.ring()

    def _work(self) -> None:
        seat: Seat | None = None
        while (order := self._next()) is not None:
            with self._shared.places:
                if self._stop.is_set():  # while it waited for a place
                    break
                seat = self._train_at(seat, order)
            del order  # while it waits for the next one, it holds no rows
        if seat is not None:
            seat.end()

    def _take_seat(self) -> Seat:
        """Make a seat that `close` knows of, or none where all is over."""
        with self._changed:
            if self._stop.is_set():
                raise Stopped
            seat = self._seat()
            self._seats.append(seat)
            return seat

    def _train_at(self, seat: Seat | None, order: FitOrder) -> Seat | None:
        """Train one fit; give the seat for the next one, or None where that one is to have a new seat."""
        try:
            if seat is None:
                seat = self._take_seat()
            seat.train(order, self._send, self._stop.is_set)
        except Stopped:
            self._send(GivenBack(order.fit.id))
        except BaseException as fault:  # whatever it is, it is told to the coordinator
            if seat is not None:
                self._seats.remove(seat)
                seat.end()
            self._send(GivenBack(order.fit.id, fault))
            return None
        return seat
