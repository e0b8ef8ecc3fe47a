"""The networks that are timed, as plain values that both environments understand."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Case:
    """One network on made-up rows, trained with adam; `of_epochs` is the length of the fit a slice is taken of."""

    name: str
    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str
    dropout: float
    batch: int
    rows: int
    classes: bool = False
    of_epochs: int = 5_000

    @property
    def steps(self) -> int:
        """Training steps of one epoch."""
        return -(-self.rows // self.batch)

    def as_json(self) -> dict[str, Any]:
        """Give the fields, to be sent to a worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Case:
        """Read the fields back."""
        return cls(**(fields | {"hidden": tuple(fields["hidden"])}))

    def data(self) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Rows x (N, D) and targets y, float32 (N, K) or class numbers (N,)."""
        rng = np.random.default_rng([self.inputs, self.outputs, self.rows])
        x = rng.normal(size=(self.rows, self.inputs)).astype(np.float32)
        if self.classes:
            return x, rng.integers(0, self.outputs, self.rows)
        return x, np.sin(x[:, :1]).repeat(self.outputs, 1).astype(np.float32)


NETWORKS: tuple[dict[str, Any], ...] = (
    {
        "name": "1-100-80-1",
        "inputs": 1,
        "hidden": (100, 80),
        "outputs": 1,
        "activation": "sigmoid",
        "dropout": 0.0,
    },
    {
        "name": "1-100-80-1, dropout 0.25",
        "inputs": 1,
        "hidden": (100, 80),
        "outputs": 1,
        "activation": "sigmoid",
        "dropout": 0.25,
    },
    {
        "name": "20-64-64-1",
        "inputs": 20,
        "hidden": (64, 64),
        "outputs": 1,
        "activation": "relu",
        "dropout": 0.0,
    },
    {
        "name": "784-256-128-10",
        "inputs": 784,
        "hidden": (256, 128),
        "outputs": 10,
        "activation": "relu",
        "dropout": 0.0,
        "classes": True,
    },
)
BATCHES = (10, 25, 128)
STEP_ROWS = 3_200  # divisible by every batch size: no short batches
FIT_ROWS = 80


def step_cases() -> list[Case]:
    """Every network with every batch size, on so many rows that an epoch's own cost hardly counts."""
    return [Case(**network, batch=batch, rows=STEP_ROWS) for network in NETWORKS for batch in BATCHES]


def fit_cases() -> list[Case]:
    """Whole small fits: 80 rows in batches of 10, where everything beside the step counts too."""
    return [Case(**network, batch=10, rows=FIT_ROWS) for network in NETWORKS[:3]]
