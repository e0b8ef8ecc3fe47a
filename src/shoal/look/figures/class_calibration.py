"""How often a row is of a class, at each level of the probability that the network gives it.

Letters: M bins of probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLUE, GREY, Sheet, heading, panels, plain
from shoal.look._run_findings import DELIVERED
from shoal.look._tested_rows import tested_rows
from shoal.results import wilson
from shoal.wording import percent

BINS: Final = 10
_MOST: Final = 8
"""Classes that are drawn, at most: those of the largest error."""


@dataclass(frozen=True, eq=False)
class ClassCalibration:
    """Rows by their probability of one class or label, in M bins of equal width, (0, 1/M] the first; 0 belongs to it.

    `rows_M` counts them, `probability_M` and `share_M` are weighted means of the probability and of being of the class;
    `low_M` and `high_M` end the 95 % interval of the share (Wilson), for as many rows as weights are worth. NaN where a
    bin has no rows. `error` is the mean over rows of their bin's gap between the two.
    """

    of: str
    rows_M: NDArray[np.int64]
    probability_M: NDArray[np.float64]
    share_M: NDArray[np.float64]
    low_M: NDArray[np.float64]
    high_M: NDArray[np.float64]
    error: float


def class_calibration(
    of: str,
    true_V: NDArray[np.bool_],
    probability_V: NDArray[Any],
    weight_V: NDArray[np.float64] | None = None,
) -> ClassCalibration:
    """Hold probabilities of a class against how often rows are of it."""
    place_V = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probability_V, side="left")
    own_V = np.ones(len(true_V)) if weight_V is None else weight_V / weight_V.max()
    rows_M = np.bincount(place_V, minlength=BINS)
    sum_M, square_M, probability_M, share_M = (
        np.asarray(np.bincount(place_V, values, minlength=BINS), np.float64)
        for values in (own_V, own_V**2, own_V * probability_V, own_V * true_V)
    )
    full_M = rows_M > 0
    for values in (probability_M, share_M):
        np.divide(values, sum_M, out=values, where=full_M)
        values[~full_M] = np.nan
    ends = np.full((2, BINS), np.nan)
    for m in np.flatnonzero(full_M):
        ends[:, m] = wilson(min(float(share_M[m]), 1.0), float(sum_M[m] ** 2 / square_M[m]))
    gap_M = np.abs(share_M - probability_M)[full_M]
    error = float((gap_M * sum_M[full_M]).sum() / sum_M.sum())
    low_M, high_M = ends
    return ClassCalibration(of, rows_M, probability_M, share_M, low_M, high_M, error)


@dataclass(frozen=True, eq=False)
class ClassCalibrations:
    """Calibration of every class or label that is looked at; of two classes that of the positive one."""

    name: str
    noun: str
    classes: tuple[ClassCalibration, ...]

    @property
    def shown(self) -> Sequence[ClassCalibration]:
        """Those that are drawn: of many those of the largest error, in their own order."""
        if len(self.classes) <= _MOST:
            return self.classes
        largest = np.argsort([-one_class.error for one_class in self.classes], kind="stable")[:_MOST]
        return [self.classes[k] for k in np.sort(largest)]


def draw_calibrations(fact: ClassCalibrations) -> Sheet:
    """A panel a class: dots with intervals, the number of rows beside each."""
    shown = fact.shown
    single = len(shown) == 1
    figure, grid = panels(len(shown), columns=4, size=(6.4, 5.2) if single else (3.1, 3.1))
    for axes, own in zip(grid, shown, strict=True):
        full_M = own.rows_M > 0
        probability, share, low, high = (
            100 * values[full_M] for values in (own.probability_M, own.share_M, own.low_M, own.high_M)
        )
        axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.0)
        axes.vlines(probability, low, high, color=BLUE, linewidth=1.2)
        axes.scatter(probability, share, s=22, color=BLUE, linewidths=0, zorder=3)
        if single:
            for x, top, rows in zip(probability, high, own.rows_M[full_M].tolist(), strict=True):
                axes.text(x, top + 2, f"{rows:,}", ha="center", va="bottom", fontsize=8)
        axes.set(
            xlim=(-4, 104),
            ylim=(-4, 112 if single else 104),
            xticks=range(0, 101, 25),
            yticks=range(0, 101, 25),
        )
        axes.set_title(f"{plain(own.of, 18)}: error {percent(own.error)}", fontsize=9, fontweight="normal")
        if axes in grid[::4]:
            axes.set_ylabel(f"rows of the {fact.noun} (%)")
        if len(grid) - grid.index(axes) <= 4:
            axes.set_xlabel("probability (%)")
    what = f"one {fact.noun}" if single else f"{fact.noun} by {fact.noun}"
    heading(figure, f"{plain(fact.name)}: calibration, {what}")
    return figure


def caption(fact: ClassCalibrations) -> str:
    """What the marks are, and which classes are left out."""
    text = (
        "Dots on the diagonal: of rows with this probability as many are of it; lines are 95 % intervals, wide where"
        " rows are few."
    )
    more = len(fact.classes) - len(fact.shown)
    plural = "classes" if fact.noun == "class" else "labels"
    return text + (
        f" The {_MOST} {plural} of the largest error are drawn, {more:,} more are not." if more else ""
    )


def words(fact: ClassCalibrations) -> str:
    """Say it in a sentence, with its few telling numbers."""
    worst = max(fact.classes, key=lambda own: own.error)
    mean = f"calibration error {percent(worst.error)} of {worst.of}"
    if len(fact.classes) == 1:
        return f"{mean[0].upper()}{mean[1:]}."
    return f"The largest {mean}, the smallest {percent(min(own.error for own in fact.classes))}."


def gather(subject: Subject) -> Iterator[Gathered]:
    """The delivered network's probabilities of every class or label."""
    findings, truth = subject.findings, subject.findings.truth
    tested = None if findings.numbers else tested_rows(findings, subject.group)
    if tested is None:
        return
    names, answer_VK = truth.classes or truth.target_names, tested.answer_RVK[0]
    numbers = [truth.positive] if len(truth.classes) == 2 else range(len(names))
    parts = []
    for k in numbers:
        true_V = tested.true_V[:, k] if findings.labels else tested.true_V == k
        parts.append(class_calibration(names[k], true_V, answer_VK[:, k], tested.weight_V))
    yield Gathered(ClassCalibrations(DELIVERED, "label" if findings.labels else "class", tuple(parts)))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    several = extent.classes or extent.labels
    if not several:
        return 0.0
    shown = 1 if several == 2 and extent.classes else min(several, _MOST)
    return panels_seconds(shown) + VALUE * extent.tested * several


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=31,
    name="calibration-by-class",
    title="Calibration of each class",
    caption=caption,
    gather=gather,
    draw=draw_calibrations,
    words=words,
    seconds=seconds,
)
