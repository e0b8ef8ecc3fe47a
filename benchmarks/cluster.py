"""What a cluster costs beside threads, and, by a simulation of these costs, how many workers one run can keep busy.

Run as `python -m benchmarks.cluster [--fits N] [--most N] [--turns N]`. Fits of about 2 ms, the same ones, on threads
and on `local:2`, stored: processor time of all processes, once they have started and done some. The costs of the
coordinator, with the scheduler in it, are taken apart by tasks of one fit each. `--most` fits are then trained there
with few epochs, while the coordinator's memory is looked at.

The simulation: workers that take tasks of a second, a coordinator that serves one at a time at the measured costs, some
workers slow, some dying. What is lost waits for its worker to be given up.
"""

from __future__ import annotations

import argparse
import heapq
import resource
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.record import table, write_record
from shoal.data import load_builtin
from shoal.engine import Executor, PlannedFit, Planner, Silent, StudyRows, Trainers, open_cluster
from shoal.engine.workers import dask as dask_workers
from shoal.results import FitRecord, Identity, Store
from shoal.study import parse_study

ROWS: Final = StudyRows(load_builtin("two-peaks"), "none")
TRAINERS: Final = Trainers()
IDENTITY: Final = Identity("many", "regression", ROWS.dataset.train_fingerprint)
WORKERS: Final = (1, 4, 16, 64, 100, 200, 400, 700, 1000)
SLOW, SLOWNESS = 0.05, 3.0
"""The share of workers that are slow, and how many times as long they take."""
DEATHS_AN_HOUR, BACK_SECONDS, NOTICED_SECONDS = 0.2, 30.0, 1.0
"""How often each worker dies, after how long another is there, and after how long that is known."""


def fits_of(count: int, epochs: int) -> tuple[PlannedFit, ...]:
    """So many fits, on ten folds."""
    rates = [0.001 + 1e-6 * place for place in range(-(-count // 10))]
    study = parse_study(
        {
            "study": {"name": "many", "task": "regression"},
            "data": {"dataset": "two-peaks"},
            "network": {"hidden": [8]},
            "training": {"epochs": epochs, "batch_size": 20},
            "search": {"folds": 10, "space": {"training.lr": rates}},
        }
    )
    return Planner(study, ROWS.dataset, TRAINERS.choose).search_fits()[:count]


@dataclass(frozen=True)
class Cost:
    """What it took to train some fits: seconds of the processors of this process and of the workers, and of a clock."""

    own: float
    workers: float
    clock: float
    most_bytes: tuple[int, ...] = ()


class Looking(Silent):
    """Looks at the memory of this process after each part of so many fits."""

    def __init__(self, each: int) -> None:
        self.each, self.done, self.sizes = each, 0, list[int]()

    def finished(self, record: FitRecord) -> None:  # noqa: ARG002
        self.done += 1
        if self.done % self.each == 0:
            self.sizes.append(psutil.Process().memory_info().rss)


def trained(planned: Sequence[PlannedFit], cluster: Any = None, workers: int = 2) -> Cost:
    """Train and store fits on threads or on a cluster; look ten times at the memory of this process."""
    pids, looking = cluster.local.pids if cluster else [], Looking(max(1, len(planned) // 10))
    executor = Executor(ROWS, TRAINERS.by_name, workers, looking, cluster)
    with TemporaryDirectory() as folder, Store.create_or_open(Path(folder), IDENTITY) as store:
        before = seconds_of(pids), time.process_time(), time.perf_counter()
        executor.execute("many", planned, store)
        after = seconds_of(pids), time.process_time(), time.perf_counter()
    away, own, clock = (now - then for now, then in zip(after, before, strict=True))
    return Cost(own, away, clock, tuple(looking.sizes))


def seconds_of(pids: Sequence[int]) -> float:
    """Seconds of processors that processes have had."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


@dataclass(frozen=True)
class Costs:
    """What the coordinator takes for a task, and for a fit in it, in seconds of its processor."""

    task: float
    fit: float


def measured(count: int, most: int, turns: int) -> tuple[list[str], Costs]:
    """Fits on threads and on a cluster, in turns; the coordinator's costs."""
    planned, warm = fits_of(count, 60), fits_of(400, 59)
    trained(warm)
    with open_cluster("local:2", print) as cluster:
        trained(warm, cluster)
        pairs = [(trained(planned), trained(planned, cluster)) for _ in range(turns)]
        alone, dask_workers.MOST_FITS = dask_workers.MOST_FITS, 1
        single = trained(planned[: count // 10], cluster)
        dask_workers.MOST_FITS = alone
        flat = trained(fits_of(most, 1), cluster)
    fit = sum(there.own for _, there in pairs) / (count * turns)
    costs = Costs(single.own / (count // 10) - fit, fit)
    rows = [
        [
            f"{turn}, {name}",
            *(f"{value:.1f}" for value in (cost.own, cost.workers, cost.own + cost.workers, cost.clock)),
        ]
        for turn, pair in enumerate(pairs, start=1)
        for name, cost in zip(("two threads", "local:2"), pair, strict=True)
    ]
    here, there = (sum(pair[place].own + pair[place].workers for pair in pairs) for place in (0, 1))
    sizes = ", ".join(f"{size / 2**20:,.0f}" for size in flat.most_bytes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return [
        f"{count:,} fits of {1e3 * here / (count * turns):.2f} ms, trained and stored. Seconds:",
        "",
        *table(["turn", "this process", "workers", "processors in all", "clock"], rows),
        "",
        f"On the cluster {there / here - 1:+.1%} of processor time. The coordinator takes {1e3 * costs.task:.2f} ms for"
        f" a task and {1e3 * costs.fit:.3f} ms for a fit, stored.",
        "",
        f"{most:,} fits of one epoch: {flat.own:.0f} s of this process, {flat.workers:.0f} s of the workers,"
        f" {flat.clock:.0f} s of a clock. Memory of this process after each tenth of them, in MiB: {sizes}; at most"
        f" {peak:,.0f}.",
    ], costs


def simulated(workers: int, fit_seconds: float, costs: Costs, seconds: float = 600.0) -> tuple[float, float]:
    """Share of the workers' time that trains, and of the coordinator's time that is taken, over some seconds."""
    random = np.random.default_rng(workers)
    pace = np.where(random.random(workers) < SLOW, SLOWNESS, 1.0)
    at_once = max(1, round(1.0 / fit_seconds))
    service = costs.task + at_once * costs.fit
    free, taken, trained_seconds = 0.0, 0.0, 0.0
    back = [(0.0, worker) for worker in range(workers)]
    while back:
        moment, worker = heapq.heappop(back)
        if moment >= seconds:
            break
        free = max(free, moment) + service  # it waits for those that were back before
        taken += service
        length = pace[worker] * min(1.0, at_once * fit_seconds)
        if random.random() < length * DEATHS_AN_HOUR / 3600:
            heapq.heappush(back, (free + length * random.random() + NOTICED_SECONDS + BACK_SECONDS, worker))
        else:
            trained_seconds += length
            heapq.heappush(back, (free + length, worker))
    return trained_seconds / (workers * seconds), min(1.0, taken / seconds)


def simulation(costs: Costs) -> list[str]:
    """How busy workers are kept, for fits of several lengths."""
    lengths = {"2 ms": 0.002, "50 ms": 0.05, "1 s and longer": 1.0}
    rows = []
    for workers in WORKERS:
        shares = [simulated(workers, seconds, costs) for seconds in lengths.values()]
        rows.append([f"{workers:,}", *(f"{busy:.0%} ({taken:.0%})" for busy, taken in shares)])
    stops = {
        name: 1.0 / (costs.task + max(1, round(1 / length)) * costs.fit) for name, length in lengths.items()
    }
    said = "; ".join(f"{name}: {count:,.0f}" for name, count in stops.items())
    return [
        f"Of the workers' time, what trains; in brackets what of the coordinator's processor is taken. {SLOW:.0%} of"
        f" the workers take {SLOWNESS:g} times as long; each dies {DEATHS_AN_HOUR:g} times an hour.",
        "",
        *table(["workers", *(f"fits of {name}" for name in lengths)], rows),
        "",
        f"One processor of the coordinator serves so many workers: {said}. The part that"
        " stops it is the coordinator's process, with short fits by storing each, with long ones by Dask's work for"
        " a task.",
    ]


def main(arguments: list[str]) -> None:
    """Measure, simulate, and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster")
    parser.add_argument("--fits", type=int, default=10_000)
    parser.add_argument("--most", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    lines, costs = measured(options.fits, options.most, options.turns)
    sections = [("Cluster: fits of 2 ms beside threads", lines), ("Scaling: simulated", simulation(costs))]
    command = shlex.join(["python", "-m", "benchmarks.cluster", *arguments])
    print(write_record(command, sections, options.out))


if __name__ == "__main__":
    main(sys.argv[1:])
