"""`python -m benchmarks.counts BIKESHARE RANDHIE`: counts learned by Poisson's loss beside the squared error.

The tables are those of ISLP (bikers of an hour) and statsmodels (visits to a doctor), as their packages ship them.
Half of the rows train, the other half is scored by the mean Poisson deviance. Of each loss the learning rate and the
epochs are those of the least deviance on a third of the training rows, held out. Answers of the squared error may lie
at or below 0, where there is no deviance: they are raised to the share of the mean count that is best for them on the
rows learned.
Letters: N rows.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import table, write_record
from shoal.data import Dataset, TableSource, fit_preprocessing, load_table_dataset
from shoal.engine import Job, Trainers, initial_state
from shoal.engine._trainer import FitData, Rows
from shoal.nets import build_architecture, loss_of
from shoal.streams import StreamKey
from shoal.study import Network, Training

TARGETS: Final = {"bikers": ("casual", "registered"), "mdvis": ()}
"""The counts, and the columns that add up to them."""
FLOORS: Final = (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5)
SETTINGS: Final = tuple(product((1e-3, 3e-3, 0.01, 0.03), (20, 100)))
NETWORK: Final = Network(hidden=(32, 32), activation="tanh")


@dataclass(frozen=True, eq=False)
class Answers:
    """How good answers to some rows are: their deviance, none below the floor that was best for the rows learned, and
    their root mean squared error as they are.
    """

    deviance: float
    rmse: float


def deviance(true_N: NDArray[Any], rate_N: NDArray[Any]) -> float:
    """Give the mean Poisson deviance."""
    ratio_N = np.where(true_N > 0, true_N / rate_N, 1.0)
    return float(np.mean(2 * (true_N * np.log(ratio_N) - true_N + rate_N)))


def learned(
    dataset: Dataset, rows: tuple[NDArray[np.int64], NDArray[np.int64]], training: Training, seed: int
) -> Answers:
    """Train on the first rows and score the others."""
    loss = training.loss or ""
    train_N, scored_N = rows
    preprocessing = fit_preprocessing(dataset, train_N, "both").linked(loss_of(loss).link)
    architecture = build_architecture(NETWORK, (len(preprocessing.input_names),), 1)
    job = Job(architecture, training, loss, StreamKey(seed, 0, 0))
    trainer, state = Trainers().choose(job), initial_state(job)
    x, y = preprocessing.inputs(dataset, train_N), preprocessing.targets(dataset, train_N)
    none = Rows(x[:0], y[:0])
    trainer.advance(job, FitData(Rows(x, y), none, none), state, training.epochs)

    def asked(inputs: NDArray[Any]) -> NDArray[np.float64]:
        outputs = trainer.outputs(architecture, state.parameters_P, state.buffers, inputs)
        return preprocessing.restore(outputs)[:, 0]

    seen_N, true_N, answer_N = (
        asked(x),
        dataset.targets[train_N, 0],
        asked(preprocessing.inputs(dataset, scored_N)),
    )
    floors = true_N.mean() * np.array([0.0, *FLOORS] if seen_N.min() > 0 and answer_N.min() > 0 else FLOORS)
    floor = min(floors, key=lambda least: deviance(true_N, np.maximum(seen_N, least)))
    scored = dataset.targets[scored_N, 0]
    error = float(np.sqrt(np.mean((answer_N - scored) ** 2)))
    return Answers(deviance(scored, np.maximum(answer_N, floor)), error)


def measure(dataset: Dataset, loss: str, seed: int) -> Answers:
    """Choose learning rate and epochs on rows held out of half of the rows, train on the half, score the other."""
    order_N = np.random.default_rng(seed).permutation(dataset.rows)
    half, part = dataset.rows // 2, dataset.rows // 3
    trainings = [
        Training(loss=loss, epochs=epochs, batch_size=64, lr=rate, schedule="cosine")
        for rate, epochs in SETTINGS
    ]
    inner = order_N[:part], order_N[part:half]
    chosen = min(trainings, key=lambda training: learned(dataset, inner, training, seed).deviance)
    return learned(dataset, (order_N[:half], order_N[half:]), chosen, seed)


def line(path: str, target: str, parts: tuple[str, ...], splits: int) -> list[str]:
    """Measure one table; give its row of the record."""
    source = TableSource(
        path, "regression", (target,), ignore=parts, find_kinds=True, losses=("poisson",), test_share=0.5
    )
    dataset = load_table_dataset(source)
    by_rate, plain = ([measure(dataset, loss, seed) for seed in range(splits)] for loss in ("poisson", "mse"))
    lower = sum(rate.deviance < other.deviance for rate, other in zip(by_rate, plain, strict=True))
    means = [
        f"{np.mean([getattr(answer, name) for answer in answers]):.3f}"
        for name in ("deviance", "rmse")
        for answers in (by_rate, plain)
    ]
    return [Path(path).name, target, f"{dataset.rows:,}", *means[:2], f"{lower} of {splits}", *means[2:]]


def main() -> None:
    """Measure both tables and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counts", description=__doc__)
    parser.add_argument("tables", nargs=2, help="Bikeshare.csv and randhie.csv")
    parser.add_argument("--splits", type=int, default=20, help="halvings of the rows (20)")
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    rows = []
    for path, (target, parts) in zip(asked.tables, TARGETS.items(), strict=True):
        rows.append(line(path, target, parts, asked.splits))
        print(*rows[-1], flush=True)
    head = ["table", "count", "rows", "deviance: poisson", "mse", "lower by poisson", "RMSE: poisson", "mse"]
    body = [
        f"Means over {asked.splits} halvings of the rows, the half that trained not scored. Two layers of 32 units,"
        f" Adam; of each loss the best of {len(SETTINGS)} settings by rows held out; inputs standardised, for `mse`"
        " targets, too.",
        "",
        *table(head, rows),
    ]
    extra = [] if asked.splits == parser.get_default("splits") else ["--splits", str(asked.splits)]
    command = shlex.join(
        ["python", "-m", "benchmarks.counts", *(Path(path).name for path in asked.tables), *extra]
    )
    title = "Counts: test deviance by Poisson's loss and by the squared error"
    print(f"\nwritten: {write_record(command, [(title, body)], asked.out)}")


if __name__ == "__main__":
    main()
