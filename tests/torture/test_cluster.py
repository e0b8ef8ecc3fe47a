"""Workers of a cluster die, hang and join at any moment, and runs die themselves: the digest is that of a plain run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("distributed", reason="dask.distributed is not installed")

from herds import OTHER_NUMPY, Herd
from test_faults import may_mount, remount
from torture_runs import ENVIRONMENT, LONG, telling

import shoal
from shoal.results import Store
from shoal.study import Study, parse_study, to_toml

SCRIPT = str(Path(__file__).with_name("cluster_run.py"))
WORKERS, KILLS, RUN_KILLS = (4, 100, 20) if LONG else (2, 1, 1)
SIZES = [3, 4, 5, 6, 7, 8, 9, 10] if LONG else [4, 6]
STUDY = parse_study(
    {
        "study": {"name": "herd", "task": "regression", "seed": 3},
        "data": {"dataset": "two-peaks"},
        "network": {"hidden": [6]},
        "training": {"epochs": 60_000 if LONG else 20_000, "batch_size": 20, "lr": 0.01},
        "search": {"folds": 3 if LONG else 2, "space": {"network.hidden[0]": SIZES}},
    }
)


@pytest.fixture(autouse=True)
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.pipeline.write_report", lambda *_: None)


def begun(study: Study, home: Path, address: str) -> subprocess.Popen[str]:
    """Begin a run, or go on with it."""
    home.mkdir(exist_ok=True)
    (home / "study.toml").write_text(to_toml(study), encoding="utf-8")
    command = [sys.executable, SCRIPT, str(home / "study.toml"), str(home / "run"), address]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=ENVIRONMENT, text=True, **pipes)


def fits_in(home: Path) -> int:
    """How many fits a run has by now."""
    try:
        with Store.open_readonly(home / "run") as store:
            return len(store.known())
    except Exception:  # it has not begun, or is just being opened
        return 0


def test_workers_that_die_hang_and_join_and_runs_that_die(tmp_path: Path) -> None:
    expected = shoal.run(STUDY, out=tmp_path / "plain", workers=2).digest
    kills = run_kills = stops = joined = runs = 0
    with Herd(WORKERS, OTHER_NUMPY) as herd:
        while kills < KILLS or run_kills < RUN_KILLS:
            runs += 1
            home, random = tmp_path / str(runs), np.random.default_rng(runs)
            with telling(runs):
                run = begun(STUDY, home, herd.address)
                joins = runs % 5 == 1
                hangs = joins and LONG  # a worker that hangs is given up after ten seconds
                while run.poll() is None:
                    time.sleep(float(random.uniform(0.1, 1.2)))
                    herd.mend()
                    if not fits_in(home):
                        continue
                    if joins:
                        herd.add()
                        joined, joins = joined + 1, False
                    elif hangs:
                        herd.stop(int(random.integers(99)))
                        stops, hangs = stops + 1, False
                    elif run_kills < RUN_KILLS and random.random() < 0.2 + (not LONG):
                        run.kill()
                        run.communicate()
                        run_kills, run = run_kills + 1, begun(STUDY, home, herd.address)
                    elif kills < KILLS:
                        herd.kill(int(random.integers(99)))
                        kills += 1
                out, said = run.communicate()
                assert (run.returncode, out.strip()) == (0, expected), said
    print(
        f"{runs} runs: {kills} kills of workers, {run_kills} of runs, {stops} workers hung, {joined} joined late"
    )


@pytest.mark.skipif(not LONG, reason="the store of a plain run meets full disks in the short form")
def test_a_full_disk_under_the_run(tmp_path: Path) -> None:
    expected = shoal.run(STUDY, out=tmp_path / "plain", workers=2).digest
    home = tmp_path / "home"
    if not may_mount(home):
        pytest.skip("mounting a small file system is not permitted here")
    ends: list[int] = []
    try:
        with Herd(WORKERS, OTHER_NUMPY) as herd:
            for pages in (60, 200, 360):
                with telling(pages):
                    remount(home, pages)
                    run = begun(STUDY, home, herd.address)
                    out, said = run.communicate()
                    ends.append(run.returncode)
                    assert run.returncode == 3 or out.strip() == expected, said
                    assert len(said.splitlines()) <= 1
            remount(home, 4000)
            assert begun(STUDY, home, herd.address).communicate()[0].strip() == expected
    finally:
        subprocess.run(["umount", str(home)], check=True)
    print(f"small disks: exit codes {ends}")
    assert 3 in ends
