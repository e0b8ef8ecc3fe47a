"""A worker process: `python -m shoal.engine.workers.child ADDRESS`, started and fed by `processes.py`."""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection

from shoal.engine._train import train_fit
from shoal.engine.workers.processes import STOP, WorkerSetup
from shoal.engine.workers.slices import OnSlice, Stopped
from shoal.errors import ShoalError
from shoal.process import answer


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
            sys.path += [place for place in setup.path if place not in sys.path]
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


if __name__ == "__main__":
    answer(_serve)
