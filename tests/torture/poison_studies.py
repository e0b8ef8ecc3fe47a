"""Hypothesis strategies: studies with every way to prepare, split, stop and keep, and small data sets for them.

`poisoned` fills rows of a data set with garbage that is no mistake: huge numbers, other known categories, dates of any
year, flipped labels, missing cells where there were none and none where there were, noise for images. Letters: N rows,
D inputs, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.data import Column, Dataset
from shoal.engine import Planner, Trainers
from shoal.errors import DataError
from shoal.extras import is_there
from shoal.kinds import SPLITTERS, TARGET_TRANSFORMS, TASKS, Task
from shoal.study import Study

HUGE = (1e20, -1e12, 1e6, 0.0)
SIZES = ("small", "middling", "large")
YEARS = (-6e10, 2.5e11)
"""Seconds from 1970 to the first years and the last years that a date may have."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A study, its rows, who trains, and what fills held-out rows."""

    study: Study
    dataset: Dataset
    trainer: str
    seed: int
    huge: float

    def poisoned(self, rows: NDArray[np.int64]) -> Dataset:
        """The same data set with garbage in some rows; fingerprints stay, so that names of fits do."""
        return poisoned(self.dataset, rows, self.seed, self.huge)


@st.composite
def drawn_studies(draw: st.DrawFn) -> Drawn:
    """Draw all of it."""
    images, classes = draw(st.booleans()), draw(st.integers(2, 3))
    task = "classification" if images else draw(st.sampled_from(TASKS))
    seed, cnn = draw(st.integers(0, 2**32 - 1)), images and draw(st.booleans())
    groups, timed = draw(st.booleans()), not images and draw(st.booleans())
    make = image_rows if images else table_rows
    dataset = make(np.random.default_rng(seed), task, classes, groups)
    if timed:
        dataset = in_time(dataset, np.random.default_rng([seed, 2]), draw(st.integers(0, 1 if groups else 2)))
    transform = "none" if task != "regression" else draw(st.sampled_from(list(TARGET_TRANSFORMS)))
    if transform != "none":  # its targets lie in the domain of all
        dataset = replace(dataset, targets=np.exp(dataset.targets), target_transform=transform)
    scaled = ["none", "inputs"] if images else ["none", "inputs", "both"]
    named = {"groups": "farm"} if groups else {}
    named |= {"target_transform": transform}
    named |= {"time": "when", "gap": dataset.gap} if timed else {}
    tree: dict[str, Any] = {
        "study": {
            "task": task,
            "name": "drawn",
            "seed": draw(st.integers(0, 99)),
            "repeats": draw(st.integers(1, 2)),
        },
        "data": {"train": "rows.csv", "standardize": draw(st.sampled_from(scaled)), **named},
        "network": draw(_networks(cnn)),
        "training": draw(_trainings(cnn)),
        "compare": [{"name": "other", "training": {"lr": 0.02}}] * draw(st.integers(0, 1)),
        "search": {
            "folds": draw(_folds(task, groups, timed)),
            "rule": draw(st.sampled_from(["best", "one-standard-error"])),
            "metric": "loss" if task == "regression" else draw(st.sampled_from(["loss", "accuracy"])),
            "space": {"training.lr": [0.01, 0.05]},
        },
    }
    if task == "regression":
        losses = ["mse", "quantile", *(["gaussian"] if transform == "none" else [])]
        tree["training"]["loss"] = draw(st.sampled_from(losses))
    else:
        tree["training"]["class_weight"] = draw(st.sampled_from(["none", "balanced"]))
    trainer = draw(st.sampled_from(["auto"] * 5 + ["torch"] * is_there("torch")))
    drawn = Drawn(Study.model_validate(tree), dataset, trainer, seed, draw(st.sampled_from(HUGE)))
    if timed and not can_be_parted(drawn):
        reject()
    return drawn


def can_be_parted(drawn: Drawn) -> bool:
    """Whether times part the rows of every fold, too, where inner rows are set apart from few, some of one time."""
    planner = Planner(drawn.study, drawn.dataset, Trainers(drawn.trainer).choose)
    try:
        planner.search_fits()
        planner.comparison_fits([("winner", planner.candidates[0])])
    except DataError as error:
        if not str(error).startswith("inner: "):
            raise
        return False
    return True


def _networks(cnn: bool) -> st.SearchStrategy[dict[str, Any]]:
    dense = {
        "hidden": st.lists(st.integers(1, 6), min_size=1, max_size=2),
        "activation": st.sampled_from(["tanh", "relu"]),
        "dropout": st.sampled_from([0.0, 0.25]),
    }
    if not cnn:
        return st.fixed_dictionaries(dense)
    conv = {"channels": 2, "kernel": 2, "pool": {"kind": "max", "size": 2}}
    return st.fixed_dictionaries({**dense, "kind": st.just("cnn"), "conv": st.just([conv])})


def _trainings(cnn: bool) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "batch_size": st.integers(3, 20),
            "epochs": st.integers(1, 5),
            "optimizer": st.sampled_from(["sgd", "adam"]),
            "validation": st.sampled_from([0.2, 0.4]),
            "early_stopping": st.sampled_from(["none", "inner"]),
            "inner_share": st.just(0.3),
            "patience": st.integers(1, 3),
            "keep": st.sampled_from(["last", "best"]),
            "augment": st.just({"shift": 1, "flip": True} if cnn else {}),
        }
    )


@st.composite
def _folds(draw: st.DrawFn, task: str, groups: bool, timed: bool) -> dict[str, Any]:
    allowed = [
        kind
        for kind, row in SPLITTERS.items()
        if (task == "classification" or not row.by_class) and (groups or not row.by_group)
        if row.by_time == timed
    ]
    kind = draw(st.sampled_from(allowed))
    tree: dict[str, Any] = {"kind": kind}
    if SPLITTERS[kind].draws in ("folds", "splits", "time"):
        tree["n"] = draw(st.integers(2, 3))
    if timed:
        tree["window"] = draw(st.none() | st.integers(6, 20))
    if SPLITTERS[kind].repeats:
        tree["times"] = 2
    if SPLITTERS[kind].draws == "column":
        tree["column"] = "fold"
    return tree


def table_rows(numbers: np.random.Generator, task: str, classes: int, groups: bool) -> Dataset:
    """Make a table of numbers, categories, dates, ids; a third of them lacks some cells, a third may and does not."""
    train, test = 40, 12
    count = train + test
    impute, gaps = ((False, 0.0), (True, 0.0), (True, 0.3))[numbers.integers(3)]
    soil = np.where(numbers.random(count) < gaps, "", numbers.choice(["clay", "loam", "sand"], count))
    rain = np.where(numbers.random(count) < gaps, np.nan, numbers.normal(0, 1e-3, count))
    size = np.where(numbers.random(count) < gaps, "", numbers.choice(SIZES, count))
    sown = 1.7e9 + np.floor(numbers.uniform(0, 10.0 ** numbers.integers(3, 9), count))
    sown = np.where(numbers.random(count) < gaps, np.nan, sown)
    columns = (
        Column("heat", numbers.normal(2, 1, count), impute=impute),
        Column("soil", soil, impute=impute, rare_below=int(numbers.choice([1, 10]))),
        Column("rain", rain, impute=impute),
        Column("size", size, "ordered", impute=impute, order=SIZES),
        Column("sown", sown, "date", impute=impute),
        Column("plot_id", numbers.permutation(count).astype(np.float64), impute=impute),
    )
    drawn = {
        "regression": numbers.normal(3, 2, (count, 2)),
        "classification": _labels(count, classes),
        "multilabel": numbers.random((count, 2)) < 0.4,
    }
    targets = drawn[task]
    return _dataset(columns, targets, (train, classes), groups)


def in_time(dataset: Dataset, numbers: np.random.Generator, gap: int) -> Dataset:
    """Give the training rows times, some of them equal, in an order of which their places tell nothing.

    Groups follow one after the other, more or less.
    """
    rows = dataset.train_rows
    places = numbers.permutation(rows)
    groups = None if dataset.groups is None else dataset.groups[places]
    times = np.cumsum(numbers.integers(0, 3, rows)).astype(np.float64)
    return replace(dataset, times=times[places], groups=groups, gap=gap)


def image_rows(numbers: np.random.Generator, task: str, classes: int, groups: bool) -> Dataset:
    """Make small pictures of one or three channels."""
    train, test = 30, 8
    shape = (train + test, int(numbers.choice([1, 3])), 5, 5)
    images = numbers.integers(0, 120, shape).astype(np.uint8)
    dataset = _dataset((), _labels(train + test, classes), (train, classes), groups)
    return replace(dataset, images=images)


def _labels(count: int, classes: int) -> NDArray[np.int64]:
    return np.arange(count, dtype=np.int64) % classes


def _dataset(
    columns: tuple[Column, ...], targets: NDArray[Any], sizes: tuple[int, int], groups: bool
) -> Dataset:
    train, classes = sizes
    labelled = targets.dtype.kind == "i"
    tasks: dict[str, Task] = {"f": "regression", "i": "classification", "b": "multilabel"}
    return Dataset(
        name="drawn",
        task=tasks[targets.dtype.kind],
        columns=columns,
        target_names=("kind",) if labelled else ("yield", "height"),
        targets=targets,
        classes=tuple(f"class {number}" for number in range(classes)) if labelled else (),
        train_rows=train,
        groups=np.array([f"farm {row // 3}" for row in range(train)]) if groups else None,
        given_folds=np.arange(train, dtype=np.int64) % 3 - 1,
        train_fingerprint="0" * 64,
        test_fingerprint="1" * 64,
        source="drawn",
    )


def poisoned(dataset: Dataset, rows: NDArray[np.int64], seed: int, huge: float) -> Dataset:
    """Give the data set with garbage in `rows`, every one of them changed where there is more than one choice."""
    numbers = np.random.default_rng([seed, 1])

    def other(values: NDArray[Any]) -> NDArray[Any]:
        known, code_N = np.unique(values, return_inverse=True)
        shift = numbers.integers(1, max(2, len(known)), len(rows))
        spoilt = values.copy()
        spoilt[rows] = known[(code_N[rows] + shift) % len(known)]
        return spoilt

    def spoil(values: NDArray[Any], impute: bool = False, *, dates: bool = False) -> NDArray[Any]:
        if values.dtype.kind != "f":
            spoilt = other(values)
            if impute:
                spoilt[rows[::2]] = np.where(values[rows[::2]] == "", spoilt[rows[::2]], "")
            return spoilt
        spoilt = values.copy()
        spoilt[rows] = huge * numbers.choice([-1.0, 0.5, 1.0], values[rows].shape) + (huge == 0)
        if dates:
            spoilt[rows] = np.floor(numbers.uniform(*YEARS, len(rows)))
        if impute:
            spoilt[rows[::2]] = np.where(np.isnan(values[rows[::2]]), spoilt[rows[::2]], np.nan)
        return spoilt

    images = dataset.images
    if images is not None:
        images = images.copy()
        images[rows] = numbers.integers(121, 256, images[rows].shape, np.uint8)
    columns = tuple(
        replace(column, values=spoil(column.values, column.impute, dates=column.takes == "dates"))
        for column in dataset.columns
    )
    targets = dataset.targets.copy()
    targets[rows] = ~targets[rows] if dataset.task == "multilabel" else spoil(dataset.targets)[rows]
    if dataset.target_transform != "none":
        targets[rows] = np.abs(targets[rows]) + 1e-3
    return replace(dataset, columns=columns, targets=targets, images=images)
