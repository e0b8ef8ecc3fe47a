"""Every built-in study and every template, run whole by the command, shortened: to a model file and a report.

Of each kind of figure the first of a task is drawn, the others are dots; a campaign draws them all.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import shoal
from dots import dot
from shoal.data import _fashion
from shoal.look import pictures
from shoal.look._paper import png
from shoal.results import Results
from shoal.study import builtin_studies, load_study, template
from shoal.study._study import Task
from test_cli import shoal as command

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
SHORTER = {
    "two-peaks": ["study.repeats=1", *(f"compare[{place}].training.epochs=2" for place in (0, 1))],
    "digits": [
        *("study.repeats=1", "network.conv[0].channels=4", "search.folds=2"),
        *([] if LONG else ["checks.baselines=false"]),
    ],
    "fashion-mnist": ["training.batch_size=16"],
}
"""What makes a study shorter still than two epochs do; its layers' kinds stay. Trees for 1,438 images and ten classes
take longer than all the rest: in short, the other studies alone are held against simple models.
"""


Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def drawn() -> set[tuple[str, str]]:
    """The kinds of figures that were drawn, each with the task that it was drawn for."""
    return set()


@pytest.fixture
def small_fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fashion-MNIST as it comes through its door, but of 120 and 40 images: the files' sums are those of small ones."""
    random = np.random.default_rng(0)
    folder = tmp_path / "data" / "fashion-mnist"
    folder.mkdir(parents=True)
    sums = {}
    for part, count in (("train", 120), ("t10k", 40)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8).tobytes()
        labels = (np.arange(count) % 10).astype(np.uint8).tobytes()
        for name, content in (("images-idx3", bytes(16) + images), ("labels-idx1", bytes(8) + labels)):
            file = f"{part}-{name}-ubyte"
            sums[file] = (hashlib.sha256(content).hexdigest(), len(content))
            (folder / f"{file}.gz").write_bytes(gzip.compress(content, mtime=0))
    monkeypatch.setattr(_fashion, "FILES", sums)
    monkeypatch.setenv("SHOAL_DATA", str(tmp_path / "data"))


def run_whole(
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    drawn: set[tuple[str, str]],
    study: str,
    changes: list[str],
) -> Results:
    """Run, report and show; everything is there, nothing is missing, the model answers as the run did."""
    task = load_study(study).study.task

    def first(draw: Any, fact: Any) -> bytes:
        kind = draw.__self__.figure.name, task
        if kind in drawn and not LONG:
            return dot()
        drawn.add(kind)
        return png(draw, fact)

    monkeypatch.setattr("shoal.look._gallery.png", first)
    sets = [part for change in changes for part in ("--set", change)]
    assert command(monkeypatch, "run", study, *sets, "--out", "run", "--workers", "2") == 0
    printed = capsys.readouterr()
    assert "missing" not in printed.err
    results = Results.open("run")
    assert (results.missing, results.unfinished) == ((), 0)
    assert results.digest in printed.out
    assert {fit.status for fit in results.summaries.values()} == {"ok"}
    there = {path.stem for path in (results.folder / "figures").iterdir()}
    assert there == {picture.name for picture in pictures(results)}
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    assert all(f'<figure id="{name}"' in page for name in there)
    assert 'id="missing"' not in page
    assert shoal.load("run").facts.fit.id in {entry.fit_id for entry in results.plan}
    return results


def test_every_built_in_study_has_a_shorter_form() -> None:
    assert set(SHORTER) == set(builtin_studies())


@pytest.mark.parametrize("name", builtin_studies())
@pytest.mark.usefixtures("small_fashion")
def test_a_built_in_study(
    name: str, tmp_path: Path, drawn: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    results = run_whole(monkeypatch, capsys, drawn, name, ["training.epochs=2", *SHORTER[name]])
    asked = load_study(name)
    assert results.study.network.conv[1:] == asked.network.conv[1:]  # as wide as it is asked for
    assert results.study.network.batch_norm == asked.network.batch_norm


@pytest.mark.parametrize("task", get_args(Task))
def test_a_template(
    task: Task, tmp_path: Path, drawn: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "new", task) == 0
    printed = capsys.readouterr().out
    assert printed == template(task)
    Path("mine.toml").write_text(printed, encoding="utf-8")
    run_whole(monkeypatch, capsys, drawn, "mine.toml", ["training.epochs=2", "study.repeats=1"])
