"""Links, pipes and second names in the places of a run folder's files: no command is led out of the folder.

Before a command begins, just before it asks for a file (see `placements.py`), or at a moment of its run drawn by
chance. What lies outside is a person's: another run folder among it, every file the twin of one that the command uses.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from placements import FILES, FOLDERS, KINDS, STORE, Watch, make, put_in_place, standing
from torture_runs import KILL, LONG, SIX, Outcome, Runner, tampering_refused, telling, trained

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watched by inotify")

COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run", "HOME/study.toml", "--out", "RUN", "--workers", "1"),
    "run and draw": ("run", "HOME/study.toml", "--out", "RUN", "--workers", "1"),
    "more": ("run", "HOME/study.toml", "--out", "RUN", "--workers", "1", "--set", "training.epochs=241"),
    "check": ("check", "HOME/study.toml", "--out", "RUN"),
    "show": ("show", "RUN"),
    "report": ("report", "RUN"),
    "predict": ("predict", "RUN", "HOME/rows.csv", "--out", "HOME/p.csv"),
    "export": ("export", "RUN", "--format", "torch", "--out", "HOME/m.safetensors"),
}
LIKELY = (0.2, 0.05, 0.15, 0.12, 0.14, 0.08, 0.14, 0.12)
"""How often each is drawn: pictures take long."""
DRAWING = ("run and draw", "show", "report")
WRITING = ("run", "run and draw", "more", "report")
MAKING = ("run", "run and draw", "more", "check")
STATES = ("finished", "finished", "finished", "stopped", "stopped", "older", "empty")
MOMENTS = ("before", "asked", "running")
FIGURES = ("10-test-scores.png", "11-validation-loss.png", "24-search-curves.png", "30-delivered-fit.png")
PLACES = (*FILES, *FOLDERS, "figures/one", "figures/two", f"figures/.shoal-{'1' * 32}.tmp")


@dataclass
class Homes:
    """Folders to copy: a study, its rows, a run folder in some state, and what is not to be touched outside."""

    runner: Runner
    root: Path
    undisturbed: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def prepare(self) -> Homes:
        """Make each state once."""
        home = self.root / "finished"
        assert self.run("run and draw" if LONG else "run", home).status == 0
        (home / "rows.csv").write_text("input\n0.1\n0.7\n")
        self._people(home)
        shutil.copytree(home, self.root / "older", symlinks=True)
        with closing(sqlite3.connect(self.root / "older" / "run" / STORE)) as connection, connection:
            connection.execute("DELETE FROM facts WHERE key = 'files listed'")
        shutil.copytree(home, self.root / "empty", symlinks=True)
        shutil.rmtree(self.root / "empty" / "run")
        (self.root / "empty" / "run").mkdir()
        shutil.copytree(self.root / "empty", self.root / "stopped", symlinks=True)
        left = self.root / "stopped" / "run"
        (left.parent / "log").unlink()
        process = self.runner.start(SIX, left.parent)
        while len(trained(left.parent)) < 3:
            os.kill(process, 0)  # which says so, where it has ended by itself
            time.sleep(0.001)
        os.kill(process, KILL)
        assert self.runner.wait().status == -KILL
        assert {f"{STORE}-wal", "run.lock"} <= set(os.listdir(left))
        return self

    def _people(self, home: Path) -> None:
        outside = home / "outside"
        shutil.copytree(home / "run", outside / "twin")
        for name in FILES:
            if not (outside / "twin" / name).exists():
                (outside / "twin" / name).write_bytes(b"theirs " * 20)
        (outside / "twin" / f"{STORE}-journal").rename(outside / "journal")  # it would be no run folder
        (outside / "precious.txt").write_text("precious\n")

    def request(self, command: str, home: Path) -> dict[str, Any]:
        named = {"RUN": str(home / "run"), "HOME": str(home)}
        arguments = [re.sub("^(RUN|HOME)", lambda one: named[one[0]], word) for word in COMMANDS[command]]
        return {**SIX.request(home), "pictures": command in DRAWING, "arguments": arguments}

    def run(self, command: str, home: Path) -> Outcome:
        home.mkdir(exist_ok=True)
        self.runner.ask(self.request(command, home), home)
        return self.runner.wait()

    def whole(self, command: str, state: str) -> tuple[int, float]:
        """How often a command asks for a file of the folder, and how many seconds it takes, undisturbed."""
        if (command, state) not in self.undisturbed:
            home = self.root / "undisturbed"
            shutil.copytree(self.root / state, home, symlinks=True)
            swap = {"ready": str(home / "ready"), "place": "", "before": 0, "asked": str(home / "asked")}
            self.runner.ask({**self.request(command, home), "swap": swap}, home)
            outcome = self.runner.wait()
            assert outcome.status == 0 or not (state in ("finished", "older") or command in MAKING), outcome
            self.undisturbed[command, state] = (home / "asked").stat().st_size, outcome.seconds
            shutil.rmtree(home)
        return self.undisturbed[command, state]


@pytest.fixture(scope="module")
def homes(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes(runner, tmp_path_factory.mktemp("homes")).prepare()


@dataclass(frozen=True)
class Placement:
    """What is put where and when, and which command meets it."""

    name: str
    kind: str
    moment: str
    command: str
    state: str
    draw: float
    traced: bool

    @classmethod
    def drawn(cls, number: int) -> Placement:
        """Give the placement of a number: each place, kind and moment in turn, the rest by chance."""
        number, moment = divmod(number, len(MOMENTS))
        again, kind = divmod(number, len(KINDS))
        random = np.random.default_rng((number, moment))
        name = PLACES[again % len(PLACES)]
        if name in ("figures/one", "figures/two"):
            name = f"figures/{random.choice(FIGURES)}"
        command, state = str(random.choice(list(COMMANDS), p=LIKELY)), str(random.choice(STATES))
        if name == STORE and KINDS[kind] in ("a pipe", "a link to a pipe"):
            moment = 0  # SQLite itself waits for a pipe that comes between our look and its opening
        if name == "." and moment == 0:
            moment = 1  # before, it is just another folder that is named
        draw, traced = float(random.uniform()), bool(random.uniform() < 0.2)
        return cls(
            name, KINDS[kind], MOMENTS[moment], command, state, draw, traced and not tampering_refused()
        )


EVERY = len(PLACES) * len(KINDS) * len(MOMENTS)


def test_no_command_is_led_out_of_the_folder(homes: Homes, tmp_path: Path) -> None:
    ends: Counter[str] = Counter()
    drawn = [(number, Placement.drawn(number)) for number in range(2 * EVERY)]
    if not LONG:
        drawn = [one for one in drawn if one[1].command not in ("run and draw", "report")][::157]
    for number, placement in drawn:
        home = tmp_path / str(number)
        with telling((number, placement)):
            ends[_placed(homes, placement, home)] += 1
        shutil.rmtree(home)
    print(f"{len(drawn)} placements: {dict(ends)}")


def _placed(homes: Homes, placement: Placement, home: Path) -> str:
    """Do it, and hold that nothing outside was opened, changed or deleted. Give how it ended."""
    asked, seconds = homes.whole(placement.command, placement.state)
    shutil.copytree(homes.root / placement.state, home, symlinks=True)
    people, ready, place = home / "outside", home / "ready", home / "run" / placement.name
    os.mkfifo(people / "pipe")
    place.parent.mkdir(exist_ok=True)
    make(placement.kind, ready, placement.name, home)
    request = homes.request(placement.command, home)
    if placement.moment == "before":
        put_in_place(str(ready), str(place))
    if placement.moment == "asked":
        before = 1 + int(placement.draw * asked)
        request["swap"] = {
            "ready": str(ready),
            "place": str(place),
            "before": before,
            "asked": str(home / "asked"),
        }
    theirs, ours = standing(people), standing(home / "run")
    watch = Watch(people)
    try:
        if placement.traced and placement.moment != "running":
            outcome = homes.runner.traced(request, home, "-y", "-e", "trace=%file,ftruncate")
        else:
            homes.runner.ask(request, home)
            if placement.moment == "running":
                time.sleep(placement.draw * seconds)
                put_in_place(str(ready), str(place))
            outcome = homes.runner.wait()
        heard = watch.heard()
    finally:
        watch.close()
    _assert_told(placement, outcome)
    if placement.name == ".":  # a folder is named by whoever gives the command, and may be a link
        assert placement.command in WRITING or standing(people) == theirs
        if (
            aside := home / "ready-aside"
        ).exists():  # whichever folder was taken up, the other was not touched
            assert theirs == standing(people) or _but_lock(ours) == _but_lock(standing(aside))
        return f"{placement.moment}: {outcome.status}"
    assert standing(people) == theirs
    if placement.name == STORE and placement.moment != "before" and heard:
        # SQLite opens it by its path and reads its head, before anybody can look where that led.
        assert outcome.status
        assert {one.rpartition("/")[2] for one in heard} <= {STORE, "precious.txt"}, heard
        assert {one.partition(" ")[0] for one in heard} <= {"opened", "read", "closed"}, heard
        return f"{placement.moment}: {outcome.status}, its head read"
    assert not heard, (heard, outcome)
    if placement.traced and placement.moment != "running":
        _assert_not_traced(home)
    return f"{placement.moment}: {outcome.status}"


def _assert_told(placement: Placement, outcome: Outcome) -> None:
    said = outcome.err.splitlines()
    assert outcome.status in (0, 2, 3, 4), outcome
    assert outcome.seconds < 60
    assert "Traceback" not in outcome.err
    assert "Warning" not in outcome.err
    assert all(line.isprintable() for line in said), outcome
    if outcome.status:
        assert said[-1].startswith(("shoal: ", "missing: ")), outcome
        if placement.command not in WRITING:
            assert len(said) == 1, outcome


def _but_lock(files: dict[str, object]) -> dict[str, object]:
    return {name: what for name, what in files.items() if name != "run.lock"}


def _assert_not_traced(home: Path) -> None:
    """No file outside was opened, or changed by its name, as the system calls tell."""
    outside = str(home / "outside")
    trace = home.with_suffix(".trace")
    for line in trace.read_text().splitlines():
        call, _, came = line.rpartition(" = ")
        assert not (re.match(r"\d+<", came) and outside in came), line
        assert not (re.search(r"(unlink|rename|truncate|chmod|mkdir)\w*\(", call) and outside in call), line
    trace.unlink()
