"""How residuals are distributed, and how far from a normal distribution: a histogram and a QQ plot.

Letters: V rows, M bins, Q points of the QQ plot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLUE, GREY, SKY, Sheet, heading, legend_above, panels, plain
from shoal.look._residuals import Residuals, residuals_of
from shoal.look._run_findings import DELIVERED
from shoal.look._work import Work
from shoal.wording import counted, one_number, percent

_FEWEST: Final = 3
_MOST_TARGETS: Final = 3
_MOST_POINTS: Final = 500
"""Points of a QQ plot, at most, evenly spread over ranks, with the 20 at each end."""
_ENDS: Final = 20
_Z: Final = 1.96
_CURVE_SECONDS: Final = 0.03
"""Seconds of the normal curve of a target, and its legend."""


@dataclass(frozen=True, eq=False)
class ResidualDistribution:
    """Residuals of one target, or, `standardised`, these over the standard deviation that the network says.

    `weight_M` is the share of the rows in each bin between `edges`; `normal_Q` are quantiles of the standard normal
    distribution (Filliben's medians of order statistics) and `residual_Q` those of the residuals. `beyond` is the share
    more than 1.96 standard deviations from the mean, of the normal distribution 5 %.
    """

    target: str
    standardised: bool
    mean: float
    deviation: float
    skewness: float
    beyond: float
    edges: NDArray[np.float64]
    weight_M: NDArray[np.float64]
    normal_Q: NDArray[np.float64]
    residual_Q: NDArray[np.float64]


def residual_distribution(own: Residuals) -> ResidualDistribution | None:
    """Describe the residuals of one target; None of fewer than three rows, or where all are the same."""
    standardised = own.standard_V is not None
    value_V = own.residual_V if own.standard_V is None else own.standard_V
    there_V = np.isfinite(value_V)
    value_V = value_V[there_V]
    weight_V = np.ones(len(value_V)) if own.weight_V is None else own.weight_V[there_V] / own.weight_V.max()
    if len(value_V) < _FEWEST or np.ptp(value_V) <= 1e-12 * np.abs(value_V).max():
        return None
    mean = float(np.average(value_V, weights=weight_V))
    deviation = float(np.sqrt(np.average((value_V - mean) ** 2, weights=weight_V)))
    apart_V = (value_V - mean) / deviation
    weight_M, edges = np.histogram(value_V, bins=_bin_count(len(value_V)), weights=weight_V)
    order_V = np.argsort(value_V, kind="stable")
    normal_V = normal_quantiles(weight_V[order_V])
    shown = _spread_places(len(value_V))
    return ResidualDistribution(
        own.target,
        standardised,
        mean,
        deviation,
        float(np.average(apart_V**3, weights=weight_V)),
        float(np.average(np.abs(apart_V) > _Z, weights=weight_V)),
        edges,
        weight_M / weight_V.sum(),
        normal_V[shown],
        value_V[order_V][shown],
    )


def _bin_count(rows: int) -> int:
    return int(np.clip(round(2 * rows ** (1 / 3)), 5, 40))


def normal_quantiles(weight_V: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the normal quantiles of rows in order: of equal weights those of scipy's `probplot`.

    Filliben's medians at the ranks; where weights differ, at the weight up to the middle of a row, in rows of the mean
    weight.
    """
    from scipy.special import ndtri

    rows = len(weight_V)
    rank_V = (np.cumsum(weight_V) - weight_V / 2) / weight_V.mean() + 0.5
    level_V = (rank_V - 0.3175) / (rows + 0.365)
    if (weight_V == weight_V[0]).all():
        level_V[-1] = 0.5 ** (1 / rows)
        level_V[0] = 1 - level_V[-1]
    least = 0.1 / rows
    return np.asarray(ndtri(np.clip(level_V, least, 1 - least)))


def _spread_places(rows: int) -> NDArray[np.int64]:
    if rows <= _MOST_POINTS:
        return np.arange(rows)
    middle = np.linspace(_ENDS, rows - 1 - _ENDS, _MOST_POINTS - 2 * _ENDS).round().astype(np.int64)
    return np.unique(np.concatenate((np.arange(_ENDS), middle, np.arange(rows - _ENDS, rows))))


def draw_distributions(facts: Sequence[ResidualDistribution]) -> Sheet:
    """Two panels a target: a histogram with the normal curve, and the QQ plot."""
    shown = facts[:_MOST_TARGETS]
    figure, grid = panels(2 * len(shown), size=(4.6, 3.8))
    for number, fact in enumerate(shown):
        bars, qq = grid[2 * number : 2 * number + 2]
        width = np.diff(fact.edges)
        bars.stairs(100 * fact.weight_M, fact.edges, fill=True, color=SKY)
        x = np.linspace(fact.edges[0], fact.edges[-1], 200)
        normal = np.exp(-(((x - fact.mean) / fact.deviation) ** 2) / 2) / (
            fact.deviation * np.sqrt(2 * np.pi)
        )
        bars.plot(x, 100 * normal * width[0], color=GREY, label="normal")
        what = f"{'standardised ' if fact.standardised else ''}residual of {plain(fact.target, 18)}"
        bars.set(xlabel=what, ylabel="test rows (%)")
        legend_above(bars)
        ends = fact.normal_Q[[0, -1]]
        qq.plot(ends, fact.mean + fact.deviation * ends, color=GREY, linewidth=1.2)
        qq.scatter(fact.normal_Q, fact.residual_Q, s=12, color=BLUE, alpha=0.7, linewidths=0)
        qq.set(xlabel="normal quantile", ylabel=what)
    more = (
        f" (the first {_MOST_TARGETS} of {counted(len(facts), 'target')})"
        if len(facts) > _MOST_TARGETS
        else ""
    )
    heading(figure, f"{DELIVERED}: distribution of the residuals of the test rows{more}")
    return figure


def caption(facts: Sequence[ResidualDistribution]) -> str:
    """What the line is."""
    text = (
        "On the line residuals are as a normal distribution of the same mean and standard deviation has them;"
        " steeper ends are large errors more often than that."
    )
    if facts[0].standardised:
        text += (
            " Residuals are over the standard deviation that the network says: that of their own should be 1."
        )
    return text


def words(facts: Sequence[ResidualDistribution]) -> str:
    """Say it of the first targets, a sentence each."""
    return " ".join(
        f"{'Standardised residuals' if fact.standardised else 'Residuals'} of {fact.target}: mean"
        f" {one_number(fact.mean)}, standard deviation {one_number(fact.deviation)}, skewness"
        f" {one_number(fact.skewness, 2)}, {percent(fact.beyond)} beyond 1.96 standard deviations."
        for fact in facts[:_MOST_TARGETS]
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The residuals of every target that has some to tell of."""
    facts = [fact for own in residuals_of(subject) if (fact := residual_distribution(own)) is not None]
    if facts:
        yield Gathered(facts)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    if not extent.numbers:
        return 0.0
    targets = min(_MOST_TARGETS, extent.dataset.outputs)
    return (
        panels_seconds(2 * targets)
        + _CURVE_SECONDS * targets
        + 8 * VALUE * extent.tested * extent.dataset.outputs
    )


FILLIBEN: Final = Work(
    "QQ plots",
    "Filliben (1975): The probability plot correlation coefficient test for normality. Technometrics 17, 111–117.",
)
FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=54,
    name="residual-distribution",
    title="Distribution of residuals",
    caption=caption,
    gather=gather,
    draw=draw_distributions,
    words=words,
    works=(FILLIBEN,),
    seconds=seconds,
)
