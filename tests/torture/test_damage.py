"""A run folder that lost its tail or had bits flipped: refused in one line, or read and continued as it was."""

from __future__ import annotations

import shutil
from ast import literal_eval
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from torture_runs import KILL, LONG, SIX, Runner, believed, state, telling

from shoal.errors import ShoalError

Damage = Callable[[bytes], Iterator[tuple[str, bytes]]]
DATABASE, LOG = "results.sqlite", "results.sqlite-wal"


@pytest.fixture(scope="session")
def closed(runner: Runner) -> dict[str, bytes]:
    """The files of a finished run."""
    with TemporaryDirectory() as folder:
        runner.run(SIX, Path(folder))
        return {path.name: path.read_bytes() for path in (Path(folder) / "run").iterdir()}


@pytest.fixture(scope="session")
def killed(runner: Runner) -> dict[str, bytes]:
    """The files of a run that was killed late, so that all stands in the log alone."""
    with TemporaryDirectory() as folder:
        for attempt, late in enumerate(np.arange(0.95, 0.0, -0.05)):
            home = Path(folder) / str(attempt)
            runner.signalled(SIX, home, KILL, late * runner.whole(SIX).seconds)
            files = {path.name: path.read_bytes() for path in (home / "run").iterdir()}
            if len(files.get(LOG, b"")) > 100_000:
                return {name: content for name, content in files.items() if not name.endswith("-shm")}
    raise AssertionError("no run was killed in time")


def cuts(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Every length of the tail (three frames of a log or pages of a file), and each page's edge before it."""
    tail = range(max(0, len(content) - 3 * 4120), len(content))
    edges = range(0, len(content), 4096)
    for size in [*tail, *edges] if LONG else [*tail[:: 1 + len(tail) // 25], *edges[:: 1 + len(edges) // 5]]:
        yield f"cut to {size}", content[:size]


def flips(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Single bits at places that hold something."""
    written = np.flatnonzero(np.frombuffer(content, np.uint8))
    draw = np.random.default_rng(5)
    for place in draw.choice(written, 5000 if LONG else 40):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(draw.integers(8))
        yield f"flip at {place} to {damaged[place]}", bytes(damaged)


@pytest.mark.parametrize("damage", [cuts, flips])
@pytest.mark.parametrize(("made", "name"), [("closed", DATABASE), ("killed", DATABASE), ("killed", LOG)])
def test_damage_is_refused_or_changes_nothing(
    request: pytest.FixtureRequest, runner: Runner, tmp_path: Path, made: str, name: str, damage: Damage
) -> None:
    sound, truth = request.getfixturevalue(made), request.getfixturevalue("truth")
    refused = ran = count = 0
    home = tmp_path / "home"
    for count, (what, content) in enumerate(damage(sound[name]), start=1):
        with telling(what):
            _lay(home / "run", {**sound, name: content})
            refused += not _reads_only(truth, home / "run")
            if count % (50 if LONG else 20) == 0:
                _lay(home / "run", {**sound, name: content})
                ran += _goes_on(runner, home)
    print(f"{made} {name}, {damage.__name__}: {count} cases, {refused} refused; {ran} runs went on")
    assert refused or made == "killed"


def _lay(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture(scope="session")
def truth(closed: dict[str, bytes]) -> dict[str, object]:
    """What a reader takes from the sound run."""
    with TemporaryDirectory() as folder:
        _lay(Path(folder), closed)
        return believed(Path(folder))


def _reads_only(truth: dict[str, object], folder: Path) -> bool:
    """Whether it is read: then each value is the right one; else it was refused in one line."""
    try:
        read = believed(folder)
    except ShoalError as error:
        lines = str(error).splitlines()
    else:
        # A log that was cut ends at an earlier commit, where a fact may have been None yet.
        # and the ledger of looks fewer.
        read = {name: value for name, value in read.items() if value != "None"}
        ledger, whole = (literal_eval(str(facts.pop("looks", "{}"))) for facts in (read, dict(truth)))
        assert all(look in whole["looks"] for look in ledger.pop("looks", ()))
        assert ledger.items() <= whole.items()
        assert read == {name: truth[name] for name in read}
        return True
    assert len(lines) == 1
    return False


def _goes_on(runner: Runner, home: Path) -> bool:
    """The same command goes on to the same bytes, or says in one line what to do."""
    outcome = runner.run(SIX, home)
    if outcome.status == 0:
        assert state(home) == runner.whole(SIX).state
        return True
    line = outcome.err.splitlines()[-1]
    assert outcome.status == 2, outcome
    assert line.startswith("shoal: ")
    assert "move it away" in line or "found another" in line or "newer Shoal" in line, line
    return False
