"""Workers that are processes: each thread of a crew has a `python -m shoal.engine.workers.child` of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shoal.engine._train import SharedRows
from shoal.engine._trainer import Trainer
from shoal.engine.workers.crew import Crew, FitOrder
from shoal.engine.workers.protocol import Coordination, Event
from shoal.engine.workers.slices import Stopped
from shoal.errors import EnvironmentFault
from shoal.process import ProcessBeside, ProcessEnded
from shoal.results import FitRecord

POLL_SECONDS: Final = 0.05
"""How often the coordinator's thread looks whether a fit is to stop."""


STOP: Final = "stop"
"""What a process is told when its fit is to end early."""


@dataclass(frozen=True, eq=False)
class WorkerSetup:
    """What a process is told once: the rows of the fits that follow, and who trains them.

    `path` is where this program finds modules, people's own among them, that are not in the process's own places.
    """

    rows: SharedRows
    trainer: Trainer
    path: tuple[str, ...] = ()


def processes(shared: Coordination) -> Crew:
    """Make workers that are processes."""
    return Crew(shared, _Child)


class _Child:
    """A worker process, and what it was told."""

    def __init__(self) -> None:
        if not sys.executable:
            raise EnvironmentFault(
                "this Python does not know its own path (sys.executable is empty), so that no worker process can be"
                " started; use one worker, or the native trainer"
            )
        try:
            self._process = ProcessBeside("shoal.engine.workers.child")
        except OSError as error:
            what = f"a worker process cannot be started: {error.strerror or error}; use one worker"
            raise EnvironmentFault(what) from error

    def train(self, order: FitOrder, send: Callable[[Event], None], stopping: Callable[[], bool]) -> None:
        """Have one fit trained, and pass on what happens, and the wish to stop."""
        try:
            self._train(order, send, stopping)
        except ProcessEnded as ended:
            raise EnvironmentFault(
                f"a worker process ended unexpectedly (exit status {ended.status}); if memory ran out, "
                "fewer --workers need less. What is finished is kept; the same command goes on"
            ) from ended

    def _train(self, order: FitOrder, send: Callable[[Event], None], stopping: Callable[[], bool]) -> None:
        if order.rows is not self._rows or order.trainer is not self._trainer:
            path = () if order.fit.job.architecture.own is None else tuple(sys.path)
            self._process.send(WorkerSetup(order.rows, order.trainer, path))
            self._rows, self._trainer = order.rows, order.trainer
        self._process.send((order.fit, order.checkpoint))
        asked = False
        while True:
            if stopping() and not asked:
                self._process.send(STOP)
                asked = True
            if not self._process.poll(POLL_SECONDS):
                continue
            event = self._process.receive()
            if event is None:
                raise Stopped
            if isinstance(event, BaseException):
                raise event
            send(event)
            if isinstance(event, FitRecord):
                return

    def kill(self) -> None:
        """End the process at once: nothing is lost that it has sent, and it leaves nothing behind."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self._process.end()

    _rows: SharedRows | None = None
    _trainer: Trainer | None = None
