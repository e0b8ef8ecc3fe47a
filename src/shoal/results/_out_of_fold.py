"""What candidates score on every row that they did not learn from: the store's predictions, one cell after the other.

Letters: C candidates, V rows of a cell, K outputs, U units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.results._confidence_set import Cell
from shoal.results._intervals import Units, left_out
from shoal.results._peer_scores import undefined_on
from shoal.results._record import PlanEntry, Truth
from shoal.results._row_score import RowScore
from shoal.results._score_rows import score_on

MAX_UNITS: Final = 1000
"""More rows are put together, at random, into so many units: enough to see how they vary."""
Predictions = Callable[[PlanEntry], NDArray[np.float64]]
"""Gives what the fit of a place answers to the rows held out, (V, K)."""


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """The rows held out in the search, and where their answers are.

    `entries` are the places of the search; `predictions` gives what a fit answered to the rows held out from it;
    `said` is what their networks say of a target, where that is more than one number. What is read within `guard`
    may be damaged, which that refuses.
    """

    entries: Sequence[PlanEntry]
    truth: Truth
    predictions: Predictions
    said: Distribution | None = None
    guard: Callable[[], AbstractContextManager[None]] = nullcontext

    def cells(self, candidate_ids: Sequence[str], metric: str) -> Iterator[Cell]:
        """Give the scores of these candidates on every fold and repeat, all of which are there.

        Raises what `guard` does, of the rows alone: what is done with a cell is no part of this generator. Folds on
        whose rows the score is undefined are left out, as they are of its means. Where a cell has a single unit (one
        row is left out at a time, one group a fold), all cells are one.
        """
        with self.guard():
            yield from self._cells(candidate_ids, metric)

    def _cells(self, candidate_ids: Sequence[str], metric: str) -> Iterator[Cell]:
        places = {
            cell: entries
            for cell, entries in _by_cell(self.entries).items()
            if not undefined_on(
                metric, self.truth.y[self._rows(cell)], self.truth.weights_of(self._rows(cell))
            )
        }
        unit_N, count = self._units()
        shares = {cell: self._share(unit_N[self._rows(cell)], count) for cell in places}
        filled = (
            Cell(shares[cell], self._sums(places[cell], candidate_ids, metric, unit_N, count))
            for cell in places
        )
        if all(np.count_nonzero(share_U) > 1 for share_U in shares.values()):
            yield from filled
            return
        sum_UC = sum((cell.sum_UC for cell in filled), np.zeros((count, len(candidate_ids))))
        yield Cell(np.mean(list(shares.values()), axis=0), sum_UC / len(shares))

    def of_folds(self, candidate_id: str, metric: str) -> dict[int, NDArray[np.float64]]:
        """Give what every row held out has in the score of its fold, by the number of the fold: means over repeats.

        Folds on whose rows the score is undefined are left out.
        """
        score = score_on(self.truth, metric, self.said)
        by_fold: dict[int, list[NDArray[np.float64]]] = {}
        for (fold, repeat), places in _by_cell(self.entries).items():
            row_V = self._rows((fold, repeat))
            y, weight_V = self.truth.y[row_V], self.truth.weights_of(row_V)
            if candidate_id in places and not undefined_on(metric, y, weight_V):
                score_V = of_rows(score, y, self.predictions(places[candidate_id]), weight_V)
                by_fold.setdefault(fold, []).append(score_V)
        return {fold: np.mean(scores, axis=0) for fold, scores in by_fold.items()}

    def _rows(self, cell: tuple[int, int]) -> NDArray[np.int64]:
        return self.truth.validation_rows["search", cell[0]]

    def _units(self) -> tuple[NDArray[np.int64], int]:
        """Number the unit of every training row: its group, in order of time its block of the rows that its fold holds
        out, or itself; many of them are put together.
        """
        rows = self.truth.train_rows
        if len(self.truth.times) and not len(self.truth.groups):
            folds = sorted({entry.fold for entry in self.entries})
            unit_N = blocks_of_folds(self.truth, [self._rows((fold, 0)) for fold in folds])
        elif len(self.truth.groups):
            unit_N = np.unique(self.truth.groups[:rows], return_inverse=True)[1]
        else:
            unit_N = np.arange(rows)
        count = int(unit_N.max()) + 1
        if count > MAX_UNITS:
            unit_N = np.random.default_rng(0).permutation(count)[unit_N] % MAX_UNITS
        return unit_N, min(count, MAX_UNITS)

    @staticmethod
    def _share(unit_V: NDArray[np.int64], count: int) -> NDArray[np.float64]:
        return np.bincount(unit_V, minlength=count) / len(unit_V)

    def _sums(
        self,
        places: Mapping[str, PlanEntry],
        candidate_ids: Sequence[str],
        metric: str,
        unit_N: NDArray[np.int64],
        count: int,
    ) -> NDArray[np.float64]:
        """Add up the scores of every unit's rows over the number of rows, candidate by candidate, (U, C)."""
        sum_UC = np.empty((count, len(candidate_ids)))
        score = score_on(self.truth, metric, self.said)
        for column, candidate_id in enumerate(candidate_ids):
            entry = places[candidate_id]
            row_V = self._rows((entry.fold, entry.repeat))
            weight_V = self.truth.weights_of(row_V)
            score_V = of_rows(score, self.truth.y[row_V], self.predictions(entry), weight_V)
            sum_UC[:, column] = np.bincount(unit_N[row_V], score_V / len(row_V), minlength=count)
        return sum_UC


def blocks_of_folds(truth: Truth, rows_F: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Number the blocks of rows that follow each other in time within each fold, for every training row, (N,).

    0 is a row that no fold holds out. One that several hold out is in a block of the first of them.
    """
    unit_N = np.zeros(truth.train_rows, np.int64)
    for row_V in rows_F:
        own_V = row_V[unit_N[row_V] == 0]
        unit_N[own_V] = unit_N.max() + 1 + Units.blocks(truth.times[own_V]).of_N
    return unit_N


def _by_cell(entries: Sequence[PlanEntry]) -> dict[tuple[int, int], dict[str, PlanEntry]]:
    cells: dict[tuple[int, int], dict[str, Any]] = {}
    for entry in entries:
        cells.setdefault((entry.fold, entry.repeat), {})[entry.candidate_id] = entry
    return dict(sorted(cells.items()))


def of_rows(
    score: RowScore,
    y: NDArray[Any],
    prediction_VK: NDArray[np.float64],
    weight_V: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Give what every row has in a score, (V,): their mean is the score; of a mean over rows, the rows' own numbers."""
    if len(y) == 1:  # nothing is left without it
        return np.array([score.score(y, prediction_VK, weight_V)])
    value, part_V = left_out(score, y, prediction_VK, Units.of(len(y), None, weight_V))
    return value + part_V
