"""Which class was predicted for which.

Letters: R repeats, V rows, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import BAR, DOT, LABEL, SQUARE_INCH, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import BLACK, TITLED, Sheet, heading, panels, plain, shades, square_root_scale
from shoal.look._run_findings import NetworkGroup, RunFindings
from shoal.results import confusion_matrix
from shoal.wording import percent

_MOST_NUMBERED: Final = 20
"""Confusion matrices of more classes show colours alone."""
_MOST_RATED: Final = 10
"""Of no more classes the share of the true class stands under each number."""
_MOST_NAMED: Final = 40
"""Classes named at a side, at most; of more, every second, third ..."""
_BAR_WIDTH: Final = 0.8
"""Inches of the bar of colours."""
_SHADE: Final = 35.0
"""Bytes of a dot of a map of colours: its value, its masks, four channels as float64."""
_NUMBER_SECONDS: Final = 0.0012
"""Of a number written into the map."""
_CELL_SECONDS: Final = 3e-7
_SHARES: Final = (0, 1, 5, 10, 25, 50, 75, 100)


@dataclass(frozen=True, eq=False)
class Confusion:
    """Rows of class i predicted as class j, over R networks: `count_KK`, and `share_KK` of class i (NaN: no rows).

    `test_accuracy`, weighted where rows are, is the mean of `test_accuracy_R`; `delivered`: the first network is the
    delivered one.
    """

    name: str
    classes: tuple[str, ...]
    count_KK: NDArray[np.int64]
    share_KK: NDArray[np.float64]
    test_accuracy: float
    repeats: int
    test_accuracy_R: NDArray[np.float64]
    delivered: bool = False


def confusion(
    name: str,
    classes: tuple[str, ...],
    true_V: NDArray[Any],
    probability_RVK: NDArray[Any],
    *,
    delivered: bool = False,
    weight_V: NDArray[np.float64] | None = None,
) -> Confusion:
    """Count which class was predicted for which, over all repeats; the predicted class is the most probable.

    Each row counts once, those of weight 0 not at all.
    """
    if weight_V is not None:
        true_V, probability_RVK, weight_V = (
            true_V[weight_V > 0], probability_RVK[:, weight_V > 0], weight_V[weight_V > 0],
        )  # fmt: skip
    repeats, predicted_V = len(probability_RVK), np.argmax(probability_RVK, axis=2).reshape(-1)
    true_V = np.tile(true_V, repeats)
    right_RV = (predicted_V == true_V).reshape(repeats, -1)
    accuracy_R = np.average(right_RV, axis=1, weights=weight_V)
    count_KK = confusion_matrix(true_V, predicted_V, len(classes))
    total_K = count_KK.sum(axis=1, keepdims=True)
    share_KK = np.divide(count_KK, total_K, out=np.full(count_KK.shape, np.nan), where=total_K > 0)
    accuracy = float(np.mean(right_RV) if weight_V is None else np.mean(accuracy_R))
    return Confusion(name, classes, count_KK, share_KK, accuracy, repeats, accuracy_R, delivered)


def confusion_of(findings: RunFindings, group: NetworkGroup) -> Confusion:
    """Which class was predicted for which, over all healthy repeats."""
    return confusion(
        group.titled,
        findings.truth.classes,
        findings.true_classes,
        findings.judged(group),
        delivered=group.delivered,
        weight_V=findings.truth.test_weights,
    )


def draw_confusion(confusion: Confusion) -> Sheet:
    """Which class was predicted for which: numbers are rows, shares under them and colours those of the true class."""
    classes = len(confusion.classes)
    side = _side(classes)
    figure, (axes,) = panels(1, size=(side + _BAR_WIDTH, side))
    image = axes.imshow(100 * confusion.share_KK, cmap=shades(), norm=square_root_scale(100))
    figure.colorbar(image, ax=axes, label="share of the true class (%)", shrink=0.7, ticks=_SHARES)
    if classes <= _MOST_NUMBERED:
        for true, predicted in np.ndindex(confusion.count_KK.shape):
            dark = confusion.share_KK[true, predicted] > 0.35
            count, share = confusion.count_KK[true, predicted], confusion.share_KK[true, predicted]
            rate = f"\n{percent(float(share), 0)}" if classes <= _MOST_RATED and count else ""
            axes.text(
                predicted, true, f"{count:d}{rate}",
                ha="center", va="center", fontsize=9, color="white" if dark else BLACK,
            )  # fmt: skip
    step = max(1, -(-classes // _MOST_NAMED))
    ticks = np.arange(0, classes, step)
    names = [plain(confusion.classes[number], 18) for number in ticks]
    axes.set_xticks(ticks, names, rotation=0 if max(map(len, names)) <= 4 else 90)
    axes.set_yticks(ticks, names)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set(xlabel="predicted class", ylabel="true class")
    heading(
        figure,
        f"{plain(confusion.name, TITLED)}: {accuracy_phrase(confusion)}"
        + (f" (counts: all {confusion.repeats} together)" if confusion.repeats > 1 else ""),
    )
    return figure


def _side(classes: int) -> float:
    """Give the inches of a side of the map."""
    return min(3.4 + 0.52 * classes, 14)


def accuracy_phrase(fact: Confusion) -> str:
    """Say the test accuracy, and of how many networks it is the mean."""
    text = f"test accuracy {percent(fact.test_accuracy)}"
    if fact.repeats == 1:
        return text
    text += f", the mean of {fact.repeats} networks"
    return (
        f"{text}; the delivered one’s is {percent(float(fact.test_accuracy_R[0]))}"
        if fact.delivered
        else text
    )


def words(fact: Confusion) -> str:
    """Say it in a sentence, with its few telling numbers."""
    wrong_KK = fact.count_KK * (1 - np.eye(len(fact.classes), dtype=np.int64))
    if not wrong_KK.any():
        return f"{fact.name}: every test row is taken for its own class."
    true, taken = (fact.classes[k] for k in np.unravel_index(wrong_KK.argmax(), wrong_KK.shape))
    return f"{accuracy_phrase(fact)}; the most frequent mistake takes {true} for {taken}."


def gather(subject: Subject) -> Iterator[Gathered]:
    """The answers of a classifier."""
    if subject.findings.classes and subject.group.healthy:
        yield Gathered(confusion_of(subject.findings, subject.group))


def memory(extent: Extent) -> float:
    """Give the bytes of its map, whose side grows with the classes."""
    side = _side(extent.classes)
    return _SHADE * SQUARE_INCH * side * (side + _BAR_WIDTH) if extent.classes else 0.0


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, of the answers behind it, and of its numbers."""
    classes = extent.classes
    if not classes:
        return 0.0
    answers = VALUE * extent.tested * extent.repeats * extent.dataset.outputs
    numbered = _NUMBER_SECONDS * (classes**2 if classes <= _MOST_NUMBERED else 0)
    names = LABEL * 2 * min(_MOST_NAMED, classes)
    dots = SQUARE_INCH * _side(classes) * (_side(classes) + _BAR_WIDTH)
    return panels_seconds(1) + BAR + numbered + names + DOT * dots + answers + _CELL_SECONDS * classes**2


FIGURE: Final = Figure(
    chapters=(
        Chapter.TESTED,
        Chapter.COMPARED,
    ),
    order=20,
    name="confusion",
    title="Confusion of classes",
    caption="Each row is a true class: off the diagonal stand the mistakes.",
    gather=gather,
    draw=draw_confusion,
    words=words,
    memory=memory,
    seconds=seconds,
)
