"""Workers that are processes: each thread of a crew has a `python -m shoal.engine.workers.child` of its own.

The process calls back with a secret. Nothing of the user's script is imported again in it, a terminal's Ctrl-C
reaches the coordinator alone, and it ends when its parent does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any, Final

from shoal.engine._train import SharedRows
from shoal.engine._trainer import Trainer
from shoal.engine.workers.crew import Crew, FitOrder
from shoal.engine.workers.protocol import Coordination, Event
from shoal.engine.workers.slices import Stopped
from shoal.errors import EnvironmentFault
from shoal.results import FitRecord

LONGEST_PLACE: Final = 70
"""Bytes of the name of a folder for the line to a worker process, which takes about 100 with what comes behind."""
POLL_SECONDS: Final = 0.05
"""How often the coordinator's thread looks whether a fit is to stop."""


STOP: Final = "stop"
"""What a process is told when its fit is to end early."""


@dataclass(frozen=True, eq=False)
class WorkerSetup:
    """What a process is told once: the rows of the fits that follow, and who trains them."""

    rows: SharedRows
    trainer: Trainer


def processes(shared: Coordination) -> Crew:
    """Make workers that are processes."""
    return Crew(shared, _Child)


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
            command = [sys.executable, "-P", "-m", "shoal.engine.workers.child", str(self._address)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, start_new_session=True, env=_environment()
            )
        except OSError as error:
            self._forget_place()
            what = f"a worker process cannot be started: {error.strerror or error}; use one worker"
            raise EnvironmentFault(what) from error

    def train(self, order: FitOrder, send: Callable[[Event], None], stopping: Callable[[], bool]) -> None:
        """Have one fit trained, and pass on what happens, and the wish to stop."""
        if not self._connected:
            self._meet()
        if order.rows is not self._rows or order.trainer is not self._trainer:
            self._send(WorkerSetup(order.rows, order.trainer))
            self._rows, self._trainer = order.rows, order.trainer
        self._send((order.fit, order.checkpoint))
        asked = False
        while True:
            if stopping() and not asked:
                self._send(STOP)
                asked = True
            if not self._poll():
                continue
            event = self._receive()
            if event is None:
                raise Stopped
            if isinstance(event, BaseException):
                raise event
            send(event)
            if isinstance(event, FitRecord):
                return

    def _meet(self) -> None:
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
    _rows: SharedRows | None = None
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
            return self._line.poll(POLL_SECONDS)
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
