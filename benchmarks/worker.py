"""A process that times fits on request: one JSON line in, one out. `python -m benchmarks.worker MODULE`.

Contestants live in processes of their own, on one core, so that none warms or fills another's memory.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.cases import Case
from benchmarks.environment import ONE_CORE, PEERS_PYTHON, ROOT


class Worker:
    """The other end: starts the process, asks it, stops it."""

    def __init__(self, name: str, ours: bool, prefix: str = "", clock: str = "perf_counter") -> None:
        """Start the process for the contestant `name` of `ours` or of `peers`, in files whose names begin so.

        `clock` is a function of `time`: with "process_time", seconds are those of the process on its core.
        """
        self.name, self._clock = name, clock
        python, file = (sys.executable, "ours") if ours else (str(PEERS_PYTHON), "peers")
        module = f"benchmarks.{prefix}{file}"
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | ONE_CORE,
        )

    def seconds(self, case: Case, epochs: int) -> float:
        """Time one fit of so many epochs; NaN where the contestant cannot take the case."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("a worker is started with pipes")
        request = {"name": self.name, "case": case.as_json(), "epochs": epochs, "clock": self._clock}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker of {self.name} has ended: {self._process.wait()}")
        return float(json.loads(answer)["seconds"])

    def stop(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _answer(module: Any, request: dict[str, Any]) -> float:
    case = Case.from_json(request["case"])
    if not module.can(request["name"], case):
        return float("nan")
    x, y = case.data()
    clock = getattr(time, request["clock"])
    start: float = clock()
    module.CONTESTANTS[request["name"]](case, x, y, request["epochs"])
    return float(clock() - start)


def serve(module_name: str) -> None:
    """Answer requests until the input ends; what a contestant prints goes to standard error."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    answers, sys.stdout = sys.stdout, sys.stderr
    module = importlib.import_module(module_name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    for line in sys.stdin:
        answers.write(json.dumps({"seconds": _answer(module, json.loads(line))}) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
