"""What the reader of the data did or left out: said by the plan, while a run starts, by its results and report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import shoal.planning
from dots import end_with_the_model
from shoal.data import Dataset
from shoal.engine import Silent
from shoal.errors import RunFolderError
from shoal.look import plan_text
from shoal.look.page.report import report_html
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import Identity, Results, Store
from studies import tiny_study

NOTES = ("2 files <b> are no pictures and were left out", "a name\nover two lines")


class Listener(Silent):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, line: str) -> None:
        self.heard.append(line)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    load = shoal.planning.load_data

    def load_with_notes(*asked: Any) -> Dataset:
        return replace(load(*asked), notes=NOTES)

    monkeypatch.setattr(shoal.planning, "load_data", load_with_notes)


@pytest.mark.usefixtures("noted")
def test_notes_go_from_the_reader_to_plan_run_results_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    study, listener = tiny_study(), Listener()
    lines = plan_text(study, plan(study, out=tmp_path), tmp_path, 2).splitlines()
    assert lines[-3:] == ["notes on the data", f"  - {NOTES[0]}", "  - a name\\nover two lines"]
    results = run(study, out=tmp_path / "run", workers=1, watcher=listener)
    assert listener.heard[-2:] == list(NOTES)
    assert results.data_notes == NOTES
    page = report_html(results, ())
    assert "<li>2 files &lt;b&gt; are no pictures and were left out</li>" in page
    assert page.index('id="reproduce"') < page.index("Notes on the data") < page.index('id="references"')


def test_data_of_which_there_is_nothing_to_say(tmp_path: Path) -> None:
    study = tiny_study()
    assert "notes on the data" not in plan_text(study, plan(study, out=tmp_path), tmp_path, 2)


def test_notes_that_are_no_sentences_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with_the_model(monkeypatch)
    results = run(tiny_study(), out=tmp_path, workers=1)
    assert results.data_notes == ()
    identity = Identity("tiny", "regression", shoal.planning.load_data(tiny_study()).train_fingerprint)
    with Store.create_or_open(tmp_path, identity) as store:
        store.put_fact("data notes", [1])
    with pytest.raises(RunFolderError, match="a note on the data in its results is not what Shoal writes"):
        Results.open(tmp_path)


def test_the_list_of_categorical_inputs_is_checked_and_results_of_old_have_the_study_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    results = run(tiny_study(), out=tmp_path, workers=1)
    identity = Identity("tiny", "regression", shoal.planning.load_data(tiny_study()).train_fingerprint)
    for value, categorical in (([], ()), (["kind"], ("kind",)), (None, results.study.data.categorical)):
        with Store.create_or_open(tmp_path, identity) as store:
            store.put_fact("categorical inputs", value)
        assert Results.open(tmp_path).categorical == categorical
    with Store.create_or_open(tmp_path, identity) as store:
        store.put_fact("categorical inputs", [7])
    with pytest.raises(RunFolderError, match="a categorical input in its results is not what Shoal writes"):
        Results.open(tmp_path)
