"""What a score is as a function of means over rows.

Letters: N rows, K outputs or classes, M numbers of each row, of which a score takes the means; `...` is any leading
shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._pair_scores import Areas, in_order, odds, of_odds, without_units
from shoal.results._scores import counted_rows, mean_over_rows
from shoal.wording import counted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _same(values: Floats) -> Floats:
    return values


@dataclass(frozen=True)
class RowScore:
    """`rows(y, prediction)` gives M numbers of every row, (N, M); `of_means` makes the score of their means, (..., M).

    `scale` is where the score is nearly a mean itself, so that an interval may be drawn there; `back` leads from
    there to the score; `skewed` says whether the interval heeds skewness there. `share` says that it is the share of
    rows of one kind, `positive` that it is a loss of 0 or more. `why_none`, where it is not empty, is why nothing can
    be said of it on other rows, `why_none_of` why not of these. `whole` computes it where scikit-learn does, to the
    last bit.

    Of a score that is no function of means, `without(y, prediction, unit_N, weight_N)` gives it and what it is without
    each unit; `rows` then only tell what it sees of a row.
    """

    rows: Callable[[NDArray[Any], Floats], Floats]
    of_means: Callable[[Floats], Floats]
    scale: Callable[[Floats], Floats] = _same
    back: Callable[[Floats], Floats] = _same
    skewed: bool = True
    share: bool = False
    positive: bool = False
    why_none: str = ""
    why_none_of: Callable[[NDArray[Any]], str] | None = None
    whole: Callable[[NDArray[Any], Floats, Floats | None], float] | None = None
    without: Callable[[NDArray[Any], Floats, Ints, Floats | None], tuple[float, Floats]] | None = None
    weighted: Callable[..., Floats] | None = None
    """What `rows` gives of rows of some `weight_N`, where it depends on them."""
    needs: int = 0
    """Rows of a class that an interval asks for, of two classes of the one that the score is `of`."""
    of: int = 1

    def rare(self, y: NDArray[Any]) -> str:
        """Say that a class has too few of these rows for an interval; else nothing."""
        if not self.needs:
            return ""
        rows_K = np.bincount(y, minlength=2)
        fewest = int(rows_K[self.of] if len(rows_K) == 2 else rows_K[rows_K > 0].min())
        few = f"{counted(fewest, 'row')} of a class {'is' if fewest == 1 else 'are'} too few for an interval"
        return "" if fewest >= self.needs else few

    def score(self, y: NDArray[Any], prediction: Floats, weight_N: Floats | None = None) -> float:
        """Give the score of some rows, of which each counts as much as it weighs."""
        weight_N, (y, prediction) = counted_rows(weight_N, y, prediction)
        if not len(y):
            return math.nan
        if self.whole is not None:
            return self.whole(y, prediction, weight_N)
        with np.errstate(over="ignore", invalid="ignore"):  # squares of huge numbers are inf, and so said
            return float(self.of_means(mean_over_rows(self.rows(y, prediction), weight_N)))

    def why_untold(self, y: NDArray[Any]) -> str:
        """Say why nothing can be said of the score on other rows like these; nothing where something can."""
        return self.why_none or (self.why_none_of(y) if self.why_none_of is not None else "")

    def unlike(self, y: NDArray[Any], first: Floats, second: Floats) -> NDArray[np.bool_]:
        """Tell of every row whether the score sees a difference between two answers, (N,)."""
        return np.asarray((self.rows(y, first) != self.rows(y, second)).any(axis=1))


def mean_of_numbers(of_NK: Floats) -> Floats:
    """Give the mean of the numbers of a row."""
    return np.asarray(of_NK.mean(axis=-1))


def of_areas(areas: Callable[[NDArray[Any], Floats], Areas]) -> RowScore:
    """Give the mean of areas under curves."""
    return RowScore(
        lambda y_N, probability_NK: in_order(areas(y_N, probability_NK)),
        mean_of_numbers,
        odds,
        of_odds,
        skewed=False,
        without=lambda y_N, probability_NK, unit_N, weight_N: without_units(
            areas(y_N, probability_NK), unit_N, weight_N
        ),
    )


def _no_rows(y: NDArray[Any], prediction: Floats) -> Floats:  # noqa: ARG001
    return np.full((len(y), 1), math.nan)


RANKS: Final = RowScore(
    _no_rows,
    mean_of_numbers,
    why_none="it compares rows with each other, and is no function of means over rows",
)
"""A score of which nothing can be said on other rows."""
