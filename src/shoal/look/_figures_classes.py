"""Pictures of a classifier: one drawing function a fact. Only places on paper are computed."""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.look._facts_classes import Calibration, Confusion, Mistakes
from shoal.look._figures import (
    BLACK,
    BLUE,
    GREY,
    SKY,
    Sheet,
    heading,
    panels,
    plain,
    shades,
    square_root_scale,
    stacked,
)
from shoal.look._notes import accuracy_said
from shoal.look._tables import percent

_MOST_NUMBERED: Final = 20
"""Confusion matrices of more classes show colours alone."""

_MOST_IMAGES: Final = 24
_IMAGES_IN_A_ROW: Final = 6
_NAME: Final = 12
"""Letters of a class name above an image."""

_FEWEST_PLACES: Final = 4
"""Fewer images leave places empty, so that the title has room."""

_SHARES: Final = (0, 1, 5, 10, 25, 50, 75, 100)


def draw_confusion(confusion: Confusion) -> Sheet:
    """Which class was predicted for which: colours are shares of the true class, numbers are rows."""
    classes = len(confusion.classes)
    side = min(3.4 + 0.52 * classes, 14)
    figure, (axes,) = panels(1, size=(side + 0.8, side))
    image = axes.imshow(100 * confusion.share_KK, cmap=shades(), norm=square_root_scale(100))
    figure.colorbar(image, ax=axes, label="share of the true class (%)", shrink=0.7, ticks=_SHARES)
    if classes <= _MOST_NUMBERED:
        for true, predicted in np.ndindex(confusion.count_KK.shape):
            dark = confusion.share_KK[true, predicted] > 0.35
            axes.text(
                predicted, true, f"{confusion.count_KK[true, predicted]:d}",
                ha="center", va="center", fontsize=9, color="white" if dark else BLACK,
            )  # fmt: skip
    step = max(1, -(-classes // 40))
    ticks = np.arange(0, classes, step)
    names = [plain(confusion.classes[number], 18) for number in ticks]
    axes.set_xticks(ticks, names, rotation=0 if max(map(len, names)) <= 4 else 90)
    axes.set_yticks(ticks, names)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set(xlabel="predicted class", ylabel="true class")
    heading(
        figure,
        f"{plain(confusion.name)}: {accuracy_said(confusion)}"
        + (f" (counts: all {confusion.repeats} together)" if confusion.repeats > 1 else ""),
    )
    return figure


def draw_calibration(calibration: Calibration) -> Sheet:
    """Accuracy at each level of confidence, over a histogram of the confidences."""
    figure, (axes, below) = stacked((3, 1), size=(7.2, 6.2))
    bins = calibration.bins
    full_M = bins.rows_M > 0
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.2, label="perfectly calibrated")
    axes.plot(
        100 * bins.confidence_M[full_M],
        100 * bins.accuracy_M[full_M],
        "o-",
        color=BLUE,
        label="these networks" if calibration.repeats > 1 else "this network",
    )
    axes.set(xlim=(0, 100), ylim=(-2, 102), ylabel="accuracy (%)")
    error = f"expected calibration error on test rows {percent(bins.error)}"
    heading(figure, f"{plain(calibration.name)}: {error}{_pooled(calibration.repeats)}")
    axes.legend(loc="upper left")
    below.bar(
        100 * bins.edges[:-1], bins.rows_M, width=100 * np.diff(bins.edges), align="edge",
        color=SKY, edgecolor="white",
    )  # fmt: skip
    below.set(xlabel="confidence: probability of the predicted class (%)", ylabel="test rows")
    return figure


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
    told = "the only mistake" if mistakes.wrong == 1 else f"{which} {mistakes.wrong:,} mistakes"
    heading(
        figure,
        f"{plain(mistakes.name)}: {told} on {mistakes.rows:,} test rows"
        " (true class → predicted class, each with its probability)",
    )
    return figure


def _pooled(repeats: int) -> str:
    return f" ({repeats} networks together)" if repeats > 1 else ""
