"""One training step of the native trainer: microseconds, and the share of the processor's own peak.

Run as `python benchmarks/native_step.py [target ...]`. The peak is that of a loop of independent multiply-adds that
touches no memory. FLOPs counted are those of the products alone: two (first layer) or three a weight, row and
step, a multiply-add counting two. Each line is the best of many short runs, in processor time,
so that other work on the machine disturbs little.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import numpy as np

from shoal.engine._trainer import FitData, Job, Rows, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import TARGETS, load_library, runnable_targets
from shoal.nets import build_architecture
from shoal.streams import StreamKey
from shoal.study import Network, Training

NETWORKS = ((1, (100, 80), 1, "mse"), (20, (64, 64), 1, "mse"), (784, (256, 128), 10, "cross-entropy"))
BATCHES = (10, 25, 128)


def peak(target: str) -> float:
    """GFLOP/s of multiply-adds in registers."""
    library = load_library()
    assert library is not None
    best = 0.0
    for _ in range(100):
        begun = time.thread_time()
        counted = library.shoal_multiply_adds(TARGETS.index(target), 40_000)
        best = max(best, 2 * counted / (time.thread_time() - begun))
    return best * 1e-9


Shape = tuple[int, tuple[int, ...], int, str]


def step(trainer: NativeTrainer, network: Shape, batch: int, seconds: float = 0.4) -> float:
    """Seconds of one step: the best of several runs of whole epochs of 8 full batches."""
    inputs, hidden, outputs, loss = network
    settings = Network(hidden=hidden, activation="sigmoid", dropout=0.25)
    training = Training(optimizer="adam", batch_size=batch, epochs=1 << 14)
    job = Job(build_architecture(settings, (inputs,), outputs), training, loss, StreamKey(0, 0, 0))
    rng = np.random.default_rng(0)
    rows = 8 * batch
    x = rng.standard_normal((rows, inputs)).astype(np.float32)
    y = (
        rng.standard_normal((rows, outputs)).astype(np.float32)
        if loss == "mse"
        else rng.integers(0, outputs, rows)
    )
    data = FitData(Rows(x, y), Rows(x[:0], y[:0]), Rows(x[:0], y[:0]))
    state = initial_state(job)
    trainer.advance(job, data, state, 2)
    length, took = 1, 0.0
    while took < 0.02 and state.status == "training":
        length *= 2
        begun = time.thread_time()
        trainer.advance(job, data, state, state.epoch + length)
        took = time.thread_time() - begun
    best = took
    for _ in range(int(seconds / took)):
        begun = time.thread_time()
        trainer.advance(job, data, state, state.epoch + length)
        best = min(best, time.thread_time() - begun)
    assert state.status == "training"
    return best / (8 * length)


def name_of(network: Shape) -> str:
    """`1-100-80-1`."""
    return "-".join(map(str, (network[0], *network[1], network[2])))


def flops(network: Shape, batch: int) -> int:
    """FLOPs of the products of one step."""
    sizes = (network[0], *network[1], network[2])
    weights = [a * b for a, b in pairwise(sizes)]
    return 2 * batch * (3 * sum(weights) - weights[0])


def main() -> None:
    """Print one table a target."""
    for target in sys.argv[1:] or runnable_targets()[-1:]:
        top = peak(target)
        print(f"{target}: peak {top:.1f} GFLOP/s")
        for network in NETWORKS:
            for batch in BATCHES:
                seconds = step(NativeTrainer(target), network, batch)
                rate = flops(network, batch) / seconds * 1e-9
                print(
                    f"  {name_of(network):15s} batch {batch:3d}  {seconds * 1e6:8.2f} us"
                    f"  {rate:6.1f} GFLOP/s  {rate / top:4.0%}"
                )


if __name__ == "__main__":
    main()
