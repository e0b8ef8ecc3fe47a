"""Workers that are those of a Dask cluster: fits go there as tasks of about a second, as many at a time as threads.

A task that is lost with its worker is done again from where its fits stood. Nothing is heard of one before it ends, so
that nothing waits on a cluster for whoever is no longer there (`dask_task.py`).
"""

from __future__ import annotations

import hashlib
import itertools
import os
import queue
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from shoal.engine._fit import Fit, fit_seconds
from shoal.engine._train import Checkpoint, SharedRows, first_state, record_of
from shoal.engine._trainer import Trainer
from shoal.engine.workers.cluster import LOOK_SECONDS, Cluster, within
from shoal.engine.workers.dask_task import Batch, Handed, leave_off, train_batch, unpacked
from shoal.engine.workers.protocol import Coordination, Event, FitProgress, GivenBack, TrainedOn
from shoal.engine.workers.slices import CHECKPOINT_SECONDS
from shoal.errors import EnvironmentFault
from shoal.results import FitRecord

TASK_SECONDS: Final = 1.0
"""How long a task is to take: what is lost with a worker, and what a wish to stop is behind by."""
FIRST_SECONDS: Final = 0.25
"""How long the first task of a long fit is to take, and the first after a death; the next takes twice as long."""
LEAST_SECONDS: Final = 0.1
"""What a task is to take at least where little is left, which is spread over all workers."""
STATE_BYTES: Final = 2e6
"""Bytes a second that a fit may send to and fro by where it stands: large networks are trained longer at a time."""
FIT_SECONDS: Final = 0.0005
"""What a fit takes beside its training, about: rows made ready, answers, scores."""
PACES: Final = 0.1, 100.0
"""Bounds of how much longer than predicted fits take."""
MOST_FITS: Final = 2000
"""Fits of a task, at most."""
_ONCE: Final = {"retries": 0, "pure": False}
MOST_DEATHS: Final = 3
"""A fit in the hands of so many workers that died, one after the other, has failed."""
MOST_LOSSES: Final = 20
"""So often, one after the other, may a task be lost with what it needs before somebody has to look at the cluster."""


@dataclass(eq=False)
class _Order:
    """A fit that was submitted, from where it stands, and what has become of it so far."""

    fit: Fit
    rows: SharedRows
    trainer: Trainer
    seconds: float
    start: Checkpoint | None
    stored: float
    at_once: float = FIRST_SECONDS
    deaths: int = 0
    losses: int = 0

    def goes_with(self, other: _Order) -> bool:
        """Whether both may be in one task."""
        alike = self.rows is other.rows and self.trainer is other.trainer
        return alike and not (self.deaths or other.deaths)

    @property
    def progress(self) -> FitProgress:
        """How far it has come."""
        if self.start is None:
            return FitProgress(self.fit.id, 0.0)
        facts, epochs = self.start.facts, self.fit.job.training.epochs
        done = facts["epoch"] + facts["step"] * epochs / max(1, self.fit.steps)
        return FitProgress(self.fit.id, float(done / epochs))


@dataclass(eq=False)
class _Task:
    """A task under way."""

    orders: list[_Order]
    future: Any
    workers: list[str] | None
    left_out: int


def dask(shared: Coordination) -> Dask:
    """Make workers of the cluster of an event loop."""
    assert isinstance(shared.cluster, Cluster)  # noqa: S101 - who asks for this kind has one
    return Dask(shared, shared.cluster)


class Dask:
    """Fits in the order in which they are submitted, cut into tasks; all but what waits for a task is in `events`."""

    def __init__(self, shared: Coordination, cluster: Cluster) -> None:
        """Begin with nothing."""
        self._shared, self._cluster = shared, cluster
        self._waiting: deque[_Order] = deque()
        self._seconds, self._pace = 0.0, 1.0
        self._running: set[_Task] = set()
        self._back: queue.SimpleQueue[tuple[_Task, Any]] = queue.SimpleQueue()
        self._stop = self._told_to_stop = False
        self._run, self._numbers = os.urandom(4).hex(), itertools.count()

    def start(self, rows: SharedRows, trainer: Trainer) -> None:
        """Note on which rows the fits that follow are trained, and by whom, which all workers must have."""
        self._cluster.require(trainer)
        self._rows, self._trainer = rows, trainer
        self._predicted: dict[tuple[int, int, int], float] = {}

    def submit(self, fit: Fit, checkpoint: Checkpoint | None) -> None:
        """Put a fit behind the others."""
        if self._stop:
            return
        alike = id(fit.job.architecture), id(fit.job.training), fit.rows.learning_count
        if alike not in self._predicted:
            self._predicted[alike] = FIT_SECONDS + fit_seconds(fit, self._trainer)
        seconds = self._predicted[alike]
        self._seconds += seconds
        self._waiting.append(_Order(fit, self._rows, self._trainer, seconds, checkpoint, time.monotonic()))
        if not self._running:
            self._shared.ring()

    def events(self) -> Iterator[Event | GivenBack]:
        """Take what tasks gave, and send others in their place."""
        self._cluster.look()
        if self._stop and not self._told_to_stop:
            self._told_to_stop = True
            self._cluster.soon(self._leave_off())
            yield from self._stood()
        for task in self._running:
            if task.workers and not self._cluster.present.intersection(task.workers):
                task.workers = None
                self._cluster.soon(self._cancelled(task))  # and sent to others
        while not self._back.empty():
            yield from self._ended(*self._back.get())
        while self._waiting and not self._stop and len(self._running) < self._cluster.width:
            rows = self._cluster.sent(self._waiting[0].rows)
            if rows is None:  # there is no worker at the moment
                break
            self._send(rows)

    def _stood(self) -> Iterator[Event | GivenBack]:
        """Hand over where each fit stands that was begun: what is in somebody's hands may come too late."""
        under_way = [order for task in self._running for order in task.orders]
        for order in (*under_way, *self._waiting):
            if order.start is not None:
                yield order.start
        yield from (order.progress for order in under_way)  # these are waited for
        yield from (GivenBack(order.fit.id) for order in self._waiting)
        self._waiting.clear()

    def stop(self) -> None:
        """Send no more; what is under way ends soon by itself. Safe in a signal handler."""
        self._stop = True

    def close(self) -> None:
        """Let go of what is under way."""
        self._stop = True
        self._waiting.clear()
        futures = [task.future for task in self._running]
        if futures:
            self._cluster.soon(self._leave_off())
            with suppress(Exception):  # the cluster may be gone
                within(
                    self._cluster.client,
                    LOOK_SECONDS,
                    lambda: self._cluster.client.cancel(futures, force=True),
                )
        self._running.clear()

    # -- tasks that go -------------------------------------------------------------------------------------------

    def _send(self, rows: Any) -> None:
        """Send one task: what takes about a second, less where little is left."""
        orders = self._batch()
        first = orders[0]
        seconds = TASK_SECONDS
        if len(orders) == 1:
            state = 16.0 * first.fit.job.architecture.parameter_count
            seconds = max(min(first.at_once, TASK_SECONDS), state / STATE_BYTES)
        fits = tuple((order.fit, order.start) for order in orders)
        batch = Batch(fits, first.trainer, seconds, self._run)
        names = hashlib.sha256("".join(order.fit.id for order in orders).encode()).hexdigest()[:16]
        key = f"shoal-{names}-{self._run}-{next(self._numbers)}"
        workers = self._cluster.usable
        future = self._cluster.client.submit(train_batch, rows, batch, key=key, workers=workers, **_ONCE)
        task = _Task(orders, future, workers, len(self._cluster.left_out))
        self._running.add(task)
        self._cluster.soon(self._follow(task))

    def _batch(self) -> list[_Order]:
        """Take the next fits; one whose worker died goes alone."""
        share = self._pace * self._seconds / max(1, self._cluster.width)
        enough = min(TASK_SECONDS, max(LEAST_SECONDS, share)) / self._pace
        orders: list[_Order] = []
        seconds = 0.0
        while self._waiting and len(orders) < MOST_FITS and seconds < enough:
            order = self._waiting[0]
            if orders and not (orders[0].goes_with(order) and seconds + order.seconds / 2 < enough):
                break
            orders.append(self._waiting.popleft())
            seconds += order.seconds
        self._seconds = max(0.0, self._seconds - seconds) if self._waiting else 0.0
        return orders

    async def _leave_off(self) -> None:
        """Have tasks end at once; nobody waits for it, since a worker may hang."""
        with suppress(Exception):
            await self._cluster.client.run(leave_off, self._run, on_error="ignore")

    async def _cancelled(self, task: _Task) -> None:
        """Take back a task that waits for workers who have all gone."""
        with suppress(Exception):
            await self._cluster.client.cancel([task.future], force=True)

    async def _follow(self, task: _Task) -> None:
        """Wait for a task in the client's own thread, and fetch what it gave."""
        outcome: Any
        try:
            outcome = await task.future
        except BaseException as error:  # whatever it is, it is told to the coordinator
            outcome = error
        self._back.put((task, outcome))
        self._shared.ring()

    # -- tasks that come back ------------------------------------------------------------------------------------

    def _ended(self, task: _Task, outcome: Any) -> Iterator[Event | GivenBack]:
        """Take what a task gave, and put back what it left."""
        self._running.discard(task)
        if isinstance(outcome, bytes):
            yield from self._handed(task.orders, unpacked(outcome))
            return
        from distributed import KilledWorker

        if isinstance(outcome, KilledWorker):
            yield from self._died(task.orders, 1 + outcome.allowed_failures)
        elif isinstance(outcome, OSError | CancelledError) or self._was_left_out(task):
            # What it needed was lost, the cluster begun anew, or it went to a worker that cannot be used.
            for order in task.orders:
                order.losses += 1
                if order.losses > MOST_LOSSES:
                    what = f"tasks were lost {MOST_LOSSES} times one after the other"
                    yield GivenBack(order.fit.id, EnvironmentFault(f"{self._cluster.name}: {what}"))
                    return
            yield from self._again(task.orders)
        else:
            what = f"a worker cannot train what it is sent: {type(outcome).__name__}: {outcome}"
            fault = EnvironmentFault(f"{self._cluster.name}: {what}")
            yield from (GivenBack(order.fit.id, fault) for order in task.orders)

    def _was_left_out(self, task: _Task) -> bool:
        """Whether a worker that came after a task was sent turned out to be one that cannot be used."""
        self._cluster.look(at_once=True)
        return len(self._cluster.left_out) > task.left_out

    def _handed(self, orders: list[_Order], handed: Handed) -> Iterator[Event | GivenBack]:
        ended, rest = orders[: len(handed.records)], orders[len(handed.records) :]
        where = self._cluster.environment(handed.worker)
        if ended and len(orders) > 1:  # how much longer than predicted short fits take on these machines
            pace = handed.seconds / sum(order.seconds for order in ended)
            self._pace = (self._pace + min(PACES[1], max(PACES[0], pace))) / 2
        for order, record in zip(ended, handed.records, strict=True):
            yield from (order.progress, TrainedOn(order.fit.id, where), record)
        if handed.refusal is not None:
            yield GivenBack(rest.pop(0).fit.id, handed.refusal)
        elif handed.paused is not None:
            first = rest[0]
            yield first.progress
            first.start, first.deaths, first.losses = handed.paused, 0, 0
            first.at_once *= 2
            yield from (first.progress, TrainedOn(first.fit.id, where))
            now = time.monotonic()
            if self._stop or now - first.stored >= CHECKPOINT_SECONDS:
                first.stored = now
                yield handed.paused
        yield from self._again(rest)

    def _died(self, orders: list[_Order], workers: int) -> Iterator[Event | GivenBack]:
        """Give fits to others whose worker died; of several, each then goes alone: so it is known whose fault it is.

        Dask itself may have begun the task several times: so many `workers` died.
        """
        for order in orders:
            order.deaths += workers
            order.at_once = FIRST_SECONDS
            if len(orders) > 1:
                order.deaths = min(order.deaths, MOST_DEATHS - 1)
        for order in [order for order in orders if order.deaths >= MOST_DEATHS]:
            orders.remove(order)
            yield _failed(order.fit)
        yield from self._again(orders)

    def _again(self, orders: list[_Order]) -> Iterator[GivenBack]:
        """Put fits before the others; after a wish to stop, give them back."""
        if self._stop:
            yield from (GivenBack(order.fit.id) for order in orders)
            return
        self._waiting.extendleft(reversed(orders))
        self._seconds += sum(order.seconds * (1 - order.progress.share) for order in orders)


def _failed(fit: Fit) -> FitRecord:
    """Give the record of a fit that no worker survives."""
    reason = "its worker died three times; if memory ran out, workers need more of it"
    return record_of(fit, first_state(fit), "failed", reason, time.perf_counter())
