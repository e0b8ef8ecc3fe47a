"""Rows in order of time: folds that validate on what comes after the rows that are trained on, and the latest rows.

Whole groups where they are to be kept: a group stands where its first row does. Letters: N rows, U units (rows or
groups) in order of time, P places where they may be cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Sides = tuple[Rows, Rows]
"""Rows to train on, and rows that judge what was trained, each sorted."""


@dataclass(frozen=True, eq=False)
class TimeFolds:
    """How units in order of time are cut, as scikit-learn's `TimeSeriesSplit` cuts rows.

    The last `n` blocks of `size` units (None: an equal part) are validated on, one a fold, and the units before each
    are trained on: all, or the last `window` of them; `gap` units before it are left out.
    """

    n: int
    size: int | None = None
    gap: int = 0
    window: int | None = None

    def block(self, units: int) -> int:
        """Count the units that each fold validates on."""
        return units // (self.n + 1) if self.size is None else self.size


@dataclass(frozen=True, eq=False)
class Timeline:
    """Units in order of time: the unit of every row, `unit_N`, from 0; the time of each unit's first row, `first_U`,
    which never falls; and the time of every row, `time_N`.
    """

    unit_N: Rows
    first_U: NDArray[np.float64]
    time_N: NDArray[np.float64]

    @classmethod
    def of(cls, time_N: NDArray[np.float64], groups: NDArray[Any] | None = None) -> Timeline:
        """Put rows in order, or groups: by their first time, then their last one, then their name."""
        group_N = np.arange(len(time_N))
        if groups is not None:
            group_N = np.unique(groups, return_inverse=True)[1]
        units = int(group_N.max(initial=-1)) + 1
        first_U, last_U = np.full(units, np.inf), np.full(units, -np.inf)
        np.minimum.at(first_U, group_N, time_N)
        np.maximum.at(last_U, group_N, time_N)
        order_U = np.lexsort((last_U, first_U))
        return cls(np.argsort(order_U)[group_N], first_U[order_U], time_N)

    @property
    def units(self) -> int:
        """U."""
        return len(self.first_U)

    @property
    def moments(self) -> int:
        """How many different times units begin at."""
        return len(np.unique(self.first_U))

    def sides(self, start: int, stop: int, gap: int = 0, window: int | None = None) -> Sides:
        """Give the rows to train on for the units from `start` to `stop`, and the rows of these.

        Rows of earlier groups that are as late as the first of these rows are left out.
        """
        end = start - gap
        first = 0 if window is None else max(0, end - window)
        train, judged = self._rows(first, end), self._rows(start, stop)
        return train[self.time_N[train] < self.first_U[start]], judged

    def folds(self, asked: TimeFolds) -> list[Sides]:
        """Cut the units, as `cuts` says."""
        cuts = self.cuts(asked)
        return [
            self.sides(start, stop, asked.gap, asked.window)
            for start, stop in zip(cuts, (*cuts[1:], self.units), strict=True)
        ]

    def cuts(self, asked: TimeFolds) -> tuple[int, ...]:
        """Give the first unit that each fold validates on.

        A cut that would part units of one time goes back before the first of them.
        """
        last = self.units - asked.n * asked.block(self.units)
        places = range(last, self.units, max(1, asked.block(self.units)))
        return tuple(int(np.searchsorted(self.first_U, self.first_U[place])) for place in places[: asked.n])

    def latest(self, share: float, gap: int = 0) -> Sides:
        """Give the rows before the latest ones, and these: about `share` of all, whole units, no time on both sides.

        No row is among the latest where they cannot be parted so.
        """
        rows = len(self.unit_N)
        quota = round(share * rows)
        place_P = np.flatnonzero(np.diff(self.first_U) > 0) + 1  # units that begin later than the one before
        place_P = place_P[place_P > gap]
        if not quota or not len(place_P):
            return np.arange(rows), np.arange(0)
        after_U = np.cumsum(np.bincount(self.unit_N, minlength=self.units)[::-1])[::-1]
        start = int(place_P[np.argmin(np.abs(after_U[place_P] - quota))])
        return self.sides(start, self.units, gap)

    def _rows(self, start: int, stop: int) -> Rows:
        return np.flatnonzero((self.unit_N >= start) & (self.unit_N < stop))


def late_rows(time_N: NDArray[np.float64], train: Rows, judged: Rows, gap: int = 0) -> int:
    """Count the rows to train on that are as late as the first of those that judge what was trained, or later, or among
    the last `gap` rows before it; of equal times those are the last that stand so in the table.
    """
    if not len(judged):
        return 0
    place_N = np.argsort(np.argsort(time_N, kind="stable"))
    start = np.count_nonzero(time_N < time_N[judged].min())
    return int(np.count_nonzero(place_N[train] >= start - gap))
