"""A journal, a log or an index beside a store from a stranger: readers change nothing, writers refuse a journal."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_logs import PAGE, STORE, crafted, journal, log_of
from hostile_stores import Draw, mutated, real_run, refused
from torture_runs import FIRST, LONG, tampering_refused, telling
from watched import Guard, watched

from shoal.errors import RunFolderError
from shoal.look import results_text
from shoal.results import Results, RunLock, Store
from test_kept_files import ASSETS

KEPT = ASSETS / "0.1.0" / "run"


def standing(*folders: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes and the moment of its last change."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


@pytest.fixture
def laid(tmp_path: Path) -> tuple[Path, Path]:
    """A run folder, and a file of the user's elsewhere."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "precious.txt").write_text("mine\n")
    return Path(shutil.copytree(KEPT, tmp_path / "run")), home / "precious.txt"


def test_the_attack_works_on_sqlite_alone(laid: tuple[Path, Path]) -> None:
    """What is held against is real: SQLite opened in the usual way deletes the file of somebody else."""
    import sqlite3
    from contextlib import closing

    folder, victim = laid
    pages = (folder / STORE).stat().st_size // PAGE
    (folder / f"{STORE}-journal").write_bytes(journal(victim, pages))
    with closing(sqlite3.connect(folder / STORE)) as connection:
        connection.execute("SELECT count(*) FROM fits").fetchall()
    assert not victim.exists()


def test_a_journal_beside_a_store_is_refused_by_all_and_nothing_is_deleted(laid: tuple[Path, Path]) -> None:
    folder, victim = laid
    name = folder / f"{STORE}-journal"
    name.write_bytes(journal(victim, (folder / STORE).stat().st_size // PAGE))
    before = standing(folder, victim.parent)
    what = (
        "expected no such file, found one: Shoal never writes it, and what it asks for is not done; delete it"
    )
    for act in (
        lambda: Results.open(folder),
        lambda: Store.open_readonly(folder),
        lambda: Store.create_or_open(folder, None),
        lambda: RunLock(folder).__enter__(),
    ):
        with pytest.raises(RunFolderError) as caught:
            act()
        assert str(caught.value) == f"{name}: {what}"
    assert standing(folder, victim.parent) == before


def test_crafted_journals_logs_and_indexes(laid: tuple[Path, Path]) -> None:
    """Whatever was laid there, no file in the folder or beside it is another afterwards; one line, or the tables."""
    folder, victim = laid
    store = (folder / STORE).read_bytes()
    count, held = 8_000 if LONG else 60, 0
    for number in range(FIRST, FIRST + count):
        for end in ("-journal", "-wal", "-shm"):
            (folder / f"{STORE}{end}").unlink(missing_ok=True)
        for end, content in crafted(store, victim, random.Random(number)).items():  # noqa: S311
            (folder / f"{STORE}{end}").write_bytes(content)
        before = standing(folder, victim.parent)
        with telling(number), Guard(victim) as guard, watched(folder) as watch:
            held += refused(lambda: results_text(Results.open(folder)))
            assert not watch.outside
            assert not guard.seen()
        assert standing(folder, victim.parent) == before, number
    print(f"{count} crafted, {held} refused")
    assert 0.3 * count < held < 0.95 * count


def test_logs_that_hold_mutated_stores(tmp_path: Path) -> None:
    """A sound store, and beside it a log with right checksums that changes values and their seals."""
    (tmp_path / "home").mkdir()
    victim = tmp_path / "home" / "precious.txt"
    victim.write_text("mine\n")
    real, folder = real_run("begun", tmp_path / "real"), tmp_path / "run"
    shutil.copytree(real, folder)
    store, count, held = (real / STORE).read_bytes(), 2_000 if LONG else 8, 0
    results_text(Results.open(real))
    for number in range(FIRST, FIRST + count):
        what = mutated(real, tmp_path / "other", Draw(number, victim))
        (folder / f"{STORE}-wal").write_bytes(log_of(store, (tmp_path / "other" / STORE).read_bytes()))
        if number % 2:
            (folder / f"{STORE}-shm").write_bytes(bytes(32768))
        before = standing(folder)
        with telling((number, what)), Guard(victim) as guard, watched(folder, tmp_path / "other") as watch:
            refusals = [
                refused(lambda at=at: results_text(Results.open(at))) for at in (folder, tmp_path / "other")
            ]
            assert refusals[0] == refusals[1]
            held += refusals[0]
            assert not watch.outside
            assert not guard.seen()
        assert standing(folder) == before, (number, what)
        (folder / f"{STORE}-shm").unlink(missing_ok=True)
    print(f"{count} logs that change a store, {held} refused")
    assert 0.1 * count < held < count


@pytest.mark.skipif(bool(tampering_refused()), reason=tampering_refused())
@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_reader_asks_the_system_for_no_write(laid: tuple[Path, Path], tmp_path: Path, end: str) -> None:
    """Watched from outside: nothing under the run folder is opened to write, made, renamed or deleted by `show`."""
    folder, victim = laid
    if end:
        pages = (folder / STORE).stat().st_size // PAGE
        left = {"-wal": b"", "-shm": bytes(32768)} if end == "-shm" else {"-wal": journal(victim, pages)}
        for name, content in left.items():
            (folder / f"{STORE}{name}").write_bytes(content)
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-e", "trace=%file,ftruncate,pwrite64", "-o", str(trace)]
    command += [sys.executable, "-m", "shoal", "show", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(sys.modules["shoal"].__file__ or "").parent.parent)}
    subprocess.run(command, capture_output=True, check=False, env=environment)
    said = [
        line for line in trace.read_text().splitlines() if str(folder) in line or str(victim.parent) in line
    ]
    assert len(said) > 5
    changing = ("unlink", "rename", "truncate", "mkdir", "link(", "symlink", "chmod", "O_CREAT", "O_TRUNC")
    asked = [line for line in said if any(one in line for one in changing)]
    # SQLite opens a log that is there with the right to write, and does not use it.
    assert not [line for line in asked if not ("-wal" in line and "O_CREAT" in line)], asked
    assert standing(folder).keys() >= {str(folder / STORE)}
