"""Whether the delivered network is better than what is simpler: by which score, and the verdict in words.

Letters: K classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from shoal.results._mean_recall import BALANCED
from shoal.results._peer_scores import undefined_on
from shoal.results._record import Truth
from shoal.results._score_rows import score_on
from shoal.results._scores import higher_is_better
from shoal.results._simple_models import Beside
from shoal.scores import RARE, score_kind
from shoal.study import Study, Training
from shoal.wording import listed

MODEL_NAMES: Final = {"constant": "a constant", "linear": "a linear model", "trees": "boosted trees"}


def rare_classes(truth: Truth) -> list[int]:
    """Give the numbers of the classes that are rare among the training rows; none in a regression."""
    if not truth.classes:
        return []
    train_K = np.bincount(truth.y[: truth.train_rows], minlength=len(truth.classes))
    return [int(k) for k in np.flatnonzero(train_K < RARE * truth.train_rows / len(truth.classes))]


def rare_tested(truth: Truth) -> list[int]:
    """Give the numbers of the rare classes that test rows have."""
    tested = np.unique(truth.y[truth.train_rows :])
    return [k for k in rare_classes(truth) if k in tested]


def judging_score(
    truth: Truth, scores: Mapping[str, float], study: Study, training: Training, *, decided: bool = False
) -> str:
    """Name the test score that heads a run, and by which a network of these scores, trained so, is held against others.

    The one that the study's search chooses by, where it names one that has an interval and is defined on these rows.
    Else what suits: accuracy, or balanced accuracy where a class is rare or classes are weighted, which mean it to be
    lower, also where accuracy is named; the loss of quantiles, of a normal distribution and
    of several labels, which sees how sure each is; else that of predictions.
    """
    named = study.search.metric if study.search else "loss"
    named = {"rmse": "mse"}.get(same := score_kind(named).same_as or named, same)
    defined = named not in ("loss", "accuracy") and math.isfinite(scores.get(named, math.nan))
    if defined and not score_on(truth, named).why_none and not (decided and score_kind(named).names_classes):
        return named
    if decided and not undefined_on("roc_auc", truth.y[truth.train_rows :], truth.test_weights):
        return "roc_auc"
    if truth.classes:
        return BALANCED if rare_tested(truth) or training.weighs_classes(truth.classes) else "accuracy"
    if truth.task == "multilabel":
        return "loss"
    return "loss" if training.distribution else predictions_score(truth, scores, training)


def predictions_score(truth: Truth, scores: Mapping[str, float], training: Training) -> str:
    """Name the score of the numbers alone that a regression predicts, which simple models give as well.

    The mean squared error, or R² of several targets, which may have units of their own; of medians the mean absolute
    error. Empty where another quantile is predicted: simple models predict none.
    """
    predicted = training.distribution.predicts if training.distribution else "mean"
    if len(truth.target_names) > 1 and predicted == "mean" and math.isfinite(scores.get("r2", math.nan)):
        return "r2"
    return {"mean": "mse", "median": "mae"}.get(predicted, "")


@dataclass(frozen=True)
class Verdict:
    """Which simple models the delivered network is `better` than, which it is `worse` than (both: the 95 % interval of
    the difference leaves 0 out), and of the others those that score at least as well (`no_better`) and those that it is
    `ahead` of, without that being shown. `whys` names those whose difference has no interval, with the reason.
    """

    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    no_better: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    whys: tuple[tuple[str, str], ...] = ()

    @property
    def good(self) -> bool:
        """Whether it is better than all that there are."""
        return not (self.worse or self.no_better or self.ahead)


def verdict(beside: Sequence[Beside], metric: str) -> Verdict:
    """Judge the delivered network by its differences to the simple models that there are."""
    sign = 1.0 if higher_is_better(metric) else -1.0
    names: dict[str, list[str]] = {"better": [], "worse": [], "no_better": [], "ahead": []}
    whys = []
    for model in beside:
        apart, name = model.difference, model.baseline.name
        if model.baseline.answers_VK is None:
            continue
        low, high = sorted((sign * apart.low, sign * apart.high)) if not apart.why else (-math.inf, math.inf)
        if low > 0:
            names["better"].append(name)
        elif high < 0:
            names["worse"].append(name)
        else:
            names["ahead" if sign * apart.mean > 0 else "no_better"].append(name)
            whys += [(name, apart.why)] if apart.why else []
    return Verdict(**{kind: tuple(each) for kind, each in names.items()}, whys=tuple(whys))


def in_words(names: Sequence[str], last: Literal["and", "or"] = "and") -> str:
    """Name simple models."""
    return listed([MODEL_NAMES[name] for name in names], last)


def verdict_phrase(judged: Verdict) -> str:
    """Say what the network is not better than, the gravest first; nothing where it is better than all."""
    parts = [f"worse than {in_words(judged.worse)}"] if judged.worse else []
    parts += [f"no better than {in_words(judged.no_better, 'or')}"] if judged.no_better else []
    parts += [f"not shown to be better than {in_words(judged.ahead, 'or')}"] if judged.ahead else []
    return listed(parts)
