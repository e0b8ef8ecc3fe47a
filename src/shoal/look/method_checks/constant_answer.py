"""Whether the model is no better than a constant baseline.

Letters: V test rows, K outputs or classes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._check import MethodCheck
from shoal.look._evidence import delivered_answers, in_quotes, phrases
from shoal.look._measures import score_number, sentence_words
from shoal.results import Results, higher_is_better, judge_of
from shoal.study import Costs
from shoal.wording import rounded


def no_better_than_a_constant(results: Results) -> str:
    """Hold the delivered model against the one answer that is best for all rows."""
    truth, answer_VK = results.truth, delivered_answers(results)
    if answer_VK is None:
        return ""
    if results.decision is not None:
        return _no_better_by_the_rule(results, answer_VK)
    metric, true_V, weight_V = results.judged_by, truth.y[truth.train_rows :], truth.test_weights
    if truth.task != "regression" or metric == "loss":
        return _by_score(results, metric)
    targets = []
    for name, true, answer in zip(truth.target_names, true_V.T, answer_VK.T, strict=True):
        scale = float(np.abs(true).max())
        off = (true - np.average(true, weights=weight_V)) / scale if scale > 0 else np.zeros(len(true))
        variance = float(np.average(off**2, weights=weight_V))
        square = float(np.average(((true - answer) / scale) ** 2, weights=weight_V)) if variance > 0 else 0.0
        r2 = 1 - square / variance if variance > 0 else 1.0
        if r2 <= 0:
            targets.append(f"{rounded(r2, 3)} for {in_quotes(name)}")
    if not targets:
        return ""
    better = "always predicting their mean is as good or better"
    return f"R2 of the delivered model on the test rows is {phrases(targets)}: {better}."


def _by_score(results: Results, metric: str) -> str:
    """Hold its score against that of the constant: accuracy, or what suits rare and weighted classes, or quantiles and
    labels.
    """
    truth, constant = results.truth, results.beside_baselines(metric)[0]
    apart = constant.difference.mean if higher_is_better(metric) else -constant.difference.mean
    if not apart <= 0:
        return ""
    own = score_number(metric, constant.score + constant.difference.mean)
    other = score_number(metric, constant.score)
    if metric != "accuracy" or not truth.classes:
        words = sentence_words(metric, results)
        return f"On the test rows, {words} is {own} for the delivered model, {other} for a constant."
    common = truth.classes[int(np.asarray(constant.baseline.answers_VK)[0].argmax())]
    return (
        f"The delivered model is right for {own} of the test rows; always predicting {in_quotes(common)}, the most"
        f" frequent class of the training rows, is right for {other}."
    )


def _no_better_by_the_rule(results: Results, answer_VK: NDArray[np.float64]) -> str:
    """Hold the classes that a threshold names against always naming one, by what the threshold was chosen by."""
    truth, chosen = results.truth, results.threshold
    if chosen is None or chosen.decision is None:
        return ""
    score, name = judge_of(chosen, truth)
    true_V, sure_VK = truth.y[truth.train_rows :], chosen.decision.sure(answer_VK)
    sign = -1 if isinstance(chosen.rule, Costs) else 1
    own, *constant = (
        score.score(true_V, answers_VK, truth.test_weights)
        for answers_VK in (sure_VK, *(np.tile(np.eye(2)[k], (len(true_V), 1)) for k in range(2)))
    )
    best = int(np.argmax(sign * np.array(constant)))
    if sign * own > sign * constant[best]:
        return ""
    return (
        f"By its threshold the delivered model has a {name} of {rounded(own, 3)} on the test rows; always predicting"
        f" {in_quotes(truth.classes[best])} has {rounded(constant[best], 3)}."
    )


CHECK: Final = MethodCheck(
    code="SH013",
    severity="warning",
    title="The model is no better than a constant baseline",
    find=no_better_than_a_constant,
    why="Nothing that it learned of the inputs helps on the test rows.",
    remedy='Standardise inputs and targets (data.standardize = "both", or "inputs" for classes), change the learning'
    " rate, train for longer, or ask whether the inputs say anything of the target.",
    reference="Kvålseth, T. O. (1985). Cautionary note about R². The American Statistician 39(4), 279–285.",
    alarming=True,
    said_by_verdict=True,
)
