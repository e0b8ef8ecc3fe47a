"""The spread of the networks of all folds against the error of their mean, target by target.

Letters: M networks, V test rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._layers import MOST_PANELS
from shoal.look._paper import BLUE, GREY, Sheet, heading, panels, plain
from shoal.look._run_findings import RunFindings
from shoal.wording import percent


@dataclass(frozen=True, eq=False)
class EnsembleSpread:
    """Spread of the networks at each test row against the error of their mean, for one target, both (V,).

    `correlation` is Spearman's rank correlation of the two: near 1, the spread tells where the errors are;
    NaN where one of them is constant.
    """

    target: str
    deviation_V: NDArray[np.float64]
    error_V: NDArray[np.float64]
    correlation: float

    @property
    def within(self) -> float:
        """Share of the rows whose error is no larger than the spread; of normal errors of that size it is 68 %."""
        return float(np.mean(self.error_V <= self.deviation_V))


def ensemble_spread(target: str, true_V: NDArray[Any], member_MV: NDArray[Any]) -> EnsembleSpread:
    """Hold the networks' spread at each test row against the error of their mean."""
    deviation_V = np.asarray(member_MV, np.float64).std(axis=0, ddof=1)
    error_V = np.abs(np.asarray(member_MV, np.float64).mean(axis=0) - true_V)
    ranks = _ranks(deviation_V), _ranks(error_V)
    constant = any(rank.min() == rank.max() for rank in ranks)
    correlation = float("nan") if constant else float(np.corrcoef(*ranks)[0, 1])
    return EnsembleSpread(target, deviation_V, error_V, correlation)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank values from 1; equal ones share the mean of their ranks. (scipy.stats would take 50 MB to import.)"""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place])


def ensemble_spreads(findings: RunFindings) -> list[EnsembleSpread]:
    """Spread against error on the test rows, target by target; empty where no numbers are learned."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or not findings.numbers:
        return []
    true_VK = truth.y[truth.train_rows :]
    return [
        ensemble_spread(target, true_VK[:, k], ensemble.test_MVK[:, :, k])
        for k, target in enumerate(truth.target_names)
    ]


def draw_ensemble_spread(facts: Sequence[EnsembleSpread]) -> Sheet:
    """Error of the ensemble against the spread of its networks, one panel a target."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(6.4, 4.6) if len(shown) == 1 else (4.8, 4.0))
    for axes, fact in zip(grid, shown, strict=True):
        axes.scatter(fact.deviation_V, fact.error_V, s=14, color=BLUE, alpha=0.5, linewidths=0)
        axes.axline((0, 0), slope=1, color=GREY, linewidth=1)
        axes.set(xlim=(0, None), ylim=(0, None))
        axes.set(xlabel="standard deviation between networks", ylabel="absolute error of their mean")
        title = (
            f"rank correlation {fact.correlation:.2f}"
            if np.isfinite(fact.correlation)
            else "no rank correlation"
        )
        title += f", {percent(fact.within, 0)} below the line"
        axes.set_title(f"{plain(fact.target, 24)}: {title}", fontsize=10, fontweight="normal")
    heading(figure, "Does the spread between networks tell where the errors are? (one dot a test row)")
    return figure


def caption(facts: Sequence[EnsembleSpread]) -> str:
    """How often the error is within the spread, target by target."""
    shares = [percent(fact.within, 0) for fact in facts[:4]]
    here = ", ".join(shares) + (" ..." if len(facts) > len(shares) else "")
    return (
        "Dots below the line: the error is no larger than the spread. Were the spread the size of the (normal)"
        f" error, 68 % would lie there; here {here}."
    )


def _target_words(fact: EnsembleSpread) -> str:
    known = (
        f"rank correlation {fact.correlation:.2f}" if np.isfinite(fact.correlation) else "no rank correlation"
    )
    within = f"{percent(fact.within, 0)} of the errors are no larger than the spread"
    return f"Spread of the networks against the error of {fact.target}: {known}, {within}."


def words(facts: Sequence[EnsembleSpread]) -> str:
    """Say it of the first few targets, a sentence each."""
    return " ".join(_target_words(fact) for fact in facts[:MOST_PANELS])


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    answers = extent.tested * extent.members * extent.dataset.outputs
    return panels_seconds(1) + VALUE * answers if extent.folds and extent.numbers else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.ENSEMBLE,),
    order=30,
    name="37-ensemble-spread",
    title="Spread of the ensemble",
    caption=caption,
    gather=single(ensemble_spreads),
    draw=draw_ensemble_spread,
    words=words,
    seconds=seconds,
)
