"""What scores and losses are called on axes, which way is better, and which scores tables show."""

from __future__ import annotations

from typing import Final

from shoal import kinds
from shoal.kinds import Task
from shoal.nets import loss_of
from shoal.results import higher_is_better

LOSSES: Final = {name: loss_of(name).words for name in kinds.LOSSES}
SCORES_SHOWN: Final[dict[Task, tuple[str, ...]]] = {
    "regression": ("mse", "rmse", "mae", "r2"),
    "classification": ("accuracy", "loss", "macro_f1", "ece"),
}
"""The scores of test rows that tables show, the first of them first."""
_ON_TEST_ROWS: Final = {"mse": "mean squared error on test rows", "accuracy": "accuracy on test rows (share)"}


def leading_metric(classes: bool) -> str:
    """Name the metric by which variants are compared on test rows: accuracy, or the mean squared error."""
    return "accuracy" if classes else "mse"


def direction(metric: str) -> str:
    """Say which way is better."""
    return f"{'higher' if higher_is_better(metric) else 'lower'} is better"


def on_test_rows(metric: str) -> str:
    """Name the leading metric on test rows, for an axis."""
    name = _ON_TEST_ROWS[metric]
    return f"{name[:-1]}, {direction(metric)})" if name.endswith(")") else f"{name} ({direction(metric)})"


def selection_score(metric: str, loss: str) -> str:
    """Name the selection score, for an axis; `metric` is "accuracy" or "loss", `loss` the loss's kind."""
    return f"selection score ({metric if metric == 'accuracy' else LOSSES[loss]}, {direction(metric)})"
