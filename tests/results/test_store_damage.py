"""A damaged store, a killed run, a full disk: no finished fit lost, no wrong value believed, one line each."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from record_cases import FILE, IDENTITY, a_fit, a_plan, a_truth, new_store, refusal, same, sql

from shoal.errors import EnvironmentFault, RunFolderError, ShoalError
from shoal.results import FitRecord, Store

# Damage


def filled(folder: Path) -> None:
    """A store with something in every table."""
    with Store.create_or_open(folder, IDENTITY) as store:
        store.put_fact("study", "text")
        store.put_truth(a_truth())
        store.set_plan(*a_plan())
        for fit_id in ("a0", "b0"):
            store.add(a_fit(fit_id))
        store.put_checkpoint("b1", {"x": np.arange(3.0)}, {"epoch": 2})


def everything(store: Store) -> dict[str, object]:
    store.verify()
    return {
        "known": store.known(),
        "fits": {fit_id: store.record(fit_id) for fit_id in sorted(store.known())},
        "facts": [store.fact("identity"), store.fact("study")],
        "plan": store.plan(),
        "candidates": store.candidate_rows(),
        "truth": store.truth(),
        "checkpoint": dict(enumerate(store.checkpoint("b1") or ())),
    }


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE fits SET scores = replace(scores, '5', '4') WHERE fit_id = 'a0'", "fit a0"),
        ("UPDATE fits SET seconds = 2 WHERE fit_id = 'a0'", "fit a0"),
        ("UPDATE arrays SET data = zeroblob(length(data)) WHERE part = 'curves'", "the curves of fit a0"),
        ("UPDATE arrays SET fit_id = 'a0', part = 'x' || fit_id WHERE part = 'curves'", None),
        ("UPDATE checkpoints SET facts = '{}'", "the checkpoint of fit b1"),
        ("UPDATE plan SET fold = 1 - fold", "the plan"),
        ("DELETE FROM plan WHERE position = 3", "the plan"),
        ("DELETE FROM plan", "the plan"),
        ("UPDATE candidates SET settings = '{}'", "the list of candidates"),
        ("UPDATE facts SET value = '\"other\"' WHERE key = 'study'", "the fact 'study'"),
        ("UPDATE truth SET facts = replace(facts, '6', '7')", "the true values"),
    ],
)
def test_a_changed_value_is_never_believed(tmp_path, statement, what):
    filled(tmp_path)
    sql(tmp_path, statement)
    sentence = f"{what}: wrong checksum" if what else "the curves of fit a0 are missing"
    expected = f"/results.sqlite: damaged ({sentence}); move it away and run the study again"
    assert refusal(tmp_path, everything) == expected


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE fits SET seconds = 2 WHERE fit_id = 'b0'", "fit b0: wrong checksum"),
        ("UPDATE arrays SET data = x'00' WHERE part = 'curves'", "the curves of fit a0: wrong checksum"),
        ("UPDATE arrays SET part = 'x' WHERE part = 'parameters'", "the parameters of fit a0 are missing"),
        ("DELETE FROM arrays WHERE fit_id = 'b0'", "the curves of fit b0 are missing"),
    ],
)
def test_a_damaged_fit_is_refused_before_a_run_begins(tmp_path, statement, what):
    filled(tmp_path)
    sql(tmp_path, statement)
    with pytest.raises(RunFolderError) as caught:
        Store.create_or_open(tmp_path, IDENTITY)
    assert str(caught.value) == f"{tmp_path / FILE}: damaged ({what}); move it away and run the study again"


def test_text_that_is_no_text_is_refused(tmp_path):
    filled(tmp_path)
    sql(tmp_path, "UPDATE fits SET message = CAST(x'ff' AS TEXT)")
    assert refusal(tmp_path, everything).startswith("/results.sqlite: damaged (Could not decode to UTF-8")


@pytest.mark.parametrize("value", ["[]", "{", '{"validation": {"loss": "x"}}', "[" * 5000])
def test_content_that_shoal_never_writes_is_refused_though_its_checksum_fits(tmp_path, value):
    from shoal.results import _store

    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        *row, _, seconds, _ = connection.execute("SELECT * FROM fits WHERE fit_id = 'a0'").fetchone()
        sealed = (*row, value, seconds)
        seal = _store._seal(*sealed)
        connection.execute("UPDATE fits SET scores = ?, sha256 = ? WHERE fit_id = 'a0'", (value, seal))
    sentence = "damaged (fit a0: unexpected content); move it away and run the study again"
    assert refusal(tmp_path, everything) == f"/results.sqlite: {sentence}"


def believed(folder: Path) -> dict[str, object] | None:
    """All that a reader believes, None where it refuses in one line."""
    try:
        with Store.open_readonly(folder) as store:
            return everything(store)
    except ShoalError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1
    return None


def test_flipped_bits_and_cut_tails_never_change_a_value(tmp_path):
    filled(tmp_path)
    path = tmp_path / FILE
    sound = path.read_bytes()
    truth = believed(tmp_path)
    assert truth is not None
    draw = np.random.default_rng(7)
    refused = 0
    written = np.flatnonzero(np.frombuffer(sound, np.uint8))
    for place in draw.choice(written, 250):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << draw.integers(8)
        path.write_bytes(damaged)
        found = believed(tmp_path)
        refused += found is None
        assert found is None or same(found, truth), place
    for size in (0, 1, 99, 4096, *draw.integers(0, len(sound), 20), len(sound) - 1):
        path.write_bytes(sound[:size])
        assert believed(tmp_path) is None, size
    assert refused > 200


# Death and want


def test_a_killed_run_keeps_every_fit_it_committed(tmp_path):
    script = """
import sys
from pathlib import Path
from record_cases import IDENTITY, a_fit
from shoal.results import Store
store = Store.create_or_open(Path(sys.argv[1]), IDENTITY)
for number in range(int(sys.argv[2]), 10**9):
    store.add(a_fit(str(number)))
    print(number, flush=True)
"""
    committed: list[str] = []
    for kills in range(1, 4):
        command = [sys.executable, "-c", script, tmp_path, str(len(committed))]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            committed += [process.stdout.readline().strip() for _ in range(7 * kills)]
            process.send_signal(signal.SIGKILL)
            committed += process.stdout.read().split()
        with Store.create_or_open(tmp_path, IDENTITY) as store:
            known = store.known()
            # One more may have been committed and not yet said.
            assert known >= set(committed)
            assert len(known) <= len(committed) + 1
            assert all(same(store.record(fit_id), a_fit(fit_id)) for fit_id in known)
            committed = sorted(known)
    assert os.listdir(tmp_path) == [FILE]


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    with new_store(tmp_path) as store:
        store.add(a_fit("one"))
        store._database.execute("PRAGMA max_page_count = 1")
        large = a_fit("two", parameters={"weight": np.zeros((100, 1000), np.float32)})
        with pytest.raises(EnvironmentFault) as caught:
            store.add(large)
        sentence = "the disk is full; make room, then run the same command again"
        assert str(caught.value) == f"{store._database.path}: {sentence}"
        assert store.known() == {"one"}
        store._database.execute("PRAGMA max_page_count = 1000000")
        store.add(large)
        store.verify()
        assert same(store.record("two"), large)


def test_failing_writes_are_one_line_and_lose_nothing(tmp_path):
    script = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from record_cases import IDENTITY, a_fit
from shoal.errors import ShoalError
from shoal.results import Store
store = Store.create_or_open(Path(sys.argv[1]), IDENTITY)
store.add(a_fit("one"))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
large = a_fit("two", parameters={"weight": np.zeros((100, 1000), np.float32)})
try:
    store.add(large)
except ShoalError as error:
    print(error.exit_code, error)
print(sorted(store.known()))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.add(large)
store.verify()
store.close()
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    sentence = r"3 .*results\.sqlite: (the disk is full; .*|reading or writing failed \(disk I/O error\))"
    assert re.fullmatch(sentence + r"\n\['one'\]\n", done.stdout), done
    with Store.open_readonly(tmp_path) as store:
        assert store.known() == {"one", "two"}


def test_an_interruption_inside_a_transaction_undoes_it(tmp_path):
    with new_store(tmp_path) as store:
        with contextlib.suppress(KeyboardInterrupt), store._database.transaction():
            store._database.execute("INSERT INTO facts VALUES ('x', 'y', x'00')")
            raise KeyboardInterrupt
        assert store.fact("x") is None
        record: FitRecord = a_fit("one")
        store.add(record)
        assert store.known() == {"one"}
