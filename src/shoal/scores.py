"""The scores that answers can have: which task each belongs to, which way is better, and who computes it.

A row is all that is said of a score elsewhere: the study's choices and refusals, tables, pictures and sentences derive
from it. Those with a `peer` bear the names of scikit-learn's scorers, and are computed by its functions
(`results/_peer_scores.py`); means over rows that make them again, where there are such, stand in
`results/_score_rows.py`. The order is the one in which choices are named to a user.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final, Literal

from shoal.kinds import TASKS, Task, row_of, task_kind
from shoal.wording import NAMED, did_you_mean, first_few, shorten, visible

Form = Literal[
    "values", "classes", "decided", "occurring", "positive", "each", "pairs", "probabilities", "second or all"
]
"""What of the answers is judged: what a function of scikit-learn is given; see `results/_peer_scores.py`."""


@dataclass(frozen=True)
class ScoreKind:
    """A score of answers: the tasks it is a score of, what tables call it, and whether more of it is better.

    `is_share`: it lies between 0 and 1 whatever the unit of the target, so that differences are compared as they are.
    `percent`: it is a share of rows, or a mean of such shares, and said in percent.

    With a `peer`, the function of `sklearn.metrics` that computes it from answers in a `form` and its `options`, it is
    computed where a study names it, and `negated` where that function is one of which less is better; without one it is
    computed of every fit. It is defined on rows of two classes or more, or of targets that vary, where it `needs` them;
    where all targets and answers lie `above` a number (`from_there`: of targets also at it). `classes` are the numbers
    of classes that it takes where a row is of one, at least and at most, `one_target` says that it takes no more than
    one, `weighted` whether scikit-learn takes weights of rows for it. Of two classes it is a score of the positive one
    where it is `of_positive`; those that are the same number for either class are not. Where a score is `same_as`
    another, the number is the same, or the same with its sign turned round: tables have a column of one of the two. Of
    several labels, it is not where it is `unlike_of_labels`.
    """

    tasks: tuple[Task, ...]
    title: str
    higher_is_better: bool = False
    is_share: bool = False
    percent: bool = False
    peer: str = ""
    form: Form = "values"
    options: tuple[tuple[str, Any], ...] = ()
    negated: bool = False
    needs: Literal["rows", "two classes", "varied targets"] = "rows"
    above: float | None = None
    from_there: bool = False
    classes: tuple[int, float] = (2, inf)
    one_target: bool = False
    weighted: bool = True
    of_positive: bool = False
    same_as: str = ""
    unlike_of_labels: bool = False

    @property
    def names_classes(self) -> bool:
        """Whether it judges which class is named, and not the probabilities behind that."""
        return self.form in ("classes", "decided", "occurring")


RARE: Final = 0.2
"""A class is rare below this part of the training rows that it would have if all classes were equally frequent."""
_LONGEST_CLASS: Final = 40
"""Letters of a class within the title of a score."""
_OfClasses = partial(ScoreKind, ("classification",), higher_is_better=True, is_share=True)
_OfBoth = partial(ScoreKind, ("classification", "multilabel"), higher_is_better=True, is_share=True)
_OfLabels = partial(ScoreKind, ("multilabel",), higher_is_better=True, is_share=True, form="classes")
_OfNumbers = partial(ScoreKind, ("regression",), higher_is_better=True)
_OfPositive = partial(_OfClasses, form="decided", classes=(2, 2), of_positive=True)
_MACRO, _MICRO, _BY_FREQUENCY, _BY_ROW = (
    ("average", name) for name in ("macro", "micro", "weighted", "samples")
)
_NO_DIVISION = ("zero_division", 0.0)
SCORES: Final[dict[str, ScoreKind]] = {
    "loss": ScoreKind(TASKS, "loss"),
    "mse": ScoreKind(("regression",), "MSE"),
    "rmse": ScoreKind(("regression",), "RMSE"),
    "mae": ScoreKind(("regression",), "MAE"),
    "r2": _OfNumbers("R²", is_share=True, needs="varied targets"),
    "accuracy": _OfBoth("accuracy", percent=True, form="classes"),
    "macro_f1": _OfBoth("macro F1", form="classes"),
    "ece": ScoreKind(("classification",), "ECE", is_share=True),
    "neg_log_loss": _OfClasses(
        "negated log loss", is_share=False, peer="log_loss", form="probabilities", negated=True
    ),
    "roc_auc": _OfBoth(
        "ROC AUC", peer="roc_auc_score", form="positive", needs="two classes", classes=(2, 2)
    ),
    "roc_auc_ovr": _OfClasses(
        "ROC AUC, each class against the rest", peer="roc_auc_score", form="each", needs="two classes"
    ),
    "roc_auc_ovo": _OfClasses(
        "ROC AUC, pairs of classes", peer="roc_auc_score", form="pairs", needs="two classes", weighted=False
    ),
    "average_precision": _OfBoth(
        "average precision", peer="average_precision_score", form="each", needs="two classes", of_positive=True
    ),
    "f1": _OfPositive("F1", peer="f1_score", options=(_NO_DIVISION,)),
    "f1_macro": _OfBoth(
        "macro F1", peer="f1_score", form="classes", options=(_MACRO, _NO_DIVISION), same_as="macro_f1"
    ),
    "f1_micro": _OfBoth(
        "micro F1", peer="f1_score", form="classes", options=(_MICRO, _NO_DIVISION), same_as="accuracy",
        unlike_of_labels=True,
    ),
    "f1_weighted": _OfBoth(
        "weighted F1", peer="f1_score", form="classes", options=(_BY_FREQUENCY, _NO_DIVISION)
    ),
    "f1_samples": _OfLabels("F1 of each row", peer="f1_score", options=(_BY_ROW, _NO_DIVISION)),
    "precision": _OfPositive("precision", peer="precision_score", options=(_NO_DIVISION,)),
    "precision_macro": _OfBoth(
        "macro precision", peer="precision_score", form="classes", options=(_MACRO, _NO_DIVISION)
    ),
    "precision_micro": _OfLabels("micro precision", peer="precision_score", options=(_MICRO, _NO_DIVISION)),
    "precision_weighted": _OfLabels(
        "weighted precision", peer="precision_score", options=(_BY_FREQUENCY, _NO_DIVISION)
    ),
    "precision_samples": _OfLabels(
        "precision of each row", peer="precision_score", options=(_BY_ROW, _NO_DIVISION)
    ),
    "recall": _OfPositive("recall", peer="recall_score", options=(_NO_DIVISION,)),
    "recall_macro": _OfBoth(
        "macro recall", peer="recall_score", form="classes", options=(_MACRO, _NO_DIVISION)
    ),
    "recall_micro": _OfLabels("micro recall", peer="recall_score", options=(_MICRO, _NO_DIVISION)),
    "recall_weighted": _OfLabels(
        "weighted recall", peer="recall_score", options=(_BY_FREQUENCY, _NO_DIVISION), same_as="recall_micro"
    ),
    "recall_samples": _OfLabels("recall of each row", peer="recall_score", options=(_BY_ROW, _NO_DIVISION)),
    "jaccard_macro": _OfLabels("macro Jaccard", peer="jaccard_score", options=(_MACRO, _NO_DIVISION)),
    "jaccard_micro": _OfLabels("micro Jaccard", peer="jaccard_score", options=(_MICRO, _NO_DIVISION)),
    "jaccard_weighted": _OfLabels(
        "weighted Jaccard", peer="jaccard_score", options=(_BY_FREQUENCY, _NO_DIVISION)
    ),
    "jaccard_samples": _OfLabels("Jaccard of each row", peer="jaccard_score", options=(_BY_ROW, _NO_DIVISION)),
    "balanced_accuracy": _OfClasses(
        "balanced accuracy", percent=True, peer="recall_score", form="occurring", options=(_MACRO, _NO_DIVISION)
    ),
    "matthews_corrcoef": _OfClasses(
        "Matthews correlation", peer="matthews_corrcoef", form="classes", needs="two classes"
    ),
    "neg_brier_score": _OfClasses(
        "negated Brier score", is_share=False, peer="brier_score_loss", form="second or all", negated=True
    ),
    "top_k_accuracy": _OfClasses(
        "top-2 accuracy", percent=True, peer="top_k_accuracy_score", form="probabilities",
        options=(("k", 2),), classes=(3, inf),
    ),
    "neg_mean_absolute_error": _OfNumbers("negated MAE", peer="mean_absolute_error", negated=True, same_as="mae"),
    "neg_median_absolute_error": _OfNumbers(
        "negated median absolute error", peer="median_absolute_error", negated=True
    ),
    "neg_mean_squared_error": _OfNumbers("negated MSE", peer="mean_squared_error", negated=True, same_as="mse"),
    "neg_root_mean_squared_error": _OfNumbers(
        "negated RMSE", peer="root_mean_squared_error", negated=True, same_as="rmse"
    ),
    "neg_mean_absolute_percentage_error": _OfNumbers(
        "negated MAPE", peer="mean_absolute_percentage_error", negated=True
    ),
    "neg_mean_squared_log_error": _OfNumbers(
        "negated MSLE", peer="mean_squared_log_error", negated=True, above=-1.0
    ),
    "neg_root_mean_squared_log_error": _OfNumbers(
        "negated RMSLE", peer="root_mean_squared_log_error", negated=True, above=-1.0
    ),
    "explained_variance": _OfNumbers(
        "explained variance", is_share=True, peer="explained_variance_score", needs="varied targets"
    ),
    "d2_absolute_error_score": _OfNumbers(
        "D² of absolute errors", is_share=True, peer="d2_absolute_error_score", needs="varied targets"
    ),
    "d2_pinball_score": _OfNumbers(
        "D² of pinball losses", is_share=True, peer="d2_pinball_score", needs="varied targets",
        same_as="d2_absolute_error_score",
    ),
    "neg_mean_poisson_deviance": _OfNumbers(
        "negated Poisson deviance", peer="mean_poisson_deviance", negated=True, above=0.0, from_there=True,
        one_target=True,
    ),
    "neg_mean_gamma_deviance": _OfNumbers(
        "negated gamma deviance", peer="mean_gamma_deviance", negated=True, above=0.0, one_target=True
    ),
    "neg_max_error": _OfNumbers(
        "negated largest error", peer="max_error", negated=True, one_target=True,
        weighted=False,
    ),
}  # fmt: skip


def scores_of(task: str) -> tuple[str, ...]:
    """Name the scores of a task that every fit has."""
    return tuple(name for name in metrics_of(task) if not SCORES[name].peer)


def metrics_of(task: str) -> tuple[str, ...]:
    """Name all scores of a task, those that are computed where a study names them last."""
    return tuple(name for name, score in SCORES.items() if task in score.tasks)


def of_another_task(name: str, task: str) -> str:
    """Refuse a score that a task does not have; nothing where it has it."""
    names = metrics_of(task)
    if name in names:
        return ""
    some = first_few(names, NAMED)
    return (
        f"expected a score of {task_kind(task).words} ({some}), got {name!r}{did_you_mean(name, names, repr)}"
    )


def score_kind(name: str) -> ScoreKind:
    """Give the row of a score. Raises StudyError for one that is unknown."""
    return row_of("score", SCORES, name)


def different(names: Iterable[str], task: Task) -> tuple[str, ...]:
    """Leave out names of the same score of a task as one before them, perhaps with its sign turned round."""
    first: dict[str, str] = {}
    labels = task_kind(task).target == "labels"
    for name in names:
        kind = score_kind(name)
        own = labels and kind.unlike_of_labels
        first.setdefault(name if own else kind.same_as or name, name)
    return tuple(first.values())


def title_of(name: str, classes: Sequence[str] = (), positive: int = 1) -> str:
    """Give what tables call a score; where it is one of the positive class of two, with the name of that."""
    return f"{score_kind(name).title}{_whose(name, classes, positive)}"


def key_of(name: str, classes: Sequence[str] = (), positive: int = 1) -> str:
    """Give the name by which a study asks for a score, in the same way: for tables that show such names."""
    return f"{name}{_whose(name, classes, positive)}"


def _whose(name: str, classes: Sequence[str], positive: int) -> str:
    if not score_kind(name).of_positive or len(classes) != 2:
        return ""
    return f" of “{visible(shorten(classes[positive], _LONGEST_CLASS), 'masked')}”"
