"""The lock of a run folder, against real second processes."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shoal.errors import EnvironmentFault, RunFolderBusy, RunFolderError
from shoal.results import RunLock

HOLD = """
import sys
from pathlib import Path
from shoal.results import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def another(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def refusal(folder: Path) -> str:
    with pytest.raises(RunFolderBusy) as caught, RunLock(folder):
        pass
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_a_second_process_is_told_who_and_since_when(tmp_path):
    folder = tmp_path / "new" / "run"
    with another(HOLD, folder) as holder:
        assert holder.stdout.readline() == "held\n"
        who = rf"process {holder.pid} holds this run folder since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"
        assert re.fullmatch(rf"{re.escape(str(folder))}: {who}; wait for it, or stop it", refusal(folder))
        holder.communicate("go\n")
    with RunLock(folder):
        assert os.listdir(folder) == ["run.lock"]
    assert os.listdir(folder) == []


def test_a_killed_holder_does_not_block(tmp_path):
    with another(HOLD, tmp_path) as holder:
        holder.stdout.readline()
        holder.kill()
    assert os.listdir(tmp_path) == ["run.lock"]
    with RunLock(tmp_path):
        assert json.loads((tmp_path / "run.lock").read_bytes())["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


def test_children_of_a_killed_holder_do_not_block(tmp_path):
    script = """
import os, sys, time
from pathlib import Path
from shoal.results import RunLock
with RunLock(Path(sys.argv[1])):
    awake, wake = os.pipe()
    if child := os.fork():
        os.read(awake, 1)  # the child runs, and so has let go
        print(child, flush=True)
    else:
        os.write(wake, b".")
    sys.stdin.readline()
"""
    with another(script, tmp_path) as holder:
        child = int(holder.stdout.readline())
        refusal(tmp_path)
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # still there
        with RunLock(tmp_path):
            holder.stdin.close()  # now the child leaves its block
            holder.stdout.read()
            assert os.listdir(tmp_path) == ["run.lock"]
            refusal(tmp_path)
    assert os.listdir(tmp_path) == []


def test_one_process_cannot_hold_a_folder_twice(tmp_path):
    with RunLock(tmp_path):
        assert f"process {os.getpid()} holds this run folder since" in refusal(tmp_path)
    with RunLock(tmp_path):
        pass


def test_two_processes_take_turns(tmp_path):
    script = """
import sys
from pathlib import Path
from shoal.errors import RunFolderBusy
from shoal.results import RunLock
count = Path(sys.argv[2])
turns = 0
while turns < 100:
    try:
        with RunLock(Path(sys.argv[1])):
            number = int(count.read_text())
            count.write_text(str(number + 1))
            turns += 1
    except RunFolderBusy:
        pass
"""
    count = tmp_path / "count"
    count.write_text("0")
    with another(script, tmp_path / "run", count) as one, another(script, tmp_path / "run", count) as other:
        assert (one.wait(), other.wait()) == (0, 0)
    assert count.read_text() == "200"
    assert os.listdir(tmp_path / "run") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 999,
        '{"pid": 1e999, "since": "2026-01-01"}',
        '{"pid": "x", "since": "2026-01-01"}',
        '{"pid": 1, "since": "\\u001b[2J"}',
    ],
)
def test_what_stands_in_the_lock_file_is_not_repeated_blindly(tmp_path, text):
    with RunLock(tmp_path):
        (tmp_path / "run.lock").write_text(text)
        assert (
            refusal(tmp_path) == f"{tmp_path}: another process holds this run folder; wait for it, or stop it"
        )


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError) as caught, RunLock(tmp_path / "file"):
        pass
    assert str(caught.value) == f"{tmp_path / 'file'}: expected a folder, got a file"
    with pytest.raises(RunFolderError) as caught, RunLock(tmp_path / "file" / "deeper"):
        pass
    assert (
        str(caught.value)
        == f"{tmp_path / 'file' / 'deeper'}: expected a folder around it, got a file: {tmp_path / 'file'}"
    )


def test_a_lock_that_cannot_be_signed_is_not_kept(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(EnvironmentFault, match=r"\(No space left on device\)$"), RunLock(tmp_path):
            pass
    assert os.listdir(tmp_path) == []
    with RunLock(tmp_path):
        pass


def test_a_lock_file_that_cannot_be_removed_is_no_lock(tmp_path, monkeypatch):
    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch, RunLock(tmp_path):
        patch.setattr(os, "unlink", failing)
    assert os.listdir(tmp_path) == ["run.lock"]
    with RunLock(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_machine_that_fails_is_another_matter(tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(EnvironmentFault) as caught, RunLock(tmp_path / "run"):
        pass
    assert (
        str(caught.value)
        == f"{tmp_path / 'run'}: expected a folder that can be written (No space left on device)"
    )
