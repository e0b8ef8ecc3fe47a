"""Workers that take fits from lots that come one by one: threads, each training itself or through a child process.

Threads do for a trainer that leaves the GIL alone, for convolutional networks (whose torch calls are long,
and whose images are then shared for nothing), and for a single worker; for other fits each thread starts a
`python -m shoal.engine._child` of its own, that calls back. Nothing of the user's script is imported again in a
child, a terminal's Ctrl-C reaches the coordinator alone, and a child ends when its parent does.
"""

from __future__ import annotations

import math
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any, Final, Protocol

from shoal.engine._train import Checkpoint, Work
from shoal.engine._trainer import State, Trainer
from shoal.errors import EnvironmentFault
from shoal.results import FitRecord

CHECKPOINT_SECONDS: Final = 25.0
"""After how long a running fit hands over a checkpoint, within an epoch where that is long."""
LOOK_SECONDS: Final = 0.01
"""How often a fit within an epoch looks whether it should pause: asking costs more than a small step."""
LONGEST_PLACE: Final = 70
"""Bytes of the name of a folder for the line to a worker process, which takes about 100 with what comes behind."""
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


@dataclass(frozen=True, eq=False)
class Lot:
    """Fits that stand on the same ground, all convolutional or none, and who trains them.

    Long fits first keeps all workers busy to the end; they come in that order. `known` are records that are there
    already, to be yielded among the events.
    """

    fits: Sequence[Work]
    ground: Footing
    trainer: Trainer
    starts: Mapping[str, Checkpoint] = field(default_factory=dict)
    known: Sequence[FitRecord] = ()

    @property
    def in_threads(self) -> bool:
        """Whether threads do for these fits."""
        return self.trainer.workers == "threads" or self.fits[0].job.architecture.convolutional


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
        self.send(Progress(self.fit.id, done / training.epochs))

    def pausing(self) -> bool:
        """Whether the fit is to pause within its epoch, looked up now and then."""
        now = time.monotonic()
        if now - self.looked < LOOK_SECONDS:
            return False
        self.looked = now
        return self._due(now) or self.stopping()

    def _due(self, now: float) -> bool:
        return now - self.saved >= CHECKPOINT_SECONDS


class Pool:
    """Trains lots of fits on `workers` workers; `events` yields what happens until nothing is left."""

    def __init__(self, lots: Iterable[Lot], workers: int) -> None:
        """Begin with nothing: `events` takes lots, in its own thread, when few of its fits are left."""
        self._lots, self._workers = iter(lots), workers
        self._todo: deque[tuple[Work, Lot]] = deque()
        self._more = True
        self._given = threading.Condition()
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._known: deque[FitRecord] = deque()
        self._stop = threading.Event()
        self._children: list[_Child] = []
        self._running = self._started = self._open = 0

    def stop(self) -> None:
        """Ask every worker to hand over a checkpoint and end; safe in a signal handler."""
        self._stop.set()

    def events(self) -> Iterator[Event]:
        """Yield events until all workers have ended, or, after `stop`, until each fit in hand is handed over.

        Workers that have begun none (a process that is still starting) are not waited for, the others for
        `STOP_SECONDS`.
        """
        deadline, in_hand = math.inf, set[str]()
        while (self._more or self._running or self._known) and time.monotonic() < deadline:
            if self._stop.is_set():
                deadline = min(deadline, time.monotonic() + STOP_SECONDS)
                if not in_hand and self._events.empty():
                    return
            else:
                self._take_lots()
                if self._known:
                    yield self._known.popleft()
                    continue
            with suppress(queue.Empty):
                event = self._events.get(timeout=0.05)
                if isinstance(event, BaseException):
                    raise event
                if event is None:
                    self._running -= 1
                    continue
                if isinstance(event, Progress):
                    in_hand.add(event.fit_id)
                else:
                    in_hand.discard(event.fit_id)
                    self._open -= isinstance(event, FitRecord)
                yield event

    def close(self) -> None:
        """End what still runs."""
        self._stop.set()
        with self._given:
            self._todo.clear()
            self._given.notify_all()
        for child in self._children:
            child.kill()
        for child in self._children:
            child.end()

    def _take_lots(self) -> None:
        """Take lots until enough fits wait; workers are started as they are needed.

        None are taken while records wait to be yielded: lots of rows would gather behind a slow reader.
        """
        while (
            self._more
            and len(self._todo) + len(self._known) < self._workers
            and self._open < 2 * self._workers
        ):
            lot = next(self._lots, None)
            with self._given:
                if lot is None:
                    self._more = False
                else:
                    self._todo.extend((fit, lot) for fit in lot.fits)
                self._given.notify_all()
            if lot is not None:
                self._known.extend(lot.known)
                self._open += len(lot.fits)
                for _ in range(min(self._workers - self._started, len(lot.fits))):
                    self._start_worker()

    def _start_worker(self) -> None:
        try:
            threading.Thread(target=self._guard, name=f"shoal-{self._started}", daemon=True).start()
        except RuntimeError as error:
            what = f"the system starts no more threads, and {self._workers} workers need one each; try fewer --workers"
            raise EnvironmentFault(what) from error
        self._running, self._started = self._running + 1, self._started + 1

    def _guard(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._events.put(error)
        self._events.put(None)

    def _next(self) -> tuple[Work, Lot] | None:
        """Wait for a fit; None where no more will come."""
        with self._given:
            self._given.wait_for(lambda: self._todo or not self._more or self._stop.is_set())
            return None if self._stop.is_set() or not self._todo else self._todo.popleft()

    def _work(self) -> None:
        child = None
        try:
            while (taken := self._next()) is not None:
                fit, lot = taken
                if lot.in_threads or self._workers == 1:
                    self._train_here(fit, lot)
                    continue
                if child is None:
                    child = _Child()
                    self._children.append(child)
                    child.meet()
                child.stand_on(lot)
                for event in child.train(fit, lot.starts.get(fit.id), self._stop):
                    self._events.put(event)
        finally:
            if child is not None:
                child.end()

    def _train_here(self, fit: Work, lot: Lot) -> None:
        on_slice = OnSlice(fit, self._events.put, self._stop.is_set, time.monotonic())
        with suppress(Stopped):
            self._events.put(lot.ground.train(fit, lot.trainer, lot.starts.get(fit.id), on_slice))


class _Child:
    """A worker process and the line to it."""

    def __init__(self) -> None:
        if not sys.executable:
            raise EnvironmentFault(
                "this Python does not know its own path (sys.executable is empty), so that no worker process can be"
                " started; use one worker, or the native trainer"
            )
        self._secret = os.urandom(32)
        try:
            self._folder = _folder_of_line()
            self._listener = Listener(
                str(self._folder / "line") if self._folder else None, authkey=self._secret
            )
            self._address: Any = self._listener.address
            # -P: nothing that lies in the working folder is imported by chance (a random.py, say).
            command = [sys.executable, "-P", "-m", "shoal.engine._child", str(self._address)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, start_new_session=True, env=_environment()
            )
        except OSError as error:
            self._forget_place()
            what = f"a worker process cannot be started: {error.strerror or error}; use one worker"
            raise EnvironmentFault(what) from error

    def meet(self) -> None:
        """Wait until the process has started and calls."""
        assert self._process.stdin is not None and self._listener is not None  # noqa: S101, PT018 - `__init__` did
        try:
            self._process.stdin.write(self._secret.hex().encode() + b"\n")
            self._process.stdin.flush()
            threading.Thread(target=self._unblock, daemon=True).start()
            self._line = self._listener.accept()
        except (OSError, EOFError, AuthenticationError) as error:
            raise self._gone() from error
        self._connected = True
        self._forget_place()

    def stand_on(self, lot: Lot) -> None:
        """Tell the process, once, what the fits of a lot stand on and who trains them."""
        if lot.ground is not self._ground or lot.trainer is not self._trainer:
            self._send(replace(lot, fits=(), starts={}, known=()))
            self._ground, self._trainer = lot.ground, lot.trainer

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

    def kill(self) -> None:
        """End the process at once: nothing is lost that it has sent, and it leaves nothing behind."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process and wait for its end."""
        if self._connected:
            with suppress(OSError):
                self._line.close()
        self._process.kill()
        self._process.wait()
        self._forget_place()
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    _connected = False
    _listener: Listener | None = None
    _folder: Path | None = None

    _ground: Footing | None = None
    _trainer: Trainer | None = None

    def _forget_place(self) -> None:
        """Nobody else is to call: close the door, and remove its folder."""
        if self._listener is not None:
            self._listener.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _unblock(self) -> None:
        """Free the coordinator from waiting for a child that died before it called."""
        self._process.wait()
        if not self._connected:
            with suppress(OSError, EOFError):
                Client(self._address, authkey=self._secret).close()

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


def _folder_of_line() -> Path | None:
    """Make a folder of our own for the line: where its name is too long for one, in the system's own place."""
    if os.name != "posix":  # lines have no place in the file system there
        return None
    long = len(os.fsencode(tempfile.gettempdir())) > LONGEST_PLACE
    return Path(tempfile.mkdtemp(prefix="shoal-", dir="/tmp" if long else None))  # noqa: S108 - a folder of our own in it


def _environment() -> dict[str, str]:
    """The environment of a worker process: no empty entry of its path, which would be the working folder."""
    path = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path.split(os.pathsep)))}
