"""What scores are called on axes, which way is better, and which scores tables show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shoal.kinds import Task
from shoal.nets import loss_of
from shoal.results import Truth, higher_is_better, suiting_scores
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
IN_FULL: Final = {"mse": "mean squared error", "mae": "mean absolute error"}
_ON_TEST_ROWS: Final = {
    "mse": "mean squared error on test rows",
    "accuracy": "accuracy on test rows (share)",
    "loss": "binary cross-entropy on test rows (nats)",
}


def shown_scores(results: Results) -> tuple[str, ...]:
    """Name the scores of test rows that tables show: the leading one, those of the task, others that are asked for."""
    task, asked = results.study.study.task, suiting_scores(results.study, results.truth)
    return different((leading_metric(results), *SCORES_SHOWN[task], *asked), task)


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


def leading_metric(results: Results) -> str:
    """Name the metric by which variants are compared on test rows: the one that heads the run, where all have it.

    Losses of distributions are none, nor is the R² of several targets, which does not say how far off they are: then it
    is the first that tables show.
    """
    metric, task = results.judged_by, results.truth.task
    tested = (
        fit.scores.get("test", {metric: 0.0}) for fit in results.summaries.values() if fit.status == "ok"
    )
    own = metric == "loss" and task == "regression"
    several = metric == "r2" and len(results.truth.target_names) > 1
    if own or several or not all(metric in scores for scores in tested):
        return SCORES_SHOWN[task][0]
    return metric


def direction(metric: str) -> str:
    """Say which way is better."""
    return f"{'higher' if higher_is_better(metric) else 'lower'} is better"


def on_test_rows(metric: str) -> str:
    """Name the leading metric on test rows, for an axis."""
    kind = score_kind(metric)
    name = _ON_TEST_ROWS.get(metric, f"{kind.title} on test rows{' (share)' * kind.percent}")
    return f"{name[:-1]}, {direction(metric)})" if name.endswith(")") else f"{name} ({direction(metric)})"


def score_words(metric: str, truth: Truth, training: Training) -> str:
    """Name a score of answers; "loss" is the loss's own, where that is a score of more than one number a target, else
    the task's, whatever networks are trained by.
    """
    if metric != "loss":
        return truth.title_of(metric)
    own = loss_of(training.loss).score_words if training.loss else ""
    return own or loss_of(TASK_LOSS[truth.task]).words


def sentence_words(metric: str, results: Results) -> str:
    """Name a test score of the delivered network within a sentence."""
    return IN_FULL.get(metric) or score_words(metric, results.truth, results.delivered_training)


def selection_score(metric: str, truth: Truth, training: Training) -> str:
    """Name the selection score of networks that train so, for an axis."""
    return f"selection score ({score_words(metric, truth, training)}, {direction(metric)})"
