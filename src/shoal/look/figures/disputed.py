"""The test images that the networks of all folds disagree about most.

Letters: I images, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import SMALL_IMAGES, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import Sheet, heading, number_text, panels, plain
from shoal.look._run_findings import RunFindings
from shoal.results import vote_counts
from shoal.wording import counted

_IMAGES: Final = 18
_IMAGES_IN_A_ROW: Final = 6


@dataclass(frozen=True, eq=False)
class Disputed:
    """Images of the test rows that the networks disagree about most, and their votes (I, K), most disputed first."""

    classes: tuple[str, ...]
    networks: int
    image_ICHW: NDArray[np.uint8]
    true_I: NDArray[np.int64]
    votes_IK: NDArray[np.int64]


def disputed(
    classes: tuple[str, ...],
    true_V: NDArray[Any],
    probability_MVK: NDArray[Any],
    row_I: NDArray[np.int64],
    image_ICHW: NDArray[np.uint8],
) -> Disputed:
    """Say how the networks voted on the rows `row_I` (numbers into V), whose images are kept."""
    votes_IK = vote_counts(probability_MVK[:, row_I])
    return Disputed(classes, len(probability_MVK), image_ICHW, np.asarray(true_V)[row_I], votes_IK)


def ensemble_disputed(findings: RunFindings) -> Disputed | None:
    """Images that the networks disagree about most; None for tables, and where all agree."""
    ensemble, truth = findings.results.ensemble, findings.truth
    if ensemble is None or not len(ensemble.image_rows):
        return None
    rows = ensemble.image_rows - truth.train_rows
    return disputed(truth.classes, truth.y[truth.train_rows :], ensemble.test_MVK, rows, ensemble.images)


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
        votes = [
            f"{number_text(votes_K[k])} {'says' if votes_K[k] == 1 else 'say'} {plain(fact.classes[k], 12)}"
            for k in order
            if votes_K[k]
        ]
        true = plain(fact.classes[fact.true_I[place]], 16)
        axes.set_title(f"true: {true}\n" + "\n".join(votes), fontsize=8, fontweight="normal", loc="center")
    heading(
        figure,
        f"The most disputed test images, and what the {fact.networks} networks say of each",
    )
    return figure


def words(fact: Disputed) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return f"{counted(len(fact.true_I), 'test image')} that {fact.networks} networks disagree about most."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(0) + SMALL_IMAGES if extent.images and extent.folds else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.ENSEMBLE,),
    order=50,
    name="39-ensemble-disputed",
    title="Disputed test rows",
    caption=(
        "The networks divide on images between classes, badly drawn ones, and those unlike the training images."
    ),
    gather=single(ensemble_disputed),
    draw=draw_disputed,
    words=words,
    seconds=seconds,
    photographs=True,
)
