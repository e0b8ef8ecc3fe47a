"""Workers that take fits from one list: threads, each training itself or through a child process of its own.

Threads do for a trainer that leaves the GIL alone, for convolutional networks (whose torch calls are long,
and whose images are then shared for nothing), and for a single worker; else each thread owns a
`python -m shoal.engine._child` that calls back. Nothing of the user's script is imported again in a
child, a terminal's Ctrl-C reaches the coordinator alone, and a child ends when its parent does.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Listener
from typing import Any, Final, Protocol

from shoal.engine._train import Checkpoint, Work
from shoal.engine._trainer import State, Stopped, Trainer
from shoal.errors import EnvironmentFault
from shoal.results import FitRecord

CHECKPOINT_SECONDS: Final = 25.0
"""After how long a running fit hands over a checkpoint when its slice ends: every 30 s, as long as epochs are short."""
STOP_SECONDS: Final = 1.0
"""How long workers have to hand over their checkpoints when asked to stop."""


@dataclass(frozen=True)
class Progress:
    """A running fit has come this far."""

    fit_id: str
    share: float


Event = FitRecord | Checkpoint | Progress


class Footing(Protocol):
    """What all fits of a list stand on; it trains any of them, here or in a child process it was sent to."""

    def train(
        self, fit: Any, trainer: Trainer, start: Checkpoint | None, on_slice: Callable[[State], None]
    ) -> FitRecord:
        """Train one fit to its end."""
        ...


@dataclass
class OnSlice:
    """What a worker does between slices: say how far it is, save now and then, stop when asked."""

    fit: Work
    send: Callable[[Event], None]
    stopping: Callable[[], bool]
    saved: float
    last: Checkpoint | None = None

    def __call__(self, state: State) -> None:
        state.stopping = self.stopping
        self.last = Checkpoint.of(self.fit.id, state)
        if self.stopping():
            raise Stopped
        if time.monotonic() - self.saved >= CHECKPOINT_SECONDS:
            self.send(self.last)
            self.saved = time.monotonic()
        self.send(Progress(self.fit.id, state.epoch / self.fit.job.training.epochs))

    def hand_over(self) -> None:
        """Send the fit as it stood after its last whole epoch, if it has begun."""
        if self.last is not None and self.last.facts["epoch"]:
            self.send(self.last)


class Pool:
    """Trains a list of fits on `workers` workers; `events` yields what happens until nothing is left."""

    def __init__(
        self,
        fits: Sequence[Work],
        ground: Footing,
        trainer: Trainer,
        starts: Mapping[str, Checkpoint],
        workers: int,
    ) -> None:
        """Start the workers. Long fits first keeps all of them busy to the end; `fits` come in that order.

        The fits are all convolutional or none is.
        """
        self._todo, self._starts = deque(fits), starts
        self._ground, self._trainer = ground, trainer
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._children: list[_Child] = []
        self._running = max(1, min(workers, len(fits)))
        in_threads = trainer.workers == "threads" or fits[0].job.architecture.convolutional
        alone = in_threads or self._running == 1
        work = self._work_here if alone else self._work_in_child
        for number in range(self._running):
            threading.Thread(target=self._guard, args=(work,), name=f"shoal-{number}", daemon=True).start()

    def stop(self) -> None:
        """Ask every worker to hand over a checkpoint and end; safe in a signal handler."""
        self._stop.set()

    def events(self) -> Iterator[Event]:
        """Yield events until all workers have ended, or, after `stop`, the time to do so has passed."""
        deadline = None
        while self._running:
            if self._stop.is_set() and deadline is None:
                deadline = time.monotonic() + STOP_SECONDS
            if deadline is not None and time.monotonic() > deadline:
                return
            with suppress(queue.Empty):
                event = self._events.get(timeout=0.1)
                if isinstance(event, BaseException):
                    raise event
                if event is None:
                    self._running -= 1
                else:
                    yield event

    def close(self) -> None:
        """End what still runs."""
        self._stop.set()
        for child in self._children:
            child.end()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._events.put(error)
        self._events.put(None)

    def _next(self) -> Work | None:
        with suppress(IndexError):
            return None if self._stop.is_set() else self._todo.popleft()
        return None

    def _work_here(self) -> None:
        while (fit := self._next()) is not None:
            on_slice = OnSlice(fit, self._events.put, self._stop.is_set, time.monotonic())
            try:
                self._events.put(self._ground.train(fit, self._trainer, self._starts.get(fit.id), on_slice))
            except Stopped:
                on_slice.hand_over()

    def _work_in_child(self) -> None:
        child = _Child(self._ground, self._trainer)
        self._children.append(child)
        try:
            while (fit := self._next()) is not None:
                for event in child.train(fit, self._starts.get(fit.id), self._stop):
                    self._events.put(event)
        finally:
            child.end()


class _Child:
    """A worker process and the line to it."""

    def __init__(self, ground: Footing, trainer: Trainer) -> None:
        secret = os.urandom(32)
        with Listener(authkey=secret) as listener:
            command = [sys.executable, "-m", "shoal.engine._child", str(listener.address)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
            assert self._process.stdin is not None  # noqa: S101 - told to be a pipe
            self._process.stdin.write(secret.hex().encode() + b"\n")
            self._process.stdin.flush()
            threading.Thread(target=self._unblock, args=(listener.address, secret), daemon=True).start()
            self._line = listener.accept()
        self._connected = True
        self._send((ground, trainer))

    def train(self, fit: Work, start: Checkpoint | None, stop: threading.Event) -> Iterator[Event]:
        """Yield the events of one fit; pass the wish to stop on."""
        self._send((fit, start))
        asked = False
        while True:
            if stop.is_set() and not asked:
                self._send("stop")
                asked = True
            if not self._poll():
                continue
            event = self._receive()
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event
            if isinstance(event, FitRecord):
                return

    def end(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._line.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    _connected = False

    def _unblock(self, address: Any, secret: bytes) -> None:
        """Free the coordinator from waiting for a child that died before it called."""
        self._process.wait()
        if not self._connected:
            with suppress(OSError, EOFError):
                Client(address, authkey=secret).close()

    def _send(self, message: object) -> None:
        try:
            self._line.send(message)
        except OSError as error:
            raise self._gone() from error

    def _poll(self) -> bool:
        try:
            return self._line.poll(0.05)
        except OSError as error:
            raise self._gone() from error

    def _receive(self) -> Any:
        try:
            return self._line.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error

    def _gone(self) -> EnvironmentFault:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        return EnvironmentFault(
            f"a worker process ended unexpectedly (exit status {self._process.returncode}); if memory ran out, "
            "fewer --workers need less. What is finished is kept; the same command goes on"
        )
