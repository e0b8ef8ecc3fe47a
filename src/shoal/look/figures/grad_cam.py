"""Where the last convolution sees a class: class activation maps by gradients (Grad-CAM).

Letters: I images, M maps of an image, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shoal.look._attributions import (
    Attributions,
    attributions_of,
    attributions_seconds,
    draw_attributions,
    gathered,
)
from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import Sheet
from shoal.look._work import Work
from shoal.wording import counted


@dataclass(frozen=True, eq=False)
class GradCam:
    """Class activation maps of a layer, enlarged to the images; its own have `pixels`; `silent` are blank."""

    layer: str
    pixels: str
    silent: int
    images: Attributions


def draw_grad_cam(fact: GradCam) -> Sheet:
    """The images, beside each where the class is seen in it."""
    whose = "the class named, rightly"
    if fact.images.mistakes:
        whose = "the class named, by mistake, and the true one"
    title = f"{fact.images.name}: where {fact.layer} sees {whose}"
    return draw_attributions(fact.images, title, ("Grad-CAM", "", "the most in the image"))


def caption(fact: GradCam) -> str:
    """What is summed up, how fine it is, and what is blank."""
    verb = "is" if fact.silent == 1 else "are"
    blank = f" {counted(fact.silent, 'map')} {verb} blank: nothing speaks for the class." * bool(fact.silent)
    return (
        f"Feature maps of {fact.layer}, the last convolution that has several places, summed up, each weighted by the"
        " mean gradient of the class’s output by it; what speaks against the class is left out. They are"
        f" {fact.pixels} pixels, enlarged to the image: they say about where, not which pixel. Colours end at the"
        f" largest value of each image.{fact.images.scale}{blank} In brackets: the number of the test row."
    )


def words(fact: GradCam) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return f"Where {fact.layer} sees the classes of {fact.images.counted}."


def gather(subject: Subject) -> Iterator[Gathered]:
    """Images that were named rightly, then mistakes."""
    inside = subject.findings.inside
    if not inside or not inside.grad_cam:
        return
    layer = next(layer for layer in subject.findings.convolutions if layer.name in inside.grad_cam)
    maps = inside.grad_cam[layer.name]
    for images, place_IM in attributions_of(inside.grad_cam, layer.name, subject.findings.truth):
        silent = int((maps[place_IM] == 0).all(axis=(2, 3)).sum())
        fact = GradCam(layer.name, "{} × {}".format(*layer.size), silent, images)
        yield gathered(fact, images, FIGURE)


def seconds(extent: Extent) -> float:
    """Give the seconds of its pictures."""
    return attributions_seconds(extent) if extent.convolutions else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=44,
    name="33-delivered-grad-cam",
    title="Grad-CAM",
    caption=caption,
    gather=gather,
    draw=draw_grad_cam,
    words=words,
    works=(
        Work(
            "Grad-CAM",
            "Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra (2017): Grad-CAM: Visual explanations from deep networks"
            " via gradient-based localization. ICCV, 618–626.",
        ),
    ),
    seconds=seconds,
    photographs=True,
)
