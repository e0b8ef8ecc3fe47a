"""Every kind of workers keeps the one contract; a kind that is added from outside runs a study."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from odd_rows import Raising
from pool_workers import PoolWorkers

from dots import end_with_the_model
from shoal.engine import Planner, StudyRows, Trainers
from shoal.engine._fit import Fit
from shoal.engine._planned import StudyFit, unique
from shoal.engine._train import Checkpoint, SharedRows, train_fit
from shoal.engine._trainer import Trainer
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.torch import TorchTrainer
from shoal.engine.workers.cluster import Cluster, open_cluster
from shoal.engine.workers.crew import Crew, FitOrder
from shoal.engine.workers.kinds import CLUSTER, KINDS, WorkersKind, kind_of, trained_apart, workers_of
from shoal.engine.workers.protocol import Coordination, Event, FitProgress, GivenBack, Workers
from shoal.engine.workers.slices import OnSlice, Stopped
from shoal.errors import DataError, EnvironmentFault, Problem
from shoal.nets import build_architecture
from shoal.pipeline import run
from shoal.results import FitRecord
from shoal.study import Conv, Network
from studies import tiny_study, two_peaks

TRAINERS = Trainers()
pytest.importorskip("torch")
TORCH = TRAINERS.by_name["torch"]
TRAINER = TRAINERS.by_name.get("native", TORCH)
"""Workers train with any trainer, and processes import no torch for this one: `tests/engine/` has torch in them."""
ROWS = StudyRows(two_peaks(), "none")
PATIENCE = 120.0
"""Seconds until a test gives up on workers that should have ended."""


FROM_OUTSIDE = "pool"
CLUSTERS: list[Cluster] = []
"""The cluster of the workers that are somewhere else, once it is open."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two workers on this machine, for all tests of this file."""
    pytest.importorskip("distributed")
    with open_cluster("local:2", print) as opened:  # which finds the odd rows where this process finds them
        assert opened is not None
        CLUSTERS.append(opened)
        yield
        CLUSTERS.clear()


@pytest.fixture(params=[*sorted(KINDS), FROM_OUTSIDE])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every kind in turn, and one from outside; their processes, if they have any, find the odd rows."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    monkeypatch.setitem(KINDS, FROM_OUTSIDE, WorkersKind(PoolWorkers))
    if request.param == CLUSTER:
        request.getfixturevalue("cluster")
    return str(request.param)


@contextmanager
def two_workers(kind: str) -> Iterator[Workers]:
    workers = workers_of(kind, Coordination(2, CLUSTERS[0] if kind == CLUSTER else None))
    try:
        yield workers
    finally:
        workers.close()


def fits(epochs: int = 3) -> list[StudyFit]:
    study = tiny_study(training={"epochs": epochs})
    return list(unique(Planner(study, two_peaks(), TRAINERS.choose).search_fits()))[:4]


def until(workers: Workers, enough: Callable[[list[Any]], bool]) -> list[Event | GivenBack]:
    """What happens until it is enough."""
    happened: list[Event | GivenBack] = []
    end = time.monotonic() + PATIENCE
    while not enough(happened):
        assert time.monotonic() < end, happened
        happened.extend(workers.events())
        time.sleep(0.001)
    return happened


def ended(events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, FitRecord | GivenBack)]


def as_bytes(record: FitRecord) -> tuple[str, dict[str, bytes]]:
    arrays = record.curves | record.parameters | record.predictions
    return record.status, {name: array.tobytes() for name, array in arrays.items()}


def alone(fit: StudyFit, start: Checkpoint | None = None) -> tuple[str, dict[str, bytes]]:
    return as_bytes(train_fit(fit, ROWS, TRAINER, start, lambda state: None))


def test_order_and_neighbours_change_no_byte(kind: str) -> None:
    some = fits()
    with two_workers(kind) as workers:
        workers.start(ROWS, TRAINER)
        for fit in (some[2], some[0], some[3], some[1]):
            workers.submit(fit, None)
        happened = until(workers, lambda events: len(ended(events)) == 4)
    records = {event.fit_id: as_bytes(event) for event in ended(happened)}
    assert records == {fit.id: alone(fit) for fit in some}
    moved = {event.fit_id for event in happened if isinstance(event, FitProgress)}
    assert moved == records.keys()


def test_a_fit_goes_on_from_its_checkpoint(kind: str) -> None:
    fit, states = fits(epochs=2000)[0], []  # more than a first slice does
    train_fit(fit, ROWS, TRAINER, None, lambda state: states.append(Checkpoint.of(fit.id, state)))
    last = Checkpoint(fit.id, states[-1].arrays, states[-1].facts)
    assert last.facts["epoch"] > 0
    with two_workers(kind) as workers:
        workers.start(ROWS, TRAINER)
        workers.submit(fit, last)
        happened = until(workers, ended)
    first = next(event for event in happened if isinstance(event, FitProgress))
    assert first.share == last.facts["epoch"] / 2000
    assert as_bytes(ended(happened)[0]) == alone(fit)


def test_those_who_stop_hand_over_checkpoints_that_end_in_the_same_bytes(kind: str) -> None:
    some = fits(epochs=60_000)[:2]
    with two_workers(kind) as workers:
        workers.start(ROWS, TRAINER)
        for fit in some:
            workers.submit(fit, None)

        def both_move(events: list[Any]) -> bool:
            return len({event.fit_id for event in events if getattr(event, "share", 0.0) > 0}) == 2

        before = until(workers, both_move)  # where one process starts late, the other's fit may have ended
        workers.stop()
        happened = until(workers, lambda events: len(ended(before + events)) == 2)
    saved = {event.fit_id: event for event in happened if isinstance(event, Checkpoint)}
    given_back = {event.fit_id: event for event in happened if isinstance(event, GivenBack)}
    assert given_back
    assert all(event.fault is None for event in given_back.values())
    assert saved.keys() >= given_back.keys()
    for fit in some:
        if fit.id in saved:
            assert alone(fit, saved[fit.id]) == alone(fit)


def test_nothing_is_begun_after_a_wish_to_stop(kind: str) -> None:
    with two_workers(kind) as workers:
        workers.stop()
        workers.start(ROWS, TRAINER)
        workers.submit(fits()[0], None)
        time.sleep(0.2)
        assert list(workers.events()) == []


def test_a_lack_of_memory_is_no_fault_of_the_fit(kind: str) -> None:
    with two_workers(kind) as workers:
        workers.start(Raising(MemoryError()), TRAINER)
        workers.submit(fits()[0], None)
        (given_back,) = until(workers, ended)
    assert isinstance(given_back, GivenBack)
    assert isinstance(given_back.fault, EnvironmentFault)
    assert str(given_back.fault) == "out of memory while training; fewer rows need less"


def test_the_error_of_a_fit_is_its_record_and_ends_no_other(kind: str) -> None:
    well, other, *_ = fits()
    beyond = replace(other.rows, train=other.rows.train + 10_000)
    with two_workers(kind) as workers:
        workers.start(ROWS, TRAINER)
        for fit in (replace(other, id="broken", rows=beyond), well):
            workers.submit(fit, None)
        happened = until(workers, lambda events: len(ended(events)) == 2)
    records = {event.fit_id: event for event in ended(happened)}
    assert records["broken"].status == "failed"
    assert records["broken"].message.startswith("IndexError: ")
    assert as_bytes(records[well.id]) == alone(well)


@pytest.mark.parametrize(
    "refusal",
    [DataError(Problem("column", "refused")), EnvironmentFault("no core"), OSError(28, "disk full")],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_gives_the_fit_back_with_its_own_words(kind: str, refusal: Exception) -> None:
    fit = fits()[0]
    with two_workers(kind) as workers:
        workers.start(Raising(refusal), TRAINER)
        workers.submit(fit, None)
        happened = until(workers, ended)
    (given_back,) = happened
    assert isinstance(given_back, GivenBack)
    assert given_back.fit_id == fit.id
    assert (type(given_back.fault), str(given_back.fault)) == (type(refusal), str(refusal))


def test_a_lost_worker_gives_its_fit_back_and_another_takes_its_place(kind: str) -> None:
    fit = fits()[0]
    with two_workers(kind) as workers:
        workers.start(Raising(SystemExit(3)), TRAINER)  # what no policy catches
        for _ in range(2):  # as many as there are workers
            workers.submit(fit, None)
        lost = until(workers, lambda events: len(ended(events)) == 2)
        workers.start(ROWS, TRAINER)
        workers.submit(fit, None)
        happened = until(workers, ended)
    assert [type(event) for event in lost] == [GivenBack, GivenBack]
    assert all(event.fit_id == fit.id and event.fault for event in ended(lost))
    assert as_bytes(ended(happened)[0]) == alone(fit)


def test_once_all_is_over_no_lost_worker_is_replaced() -> None:
    seats: list[LostSeat] = []

    def seat() -> LostSeat:
        seats.append(LostSeat())
        return seats[-1]

    crew = Crew(Coordination(2), seat)
    crew.start(ROWS, TRAINER)
    for _ in range(200):
        crew.submit(fits()[0], None)
    until(crew, ended)
    crew.close()
    made = len(seats)
    time.sleep(0.2)
    assert len(seats) == made
    assert all(one.ended for one in seats)


class LostSeat:
    """Where every worker is lost at once."""

    ended = False

    def train(self, order: FitOrder, send: Callable[[Event], None], stopping: Callable[[], bool]) -> None:
        raise SystemExit(3)

    def kill(self) -> None: ...

    def end(self) -> None:
        self.ended = True


def test_kinds_share_the_places_of_their_loop() -> None:
    shared = Coordination(1)
    shared.places.acquire()
    workers = workers_of("threads", shared)
    workers.start(ROWS, TRAINER)
    workers.submit(fits()[0], None)
    time.sleep(0.2)
    assert list(workers.events()) == []
    shared.places.release()
    assert ended(until(workers, ended))
    workers.close()


# -- a kind from outside --------------------------------------------------------------------------------------


class Caller:
    """Trains in the thread that asks what has happened."""

    def __init__(self, shared: Coordination) -> None:
        self.orders: list[tuple[Fit, Checkpoint | None, SharedRows, Trainer]] = []
        self.stopping = False

    def start(self, rows: SharedRows, trainer: Trainer) -> None:
        self.rows, self.trainer = rows, trainer

    def submit(self, fit: Fit, checkpoint: Checkpoint | None) -> None:
        self.orders.append((fit, checkpoint, self.rows, self.trainer))

    def events(self) -> Iterator[Event | GivenBack]:
        if self.stopping or not self.orders:
            return
        fit, checkpoint, rows, trainer = self.orders.pop(0)
        happened: list[Event] = []
        on_slice = OnSlice(fit, happened.append, lambda: self.stopping, time.monotonic())
        try:
            happened.append(train_fit(fit, rows, trainer, checkpoint, on_slice))
            yield from happened
        except Stopped:
            yield from (*happened, GivenBack(fit.id))

    def stop(self) -> None:
        self.stopping = True

    def close(self) -> None:
        self.orders.clear()


def test_a_kind_that_is_added_by_one_line_runs_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    study = tiny_study(training={"epochs": 2})
    before = run(study, out=tmp_path / "before", workers=2).digest
    made = []
    kind = WorkersKind(lambda shared: made.append(Caller(shared)) or made[-1])
    monkeypatch.setitem(KINDS, "caller", kind)
    for trainer in (NativeTrainer, TorchTrainer):
        monkeypatch.setattr(trainer, "workers", lambda *_: "caller")
    assert run(study, out=tmp_path / "after", workers=2).digest == before
    assert made


def test_a_kind_that_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        LookupError, match=r"^workers: expected one of threads, processes, dask, got cluster$"
    ):
        workers_of("cluster", Coordination(2))


def test_threads_do_for_convolutions_and_for_one_fit_at_a_time() -> None:
    dense = build_architecture(Network(hidden=(3,)), (2,), 1)
    convolutions = build_architecture(Network(kind="cnn", conv=(Conv(channels=2),)), (1, 6, 6), 2)
    assert kind_of(TORCH, dense, workers=2) == "processes"
    assert kind_of(TORCH, convolutions, workers=2) == "threads"
    assert kind_of(TORCH, dense, workers=1) == "threads"
    assert kind_of(NativeTrainer(), dense, workers=2) == "threads"
    assert trained_apart(TORCH, dense, workers=2)
    assert not trained_apart(TORCH, convolutions, workers=2)
    assert not trained_apart(TORCH, dense, workers=1)
    assert not trained_apart(NativeTrainer(), dense, workers=2)
