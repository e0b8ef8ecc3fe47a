"""A disk that is full or fails: one line, exit code 3, and nothing that was committed is lost."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from torture_runs import (
    LONG,
    SIX,
    Outcome,
    Runner,
    assert_goes_on,
    assert_kept,
    state,
    tampering_refused,
    telling,
    writes_of,
)

ERRORS = ("ENOSPC", "EIO")
HOW_OFTEN = ("", "+")  # once, or from then on


def assert_said_in_one_line(outcome: Outcome) -> None:
    """It ended well, since what failed was not needed, or in one line with exit code 3."""
    lines = [line for line in outcome.err.splitlines() if not line.startswith(("training: ", "winner: "))]
    assert outcome.status in (0, 3), outcome
    assert len(lines) <= outcome.status // 3, outcome
    assert all(line.startswith("shoal: ") for line in lines), outcome


@pytest.mark.skipif(bool(tampering_refused()), reason=tampering_refused())
def test_every_write_fails_once_or_for_ever(runner: Runner, tmp_path: Path) -> None:
    ends: Counter[int] = Counter()
    every = writes_of(runner, SIX, tmp_path / "undisturbed")
    cases = list(itertools.product(every, ERRORS, HOW_OFTEN))
    for (call, number), error, plus in cases if LONG else cases[5 :: len(cases) // 8 | 1]:
        home = tmp_path / "home"
        tampering = f"inject={call}:error={error}:when={number}{plus}"
        with telling(tampering):
            outcome = runner.tampered(SIX, home, "-e", tampering)
            ends[outcome.status] += 1
            assert_said_in_one_line(outcome)
            assert_kept(runner, SIX, home)
            assert_goes_on(runner, SIX, home)
        shutil.rmtree(home)
    print(f"faults at {len(every)} write-class calls: exit codes {dict(ends)}")
    assert ends[3] > ends[0]


def may_mount(folder: Path) -> bool:
    """Whether this process may make a small file system."""
    folder.mkdir(exist_ok=True)
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
        return not subprocess.run(command, capture_output=True, check=False).returncode
    except OSError:
        return False


def test_a_disk_of_every_size(runner: Runner, tmp_path: Path) -> None:
    """A real full disk, down to the shared memory of SQLite; room is made, and the run goes on."""
    home = tmp_path / "home"
    if not may_mount(home):
        pytest.skip("mounting a small file system is not permitted here")
    ends: Counter[int] = Counter()
    try:
        for pages in range(8, 420, 1 if LONG else 130):
            with telling(pages):
                remount(home, pages)
                outcome = runner.run(SIX, home)
                ends[outcome.status] += 1
                assert_said_in_one_line(outcome)
                assert_kept(runner, SIX, home)
                remount(home, 1000)
                assert_goes_on(runner, SIX, home)
                for path in home.iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        subprocess.run(["umount", str(home)], check=True)
    print(f"small disks: exit codes {dict(ends)}")
    assert ends[3]
    assert ends[0]


def remount(folder: Path, pages: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={4 * pages}k", str(folder)], check=True)


def test_what_is_done_survives_a_disk_that_refuses_all_from_the_start(runner: Runner, tmp_path: Path) -> None:
    """A finished run under a failing disk: what can be read is right, and nothing is spoilt."""
    if tampering_refused():
        pytest.skip(tampering_refused())
    home = tmp_path / "home"
    runner.run(SIX, home)
    for error in ERRORS:
        calls = "pwrite64,fsync,fdatasync,ftruncate,rename,unlink"
        outcome = runner.tampered(SIX, home, "-e", f"inject={calls}:error={error}:when=1+")
        assert_said_in_one_line(outcome)
        assert_kept(runner, SIX, home)
    assert_goes_on(runner, SIX, home)
    assert state(home) == runner.whole(SIX).state
