"""Images that the delivered network is surest about and wrong.

Letters: M images of C channels, height H and width W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import named_classes
from shoal.look._extent import SMALL_IMAGES, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import Sheet, heading, panels, plain
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted, percent

_MOST_IMAGES: Final = 24
_IMAGES_IN_A_ROW: Final = 6
_NAME: Final = 12
"""Letters of a class name above an image."""
_FEWEST_PLACES: Final = 4
"""Fewer images leave places empty, so that the title has room."""


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Images of rows that a network took for another class, the surest first, all arrays (M, ...).

    `image_MCHW` is uint8 with 1 channel (grey) or 3; `of_true_M` and `of_predicted_M` are the probabilities
    of the two classes. They are the surest of `wrong` mistakes on `rows` rows.
    """

    name: str
    classes: tuple[str, ...]
    image_MCHW: NDArray[np.uint8]
    true_M: NDArray[np.int64]
    predicted_M: NDArray[np.int64]
    of_true_M: NDArray[np.float64]
    of_predicted_M: NDArray[np.float64]
    wrong: int
    rows: int


def mistakes(
    name: str,
    classes: tuple[str, ...],
    true_V: NDArray[Any],
    answers: tuple[NDArray[Any], NDArray[np.int64]],
    row_M: NDArray[np.int64],
    image_MCHW: NDArray[np.uint8],
) -> Mistakes:
    """Say what the rows `row_M` (numbers into V), whose images are kept, were taken for, and how surely; `answers` are
    probabilities and the classes named.
    """
    probability_VK, predicted_V = answers
    true_M, predicted_M = np.asarray(true_V)[row_M], predicted_V[row_M]
    return Mistakes(
        name, classes, image_MCHW, true_M, predicted_M,
        of_true_M=probability_VK[row_M, true_M], of_predicted_M=probability_VK[row_M, predicted_M],
        wrong=int(np.sum(predicted_V != true_V)), rows=len(true_V),
    )  # fmt: skip


def mistakes_of(findings: RunFindings) -> Mistakes | None:
    """Images that the delivered network is surest about and wrong; None for a table, or without mistakes."""
    truth = findings.truth
    if not len(truth.image_rows) or not findings.delivered.healthy:
        return None
    probability_VK = findings.predicted(findings.delivered)[0]
    answers = probability_VK, named_classes(probability_VK, findings.results.decision)
    place_M = truth.image_rows - truth.train_rows
    return mistakes(DELIVERED, truth.classes, findings.true_classes, answers, place_M, truth.images)


def draw_mistakes(mistakes: Mistakes) -> Sheet:
    """Images of the surest mistakes: above each its true class, then the predicted one, with probabilities."""
    shown = min(len(mistakes.image_MCHW), _MOST_IMAGES)
    figure, grid = panels(max(shown, _FEWEST_PLACES), columns=_IMAGES_IN_A_ROW, size=(1.75, 2.15))
    for axes in grid:
        axes.set_axis_off()
    for place, axes in enumerate(grid[:shown]):
        pixels_HWC = mistakes.image_MCHW[place].transpose(1, 2, 0)
        axes.imshow(pixels_HWC, cmap="gray", vmin=0, vmax=255)
        true = plain(mistakes.classes[mistakes.true_M[place]], _NAME)
        predicted = plain(mistakes.classes[mistakes.predicted_M[place]], _NAME)
        axes.set_title(
            f"{true} ({percent(mistakes.of_true_M[place])})\n"
            f"→ {predicted} ({percent(mistakes.of_predicted_M[place])})",
            fontsize=8, fontweight="normal", loc="center",
        )  # fmt: skip
    which = "all" if shown == mistakes.wrong else f"the {shown} surest of"
    subject = "the only mistake" if mistakes.wrong == 1 else f"{which} {counted(mistakes.wrong, 'mistake')}"
    heading(
        figure,
        f"{plain(mistakes.name)}: {subject} on {counted(mistakes.rows, 'test row')}"
        " (true class → predicted class, each with its probability)",
    )
    return figure


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(0) + SMALL_IMAGES if extent.images else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=40,
    name="33-delivered-mistakes",
    title="Surest mistakes",
    caption=(
        "The mistakes of which the network is surest: doubtful labels stand here,"
        " and pictures unlike those it learned from."
    ),
    gather=single(mistakes_of),
    draw=draw_mistakes,
    seconds=seconds,
    photographs=True,
)
