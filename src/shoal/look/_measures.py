"""What scores and losses are called on axes, which way is better, and which scores tables show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shoal.kinds import Task, task_kind
from shoal.nets import loss_of
from shoal.results import Truth, asked_scores, higher_is_better
from shoal.scores import different, score_kind
from shoal.study import TASK_LOSS, Training
from shoal.wording import one_number, percent

if TYPE_CHECKING:
    from shoal.results import Results

SCORES_SHOWN: Final[dict[Task, tuple[str, ...]]] = {
    "regression": ("mse", "rmse", "mae", "r2"),
    "classification": ("accuracy", "loss", "macro_f1", "ece"),
    "multilabel": ("loss", "macro_f1", "accuracy"),
}
"""The scores of test rows that every table shows, the first of them first."""
_ON_TEST_ROWS: Final = {
    "mse": "mean squared error on test rows",
    "accuracy": "accuracy on test rows (share)",
    "loss": "binary cross-entropy on test rows (nats)",
}


def shown_scores(results: Results) -> tuple[str, ...]:
    """Name the scores of test rows that tables show: those of the task, then others that the study asks for."""
    task = results.study.study.task
    return different((*SCORES_SHOWN[task], *asked_scores(results.study)), task)


def further_scores(results: Results) -> tuple[str, ...]:
    """Name the scores that candidates have beside the selection score."""
    search = results.study.search
    return (
        tuple(
            name
            for name in different((search.metric, *search.scores), results.truth.task)
            if name != search.metric
        )
        if search
        else ()
    )


def score_number(metric: str, value: float) -> str:
    """Write a value of a score: a share of rows in percent."""
    return percent(value) if score_kind(metric).percent else one_number(value)


def leading_metric(task: Task) -> str:
    """Name the metric by which variants are compared on test rows: the first that tables show."""
    return SCORES_SHOWN[task][0]


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
    weighted = "labels" if task_kind(task).target == "labels" else "classes"
    return words if training.class_weight == "none" else f"{words}, {weighted} weighted in training"


def _option_text(option: float | tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in (option if isinstance(option, tuple) else (option,)))


def score_words(metric: str, truth: Truth, training: Training) -> str:
    """Name a score of answers; "loss" is the loss's own, where that is a score of more than one number a target, else
    the task's, whatever networks are trained by.
    """
    if metric != "loss":
        return truth.title_of(metric)
    own = loss_of(training.loss).score_words if training.loss else ""
    return own or loss_of(TASK_LOSS[truth.task]).words


def selection_score(metric: str, truth: Truth, training: Training) -> str:
    """Name the selection score of networks that train so, for an axis."""
    return f"selection score ({score_words(metric, truth, training)}, {direction(metric)})"
