"""Vectors that are learned beside a column for each category: errors and time on tables with a category of many values.

Run as `python -m benchmarks.embedding [--splits N]`. Tables: a drawn one, whose targets are products of a number and
what a category of 400 values stands for, some common and most rare; and two of packages that ship data (see
`real_tables`). The rows are halved some times; one half trains, the other is scored. Of each way to take categories
learning rate and epochs are chosen by rows held out of the half that trains. Seconds are those of the thread on its
core for the chosen training.

Letters: N rows.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_tables.packages import PACKAGES, ensure_packages
from benchmarks.record import table, write_record
from shoal.data import Column, Dataset, TableSource, fit_preprocessing, load_table_dataset
from shoal.engine import Job, Trainers, initial_state
from shoal.engine._trainer import FitData, Rows
from shoal.nets import build_architecture, tables_of
from shoal.streams import StreamKey
from shoal.study import Network, Training

CATEGORIES, DRAWN_ROWS = 400, 6_000
SETTINGS: Final = tuple(product((1e-3, 3e-3, 1e-2), (20, 60)))
WAYS: Final = ("none", "auto", 4)
SHIPPED: Final = (
    ("gapminder.csv.gz", "life_expectancy", ()),
    ("SampleSuperstore.csv.gz", "Profit", ("Country", "Postal Code")),
)


@dataclass(frozen=True)
class Outcome:
    """How a network did: root mean squared error of scored rows, seconds of training, parameters."""

    rmse: float
    seconds: float
    parameters: int


def drawn() -> Dataset:
    """Draw rows: the number that a category stands for times another number, and a third one by itself."""
    draw = np.random.default_rng(0)
    times = 1 / np.arange(1, CATEGORIES + 1)
    code_N = draw.choice(CATEGORIES, DRAWN_ROWS, p=times / times.sum())
    worth = draw.normal(size=(2, CATEGORIES))
    x, z = draw.normal(size=(2, DRAWN_ROWS))
    y = worth[0, code_N] + worth[1, code_N] * x + np.sin(2 * z) + 0.3 * draw.normal(size=DRAWN_ROWS)
    names = np.array([f"c{number:03}" for number in range(CATEGORIES)], object)
    return Dataset(
        name="drawn", task="regression", columns=(Column("c", names[code_N]), Column("x", x), Column("z", z)),
        target_names=("y",), targets=y[:, None], classes=(), train_rows=DRAWN_ROWS, groups=None, given_folds=None,
        train_fingerprint="", test_fingerprint="", source="drawn",
    )  # fmt: skip


def shipped(name: str, target: str, ignored: tuple[str, ...]) -> Dataset:
    """Read a table that a package ships."""
    (package,) = (package for package in PACKAGES if package.name == "bokeh-sampledata")
    source = TableSource(
        str(package.tables / name), "regression", (target,), ignore=ignored, find_kinds=True, test_share=0.5,
        impute=True, drop_untargeted=True,
    )  # fmt: skip
    return load_table_dataset(source)


def learned(
    dataset: Dataset,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    network: Network,
    training: Training,
    seed: int,
) -> Outcome:
    """Train on the first rows and score the others."""
    train_N, scored_N = rows
    preprocessing = fit_preprocessing(dataset, train_N, "both").coded(network.codes_from)
    tables = tables_of(network, preprocessing.code_rows)
    architecture = build_architecture(network, (len(preprocessing.input_names),), 1, tables)
    job = Job(architecture, training, "mse", StreamKey(seed, 0, 0))
    trainer, state = Trainers().choose(job), initial_state(job)
    x, y = preprocessing.inputs(dataset, train_N), preprocessing.targets(dataset, train_N)
    none = Rows(x[:0], y[:0])
    begun = time.thread_time()
    trainer.advance(job, FitData(Rows(x, y), none, none), state, training.epochs)
    seconds = time.thread_time() - begun
    outputs = trainer.outputs(
        architecture, state.parameters_P, state.buffers, preprocessing.inputs(dataset, scored_N)
    )
    error_N = preprocessing.restore(outputs)[:, 0] - dataset.targets[scored_N, 0]
    return Outcome(float(np.sqrt(np.mean(error_N**2))), seconds, architecture.parameter_count)


def measured(dataset: Dataset, way: Any, seed: int) -> Outcome:
    """Choose learning rate and epochs on rows held out of half of the rows, train on the half, score the other."""
    order_N = np.random.default_rng(seed).permutation(dataset.rows)
    half, part = dataset.rows // 2, dataset.rows // 3
    network = Network.model_validate({"hidden": (32, 32), "embedding": way, "embedding_from": 20})
    trainings = [
        Training(epochs=epochs, batch_size=64, lr=rate, schedule="cosine") for rate, epochs in SETTINGS
    ]
    inner = order_N[:part], order_N[part:half]
    chosen = min(trainings, key=lambda training: learned(dataset, inner, network, training, seed).rmse)
    return learned(dataset, (order_N[:half], order_N[half:]), network, chosen, seed)


def lines(title: str, dataset: Dataset, splits: int) -> Iterator[list[str]]:
    """Measure one table; give its rows of the record."""
    spread = float(dataset.targets.std())
    plain = [measured(dataset, WAYS[0], seed) for seed in range(splits)]
    for way in WAYS:
        outcomes = plain if way == WAYS[0] else [measured(dataset, way, seed) for seed in range(splits)]
        lower = sum(own.rmse < other.rmse for own, other in zip(outcomes, plain, strict=True))
        mean = np.mean([outcome.rmse for outcome in outcomes])
        yield [
            title,
            f"{dataset.rows:,}",
            str(way),
            f"{np.mean([outcome.parameters for outcome in outcomes]):,.0f}",
            f"{mean:.4g}",
            f"{1 - (mean / spread) ** 2:.3f}",
            "" if way == WAYS[0] else f"{lower} of {splits}",
            f"{np.mean([outcome.seconds for outcome in outcomes]):.2f}",
        ]


def main() -> None:
    """Measure every table and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding", description=__doc__)
    parser.add_argument("--splits", type=int, default=10, help="halvings of the rows (10)")
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    ensure_packages()
    tables = {"drawn": drawn()} | {
        f"{name}: {target}": shipped(name, target, left) for name, target, left in SHIPPED
    }
    rows: list[list[str]] = []
    for title, dataset in tables.items():
        for row in lines(title, dataset, asked.splits):
            rows.append(row)
            print(*row, flush=True)
    head = ["table", "rows", "embedding", "parameters", "RMSE", "R²", "lower than none", "seconds"]
    body = [
        f"Means over {asked.splits} halvings of the rows, the half that trained not scored. Two layers of 32 units,"
        f" Adam; of each way the best of {len(SETTINGS)} settings by rows held out; inputs and targets standardised.",
        "",
        *table(head, rows),
    ]
    command = shlex.join(["python", "-m", "benchmarks.embedding", *sys.argv[1:]])
    title = "Embedding: vectors beside a column for each category"
    print(f"\nwritten: {write_record(command, [(title, body)], asked.out)}")


if __name__ == "__main__":
    main()
