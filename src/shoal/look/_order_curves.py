"""How rows are put in order by a probability: ROC, precision over recall, and gain, of a class or a label.

Letters: T places of a curve, K classes or labels, R networks, V rows, G places of a band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._lines import Line, line_over_repeats, usual_spread

Floats = NDArray[np.float64]
MOST_PLACES: Final = 200
"""Places of a curve that is shown, about: half of them evenly spread over recall, half over the false positive rate."""
_GRID: Final = np.linspace(0, 1, 101)
"""Where curves of several networks are compared."""


@dataclass(frozen=True, eq=False)
class OrderCurve:
    """What naming the T most probable shares of rows comes to, from none to all, all (T,).

    Of all rows the share `named_T` is named, `recall_T` of those of the class, and `false_T` of the others; of those
    named `precision_T` are of the class (NaN of none).
    """

    named_T: Floats
    false_T: Floats
    recall_T: Floats
    precision_T: Floats

    @property
    def roc_auc(self) -> float:
        """The area under the ROC curve."""
        return float(np.sum(np.diff(self.false_T) * (self.recall_T[1:] + self.recall_T[:-1]) / 2))

    @property
    def average_precision(self) -> float:
        """The mean precision over recall."""
        return float(np.sum(np.diff(self.recall_T) * self.precision_T[1:]))

    @property
    def thinned(self) -> OrderCurve:
        """The same at about `MOST_PLACES` places."""
        if len(self.named_T) <= MOST_PLACES:
            return self
        at = np.linspace(0, 1, MOST_PLACES // 2)
        last = len(self.named_T) - 1
        places = np.unique(
            np.minimum(
                np.concatenate([np.searchsorted(values, at) for values in (self.recall_T, self.false_T)]),
                last,
            )
        )
        parts = (self.named_T, self.false_T, self.recall_T, self.precision_T)
        return OrderCurve(*(values[places] for values in parts))


def order_curve(
    true_V: NDArray[np.bool_], probability_V: Floats, weight_V: Floats | None = None
) -> OrderCurve | None:
    """Give the curve of one class; rows that are as probable are named together. None where all rows are alike.

    Rows that weigh nothing are left out.
    """
    own_V = np.ones(len(true_V))
    if weight_V is not None:
        counted_V = weight_V > 0
        true_V, probability_V, own_V = true_V[counted_V], probability_V[counted_V], weight_V[counted_V]
        own_V = own_V / own_V.max(initial=0.0)
    if true_V.all() or not true_V.any():
        return None
    order_V = np.argsort(-probability_V, kind="stable")
    falling_V, true_V, own_V = probability_V[order_V], true_V[order_V], own_V[order_V]
    last = np.flatnonzero(np.append(falling_V[1:] != falling_V[:-1], True))
    hit_T, false_T = (
        np.concatenate(([0.0], np.cumsum(np.where(side_V, own_V, 0.0))[last])) for side_V in (true_V, ~true_V)
    )
    precision_T = np.full(len(hit_T), math.nan)
    np.divide(hit_T, hit_T + false_T, out=precision_T, where=hit_T + false_T > 0)
    named_T = (hit_T + false_T) / (hit_T[-1] + false_T[-1])
    return OrderCurve(named_T, false_T / false_T[-1], hit_T / hit_T[-1], precision_T)


@dataclass(frozen=True, eq=False)
class Ordered:
    """One class or label that is drawn: `curve` of the delivered network, thin ones of its other `repeats`.

    `share` is that of its rows. `roc_band` and `precision_band` show the networks of the folds on the rows that they
    held out.
    """

    of: str
    share: float
    roc_auc: float
    average_precision: float
    curve: OrderCurve
    repeats: tuple[OrderCurve, ...] = ()
    roc_band: Line | None = None
    precision_band: Line | None = None


@dataclass(frozen=True, eq=False)
class OrderCurves:
    """Curves of some classes or labels, and the areas of all, shape (K,): NaN where rows are all of it, or none.

    `noun` is "class" or "label", `shown` the curves; `score` says the areas with their intervals, where there are such.
    """

    name: str
    noun: str
    classes: tuple[str, ...]
    share_K: Floats
    roc_auc_K: Floats
    average_precision_K: Floats
    shown: tuple[Ordered, ...]
    score: str = ""

    @property
    def undefined(self) -> int:
        """Classes or labels without a curve."""
        return int(np.isnan(self.roc_auc_K).sum())


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Answers of a network of a fold: which rows are of the class, its probabilities, their weights."""

    true_V: NDArray[np.bool_]
    probability_V: Floats
    weight_V: Floats | None = field(default=None)


def bands(held_out: Sequence[HeldOut]) -> tuple[Line | None, Line | None]:
    """Give the bands of ROC curves and of precision over recall; None of fewer than two networks with a curve."""
    curves = [
        curve
        for part in held_out
        if (curve := order_curve(part.true_V, part.probability_V, part.weight_V)) is not None
    ]
    if len(curves) < 2:
        return None, None
    name, spread = "networks of the folds", usual_spread(len(curves))
    roc_RG = [np.interp(_GRID, curve.false_T, curve.recall_T) for curve in curves]
    precision_RG = [
        curve.precision_T[
            np.minimum(np.maximum(np.searchsorted(curve.recall_T, _GRID - 1e-12), 1), len(curve.recall_T) - 1)
        ]
        for curve in curves
    ]
    return (
        line_over_repeats(name, _GRID, np.array(roc_RG), spread),
        line_over_repeats(name, _GRID, np.array(precision_RG), spread),
    )


def order_curves(
    name: str,
    noun: str,
    classes: tuple[str, ...],
    truth: tuple[NDArray[np.bool_], Floats | None],
    probability_RVK: NDArray[Any],
    most: int,
) -> OrderCurves:
    """Give the curves of K classes; `truth` says which rows are of each, (V, K), and what rows weigh.

    Of more than `most` those with the lowest areas are shown. Repeats are shown where there are at most two.
    """
    of_VK, weight_V = truth
    curves = [order_curve(of_VK[:, k], probability_RVK[0, :, k], weight_V) for k in range(len(classes))]
    area_K = np.array([math.nan if curve is None else curve.roc_auc for curve in curves])
    mean_K = np.array([math.nan if curve is None else curve.average_precision for curve in curves])
    share_K = np.average(of_VK, axis=0, weights=weight_V)
    known = [(k, curve) for k, curve in enumerate(curves) if curve is not None]
    if len(known) > most:
        known = sorted(
            sorted(known, key=lambda pair: float(area_K[pair[0]]))[:most], key=lambda pair: pair[0]
        )
    shown = []
    for k, own in known:
        others = probability_RVK[1:, :, k] if len(known) <= 2 else ()
        thin = [order_curve(of_VK[:, k], other_V, weight_V) for other_V in others]
        repeats = tuple(curve.thinned for curve in thin if curve is not None)
        areas = float(share_K[k]), float(area_K[k]), float(mean_K[k])
        shown.append(Ordered(classes[k], *areas, own.thinned, repeats))
    return OrderCurves(name, noun, classes, share_K, area_K, mean_K, tuple(shown))
