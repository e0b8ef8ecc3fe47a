"""A run folder from a stranger: no link, pipe or second name leads out of it; a folder that is moved is noticed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from record_cases import FILE, IDENTITY, a_fit, a_plan, a_truth

from shoal.errors import EnvironmentFault, RunFolderBusy, RunFolderError, ShoalError
from shoal.results import RunFiles, RunLock, Store
from shoal.results import _database as database

NAMES = (
    FILE,
    f"{FILE}-wal",
    f"{FILE}-shm",
    "run.lock",
    "study.toml",
    "model.safetensors",
    "report.html",
    "figures",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    with Store.create_or_open(made, IDENTITY) as store:
        store.put_truth(a_truth())
        store.set_plan(*a_plan())
        store.add(a_fit("a0"))
    return made


def standing(*folders: Path) -> dict[str, object]:
    """Every path with its kind, and every file with its bytes and the moment of its last change."""
    found: dict[str, object] = {}
    for path in (path for folder in folders for path in folder.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(state.st_mode) else os.fspath(path)
        found[str(path)] = (stat.S_IFMT(state.st_mode), content, state.st_mtime_ns)
    return found


def put(kind: str, path: Path, outside: Path) -> None:
    """Put something else in the place of a file or folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    target = outside / ("folder" if path.name == "figures" else "file")
    if kind == "a symbolic link":
        path.symlink_to(target)
    elif kind == "a link to nothing":
        path.symlink_to(outside / "missing")
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a file":
        path.write_text("x")
    elif kind == "a second name":
        os.link(outside / "file", path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
@pytest.mark.parametrize(
    "kind",
    ["a symbolic link", "a link to nothing", "a pipe", "a folder", "a file", "a second name", "a device"],
)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_outside_the_folder_is_changed(folder: Path, tmp_path: Path, name: str, kind: str) -> None:
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "file").write_bytes((folder / FILE).read_bytes())
    (outside / "folder" / "10-mine.png").write_text("mine")
    put(kind, folder / name, outside)
    before, inside = standing(outside), standing(folder)

    def opened() -> None:
        with Store.open_readonly(folder) as store:
            store.summaries()

    def locked() -> None:
        with RunLock(folder):
            pass

    def written() -> None:
        with Store.create_or_open(folder, IDENTITY) as store:
            store.add(a_fit("a1"))

    for act in (opened, locked, written):
        said = ""
        try:
            act()
        except (RunFolderError, EnvironmentFault) as error:
            said = str(error)
        assert said.isprintable()
        assert standing(outside) == before
        if act is opened:
            assert standing(folder) == inside
        fits_there = {"a file": name != "figures", "a folder": name == "figures"}
        replaced_whole = kind == "a second name" and name in (
            "study.toml",
            "model.safetensors",
            "report.html",
        )
        read_only = kind == "a second name" and act is opened and name != "figures"
        if not (fits_there.get(kind, False) or replaced_whole or read_only):
            assert "expected" in said, (name, kind, act.__name__)


def test_the_sentence_names_what_was_found(folder: Path, tmp_path: Path) -> None:
    (folder / "run.lock").symlink_to(tmp_path / "other")
    with pytest.raises(RunFolderError) as caught, RunLock(folder):
        pass
    what = "expected a file of this run folder, found a symbolic link; move it away"
    assert str(caught.value) == f"{folder / 'run.lock'}: {what}"
    (folder / "run.lock").unlink()
    os.link(folder / FILE, tmp_path / "second")
    with pytest.raises(RunFolderError) as caught:
        Store.create_or_open(folder, IDENTITY)
    what = "expected a file of this run folder alone, found one with 2 names (hard links); put a copy in its place"
    assert str(caught.value) == f"{folder / FILE}: {what}"
    with Store.open_readonly(folder) as store:  # a backup of hard links can be read
        assert store.known() == {"a0"}


def test_a_run_folder_may_itself_be_reached_by_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(folder)
    with RunLock(tmp_path / "way"), Store.create_or_open(tmp_path / "way", IDENTITY) as store:
        assert store.known() == {"a0"}


# Moved or deleted while it is written


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
def test_a_folder_that_goes_while_it_is_written_is_noticed_at_the_next_commit(folder: Path, how: str) -> None:
    other = folder.with_name("elsewhere")
    with RunLock(folder), Store.create_or_open(folder, IDENTITY) as store:
        store.add(a_fit("a1"))
        if how == "deleted":
            shutil.rmtree(folder)
        else:
            folder.rename(other)
        if how == "replaced":
            shutil.copytree(other, folder)
        for act in (
            lambda: store.add(a_fit("b0")),
            lambda: store.put_checkpoint("b1", {}, {}),
            lambda: store.put_fact("x", 1),
        ):
            with pytest.raises(EnvironmentFault) as caught:
                act()
            what = "was moved or deleted while the run went on, so that nothing more can be kept; put it back"
            assert str(caught.value) == f"{folder / FILE}: {what}, then run the same command again"
    if how != "deleted":
        assert "run.lock" not in os.listdir(other)
        with Store.create_or_open(other, IDENTITY) as store:
            assert store.known() == {"a0", "a1"}


@pytest.mark.parametrize("name", [FILE, f"{FILE}-wal", f"{FILE}-shm"])
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_of_the_store_that_goes_is_noticed_before_more_is_lost(
    folder: Path, name: str, how: str
) -> None:
    with Store.create_or_open(folder, IDENTITY) as store:
        store.add(a_fit("a1"))
        copy = (folder / name).read_bytes()
        (folder / name).unlink()
        if how == "replaced":
            (folder / name).write_bytes(copy)
        with pytest.raises(EnvironmentFault) as caught:
            store.add(a_fit("b0"))
        what = "was moved or deleted while the run went on, so that nothing more can be kept; put it back"
        assert str(caught.value) == f"{folder / name}: {what}, then run the same command again"


def test_files_are_not_written_into_another_folder_that_took_its_place(folder: Path) -> None:
    """Nor is a file of the same bytes deleted there."""
    other = folder.with_name("other")
    with RunLock(folder), Store.create_or_open(folder, IDENTITY) as store:
        files = RunFiles(folder, store)
        files.write("report.html", b"ours")
        folder.rename(other)
        shutil.copytree(other, folder)
        before = standing(folder)
        for act in (lambda: files.remove("report.html"), lambda: files.write("study.toml", b"ours")):
            with pytest.raises(EnvironmentFault, match="was moved or deleted while the run went on"):
                act()
        assert standing(folder) == before


def test_a_link_that_comes_while_the_store_is_opened_is_not_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the place and SQLite's own opening, which goes through links."""
    theirs = tmp_path / "theirs"
    shutil.copytree(folder, theirs)
    before = standing(theirs)
    connect = sqlite3.connect

    def led_away(*arguments: object, **more: object) -> sqlite3.Connection:
        (folder / FILE).rename(tmp_path / "aside")
        (folder / FILE).symlink_to(theirs / FILE)
        monkeypatch.undo()
        return connect(*arguments, **more)  # type: ignore[arg-type]

    for act, sentence in (
        (Store.open_readonly, "expected a file of this run folder, found a symbolic link; move it away"),
        (
            lambda folder: Store.create_or_open(folder, IDENTITY),
            "something else was put in its place while it was opened; run the same command again",
        ),
    ):
        monkeypatch.setattr(database.sqlite3, "connect", led_away)
        with pytest.raises((RunFolderError, RunFolderBusy)) as caught:
            act(folder)
        assert str(caught.value) == f"{folder / FILE}: {sentence}"
        assert standing(theirs) == before
        (tmp_path / "aside").replace(folder / FILE)


# Read without a trace


def test_a_killed_runs_log_is_read_and_left_as_it_is(folder: Path) -> None:
    """With its index, without it, and with one that is no index at all."""
    writer = Store.create_or_open(folder, IDENTITY)
    writer.add(a_fit("a1"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    writer.close()
    for index in (files[f"{FILE}-shm"], None, bytes(32768), b"\xff" * 32768):
        for name, content in {**files, f"{FILE}-shm": index}.items():
            (folder / name).unlink(missing_ok=True)
            if content is not None:
                (folder / name).write_bytes(content)
        before = standing(folder)
        with Store.open_readonly(folder) as store:
            assert store.known() == {"a0", "a1"}
        assert standing(folder) == before
    with Store.create_or_open(folder, IDENTITY) as store:
        assert store.known() == {"a0", "a1"}
    assert os.listdir(folder) == [FILE]


@pytest.mark.parametrize("index", [bytes(32768), b"", None])
def test_a_log_without_a_whole_commit_is_none(folder: Path, index: bytes | None) -> None:
    """SQLite alone would wait ten seconds for it, and then speak of a locking protocol."""
    writer = Store.create_or_open(folder, IDENTITY)
    writer.add(a_fit("a1"))
    whole = (folder / f"{FILE}-wal").read_bytes()
    writer.close()
    for torn in (
        whole[:20],
        whole[:32],
        whole[:2000],
        whole[:32] + bytes(24) + whole[56:],
        bytes(24) + whole[24:],
        whole[:24] + bytes(8) + whole[32:],
        b"x" * 40,
    ):
        (folder / f"{FILE}-wal").write_bytes(torn)
        if index is not None:
            (folder / f"{FILE}-shm").write_bytes(index)
        before = standing(folder)
        with Store.open_readonly(folder) as store:
            assert store.known() == {"a0", "a1"}
        assert standing(folder) == before


def test_a_reader_that_was_there_before_a_run_sees_what_it_adds(folder: Path) -> None:
    with Store.open_readonly(folder) as reader:
        assert reader.known() == {"a0"}
        with Store.create_or_open(folder, IDENTITY) as writer:
            for number in range(300):  # enough that SQLite writes the log into the file
                writer.add(a_fit(f"more {number}"))
            assert len(reader.known()) in (1, 301)
        assert len(reader.known()) == 301


def test_a_store_is_born_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    new = folder.with_name("new")
    with monkeypatch.context() as patched, RunLock(new):
        patched.setattr(os, "replace", failing)
        with pytest.raises(EnvironmentFault):
            Store.create_or_open(new, IDENTITY)
        assert os.listdir(new) == ["run.lock"]
    with RunLock(new), Store.create_or_open(new, IDENTITY):
        assert f"{FILE}-journal" not in os.listdir(new)
    assert (new / FILE).read_bytes()[18:20] == b"\2\2"


# What is not damage


def test_an_old_sqlite_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(database.sqlite3, "sqlite_version", "3.34.1")
    for act in (lambda: Store.open_readonly(folder), lambda: Store.create_or_open(folder, IDENTITY)):
        with pytest.raises(EnvironmentFault) as caught:
            act()
        assert (
            str(caught.value) == "SQLite: expected version 3.37 or newer, Python here has 3.34.1; update it"
        )


_LITTLE_MEMORY = """
import os, sqlite3, sys
from pathlib import Path
import numpy as np
import safetensors.numpy
from record_cases import IDENTITY, a_fit
from shoal.errors import EnvironmentFault
from shoal.results import Store
sqlite3.connect(":memory:").execute(f"PRAGMA hard_heap_limit = {sys.argv[2]}")
done = set()
try:
    with Store.create_or_open(Path(sys.argv[1]), IDENTITY) as store:
        for number in range(20):
            store.add(a_fit(f"b{number}", parameters={"w": np.zeros((200, 100), np.float32)}))
            done.add(f"b{number}")
    with Store.open_readonly(Path(sys.argv[1])) as store:
        store.verify()
        store.summaries()
except EnvironmentFault as error:
    print(error)
print(sorted(done))
"""


def test_too_little_memory_is_no_damage_and_loses_nothing(folder: Path) -> None:
    """SQLite fails at whatever it is doing when its memory is used up; a sound store is never called damaged for it."""
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    failed = 0
    for limit in (20_000, 160_000, 460_000):
        copy = folder.with_name(str(limit))
        shutil.copytree(folder, copy)
        command = [sys.executable, "-c", _LITTLE_MEMORY, str(copy), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        *said, committed = done.stdout.splitlines()
        assert said in ([], [f"{copy / FILE}: out of memory"])
        failed += len(said)
        with Store.create_or_open(copy, IDENTITY) as store:
            assert store.known() >= {"a0", *json.loads(committed.replace("'", '"'))}
    assert failed > 1


@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (sqlite3.SQLITE_IOERR_NOMEM, EnvironmentFault, "out of memory"),
        (sqlite3.SQLITE_NOMEM, EnvironmentFault, "out of memory"),
        (sqlite3.SQLITE_TOOBIG, EnvironmentFault, "one value is too large for SQLite"),
        (sqlite3.SQLITE_NOLFS, EnvironmentFault, "SQLite failed: said"),
        (sqlite3.SQLITE_IOERR_READ, EnvironmentFault, "reading or writing failed (disk I/O error)"),
        (sqlite3.SQLITE_CORRUPT, RunFolderError, "damaged (said); move it away and run the study again"),
    ],
)
def test_only_damage_is_called_so(error: int, kind: type, what: str) -> None:
    told = database._fault(Path("there"), sqlite3.OperationalError("said"), error)
    assert type(told) is kind
    assert str(told) == f"there: {what}"


@pytest.mark.parametrize(
    ("said", "kind", "what"),
    [
        ("unable to serialize 'main'", EnvironmentFault, "out of memory"),
        (
            "Could not decode to UTF-8 column 'key' with text 'x'",
            RunFolderError,
            "damaged (Could not decode to UTF-8 column 'key' with text 'x'); move it away and run the study again",
        ),
    ],
)
def test_errors_of_pythons_own_have_no_code_and_are_told_apart(said: str, kind: type, what: str) -> None:
    with pytest.raises(ShoalError) as caught, database.Database(Path("there"))._translated():
        raise sqlite3.OperationalError(said)
    assert type(caught.value) is kind
    assert str(caught.value) == f"there: {what}"


def test_a_store_in_another_journal_mode_is_said_to_be_so(folder: Path) -> None:
    connection = sqlite3.connect(folder / FILE)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    with pytest.raises(RunFolderError) as caught:
        Store.create_or_open(folder, IDENTITY)
    what = "another program has changed its journal mode to 'delete'; change it back to 'wal'"
    assert str(caught.value) == f"{folder / FILE}: {what}"
    with Store.open_readonly(folder) as store:
        assert store.known() == {"a0"}
