"""What the simple models beside the delivered network take: seconds and bytes, as sums of named terms."""

from __future__ import annotations

from typing import Final

from shoal.engine._fits import Planner
from shoal.engine._simple_models import (
    AT_ONCE,
    MOST_FOLDS,
    PENALTIES,
    PENALTY_ROWS,
    TREES,
    count_drawn,
    why_none,
    width,
)
from shoal.results import FITTED

IMPORTED: Final = 1.1
"""scikit-learn, and what it imports that drawing does not."""
LINEAR_FIT: Final = 0.003
LINEAR_CELL: Final = 6e-9
"""A fit of the linear model, and an input of a row in it, for each output."""
TREE: Final = 5e-4
TREE_CELL: Final = 1.1e-8
"""A tree, and an input of a row in it."""
LIBRARIES: Final = 85e6
"""Bytes of scikit-learn, and of what it imports."""
COPIES: Final = 5
"""Of the inputs in 64 bits, while a model is fitted."""


def fitted(planner: Planner) -> list[str]:
    """Name the simple models that a run will fit."""
    asked = planner.study.checks.baselines
    return [name for name in FITTED if asked and not why_none(planner, name)]


def simple_model_seconds(planner: Planner) -> float:
    """Predict the seconds of all simple models, on the machine that the constants were measured on."""
    names = fitted(planner)
    return sum((_seconds(planner, name) for name in names), IMPORTED if names else 0.0)


def _seconds(planner: Planner, name: str) -> float:
    rows, columns = count_drawn(planner, name), width(planner, name)
    if name == "trees":
        trees = TREES * columns / max(1, len(planner.dataset.columns))
        return TREE * trees + TREE_CELL * TREES * rows * columns
    tried = MOST_FOLDS * len(PENALTIES)
    each_row = LINEAR_CELL * columns * planner.dataset.outputs
    return LINEAR_FIT * (tried + 1) + each_row * (rows + tried * min(rows, PENALTY_ROWS))


def simple_model_bytes(planner: Planner) -> float:
    """Predict the bytes that fitting the simple models takes, and those of scikit-learn, which stay."""
    names = fitted(planner)
    test = min(AT_ONCE, planner.dataset.rows - planner.dataset.train_rows)
    sizes = [8.0 * COPIES * (count_drawn(planner, name) + test) * width(planner, name) for name in names]
    answers = 16.0 * planner.dataset.outputs * (planner.dataset.rows - planner.dataset.train_rows)
    return LIBRARIES + max(sizes, default=0.0) + answers * bool(names)
