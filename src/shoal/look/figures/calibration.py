"""How often a classifier is right at each level of its confidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import (
    BLUE,
    GREY,
    SKY,
    TITLED,
    Sheet,
    heading,
    legend_above,
    number_text,
    plain,
    stacked,
    whole_numbers,
)
from shoal.results import BINS, CalibrationBins, bins_of, calibration_bins, wilson
from shoal.wording import counted, percent


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often the predicted class is right at each level of confidence.

    `low_M` and `high_M` are the ends of the 95 % interval of each bin's accuracy (Wilson), for other test rows: repeats
    answer the same rows, so that they count once, and weighted ones for as many as they are worth. NaN without rows.
    """

    name: str
    bins: CalibrationBins
    repeats: int
    low_M: NDArray[np.float64]
    high_M: NDArray[np.float64]
    weighted: bool = False


def calibration(
    name: str,
    true_V: NDArray[Any],
    probability_RVK: NDArray[Any],
    bins: int = BINS,
    weight_V: NDArray[np.float64] | None = None,
) -> Calibration:
    """Compare confidence with accuracy in `bins` bins of equal width, over all repeats; as many as `ece` has."""
    repeats, _, classes = probability_RVK.shape
    weight = None if weight_V is None else np.tile(weight_V, repeats)
    probability_NK = probability_RVK.reshape(-1, classes)
    calibrated = calibration_bins(np.tile(true_V, repeats), probability_NK, bins, weight)
    worth_M = calibrated.rows_M / repeats
    if weight is not None:
        square_M = np.bincount(bins_of(probability_NK, bins), weight**2, minlength=bins)
        worth_M = calibrated.rows_M**2 / np.maximum(square_M, np.finfo(float).tiny) / repeats
    ends = [
        wilson(share, worth) if worth > 0 else (np.nan, np.nan)
        for share, worth in zip(calibrated.accuracy_M.tolist(), worth_M.tolist(), strict=True)
    ]
    low_M, high_M = np.array(ends).T
    return Calibration(name, calibrated, repeats, low_M, high_M, weight_V is not None)


def draw_calibration(calibration: Calibration) -> Sheet:
    """Accuracy at each level of confidence, over a histogram of the confidences."""
    figure, (axes, below) = stacked((3, 1), size=(7.2, 6.2))
    bins = calibration.bins
    full_M = bins.rows_M > 0
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.2, label="perfectly calibrated")
    accuracy_M = bins.accuracy_M[full_M]
    reach = np.abs(np.stack((calibration.low_M[full_M], calibration.high_M[full_M])) - accuracy_M)
    axes.errorbar(
        100 * bins.confidence_M[full_M], 100 * accuracy_M, yerr=100 * reach, fmt="o", color=BLUE,
        elinewidth=1.2, capsize=3, clip_on=False, label=f"{_networks(calibration.repeats)}, with 95 % intervals",
    )  # fmt: skip
    axes.set(xlim=(0, 100), ylim=(-2, 102), ylabel="accuracy (%)")
    error = f"expected calibration error on test rows {percent(bins.error)}"
    heading(figure, f"{plain(calibration.name, TITLED)}: {error}{_pooled(calibration.repeats)}")
    legend_above(axes)
    below.bar(
        100 * bins.edges[:-1], bins.rows_M, width=100 * np.diff(bins.edges), align="edge",
        color=SKY, edgecolor="white",
    )  # fmt: skip
    for middle, rows in zip(100 * (bins.edges[:-1] + bins.edges[1:]) / 2, bins.rows_M, strict=True):
        if rows:
            below.text(middle, rows, number_text(float(f"{rows:.4g}")), ha="center", va="bottom", fontsize=8)
    below.margins(y=0.25)
    if not calibration.weighted:
        whole_numbers(below.yaxis)
    below.set(xlabel="confidence: probability of the predicted class (%)")
    below.set(ylabel="weight of test rows" if calibration.weighted else "test rows")
    return figure


def _networks(repeats: int) -> str:
    return "these networks" if repeats > 1 else "this network"


def _pooled(repeats: int) -> str:
    return f" ({repeats} networks together)" if repeats > 1 else ""


def words(fact: Calibration) -> str:
    """Say it in a sentence, with its few telling numbers."""
    full = int((fact.bins.rows_M > 0).sum())
    apart = (fact.low_M > fact.bins.confidence_M) | (fact.high_M < fact.bins.confidence_M)
    return (
        f"Confidence against accuracy over {counted(fact.repeats, 'network')}: {counted(full, 'bin')} with rows, in"
        f" {int(apart.sum())} of which the confidence lies outside of the 95 % interval of the accuracy."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The answers of a classifier, over all healthy repeats."""
    findings, group = subject.findings, subject.group
    if findings.classes and group.healthy:
        weight_V = findings.truth.test_weights
        answers = findings.true_classes, findings.predicted(group)
        yield Gathered(calibration(group.titled, *answers, weight_V=weight_V))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(2) if extent.classes else 0.0


FIGURE: Final = Figure(
    chapters=(
        Chapter.TESTED,
        Chapter.COMPARED,
    ),
    order=30,
    name="calibration",
    title="Calibration",
    caption=(
        "Below the diagonal the network is surer than it is right, above it less sure. The number of rows stands above"
        " each bar; where they are few, the interval is wide, and the point says little."
    ),
    gather=gather,
    draw=draw_calibration,
    words=words,
    seconds=seconds,
)
