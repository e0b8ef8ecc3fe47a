"""How sure one prediction is: intervals and sets of classes from networks that did not see all rows, and a temperature.

Every fold's network has a score of each row that it did not learn from: the absolute residual, or the probability of
the true class. Where rows have weights, each score counts as much as its row: what is said is then said of new rows
that are drawn in proportion to their weights (Tibshirani, Barber, Candès, Ramdas 2019, "Conformal prediction under
covariate shift", NeurIPS 32). The weight of a new row is not known; `rank_at` says what stands for it.
Letters: F folds, N new rows, V rows held out, S scores of a row, K targets or classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.elementary import exp, log
from shoal.results._held_out import Counts, HeldOut, rank_at
from shoal.results._scores import counted_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLDEST: Final = 0.1
HOTTEST: Final = 100.0
"""Bounds of the temperature."""
FEWEST_TO_SHARPEN: Final = 5
"""Folds below which a temperature is not below 1: their networks learn from much fewer rows than the delivered one,
and are less sure than it is."""
RESOLVED: Final = 2.0
"""Standard errors of the mean gain in cross-entropy, over the rows held out, that a temperature has to bring."""

_HALVINGS: Final = 60
_AT_ONCE: Final = 1_000_000
"""Sums that are worked on together."""
_FEW: Final = 1000
"""Up to so many numbers, all sums of a row are made: from some thousands on, halving is faster."""
_ALL_BUT_SIGN: Final = np.int64(2**63 - 1)
_SMALLEST: Final = float(np.finfo(np.float64).tiny)


def cv_plus(answers: Sequence[Floats], folds: Sequence[HeldOut], coverage: float) -> Floats:
    """Give the intervals of new rows, float64 (N, K, 2), each target by itself.

    `answers` are those of every fold's network, (N, K); `folds` hold the residuals of the rows that it held out.
    CV+: Barber, Candès, Ramdas, Tibshirani 2021, "Predictive inference with the jackknife+", Annals of Statistics 49,
    486-507. Raises InputError as `rank_at` does.
    """
    answer_FNK = np.stack(answers)
    ends_NK2 = np.empty((*answer_FNK.shape[1:], 2))
    for k in range(folds[0].scores.shape[0]):
        middle_FN, reaches, counts = (
            answer_FNK[:, :, k],
            [fold.scores[k] for fold in folds],
            Counts.of(folds, k),
        )
        rank, whole = rank_at(coverage, counts), counts.whole
        turned = None if whole is None else [whole_V[::-1] for whole_V in whole]
        falling = _Rises.of([-reach_V[::-1] for reach_V in reaches], turned)
        ends_NK2[:, k, 0] = _ranked(middle_FN, falling, counts.total + 1 - rank)
        ends_NK2[:, k, 1] = _ranked(middle_FN, _Rises.of(reaches, whole), rank)
    return ends_NK2


def _ranked(middle_FN: Floats, rises: _Rises, rank: int) -> Floats:
    """Give, row by row, the number of a rank among the sums of a row's middle and its fold's numbers, which ascend.

    Some rows at a time; NaN where a middle is not finite.
    """
    known_N = np.isfinite(middle_FN).all(axis=0) & np.isfinite(rises.number_V).all()
    ranked_N = np.full(middle_FN.shape[1], np.nan)
    few = len(rises.number_V) <= _FEW and rises.upto_V is None
    find = _sorted_out if few else _halved
    known = np.flatnonzero(known_N)
    step = max(1, _AT_ONCE // (len(rises.number_V) if few else len(rises.count_F)))
    for start in range(0, len(known), step):
        part_B = known[start : start + step]
        with np.errstate(over="ignore"):  # a sum that is too large is inf, and so said
            ranked_N[part_B] = find(middle_FN[:, part_B], rises, rank)
    return ranked_N


def _sorted_out(middle_FB: Floats, rises: _Rises, rank: int) -> Floats:
    """Find the numbers among all sums."""
    sum_BV = np.repeat(middle_FB, rises.count_F, axis=0).T + rises.number_V
    sum_BV.partition(rank - 1, axis=1)
    return np.asarray(sum_BV[:, rank - 1])


def _halved(middle_FB: Floats, rises: _Rises, rank: int) -> Floats:
    """Find the numbers by halving the places of floating-point numbers: 64 steps at most, whatever the numbers are."""
    low_B = _place_of((middle_FB + rises.at(np.zeros(middle_FB.shape, np.int64))).min(axis=0)) - 1
    most_FB = np.broadcast_to(rises.count_F[:, None], middle_FB.shape)
    high_B = _place_of((middle_FB + rises.at(most_FB - 1)).max(axis=0))
    # Sums up to the low end, which count less than the rank, and up to the high end, which count enough.
    least_FB = np.zeros_like(most_FB)
    while ((high_B - 1 > low_B) & ((most_FB - least_FB).sum(axis=0) > 1)).any():
        half_B = (low_B >> 1) + (high_B >> 1) + (low_B & high_B & 1)  # their sum may not fit
        count_FB = _counts(middle_FB, rises, _number_at(half_B), (least_FB, most_FB))
        enough_B = rises.upto(count_FB).sum(axis=0) >= rank
        low_B, high_B = np.where(enough_B, low_B, half_B), np.where(enough_B, half_B, high_B)
        least_FB, most_FB = np.where(enough_B, least_FB, count_FB), np.where(enough_B, count_FB, most_FB)
    next_FB = np.where(least_FB < rises.count_F[:, None], middle_FB + rises.at(least_FB), np.inf)
    return np.asarray(next_FB.min(axis=0))


def _counts(middle_FB: Floats, rises: _Rises, value_B: Floats, between: tuple[Ints, Ints]) -> Ints:
    """Count the sums of every fold up to a value, (F, B), by halving too: a difference would be off by its rounding."""
    least_FB, most_FB = between
    while (unsure_FB := least_FB < most_FB).any():
        half_FB = (least_FB + most_FB) >> 1
        within_FB = middle_FB + rises.at(half_FB) <= value_B
        least_FB = np.where(unsure_FB & within_FB, half_FB + 1, least_FB)
        most_FB = np.where(unsure_FB & ~within_FB, half_FB, most_FB)
    return least_FB


@dataclass(frozen=True, eq=False)
class _Rises:
    """The ascending numbers of all folds, one fold after the other, and how many each has.

    `upto_V` is what all numbers up to each count; None where each counts 1.
    """

    number_V: Floats
    count_F: Ints
    start_F: Ints
    upto_V: Ints | None

    @classmethod
    def of(cls, rising: Sequence[Floats], whole: Sequence[Ints] | None) -> _Rises:
        count_F = np.array([len(rise_V) for rise_V in rising], np.int64)
        upto_V = None if whole is None else np.cumsum(np.concatenate(whole))
        return cls(np.concatenate(rising), count_F, np.cumsum(count_F) - count_F, upto_V)

    def at(self, place_FB: Ints) -> Floats:
        """Give the numbers at these places of each fold; beyond its last one any."""
        return np.asarray(self.number_V[np.minimum(self.start_F[:, None] + place_FB, len(self.number_V) - 1)])

    def upto(self, place_FB: Ints) -> Ints:
        """Give what the numbers before these places of each fold count."""
        if self.upto_V is None:
            return place_FB
        before_V = np.concatenate(([0], self.upto_V))
        return np.asarray(before_V[self.start_F[:, None] + place_FB] - before_V[self.start_F][:, None])


def _place_of(number_B: Floats) -> Ints:
    """Give the places of floating-point numbers in their order: neighbours differ by 1."""
    bits_B = np.ascontiguousarray(number_B).view(np.int64)
    return np.where(bits_B < 0, bits_B ^ _ALL_BUT_SIGN, bits_B)


def _number_at(place_B: Ints) -> Floats:
    """Give the floating-point numbers at places."""
    return np.where(place_B < 0, place_B ^ _ALL_BUT_SIGN, place_B).view(np.float64)


def class_sets(
    probabilities: Iterable[Floats], folds: Sequence[HeldOut], coverage: float
) -> NDArray[np.bool_]:
    """Give the sets of classes of new rows, bool (N, K): those whose probability is not among the lowest.

    `probabilities` are those of every fold's network, (N, K), taken one after the other; `folds` hold the probabilities
    of the true classes of the rows that it held out. A class is in the set where more than a share of
    1 - coverage of these, and of the class's own, are no higher. A set may be empty, where no class is likely.
    CV+ for classification (Romano, Sesia, Candès 2020, "Classification with valid and adaptive coverage", NeurIPS 33)
    with the score of Sadinle, Lei, Wasserman 2019, "Least ambiguous set-valued classifiers with bounded error levels",
    JASA 114, 223-234; equally the cross-conformal predictor of Vovk 2015. Raises InputError as `rank_at` does.
    """
    counts = Counts.of(folds)
    rank = rank_at(coverage, counts)
    lower: Any = 0
    for number, (probability_NK, fold) in enumerate(zip(probabilities, folds, strict=True)):
        place_NK = np.searchsorted(fold.scores[0], probability_NK, side="right")
        if counts.whole is None:
            lower = lower + place_NK
        else:
            lower = lower + np.concatenate(([0], np.cumsum(counts.whole[number])))[place_NK]
    return np.asarray(lower > counts.total - rank)


def temperature_of(y_V: Ints, probability_VK: Floats, folds: int, weight_V: Floats | None = None) -> float:
    """Give the temperature for the delivered network, from probabilities of rows that `folds` networks held out.

    That of the least cross-entropy (Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural networks",
    ICML), with the targets of Platt 1999 ("Probabilistic outputs for support vector machines"): (n + 1) / (n + 2) for
    the true class, the rest for the others, so that rows which are all right do not ask for certainty. It is 1 where
    the cross-entropy of these rows is not lower by more than `RESOLVED` standard errors, and never below 1 with fewer
    than `FEWEST_TO_SHARPEN` folds. Between 0.1 and 100. Rows count what `weight_V` says; n is then how many of one
    weight would tell as much.
    """
    weight_V, (y_V, probability_VK) = counted_rows(weight_V, y_V, probability_VK)
    weight_V = np.ones(len(y_V)) if weight_V is None else weight_V / weight_V.max()
    log_VK = log(np.maximum(probability_VK, _SMALLEST))
    temperature = _least(y_V, log_VK, weight_V)
    if temperature < 1 and folds < FEWEST_TO_SHARPEN:
        return 1.0
    before_V, after_V = _losses(y_V, log_VK, 1.0), _losses(y_V, log_VK, temperature)
    gain_V = before_V - after_V
    gain = float(np.average(gain_V, weights=weight_V))
    part_V = weight_V * (gain_V - gain) / weight_V.mean()  # what each row adds to the mean
    error = float(part_V.std(ddof=1)) / math.sqrt(len(y_V)) if len(y_V) > 1 else math.inf
    return temperature if gain > RESOLVED * error else 1.0


def _least(y_V: Ints, log_VK: Floats, weight_V: Floats) -> float:
    """Find the least cross-entropy by halving: it is convex in one over the temperature."""
    rows = float(weight_V.sum()) ** 2 / float((weight_V**2).sum())
    classes, few = log_VK.shape[1], 1 / (rows + 2)
    own_V = log_VK[np.arange(len(y_V)), y_V]
    others_V = (log_VK.sum(axis=1) - own_V) / max(1, classes - 1)
    target_V = (1 - few) * own_V + few * others_V

    def rises(inverse: float) -> bool:
        power_VK = exp(inverse * (log_VK - log_VK.max(axis=1, keepdims=True)))
        expected_V = (power_VK * log_VK).sum(axis=1) / power_VK.sum(axis=1)
        return bool((weight_V * (expected_V - target_V)).sum() > 0)

    low, high = 1 / HOTTEST, 1 / COLDEST
    if rises(low):
        return HOTTEST
    if not rises(high):
        return COLDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if rises(middle) else (middle, high)
    return 2 / (low + high)


def _losses(y_V: Ints, log_VK: Floats, temperature: float) -> Floats:
    scaled_VK = (log_VK - log_VK.max(axis=1, keepdims=True)) / temperature
    return np.asarray(log(exp(scaled_VK).sum(axis=1)) - scaled_VK[np.arange(len(y_V)), y_V])


def tempered(probability_NK: Floats, temperature: float) -> Floats:
    """Give probabilities at a temperature, (N, K), in the same order; above 1 they are nearer each other."""
    log_NK = log(np.maximum(probability_NK, _SMALLEST))
    power_NK = exp((log_NK - log_NK.max(axis=1, keepdims=True, initial=-np.inf)) / temperature)
    return np.asarray(power_NK / power_NK.sum(axis=1, keepdims=True))
