"""How often a classifier is right at each level of its confidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLUE, GREY, SKY, Sheet, heading, plain, stacked
from shoal.results import BINS, CalibrationBins, calibration_bins
from shoal.wording import counted, percent


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often the predicted class is right at each level of confidence."""

    name: str
    bins: CalibrationBins
    repeats: int
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
    calibrated = calibration_bins(
        np.tile(true_V, repeats), probability_RVK.reshape(-1, classes), bins, weight
    )
    return Calibration(name, calibrated, repeats, weight_V is not None)


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
    below.set(xlabel="confidence: probability of the predicted class (%)")
    below.set(ylabel="weight of test rows" if calibration.weighted else "test rows")
    return figure


def _pooled(repeats: int) -> str:
    return f" ({repeats} networks together)" if repeats > 1 else ""


def words(fact: Calibration) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return f"Confidence against accuracy in {len(fact.bins.rows_M)} bins, over {counted(fact.repeats, 'network')}."


def gather(subject: Subject) -> Iterator[Gathered]:
    """The answers of a classifier, over all healthy repeats."""
    findings, group = subject.findings, subject.group
    if findings.classes and group.healthy:
        weight_V = findings.truth.test_weights
        answers = findings.true_classes, findings.predicted(group)
        yield Gathered(calibration(group.name, *answers, weight_V=weight_V))


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
    caption="Below the diagonal the network is surer than it is right, above it less sure.",
    gather=gather,
    draw=draw_calibration,
    words=words,
    seconds=seconds,
)
