"""`local:N`: a Dask cluster on this machine, for this process alone: loopback, a process a worker, one thread each.

The scheduler lives in this process. A worker that dies is started again; nothing is spilled to disk, and nobody else is
called.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from shoal.errors import EnvironmentFault, InputError
from shoal.process import child_environment
from shoal.wording import wrong_count

LOCAL: Final = "local:"
MOST_WORKERS: Final = 1024
HERE: Final = "127.0.0.1"
SILENT_SECONDS: Final = 30
"""After so long a worker that says nothing, stopped or hanging, is given up."""
SOON: Final = 5.0
"""A worker that ends within so many seconds has not begun to work."""
MOST_STARTS: Final = 5
"""So many of these, one after the other, are no chance."""
_BOTH: Final = {  # nobody looks at how it goes within Dask, which takes some hundredths of the time of small fits
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "2s",
}
_SCHEDULER: Final = {
    **_BOTH,
    "distributed.scheduler.allowed-failures": 0,  # who counts deaths is the coordinator
    "distributed.scheduler.worker-ttl": f"{SILENT_SECONDS}s",
    "distributed.scheduler.http.routes": [],
    "distributed.admin.large-graph-warning-threshold": "1GB",
}
_WORKER: Final = {
    **_BOTH,
    "distributed.comm.require-encryption": False,  # which is for other machines
    "distributed.comm.tls.ca-file": None,
    **{f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause", "terminate")},
}


def _environment() -> dict[str, str]:
    """Give the environment of a worker, by which Dask is told its settings."""
    settings = {
        f"DASK_{key.upper().replace('.', '__').replace('-', '_')}": str(value)
        for key, value in _WORKER.items()
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**child_environment(), **settings, **threads}


def count_of_local(cluster: object) -> int:
    """Give N of `local:N`; 0 for whatever else is meant. Raises InputError for another N."""
    if not isinstance(cluster, str) or not cluster.startswith(LOCAL):
        return 0
    text = cluster.removeprefix(LOCAL)
    count: int | str = int(text) if text.isascii() and text.isdigit() else text
    if not isinstance(count, int) or not 1 <= count <= MOST_WORKERS:
        raise InputError(f"cluster {LOCAL}N: {wrong_count(count, MOST_WORKERS)}")
    return count


class LocalWorkers:
    """A scheduler in this process, and `count` worker processes."""

    def __init__(self, count: int) -> None:
        """Begin with nothing."""
        self._count, self._early = count, 0
        self.scheduler: Any = None
        self._processes: list[tuple[subprocess.Popen[bytes], float]] = []

    def __enter__(self) -> Self:
        """Start the scheduler, then the workers."""
        import dask
        from distributed import LocalCluster, Security

        with ExitStack() as stack:
            self._folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-"))
            stack.enter_context(dask.config.set(_SCHEDULER | {"temporary-directory": self._folder}))
            options = {
                "host": HERE,
                "protocol": "tcp://",
                "dashboard_address": f"{HERE}:0",
                "silence_logs": logging.CRITICAL,
                "security": Security(require_encryption=False, tls_ca_file=None),
            }
            self.scheduler = stack.enter_context(LocalCluster(n_workers=0, **options))
            stack.callback(self._end)
            self.mend()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers, then the scheduler."""
        self._open.close()

    def _end(self) -> None:
        for process, _ in self._processes:
            process.kill()
        for process, _ in self._processes:
            process.wait()

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [process.pid for process, _ in self._processes]

    def mend(self) -> None:
        """Start a process in the place of each that has ended. Raises EnvironmentFault where none stays alive."""
        now = time.monotonic()
        ended = [(process, begun) for process, begun in self._processes if process.poll() is not None]
        self._early = sum(now - begun < SOON for _, begun in ended) + (self._early if ended else 0)
        if self._early >= MOST_STARTS:
            raise EnvironmentFault(
                f"worker processes end as they start (exit status {ended[-1][0].returncode})"
            )
        self._processes = [item for item in self._processes if item not in ended]
        for _ in range(self._count - len(self._processes)):
            self._processes.append((self._started(), now))

    def _started(self) -> subprocess.Popen[bytes]:
        # Modules of people's own lie where this program finds them: last, so that they hide no other. For the same
        # reason -P: nothing that lies in the working folder is imported by chance.
        path = f"import sys; sys.path += [place for place in {sys.path!r} if place not in sys.path]"
        program = f"{path}; from distributed.cli.dask_worker import main; main()"
        command = [sys.executable, "-P", "-c", program, str(self.scheduler.scheduler_address)]
        options = {
            "--host": HERE,
            "--protocol": "tcp",
            "--dashboard-address": f"{HERE}:0",
            "--nthreads": "1",
            "--memory-limit": "0",
            "--death-timeout": "60",
            "--local-directory": self._folder,
        }
        words = [word for option in options.items() for word in option]
        try:
            return subprocess.Popen(
                [*command, "--no-nanny", "--no-dashboard", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=_environment(),
            )
        except OSError as error:
            what = f"a worker process cannot be started: {error.strerror or os.strerror(error.errno or 0)}"
            raise EnvironmentFault(what) from error
