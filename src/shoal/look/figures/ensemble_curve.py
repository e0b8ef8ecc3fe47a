"""The networks of all folds along the one input, target by target.

Letters: M networks, G points along the one input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._figure import Chapter, Figure, single
from shoal.look._layers import MOST_PANELS
from shoal.look._lines import with_place
from shoal.look._paper import (
    GREY,
    TEST,
    TRAINING,
    VERMILLION,
    Panel,
    Sheet,
    heading,
    legend_beside,
    panels,
    plain,
)
from shoal.look._run_findings import RunFindings
from shoal.wording import counted, one_number


@dataclass(frozen=True, eq=False)
class EnsembleCurve:
    """One target along the one input: each network's curve `member_MG`, their mean and standard deviation.

    `deviation_G` has n - 1 below the fraction. Training and test rows are there to compare it with.
    """

    input: str
    target: str
    x_G: NDArray[np.float64]
    member_MG: NDArray[np.float64]
    mean_G: NDArray[np.float64]
    deviation_G: NDArray[np.float64]
    train_x: NDArray[np.float64]
    train_y: NDArray[np.float64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.float64]


def ensemble_curve(
    names: tuple[str, str],
    grid: tuple[NDArray[Any], NDArray[Any]],
    train: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
) -> EnsembleCurve:
    """Describe the ensemble along the one input; `grid` holds the places and the networks' values (M, G)."""
    x_G, member_MG = (np.asarray(part, np.float64) for part in grid)
    mean_G, deviation_G = member_MG.mean(axis=0), member_MG.std(axis=0, ddof=1)
    return EnsembleCurve(*names, x_G, member_MG, mean_G, deviation_G, *with_place(train), *with_place(test))


def ensemble_curves(findings: RunFindings) -> list[EnsembleCurve]:
    """The ensemble along the one input, target by target; empty for other inputs and where no numbers are learned."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or not findings.numbers or not len(ensemble.grid_G):
        return []
    x_N, rows = truth.x_ND[:, 0], truth.train_rows
    return [
        ensemble_curve(
            (truth.input_names[0], target),
            (ensemble.grid_G, ensemble.grid_MGK[:, :, k]),
            (x_N[:rows], truth.y[:rows, k]),
            (x_N[rows:], truth.y[rows:, k]),
        )
        for k, target in enumerate(truth.target_names)
    ]


def draw_ensemble_curve(facts: Sequence[EnsembleCurve]) -> Sheet:
    """The mean of the networks and one standard deviation around it, with every network's own curve."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(8.8 if len(shown) == 1 else 6.4, 4.6))
    for axes, fact in zip(grid, shown, strict=True):
        _draw_curve(axes, fact)
    legend_beside(grid[min(1, len(shown) - 1)])
    left_out = (
        f" (the first {len(shown)} of {counted(len(facts), 'target')})" if len(shown) < len(facts) else ""
    )
    heading(
        figure, f"Where {counted(len(facts[0].member_MG), 'network')} of the chosen candidate agree{left_out}"
    )
    return figure


def _draw_curve(axes: Panel, fact: EnsembleCurve) -> None:
    axes.scatter(
        fact.train_x, fact.train_y, s=16, color=TRAINING, alpha=0.55, linewidths=0, label="training rows"
    )
    axes.scatter(
        fact.test_x, fact.test_y, s=14, facecolors="none", edgecolors=TEST, linewidths=0.9, label="test rows"
    )
    low, high = fact.mean_G - fact.deviation_G, fact.mean_G + fact.deviation_G
    axes.fill_between(
        fact.x_G, low, high, color=VERMILLION, alpha=0.22, linewidth=0, label="± one std deviation"
    )
    lines = axes.plot(fact.x_G, fact.member_MG.T, color=GREY, linewidth=0.7)
    lines[0].set_label("one network")
    axes.plot(fact.x_G, fact.mean_G, color=VERMILLION, linewidth=2, label="their mean")
    axes.set(xlabel=plain(fact.input), ylabel=plain(fact.target))


def _target_words(fact: EnsembleCurve) -> str:
    widest = fact.x_G[int(fact.deviation_G.argmax())]
    widest_place = f"widest at {fact.input} {one_number(widest)}: {one_number(fact.deviation_G.max())}"
    return (
        f"Standard deviation of {counted(len(fact.member_MG), 'network')} over {fact.input}, {widest_place}."
    )


def words(facts: Sequence[EnsembleCurve]) -> str:
    """Say it of the first few targets, a sentence each."""
    return " ".join(_target_words(fact) for fact in facts[:MOST_PANELS])


FIGURE: Final = Figure(
    chapters=(Chapter.ENSEMBLE,),
    order=20,
    name="36-ensemble-curve",
    title="Fitted curves of the ensemble",
    caption=(
        "Where the band is wide, the networks disagree: the training rows do not settle the answer there."
    ),
    gather=single(ensemble_curves),
    draw=draw_ensemble_curve,
    words=words,
)
