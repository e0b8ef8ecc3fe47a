"""What the loss of a training is called."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.kinds import Task, task_kind
from shoal.nets import loss_of
from shoal.study import TASK_LOSS, Training


def loss_words(task: Task, training: Training, classes: Sequence[str]) -> str:
    """Name the loss that networks are trained by, of these classes."""
    name = training.loss or TASK_LOSS[task]
    loss, option = loss_of(name), training.option_of(name)
    words = f"{loss.words}, {loss.option_words.format(_option_text(option))}" if option else loss.words
    weighted = "labels" if task_kind(task).target == "labels" else "classes"
    return f"{words}, {weighted} weighted in training" if training.weighs_classes(classes) else words


def _option_text(option: float | tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in (option if isinstance(option, tuple) else (option,)))
