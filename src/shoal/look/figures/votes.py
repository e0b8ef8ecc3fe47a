"""How many networks of all folds vote against the majority, and how often the ensemble is wrong then.

Letters: M networks, V test rows, K classes, L levels of disagreement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import SKY, VERMILLION, Sheet, heading, stacked, whole_numbers
from shoal.look._run_findings import RunFindings
from shoal.results import vote_counts, vote_entropy
from shoal.wording import percent

_NUMBERED: Final = 9
"""Up to so many bars have their numbers above them."""


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How many of M networks vote against the majority on each test row, and how often the ensemble is wrong there.

    `against_V` is the share not voting for the majority class, `entropy_V` the entropy of the votes in nats,
    `wrong_V` whether the ensemble (the mean probability) is wrong. By level of `against_L`: `rows_L` test rows,
    `wrong_L` of them wrong.
    """

    networks: int
    against_V: NDArray[np.float64]
    entropy_V: NDArray[np.float64]
    wrong_V: NDArray[np.bool_]
    against_L: NDArray[np.float64]
    rows_L: NDArray[np.int64]
    wrong_L: NDArray[np.int64]


def disagreement(true_V: NDArray[Any], probability_MVK: NDArray[Any]) -> Disagreement:
    """Count votes against the majority; each network votes for its most probable class."""
    votes_VK, networks = vote_counts(probability_MVK), len(probability_MVK)
    against = networks - votes_VK.max(axis=1)
    wrong_V = probability_MVK.mean(axis=0).argmax(axis=1) != true_V
    level = np.arange(against.max(initial=0) + 1)
    return Disagreement(
        networks=networks,
        against_V=against / networks,
        entropy_V=vote_entropy(probability_MVK),
        wrong_V=wrong_V,
        against_L=level / networks,
        rows_L=np.bincount(against, minlength=len(level)),
        wrong_L=np.bincount(against[wrong_V], minlength=len(level)),
    )


def ensemble_disagreement(findings: RunFindings) -> Disagreement | None:
    """How many networks vote against the majority, test row by test row; None for a regression."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or not findings.classes:
        return None
    return disagreement(truth.y[truth.train_rows :], ensemble.test_MVK)


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
        ylim=(0, 1.18 * top),
        ylabel="test rows",
        xlabel=f"networks that disagree with the most frequent answer (of {fact.networks})",
    )
    for axis in (below.xaxis, below.yaxis):
        whole_numbers(axis)
    if len(places) <= _NUMBERED:
        below.set_xticks(places)
        for place, (share, rows) in enumerate(zip(wrong.tolist(), fact.rows_L.tolist(), strict=True)):
            below.text(place, rows + 0.03 * top, f"{rows:,}", ha="center", fontsize=9)
            if rows:
                label = f"{percent(share / 100)}\n({fact.wrong_L[place]:,})"
                axes.text(place, share + 2, label, ha="center", fontsize=9)
    for panel in (axes, below):
        panel.grid(visible=False, axis="x")
    agreed = percent(float(fact.rows_L[0] / fact.rows_L.sum()))
    heading(
        figure,
        f"{_all(fact)} networks of the chosen candidate agree on {agreed} of the test rows",
    )
    return figure


def _all(fact: Disagreement) -> str:
    return "Both" if fact.networks == 2 else f"All {fact.networks}"


def words(fact: Disagreement) -> str:
    """Say it in a sentence, with its few telling numbers."""
    agreed = percent(float(fact.rows_L[0] / fact.rows_L.sum()))
    return f"{_all(fact)} networks agree on {agreed} of the test rows."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    answers = extent.tested * extent.members * extent.dataset.outputs
    return panels_seconds(1) + VALUE * answers if extent.folds and extent.classes else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.ENSEMBLE,),
    order=40,
    name="38-ensemble-votes",
    title="Votes of the ensemble",
    caption=(
        "Networks that vote against each other: the more do, the more often the ensemble should be wrong."
    ),
    gather=single(ensemble_disagreement),
    draw=draw_disagreement,
    words=words,
    seconds=seconds,
)
