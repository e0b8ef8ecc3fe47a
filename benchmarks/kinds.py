"""What weights, losses and embeddings add to the native core's time: each beside the plain case of equal size.

Run as `python -m benchmarks.kinds [--turns N] [--quick]`. The plain case learns by the loss of its task, values by
their squared error and classes by their cross-entropy, in the same layers, with as many outputs, from as many rows, in
the same batches. For embeddings it has so many inputs that it has as many parameters; the case whose first dense layer
is as wide, but has no tables, is shown beside it. Losses of classes and of labels themselves are shown beside squared
errors of as many outputs. Seconds are those of the thread on its core for whole epochs, each with its evaluation, from
the description on; contestants take turns, and ratios are made turn by turn.

Letters: N rows, D inputs, K outputs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.pairs import in_turns, ratios, spread
from benchmarks.record import table, write_record
from shoal.engine._trainer import FitData, Job, Rows, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.kinds import LOSSES
from shoal.nets import build_architecture, tables_of
from shoal.streams import StreamKey
from shoal.study import Network, Training
from shoal.wording import counted

ROWS = 2_000
MOST = 1.15
"""Times the plain case that nothing should take more of."""
LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Shape:
    """Layers and batches that contestants share."""

    name: str
    inputs: int
    hidden: tuple[int, ...]
    batch: int


@dataclass(frozen=True)
class Contestant:
    """One fit: what it differs in from the plain one. `categories` has how many there are in each embedded column."""

    name: str
    loss: str = "mse"
    outputs: int = 1
    training: tuple[tuple[str, object], ...] = ()
    weighted: bool = False
    inputs: int | None = None
    categories: tuple[int, ...] = ()
    embedding: str | int = "auto"


SHAPES = (
    Shape("by default: 20 inputs, 64 units, batches of 32", 20, (64,), 32),
    Shape("deeper: 20 inputs, 64 and 64 units, batches of 32", 20, (64, 64), 32),
    Shape("published: 1 input, 100 and 80 units, batches of 10", 1, (100, 80), 10),
    Shape("wide: 100 inputs, 256 and 128 units, batches of 128", 100, (256, 128), 128),
    Shape("smallest: 8 inputs, 16 units, batches of 16", 8, (16,), 16),
)
OF_VALUES = (
    Contestant("weighted rows", weighted=True),
    Contestant("mae", "mae"),
    Contestant("huber", "huber"),
    Contestant("poisson", "poisson"),
    Contestant("quantile, 3 levels", "quantile", 3, (("quantiles", LEVELS),)),
    Contestant("gaussian", "gaussian", 2),
)
PLAIN_CLASSES = Contestant("cross-entropy, 4 classes", "cross-entropy", 4)
PLAIN_LABELS = Contestant("binary-cross-entropy, 4 labels", "binary-cross-entropy", 4)
OF_CLASSES = (
    Contestant("label smoothing", "cross-entropy", 4, (("label_smoothing", 0.1),)),
    Contestant("weighted classes", "cross-entropy", 4, weighted=True),
)


def squared(outputs: int) -> Contestant:
    """Give the plain case of so many values."""
    return Contestant(f"mse, {counted(outputs, 'output')}", outputs=outputs)


PAIRS: tuple[tuple[Contestant, Contestant], ...] = (
    *((squared(own.outputs), own) for own in OF_VALUES),
    *((PLAIN_CLASSES, own) for own in OF_CLASSES),
)
EMBEDDED = (
    Contestant("100 categories, a vector of 21", categories=(100,)),
    Contestant("1,000 categories, a vector of 77", categories=(1_000,)),
    Contestant("10,000 categories, a vector of 16", categories=(10_000,), embedding=16),
    Contestant("8 columns of 40, vectors of 13", categories=(40,) * 8),
)


def job_of(shape: Shape, contestant: Contestant) -> Job:
    """Describe the fit."""
    network = Network.model_validate({"hidden": shape.hidden, "embedding": contestant.embedding})
    tables = tables_of(network, [count + 1 for count in contestant.categories])
    inputs = (contestant.inputs or shape.inputs) + len(tables)
    architecture = build_architecture(network, (inputs,), contestant.outputs, tables)
    training = Training.model_validate(
        {"batch_size": shape.batch, "epochs": 1_000, **dict(contestant.training)}
    )
    return Job(architecture, training, contestant.loss, StreamKey(0, 0, 0))


def data_of(job: Job, contestant: Contestant) -> FitData:
    """Draw rows of it."""
    rng, (inputs,) = np.random.default_rng(0), job.architecture.input_shape
    x = rng.standard_normal((ROWS, inputs)).astype(np.float32)
    for place, count in enumerate(contestant.categories, start=inputs - len(contestant.categories)):
        x[:, place] = rng.integers(1, count + 1, ROWS)
    if LOSSES[job.loss].task == "classification":
        y: NDArray[np.float32 | np.int64] = rng.integers(0, contestant.outputs, ROWS)
    else:
        targets = contestant.outputs // job.outputs_of_target
        y = np.abs(rng.standard_normal((ROWS, targets))).astype(np.float32)
        y = y if LOSSES[job.loss].most is None else (y > 1).astype(np.float32)
    weight = rng.uniform(0.5, 2.0, ROWS).astype(np.float32) if contestant.weighted else None
    rows = Rows(x, y, None, weight)
    none = Rows(x[:0], y[:0])
    return FitData(rows, none, none)


def seconds(job: Job, data: FitData, epochs: int) -> float:
    """Seconds of an epoch, on this thread's core."""
    state, trainer = initial_state(job), NativeTrainer()
    begun = time.thread_time()
    trainer.advance(job, data, state, epochs)
    took = time.thread_time() - begun
    if state.epoch != epochs:
        raise RuntimeError(f"expected {epochs} epochs, got {state.epoch}: {state.status}")
    return took / epochs


def measured(
    shape: Shape, contestants: dict[str, Contestant], turns: int, length: float
) -> dict[str, list[float]]:
    """Seconds of an epoch of each contestant, turn by turn."""
    jobs = {name: job_of(shape, contestant) for name, contestant in contestants.items()}
    fits = {name: (job, data_of(job, contestants[name])) for name, job in jobs.items()}
    measures = {}
    for name, (job, data) in fits.items():
        epochs = max(1, min(999, round(length / min(seconds(job, data, 1), seconds(job, data, 2)))))
        measures[name] = partial(seconds, job, data, epochs)
    return in_turns(measures, turns)


def losses(turns: int, length: float) -> Iterator[str]:
    """A table of weights and losses for each shape."""
    for shape in SHAPES:
        beside = squared(PLAIN_CLASSES.outputs)
        own = (PLAIN_CLASSES, PLAIN_LABELS)
        contestants = {
            entry.name: entry for entry in (*(entry for pair in PAIRS for entry in pair), beside, *own)
        }
        times = measured(shape, contestants, turns, length)
        rows = [
            [own.name, plain.name, microseconds(times[own.name]), verdict(times[own.name], times[plain.name])]
            for plain, own in PAIRS
        ]
        for entry in own:
            both = times[entry.name], times[beside.name]
            rows.append([f"({entry.name})", beside.name, microseconds(both[0]), spread(ratios(*both))])
        yield from [*table([shape.name, "plain case", "µs an epoch", "times the plain case"], rows), ""]


def embeddings(turns: int, length: float) -> Iterator[str]:
    """A table of embeddings for each shape."""
    for shape in SHAPES:
        rows = []
        for own in EMBEDDED:
            job = job_of(shape, own)
            wide = replace(own, name="as wide", categories=(), inputs=job.architecture.layers[0].units)
            excess = job.architecture.parameter_count - job_of(shape, wide).architecture.parameter_count
            more = round(excess / job.architecture.dense[0].units)
            plain = replace(wide, name="plain", inputs=(wide.inputs or 0) + more)
            times = measured(shape, {entry.name: entry for entry in (plain, wide, own)}, turns, length)
            size = (
                f"{plain.inputs:,} inputs, {job_of(shape, plain).architecture.parameter_count:,} parameters"
            )
            own_times = times[own.name]
            compared = [verdict(own_times, times["plain"]), spread(ratios(own_times, times["as wide"]))]
            rows.append([own.name, size, microseconds(own_times), *compared])
        head = [shape.name, "plain case", "µs an epoch", "times the plain case", "times one as wide"]
        yield from [*table(head, rows), ""]


def microseconds(times: list[float]) -> str:
    """The median."""
    return f"{1e6 * median(times):,.0f}"


def verdict(times: list[float], plain: list[float]) -> str:
    """The ratio, and whether it is more than it should be."""
    ratio = ratios(times, plain)
    return spread(ratio) + (f" above {MOST}" if median(ratio) > MOST else "")


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    parser.add_argument("--turns", type=int, default=9, help="turns of every comparison (9)")
    parser.add_argument("--quick", action="store_true", help="two turns of a millisecond, no record kept")
    asked = parser.parse_args()
    turns, length = (2, 0.001) if asked.quick else (asked.turns, 0.05)
    about = [
        f"Plain cases learn by the loss of their task, in the same layers, with as many outputs, from the same {ROWS:,}"
        " rows in the same batches. Tables of vectors are held against plain networks of as many parameters; the last"
        " column has those whose first dense layer is as wide, without tables, so that it is what looking up and"
        f" updating all vectors takes. Microseconds and ratios are medians of {turns} turns, evaluations included.",
        "",
    ]
    lines = [*about, *losses(turns, length), *embeddings(turns, length)]
    sections = [("Kinds: weights, losses and embeddings beside the plain case of equal size", lines)]
    for title, lines in sections:
        print("\n".join([title, "", *lines]))
    if not asked.quick:
        command = f"python -m benchmarks.kinds {' '.join(sys.argv[1:])}".strip()
        print(f"written: {write_record(command, sections, None)}")


if __name__ == "__main__":
    main()
