"""The delivered network beside simple models, in words and as rows of a table: better, no better, worse, not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from shoal.look._chance import drawn_by_chance
from shoal.look._measures import SCORES_SHOWN, leading_metric
from shoal.results import (
    BALANCED,
    Beside,
    Interval,
    Results,
    classification_scores,
    higher_is_better,
    margin_of,
    regression_scores,
    row_score,
)
from shoal.wording import listed

NAMES: Final = {"constant": "a constant", "linear": "a linear model", "trees": "boosted trees"}
RARE: Final = 0.2
"""A class is rare below this part of the training rows that it would have if all classes were equally frequent."""


def rare_classes(results: Results) -> list[int]:
    """Give the numbers of the rare classes that test rows have; none in a regression."""
    truth = results.truth
    count = len(truth.classes)
    if not count:
        return []
    train_K = np.bincount(truth.y[: truth.train_rows], minlength=count)
    test_K = np.bincount(truth.y[truth.train_rows :], minlength=count)
    rare_K = (train_K < RARE * truth.train_rows / count) & (test_K > 0)
    return [int(k) for k in np.flatnonzero(rare_K)]


def judged_by(results: Results) -> str:
    """Name the test score by which the delivered network is held against simple models.

    Accuracy, or balanced accuracy where a class is rare; the mean squared error, or R² of several targets, which may
    have units of their own.
    """
    if results.truth.classes:
        return BALANCED if rare_classes(results) else leading_metric(True)
    if len(results.truth.target_names) > 1 and math.isfinite(delivered_score(results, "r2")):
        return "r2"
    return leading_metric(False)


def delivered_score(results: Results, metric: str) -> float:
    """Give a test score of the delivered network; NaN while there is none."""
    return math.nan if results.delivered_id is None else tested_score(results, results.delivered_id, metric)


def tested_score(results: Results, fit_id: str, metric: str) -> float:
    """Give a test score of a healthy fit, balanced accuracy among them."""
    scores = results.summaries[fit_id].scores["test"]
    if metric in scores:
        return scores[metric]
    truth = results.truth
    score = row_score(results.study.study.task, metric)
    return score.score(truth.y[truth.train_rows :], results.test_predictions(fit_id))


def is_better_upwards(metric: str) -> bool:
    """Say in which direction a score gets better, balanced accuracy among them."""
    return metric == BALANCED or higher_is_better(metric)


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
    sign = 1.0 if is_better_upwards(metric) else -1.0
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


def worse_by_more(beside: Sequence[Beside], metric: str) -> list[Beside]:
    """Give the simple models that the network is worse than by more than what does not matter (`search.margin`)."""
    worse, kind = verdict(beside, metric).worse, "loss" if metric == "mse" else "accuracy"
    return [
        model
        for model in beside
        if model.baseline.name in worse
        and min(abs(model.difference.low), abs(model.difference.high)) > margin_of(kind, model.score, None)
    ]


def in_words(names: Sequence[str], last: Literal["and", "or"] = "and") -> str:
    """Name simple models."""
    return listed([NAMES[name] for name in names], last)


def verdict_phrase(judged: Verdict) -> str:
    """Say what the network is not better than, the gravest first; nothing where it is better than all."""
    parts = [f"worse than {in_words(judged.worse)}"] if judged.worse else []
    parts += [f"no better than {in_words(judged.no_better, 'or')}"] if judged.no_better else []
    parts += [f"not shown to be better than {in_words(judged.ahead, 'or')}"] if judged.ahead else []
    return listed(parts)


def evidence_sentences(results: Results, judged: Verdict) -> list[str]:
    """Say on what the verdict rests, and of which models there is none."""
    sentences = []
    over = drawn_by_chance(results)
    if judged.better:
        which = "interval of the difference" if len(judged.better) == 1 else "interval of each difference"
        sentences.append(
            f"It is better than {in_words(judged.better)}: the 95 % {which}, row by row, for {over}, leaves 0 out."
        )
    for name, why in judged.whys:
        sentences.append(f"No interval of the difference to {NAMES[name]}: {why}.")
    without: dict[str, list[str]] = {}
    for baseline in results.baselines:
        if baseline.answers_VK is None:
            without.setdefault(baseline.why, []).append(baseline.name)
        elif baseline.rows < results.truth.train_rows:
            name = NAMES[baseline.name]
            sentences.append(
                f"{name[0].upper()}{name[1:]} learned from {baseline.rows:,} of the {results.truth.train_rows:,}"
                " training rows, drawn at random."
            )
    return sentences + [
        f"There is no comparison with {in_words(names, 'or')}: {why}." for why, names in without.items()
    ]


@dataclass(frozen=True)
class ModelRow:
    """A row of the table: a model, its training rows, its scores by name, the interval of the first of them, and the
    delivered network's first score less this one's, with its interval.
    """

    name: str
    rows: int
    scores: dict[str, float]
    interval: Interval
    difference: float
    apart: Interval


def model_rows(results: Results) -> list[ModelRow]:
    """Give the delivered network and the simple models that there are, the scores that judge them first."""
    metric = judged_by(results)
    beside = [model for model in results.beside_baselines(metric) if model.baseline.answers_VK is not None]
    if not beside or results.delivered_id is None:
        return []
    shown = [metric, *(name for name in SCORES_SHOWN[results.study.study.task] if name != metric)]
    true, truth = results.truth.y[results.truth.train_rows :], results.truth
    own = dict(results.summaries[results.delivered_id].scores["test"])
    own[metric] = delivered_score(results, metric)
    none = Interval(math.nan, math.nan, "it is held against itself")
    span = results.test_interval(metric, [results.delivered_id])
    rows = [
        ModelRow(
            "delivered network", truth.train_rows, {name: own[name] for name in shown}, span, math.nan, none
        )
    ]
    for model in beside:
        answers_VK = np.asarray(model.baseline.answers_VK)
        scores = (classification_scores if truth.classes else regression_scores)(true, answers_VK)
        scores[metric] = model.score
        apart = Interval(model.difference.low, model.difference.high, model.difference.why)
        of_model = {name: scores[name] for name in shown}
        name = NAMES[model.baseline.name].removeprefix("a ")
        rows.append(
            ModelRow(name, model.baseline.rows, of_model, model.interval, model.difference.mean, apart)
        )
    return rows
