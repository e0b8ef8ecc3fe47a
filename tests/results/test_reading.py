"""A store that is opened once for many reads."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

import shoal
from shoal.errors import RunFolderError
from shoal.look import Results
from shoal.results import Store, reading
from shoal.results._folder import STORE_NAME


@pytest.fixture
def results(runs: Path, tmp_path: Path) -> Results:
    shutil.copytree(runs / "regression", tmp_path / "run")
    return Results.open(tmp_path / "run")


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    folders: list[Path] = []
    opened = Store.open_readonly

    def counted(folder: Path) -> Store:
        folders.append(folder)
        return opened(folder)

    monkeypatch.setattr(Store, "open_readonly", counted)
    return folders


def read_all(results: Results) -> list[Any]:
    return [
        (name, results.curve(name).to_csv(), sorted(results.parameters(name))) for name in results.summaries
    ]


def test_many_reads_open_the_store_once_and_give_the_same(results: Results, openings: list[Path]) -> None:
    alone = read_all(results)
    assert len(openings) == 2 * len(results.summaries)
    openings.clear()
    with reading(results.folder):
        assert read_all(results) == alone
    assert openings == [results.folder]
    assert read_all(results) == alone
    assert len(openings) == 1 + 2 * len(results.summaries)


def test_other_folders_and_other_threads_open_their_own(results: Results, openings: list[Path]) -> None:
    alone, elsewhere = read_all(results), []
    openings.clear()
    with reading(results.folder.parent):
        assert read_all(results) == alone
    with reading(results.folder):
        thread = threading.Thread(target=lambda: elsewhere.extend(read_all(results)))
        thread.start()
        thread.join()
    assert elsewhere == alone
    assert len(openings) == 4 * len(results.summaries)


def test_after_a_failure_it_is_opened_anew(results: Results) -> None:
    name = next(iter(results.summaries))
    whole = (results.folder / STORE_NAME).read_bytes()
    with reading(results.folder):
        results.parameters(name)
        (results.folder / STORE_NAME).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(RunFolderError):
            results.parameters(name)
        (results.folder / STORE_NAME).unlink()
        with pytest.raises(RunFolderError, match="expected a run folder"):
            results.parameters(name)
        (results.folder / STORE_NAME).write_bytes(whole)
        results.parameters(name)


@pytest.mark.usefixtures("dots")
def test_a_report_opens_the_store_once(results: Results, openings: list[Path]) -> None:
    shoal.look.write_report(results)
    assert openings == [results.folder] * 2  # once by whoever writes
    assert [path.name for path in results.folder.glob(f"{STORE_NAME}*")] == [STORE_NAME]
