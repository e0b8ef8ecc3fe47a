"""How large the networks, batches and searches of a drafted study are, from the size of its table alone.

They are meant to take about a minute on two cores for a thousand rows, and minutes for a hundred thousand.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

TEST_SHARE: Final = 0.2
_WORK: Final = 2e10
"""Rows times weights times epochs that all fits of a search may take together."""
_BATCHES: Final = ((400, 16), (4_000, 32), (16_000, 64), (64_000, 128), (250_000, 256))
"""Training rows below which a batch has so many."""
_LARGEST_BATCH: Final = 512
_FEW: Final = 60
"""Training rows below which none are set apart to stop early."""
_MANY: Final = 20_000
"""Training rows from which two folds tell enough."""
_EPOCHS: Final = (8, 300)


@dataclass(frozen=True)
class Sizes:
    """What a drafted study takes: `hidden` and `weight_decay` are tried in all combinations, on `folds` folds."""

    hidden: tuple[tuple[int, ...], ...]
    weight_decay: tuple[float, ...]
    folds: int
    batch_size: int
    epochs: int
    stops_early: bool


def sizes_of(rows: int, numbers: int, outputs: int) -> Sizes:
    """Choose sizes for a table of so many rows, with so many numbers a row and outputs of a network."""
    trained = round(rows * (1 - TEST_SHARE))
    many = trained > _MANY
    folds = 5 if trained < 200 else 2 if many else 3
    usual = next((size for below, size in _BATCHES if trained < below), _LARGEST_BATCH)
    batch = max(1, min(usual, trained * (folds - 1) // folds))
    hidden: tuple[tuple[int, ...], ...] = ((), (64,), (64, 64))
    weight_decay = (1e-4,) if many else (0.0, 1e-3)
    weights = sum(_weights((numbers, *units, outputs)) for units in hidden)
    an_epoch = trained * (1 - 1 / folds) * folds * len(weight_decay) * weights
    least, most = _EPOCHS
    epochs = int(min(most, max(least, _WORK / an_epoch)))
    return Sizes(hidden, weight_decay, folds, batch, epochs, trained >= _FEW)


def _weights(sizes: tuple[int, ...]) -> int:
    return sum(below * above for below, above in itertools.pairwise(sizes))
