"""What every pixel of an image adds to the log-odds of a class: integrated gradients.

Letters: I images, M maps of an image, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._attributions import (
    Attributions,
    attributions_of,
    attributions_seconds,
    draw_attributions,
    gathered,
)
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import Sheet
from shoal.look._work import Work
from shoal.wording import percent

if TYPE_CHECKING:
    from shoal.results import Truth


@dataclass(frozen=True, eq=False)
class PixelContributions:
    """What pixels add to the log-odds of classes, which `odds_IM` are, and `mean_IM` at the mean image.

    What pixels add up to misses the difference of the two by `missed` of the sum of their sizes at most.
    """

    images: Attributions
    odds_IM: NDArray[np.float64]
    mean_IM: NDArray[np.float64]
    missed: float


def draw_contributions(fact: PixelContributions) -> Sheet:
    """The images, beside each what its pixels speak for and against."""
    whose = "of the class named, rightly"
    if fact.images.mistakes:
        whose = "of the class named, by mistake, and of the true one"
    title = f"{fact.images.name}: what pixels add to the log-odds {whose}"
    return draw_attributions(
        fact.images, title, ("integrated gradients", "speaks against it", "speaks for it")
    )


def caption(fact: PixelContributions) -> str:
    """What the numbers are, where they begin, and how exactly they add up."""
    colours = " Red, green and blue are added up." if fact.images.image_ICHW.shape[1] > 1 else ""
    return (
        "What each pixel adds to the log-odds of a class, on the straight way from the mean of the training images to"
        " this one: a pixel that is as usual adds nothing, and what is missing may speak, too. Colours end at the"
        " largest values of each image, dots mark what speaks against the class."
        f"{fact.images.scale}{colours} In brackets: the number of the test row. Pixels add up to what log-odds differ"
        f" by to within {percent(fact.missed, 2)} of the sum of their sizes."
    )


def words(fact: PixelContributions) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return f"What pixels of {fact.images.counted} add to the log-odds of classes."


def contributions_of(arrays: dict[str, NDArray[Any]], truth: Truth) -> Iterator[PixelContributions]:
    """Gather the images that were named rightly, then the mistakes, as far as there are any."""
    added_Q, size_Q = (
        part.sum(axis=(1, 2), dtype=np.float64) for part in (arrays["added"], np.abs(arrays["added"]))
    )
    off_Q = np.abs(added_Q - (arrays["answer"] - arrays["baseline"]))
    for images, place_IM in attributions_of(arrays, "added", truth):
        off, size = off_Q[place_IM], size_Q[place_IM]
        missed = float(np.divide(off, size, out=np.zeros_like(off), where=size > 0).max())
        yield PixelContributions(images, arrays["answer"][place_IM], arrays["baseline"][place_IM], missed)


def gather(subject: Subject) -> Iterator[Gathered]:
    """Images that were named rightly, then mistakes."""
    inside = subject.findings.inside
    if inside and inside.integrated:
        for fact in contributions_of(inside.integrated, subject.findings.truth):
            yield gathered(fact, fact.images, FIGURE)


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=42,
    name="33-delivered-integrated",
    title="Integrated gradients",
    caption=caption,
    gather=gather,
    draw=draw_contributions,
    words=words,
    works=(
        Work(
            "integrated gradients",
            "Sundararajan, Taly, Yan (2017): Axiomatic attribution for deep networks. ICML, 3319–3328.",
        ),
    ),
    seconds=attributions_seconds,
    photographs=True,
)
