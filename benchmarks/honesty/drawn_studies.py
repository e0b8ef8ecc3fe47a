"""Studies of many kinds, drawn: rows, what is asked of them, and how they are run. Those of `clean` have no fault.

Letters: N rows, D inputs.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shoal import pipeline
from shoal.results import Results
from shoal.study import Study

Rng = np.random.Generator
Columns = dict[str, NDArray[Any]]
TARGET = "y"
ROWS = (60, 2000)


@dataclass(frozen=True)
class DrawnStudy:
    """The keys of a study, and its rows: columns of a table, the target among them, or images and their labels.

    The last `test_rows` stand in a file of their own; with 0 test rows are drawn by the study. `before` are the keys of
    an earlier version, which was run in the same folder.
    """

    kind: str
    keys: dict[str, Any]
    columns: Columns
    test_rows: int = 0
    images: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))
    before: dict[str, Any] = field(default_factory=dict)

    def with_keys(self, **sections: dict[str, Any]) -> DrawnStudy:
        """Give the same with keys of whole sections laid over its own."""
        keys = copy.deepcopy(self.keys)
        for name, section in sections.items():
            keys[name] = {**keys.get(name, {}), **section} if isinstance(section, dict) else section
        return replace(self, keys=keys)

    def with_columns(self, **columns: NDArray[Any]) -> DrawnStudy:
        """Give the same with columns replaced or added, the target last."""
        every = {**self.columns, **columns}
        return replace(self, columns={**every, TARGET: every.pop(TARGET)})

    def with_rows(self, order: NDArray[np.int64], test_rows: int | None = None) -> DrawnStudy:
        """Give the same with other rows, by number."""
        return replace(
            self,
            columns={name: values[order] for name, values in self.columns.items()},
            images=self.images[order] if len(self.images) else self.images,
            test_rows=self.test_rows if test_rows is None else test_rows,
        )

    @property
    def rows(self) -> int:
        """N, test rows among them."""
        return len(self.columns[TARGET])

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs that are numbers."""
        return [name for name, values in self.columns.items() if name != TARGET and values.dtype.kind in "fi"]

    def run(self, folder: Path) -> Results:
        """Write the rows, train, and give the results; no picture is drawn. What it was before is run before it."""
        data = self._written(folder)
        with _without_drawing():
            for keys in (self.before, self.keys):
                if keys:
                    results = pipeline.run(_study(keys, data), out=folder / "run", workers=1)
        return results

    def _written(self, folder: Path) -> dict[str, Any]:
        if len(self.images):
            train = self.rows - self.test_rows
            arrays = {"x_train": self.images[:train], "y_train": self.columns[TARGET][:train]}
            if self.test_rows:
                arrays |= {"x_test": self.images[train:], "y_test": self.columns[TARGET][train:]}
            np.savez(folder / "images.npz", **arrays)
            return {"train": str(folder / "images.npz")}
        frame = pd.DataFrame(self.columns)
        frame[: self.rows - self.test_rows].to_csv(folder / "train.csv", index=False)
        paths = {"train": str(folder / "train.csv"), "target": TARGET}
        if self.test_rows:
            frame[self.rows - self.test_rows :].to_csv(folder / "test.csv", index=False)
            paths["test"] = str(folder / "test.csv")
        return paths


def _study(keys: dict[str, Any], data: dict[str, Any]) -> Study:
    sections = {"study": {"name": "drawn", **keys["study"]}, "data": {**keys["data"], **data}}
    return Study.model_validate({**keys, **sections})


@contextmanager
def _without_drawing() -> Iterator[None]:
    drawing = pipeline.write_report
    pipeline.write_report = lambda *_: None
    try:
        yield
    finally:
        pipeline.write_report = drawing


def results_of(study: DrawnStudy, judge: Callable[[Results], Any]) -> Any:
    """Run a study in a folder that is gone afterwards; give what is made of its results."""
    with tempfile.TemporaryDirectory(prefix="shoal-drawn-") as folder:
        return judge(study.run(Path(folder)))


def inputs(rng: Rng, rows: int, count: int) -> NDArray[np.float64]:
    """Draw inputs as they come: normal, even, skewed, whole, rounded, some that go together. (N, D)."""
    shared_N = rng.standard_normal(rows)
    columns = []
    for _ in range(count):
        own_N = rng.standard_normal(rows)
        shapes = (
            own_N,
            rng.uniform(-1.7, 1.7, rows),
            np.exp(0.5 * own_N),
            rng.poisson(6, rows).astype(float),
            np.round(50 + 10 * own_N),
            0.6 * shared_N + 0.8 * own_N,
        )
        columns.append(shapes[rng.integers(len(shapes))])
    return np.stack(columns, 1)


def scaled(x_ND: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring every input to mean 0 and standard deviation 1."""
    return (x_ND - x_ND.mean(0)) / np.maximum(x_ND.std(0), 1e-12)


def signal(rng: Rng, x_ND: NDArray[np.float64], curved: bool) -> NDArray[np.float64]:
    """Make a truth of inputs, linear or curved, with standard deviation 1, (N,); a few inputs carry most of it."""
    z_ND = scaled(x_ND)
    weight_D = rng.standard_normal(z_ND.shape[1]) * 0.7 ** np.arange(z_ND.shape[1])
    weight_D += 0.5 * np.sign(weight_D) * (np.arange(len(weight_D)) < 3)
    value_N = z_ND @ weight_D
    if curved:
        value_N = value_N / value_N.std() + np.sin(1.5 * z_ND[:, 0]) + 0.5 * z_ND[:, -1] ** 2
    return (value_N - value_N.mean()) / value_N.std()


def table(
    rng: Rng, task: str, rows: int, count: int, *, curved: bool = False, categories: int = 0, classes: int = 2
) -> DrawnStudy:
    """Draw a table with learnable targets, noise in them, and categories; it is standardised, its network small."""
    x_ND = inputs(rng, rows, count)
    value_N = signal(rng, x_ND, curved)
    columns: Columns = {f"x{number}": x_ND[:, number] for number in range(count)}
    names = []
    for number in range(categories):
        levels = int(rng.integers(2, 6))
        level_N = rng.integers(0, levels, rows)
        columns[f"kind{number}"] = np.array([f"k{level}" for level in range(levels)])[level_N]
        value_N = value_N + 0.4 * rng.standard_normal(levels)[level_N]
        names.append(f"kind{number}")
    keys = {
        "study": {"task": task, "seed": int(rng.integers(2**31))},
        "data": {"standardize": "both" if task == "regression" else "inputs", "categorical": names},
        "network": {"hidden": [8], "activation": "tanh"},
        "training": training(rows, count),
    }
    if task == "regression":
        columns[TARGET] = 20 + 4 * (value_N + rng.uniform(0.2, 0.5) * rng.standard_normal(rows))
    else:
        noisy_N = value_N + 0.3 * rng.logistic(size=rows)
        place_N = np.argsort(np.argsort(noisy_N)) * classes // rows
        columns[TARGET] = np.array([f"class {place}" for place in range(classes)])[place_N]
    return DrawnStudy(f"{task}, {count} inputs", keys, columns)


def training(rows: int, count: int) -> dict[str, Any]:
    """Choose as a careful person would: enough steps, a rate that ends at 0, the best epoch where rows are few."""
    epochs = int(np.clip(40_000 / rows, 60, 250))
    chosen = {"epochs": epochs, "lr": 0.02, "schedule": "cosine", "weight_decay": 1e-4, "batch_size": 32}
    if rows < 100 * count:
        chosen |= {"keep": "best", "weight_decay": 1e-2}
    return chosen


def blobs(rng: Rng, rows: int, classes: int = 2) -> DrawnStudy:
    """Draw small images: a bright spot whose place is the class, in noise."""
    class_N = rng.integers(0, classes, rows)
    at = [(2, 2), (5, 5), (2, 5)]
    image_NHW = 60 + 25 * rng.standard_normal((rows, 8, 8))
    for number, place in enumerate(class_N):
        row, column = np.array(at[place]) + rng.integers(-1, 2, 2)
        image_NHW[number, row - 1 : row + 2, column - 1 : column + 2] += 70
    keys = {
        "study": {"task": "classification", "seed": int(rng.integers(2**31))},
        "data": {"standardize": "inputs"},
        "network": {"hidden": [8], "activation": "tanh"},
        "training": {"epochs": 60, "lr": 0.01, "schedule": "cosine", "weight_decay": 1e-2, "keep": "best"},
    }
    pixels = np.clip(image_NHW, 0, 255).astype(np.uint8)
    return DrawnStudy("images", keys, {TARGET: class_N.astype(np.int64)}, max(12, rows // 5), pixels)


def asked(rng: Rng, study: DrawnStudy) -> DrawnStudy:
    """Ask something of a study: nothing, a grid, a random search, comparisons, or both."""
    way = ("nothing", "grid", "random", "compared", "grid, compared")[rng.integers(5)]
    more: dict[str, Any] = {}
    if "grid" in way:
        space = {"network.hidden[0]": [6, 64, 96], "network.activation": ["tanh", "relu"]}
        more["search"] = {"folds": 3, "space": space}
    if way == "random":
        units = {"low": 2, "high": 128, "integer": True, "log": True}
        ranges = {"network.hidden[0]": units, "training.lr": {"low": 0.003, "high": 0.05, "log": True}}
        more["search"] = {"method": "random", "samples": 8, "folds": 3, "space": ranges}
    if "compared" in way:
        more["compare"] = [
            {"name": "small", "network": {"hidden": [2]}},
            {"name": "relu", "network": {"activation": "relu"}},
        ]
        more["study"] = {"repeats": 3}
    return replace(study.with_keys(**more), kind=f"{study.kind}, {way}")


def rows_drawn(rng: Rng, low: int = ROWS[0], high: int = ROWS[1]) -> int:
    """Draw a number of rows, small ones as often as large ones."""
    return int(np.exp(rng.uniform(np.log(low), np.log(high))))


def clean(rng: Rng, number: int) -> DrawnStudy:
    """Draw a study without fault; its kind follows from its number."""
    rows = rows_drawn(rng)
    match number % 10:
        case 0:
            study = table(rng, "regression", rows, 1, curved=True)
        case 1:
            study = table(rng, "regression", rows, 3)
        case 2:
            study = table(rng, "classification", rows, 2)
        case 3:
            study = table(rng, "regression", max(rows, 250), 20, curved=True)
        case 4:
            study = table(rng, "classification", max(rows, 300), 20, classes=3)
        case 5:
            study = table(rng, "regression", rows, 5, curved=True, categories=2)
        case 6:
            study = table(rng, "classification", rows, 6, curved=True, categories=1)
        case 7:
            study = blobs(rng, rows_drawn(rng, 120, 600))
        case 8:
            study = table(rng, "regression", rows, 4, curved=True)
        case _:
            study = table(rng, "classification", max(rows, 150), 4, classes=4)
    if number % 3 == 0 and not len(study.images):
        study = replace(study, test_rows=max(12, study.rows // 4))
    return asked(rng, study)
