"""What scores and losses are called on axes, which way is better, and which scores tables show."""

from __future__ import annotations

from typing import Final

from shoal.kinds import Task
from shoal.nets import loss_of
from shoal.results import higher_is_better
from shoal.study import TASK_LOSS, Training

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


def loss_words(task: Task, training: Training) -> str:
    """Name the loss that networks are trained by."""
    name = training.loss or TASK_LOSS[task]
    loss, option = loss_of(name), training.option_of(name)
    words = f"{loss.words}, {loss.option_words.format(_option_text(option))}" if option else loss.words
    return words if training.class_weight == "none" else f"{words}, classes weighted in training"


def _option_text(option: float | tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in (option if isinstance(option, tuple) else (option,)))


def score_words(metric: str, task: Task, training: Training) -> str:
    """Name a score of answers; `metric` is "accuracy" or "loss": the loss's own, where that is a score of more than one
    number a target, else the task's, whatever networks are trained by.
    """
    own = loss_of(training.loss).score_words if training.loss else ""
    return metric if metric == "accuracy" else own or loss_of(TASK_LOSS[task]).words


def selection_score(metric: str, task: Task, training: Training) -> str:
    """Name the selection score of networks that train so, for an axis; `metric` is "accuracy" or "loss"."""
    return f"selection score ({score_words(metric, task, training)}, {direction(metric)})"
