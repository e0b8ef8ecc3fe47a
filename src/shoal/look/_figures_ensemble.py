"""Pictures of an ensemble: one drawing function a fact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from shoal.look._facts_ensemble import Disagreement, Disputed, EnsembleCurve, EnsembleScores, EnsembleSpread
from shoal.look._figures import (
    BLACK,
    BLUE,
    GREY,
    SKY,
    TEST,
    TRAINING,
    VERMILLION,
    Panel,
    Sheet,
    fan,
    heading,
    legend_beside,
    number_text,
    panels,
    plain,
    stacked,
    whole_numbers,
)
from shoal.look._notes import ensemble_said
from shoal.look._tables import percent

MOST_PANELS: Final = 6
_IMAGES: Final = 18
_NUMBERED: Final = 9
"""Up to so many bars have their numbers above them."""
_IMAGES_IN_A_ROW: Final = 6


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
    heading(figure, f"Ensemble of the folds' networks: {ensemble_said(scores)}")
    return figure


def draw_ensemble_curve(facts: Sequence[EnsembleCurve]) -> Sheet:
    """The mean of the networks and one standard deviation around it, with every network's own curve."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(8.8 if len(shown) == 1 else 6.4, 4.6))
    for axes, fact in zip(grid, shown, strict=True):
        _draw_curve(axes, fact)
    legend_beside(grid[min(1, len(shown) - 1)])
    left_out = f" (the first {len(shown)} of {len(facts)} targets)" if len(shown) < len(facts) else ""
    heading(figure, f"Where {len(facts[0].member_MG)} networks of the chosen candidate agree{left_out}")
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


def draw_ensemble_spread(facts: Sequence[EnsembleSpread]) -> Sheet:
    """Error of the ensemble against the spread of its networks, one panel a target."""
    shown = facts[:MOST_PANELS]
    figure, grid = panels(len(shown), size=(6.4, 4.6) if len(shown) == 1 else (4.8, 4.0))
    for axes, fact in zip(grid, shown, strict=True):
        axes.scatter(fact.deviation_V, fact.error_V, s=14, color=BLUE, alpha=0.5, linewidths=0)
        axes.axline((0, 0), slope=1, color=GREY, linewidth=1)
        axes.set(xlim=(0, None), ylim=(0, None))
        axes.set(xlabel="standard deviation between networks", ylabel="absolute error of their mean")
        told = (
            f"rank correlation {fact.correlation:.2f}"
            if np.isfinite(fact.correlation)
            else "no rank correlation"
        )
        told += f", {percent(fact.within, 0)} below the line"
        axes.set_title(f"{plain(fact.target, 24)}: {told}", fontsize=10, fontweight="normal")
    heading(figure, "Does the spread between networks tell where the errors are? (one dot a test row)")
    return figure


def draw_disagreement(fact: Disagreement) -> Sheet:
    """Test rows by the share of networks against the majority, and how often the ensemble is wrong at each."""
    figure, (axes, below) = stacked((2, 1.6), size=(7.6, 5.4))
    places = np.arange(len(fact.against_L))
    wrong = np.divide(
        100 * fact.wrong_L, fact.rows_L, out=np.full(len(places), np.nan), where=fact.rows_L > 0
    )
    axes.bar(places, wrong, width=0.7, color=VERMILLION)
    axes.set(ylim=(0, 124), yticks=range(0, 101, 25), ylabel="ensemble wrong (%)")
    below.bar(places, fact.rows_L, width=0.7, color=SKY)
    top = max(int(fact.rows_L.max(initial=0)), 1)
    below.set(
        ylim=(0, 1.18 * top), ylabel="test rows", xlabel=f"networks against the majority (of {fact.networks})"
    )
    whole_numbers(below.xaxis)
    if len(places) <= _NUMBERED:
        below.set_xticks(places)
        for place, (share, rows) in enumerate(zip(wrong.tolist(), fact.rows_L.tolist(), strict=True)):
            below.text(place, rows + 0.03 * top, f"{rows:,}", ha="center", fontsize=9)
            if rows:
                told = f"{percent(share / 100)}\n({fact.wrong_L[place]:,})"
                axes.text(place, share + 2, told, ha="center", fontsize=9)
    for one in (axes, below):
        one.grid(visible=False, axis="x")
    agreed = percent(float(fact.rows_L[0] / fact.rows_L.sum()))
    heading(
        figure,
        f"All {fact.networks} networks of the chosen candidate agree on {agreed} of the test rows",
    )
    return figure


def draw_disputed(fact: Disputed) -> Sheet:
    """Images that the networks disagree about most: the true class, then the votes."""
    shown = min(len(fact.image_ICHW), _IMAGES)
    figure, grid = panels(max(shown, _IMAGES_IN_A_ROW), columns=_IMAGES_IN_A_ROW, size=(1.9, 2.4))
    for axes in grid:
        axes.set_axis_off()
    for place, axes in enumerate(grid[:shown]):
        axes.imshow(fact.image_ICHW[place].transpose(1, 2, 0), cmap="gray", vmin=0, vmax=255)
        votes_K = fact.votes_IK[place]
        order = np.argsort(-votes_K, kind="stable")[:3]
        told = [f"{number_text(votes_K[k])} × {plain(fact.classes[k], 13)}" for k in order if votes_K[k]]
        true = plain(fact.classes[fact.true_I[place]], 16)
        axes.set_title(f"{true}\n" + "\n".join(told), fontsize=8, fontweight="normal", loc="center")
    heading(
        figure,
        f"The most disputed test images (above each its true class, then the votes of the {fact.networks} networks)",
    )
    return figure
