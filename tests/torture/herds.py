"""Workers of a Dask cluster that are killed, stopped and joined by others, and a scheduler that outlives its runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

OTHER_NUMPY = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}
"""What has numpy take other ways of computing."""
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": "5s",
    "distributed.scheduler.http.routes": [],
}


class Herd:
    """A scheduler in this process, and worker processes, `count` of them at the least; a context manager.

    `odd` is laid over the environment of every second worker.
    """

    def __init__(self, count: int, odd: dict[str, str] | None = None) -> None:
        self._count, self._odd, self._begun = count, odd or {}, 0
        self.workers: list[subprocess.Popen[bytes]] = []
        self.stopped: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        import dask
        from distributed import LocalCluster

        with ExitStack() as stack:
            stack.enter_context(dask.config.set(SETTINGS))
            here: dict[str, Any] = {"host": "127.0.0.1", "protocol": "tcp://", "silence_logs": 50}
            scheduler = LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", **here)
            self.address = stack.enter_context(scheduler).scheduler_address
            self._folder = stack.enter_context(tempfile.TemporaryDirectory())
            stack.callback(self._end)
            self.mend()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _end(self) -> None:
        for worker in (*self.workers, *self.stopped):
            worker.kill()
            worker.wait()

    def add(self) -> None:
        """Have another one join."""
        self._begun += 1
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            self.address,
            "--no-nanny",
            "--no-dashboard",
        ]
        options = ["--nthreads", "1", "--memory-limit", "0", "--local-directory", self._folder]
        addresses = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        own = self._odd if self._begun % 2 else {}
        quiet: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self.workers.append(
            subprocess.Popen([*command, *options, *addresses], env={**os.environ, **own}, **quiet)
        )

    def mend(self) -> None:
        """Have others join in the place of those that have ended."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < self._count:
            self.add()

    def kill(self, place: int) -> None:
        """End one at once."""
        self.workers[place % len(self.workers)].kill()

    def stop(self, place: int) -> None:
        """Have one hang for good: it neither works nor ends."""
        worker = self.workers.pop(place % len(self.workers))
        worker.send_signal(signal.SIGSTOP)
        self.stopped.append(worker)
