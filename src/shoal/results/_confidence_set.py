"""Which candidates may be the best one: scores of rows held out, in pairs, to a model confidence set.

The difference between two candidates varies for two reasons: other rows could have been held out, and other networks
could have been trained (of other rows, from other first weights). The first is seen row by row, or group by group, and
needs no second fold. The second is what folds differ by beyond that; it is taken as a multiple of the first that all
pairs have in common, since three folds of a single pair would not tell it. Without it, candidates that differ by the
luck of their training alone are called different in more than half of all studies.

Letters: C candidates, best first; S the first of them, which are compared with each other; K cells (folds times
repeats); U units: rows, or groups of rows, whichever are independent of each other; D draws.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._brief import Brief

Floats = NDArray[np.float64]
LEVEL: Final = 0.05
COMPARED: Final = 300
"""Candidates that are compared with each other; those behind them with the best one alone."""
DRAWS: Final = 999
_QUIET: Final = np.errstate(over="ignore", invalid="ignore")


@dataclass(frozen=True, eq=False)
class Cell:
    """The rows that one fold holds out in one repeat: `share_U` of them belong to each unit.

    `sum_UC` is the sum of a unit's values over the number of the cell's rows; over U it adds up to candidates' means.
    """

    share_U: Floats
    sum_UC: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Variances(Brief):
    """Two parts of the variance of some quantities: from rows, and what one more row as telling as the most telling
    one would add; and `training`, what other networks would add to the first, as a multiple of it, with the degrees of
    freedom of the sum.
    """

    rows: Floats
    largest: Floats
    training: float
    freedom: float

    @property
    def whole(self) -> Floats:
        """Their sum."""
        return self.rows * (1 + self.training) + self.largest


@dataclass(frozen=True, eq=False, repr=False)
class SearchErrors(Brief):
    """How far mean scores may be off: each candidate's (C,), its difference to the best (C,), all pairs' (S, S).

    `deviation_UC`: by how much each unit moves each candidate's score; adds up to 0 over U. `part_UC` is each unit's
    part in each candidate's score, which adds up to it, `share_U` its share of the rows.
    """

    scores: Variances
    to_best: Variances
    pairs: Variances
    deviation_UC: Floats
    part_UC: Floats
    share_U: Floats
    units: int
    cells: int

    def contrast(self, weight_C: Floats) -> tuple[float, float]:
        """Give the standard error of a weighted sum of mean scores, whose weights add up to 0, and its freedom."""
        own_U = self.deviation_UC @ weight_C
        variance = (own_U**2).sum() * (1 + self.pairs.training) + (own_U**2).max()
        return float(np.sqrt(variance)), self.pairs.freedom


def undefined(errors: SearchErrors) -> bool:
    """Whether a score is undefined without some unit, such as a fold's only row of a class: then nothing is known."""
    return bool(np.isnan(errors.deviation_UC).any())


@_QUIET
def search_errors(cells: Iterable[Cell]) -> SearchErrors:
    """Give how far the scores of candidates and their differences may be off, from all cells (of two units or more).

    Units are compared within their cell (Bayle, Bayle, Janson, Mackey 2020, "Cross-validation confidence intervals for
    test error", NeurIPS 33): what makes a whole fold hard for all candidates is no noise between them. One more row as
    telling as the most telling one is added, so that three rows that all speak for one candidate prove nothing.
    """
    means: list[Floats] = []
    within: list[tuple[Floats, Floats]] = []
    deviation_UC, part_UC, share_U = np.zeros(()), np.zeros(()), np.zeros(())
    for cell in cells:
        mean_C, units = cell.sum_UC.sum(axis=0), np.count_nonzero(cell.share_U)
        own_UC = (cell.sum_UC - np.outer(cell.share_U, mean_C)) * np.sqrt(units / (units - 1))
        within.append(_variances(own_UC))
        deviation_UC, part_UC = deviation_UC + own_UC, part_UC + cell.sum_UC
        share_U = share_U + cell.share_U
        means.append(mean_C)
    mean_KC, deviation_UC = np.array(means), deviation_UC / len(means)
    counts = len(means), int(np.count_nonzero(share_U))
    within_C, within_SS = (np.mean(each, axis=0) for each in zip(*within, strict=True))
    rows_C, rows_SS = _variances(deviation_UC)
    spread_KC = (mean_KC - mean_KC.mean(axis=0)) / np.sqrt(max(1, len(means) - 1))
    between_C, between_SS = _variances(spread_KC)
    first_US, to_best_UC = deviation_UC[:, :COMPARED], deviation_UC - deviation_UC[:, :1]
    once_SS = np.triu(np.ones_like(rows_SS, np.bool_), 1)
    apart = _training(within_SS[once_SS], rows_SS[once_SS], between_SS[once_SS], (*counts, len(rows_SS)))
    alone = _training(within_C, rows_C, between_C, (*counts, 2))  # what a fold does to one, it does to all
    largest_SS = np.array([((first_US - own_U[:, None]) ** 2).max(axis=0) for own_U in first_US.T])
    return SearchErrors(
        Variances(rows_C, (deviation_UC**2).max(axis=0), *alone),
        Variances((to_best_UC**2).sum(axis=0), (to_best_UC**2).max(axis=0), *apart),
        Variances(rows_SS, largest_SS, *apart),
        deviation_UC,
        part_UC / len(means),
        share_U / len(means),
        *counts[::-1],
    )


def _variances(deviation_UC: Floats) -> tuple[Floats, Floats]:
    """Give the variance of each sum over independent units, (C,), and of the first ones' differences, (S, S)."""
    together_SS = deviation_UC[:, :COMPARED].T @ deviation_UC[:, :COMPARED]
    own_S = together_SS.diagonal()
    apart_SS = own_S[:, None] + own_S - 2 * together_SS
    # What rounding leaves of a difference between networks that answer alike is none.
    apart_SS[apart_SS < 1e-12 * np.maximum.outer(own_S, own_S)] = 0
    return (deviation_UC**2).sum(axis=0), apart_SS


def _training(
    within: Floats, rows: Floats, between: Floats, counts: tuple[int, int, int]
) -> tuple[float, float]:
    """Give the variance from training over that from rows, pooled, and the degrees of freedom of their sum.

    Were there none, cells would vary by `within`, less what cells that share rows vary alike. `counts` are those of
    cells, units and candidates. Freedom is Satterthwaite's (1946, "An approximate distribution of estimates of variance
    components", Biometrics Bulletin 2).
    """
    cells, units, candidates = counts
    there = (rows > 0) & np.isfinite(rows + within + between)
    if cells < 2 or not there.any():
        return 0.0, float(units - 1)
    beyond = between / cells - (within - rows) / (cells - 1)
    share = max(0.0, float(np.mean(beyond[there] / rows[there])))
    return share, (1 + share) ** 2 / (1 / (units - 1) + share**2 / ((cells - 1) * (candidates - 1)))


@dataclass(frozen=True, eq=False)
class ConfidenceSet:
    """Which of the first candidates may be the best: those with `p_S`, (S,), not below the level.

    `reach`: the difference, in standard errors, from which on one of two that are in the set would not be. `to_best`:
    differences, in standard errors and in order, to whichever of equal candidates happens to be best, (X,).
    """

    p_S: Floats
    reach: float
    to_best: Floats


def confidence_set(loss_S: Floats, errors: SearchErrors) -> ConfidenceSet:
    """Take the worst candidate away as long as it is worse than another one: a model confidence set.

    `loss_S` are the mean scores, the lower the better. Hansen, Lunde, Nason 2011, "The model confidence set",
    Econometrica 79, 453-497, with their range statistic: the largest difference, in standard errors, beside what it
    would be among equals. That is drawn, from a multivariate t with the correlations that the units show. The
    candidate with the best expected score is in the set in at least 95 % of studies.
    """
    count = len(loss_S)
    order, largest = _eliminated(_standardised(loss_S, errors.pairs.whole))
    draw_DS, scale_D = _draws(errors)
    spread_SS = np.sqrt(errors.pairs.rows)
    range_D = np.zeros(DRAWS)
    p, reach = np.ones(count), np.zeros(count)  # of those that are left at each place of the order
    for place in reversed(range(count - 1)):
        out, others = order[place], order[place + 1 :]
        others = others[(spread_SS[out, others] > 0) & (spread_SS[out, others] < np.inf)]
        if len(others):
            apart_DS = np.abs(draw_DS[:, [out]] - draw_DS[:, others]) / spread_SS[out, others]
            range_D = np.maximum(range_D, apart_DS.max(axis=1))
        p[place] = (1 + np.count_nonzero(range_D * scale_D >= largest[place])) / (DRAWS + 1)
        reach[place] = np.quantile(range_D * scale_D, 1 - LEVEL)
    p_S = np.empty(count)
    p_S[order] = np.maximum.accumulate(p)
    to_best = _to_luckiest(draw_DS, spread_SS, p_S >= LEVEL) * scale_D[:, None]
    return ConfidenceSet(
        p_S, float(reach[np.argmax(np.maximum.accumulate(p) >= LEVEL)]), np.sort(to_best[to_best > 0])
    )


def _to_luckiest(draw_DS: Floats, spread_SS: Floats, in_set_S: NDArray[np.bool_]) -> Floats:
    """Give by how many standard errors each lies from the one of the set that is drawn best, (D, S); 0 for itself."""
    best_D = np.where(in_set_S, draw_DS, np.inf).argmin(axis=1)
    apart_DS = np.abs(draw_DS - np.take_along_axis(draw_DS, best_D[:, None], axis=1))
    spread_DS = spread_SS[best_D]
    known_DS = (spread_DS > 0) & (spread_DS < np.inf)
    return np.asarray(np.divide(apart_DS, spread_DS, out=np.zeros_like(apart_DS), where=known_DS))


def _standardised(loss_S: Floats, variance_SS: Floats) -> Floats:
    """Give by how many standard errors each candidate (down) is worse than each other one, (S, S)."""
    worse_SS = loss_S[:, None] - loss_S
    return np.divide(worse_SS, np.sqrt(variance_SS), out=np.zeros_like(worse_SS), where=variance_SS > 0)


def _eliminated(apart_SS: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Give the candidates as they are taken away, the best last, and how far each then is from another one."""
    left_SS = apart_SS.copy()
    order, largest = [], []
    other_S, worst_S = left_SS.argmax(axis=1), left_SS.max(axis=1)
    for _ in range(len(left_SS)):
        out = int(worst_S.argmax())
        order.append(out)
        largest.append(worst_S[out])
        left_SS[:, out] = -np.inf
        worst_S[out] = -np.inf
        stale = np.flatnonzero((other_S == out) & (worst_S > -np.inf))
        other_S[stale], worst_S[stale] = left_SS[stale].argmax(axis=1), left_SS[stale].max(axis=1)
    return np.array(order, np.int64), np.array(largest)


def _draws(errors: SearchErrors) -> tuple[Floats, Floats]:
    """Draw what the scores of equal candidates would differ by, (D, S), and the scale of each draw's t, (D,)."""
    generator = np.random.default_rng(0)
    normal_DU = generator.standard_normal((DRAWS, len(errors.deviation_UC)))
    freedom = errors.pairs.freedom
    first_US = errors.deviation_UC[:, : len(errors.pairs.rows)]
    return normal_DU @ first_US, np.sqrt(freedom / generator.chisquare(freedom, size=DRAWS))
