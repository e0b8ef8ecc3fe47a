"""People's own modules: Shoal's estimators beside the plain loop of PyTorch and beside skorch.

Run as `python -m benchmarks.own_modules [--pairs N] [--quick]`. Each contestant trains the same module with adam on one
core in a process of its own, from first weights on; they take turns, and ratios are made turn by turn. Seconds are
those of the process on its core, so that whoever else uses the machine counts little. Ours include streams, checks and
the evaluation of the training loss after every epoch; the loop runs with one and without.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from functools import partial
from statistics import median

from benchmarks.cases import Case
from benchmarks.environment import ensure_peers
from benchmarks.own_modules_ours import CONTESTANTS
from benchmarks.pairs import in_turns, ratios, spread
from benchmarks.record import table, write_record
from benchmarks.worker import Worker

PEERS = (
    "PyTorch loop",
    "PyTorch loop, fused",
    "PyTorch loop, evaluated",
    "PyTorch loop, fused, evaluated",
    "skorch",
)
CASES = (
    Case("1-100-80-1", 1, (100, 80), 1, "sigmoid", 0.0, 10, 80),
    Case("LSTM", 24, (), 1, "relu", 0.0, 32, 256),
    Case("residual CNN", 64, (), 10, "relu", 0.0, 64, 1024, classes=True),
    Case("two inputs", 28, (), 1, "relu", 0.0, 32, 256),
)
SECONDS = 0.3
"""About what one turn of one contestant takes."""


def measured(case: Case, workers: list[Worker], pairs: int, seconds: float) -> dict[str, list[float]]:
    """Give seconds of an epoch of every contestant, turn by turn."""
    contestants = {}
    for worker in workers:
        warm = min(worker.seconds(case, 2), worker.seconds(case, 2)) / 2
        epochs = max(2, round(seconds / warm))
        contestants[worker.name] = partial(per_epoch, worker, case, epochs)
    return in_turns(contestants, pairs)


def per_epoch(worker: Worker, case: Case, epochs: int) -> float:
    """Give seconds of an epoch."""
    return worker.seconds(case, epochs) / epochs


def lines_of(case: Case, times: dict[str, list[float]]) -> list[str]:
    """Lay out one case: milliseconds of an epoch, and what the others take of the time of each of ours."""
    rows = [
        [name, spread([value * 1e3 for value in times[name]])]
        + [spread(ratios(times[name], times[our])) for our in CONTESTANTS]
        for name in sorted(times, key=lambda name: -median(times[name]))
    ]
    named, by_class = CONTESTANTS
    pairs = (
        (named, "PyTorch loop, fused, evaluated"),
        (named, "PyTorch loop, fused"),
        (by_class, "PyTorch loop, evaluated"),
        (by_class, "PyTorch loop"),
        ("skorch", named),
        ("skorch", by_class),
    )
    said = "; ".join(f"{name} by {other}: {share(times, name, other)}" for name, other in pairs)
    title = f"{case.name}, {case.rows} rows, batch {case.batch}"
    head = [title, "ms an epoch", *(f"times {our}" for our in CONTESTANTS)]
    return [*table(head, rows), "", f"Time of an epoch, median of the ratios: {said}.", ""]


def share(times: dict[str, list[float]], name: str, other: str) -> str:
    """Give how many times as long a contestant takes as another, the median turn by turn."""
    return f"{median(ratios(times[name], times[other])):.2f}"


def main() -> None:
    """Measure, print, and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_modules", description=__doc__)
    parser.add_argument("--pairs", type=int, default=11, help="turns of every comparison (11)")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: two turns, tiny slices, no record kept"
    )
    asked = parser.parse_args()
    ensure_peers()
    pairs, seconds = (2, 0.05) if asked.quick else (asked.pairs, SECONDS)
    lines: list[str] = []
    with ExitStack() as stack:
        asked_of = {"prefix": "own_modules_", "clock": "process_time"}
        workers = [Worker(name, ours=False, **asked_of) for name in PEERS]
        workers += [Worker(name, ours=True, **asked_of) for name in CONTESTANTS]
        for worker in workers:
            stack.callback(worker.stop)
        for case in CASES:
            lines += lines_of(case, measured(case, workers, pairs, seconds))
    print("\n".join(lines))
    if not asked.quick:
        command = f"python -m benchmarks.own_modules --pairs {pairs}"
        print(
            f"written: {write_record(command, [('Own-modules: beside a plain loop and skorch', lines[:-1])], None)}"
        )


if __name__ == "__main__":
    main()
