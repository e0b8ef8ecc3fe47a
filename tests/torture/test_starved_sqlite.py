"""SQLite gets no memory, at any moment of a run or of reading it: one line, and nothing that was committed is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from torture_runs import FIRST, LONG

import shoal

HERE = Path(__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc") or ""
STEPS = {
    "run": (5, 1999),
    "resume": (5, 1999),
    "predict": (5, 997),
    "show": (11, 2999),
    "report": (211, 9973),
}
"""Every so manyth request is refused, in the long campaign and in the short one; which is the first, FIRST says."""


def no_way() -> str:
    """Say why SQLite's memory cannot be taken from it here."""
    import _sqlite3

    if sys.platform != "linux":
        return "needs Linux, where SQLite is a library of its own"
    if not COMPILER:
        return "needs a C compiler"
    return "" if getattr(_sqlite3, "__file__", None) else "SQLite is a part of Python itself here"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What refuses memory, compiled."""
    library = tmp_path_factory.mktemp("starved") / "starved.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([COMPILER, *options, HERE / "starved_sqlite.c", "-o", library], check=True)
    return library


@pytest.mark.skipif(bool(no_way()), reason=no_way())
@pytest.mark.parametrize("act", STEPS if LONG else ["run", "show"])
def test_requests_for_memory_are_refused(library: Path, act: str) -> None:
    step = STEPS[act][0 if LONG else 1]
    path = os.pathsep.join([str(Path(shoal.__file__).parent.parent), str(HERE), str(HERE.parent)])
    start = 1 + FIRST % step
    command = [sys.executable, str(HERE / "starved.py"), str(library), act, str(start), str(step)]
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    requests, refused, stopped = map(int, ended.stdout.split())
    which = f"from {start}, every {step}"
    print(
        f"{act}: {requests} requests for memory, {refused} times refused ({which}), {stopped} times the end"
    )
    assert requests > 1000
    assert requests // step <= refused + 1
    assert 0 < stopped <= refused
