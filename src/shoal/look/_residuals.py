"""Residuals of test rows, target by target: true less predicted; their weighted quantiles, alone and in bins.

Letters: V rows, M bins, D inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import by_target
from shoal.look._figure import Subject
from shoal.look._tested_rows import RowsTested, tested_rows

Floats = NDArray[np.float64]
MOST_DOTS: Final = 1500
"""Dots of a panel, at most: of more rows every second, third ... is drawn, in the order of what they stand over."""
BINS: Final = 10
FEWEST_OF_BINS: Final = 30
"""Of fewer rows there are no bins."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """True less predicted values of one target on V test rows, and their weights, if any.

    `standard_V` are residuals over the standard deviation that the network says of each row, where it says one.
    `row_V` numbers the rows from the first test row on.
    """

    target: str
    row_V: NDArray[np.int64]
    predicted_V: Floats
    residual_V: Floats
    weight_V: Floats | None = None
    standard_V: Floats | None = None


def residuals_of(subject: Subject) -> list[Residuals]:
    """Give the residuals of the delivered network, target by target; [] where no numbers are learned."""
    findings = subject.findings
    tested = tested_rows(findings, subject.group) if findings.numbers else None
    if tested is None:
        return []
    deviation_VK = _deviations(subject, tested)
    parts = []
    for k, target in enumerate(findings.truth.target_names):
        predicted_V = tested.answer_RVK[0, :, k]
        residual_V = tested.true_V[:, k] - predicted_V
        standard_V = None if deviation_VK is None else residual_V / deviation_VK[:, k]
        parts.append(Residuals(target, tested.row_V, predicted_V, residual_V, tested.weight_V, standard_V))
    return parts


def _deviations(subject: Subject, tested: RowsTested) -> Floats | None:
    """Give the standard deviations that the delivered network says, (V, K); None where it says none."""
    results, truth = subject.findings.results, subject.findings.truth
    fit_id = subject.group.healthy[0].fit_id
    said = results.said(fit_id)
    if said is None or said.kind != "normal":
        return None
    answers_VKA = by_target(results.test_answers(fit_id), len(truth.target_names))
    return said.shown(answers_VKA)[tested.row_V, :, 0]


def weighted_quantiles(values_V: Floats, levels: Floats, weight_V: Floats | None = None) -> Floats:
    """Give quantiles: numpy's own of unweighted rows, else the lowest value that as much weight does not exceed."""
    if weight_V is None:
        return np.quantile(values_V, levels)
    order_V = np.argsort(values_V, kind="stable")
    reached_V = np.cumsum(weight_V[order_V])
    places = np.searchsorted(reached_V, levels * reached_V[-1] * (1 - 1e-12))
    return np.asarray(values_V[order_V[np.minimum(places, len(order_V) - 1)]])


@dataclass(frozen=True, eq=False)
class Spread:
    """Residuals over `x`, one panel: dots of some rows, and quartiles of all of them in M bins.

    `x_M` is the median of what a bin's `rows_M` rows stand over. `every`: one row in so many is a dot. `kind` is
    "predicted", "input" or "date" (an input in seconds since 1970), `rank_correlation` that of the sizes of residuals
    with an input.
    """

    target: str
    kind: str
    over: str
    every: int
    x_V: Floats
    residual_V: Floats
    x_M: Floats
    low_M: Floats
    middle_M: Floats
    high_M: Floats
    rows_M: NDArray[np.int64]
    rank_correlation: float = np.nan


def spread_over(
    own: Residuals, kind: str, over: str, x_V: Floats, rank_correlation: float = np.nan
) -> Spread:
    """Put residuals in order of what they stand over; rows that lack it are left out.

    Bins are the values themselves where there are no more than `BINS`, else as many rows each, of which equal values
    stay together.
    """
    there_V = np.isfinite(x_V)
    order_V = np.flatnonzero(there_V)[np.argsort(x_V[there_V], kind="stable")]
    x_V, residual_V = x_V[order_V], own.residual_V[order_V]
    weight_V = None if own.weight_V is None else own.weight_V[order_V]
    parts = _bins(x_V)
    levels = np.array([0.25, 0.5, 0.75])
    quartiles = [
        weighted_quantiles(residual_V[part], levels, None if weight_V is None else weight_V[part])
        for part in parts
    ]
    low_M, middle_M, high_M = np.array(quartiles).reshape(-1, 3).T
    x_M = np.array([np.median(x_V[part]) for part in parts])
    rows_M = np.array([len(x_V[part]) for part in parts], np.int64)
    every = max(1, -(-len(x_V) // MOST_DOTS))
    dots = slice(None, None, every)
    return Spread(
        own.target,
        kind,
        over,
        every,
        x_V[dots],
        residual_V[dots],
        x_M,
        low_M,
        middle_M,
        high_M,
        rows_M,
        rank_correlation,
    )


def _bins(x_V: Floats) -> list[slice]:
    """Give bins of ascending values, none of too few rows."""
    if len(x_V) < FEWEST_OF_BINS:
        return []
    starts = np.flatnonzero(np.append(True, x_V[1:] != x_V[:-1]))
    if len(starts) > BINS:
        equal = np.linspace(0, len(x_V), BINS + 1)[:-1]
        starts = np.unique(
            starts[np.searchsorted(starts, equal)[np.searchsorted(starts, equal) < len(starts)]]
        )
    return [slice(int(a), int(b)) for a, b in zip(starts, np.append(starts[1:], len(x_V)), strict=True)]


def ranks(values_V: Floats) -> Floats:
    """Give the ranks of values, equal ones the mean of theirs."""
    _, place_V, count = np.unique(values_V, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place_V])


def rank_correlation(a_V: Floats, b_V: Floats) -> float:
    """Give Spearman's rank correlation of the rows where both are there; NaN where one of them is constant."""
    there_V = np.isfinite(a_V) & np.isfinite(b_V)
    if not there_V.any():
        return float("nan")
    a_V, b_V = (rank_V - rank_V.mean() for rank_V in (ranks(a_V[there_V]), ranks(b_V[there_V])))
    size = float(np.sqrt((a_V**2).sum() * (b_V**2).sum()))
    return float((a_V * b_V).sum()) / size if size > 0 else float("nan")
