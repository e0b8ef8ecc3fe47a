"""The files of a run folder: ours are replaced and deleted, everybody else's stay as they are."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_cases import IDENTITY, sql

from shoal.errors import InputError, RunFolderBusy, RunFolderError
from shoal.results import RunFiles, RunLock, Store, run_files
from shoal.results._folder import refuse_foreign

NAMES = ("study.toml", "model.safetensors", "report.html", "figures/10-a.png", "figures/20-b.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run folder that holds a store alone."""
    Store.create_or_open(tmp_path / "run", IDENTITY).close()
    return tmp_path / "run"


def files_of(folder: Path) -> dict[str, bytes]:
    """All but the store."""
    paths = (
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("results.sqlite")
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def refusal(folder: Path, name: str) -> str:
    with run_files(folder) as files, pytest.raises(InputError) as caught:
        files.write(name, b"ours")
    return str(caught.value).replace(str(folder), "RUN")


def test_what_is_ours_is_replaced(folder: Path) -> None:
    for content in (b"one", b"two"):
        with run_files(folder) as files:
            for name in NAMES:
                files.write(name, content)
        assert files_of(folder) == dict.fromkeys(NAMES, content)


def test_what_somebody_laid_there_or_changed_is_named_and_stays(folder: Path) -> None:
    (folder / "report.html").write_bytes(b"theirs")
    (folder / "figures").mkdir()
    (folder / "figures" / "10-a.png").symlink_to(folder / "report.html")
    os.mkfifo(folder / "figures" / "20-b.png")
    with run_files(folder) as files:
        files.write("study.toml", b"ours")
    (folder / "study.toml").write_bytes(b"ours, changed")
    what = "expected no such file, or it as Shoal wrote it, found another; move it away"
    for name in ("report.html", "study.toml"):
        assert refusal(folder, name) == f"RUN/{name}: {what}"
    for name in ("figures/10-a.png", "figures/20-b.png"):
        assert refusal(folder, name) == f"RUN/{name}: {what}"
    assert (folder / "report.html").read_bytes() == b"theirs"
    assert (folder / "study.toml").read_bytes() == b"ours, changed"


def test_a_folder_of_pictures_that_is_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "10-a.png").write_bytes(b"theirs")
    (folder / "figures").symlink_to(theirs)
    with (
        pytest.raises(
            RunFolderError, match=r"figures: expected a folder of this run folder, found a symbolic link"
        ),
        run_files(folder),
    ):
        pass
    (folder / "figures").unlink()
    with run_files(folder) as files:
        (folder / "figures").symlink_to(theirs)
        with pytest.raises(RunFolderError, match="figures"):
            files.write("figures/10-a.png", b"ours")
        files.keep_only("figures", ())
    assert files_of(theirs) == {"10-a.png": b"theirs"}


def test_only_our_old_pictures_are_deleted(folder: Path) -> None:
    with run_files(folder) as files:
        for name in NAMES:
            files.write(name, b"ours")
        (folder / "figures" / "30-holiday.png").write_bytes(b"theirs")
        (folder / "figures" / "20-b.png").write_bytes(b"ours, changed")
        files.keep_only("figures", [])
    assert files_of(folder).keys() == {*NAMES[:3], "figures/30-holiday.png", "figures/20-b.png"}
    with Store.open_readonly(folder) as store:
        assert store.files().keys() == set(NAMES[:3])


@pytest.mark.parametrize("stopped", ["before", "after"])
def test_a_writer_killed_between_the_list_and_the_place_goes_on(folder: Path, stopped: str) -> None:
    old, new = (hashlib.sha256(content).hexdigest() for content in (b"old", b"new"))
    with run_files(folder) as files:
        files.write("report.html", b"old")
    with Store.reopen(folder) as store:
        store.put_file("report.html", new, old)
    if stopped == "after":
        (folder / "report.html").write_bytes(b"new")
    with run_files(folder) as files:
        files.write("report.html", b"newer")
    assert files_of(folder) == {"report.html": b"newer"}
    with Store.open_readonly(folder) as store:
        assert len(store.files()["report.html"]) == 2


def test_an_older_folder_is_taken_over_by_the_names_that_were_ours(folder: Path) -> None:
    for name in (*NAMES, "figures/notes.txt", "figures/99-Photo.png", "mine.toml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"there")
    sql(folder, "DELETE FROM facts WHERE key = 'files listed'")
    with run_files(folder) as files:
        files.keep_only("figures", ["figures/10-a.png"])
        files.write("report.html", b"new")
    assert files_of(folder).keys() == {
        *NAMES[:4], "figures/notes.txt", "figures/99-Photo.png", "mine.toml",
    }  # fmt: skip
    with Store.open_readonly(folder) as store:
        assert store.lists_files


def test_an_older_folder_with_links_among_its_pictures_is_taken_over_without_them(folder: Path) -> None:
    (folder / "figures").mkdir()
    (folder / "figures" / "10-a.png").symlink_to(folder / "results.sqlite")
    (folder / "figures" / "20-b.png").write_bytes(b"there")
    sql(folder, "DELETE FROM facts WHERE key = 'files listed'")
    with run_files(folder) as files:
        files.keep_only("figures", [])
    assert os.listdir(folder / "figures") == ["10-a.png"]


def test_while_a_run_holds_the_folder_no_file_is_written(folder: Path) -> None:
    with RunLock(folder), pytest.raises(RunFolderBusy), run_files(folder):
        pass


def test_a_folder_without_results_is_no_run_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(
            RunFolderError, match=r"expected a run folder \(with results.sqlite in it\), found none"
        ),
        run_files(tmp_path / "none"),
    ):
        pass


class TestForeignFolders:
    @pytest.mark.parametrize(
        "names", [["study.toml"], ["a"], [".hidden"], [*"abcde"], ["figures/", "report.html"]]
    )
    def test_a_folder_with_something_in_it_is_refused_before_anything_is_written(
        self, tmp_path: Path, names: list[str]
    ) -> None:
        for name in names:
            if name.endswith("/"):
                (tmp_path / name).mkdir()
            else:
                (tmp_path / name).write_bytes(b"theirs")
        before = sorted(os.listdir(tmp_path))
        shown = "a, b, c and 2 more" if len(names) == 5 else ", ".join(before)
        what = f"expected an empty folder or a run folder, found one with other files ({shown})"
        for work in (lambda: refuse_foreign(tmp_path), lambda: RunLock(tmp_path).__enter__()):
            with pytest.raises(RunFolderError) as caught:
                work()
            assert str(caught.value) == f"{tmp_path}: {what}; choose another folder"
        assert sorted(os.listdir(tmp_path)) == before

    def test_an_empty_store_makes_no_run_folder_of_what_is_theirs(self, tmp_path: Path) -> None:
        (tmp_path / "results.sqlite").touch()
        (tmp_path / "notes.txt").write_bytes(b"theirs")
        with pytest.raises(RunFolderError, match=r"found one with other files \(notes.txt\)"):
            RunLock(tmp_path).__enter__()
        assert sorted(os.listdir(tmp_path)) == ["notes.txt", "results.sqlite"]
        assert (tmp_path / "results.sqlite").stat().st_size == 0

    @pytest.mark.parametrize(
        "name", ["", "results.sqlite", ".DS_Store", "run.lock", f".shoal-{'0' * 32}.tmp"]
    )
    def test_an_empty_folder_is_taken(self, tmp_path: Path, name: str) -> None:
        if name:
            (tmp_path / name).touch()
        refuse_foreign(tmp_path)
        with RunLock(tmp_path):
            Store.create_or_open(tmp_path, IDENTITY).close()
        refuse_foreign(tmp_path)
        (tmp_path / "theirs").touch()
        refuse_foreign(tmp_path)
        assert (tmp_path / ".DS_Store").exists() == (name == ".DS_Store")


@given(
    theirs=st.dictionaries(st.sampled_from(NAMES), st.binary(min_size=1, max_size=4), max_size=4),
    steps=st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=3)), max_size=8),
)
def test_nothing_of_theirs_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, theirs: dict[str, bytes], steps: list[tuple[str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("mixed")
    with Store.create_or_open(folder, IDENTITY) as store:
        files, ours = RunFiles(folder, store).adopt_unlisted(), dict[str, bytes]()
        for name, content in theirs.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        for name, content in steps:
            if name in theirs:
                with pytest.raises(InputError):
                    files.write(name, content)
            else:
                files.write(name, content)
                ours[name] = content
        assert files_of(folder) == ours | theirs
        if any(name.startswith("figures/") for name in ours | theirs):
            files.keep_only("figures", ())
    left = {name: content for name, content in ours.items() if not name.startswith("figures/")}
    assert files_of(folder) == left | theirs
