"""The same fits in Shoal: workers that take convolutional fits from one list. Runs in our environment.

Reads requests as JSON lines (fits, epochs, batch, workers, network), answers with seconds.
`python -m benchmarks.images_ours DATA.npz`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from shoal.data import Dataset, Split
from shoal.engine import FitRows, Planner, StudyRows, Trainers
from shoal.engine._planned import StudyFit
from shoal.engine.workers.loop import FitLot, WorkerPool
from shoal.results import FitRecord
from shoal.study import Study

CONV = ({"stride": 2, "padding": 1}, {"stride": 2, "padding": 1}, {"stride": 2})
NETWORKS = {
    "published": {"conv": [{"channels": 8 << n, **keys} for n, keys in enumerate(CONV)]},
    "normed": {
        "conv": [{"channels": 16 << n, "padding": 1, "pool": {"size": 2}} for n in range(3)],
        "batch_norm": True,
    },
}
"""The published network; and one with batch norm and pooling, that of the built-in study."""


def dataset(file: Path) -> Dataset:
    """Training images, then those to validate on; all of them are training rows of the data set."""
    with np.load(file) as images:
        x = np.concatenate((images["train_x"], images["valid_x"]))
        y = np.concatenate((images["train_y"], images["valid_y"]))
    classes = tuple(map(str, range(10)))
    return Dataset(
        name="pictures", task="classification", columns=(), target_names=("class",), targets=y, classes=classes,
        train_rows=len(y), groups=None, given_folds=None, train_fingerprint="", test_fingerprint="", source="",
        images=x,
    )  # fmt: skip


def planned(rows: Dataset, count: int, epochs: int, batch: int, network: str) -> list[StudyFit]:
    """So many fits of a network, which differ in their initialisation."""
    study = Study.model_validate({
        "study": {"name": "images", "task": "classification", "repeats": count},
        "data": {"dataset": "fashion-mnist"},
        "network": {"kind": "cnn", "hidden": [64], **NETWORKS[network]},
        "training": {"batch_size": batch, "epochs": epochs, "validation": 1 / 3},
        "compare": [{"name": "Adam"}],
    })  # fmt: skip
    planner = Planner(study, rows, Trainers().choose)
    number = np.arange(rows.rows)
    halves = Split("", 0, number[: -(rows.rows // 3)], number[-(rows.rows // 3) :])
    parts = FitRows(halves.train, halves.validation, number[:0])
    return [replace(item.fit, split=halves, rows=parts) for item in planner.comparison_fits()]


def train(fits: list[StudyFit], rows: Dataset, workers: int) -> None:
    """Train the fits as a run does, less the store."""
    pool = WorkerPool([FitLot(fits, StudyRows(rows, "none"), Trainers().by_name[fits[0].trainer])], workers)
    for event in pool.events():
        if isinstance(event, FitRecord) and event.status != "ok":
            raise RuntimeError(event.message)
    pool.close()


def main() -> None:
    """Answer requests until the input ends."""
    rows = dataset(Path(sys.argv[1]))
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        fits = planned(
            rows, request["fits"], request["epochs"], request["batch"], request.get("network", "published")
        )
        train(fits, rows, request["workers"])
        sys.stdout.write(json.dumps(time.perf_counter() - start) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
