"""The store: what goes in comes out to the last bit, once, or is refused in one sentence."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_cases import (
    FILE,
    IDENTITY,
    a_fit,
    a_plan,
    a_truth,
    arrays,
    fit_records,
    new_store,
    refusal,
    same,
    sql,
)
from safetensors.numpy import save

from shoal.errors import EnvironmentFault, RunFolderBusy, RunFolderError
from shoal.results import CandidateRow, Identity, PlanEntry, Store, Truth
from shoal.results._database import Database
from shoal.results._store import _seal


def images_truth(kept: int) -> Truth:
    """Two images of three rows, or none but their shape."""
    pixels = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)[:kept]
    rows = np.array([2, 1])[:kept]
    return Truth((), ("class",), ("a", "b"), np.zeros((3, 0)), np.array([1, 0, 1]), 1, {}, rows, pixels)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with new_store(tmp_path_factory.mktemp("store")) as store:
        yield store


# Round trips


@given(fit_records())
def test_a_fit_comes_back_to_the_last_bit(store, record):
    store.add(record)
    assert same(store.record(record.fit_id), record)
    bare = dataclasses.replace(record, curves={}, parameters={}, predictions={})
    assert same(store.summaries()[record.fit_id], bare)
    assert same(store.arrays(record.fit_id, "parameters"), record.parameters)


@given(
    arrays(np.float32),
    st.dictionaries(st.text("abc"), st.floats(allow_nan=False) | st.integers() | st.text("é\n")),
)
def test_a_checkpoint_comes_back_and_the_last_one_counts(store, saved, facts):
    store.put_checkpoint("running", {"other": np.zeros(3)}, {"epoch": 1})
    store.put_checkpoint("running", saved, facts)
    got = store.checkpoint("running")
    assert got is not None
    assert same(got[0], saved)
    assert same(got[1], facts)


def test_a_checkpoint_ends_with_its_fit(store):
    store.put_checkpoint("long", {}, {"best_loss": float("inf")})
    assert store.checkpoint("long") == ({}, {"best_loss": float("inf")})
    store.add(a_fit("long"))
    assert store.checkpoint("long") is None
    assert store.checkpoint("never seen") is None


@pytest.mark.parametrize(
    "truth",
    [
        a_truth(),
        Truth((), ("class",), ("a", "b c", "é"), np.zeros((3, 0)), np.array([2, 0, 1]), 2, {}),
        images_truth(2),
        images_truth(0),
        dataclasses.replace(a_truth(), groups=np.array([0, 0, 1, 1, 2, 2, 3, -1])),
    ],
    ids=["regression", "classification", "images", "no image kept", "groups"],
)
def test_truth_comes_back(store, truth):
    store.put_truth(truth)
    assert same(store.truth(), truth)


def test_results_from_before_images_were_kept_still_load(tmp_path):
    truth = a_truth()
    facts = {name: getattr(truth, name) for name in ("train_rows", "input_names", "target_names", "classes")}
    text, data = json.dumps(facts), save({"x": truth.x_ND, "y": truth.y, "search/0": np.array([0, 3])})
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_truth(truth)
    sql(tmp_path, "UPDATE truth SET facts = ?, data = ?, sha256 = ?", text, data, _seal(text, data=data))
    with Store.open_readonly(tmp_path) as store:
        assert same(
            store.truth(), dataclasses.replace(truth, validation_rows={("search", 0): np.array([0, 3])})
        )


@pytest.mark.parametrize(
    "change",
    [
        {"image_rows": np.array([2])},
        {"image_rows": np.array([2, 3])},
        {"image_rows": np.array([-1, 2])},
        {"images": np.zeros((2, 4), np.uint8)},
    ],
)
def test_images_that_belong_to_no_rows_are_refused(tmp_path, change):
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_truth(dataclasses.replace(images_truth(2), **change))
    said = refusal(tmp_path, Store.truth)
    what = "damaged (the true values: unexpected content); move it away and run the study again"
    assert said == f"/{FILE}: {what}"


@pytest.mark.parametrize(
    "groups",
    [
        np.zeros(7, np.int64),
        np.zeros(8),
        np.zeros((8, 1), np.int64),
        np.array([0, -1, *[0] * 6]),
        np.full(8, -2),
    ],
    ids=["too few", "no whole numbers", "a table", "a training row of none", "no number"],
)
def test_groups_that_belong_to_no_rows_are_refused(tmp_path, groups):
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_truth(dataclasses.replace(a_truth(), groups=groups))
    assert "the true values: unexpected content" in refusal(tmp_path, Store.truth)


def test_facts_are_any_json(store):
    store.put_fact("x", 1)
    store.put_fact("x", {"a": [1.5, None, "é"], "b": float("-inf")})
    assert store.fact("x") == {"a": [1.5, None, "é"], "b": float("-inf")}
    assert store.fact("unknown") is None


def test_the_plan_is_rewritten_as_a_whole_and_keeps_its_order(store):
    entries, candidates = a_plan()
    candidates.append(CandidateRow("c", {"network.hidden": [3, 2], "x": True, "y": "relu", "z": None}, 0))
    entries.append(PlanEntry("b0", "compare", "b", 'it\'s "b"\n', 0, 1, 5, 0))
    store.set_plan(entries, candidates)
    store.set_plan(entries[::-1], candidates[::-1])
    assert list(store.plan()) == entries[::-1]
    assert list(store.candidate_rows()) == candidates[::-1]
    store.set_plan([], [])
    assert (store.plan(), store.candidate_rows()) == ((), ())


def test_a_choice_lasts_as_long_as_its_search(store):
    entries, candidates = a_plan()
    store.set_plan(entries, candidates)
    store.put_fact("choice", "a")
    winner = PlanEntry("w", "refit", "a", "winner", 0, 0, 6, 0)
    other = CandidateRow("only compared", {}, 3)
    store.set_plan([*entries[::-1], winner], [*candidates[::-1], other])
    assert store.fact("choice") == "a"
    store.set_plan(entries[:2], candidates[:1])
    assert store.fact("choice") is None


def test_an_unknown_fit_is_a_key_error(store):
    with pytest.raises(KeyError, match="nobody"):
        store.record("nobody")


def test_a_fit_is_stored_once(store):
    store.add(a_fit("once"))
    with pytest.raises(RunFolderError, match=r"refused a row \(UNIQUE constraint failed: fits\.fit_id\)$"):
        store.add(a_fit("once", loss=0.9))
    assert same(store.record("once"), a_fit("once"))


# Resuming, reading beside a run, what is left behind


def test_a_run_goes_on_from_what_is_there(tmp_path):
    for fit_id in ("one", "two"):
        with Store.create_or_open(tmp_path / "deep" / "er", IDENTITY) as store:
            assert "two" not in store.known()
            store.add(a_fit(fit_id))
    with Store.create_or_open(tmp_path / "deep" / "er", IDENTITY) as store:
        assert store.known() == {"one", "two"}
    assert os.listdir(tmp_path / "deep" / "er") == [FILE]


def test_reading_beside_a_run_sees_one_moment_and_leaves_nothing(tmp_path):
    with new_store(tmp_path) as writer:
        folder = writer._database.path.parent
        writer.add(a_fit("one"))
        with Store.open_readonly(folder) as reader:
            with reader.one_view():
                assert reader.known() == {"one"}
                writer.add(a_fit("two"))
                assert reader.known() == {"one"}
            assert reader.known() == {"one", "two"}
    assert os.listdir(folder) == [FILE]
    last = Store.open_readonly(folder)
    with Store.create_or_open(folder, IDENTITY) as writer:
        writer.add(a_fit("three"))
    assert last.known() == {"one", "two", "three"}
    last.close()
    assert os.listdir(folder) == [FILE]


def test_a_reader_cannot_write(tmp_path):
    new_store(tmp_path).close()
    folder = next(tmp_path.iterdir())
    with Store.open_readonly(folder) as store, pytest.raises(EnvironmentFault, match=r"cannot be written"):
        store.add(a_fit("one"))


def test_a_folder_that_cannot_be_written_can_still_be_read(tmp_path):
    script = """
import os, sys
from pathlib import Path
from shoal.errors import ShoalError
from shoal.results import Store, RunLock, Identity
folder = Path(sys.argv[1])
with Store.open_readonly(folder) as store:
    store.record("one")  # what a reader imports when it first reads; it may not be read from there below
if os.geteuid() == 0:
    os.setuid(65534)
with Store.open_readonly(folder) as store:
    print(sorted(store.known()), store.record("one").epochs, os.listdir(folder))
new, identity = folder / "new", Identity("", "", "")
for act in (lambda: RunLock(new).__enter__(), lambda: Store.create_or_open(new, identity)):
    try:
        act()
    except ShoalError as error:
        print(error.exit_code, error)
"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store.create_or_open(folder, IDENTITY) as store:
            store.add(a_fit("one"))
        (folder / FILE).chmod(0o444)
        folder.chmod(0o555)
        command = [sys.executable, "-c", script, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        folder.chmod(0o755)
    cannot = f"2 {folder / 'new'}: expected a folder that can be written (Permission denied)\n"
    assert done.stdout == "['one'] 4 ['results.sqlite']\n" + 2 * cannot, done.stderr


# Refusals


def test_another_study_is_refused_and_nothing_changes(tmp_path):
    store = new_store(tmp_path)
    store.close()
    folder = store._database.path.parent
    before = (folder / FILE).read_bytes()
    others = {
        "its name is 'peaks', not 'other'": Identity("other", "regression", "f1"),
        "its task is 'regression', not 'classification'": Identity("peaks", "classification", "f1"),
        "its training data are others": Identity("peaks", "regression", "f2"),
        "its name is 'peaks', not 'a\\nb', its training data are others": Identity(
            "a\nb", "regression", "f2"
        ),
    }
    for difference, identity in others.items():
        with pytest.raises(RunFolderError) as caught:
            Store.create_or_open(folder, identity)
        expected = f"{folder}: holds another study ({difference}); choose another folder"
        assert str(caught.value) == expected
    assert (folder / FILE).read_bytes() == before


def test_no_run_folder(tmp_path):
    assert refusal(tmp_path) == ": expected a run folder (with results.sqlite in it), found none"
    assert refusal(tmp_path / "missing") == ": expected a run folder (with results.sqlite in it), found none"
    (tmp_path / FILE).mkdir()
    what = "expected a file of this run folder, found a folder; move it away"
    assert refusal(tmp_path) == f"/results.sqlite: {what}"


def test_results_not_yet_begun(tmp_path):
    (tmp_path / FILE).touch()
    assert refusal(tmp_path) == "/results.sqlite: holds no results yet; run the study first"
    Store.create_or_open(tmp_path, IDENTITY).close()
    assert refusal(tmp_path, Store.truth) == "/results.sqlite: holds no results yet; run the study first"
    sql(tmp_path, "DELETE FROM facts")
    assert refusal(tmp_path) == "/results.sqlite: holds no results yet; run the study first"


def test_foreign_files_are_refused_by_readers_and_writers_alike(tmp_path):
    def refused(sentence: str) -> None:
        before = (tmp_path / FILE).read_bytes()
        assert refusal(tmp_path) == f"/results.sqlite: {sentence}"
        with pytest.raises(RunFolderError) as caught:
            Store.create_or_open(tmp_path, IDENTITY)
        assert str(caught.value) == f"{tmp_path / FILE}: {sentence}"
        assert (tmp_path / FILE).read_bytes() == before
        (tmp_path / FILE).unlink()

    (tmp_path / FILE).write_text("a,b\n1,2\n" * 1000)
    refused("expected results of Shoal, found another kind of file")
    sql(tmp_path, "CREATE TABLE a (b)")
    refused("expected results of Shoal, found another program's file")
    Store.create_or_open(tmp_path, IDENTITY).close()
    sql(tmp_path, "PRAGMA user_version = 7")
    refused("written by a newer Shoal (format 7, this one reads up to 2); update shoal")
    Store.create_or_open(tmp_path, IDENTITY).close()
    sql(tmp_path, "CREATE TRIGGER sly AFTER INSERT ON facts BEGIN DELETE FROM fits; END")
    refused("damaged (its tables are not those of Shoal); move it away and run the study again")


def test_a_file_system_without_a_log_is_refused(tmp_path, monkeypatch):
    connect = Database._connect
    dotfile = "&vfs=unix-dotfile"
    monkeypatch.setattr(Database, "_connect", lambda self, path, mode: connect(self, path, mode + dotfile))
    with pytest.raises(EnvironmentFault) as caught:
        Store.create_or_open(tmp_path, IDENTITY)
    sentence = (
        "cannot be opened to write (a folder without that right, or a file system without shared memory)"
    )
    assert str(caught.value) == f"{tmp_path / FILE}: {sentence}"


def test_a_second_writer_is_told(tmp_path):
    with new_store(tmp_path) as one, Store.create_or_open(one._database.path.parent, IDENTITY) as other:
        other._database.execute("PRAGMA busy_timeout = 1")
        with (
            one._database.transaction(),
            pytest.raises(RunFolderBusy, match=r"another process is writing to it$"),
        ):
            other.add(a_fit("one"))


def test_what_is_computed_from_a_fit_lies_beside_it_and_is_checked(tmp_path: Path) -> None:
    fit, more = a_fit("a"), {"test": np.arange(6.0).reshape(3, 2)}
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.add(fit)
        assert store.derived("a", "ensemble 1") is None
        store.put_derived("a", "ensemble 1", {"test": np.zeros(1)})
        store.put_derived("a", "ensemble 1", more)
        kept = store.derived("a", "ensemble 1")
        assert kept is not None
        assert same(kept, more)
        assert same(store.record("a"), fit)
    sql(tmp_path, "UPDATE arrays SET data = zeroblob(length(data)) WHERE part = 'ensemble 1'")
    assert "the ensemble 1 of fit a: wrong checksum" in refusal(
        tmp_path, lambda store: store.derived("a", "ensemble 1")
    )
