"""`check` and `run` refuse the same, in the same words, and before anything is written."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.errors import InputError, ShoalError
from shoal.study import Study
from studies import tiny_study


def table_study(folder: Path, place: int, value: float, **data: Any) -> Study:
    """Twenty training rows and four test rows of one number, one of them (rows from 20 on are test rows) another."""
    numbers = np.linspace(0.0, 1.0, 24)
    numbers[place] = value
    for name, rows in (("train", range(20)), ("test", range(20, 24))):
        lines = [f"{float(numbers[row])!r},{row}" for row in rows]
        (folder / f"{name}.csv").write_text("\n".join(["x,y", *lines]) + "\n", encoding="utf-8")
    files = {"train": str(folder / "train.csv"), "test": str(folder / "test.csv"), "target": "y"}
    return Study.model_validate(
        {
            "study": {"name": "alike", "task": "regression"},
            "data": {**files, **data},
            "network": {"hidden": [2]},
            "training": {"epochs": 1, "validation": 0.2},
            "search": {"folds": 2, "space": {"network.hidden[0]": [2, 3]}},
        }
    )


def refusals(study: Study, out: Path) -> tuple[str, str]:
    said = []
    for act in (shoal.plan, shoal.run):
        with pytest.raises(ShoalError) as caught:
            act(study, out=out, workers=1)
        assert isinstance(caught.value, InputError)
        said.append(str(caught.value))
    return said[0], said[1]


@pytest.mark.parametrize("standardize", ["none", "inputs", "both"])
@pytest.mark.parametrize("place", [0, 7, 21])
def test_a_number_that_some_fit_cannot_prepare(tmp_path: Path, standardize: str, place: int) -> None:
    """One in a training row, one that is held out by some folds only, one in a test row."""
    study = table_study(tmp_path, place, 1e300, standardize=standardize)
    if standardize != "none" and place < 20:
        study = table_study(tmp_path, place, 1.7e308, standardize=standardize)
    check, run = refusals(study, tmp_path / "out")
    assert check == run
    assert "column 'x'" in check or 'column "x"' in check
    assert not (tmp_path / "out").exists()


def test_a_place_where_no_run_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    file = tmp_path / "file"
    for out, what in ((file, ", got a file"), (file / "below", f" around it, got a file: {file}")):
        check, run = refusals(tiny_study(), out)
        assert check == run == f"{out}: expected a folder{what}"
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "what"),
    [
        ("nowhere", ", got a link that leads nowhere"),
        ("nowhere/below", " around it, got a link that leads nowhere: {folder}/nowhere"),
        ("loop", " that can be written (Too many levels of symbolic links)"),
        ("n" * 256, " that can be written (File name too long)"),
    ],
)
def test_a_name_under_which_no_run_folder_can_be(tmp_path: Path, out: str, what: str) -> None:
    (tmp_path / "nowhere").symlink_to("nothing there")
    (tmp_path / "loop").symlink_to("loop")
    check, run = refusals(tiny_study(), tmp_path / out)
    assert check == run == f"{tmp_path / out}: expected a folder{what.format(folder=tmp_path)}"


@pytest.mark.parametrize("what", ["another study", "a journal", "a link", "a damaged fit", "a foreign file"])
def test_a_run_folder_that_a_run_would_refuse(tmp_path: Path, what: str) -> None:
    from shoal.results import Identity, Store

    out, study = tmp_path / "out", tiny_study()
    name = "other" if what == "another study" else "tiny"
    with Store.create_or_open(out, Identity(name, "regression", "")):
        pass
    if what == "a journal":
        (out / "results.sqlite-journal").write_bytes(b"\0" * 600)
    elif what == "a link":
        (out / "run.lock").symlink_to(tmp_path / "elsewhere")
    elif what == "a foreign file":
        (out / "results.sqlite").write_bytes(b"a,b\n" * 1000)
    before = {path.name: path.lstat().st_mtime_ns for path in out.iterdir()}
    check, run = refusals(study, out)
    assert check == run
    assert {path.name: path.lstat().st_mtime_ns for path in out.iterdir()} == before
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="its own file systems")
@pytest.mark.parametrize("out", ["/proc/x", "/proc/self/x/y", "/sys/x", "/dev/fd/x"])
def test_a_file_system_that_takes_no_files(out: str) -> None:
    """Whoever may do anything has the right to write there, as far as permissions tell."""
    check, run = refusals(tiny_study(), Path(out))
    assert check == run
    assert re.fullmatch(rf"{out}: expected a folder that can be written \([A-Z][a-z ]+\)", check)


def test_looking_whether_a_folder_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mtime_ns
    shoal.plan(tiny_study(), out=tmp_path / "out", workers=1)
    assert tmp_path.stat().st_mtime_ns == before
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="asked on Linux alone")
def test_a_folder_whose_files_all_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system need not know files without a name (network drives do not); rights are all that can be asked."""
    asked = []

    def named(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            asked.append(path)
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        return opened(path, flags, *rest, **options)

    opened = os.open
    monkeypatch.setattr(os, "open", named)
    shoal.plan(tiny_study(), out=tmp_path / "out", workers=1)
    assert asked == [tmp_path]
