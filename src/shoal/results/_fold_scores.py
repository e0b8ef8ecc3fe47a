"""How a candidate scores on the rows that each fold holds out, and whether folds differ by more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.results._intervals import Interval, Units, freedom_of, left_out, spread_of
from shoal.results._out_of_fold import OutOfFold
from shoal.results._peer_scores import undefined_on
from shoal.results._record import PlanEntry, Truth
from shoal.results._score_rows import score_on
from shoal.results._two_way import repeated_interval


@dataclass(frozen=True)
class FoldScore:
    """The `score` of the networks of a fold, numbered from 0, on the `rows` that they held out: its mean over repeats.

    `interval` is that for other rows of this kind (or groups, or blocks in time) and other initialisations. `error` is
    the standard error on other rows of these networks, with its degrees of freedom; NaN and 0 where nothing is known.
    """

    fold: int
    rows: int
    score: float
    interval: Interval
    error: float
    freedom: float


def scores_by_fold(rows: OutOfFold, candidate_id: str, metric: str) -> tuple[FoldScore, ...]:
    """Score a candidate that did not fail on every fold, in their order; those where the score is undefined are left
    out. A score whose errors are not known has no intervals.
    """
    places: dict[int, list[PlanEntry]] = {}
    for entry in rows.entries:
        if entry.candidate_id == candidate_id:
            places.setdefault(entry.fold, []).append(entry)
    scored = (_scored(rows, places[fold], metric) for fold in sorted(places))
    return tuple(fold for fold in scored if fold is not None)


def _scored(rows: OutOfFold, entries: list[PlanEntry], metric: str) -> FoldScore | None:
    truth, score = rows.truth, score_on(rows.truth, metric, rows.said)
    row_V = truth.validation_rows["search", entries[0].fold]
    y, weight_V = truth.y[row_V], truth.weights_of(row_V)
    if undefined_on(metric, y, weight_V):
        return None
    with rows.guard():
        answers = [rows.predictions(entry) for entry in sorted(entries, key=lambda entry: entry.repeat)]
    units = _units(truth, row_V)
    mean = float(np.mean([score.score(y, answer, units.weight_N) for answer in answers]))
    interval = repeated_interval(score, y, answers, units)
    error, freedom = math.nan, 0.0
    if not score.why_none and len(units.sizes) > 1:
        part_U = np.mean([left_out(score, y, answer, units)[1] for answer in answers], axis=0)
        error, freedom = spread_of(part_U).error, freedom_of(score, y, part_U, units)
    return FoldScore(entries[0].fold, len(row_V), mean, interval, error, freedom)


def _units(truth: Truth, row_V: NDArray[np.int64]) -> Units:
    weight_V = truth.weights_of(row_V)
    if len(truth.times) and not len(truth.groups):
        return Units.blocks(truth.times[row_V], weight_V)
    return Units.of(len(row_V), truth.groups[row_V] if len(truth.groups) else None, weight_V)


def folds_differ(folds: tuple[FoldScore, ...]) -> float:
    """Give the p-value that all folds have one score on other rows, for these networks; NaN where it cannot be told.

    Brown, Forsythe 1974, "The small sample behavior of some statistics which test the equality of several means",
    Technometrics 16, 129-132, with the degrees of freedom of Mehrotra 1997, "Improving the Brown-Forsythe solution to
    the generalized Behrens-Fisher problem", Communications in Statistics - Simulation and Computation 26, 1139-1145.
    Folds weigh by their rows: where they weigh by their own errors (Welch 1951), a fold that is good by chance seems
    sure as well, and of skewed losses one in eight such tests rejects what is true.
    """
    from scipy.special import fdtrc

    count, known = len(folds), [(fold.score, fold.error, fold.freedom, fold.rows) for fold in folds]
    mean_F, error_F, freedom_F, rows_F = np.array(known, np.float64).reshape(-1, 4).T
    if count < 2 or not (error_F > 0).all() or not (freedom_F > 0).all() or not np.isfinite(mean_F).all():
        return math.nan
    share_F, unit = rows_F / rows_F.sum(), float(error_F.max())
    between = float((rows_F * ((mean_F - (share_F * mean_F).sum()) / unit) ** 2).sum())
    variance_F = rows_F * (error_F / unit) ** 2
    part_F = (1 - share_F) * variance_F
    within = float(part_F.sum())
    mixed = float((share_F * variance_F).sum()) ** 2 + float(((1 - 2 * share_F) * variance_F**2).sum())
    below = within**2 / float((part_F**2 / freedom_F).sum())
    return float(fdtrc(within**2 / mixed, below, between / within))
