"""Test scores of the networks of all folds, alone and together.

Letters: M networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._measures import leading_metric, on_test_rows
from shoal.look._paper import BLACK, BLUE, VERMILLION, Sheet, fan, heading, panels
from shoal.look._run_findings import RunFindings
from shoal.results import higher_is_better
from shoal.wording import counted, one_number


@dataclass(frozen=True, eq=False)
class EnsembleScores:
    """Test scores: of each of M networks, of their mean answer, and of the delivered network (NaN: none)."""

    metric: str
    higher_is_better: bool
    member_M: NDArray[np.float64]
    ensemble: float
    delivered: float

    @property
    def gain(self) -> float:
        """By how much the mean answer is better than the networks on average."""
        gain = self.ensemble - float(self.member_M.mean())
        return gain if self.higher_is_better else -gain


def ensemble_scores(findings: RunFindings) -> EnsembleScores | None:
    """Test scores of the networks of the chosen candidate, of their mean answer and of the delivered network."""
    frame = findings.results.ensemble_scores
    if not len(frame):
        return None
    metric = leading_metric(findings.results)

    def of(network: str) -> NDArray[np.float64]:
        return frame.loc[frame["network"] == network, metric].to_numpy(np.float64)

    delivered = of("delivered")
    return EnsembleScores(
        metric=on_test_rows(metric),
        higher_is_better=higher_is_better(metric),
        member_M=of("member"),
        ensemble=float(of("ensemble")[0]),
        delivered=float(delivered[0]) if len(delivered) else float("nan"),
    )


def draw_ensemble_scores(scores: EnsembleScores) -> Sheet:
    """The single networks, their mean answer, and the delivered network, on one axis."""
    figure, (axes,) = panels(1, size=(8.5, 2.5))
    count = len(scores.member_M)
    axes.scatter(scores.member_M, fan(count), s=34, color=BLUE, alpha=0.6, linewidths=0, label="one network")
    axes.plot(scores.ensemble, 1, "D", markersize=9, color=VERMILLION, label="their mean answer")
    axes.axvline(scores.ensemble, color=VERMILLION, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    rows = [f"{count} networks of the folds", "the ensemble of them"]
    if np.isfinite(scores.delivered):
        axes.plot(scores.delivered, 2, "s", markersize=8, color=BLACK, label="delivered network")
        rows.append("the delivered network")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(scores.metric)
    heading(figure, f"Ensemble of the folds’ networks: {ensemble_phrase(scores)}")
    return figure


def ensemble_phrase(fact: EnsembleScores) -> str:
    """Say what the mean answer is better than: every one of its networks, their average, or neither."""
    best = fact.member_M.max() if fact.higher_is_better else fact.member_M.min()
    over_best = (fact.ensemble - float(best)) * (1 if fact.higher_is_better else -1)
    none = 1e-12 * max(abs(fact.ensemble), abs(float(best)))
    if over_best > none:
        return "better than every one of them"
    if abs(fact.gain) <= none:
        return "as good as their average"
    if abs(over_best) <= none:
        return "as good as the best of them and better than their average"
    return (
        "better than their average, but not better than the best of them"
        if fact.gain > 0
        else "worse than their average"
    )


def caption(fact: EnsembleScores) -> str:
    """What the mean answer is better than here."""
    return f"The networks of all folds are there already. Here their mean answer is {ensemble_phrase(fact)}."


def words(fact: EnsembleScores) -> str:
    """Say it in a sentence, with its few telling numbers."""
    alone = f"{one_number(fact.member_M.mean())} on average alone"
    together = f"{one_number(fact.ensemble)} together: {ensemble_phrase(fact)}"
    return f"{fact.metric}: {counted(len(fact.member_M), 'network')} {alone}, {together}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(1) if extent.folds else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.ENSEMBLE,),
    order=10,
    name="35-ensemble-scores",
    title="Scores of the ensemble",
    caption=caption,
    gather=single(ensemble_scores),
    draw=draw_ensemble_scores,
    words=words,
    seconds=seconds,
)
