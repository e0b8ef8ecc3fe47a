"""Values that Shoal never writes, sealed as if it had: every reader refuses in one line, or takes them as they are.

Whatever they are, no file outside the run folder is opened, changed or deleted.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch  # noqa: F401 (a store may name its trainer: not while it is watched)
from hostile_stores import Draw, mutated, readers, real_run, refused, report, study_of
from torture_runs import FIRST, LONG, tampering_refused, telling
from watched import Guard, watched

import shoal
from dots import end_with_the_model

KINDS = ("peaks", "digits", "begun")
COUNT = 10_000 if LONG else 30
SHARES = {"peaks": 0.4, "digits": 0.4, "begun": 0.2}
"""Of the stores that are tried."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """A run folder and new rows for its network, of each kind."""
    pd.DataFrame(
        {"text": ["a"]}
    )  # pyarrow takes the room of its text when it is first used: not while that is bounded
    home = tmp_path_factory.mktemp("real")
    (home / "rows.csv").write_text("input\n0.25\n")
    np.savez(home / "rows.npz", images=np.ones((1, 8, 8), np.uint8))
    found = {}
    for kind in KINDS:
        found[kind] = (real_run(kind, home / kind), home / f"rows.{'npz' if kind == 'digits' else 'csv'}")
        told = {name: refused(act) for name, act in readers(*found[kind])}  # what is made once is made here
        assert [name for name, no in told.items() if no] == (["predict"] if kind == "begun" else [])
    return found


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    """A file of somebody's, in a folder beside the run folder, of which every use is seen."""
    path = tmp_path / "precious" / "precious.txt"
    path.parent.mkdir()
    path.write_text("mine\n")
    with Guard(path) as guarding:
        yield guarding


def test_what_is_done_outside_is_seen(tmp_path: Path, guard: Guard) -> None:
    """The watch and the guard can fail."""
    precious = guard.path
    (tmp_path / "run").mkdir()
    for act in (
        precious.read_text,
        lambda: precious.open("ab").close(),
        lambda: os.link(precious, tmp_path / "run" / "second"),
        lambda: precious.rename(precious.with_name("other")),
        lambda: precious.with_name("other").unlink(),
    ):
        with watched(tmp_path / "run") as watch:
            act()
        assert str(precious.parent) in watch.outside[0]
        assert guard.seen()
    with watched(tmp_path / "run") as watch:
        (tmp_path / "run" / "one").write_text("ours")
        os.listdir(tmp_path / "run")
    assert not watch.outside


def changed(real: Path, target: Path, number: int, guard: Guard) -> str:
    """Lay a mutated store at `target`; from here on the file outside is guarded."""
    what = mutated(real, target, Draw(FIRST + number, guard.path))
    guard.seen()
    return what


@pytest.mark.parametrize("kind", KINDS)
def test_every_reader_of_a_mutated_store(
    runs: dict[str, tuple[Path, Path]], tmp_path: Path, guard: Guard, kind: str
) -> None:
    real, rows = runs[kind]
    count, held = round(COUNT * SHARES[kind]), Counter[str]()
    for number in range(count):
        what = changed(real, tmp_path / "run", number, guard)
        with watched(tmp_path / "run", rows) as watch:
            for name, act in readers(tmp_path / "run", rows):
                with telling((number, what, name)):
                    held[name] += refused(act)
        assert not watch.outside, (number, what)
        assert not guard.seen(), (number, what)
    print(f"{kind}: {count} mutated stores, refused: {dict(held)}")
    assert count // 10 < held["open"] < count


@pytest.mark.parametrize("kind", KINDS if LONG else KINDS[:1])
def test_pictures_of_a_mutated_store(
    runs: dict[str, tuple[Path, Path]], tmp_path: Path, guard: Guard, kind: str
) -> None:
    real, rows = runs[kind]
    count, held = round(COUNT * SHARES[kind]) // 200 + 1, 0
    for number in range(count):
        what = changed(real, tmp_path / "run", 10**6 + number, guard)
        with telling((number, what)):
            held += refused(lambda: report(tmp_path / "run", rows))
            assert not guard.seen()
    print(f"{kind}: reports of {count} mutated stores, {held} refused")


@pytest.mark.parametrize("kind", KINDS if LONG else KINDS[2:])
def test_a_run_on_top_of_a_mutated_store(
    runs: dict[str, tuple[Path, Path]], tmp_path: Path, guard: Guard, kind: str
) -> None:
    """It refuses in one line, or goes on to an end."""
    real, _ = runs[kind]
    count, held = round(COUNT * SHARES[kind]) // 10 + 2, 0
    for number in range(count):
        what = changed(real, tmp_path / "run", 2 * 10**6 + number, guard)
        with telling((number, what)), pytest.MonkeyPatch.context() as patches:
            end_with_the_model(patches)
            with watched(tmp_path / "run") as watch:
                held += refused(lambda: shoal.plan(study_of(kind), out=tmp_path / "run"))
                held += refused(lambda: shoal.run(study_of(kind), out=tmp_path / "run", workers=1))
            assert not watch.outside
            assert not guard.seen()
    print(f"{kind}: {count} runs on top of mutated stores, {held} of {2 * count} plans and runs refused")


@pytest.mark.skipif(bool(tampering_refused()), reason=tampering_refused())
@pytest.mark.parametrize("command", ["show", "report", "predict", "export"])
def test_whole_commands_watched_from_outside(
    runs: dict[str, tuple[Path, Path]], tmp_path: Path, guard: Guard, command: str
) -> None:
    """What the system is asked to make, write, move or delete lies in the run folder, or in a scratch folder."""
    real, rows = runs["peaks"]
    package = str(Path(shoal.__file__).parent.parent)
    more = {"predict": [str(rows)], "export": ["--format", "torch", "--out", str(tmp_path / "run" / "m.py")]}
    for number in range(12 if LONG else 1 if command == "show" else 0):
        what = changed(real, tmp_path / "run", 3 * 10**6 + number, guard)
        traced = ["strace", "-f", "-y", "-e", "trace=%file", "-o", str(tmp_path / "trace")]
        called = [
            *traced,
            sys.executable,
            "-m",
            "shoal",
            command,
            str(tmp_path / "run"),
            *more.get(command, []),
        ]
        environment = {**os.environ, "PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1"}
        environment["MPLCONFIGDIR"] = str(tmp_path / "shoal-matplotlib")  # it keeps a list of fonts there
        ended = subprocess.run(called, capture_output=True, check=False, env=environment, text=True)
        with telling((number, what, ended.stderr)):
            assert ended.returncode in (0, 2)
            assert ended.returncode == 0 or len(ended.stderr.splitlines()) == 1
            assert all(line.startswith("shoal: ") for line in ended.stderr.splitlines())
            assert not guard.seen()
            assert not list(changing_outside((tmp_path / "trace").read_text(), tmp_path / "run"))


def changing_outside(trace: str, run: Path) -> list[str]:
    """Give the calls that make, write, move or delete anything outside the run folder."""
    calls = r"\b(unlink|rename|truncate|mkdir|rmdir|link|symlink|chmod|chown|utime)\w*\("
    asked = re.compile(rf"{calls}|O_CREAT|O_TRUNC|O_WRONLY|O_RDWR")
    ours = re.compile(rf'{re.escape(str(run))}|/shoal-|"/dev/(null|shm|tty)')
    return [line for line in trace.splitlines() if asked.search(line) and not ours.search(line)]
