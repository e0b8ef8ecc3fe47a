"""A worker process: `python -m shoal.engine._child ADDRESS`, started and fed by `_workers.py`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Client, Connection

from shoal.engine._workers import Lot, OnSlice, Stopped
from shoal.errors import EnvironmentFault


def _serve(line: Connection) -> None:
    """Be a child: take fits, train them, send what happens."""
    lot: Lot | None = None
    stopping = False

    def stop_asked() -> bool:
        nonlocal stopping
        stopping = stopping or (line.poll(0) and line.recv() == "stop")
        return stopping

    while not stopping and (asked := line.recv()) != "stop":
        if isinstance(asked, Lot):
            lot = asked
            continue
        assert lot is not None  # noqa: S101 - it is told before the fits
        fit, start = asked
        on_slice = OnSlice(fit, line.send, stop_asked, time.monotonic())
        try:
            line.send(lot.ground.train(fit, lot.trainer, start, on_slice))
        except Stopped:
            line.send(None)
        except EnvironmentFault as error:
            line.send(error)


def _end_with_parent() -> None:
    """Leave at once when the parent's end of our standard input closes."""
    with suppress(OSError):
        while sys.stdin.buffer.read(4096):
            pass
    os._exit(1)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    secret = bytes.fromhex(sys.stdin.buffer.readline().decode())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError), Client(sys.argv[1], authkey=secret) as line:
        _serve(line)


if __name__ == "__main__":
    _main()
