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
from shoal.results._scores import higher_is_better
from shoal.results._simple_models import Beside
from shoal.scores import RARE
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
    tested = set(truth.y[truth.train_rows :].tolist())
    return [k for k in rare_classes(truth) if k in tested]


def judging_score(truth: Truth, scores: Mapping[str, float], *, decided: bool = False) -> str:
    """Name the test score by which a network of these test scores is held against simple models.

    Accuracy, or balanced accuracy where a class is rare; the mean squared error, or R² of several targets, which may
    have units of their own; of several labels the loss, which sees how sure each is. Where classes are `decided` by a
    threshold, which simple models do not have, it is the area under the ROC curve: that is of probabilities, and needs
    test rows of both classes.
    """
    if decided and not undefined_on("roc_auc", truth.y[truth.train_rows :], truth.test_weights):
        return "roc_auc"
    if truth.classes:
        return BALANCED if rare_tested(truth) else "accuracy"
    if truth.task == "multilabel":
        return "loss"
    return "r2" if len(truth.target_names) > 1 and math.isfinite(scores.get("r2", math.nan)) else "mse"


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
