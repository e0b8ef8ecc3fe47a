"""Distance to the machine: what the native trainer reaches of the peak of one core and of memory traffic."""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median

import numpy as np

from benchmarks import native_step
from benchmarks.pairs import spread
from benchmarks.record import table
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import runnable_targets

COPY_BYTES = 2**28


def memory_rate() -> float:
    """GB/s of one core copying 256 MiB, read and write counted."""
    source, target = np.ones(COPY_BYTES // 8), np.empty(COPY_BYTES // 8)
    np.copyto(target, source)
    best = float("inf")
    for _ in range(5):
        begun = time.thread_time()
        np.copyto(target, source)
        best = min(best, time.thread_time() - begun)
    return 2 * COPY_BYTES / best * 1e-9


def adam_bytes(sizes: tuple[int, ...]) -> int:
    """Bytes that one step of adam must move: parameters and both moments, read and written."""
    weights = sum(inputs * units + units for inputs, units in pairwise(sizes))
    return 24 * weights


def machine(pairs: int, quick: bool) -> list[str]:
    """Measure the peaks and every step in turn; shares turn by turn."""
    if not runnable_targets():
        return ["The native trainer is not built here."]
    target = runnable_targets()[-1]
    networks = native_step.NETWORKS[:1] if quick else native_step.NETWORKS
    peaks: list[float] = []
    memory: list[float] = []
    seconds: dict[tuple[int, int], list[float]] = {}
    for _ in range(pairs):
        peaks.append(native_step.peak(target))
        memory.append(memory_rate())
        for place, network in enumerate(networks):
            for batch in native_step.BATCHES:
                length = 0.02 if quick else 0.4
                seconds.setdefault((place, batch), []).append(
                    native_step.step(NativeTrainer(target), network, batch, length)
                )
    rows = []
    for (place, batch), times in seconds.items():
        network = networks[place]
        sizes = (network[0], *network[1], network[2])
        rates = [native_step.flops(network, batch) / each * 1e-9 for each in times]
        shares = [100 * rate / peak for rate, peak in zip(rates, peaks, strict=True)]
        traffic = adam_bytes(sizes) / median(times) * 1e-9
        name = "-".join(map(str, sizes))
        rows.append(
            [f"{name}, batch {batch}", spread([1e6 * each for each in times]), spread(rates), spread(shares)]
        )
        rows[-1].append(f"{traffic:.3g} ({100 * traffic / median(memory):.0f} %)")
    head = ["whole step", "µs", "GFLOP/s of its products", "% of the peak", "GB/s of adam (share of a copy)"]
    return [
        f"Target {target}. Peak of multiply-adds in registers: {spread(peaks)} GFLOP/s on one core; a copy of 256 MiB:",
        f"{spread(memory)} GB/s. Steps with sigmoid, dropout 0.25, adam; the time is that of the whole step, the FLOPs",
        "are those of its products alone.",
        "",
        *table(head, rows),
    ]
