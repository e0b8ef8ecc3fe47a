"""Workers as processes: they end with their parent, and a death is one sentence, not a hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing import Pipe
from pathlib import Path

import pytest

from shoal.engine import Planner, StudyRows, Trainers
from shoal.engine._planned import StudyFit, unique
from shoal.engine._train import Checkpoint, train_fit
from shoal.engine.workers.child import _serve
from shoal.engine.workers.loop import FitLot, WorkerPool
from shoal.engine.workers.processes import STOP, WorkerSetup, processes
from shoal.engine.workers.protocol import Coordination, FitProgress, GivenBack
from shoal.errors import EnvironmentFault
from shoal.results import FitRecord
from studies import tiny_study, two_peaks

TORCH = Trainers("torch")
ROWS = StudyRows(two_peaks(), "none")


def fits(epochs: int) -> list[StudyFit]:
    study = tiny_study(training={"epochs": epochs})
    return list(unique(Planner(study, two_peaks(), TORCH.choose).search_fits()))[:2]


def pool(some: list[StudyFit]) -> WorkerPool:
    return WorkerPool([FitLot(some, ROWS, TORCH.by_name["torch"])], workers=2)


def test_a_killed_worker_is_one_sentence() -> None:
    running = pool(fits(100_000)[:1])
    events = running.events()
    next(events)
    (crew,) = running._kinds.values()
    os.kill(crew._seats[0]._process.pid, signal.SIGKILL)
    with pytest.raises(EnvironmentFault, match=r"a worker process ended unexpectedly \(exit status -9\)"):
        list(events)
    running.close()


def test_a_killed_process_gives_its_fit_back_and_another_ends_it_in_the_same_bytes() -> None:
    (fit, _), shared = fits(300), Coordination(1)
    crew = processes(shared)
    crew.start(ROWS, TORCH.by_name["torch"])
    crew.submit(fit, None)
    events: list[object] = []

    def wait_for(kind: type) -> None:
        end = time.monotonic() + 120.0
        while not any(isinstance(event, kind) for event in events):
            assert time.monotonic() < end, events
            shared.wait(0.05)
            events.extend(crew.events())

    wait_for(FitProgress)
    os.kill(crew._seats[0]._process.pid, signal.SIGKILL)
    wait_for(GivenBack)
    (given_back,) = (event for event in events if isinstance(event, GivenBack))
    assert given_back.fit_id == fit.id
    assert str(given_back.fault).startswith("a worker process ended unexpectedly (exit status -9); ")
    crew.submit(fit, None)
    wait_for(FitRecord)
    crew.close()
    (record,) = (event for event in events if isinstance(event, FitRecord))
    alone = train_fit(fit, ROWS, TORCH.by_name["torch"], None, lambda state: None)
    assert plain(record) == plain(alone)


def test_stopped_workers_hand_over_checkpoints_that_end_in_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shoal.engine.workers.loop.STOP_SECONDS", 60.0)  # a busy machine is no failure
    some = fits(300)
    running = pool(some)
    events, moving = [], set()
    for event in running.events():
        events.append(event)
        moving |= {event.fit_id} if isinstance(event, FitProgress) else set()
        if len(moving) == 2:
            running.stop()
    running.close()
    saved = {event.fit_id: event for event in events if isinstance(event, Checkpoint)}
    done = {event.fit_id: event for event in events if isinstance(event, FitRecord)}
    assert {fit.id for fit in some} == saved.keys() | done.keys()
    assert saved
    for fit in some:
        one, other = (
            train_fit(fit, ROWS, TORCH.by_name["torch"], start, lambda state: None)
            for start in (saved.get(fit.id), None)
        )
        assert all(
            one.parameters[name].tobytes() == array.tobytes() for name, array in other.parameters.items()
        )
        assert one.curves["train_loss"].tobytes() == other.curves["train_loss"].tobytes()


def test_a_worker_that_is_told_to_stop_between_two_fits_ends() -> None:
    pytest.importorskip("torch")
    ours, its = Pipe()
    for message in (WorkerSetup(ROWS, TORCH.by_name["torch"]), STOP):
        ours.send(message)
    _serve(its)
    assert not its.poll(0)


@pytest.mark.parametrize("name", ["torch", "native"])
def test_a_fit_saved_within_an_epoch_goes_on_to_the_same_bytes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers = Trainers(name)
    if name not in trainers.by_name:
        pytest.skip("the native core is not built on this machine")
    monkeypatch.setattr("shoal.engine.workers.slices.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("shoal.engine.workers.slices.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("shoal.engine.trainers.native.PAUSE_INTERVAL", 1)
    study = tiny_study(training={"epochs": 3, "batch_size": 7}, network={"dropout": 0.5})
    (fit, *_) = unique(Planner(study, two_peaks(), trainers.choose).search_fits())
    trainer = trainers.by_name[fit.trainer]
    events = list(WorkerPool([FitLot([fit], ROWS, trainer)], workers=1).events())
    *_, whole = (event for event in events if isinstance(event, FitRecord))
    within = [event for event in events if isinstance(event, Checkpoint) and event.facts["step"]]
    assert len(within) > fit.steps // 2
    shares = [event.share for event in events if isinstance(event, FitProgress)]
    assert shares == sorted(set(shares))
    for start in within[:: len(within) // 4]:
        again = train_fit(fit, ROWS, trainer, start, lambda state: None)
        assert plain(again) == plain(whole)


def plain(record: FitRecord) -> dict[str, bytes]:
    parts = record.curves | record.parameters | record.predictions
    return {name: array.tobytes() for name, array in parts.items()}


STUDY = """
[study]
name = "long"
task = "regression"
[data]
dataset = "two-peaks"
[network]
hidden = [32]
[training]
epochs = 2000000
batch_size = 10
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_command_with_its_code_and_a_line(tmp_path: Path, number: int, code: int) -> None:
    (tmp_path / "long.toml").write_text(STUDY + "[[compare]]\nname = 'base'\n", encoding="utf-8")
    command = [sys.executable, "-m", "shoal", "run", "long.toml"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    assert running.stderr.readline() == "training: 1 fit\n"
    time.sleep(1.0)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert running.returncode == code
    assert said.splitlines()[-1] == (
        "shoal: stopped; what is finished is kept, and the same command goes on from here"
    )
    assert {path.name for path in (tmp_path / "runs" / "long").iterdir()} == {"results.sqlite", "study.toml"}


def one_trained() -> list[str]:
    """Have one fit trained, so by one process."""
    running = pool(fits(2)[:1])
    done = [event.status for event in running.events() if isinstance(event, FitRecord)]
    running.close()
    return done


def test_a_temporary_folder_with_a_long_name_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = tmp_path / ("x" * 130)
    far.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(far))
    assert one_trained() == ["ok"]
    assert list(far.iterdir()) == []


def test_modules_in_the_working_folder_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("random", "string", "numpy", "torch", "shoal"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'seen')!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)
    # An empty entry of this path is the working folder, too.
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", "") + ":")
    assert one_trained() == ["ok"]
    assert not (tmp_path / "seen").exists()


def test_a_python_that_does_not_know_its_path_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    running = pool(fits(2))
    with pytest.raises(EnvironmentFault, match=r"sys\.executable is empty"):
        list(running.events())
    running.close()


def test_a_system_that_starts_no_process_or_thread_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refused)
        running = pool(fits(2))
        with pytest.raises(EnvironmentFault) as caught:
            list(running.events())
        running.close()
    what = "a worker process cannot be started: Resource temporarily unavailable; use one worker"
    assert str(caught.value) == what

    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(EnvironmentFault) as caught:
        list(pool(fits(2)).events())
    what = "the system starts no more threads, and 2 workers need one each; try fewer --workers"
    assert str(caught.value) == what
