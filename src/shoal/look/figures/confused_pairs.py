"""Which classes are taken for which most often, with images of such mistakes where they are kept.

Letters: P pairs, K classes, M images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import LABEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import VERMILLION, Sheet, heading, image_beside, panels, plain, whole_numbers
from shoal.look._run_findings import DELIVERED
from shoal.look._tested_rows import tested_rows
from shoal.wording import counted, percent

_MOST: Final = 10
_EXAMPLES: Final = 6
"""Images, or numbers of rows, of a pair, at most: those of the surest mistakes."""
_IMAGE_SECONDS: Final = 0.004
_ROW: Final = 0.62
"""Inches of a pair."""


@dataclass(frozen=True, eq=False)
class Pair:
    """So many `rows` of class `true` are named `named`: the `share` of the rows of that class.

    `example_M` are the surest of them, counted from the first test row. `image_MCHW` (uint8) are those of the surest
    whose images are kept.
    """

    true: str
    named: str
    rows: int
    share: float
    example_M: NDArray[np.int64]
    image_MCHW: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ConfusedPairs:
    """The pairs that are confused most often, of `kinds` of such mistakes; `wrong` rows of `rows` are mistakes."""

    name: str
    rows: int
    wrong: int
    kinds: int
    pairs: tuple[Pair, ...]


def confused_pairs(
    name: str,
    classes: tuple[str, ...],
    truth: tuple[NDArray[Any], NDArray[np.int64]],
    answer_VK: NDArray[Any],
    images: tuple[NDArray[np.int64], NDArray[np.uint8]],
) -> ConfusedPairs | None:
    """Count pairs; `truth` are true classes and numbers of the rows, `images` numbers of rows and their pictures.

    None without mistakes. Of equally frequent pairs the first class stands first.
    """
    true_V, row_V = truth
    image_rows, image_MCHW = images
    named_V = answer_VK.argmax(axis=1)
    wrong_V = np.flatnonzero(named_V != true_V)
    if not len(wrong_V):
        return None
    count = len(classes)
    pair_V = np.asarray(true_V[wrong_V], np.int64) * count + named_V[wrong_V]
    numbers, rows = np.unique(pair_V, return_counts=True)
    of_class_K = np.bincount(np.asarray(true_V, np.int64), minlength=count)
    place_of = {int(row): place for place, row in enumerate(image_rows)}
    pairs = []
    for place in np.argsort(-rows, kind="stable")[:_MOST].tolist():
        true, named = divmod(int(numbers[place]), count)
        of_pair = wrong_V[pair_V == numbers[place]]
        of_pair = of_pair[np.argsort(-answer_VK[of_pair, named], kind="stable")]
        seen = [place_of[row] for row in row_V[of_pair].tolist() if row in place_of][:_EXAMPLES]
        pairs.append(
            Pair(
                classes[true], classes[named], int(rows[place]), float(rows[place] / of_class_K[true]),
                row_V[of_pair[:_EXAMPLES]], image_MCHW[seen],
            )
        )  # fmt: skip
    return ConfusedPairs(name, len(true_V), len(wrong_V), len(numbers), tuple(pairs))


def draw_pairs(fact: ConfusedPairs) -> Sheet:
    """A bar a pair, with its images to the right."""
    count = len(fact.pairs)
    most = max(len(pair.image_MCHW) for pair in fact.pairs)
    size = (7.4 + 0.7 * most, 1.6 + (_ROW if most else 0.4) * count)
    figure, (axes,) = panels(1, size=size)
    rows = [pair.rows for pair in fact.pairs]
    axes.barh(range(count), rows, height=0.6, color=VERMILLION)
    top = max(rows)
    for place, pair in enumerate(fact.pairs):
        said = f"{pair.rows:,} ({percent(pair.share)})"
        axes.text(pair.rows + 0.02 * top, place, said, va="center", fontsize=9)
        for number, pixels_CHW in enumerate(pair.image_MCHW):
            image_beside(axes, pixels_CHW, number, place)
    names = [f"{plain(pair.true, 20)} → {plain(pair.named, 20)}" for pair in fact.pairs]
    axes.set_yticks(range(count), names)
    axes.set(
        ylim=(count - 0.4, -0.6), xlim=(0, 1.3 * top), xlabel="test rows (and their share of the true class)"
    )
    whole_numbers(axes.xaxis)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    which = (
        f"the {count} most frequent of {counted(fact.kinds, 'kind')}" if count < fact.kinds else "all kinds"
    )
    heading(
        figure,
        f"{plain(fact.name)}: {which} of mistake, true class → named class;"
        f" {fact.wrong:,} of {counted(fact.rows, 'test row')} are wrong",
    )
    return figure


def caption(fact: ConfusedPairs) -> str:
    """What to see, and what the images are."""
    text = "Pairs that stand high both ways are hard to tell apart; one way alone, one class draws rows of the other."
    if any(len(pair.image_MCHW) for pair in fact.pairs):
        text += " The images beside a pair are those of the surest mistakes, of which the run keeps some."
    return text


def words(fact: ConfusedPairs) -> str:
    """Say it in a sentence, with its few telling numbers."""
    first = fact.pairs[0]
    return (
        f"{first.true} is taken for {first.named} most often: on {counted(first.rows, 'test row')},"
        f" {percent(first.share)} of its own."
    )


def gather(subject: Subject) -> Iterator[Gathered]:
    """The mistakes of the delivered network among three classes or more."""
    findings, truth = subject.findings, subject.findings.truth
    tested = tested_rows(findings, subject.group) if len(truth.classes) > 2 else None
    if tested is None:
        return
    images = truth.image_rows - truth.train_rows, truth.images
    known = tested.true_V, tested.row_V
    fact = confused_pairs(DELIVERED, truth.classes, known, tested.answer_RVK[0], images)
    if fact is not None:
        yield Gathered(fact)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, of its names and images, and of the answers behind it."""
    if extent.classes <= 2:
        return 0.0
    pairs = min(_MOST, extent.classes * (extent.classes - 1))
    images = _IMAGE_SECONDS * _EXAMPLES * pairs * extent.images
    return panels_seconds(1) + 2 * LABEL * pairs + images + VALUE * extent.tested * extent.dataset.outputs


FIGURE: Final = Figure(
    chapters=(Chapter.TESTED,),
    order=22,
    name="confused",
    title="Classes confused most",
    caption=caption,
    gather=gather,
    draw=draw_pairs,
    words=words,
    seconds=seconds,
    photographs=True,
)
