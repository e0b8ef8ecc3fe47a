"""The published grid as values: 72 candidates of 1-H1-H2-1 networks, 3 folds, 100 rows, 5,000 epochs of adam.

Both environments read this file; it imports nothing of Shoal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST, SECOND = (80, 100), (80, 100)
DROPOUTS = (0.0, 0.25, 0.5)
DECAYS = (0.0, 1e-5, 1e-4)
BATCHES = (10, 25)
FOLDS = 3
EPOCHS = 5_000
FITS = len(FIRST) * len(SECOND) * len(DROPOUTS) * len(DECAYS) * len(BATCHES) * FOLDS

STUDY = """
[study]
name = "published-grid"
task = "regression"
[data]
train = "train.csv"
test = "test.csv"
inputs = ["x"]
target = "y"
[network]
hidden = [100, 80]
activation = "sigmoid"
[training]
optimizer = "adam"
lr = 1e-3
epochs = {epochs}
[search]
folds = 3
[search.space]
"network.hidden[0]" = [80, 100]
"network.hidden[1]" = [80, 100]
"network.dropout" = [0, 0.25, 0.5]
"training.weight_decay" = [0, 1e-5, 1e-4]
"training.batch_size" = [10, 25]
"""


def write_tables(folder: Path) -> None:
    """Write 100 training and 100 test rows of a noisy curve with two peaks."""
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        x = np.sort(rng.uniform(-5, 5, 100))
        y = 3 * np.exp(-((x + 2) ** 2)) + 2 * np.exp(-((x - 2) ** 2)) + 0.3 * rng.normal(size=100)
        lines = ["x,y", *(f"{a!r},{b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True))]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_rows(folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read the training rows, float32 (100, 1) each."""
    rows = np.loadtxt(folder / "train.csv", delimiter=",", skiprows=1, dtype=np.float32)
    return rows[:, :1], rows[:, 1:]
