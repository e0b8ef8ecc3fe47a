"""How a command ends when it is asked to, when nobody reads it, and when the machine fails."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shoal import cli
from shoal.errors import EnvironmentFault
from shoal.progress import Plain
from shoal.results import Store

DOTS = Path(__file__).with_name("dots.py")
STOPPED = "shoal: stopped; what is finished is kept, and the same command goes on from here\n"


def ended(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("how", "name"), [("in-code", "run"), ("in-callback", "run"), ("in-code", "animate")]
)
def test_a_signal_outside_training_unwinds_and_says_whether_it_goes_on(
    number: int, how: str, name: str
) -> None:
    """A run goes on where it ended; what else is stopped begins again."""
    script = f"""
import os, sys, time, weakref
from shoal import cli
class Thing: pass
def signalled(_: object) -> None:
    os.kill(os.getpid(), {int(number)})
    for _ in range(1000): pass
@cli.app.command("{name}")
def wait() -> None:
    thing = Thing()
    reference = weakref.ref(thing, signalled)
    try:
        if {how == "in-callback"}:
            del thing  # what is raised in a callback is not passed on
        else:
            signalled(None)
        time.sleep(50)
    finally:
        print("cleared")
sys.argv = ["shoal", "{name}"]
cli.main()
"""
    done = ended(script)
    said = STOPPED if name == "run" else "shoal: stopped\n"
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "cleared\n", said)


def test_a_stop_that_arrives_again_before_its_timer_is_off_is_not_lost() -> None:
    """As on a busy machine: a callback swallows the stop, and it comes back while that is still dealt with."""
    script = """
import os, signal, sys, threading, time, weakref
from shoal import cli
class Early(threading.Timer):
    starts = 0
    def start(self) -> None:
        Early.starts += 1
        super().start()
        if Early.starts == 1:
            time.sleep(50)
threading.Timer = Early
class Thing: pass
@cli.app.command()
def wait() -> None:
    thing = Thing()
    kept = weakref.ref(thing, lambda _: (os.kill(os.getpid(), signal.SIGINT), time.sleep(50)))
    del thing
    time.sleep(50)
sys.argv = ["shoal", "wait"]
cli.main()
"""
    done = ended(script)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "shoal: stopped\n")


def test_a_second_signal_ends_it_at_once() -> None:
    script = """
import os, signal, sys, time
from shoal import cli
@cli.app.command()
def wait() -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(50)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(50)
sys.argv = ["shoal", "wait"]
cli.main()
"""
    done = ended(script)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_output_that_cannot_be_written_is_one_line() -> None:
    command = f"{sys.executable} -m shoal new regression > /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "shoal: standard output: cannot be written: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_where_nobody_can_be_told_the_exit_code_says_it(tmp_path: object) -> None:
    command = f"{sys.executable} -m shoal show {tmp_path} 2> /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_closed_pipe_is_a_quiet_success() -> None:
    command = f"({sys.executable} -m shoal new regression; echo $? >&2) | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == "0\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "the machine failed: [Errno 28] No space left on device"),
        (MemoryError(), "out of memory; fewer --workers need less"),
        (EnvironmentFault("the disk is full"), "the disk is full"),
    ],
)
def test_a_failing_machine_is_one_line_and_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 3
    assert capsys.readouterr().err == f"shoal: {line}\n"


class Full(io.StringIO):
    """A log on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_does_not_end_a_run() -> None:
    watcher = Plain(Full())
    watcher.note("a sentence")
    watcher.begin("training", (), 0, {})
    watcher.end()


@pytest.mark.skipif(os.name != "posix", reason="closes streams by a shell")
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_hindrance(tmp_path: Path, closed: str) -> None:
    """A file of ours that got the number of standard error would get what is written to that, too."""
    (tmp_path / "s.toml").write_text(
        '[study]\ntask = "regression"\n[data]\ndataset = "two-peaks"\n[network]\nhidden = [2]\n[training]\nepochs = 1\n'
        "[checks]\nbaselines = false\n"
    )
    command = f'"{sys.executable}" "{DOTS}" run s.toml --out run --workers 1 {closed}'
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=False)  # noqa: S602
    assert done.returncode == 0
    assert (tmp_path / "run" / "report.html").exists()
    again = f'"{sys.executable}" -m shoal run none.toml {closed}'
    refused = subprocess.run(again, shell=True, cwd=tmp_path, capture_output=True, check=False)  # noqa: S602
    assert refused.returncode == 2
    Store.open_readonly(tmp_path / "run").close()


def test_a_system_without_threads_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(cli, "app", none)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    what = "the system starts no more threads for this user; end other programs, then try again"
    assert capsys.readouterr().err == f"shoal: {what}\n"
