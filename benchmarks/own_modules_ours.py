"""People's own modules, trained by Shoal's estimators: with an optimiser of Shoal's by name, or with torch's class."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.own_modules_peers import Contestant, TwoInputs, made
from shoal import TorchClassifier, TorchRegressor


def trained(case: Case, x: NDArray[Any], y: NDArray[Any], epochs: int, *, optimizer: Any) -> None:
    """Train with the estimator, several inputs by their names."""
    kind = TorchClassifier if case.classes else TorchRegressor
    targets = y if case.classes else y[:, 0]
    options = {"batch_size": case.batch, "max_iter": epochs, "random_state": 0, "device": "cpu"}
    if case.name == "two inputs":
        rows = {"series": x[:, :-4], "numbers": x[:, -4:]}
        kind(TwoInputs, optimizer=optimizer, **options).fit(rows, targets)
    else:
        kind(partial(made, case), optimizer=optimizer, **options).fit(x, targets)


CONTESTANTS: dict[str, Contestant] = {
    "Shoal, its adam": partial(trained, optimizer="adam"),
    "Shoal, torch.optim.Adam": partial(trained, optimizer=torch.optim.Adam),
}


def can(name: str, case: Case) -> bool:  # noqa: ARG001
    """Take every case."""
    return True
