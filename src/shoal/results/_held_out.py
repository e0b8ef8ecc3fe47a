"""Scores of the rows that the networks of folds held out, in order, and how much these rows count.

Letters: V rows held out, S scores of a row, K targets or classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import InputError
from shoal.wording import counted, worth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_COVERAGE: Final = 0.5
"""Below it nothing is guaranteed of the intervals, whose ends may cross."""

_BITS: Final = 62
_HAIR: Final = 5e-10
"""Of a row: by so little a product of floating-point numbers may be above what it should be."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The `scores` of the rows that the network of one fold held out, float64 (S, V), each score in ascending order.

    `weights` are what the row of each score counts, above 0, in the same order, (S, V); None where all rows of all
    folds count the same.
    """

    scores: Floats
    weights: Floats | None = None


def residuals(y_VK: Floats, answer_VK: Floats) -> Floats:
    """Give the absolute residual of every target of rows held out, (K, V)."""
    return np.abs(y_VK - answer_VK).T


def conformities(y_V: Ints, probability_VK: Floats) -> Floats:
    """Give the probability of the true class of rows held out, (1, V)."""
    return probability_VK[np.arange(len(y_V)), y_V][None]


def in_order(scores: Sequence[Floats], weights: Sequence[Floats] | None = None) -> list[HeldOut]:
    """Put the scores of the rows of every fold, each (S, V), in ascending order: nothing hangs on which row came first.

    `weights` are what its rows count, each (V,): rows that weigh nothing are left out, and weights that are all the
    same are none.
    """
    if weights is not None:
        scores = [score_SV[:, weight_V > 0] for score_SV, weight_V in zip(scores, weights, strict=True)]
        weights = [weight_V[weight_V > 0] for weight_V in weights]
        all_V = np.concatenate(weights)
        weights = None if (all_V == all_V[:1]).all() else weights
    if weights is None:
        return [HeldOut(np.sort(score_SV, axis=1)) for score_SV in scores]
    return [_ordered(score_SV, weight_V) for score_SV, weight_V in zip(scores, weights, strict=True)]


def _ordered(score_SV: Floats, weight_V: Floats) -> HeldOut:
    weight_SV = np.broadcast_to(weight_V, score_SV.shape)
    order_SV = np.lexsort((weight_SV, score_SV), axis=1)
    return HeldOut(np.take_along_axis(score_SV, order_SV, 1), np.take_along_axis(weight_SV, order_SV, 1))


@dataclass(frozen=True, eq=False)
class Counts:
    """How much the rows held out count, in whole numbers, whose sums are exact in any order.

    `whole` has those of the rows of every fold, (V,) each, in the order of a score; None where each counts 1. `total`
    is the sum over all `rows`, and `worth` how many of one weight would tell as much: the square of the sum of weights
    over the sum of their squares (Kish 1965, "Survey Sampling", section 11.7).
    """

    rows: int
    total: int
    worth: float
    whole: tuple[Ints, ...] | None = None

    @classmethod
    def of(cls, folds: Sequence[HeldOut], score: int = 0) -> Counts:
        """Count the rows of all folds in the order of a score; weights are rounded to some 40 binary digits."""
        rows = sum(fold.scores.shape[1] for fold in folds)
        weights = [fold.weights[score] for fold in folds if fold.weights is not None]
        if not weights:
            return cls(rows, rows, float(rows))
        exponent = int(np.frexp(max(weight_V.max() for weight_V in weights))[1])
        bits = _BITS - rows.bit_length()
        whole = tuple(np.rint(np.ldexp(weight_V, bits - exponent)).astype(np.int64) for weight_V in weights)
        total = sum(int(whole_V.sum()) for whole_V in whole)
        square = math.fsum(share for whole_V in whole for share in ((whole_V / total) ** 2).tolist())
        return cls(rows, total, 1 / square, whole)


def rank_at(coverage: object, counts: Counts) -> int:
    """Give up to how much the rows of the ordered scores have to count at the end of an interval.

    With weights of 1 that is which of them ends it: ceil(coverage * (rows + 1)). A new row counts as one of them; with
    others it counts the mean weight of rows that are drawn in proportion to their weights, which is total / worth.

    Raises InputError for a coverage that is no share from 0.5 on, or above what so many rows can tell.
    """
    share = float(coverage) if isinstance(coverage, Real) and not isinstance(coverage, bool) else math.nan
    if not LEAST_COVERAGE <= share < 1:
        what = f"expected a share from {LEAST_COVERAGE} on and below 1"
        raise InputError(
            f"coverage: {what}, got {coverage!r}" if len(repr(coverage)) < 60 else f"coverage: {what}"
        )
    rank = math.ceil((share * (counts.worth + 1) - _HAIR) * (counts.total / counts.worth))
    if rank > counts.total:
        most = math.floor(1000 * counts.worth / (counts.worth + 1)) / 1000
        weighed = "" if counts.whole is None else f" that are worth {worth(counts.worth)} of one weight"
        what = f"expected at most {most:g} of {counted(counts.rows, 'row')} held out{weighed}"
        raise InputError(f"coverage: {what}, got {share:g}")
    return rank


def guaranteed_coverage(coverage: float, folds: int, rows: int) -> float:
    """Give the least coverage of new rows that is proven of folds of one size, on average over training rows.

    Theorem 4 of Barber and others 2021; of sets of classes, theorem 3 of Romano and others 2020 is the same. Of
    weighted rows none is proven.
    """
    less = min(2 * (1 - 1 / folds) / (rows / folds + 1), (1 - folds / rows) / (folds + 1))
    return max(0.0, 1 - 2 * (1 - coverage) - less)
