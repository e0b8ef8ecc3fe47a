"""Small studies and data sets for tests: seconds matter here, not scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from shoal.data import Column, Dataset, load_builtin
from shoal.engine import Planner
from shoal.look import Drawing
from shoal.study import Study

BASE: dict[str, Any] = {
    "study": {"name": "tiny", "task": "regression", "seed": 3},
    "data": {"dataset": "two-peaks"},
    "network": {"hidden": [6, 5], "activation": "tanh"},
    "training": {"batch_size": 16, "epochs": 8, "lr": 0.01},
    "compare": [{"name": "base"}, {"name": "sgd", "training": {"optimizer": "sgd"}}],
    "search": {"folds": 3, "space": {"network.hidden[0]": [4, 6], "network.dropout": [0, 0.25]}},
}


def tiny_study(**changes: Any) -> Study:
    """The base study with whole sections laid over it: `tiny_study(training={"epochs": 3})`; None drops one."""
    content = {key: (dict(value) if isinstance(value, dict) else value) for key, value in BASE.items()}
    for section, change in changes.items():
        if change is None:
            content.pop(section)
        elif isinstance(change, dict):
            content[section] = {**content.get(section, {}), **change}
        else:
            content[section] = change
    return Study.model_validate(content)


def two_peaks() -> Dataset:
    """The built-in data set."""
    return load_builtin("two-peaks")


def drawing_of(planner: Planner) -> Drawing:
    """The figures of a run, as the pipeline hands them to the forecasts."""
    return Drawing(planner.dataset, planner.study, planner.candidates, len(planner.folds))


def poisoned(dataset: Dataset, rows: np.ndarray, value: float = 1e6) -> Dataset:
    """The same rows with garbage in inputs and targets of `rows`; the fingerprints stay, so that ids do."""

    def spoil(values: np.ndarray) -> np.ndarray:
        spoilt = values.copy()
        spoilt[rows] = value if values.dtype.kind == "f" else values[rows][::-1]
        return spoilt

    columns = tuple(Column(column.name, spoil(column.values)) for column in dataset.columns)
    return replace(dataset, columns=columns, targets=spoil(dataset.targets))
