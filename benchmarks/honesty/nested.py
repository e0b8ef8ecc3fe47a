"""How often the intervals of a nested search hold the score of what is delivered, and what it says of labels by lot.

These are whole studies: networks are trained, chosen and refitted as `shoal run` does it, but nothing is drawn. What is
delivered is scored on many other rows, which tells the truth that the interval speaks of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import table
from shoal.data import Column, Dataset
from shoal.engine import (
    Executor,
    Planner,
    Silent,
    StudyRows,
    Trainers,
    choose_winner,
    entries,
    ground_truth,
    nested_rounds,
)
from shoal.results import Identity, Results, Store
from shoal.study import Study, to_toml

Floats = NDArray[np.float64]
TESTED: Final = 4000
"""Other rows that what is delivered is scored on: many, so that chance moves their score by little."""
INPUTS: Final = 3


@dataclass(frozen=True)
class NestedStudies:
    """One kind of study: its rows, how the search goes, what is drawn."""

    name: str
    rows: int
    outer: int = 5
    classes: int = 0
    """0: a regression."""
    heavy: bool = False
    groups: int = 0
    by_lot: bool = False
    """Labels that say nothing, as many of each class."""
    candidates: int = 4
    metric: str = "loss"


KINDS: Final = (
    NestedStudies("regression, 60 rows, 5 outer folds", 60),
    NestedStudies("regression, 150 rows, 5 outer folds", 150),
    NestedStudies("regression, Student 3, 150 rows, 5 outer folds", 150, heavy=True),
    NestedStudies("regression, 30 groups of 5 rows, 5 outer folds", 150, groups=30),
    NestedStudies("2 classes, 60 rows, 5 outer folds", 60, classes=2, metric="accuracy"),
    NestedStudies("10 classes, 300 rows, 5 outer folds", 300, classes=10, metric="accuracy"),
)
BY_LOT: Final = NestedStudies(
    "2 classes by lot, 100 rows, 12 candidates, 5 outer folds", 100, classes=2, by_lot=True, candidates=12,
    metric="accuracy",
)  # fmt: skip


def study_of(kind: NestedStudies, seed: int) -> Study:
    """Give the study: small networks, of which some are too small or learn too slowly."""
    rates = [0.003, 0.03, 0.01, 0.1, 0.001, 0.05][: kind.candidates // 2]
    return Study.model_validate({
        "study": {"name": "nested", "task": "classification" if kind.classes else "regression", "seed": seed},
        "data": {"train": "drawn.csv", "target": "y", "groups": "group" if kind.groups else None},
        "network": {"hidden": [4], "activation": "tanh"},
        "training": {"epochs": 20, "batch_size": 20},
        "search": {
            "folds": 2,
            "metric": kind.metric,
            "space": {"network.hidden[0]": [3, 12], "training.lr": rates},
        },
        "nested": {"folds": kind.outer},
    })  # fmt: skip


def rows_of(kind: NestedStudies, rng: np.random.Generator) -> Dataset:
    """Draw training rows and many test rows of the same kind."""
    count = kind.rows + TESTED
    x_ND = rng.normal(size=(count, INPUTS))
    group_N = None
    if kind.groups:
        size = kind.rows // kind.groups
        group_N = np.arange(count) // size
        x_ND = 0.8 * rng.normal(size=(count, INPUTS))[group_N] + 0.6 * x_ND
    signal_N = x_ND[:, 0] + np.sin(2 * x_ND[:, 1])
    if kind.by_lot:
        labels = np.arange(kind.rows) % kind.classes
        y = np.concatenate((rng.permutation(labels), rng.integers(kind.classes, size=TESTED)))
    elif kind.classes:
        edge = np.quantile(signal_N[-TESTED:], np.arange(1, kind.classes) / kind.classes)
        y = np.searchsorted(edge, signal_N + 0.5 * rng.normal(size=count))
    else:
        noise_N = rng.standard_t(3, count) / np.sqrt(3) if kind.heavy else rng.normal(size=count)
        if group_N is not None:
            noise_N = 0.7 * rng.normal(size=count)[group_N] + 0.7 * noise_N
        y = (signal_N + 0.7 * noise_N)[:, None]
    return Dataset(
        name="drawn",
        task="classification" if kind.classes else "regression",
        columns=tuple(Column(f"x{d}", x_ND[:, d]) for d in range(INPUTS)),
        target_names=("y",),
        targets=y.astype(np.int64) if kind.classes else y,
        classes=tuple(map(str, range(kind.classes))),
        train_rows=kind.rows,
        groups=None if group_N is None else group_N[: kind.rows].astype(str),
        test_groups=None if group_N is None else group_N[kind.rows :].astype(str),
        given_folds=None,
        train_fingerprint="drawn",
        test_fingerprint="drawn",
        source="drawn",
    )


def results_of(kind: NestedStudies, number: int, folder: Path) -> Results:
    """Run one study, of so many, into a folder that is empty."""
    study, dataset = (
        study_of(kind, number),
        rows_of(kind, np.random.default_rng([number, *kind.name.encode()])),
    )
    trainers = Trainers("auto")
    planner = Planner(study, dataset, trainers.choose)
    executor = Executor(StudyRows(dataset, "none"), trainers.by_name, 1, Silent())
    with Store.create_or_open(folder, Identity("nested", study.study.task, "drawn")) as store:
        store.put_fact("study", to_toml(study))
        store.put_truth(ground_truth(planner))
        fits = planner.search_fits()
        store.set_plan(entries(fits), planner.candidate_rows())
        executor.execute("training", fits, store)
        refit = planner.refit(*choose_winner(planner, store), 0)
        store.set_plan(entries((*fits, refit)), planner.candidate_rows())
        executor.execute("winner", [refit], store)
        for outer_fits in nested_rounds(planner, store):
            store.set_plan(store.plan() + entries(outer_fits), planner.candidate_rows())
            executor.execute("nested search", outer_fits, store)
    return Results.open(folder)


@dataclass(frozen=True, eq=False)
class Found:
    """Of every study and score: what is true of the delivered network, the nested score, and the ends of its interval;
    NaN where there is none.
    """

    truth: dict[str, Floats]
    value: dict[str, Floats]
    low: dict[str, Floats]
    high: dict[str, Floats]


def simulated(kind: NestedStudies, studies: int) -> Found:
    """Run studies of one kind, each into a folder of its own, in memory where the system has such a place."""
    parts: dict[str, dict[str, list[float]]] = {part: {} for part in ("truth", "value", "low", "high")}
    memory = Path("/dev/shm")  # noqa: S108
    for number in range(studies):
        with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            results = results_of(kind, number, Path(folder) / "run")
            nested, true_scores = results.nested, results.refit.iloc[0]
            if nested is None or nested.why:
                continue
            for name, score in nested.scores.items():
                numbers: dict[str, Any] = {
                    "truth": true_scores[f"test_{name}"], "value": score.value,
                    "low": score.interval.low, "high": score.interval.high,
                }  # fmt: skip
                for part, number_ in numbers.items():
                    parts[part].setdefault(name, []).append(float(number_))
    return Found(
        **{part: {name: np.array(list_) for name, list_ in of.items()} for part, of in parts.items()}
    )


def measure(kind: NestedStudies, studies: int) -> list[list[str]]:
    """Count how often each score's interval holds the truth; a row of the table for every score that has one."""
    found = simulated(kind, studies)
    rows = []
    for name, truth in found.truth.items():
        value, low, high = found.value[name], found.low[name], found.high[name]
        shown = ~np.isnan(low)
        if not shown.any():
            continue
        held = (low <= truth) & (truth <= high)
        rows.append([
            kind.name, name, f"{100 * shown.mean():.0f}", f"{100 * held[shown].mean():.1f}",
            f"{100 * (high < truth)[shown].mean():.1f}", f"{np.median((high - low)[shown]):.3f}",
            f"{np.mean(value - truth):+.3f}", f"{truth.mean():.3f}",
        ])  # fmt: skip
    return rows


def run(studies: int = 400) -> list[str]:
    """Measure every kind, print the tables as they grow, and give their lines."""
    rows = []
    for kind in KINDS:
        for row in measure(kind, studies):
            rows.append(row)
            print(" | ".join(row), flush=True)
    head = [
        "studies", "score", "shown, %", "held, %", "below it, %", "median width", "nested less truth", "truth",
    ]  # fmt: skip
    by_lot = simulated(BY_LOT, studies * 3 // 2)
    accuracy = by_lot.value["accuracy"]
    error = accuracy.std(ddof=1) / np.sqrt(len(accuracy))
    line = f"{BY_LOT.name}: mean nested accuracy {accuracy.mean():.4f} ± {error:.4f} over {len(accuracy)} studies."
    print(line, flush=True)
    return [*table(head, rows), "", f"{line} Chance is 0.5."]
