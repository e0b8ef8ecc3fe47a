"""SQLite's requests for memory are refused, in a run and in all that reads it: `starved.py LIBRARY ACT START STEP`.

A process of its own, since SQLite takes its allocator once. It prints how many requests there were, how many were
refused, and how often that ended the act.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import io
import re
import shutil
import sys
from collections.abc import Callable, Collection
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hostile_stores import begun_run
from PIL import Image
from torture_runs import TIMES, believed, telling

import shoal
from dots import end_with_the_model
from shoal.errors import EnvironmentFault, RunFolderError
from shoal.look import results_text, write_report
from shoal.predict import predict_file
from shoal.results import FitRecord, Results, Store
from studies import tiny_study

STUDY = tiny_study(
    network={"hidden": [3]},
    training={"epochs": 2},
    search={"folds": 2, "space": {"network.hidden[0]": [3]}},
    compare=None,
)
"""Three fits."""
FOR_EVER = 2**62
OFTENER = 5
"""Of so many moments one is tried for ever, too."""


class Memory:
    """SQLite's memory: whole, or refused from one request to another."""

    def __init__(self, library: str) -> None:
        self._shim, sqlite = ctypes.CDLL(library), ctypes.CDLL(_sqlite3.__file__)
        config = ctypes.cast(sqlite.sqlite3_config, ctypes.c_void_p)
        codes = sqlite.sqlite3_shutdown(), self._shim.install(config), sqlite.sqlite3_initialize()
        assert codes == (0, 0, 0), codes
        self._shim.counted.restype = ctypes.c_long

    @contextmanager
    def starved(self, first: int, last: int):
        """Refuse the requests from the first to the last, counted from 1."""
        self._shim.starve(ctypes.c_long(first), ctypes.c_long(last))
        try:
            yield
        finally:
            self.requests = self._shim.counted()
            self._shim.starve(ctypes.c_long(0), ctypes.c_long(-1))


def _said(act: Callable[[], object]) -> str:
    """Give the one sentence in which it ended, or nothing."""
    try:
        act()
    except EnvironmentFault as error:
        (problem,) = error.problems
        return problem.what
    return ""


def _writing(
    home: Path, real: Path | None
) -> tuple[Callable[[], None], Callable[[], None], Callable[[], None]]:
    """A run from nothing, or from where one was left: what was committed stays, and the same command goes on."""
    run, add, done = home / "run", Store.add, []

    def logged(store: Store, record: FitRecord, environments: Collection[str] = ()) -> None:
        add(store, record, environments)
        done.append(record.fit_id)

    def ready() -> None:
        done.clear()
        shutil.rmtree(run, ignore_errors=True)
        if real is not None:
            shutil.copytree(real, run)

    def act() -> None:
        with patch.object(Store, "add", logged):
            shoal.run(STUDY, out=run, workers=1)

    ready()
    earlier = set(_fits(run)) if real is not None else set()
    act()
    whole, digest = _fits(run), Results.open(run).digest

    def held() -> None:
        there = _fits(run) if (run / "results.sqlite").exists() else {}
        assert there.keys() >= {*done, *earlier}
        assert all(whole[fit_id] == fit for fit_id, fit in there.items())
        act()
        assert len(done) == len(set(done))
        assert Results.open(run).digest == digest
        assert _fits(run) == whole

    return ready, act, held


def _fits(run: Path) -> dict[str, object]:
    """Give what is believed of every fit."""
    with suppress(RunFolderError):
        return {name: fit for name, fit in believed(run).items() if re.fullmatch("[0-9a-f]{64}", name)}
    with pytest.raises(RunFolderError, match="no results yet"):
        believed(run)
    return {}


def _reading(
    home: Path, act: Callable[[Path], object], kept: Callable[[Path], object]
) -> tuple[Callable[[], None], ...]:
    """Something that reads a finished run: the same answer as ever or none, and what is `kept` of the run stays."""
    run = home / "run"
    shoal.run(STUDY, out=run, workers=1)
    act(run)
    answer, store = act(run), kept(run)
    given: list[object] = []

    def again() -> None:
        given.append(act(run))

    def held() -> None:
        assert not given or given == [answer]
        assert kept(run) == store

    return given.clear, again, held


def _report(run: Path) -> object:
    """Write the report of a run again; the store lists its files anew."""
    write_report(Results.open(run))
    return TIMES.sub(b"", (run / "report.html").read_bytes())


def _store(run: Path) -> bytes:
    return (run / "results.sqlite").read_bytes()


def _show(run: Path) -> object:
    return results_text(Results.open(run))


def _predict(run: Path) -> object:
    rows = run.with_name("rows.csv")
    rows.write_text("input\n0.25\n")
    return predict_file(run, rows).to_csv()


def _acts(home: Path) -> dict[str, Callable[[], tuple[Callable[[], None], ...]]]:
    return {
        "run": lambda: _writing(home, None),
        "resume": lambda: _writing(home, begun_run(STUDY, home / "begun", fits=1)),
        "show": lambda: _reading(home, _show, _store),
        "predict": lambda: _reading(home, _predict, _store),
        "report": lambda: _reading(home, _report, believed),
    }


def main(library: str, name: str, start: int, step: int) -> None:
    """Refuse every `step`-th request of one act, once and for ever."""
    memory = Memory(library)
    dot = io.BytesIO()
    Image.new("RGB", (1, 1)).save(dot, "PNG")  # drawing asks SQLite for nothing, and takes seconds
    drawn = patch("shoal.look._gallery.png", lambda *_: dot.getvalue())
    with TemporaryDirectory() as folder, drawn, pytest.MonkeyPatch.context() as patches:
        end_with_the_model(patches)
        ready, act, held = _acts(Path(folder))[name]()
        ready()
        with memory.starved(0, -1):
            act()
        requests, refused, ended = memory.requests, 0, 0
        for number in range(start, requests + 1, step):
            for last in (number, FOR_EVER) if number // step % OFTENER == 0 else (number,):
                with telling((name, number, last)):
                    ready()
                    with memory.starved(number, last):
                        said = _said(act)
                        assert said in ("", "out of memory"), said
                    assert memory.requests >= number or not said
                    refused += memory.requests >= number
                    ended += bool(said)
                    held()
    print(requests, refused, ended)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
