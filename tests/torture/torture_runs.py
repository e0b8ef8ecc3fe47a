"""What the campaigns share: two studies, a run in a process that can be killed, and what must hold afterwards.

A campaign's case is a number: it stands in the test's id or in the message of its failure, and draws all that
is random in it, so that it can be run again alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from shoal.errors import RunFolderError
from shoal.results import FitRecord, Results, Store

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
FIRST = int(os.environ.get("SHOAL_FIRST_CASE", "0"))
"""The number of the first case: another one draws a campaign that was not run before."""
QUICK = str(Path(__file__).with_name("quick.py"))
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
STOPPED = "shoal: stopped; what is finished is kept, and the same command goes on from here"

_STUDY = """
[study]
name = "torture"
task = "regression"
[data]
dataset = "two-peaks"
[network]
hidden = [6]
[training]
epochs = {epochs}
batch_size = 20
optimizer = "adam"
lr = 0.01
[search]
folds = 2
[search.space]
"network.hidden[0]" = {sizes}
"""


@dataclass(frozen=True)
class Case:
    """A study, and how it is run: `slice_seconds` is how often a worker looks up, and `within` an epoch, too."""

    name: str
    epochs: int
    sizes: tuple[int, ...]
    workers: int
    slice_seconds: float
    pictures: bool = False
    trainer: str = "native"
    within: bool = False

    def request(self, home: Path) -> dict[str, Any]:
        """What `quick.py` is told to run the study in `home`, which is made ready for it."""
        home.mkdir(parents=True, exist_ok=True)
        text = _STUDY.format(epochs=self.epochs, sizes=list(self.sizes))
        (home / "study.toml").write_text(text, encoding="utf-8")
        command = ["run", str(home / "study.toml"), "--out", str(home / "run")]
        arguments = [*command, "--workers", str(self.workers), "--trainer", self.trainer]
        how = {"slice": self.slice_seconds, "within": self.within, "pictures": self.pictures}
        how |= {"left_out": [] if LONG else ["ask_simple_models", "drift_of_rows"]}
        return {**how, "log": str(home / "log"), "arguments": arguments}


SIX = Case("six", 240, (4, 6), 1, 0.0)
"""Six fits (four in the search, two of the winner), two checkpoints each, always the same system calls."""
DRAWN = Case("drawn", 240, (4, 6), 1, 0.0, pictures=True)
"""The same as the whole command does it."""
LONGER = Case("longer", 3000 if LONG else 1000, (3, 4, 5, 6, 7), 2, 0.02, within=True)
"""Twelve fits on two workers, with a checkpoint every 10 ms, anywhere in an epoch: most of its moments are training."""
CHILDREN = Case("children", 200, (4, 6), 2, 0.02, trainer="torch")
"""Six fits on worker processes."""


# Running


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its exit status (minus a signal's number), what it said, and its time."""

    status: int
    out: str
    err: str
    seconds: float
    after_signal: float = 0.0


class Runner:
    """Runs cases one at a time, each in a fork of one prepared process; a context manager."""

    def __enter__(self) -> Runner:
        self._whole: dict[Case, Whole] = {}
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._server = subprocess.Popen([sys.executable, QUICK], env=ENVIRONMENT, **pipes)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def start(self, case: Case, home: Path, held: bool = False, clean: bool = False) -> int:
        """Begin, or stop just before when `held`; end as Python does when `clean`. Give the process id."""
        return self.ask({**case.request(home), "clean": clean}, home, held)

    def ask(self, request: dict[str, Any], home: Path, held: bool = False) -> int:
        """Begin what a request says; see `start` and `quick.py`."""
        self._said = [home / f"{name}-{self._server.pid}" for name in ("out", "err")]
        for path in self._said:
            path.write_text("")  # it may be killed before it opens them itself
        request = {"clean": False, **request, "held": held}
        request.update(zip(("out", "err"), map(str, self._said), strict=True))
        self._begun = time.monotonic()
        print(json.dumps(request), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())

    def wait(self, signalled: float = 0.0) -> Outcome:
        """Wait for the end; `signalled` is the moment of a signal."""
        status, now = int(self._server.stdout.readline()), time.monotonic()
        out, err = (path.read_text() for path in self._said)
        return Outcome(status, out, err, now - self._begun, now - signalled)

    def run(self, case: Case, home: Path) -> Outcome:
        """Run to the end."""
        self.start(case, home)
        return self.wait()

    def signalled(self, case: Case, home: Path, number: int, after: float) -> Outcome:
        """Run, and send a signal after some seconds; where that ends it, Python's own end is included."""
        process = self.start(case, home, clean=True)
        time.sleep(after)
        with suppress(ProcessLookupError):
            os.kill(process, number)
        return self.wait(time.monotonic())

    def tampered(self, case: Case, home: Path, *options: str) -> Outcome:
        """Run under strace, which tampers with system calls as the options say, and writes `home`.trace."""
        return self.traced(case.request(home), home, *options)

    def traced(self, request: dict[str, Any], home: Path, *options: str) -> Outcome:
        """Do what a request says under strace; see `tampered`."""
        process = self.ask(request, home, held=True)
        with _strace(process, "-o", str(home.with_suffix(".trace")), *options) as tracer:
            tracer.stderr.readline()
            os.kill(process, signal.SIGCONT)
            return self.wait()

    def whole(self, case: Case) -> Whole:
        """Run a case undisturbed, once; the time is that of a second run, which finds all things warm."""
        if case not in self._whole:
            with TemporaryDirectory() as folder:
                homes = [Path(folder) / name for name in ("first", "second")]
                seconds = [finished(self.run(case, home)).seconds for home in homes]
                found = state(homes[0])
                assert found == state(homes[1])
                assert found.checkpoints == 0
                self._whole[case] = Whole(found, seconds[1], _records(homes[0] / "run"))
        return self._whole[case]

    def moment(self, case: Case, seed: int) -> float:
        """A moment of the run in seconds, drawn by `seed`."""
        return float(np.random.default_rng(seed).uniform(0.0, self.whole(case).seconds))


def _strace(process: int, *options: str) -> subprocess.Popen[str]:
    """Trace a process; the first line on standard error says whether that may be."""
    command = ["strace", "-f", *options, "-p", str(process)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@cache
def tampering_refused() -> str:
    """Why strace cannot tamper here, or nothing."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    sleeper = subprocess.Popen(["sleep", "60"])
    with sleeper, _strace(sleeper.pid, "-o", os.devnull, "-e", "inject=fsync:error=EIO") as tracer:
        said = tracer.stderr.readline()
        sleeper.kill()
    return "" if "attached" in said else f"strace may not trace here: {said.strip()}"


WRITES = (
    "write", "writev", "pwrite64", "pwritev", "pwritev2", "fsync", "fdatasync", "sync_file_range", "fallocate",
    "ftruncate", "truncate", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "link",
    "linkat", "sendfile", "copy_file_range", "msync",
)  # fmt: skip


def writes_of(runner: Runner, case: Case, home: Path) -> list[tuple[str, int]]:
    """Every write-class system call of an undisturbed run: its name and its number among those of the name."""
    finished(runner.tampered(case, home, "-e", "trace=" + ",".join(WRITES)))
    counts: Counter[tuple[str, str]] = Counter()
    every: dict[tuple[str, int], None] = {}
    for line in home.with_suffix(".trace").read_text().splitlines():
        thread, _, call = line.partition(" ")
        name = call.strip().partition("(")[0]
        if name in WRITES:
            counts[thread, name] += 1  # strace counts for each thread too
            every[name, counts[thread, name]] = None
    return list(every)


# What must hold


@dataclass(frozen=True)
class State:
    """All that a run folder must be in the end, whatever happened on the way."""

    digest: str
    files: frozenset[tuple[str, str]]
    fits: int
    checkpoints: int


def state(home: Path) -> State:
    """Read a finished run: through Shoal, and with SQLite alone."""
    folder = home / "run"
    results = Results.open(folder)
    with closing(sqlite3.connect(folder / "results.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        fits, checkpoints = (
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("fits", "checkpoints")
        )
    assert results.unfinished == 0
    return State(results.digest, contents(folder), fits, checkpoints)


TIMES = re.compile(rb"\d+(\.\d)? s\b|\d+ min \d+ s\b|\d+ h \d+ min\b|\d{4}-\d\d-\d\d")
"""Times as the report prints them: the day, and how long the computing took."""


def contents(folder: Path) -> frozenset[tuple[str, str]]:
    """Every file by name, all but the store with its SHA-256, the report without the times it tells."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    read = {path: path.read_bytes() for path in paths}
    read = {path: TIMES.sub(b"", text) if path.suffix == ".html" else text for path, text in read.items()}
    sums = {path: hashlib.sha256(text).hexdigest() for path, text in read.items()}
    return frozenset(
        (str(path.relative_to(folder)), sums[path] * (path.suffix != ".sqlite")) for path in paths
    )


@dataclass(frozen=True)
class Whole:
    """An undisturbed run: its end, its time, its fits."""

    state: State
    seconds: float
    records: dict[str, FitRecord]


def finished(outcome: Outcome) -> Outcome:
    assert outcome.status == 0, outcome
    return outcome


def believed(folder: Path) -> dict[str, object]:
    """All that a reader takes from a store, by name; what is timed or of the machine is read and left out."""
    with Store.open_readonly(folder) as store:
        store.verify()
        rows = store._database.rows
        fits = {fit_id: _plain(store.record(fit_id)) for fit_id in store.known()}
        arrays = {key: _bytes(store.arrays(*key)) for key in rows("SELECT fit_id, part FROM arrays")}
        facts = {key: repr(store.fact(key)) for (key,) in rows("SELECT key FROM facts")}
        facts.pop("environment", None)
        truth = store.truth()
        held = sorted((place, numbers.tobytes()) for place, numbers in truth.validation_rows.items())
        for entry in store.plan():
            store.checkpoint(entry.fit_id)
        store.candidate_rows()
        standing = {"truth": (truth.x_ND.tobytes(), truth.y.tobytes(), truth.train_rows, held)}
        return {**fits, **{str(key): value for key, value in arrays.items()}, **facts, **standing}


def _records(folder: Path) -> dict[str, FitRecord]:
    with Store.open_readonly(folder) as store:
        store.verify()
        return {fit_id: store.record(fit_id) for fit_id in store.known()}


def same(one: FitRecord, other: FitRecord) -> bool:
    """Equal in every byte but the time."""
    return _plain(one) == _plain(other)


def _plain(record: FitRecord) -> Any:
    arrays = [_bytes(part) for part in (record.curves, record.parameters, record.predictions)]
    return arrays, record.fit_id, record.status, record.epochs, record.kept_epoch, repr(record.scores)


def assert_kept(runner: Runner, case: Case, home: Path) -> None:
    """Nothing that was committed is lost, nothing in the store is another value than it should be.

    It looks at a copy: opening a store mends it, and the run that goes on is to do that itself.
    """
    logged = trained(home)
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / "run"
        if (home / "run").exists():
            shutil.copytree(home / "run", copy)
        try:
            records, refusal = _records(copy), ""
        except RunFolderError as error:
            records, refusal = {}, str(error)
    assert re.search("^$|expected a run folder|no results yet", refusal), refusal
    assert set(logged) <= records.keys()
    assert all(same(record, runner.whole(case).records[name]) for name, record in records.items())


def _bytes(arrays: dict[str, np.ndarray]) -> Any:
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}


def trained(home: Path) -> list[str]:
    """The ids of fits in the order in which they were committed, by all runs in `home`."""
    log = home / "log"
    return log.read_text().split() if log.exists() else []


def assert_goes_on(runner: Runner, case: Case, home: Path) -> None:
    """The same command ends in the same bytes, and no fit was committed twice on the way."""
    finished(runner.run(case, home))
    assert state(home) == runner.whole(case).state
    logged = trained(home)
    assert len(logged) == len(set(logged))


@contextmanager
def telling(number: object) -> Iterator[None]:
    """Name the case in which something fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"case {number}")
        raise


KILL = signal.SIGKILL
