"""Where each fit was trained, and which files of the run folder are ours."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from record_cases import IDENTITY, STUDY, a_fit, a_plan, a_truth

from shoal.look.page.references import trained_where
from shoal.results import Identity, Results, Store


def test_each_fit_keeps_the_environment_that_trained_it(tmp_path):
    """One that was begun under one and ended under another counts for both; of results of old nothing is known."""
    old, new = {"python": "3.11.1", "date": "monday"}, {"python": "3.12.2", "date": "tuesday"}
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_fact("study", STUDY)
        store.put_truth(a_truth())
        entries, candidates = a_plan()
        store.set_plan([replace(entry, validation_rows=0) for entry in entries], candidates)
        store.add(a_fit("a0"))
    assert Results.open(tmp_path).origins == (({}, 1),)
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.begin(old)
        store.add(a_fit("b0"))
        store.put_checkpoint("b1", {}, {})
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.begin(new)
        store.add(a_fit("b1"))
        store.put_checkpoint("a1 history 3", {}, {})  # of no fit by itself
        store.drop_checkpoint("a1 history 3")
        store.begin({**old, "date": "friday"})
        store.add(a_fit("a1"))
    again = Results.open(tmp_path)
    assert again.origins == (({"python": "3.11.1"}, 3), ({"python": "3.12.2"}, 1), ({}, 1))
    assert again.environment == {**old, "date": "friday"}
    assert trained_where(again) == [
        ("3 networks", "python 3.11.1"),
        ("1 network", "python 3.12.2"),
        ("1 network", "where they were trained was not kept"),
    ]


def test_files_that_are_ours_are_listed(tmp_path):
    digest = "ab" * 32
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        assert store.lists_files
        assert store.files() == {}
        store.put_file("report.html", digest, None)
        store.put_file("figures/10-test-scores.png", digest, None)
        store.put_file("report.html", digest[::-1], None)
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        assert store.files() == {
            "figures/10-test-scores.png": frozenset({digest}),
            "report.html": frozenset({digest[::-1]}),
        }
        store.drop_file("report.html")
        assert store.files() == {"figures/10-test-scores.png": frozenset({digest})}
        for name in ("", "/etc/passwd", "../x", "a/../../x", "a//b", ".", "C:x", "a\\b"):
            with pytest.raises(ValueError):  # noqa: PT011
                store.put_file(name, digest, None)
        with pytest.raises(ValueError):  # noqa: PT011
            store.put_file("x", "no digest", None)


def test_a_folder_of_old_is_taken_over_in_one_step(tmp_path):
    """A store of the first format is read as it is; the next run gives it today's tables, and its files are adopted."""
    kept = Path(__file__).parent.parent / "assets" / "0.1.0" / "run"
    folder = Path(shutil.copytree(kept, tmp_path / "run"))
    before = (folder / "results.sqlite").read_bytes()
    with Store.open_readonly(folder) as store:
        assert (store.files(), store.origins(), store.lists_files) == ({}, [], False)
        identity = Identity(**store.fact("identity"))
    digest = Results.open(folder).digest
    assert (folder / "results.sqlite").read_bytes() == before
    with Store.create_or_open(folder, identity) as store:
        assert not store.lists_files
        store.adopt_files({"study.toml": "0" * 64})
    with Store.open_readonly(folder) as store:
        assert store.lists_files
        assert store.files() == {"study.toml": frozenset({"0" * 64})}
    assert Results.open(folder).digest == digest
