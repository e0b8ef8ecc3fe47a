"""A Python process of our own beside this one, and the line to it.

It is started as a module and calls back with a secret: nothing of the user's script is imported again in it, a
terminal's Ctrl-C reaches this process alone, and it ends when this one does. Messages are of our own, between our own
processes; no file holds any.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Final

LONGEST_PLACE: Final = 70
"""Bytes of the name of a folder for the line to a process, which takes about 100 with what comes behind."""


class ProcessEnded(Exception):
    """The process is no more, or never called; `status` is its exit status, None where it is not known."""

    def __init__(self, status: int | None) -> None:
        """Say with which status it ended."""
        super().__init__(f"a process ended unexpectedly (exit status {status})")
        self.status = status


class ProcessBeside:
    """A process that runs a module of ours, and the line to it, which is there when it is first used."""

    def __init__(self, module: str, *, quiet: bool = False) -> None:
        """Start it, `quiet` where nobody is to see what it says; raises OSError where the system starts none."""
        self._secret = os.urandom(32)
        self._meeting = threading.Lock()
        try:
            self._folder = _folder_of_line()
            self._listener = Listener(
                str(self._folder / "line") if self._folder else None, authkey=self._secret
            )
            self._address: Any = self._listener.address
            # -P: nothing that lies in the working folder is imported by chance (a random.py, say).
            command = [sys.executable, "-P", "-m", module, str(self._address)]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL if quiet else None,
                stderr=subprocess.DEVNULL if quiet else None,
                start_new_session=True,
                env=child_environment(),
            )
        except OSError:
            self._forget_place()
            raise

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Send a message; raises ProcessEnded, or what a message that cannot be sent is refused by."""
        with self._meeting:
            if not self._connected:
                self._meet()
        try:
            self._line.send(message)
        except OSError as error:
            raise self._gone() from error

    def poll(self, seconds: float) -> bool:
        """Wait so long for a message, and say whether there is one. Raises ProcessEnded."""
        try:
            return self._line.poll(seconds)
        except OSError as error:
            raise self._gone() from error

    def receive(self) -> Any:
        """Wait for a message. Raises ProcessEnded."""
        try:
            return self._line.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error

    def kill(self) -> None:
        """End the process at once: nothing is lost that it has sent, and it leaves nothing behind."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process and wait for its end; a thread that waits for its call is freed first."""
        self._process.kill()
        self._process.wait()
        with self._meeting:
            if self._unblocking is not None:
                self._unblocking.join()
            if self._connected:
                with suppress(OSError):
                    self._line.close()
            self._forget_place()
            if self._process.stdin:
                with suppress(OSError):
                    self._process.stdin.close()

    _connected = False
    _unblocking: threading.Thread | None = None
    _listener: Listener | None = None
    _folder: Path | None = None

    def _meet(self) -> None:
        """Wait until the process has started and calls."""
        assert self._process.stdin is not None and self._listener is not None  # noqa: S101, PT018 - `__init__` did
        if self._process.returncode is not None:  # ended before it was first used
            raise self._gone()
        try:
            self._process.stdin.write(self._secret.hex().encode() + b"\n")
            self._process.stdin.flush()
            self._unblocking = threading.Thread(target=self._unblock, daemon=True)
            self._unblocking.start()
            self._line = self._listener.accept()
        except (OSError, EOFError, AuthenticationError) as error:
            raise self._gone() from error
        self._connected = True
        self._forget_place()

    def _forget_place(self) -> None:
        """Nobody else is to call: close the door, and remove its folder."""
        if self._listener is not None:
            self._listener.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _unblock(self) -> None:
        """Free whoever waits for a process that died before it called."""
        self._process.wait()
        if not self._connected:
            with suppress(OSError, EOFError):
                Client(self._address, authkey=self._secret).close()

    def _gone(self) -> ProcessEnded:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        return ProcessEnded(self._process.returncode)


def answer(serve: Callable[[Connection], None]) -> None:
    """Be such a process: call back whoever started it, and serve on the line until either lets it go."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    secret = bytes.fromhex(sys.stdin.buffer.readline().decode())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gone = (EOFError, ConnectionError, FileNotFoundError)  # whoever started it has let the line go
    with suppress(*gone), Client(sys.argv[1], authkey=secret) as line:
        serve(line)


def _end_with_parent() -> None:
    """Leave at once when the parent's end of our standard input closes.

    It is read past Python's buffer, whose lock a thread may not hold while Python ends.
    """
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    os._exit(1)


def _folder_of_line() -> Path | None:
    """Make a folder of our own for the line: where its name is too long for one, in the system's own place."""
    if os.name != "posix":  # lines have no place in the file system there
        return None
    long = len(os.fsencode(tempfile.gettempdir())) > LONGEST_PLACE
    return Path(tempfile.mkdtemp(prefix="shoal-", dir="/tmp" if long else None))  # noqa: S108 - a folder of our own in it


def child_environment() -> dict[str, str]:
    """The environment of such a process: no empty entry of its path, which would be the working folder."""
    path = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path.split(os.pathsep)))}
