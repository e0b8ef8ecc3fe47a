"""The delivered network beside simple models, in words and as rows of a table: better, no better, worse, not known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.look._chance import drawn_by_chance
from shoal.look._evidence import in_quotes
from shoal.look._measures import shown_scores
from shoal.results import (
    MODEL_NAMES,
    TREE_CATEGORIES,
    Beside,
    Interval,
    Results,
    Verdict,
    in_words,
    judged_answers,
    margin_of,
    predictions_score,
    score_on,
    scores_of_answers,
    suiting_scores,
    verdict,
)
from shoal.wording import counted, listed


def delivered_score(results: Results, metric: str) -> float:
    """Give a test score of the delivered network; NaN while there is none."""
    return math.nan if results.delivered_id is None else tested_score(results, results.delivered_id, metric)


def tested_score(results: Results, fit_id: str, metric: str) -> float:
    """Give a test score of a healthy refit, balanced accuracy among them."""
    scores = results.refits[fit_id].scores["test"]
    if metric in scores:
        return scores[metric]
    truth = results.truth
    answers_VK = judged_answers(metric, results.test_predictions(fit_id), results.decision)
    return score_on(truth, metric).score(truth.y[truth.train_rows :], answers_VK, truth.test_weights)


def predictions_metric(results: Results) -> str:
    """Name the test score by which predictions are held against those of simple models: that which heads the run, but
    where it is one of quantiles or normal distributions; empty where simple models predict no such number. Of labels
    simple models give probabilities too, which have the same loss.
    """
    metric, training = results.judged_by, results.delivered_training
    if metric != "loss" or results.truth.task != "regression" or results.delivered_id is None:
        return metric
    return predictions_score(results.truth, results.summaries[results.delivered_id].scores["test"], training)


def judging_metrics(results: Results) -> tuple[str, ...]:
    """Name the scores by which the network is held against simple models: of all that it says, and of predictions."""
    if results.delivered_id is None:
        return ()
    return tuple(name for name in dict.fromkeys((results.judged_by, predictions_metric(results))) if name)


def worse_by_more(beside: Sequence[Beside], metric: str) -> list[Beside]:
    """Give the simple models that the network is worse than by more than what does not matter (`search.margin`)."""
    worse, kind = verdict(beside, metric).worse, "loss" if metric in ("mse", "loss") else "accuracy"
    return [
        model
        for model in beside
        if model.baseline.name in worse
        and min(abs(model.difference.low), abs(model.difference.high)) > margin_of(kind, model.score, None)
    ]


def evidence_sentences(results: Results, judged: Verdict) -> list[str]:
    """Say on what the verdict rests, and of which models there is none."""
    sentences = []
    over = drawn_by_chance(results)
    beside = results.beside_baselines(results.judged_by)
    if judged.better:
        which = "interval of the difference" if len(judged.better) == 1 else "interval of each difference"
        sentences.append(
            f"It is better than {in_words(judged.better)}: the 95 % {which}, row by row, for {over}, leaves 0 out."
        )
    sentences += without_interval([(MODEL_NAMES[name], why) for name, why in judged.whys])
    without: dict[str, list[str]] = {}
    for baseline in (model.baseline for model in beside):
        if baseline.answers_VK is None:
            without.setdefault(baseline.why, []).append(baseline.name)
        elif baseline.rows < results.truth.train_rows:
            name = MODEL_NAMES[baseline.name]
            sentences.append(
                f"{name[0].upper()}{name[1:]} learned from {baseline.rows:,} of the"
                f" {counted(results.truth.train_rows, 'training row')}, drawn at random."
            )
        if baseline.answers_VK is not None and baseline.pooled:
            sentences.append(
                f"Boosted trees tell the {TREE_CATEGORIES} most frequent categories of an input apart: all others of"
                f" {listed([in_quotes(name) for name in baseline.pooled], most=3)} are a single one to them."
            )
    return sentences + [
        f"There is no comparison with {in_words(names, 'or')}: {why}." for why, names in without.items()
    ]


def without_interval(whys: Iterable[tuple[str, str]]) -> list[str]:
    """Say of which models the difference has no interval, and why, in a sentence for each reason."""
    models: dict[str, list[str]] = {}
    for model, why in whys:
        models.setdefault(why, []).append(model)
    return [
        f"No interval of the difference{'s' * (len(names) > 1)} to {listed(names)}: {why}."
        for why, names in models.items()
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
    metric = predictions_metric(results)
    if not metric or results.delivered_id is None:
        return []
    beside = [model for model in results.beside_baselines(metric) if model.baseline.answers_VK is not None]
    shown = [metric, *(name for name in shown_scores(results) if name != metric)]
    true, truth = results.truth.y[results.truth.train_rows :], results.truth
    own = dict(results.refits[results.delivered_id].scores["test"])
    own[metric] = delivered_score(results, metric)
    none = Interval(math.nan, math.nan, "it is held against itself")
    span = results.test_interval(metric, [results.delivered_id], decided=True)
    rows = [
        ModelRow(
            "delivered network", truth.train_rows, {name: own[name] for name in shown}, span, math.nan, none
        )
    ]
    for model in beside:
        answers_VK = np.asarray(model.baseline.answers_VK)
        scores = scores_of_answers(
            true,
            answers_VK,
            truth.test_weights,
            suiting_scores(results.study, truth),
            positive=truth.positive,
        )
        scores[metric] = model.score
        apart = Interval(model.difference.low, model.difference.high, model.difference.why)
        of_model = {name: scores[name] for name in shown}
        name = MODEL_NAMES[model.baseline.name].removeprefix("a ")
        rows.append(
            ModelRow(name, model.baseline.rows, of_model, model.interval, model.difference.mean, apart)
        )
    return rows
