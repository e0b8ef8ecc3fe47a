"""From which probability on the positive class of two is named: chosen on answers to rows held out, by a rule.

Everything here is pure, and no order of rows changes anything. Letters: N rows, T thresholds, K classes, of which there
are two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import HIGHEST, Decision
from shoal.results._brief import Brief
from shoal.results._row_score import RowScore
from shoal.results._scores import counted_rows
from shoal.study import Costs, ThresholdRule

Floats = NDArray[np.float64]
COST: Final = "mean cost of a row"
HALF: Final = 0.5
"""The threshold of the likelier class."""
TIED: Final = 1e-12
"""What two thresholds are worth is the same where it differs by no more: sums of weights are rounded."""


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Brief):
    """What every threshold comes to on some rows, thresholds ascending, all (T,).

    Between two neighbours of `threshold_T` lies one probability of these rows. `score_T` is what the rule judges by:
    F1 and balanced accuracy, of which more is better, or the mean cost of a row. Shares are NaN where they have no
    meaning.
    """

    threshold_T: Floats
    score_T: Floats
    recall_T: Floats
    precision_T: Floats


@dataclass(frozen=True, eq=False, repr=False)
class ChosenThreshold(Brief):
    """A threshold chosen by a `rule` on so many `answers` to rows held out; none where `why` says so.

    `curve` is that of the same answers.
    """

    rule: ThresholdRule
    decision: Decision | None = None
    why: str = ""
    answers: int = 0
    curve: Curve | None = None


def choose_threshold(
    rule: ThresholdRule,
    positive: int,
    y_N: NDArray[Any],
    probability_NK: Floats,
    weight_N: Floats | None = None,
) -> ChosenThreshold:
    """Choose the threshold whose score by the rule is best on these rows, each counted as much as it weighs.

    Thresholds that are tried lie in the middle between neighbouring probabilities of the class number `positive`, one
    below all of them and one above. Of equally good ones the nearest to 0.5 is taken, of two as near the lower.
    """
    if not np.isfinite(probability_NK).all():
        return ChosenThreshold(rule, why="an answer to a row held out is not a finite number")
    weight_N, (y_N, probability_NK) = counted_rows(weight_N, y_N, probability_NK)
    true_N = y_N == positive
    if not len(y_N) or true_N.all() or not true_N.any():
        return ChosenThreshold(rule, why="all rows held out that count are of one class")
    curve = threshold_curve(rule, true_N, probability_NK[:, positive], weight_N)
    worth_T = -curve.score_T / _largest(rule) if isinstance(rule, Costs) else curve.score_T
    best = np.flatnonzero(worth_T >= worth_T.max() - TIED)
    threshold = curve.threshold_T[best[np.abs(curve.threshold_T[best] - HALF).argmin()]]
    return ChosenThreshold(rule, Decision(positive, float(threshold)), "", len(y_N), curve)


def threshold_curve(
    rule: ThresholdRule, true_N: NDArray[np.bool_], probability_N: Floats, weight_N: Floats | None = None
) -> Curve:
    """Give what every threshold comes to; `true_N` tells of the positive class, which some rows are of and some not."""
    weight_N = np.ones(len(true_N)) if weight_N is None else weight_N / weight_N.max()
    order_N = np.lexsort((weight_N, true_N, -probability_N))
    probability_N, true_N, weight_N = probability_N[order_N], true_N[order_N], weight_N[order_N]
    last = np.flatnonzero(np.append(probability_N[1:] != probability_N[:-1], True))
    hit_T, false_T = (
        np.concatenate(([0.0], np.cumsum(np.where(counted_N, weight_N, 0.0))[last]))
        for counted_N in (true_N, ~true_N)
    )
    positives, negatives = hit_T[-1], false_T[-1]
    with np.errstate(invalid="ignore"):  # nothing is named
        precision_T = hit_T / (hit_T + false_T)
    recall_T, missed_T = hit_T / positives, positives - hit_T
    if isinstance(rule, Costs):
        size = _largest(rule)
        share_T = (rule.false_positive / size) * false_T + (rule.false_negative / size) * missed_T
        score_T = size * (share_T / (positives + negatives))
    elif rule == "f1":
        score_T = 2 * hit_T / (hit_T + false_T + positives)
    else:
        score_T = (recall_T + (negatives - false_T) / negatives) / 2
    threshold_T = _between(probability_N[last])
    ascending = slice(None, None, -1)
    return Curve(threshold_T, score_T[ascending], recall_T[ascending], precision_T[ascending])


def _largest(rule: Costs) -> float:
    return max(rule.false_positive, rule.false_negative)


def _between(probability_T: Floats) -> Floats:
    """Give a threshold below descending probabilities, between each two and above, ascending.

    The middle of two neighbouring numbers of float64 is one of them: there it is the higher one.
    """
    low_T, high_T = np.append(0.0, probability_T[::-1]), np.append(probability_T[::-1], 1.0)
    middle_T = low_T + (high_T - low_T) / 2
    middle_T = np.where(middle_T > low_T, middle_T, high_T)
    if probability_T[0] >= 1:
        middle_T[-1] = HIGHEST
    return middle_T


def cost_score(rule: Costs, positive: int) -> RowScore:
    """Give the mean cost of a row as a score of the classes that are named."""

    def costs(y_N: NDArray[Any], probability_NK: Floats) -> Floats:
        named_N = probability_NK.argmax(axis=1) == positive
        true_N = y_N == positive
        cost_N = np.where(named_N & ~true_N, rule.false_positive, 0.0)
        return np.where(true_N & ~named_N, rule.false_negative, cost_N)[:, None]

    return RowScore(costs, lambda means: means[..., 0], positive=True)


def thinned(curve: Curve, most: int, point: float) -> Curve:
    """Give about so many points of a curve at most, evenly spread over its thresholds, of which `point` is one."""
    count = len(curve.threshold_T)
    if count <= most:
        return curve
    places = np.union1d(
        np.linspace(0, count - 1, most).round().astype(int), np.searchsorted(curve.threshold_T, [point])
    )
    return Curve(
        *(values[places] for values in (curve.threshold_T, curve.score_T, curve.recall_T, curve.precision_T))
    )
