"""The second process: pictures and page are the same bytes with it, without it, and when it is lost."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from look_runs import MadeUp, make_run

from shoal.look import Picture, SecondProcess, pictures, write_report
from shoal.process import ProcessBeside, ProcessEnded
from shoal.results import Results

Start: TypeAlias = Callable[[SecondProcess], None]
LONGEST = 120.0
"""Seconds that a process may take to do what it does in one, on a machine that is very busy."""


@pytest.fixture(scope="module")
def second(start_second: Start) -> Iterator[SecondProcess]:
    """A process that is at work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.look._second_process.core_count", lambda: 2)
        process = SecondProcess()
    with process:
        start_second(process)
        with process.ahead([(math.sqrt, (4.0,))]) as (made,):
            assert there(made) == 2.0
        yield process


def there(made: Any) -> Any:
    """Wait for what comes of a call in the other process, without taking it back."""
    return made.args[0].result(LONGEST)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Results:
    run = MadeUp(names=("a", "b"), epochs=20, hidden=(3,))
    results = make_run(tmp_path_factory.mktemp("second") / "run", run)
    write_report(results)
    return results


def files(folder: Path) -> dict[str, bytes]:
    endings = (".png", ".svg", ".html")
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.suffix in endings}


def test_pictures_and_page_are_the_same_bytes(
    alone: Results, second: SecondProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, here, drawn_here = files(alone.folder), Picture.png, []

    def png(picture: Picture) -> bytes:
        drawn_here.append(picture.name)
        return here(picture)

    monkeypatch.setattr(Picture, "png", png)
    write_report(alone, second=second)
    assert files(alone.folder) == before
    assert 0 < len(drawn_here) < len(list(pictures(alone)))  # each has drawn some


def test_a_process_that_is_killed_costs_nothing(
    alone: Results, start_second: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look._second_process.core_count", lambda: 2)
    before = files(alone.folder)
    with SecondProcess() as lost:
        start_second(lost)
        assert lost._process is not None
        os.kill(lost._process.pid, signal.SIGKILL)
        write_report(alone, second=lost)
    assert files(alone.folder) == before


def unknown_there() -> int:
    """A function of a module that the other process does not find."""
    return 1


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param(lambda: 1, (), id="a function without a name"),
        pytest.param(unknown_there, (), id="a module that is not there"),
        pytest.param(math.sqrt, (-1.0,), id="a call that fails"),
        pytest.param(np.mean, ([],), id="a call that warns"),
        pytest.param(os._exit, (3,), id="a call that ends it"),
    ],
)
def test_what_it_cannot_do_is_made_here(
    second: SecondProcess, function: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    with second.ahead([(function, arguments), (math.sqrt, (9.0,))]) as (made, last):
        assert there(made) is None
        assert last() == 3.0


def test_a_call_that_is_not_begun_is_made_here_alone(start_second: Start) -> None:
    """And whoever waits for a process that is only starting is freed by its end."""
    threads = threading.active_count()
    with SecondProcess() as process:
        start_second(process)
        with process.ahead([(math.sqrt, (4.0,))] * 3) as made:
            assert made[0]() is None
    end = time.monotonic() + LONGEST
    while threading.active_count() > threads:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_may_end_at_any_moment_of_its_start(start_second: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end once came between the making and the start of a thread, and left a file open."""
    start, slow = threading.Thread.start, threading.Event()

    def late(thread: threading.Thread) -> None:
        if "_unblock" in thread.name:
            slow.set()
            time.sleep(0.3)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", late)
    with SecondProcess() as process:
        start_second(process)
        with process.ahead([(math.sqrt, (4.0,))] * 3) as made:
            assert slow.wait(LONGEST)
    assert process._process is not None
    stdin = process._process._process.stdin
    assert stdin is not None
    assert stdin.closed
    assert [result() for result in made] == [None] * 3


def test_a_process_that_was_ended_is_not_waited_for() -> None:
    process = ProcessBeside("shoal.look._second_process", quiet=True)
    process.end()
    with pytest.raises(ProcessEnded, match="ended unexpectedly"):
        process.send((math.sqrt, (4.0,)))


@pytest.mark.parametrize(
    ("cores", "allowed", "starts"), [(1, True, False), (2, True, True), (2, False, False)]
)
def test_it_is_started_where_two_cores_are_to_be_used(
    cores: int, allowed: bool, starts: bool, start_second: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look._second_process.core_count", lambda: cores)
    with SecondProcess(allowed=allowed) as process:
        start_second(process)
        assert (process._process is not None) == starts
        pid = process._process.pid if process._process else 0
    assert not (starts and is_alive(pid))  # it ends with its block


def test_a_system_that_starts_no_process_draws_alone(
    start_second: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("shoal.look._second_process.core_count", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", refused)
    with SecondProcess() as process:
        start_second(process)
        with process.ahead([(math.sqrt, (4.0,))]) as (made,):
            assert made() is None


def test_a_python_that_does_not_know_its_path_draws_alone(
    start_second: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.look._second_process.core_count", lambda: 2)
    monkeypatch.setattr(sys, "executable", None)  # as in a program that has Python in it
    with SecondProcess() as process:
        start_second(process)
        with process.ahead([(math.sqrt, (4.0,))]) as (made,):
            assert made() is None


def test_a_system_that_starts_no_thread_draws_alone(
    start_second: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("shoal.look._second_process.core_count", lambda: 2)
    with SecondProcess() as process:
        start_second(process)
        monkeypatch.setattr(threading.Thread, "start", refused)
        with process.ahead([(math.sqrt, (4.0,)), (math.sqrt, (9.0,))]) as made:
            assert [result() for result in made] == [None, None]
        monkeypatch.undo()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


KILLED = """
import os, signal
from shoal.process import ProcessBeside

process = ProcessBeside("shoal.look._second_process", quiet=True)
process.send((abs, (1,)))
print(process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_its_parent() -> None:
    asked = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, check=False)
    end = time.monotonic() + LONGEST
    while is_alive(int(asked.stdout)):
        assert time.monotonic() < end
        time.sleep(0.05)
