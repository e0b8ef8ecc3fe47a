"""How far a nested score may be off: from the answers of all outer folds to an interval.

Letters: V rows of all outer folds, K outputs or classes, U units (rows or groups of rows).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._confidence_set import Cell, search_errors
from shoal.results._intervals import (
    ALL_ALIKE,
    TOO_LARGE,
    UNDEFINED,
    Interval,
    Spread,
    Units,
    freedom_of,
    held_by_few,
    left_out,
    of_score,
    share_interval,
    spread_of,
)
from shoal.results._row_score import RowScore
from shoal.wording import counted

Floats = NDArray[np.float64]

FEWEST_FOLDS: Final = 3
FEWEST_ROWS_OF_A_CLASS: Final = 30
"""Outer folds keep the shares of classes, as new rows do not: with fewer rows a class that makes scores too good."""


@dataclass(frozen=True, eq=False)
class OuterAnswers:
    """True values of the rows of all outer folds, (V,) or (V, K), what was answered to them, (V, K), the number of each
    row's fold, (V,), and of the row itself, (V,): repeated folds hold it out several times.
    """

    y: NDArray[Any]
    answers: Floats
    fold_V: NDArray[np.int64]
    units: Units
    row_V: NDArray[np.int64]

    @property
    def folds(self) -> int:
        """Outer folds."""
        return int(self.fold_V.max()) + 1

    @property
    def once(self) -> Units:
        """The units, where a row that several folds hold out counts once."""
        first_V = np.unique(self.row_V, return_index=True)[1]
        group_V = self.units.of_N[first_V] if self.units.grouped else None
        units = Units.of(len(first_V), group_V, self.weights_of(first_V))
        return replace(units, in_time=self.units.in_time)

    def weights_of(self, places: NDArray[np.int64] | slice) -> Floats | None:
        """Give what some of the rows count; None where all count the same."""
        return None if self.units.weight_N is None else self.units.weight_N[places]


def outer_interval(score: RowScore, outer: OuterAnswers) -> Interval:
    """Give the 95 % interval of the score that what the search delivers, made on these training rows, has on new rows.

    Its variance is that of the mean over outer folds, from rows and from training (see `search_errors`), and that of
    the one network that is delivered, which other rows or weights would have made another: so what comes from training
    counts once more, undivided. Bates, Hastie, Tibshirani 2024, "Cross-validation: what does it estimate and how well
    does it do it?", JASA 119, 1434-1445, show that without it such intervals are too narrow. A share: Wilson's, with
    the rows that the variance is worth; anything else: see `of_score`.
    """
    why = score.why_untold(outer.y) or outer.once.too_few_for(score, outer.y) or _too_few(outer)
    if why:
        return Interval(math.nan, math.nan, why)
    rows = Units.of(len(outer.y), None, outer.units.weight_N)
    value, part_V = left_out(score, outer.y, outer.answers, rows, scaled=True)
    if not math.isfinite(value) or not np.isfinite(part_V).all():
        return Interval(math.nan, math.nan, UNDEFINED)
    with np.errstate(over="ignore", invalid="ignore"):  # squares of huge scores are inf
        spread, freedom = _spread(score, part_V, outer)
    if not math.isfinite(spread.error):
        return Interval(math.nan, math.nan, TOO_LARGE)
    mean = score.score(outer.y, outer.answers, outer.units.weight_N)
    if score.share:
        return Interval(*share_interval(mean, spread.error, freedom, _as_groups(outer.units), 1))
    if why := held_by_few(part_V, rows) or (ALL_ALIKE if not spread.error > 0 else ""):
        return Interval(math.nan, math.nan, why)
    return of_score(score, mean, spread, freedom, outer.units)


def _spread(score: RowScore, part_V: Floats, outer: OuterAnswers) -> tuple[Spread, float]:
    """Give the spread of a score whose rows add `part_V` to it, and its degrees of freedom.

    Satterthwaite's (1946, Biometrics Bulletin 2), as those of `search_errors`.
    """
    units, count = outer.units.of_N, len(outer.units.sizes)
    cells = []
    for fold in range(outer.folds):
        own_V = outer.fold_V == fold
        share_U, sum_U1 = (np.bincount(units[own_V], w, count) / own_V.sum() for w in (None, part_V[own_V]))
        cells.append(Cell(share_U, sum_U1[:, None]))
    errors = search_errors(cells)
    rows, folds = float(errors.scores.rows[0]), errors.cells
    training = errors.scores.training * (1 + folds)
    variance = rows * (1 + training) + float(errors.scores.largest[0])
    free = freedom_of(score, outer.y, errors.deviation_UC[:, 0], outer.units)
    freedom = (1 + training) ** 2 / (1 / free + training**2 / (folds - 1))
    # What training adds is an error of its own kind: of losses as skewed as those of rows.
    skewness = spread_of(count * errors.deviation_UC[:, 0]).skewness
    return Spread(math.sqrt(variance), skewness), freedom


def _as_groups(units: Units) -> Units:
    """Take every row for a group of its own, where none are named: the variance is not that of single hits alone."""
    return Units(units.of_N, True, units.weight_N)


def _too_few(outer: OuterAnswers) -> str:
    """Say why the outer folds tell nothing of what training varies by; nothing where they do."""
    if outer.folds < FEWEST_FOLDS:
        return f"{outer.folds} outer folds are too few for an interval"
    for fold in range(outer.folds):
        if len(np.unique(outer.units.of_N[outer.fold_V == fold])) < 2:
            return f"an outer fold of one {outer.units.noun} does not show how much the training varies"
    rows, classes = len(outer.once.of_N), outer.answers.shape[1]
    if outer.y.ndim == 1 and rows < FEWEST_ROWS_OF_A_CLASS * classes:
        return f"{counted(rows, 'row')} of {classes} classes are too few for an interval"
    return ""
