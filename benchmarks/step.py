"""One step and one fit on one core: every contestant in turn, ratios pair by pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median

from benchmarks.cases import Case, fit_cases, step_cases
from benchmarks.pairs import best_of, in_turns, ratios, spread
from benchmarks.record import table
from benchmarks.worker import Worker

PEERS = ("PyTorch loop", "PyTorch loop, foreach", "PyTorch loop, fused", "skorch", "scikit-learn")


def our_names() -> list[str]:
    """Our trainers that work on this machine, the fastest last."""
    from benchmarks.ours import CONTESTANTS

    return list(CONTESTANTS)


def steps(pairs: int, quick: bool) -> list[str]:
    """Time per step, µs: fits of so many epochs that each takes about half a second."""
    cases = step_cases()[:3] if quick else step_cases()
    times = _measured(cases, pairs, 0.05 if quick else 0.5, None)
    lines = [
        "Microseconds per training step (adam, float32, one core): median (smallest to largest) over the turns.",
        "Ratios are made turn by turn; `PyTorch loop` is the best of its three optimiser variants (default, foreach,",
        "fused), a loop over shuffled row numbers without a DataLoader. Ours include streams, checks and evaluations.",
        "",
    ]
    return lines + _tables(cases, times, 1e6, "µs per step")


def fits(pairs: int, quick: bool) -> list[str]:
    """Time of a whole small fit, ms: 80 rows, batch 10, a slice of 5,000 epochs."""
    cases = fit_cases()[:1] if quick else fit_cases()
    epochs = 10 if quick else 200
    times = _measured(cases, pairs, 0.0, epochs)
    lines = [
        f"Milliseconds for the first {epochs} of 5,000 epochs on 80 rows, from description to network.",
        "",
    ]
    return lines + _tables(cases, times, 1e3, "ms per fit")


Times = dict[str, dict[str, list[float]]]


def _measured(cases: Sequence[Case], pairs: int, seconds: float, epochs: int | None) -> Times:
    """Seconds by case and contestant: per step, or per fit where the number of epochs is given."""
    with ExitStack() as stack:
        workers = [Worker(name, ours=False) for name in PEERS] + [
            Worker(name, ours=True) for name in our_names()
        ]
        for worker in workers:
            stack.callback(worker.stop)
        return {_title(case): _one_case(case, workers, pairs, (seconds, epochs)) for case in cases}


def _one_case(
    case: Case, workers: Sequence[Worker], pairs: int, length: tuple[float, int | None]
) -> dict[str, list[float]]:
    contestants = {}
    for worker in workers:
        warm = min(worker.seconds(case, 1), worker.seconds(case, 1))
        if math.isnan(warm):
            continue
        epochs = length[1] or max(1, min(case.of_epochs, round(length[0] / warm)))
        units = 1 if length[1] else epochs * case.steps
        contestants[worker.name] = partial(_per_unit, worker, case, epochs, units)
    return in_turns(contestants, pairs)


def _per_unit(worker: Worker, case: Case, epochs: int, units: int) -> float:
    return worker.seconds(case, epochs) / units


def _title(case: Case) -> str:
    return f"{case.name}, batch {case.batch}"


def _tables(cases: Sequence[Case], times: Times, scale: float, unit: str) -> list[str]:
    lines: list[str] = []
    for case in cases:
        measured = times[_title(case)]
        ours = [name for name in our_names() if name in measured]
        loop = best_of(measured, "PyTorch loop")
        shown = [name for name in measured if not name.startswith("PyTorch loop") or name == loop]
        rows = [
            [name, spread([value * scale for value in measured[name]])]
            + [spread(ratios(measured[name], measured[our])) for our in ours]
            for name in sorted(shown, key=lambda name: -median(measured[name]))
        ]
        head = [_title(case), unit, *(f"times {name}" for name in ours)]
        lines += [*table(head, rows), ""]
    return lines[:-1]
