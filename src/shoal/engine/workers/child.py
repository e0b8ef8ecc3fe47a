"""A worker process: `python -m shoal.engine.workers.child ADDRESS`, started and fed by `processes.py`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Client, Connection

from shoal.engine._train import train_fit
from shoal.engine.workers.processes import STOP, WorkerSetup
from shoal.engine.workers.slices import OnSlice, Stopped
from shoal.errors import ShoalError


def _serve(line: Connection) -> None:
    """Be a child: take fits, train them, send what happens."""
    setup: WorkerSetup | None = None
    stopping = False

    def stop_asked() -> bool:
        nonlocal stopping
        stopping = stopping or (line.poll(0) and line.recv() == STOP)
        return stopping

    while not stopping and (asked := line.recv()) != STOP:
        if isinstance(asked, WorkerSetup):
            setup = asked
            continue
        assert setup is not None  # noqa: S101 - it is told before the fits
        fit, start = asked
        on_slice = OnSlice(fit, line.send, stop_asked, time.monotonic())
        try:
            line.send(train_fit(fit, setup.rows, setup.trainer, start, on_slice))
        except Stopped:
            line.send(None)
        except (ShoalError, OSError) as refusal:
            line.send(refusal)


def _end_with_parent() -> None:
    """Leave at once when the parent's end of our standard input closes.

    It is read past Python's buffer, whose lock a thread may not hold while Python ends.
    """
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    os._exit(1)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    secret = bytes.fromhex(sys.stdin.buffer.readline().decode())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gone = (EOFError, ConnectionError, FileNotFoundError)  # whoever started it has let the line go
    with suppress(*gone), Client(sys.argv[1], authkey=secret) as line:
        _serve(line)


if __name__ == "__main__":
    _main()
