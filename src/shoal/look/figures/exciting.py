"""What excites every channel of a convolutional layer most.

Letters: C channels of an image, U channels of a layer, T most exciting images, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import BAR, DOT, PIXEL, SQUARE_INCH, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._mosaics import IN_A_ROW, MOST_CHANNELS, SIDE, mosaic, places, short_number
from shoal.look._paper import Sheet, heading, panels, plain
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look._work import ZEILER_FERGUS, Work
from shoal.look.figures.class_activation import class_activation, of_sample
from shoal.nets import ConvLayer, dead_units, seen_by
from shoal.wording import counted


@dataclass(frozen=True, eq=False)
class Exciting:
    """Of each channel of one layer, of the test images looked at, those that excite it most, strongest first, and an
    image made to.

    An image excites a channel by the largest value of its feature map. Test images: Zeiler and Fergus 2014,
    "Visualizing and understanding convolutional networks"; made images: Erhan et al. 2009, Olah et al. 2017.
    `row_UT` are numbers of test images, from 0; they say nothing of a channel that is dead on all of them, `dead_U`.
    Images are cut to the part that one unit of the channel sees, where that is less than the whole, `size`: the unit
    in the middle of made ones, the most excited one of test images. Numbers are bytes; NaN lies beyond an image.
    """

    name: str
    layer: str
    channels: int
    dead_U: NDArray[np.bool_]
    row_UT: NDArray[np.int64]
    activation_UT: NDArray[np.float64]
    made_activation_U: NDArray[np.float64]
    image_UTCHW: NDArray[np.float32]
    made_UCHW: NDArray[np.float32]
    size: tuple[int, int]

    @property
    def cut(self) -> bool:
        """Whether parts of images are shown."""
        return self.made_UCHW.shape[2:] != self.size


def exciting(
    name: str,
    layers: Sequence[ConvLayer],
    number: int,
    arrays: Mapping[str, NDArray[Any]],
    first_row: int,
) -> Exciting:
    """Put `arrays` of layer `number` together (see `Inside.channels`); test image 0 is row `first_row` of the data."""
    layer, (image_UTCHW, made_UCHW) = layers[number], (arrays["images"], arrays["made"])
    size = made_UCHW.shape[2:]
    if "peak" in arrays:  # results of old do not say where
        wide = layer.size[1]
        middle_U = np.full(len(made_UCHW), layer.size[0] // 2 * wide + wide // 2)
        image_UTCHW = _cut(image_UTCHW, arrays["peak"], layers, number)
        made_UCHW = _cut(made_UCHW, middle_U, layers, number)
    shown = len(made_UCHW)
    dead_U = dead_units(layer.activation, np.array([arrays["low"], arrays["high"]]))[:shown]
    strongest = (arrays["rows"] - first_row, arrays["activation"], arrays["made_activation"])
    return Exciting(name, layer.name, layer.units, dead_U, *strongest, image_UTCHW, made_UCHW, size)


def _cut(
    images: NDArray[np.uint8], unit: NDArray[np.int64], layers: Sequence[ConvLayer], number: int
) -> NDArray[np.float32]:
    """Cut images (..., C, H, W) to what each one's `unit` (...), a place in the flattened map of a layer, sees.

    An axis of which a unit sees no less than all stays whole.
    """
    parts = []
    for image_CHW, place in zip(
        images.reshape(-1, *images.shape[-3:]), unit.reshape(-1).tolist(), strict=True
    ):
        part = image_CHW.astype(np.float32)
        for axis, at in enumerate(divmod(place, layers[number].size[1])):
            first, last = seen_by(layers, number, at, axis)
            length, pixels = images.shape[axis - 2], np.arange(first, last + 1)
            if len(pixels) < length:
                part = np.take(part, pixels, axis=axis - 2, mode="clip")
                np.moveaxis(part, axis - 2, 0)[(pixels < 0) | (pixels >= length)] = np.nan
        parts.append(part)
    return np.array(parts).reshape(*images.shape[:-2], *parts[0].shape[1:])


def exciting_images(findings: RunFindings) -> list[Exciting]:
    """What excites each channel most, layer by layer."""
    inside = findings.inside
    if not inside or not inside.channels:
        return []
    pictures = []
    for number, layer in enumerate(findings.convolutions):
        parts = {
            name.removeprefix(f"{layer.name}/"): array
            for name, array in inside.channels.items()
            if name.startswith(f"{layer.name}/")
        }
        pictures.append(exciting(DELIVERED, findings.convolutions, number, parts, findings.truth.train_rows))
    return pictures


def draw_exciting(fact: Exciting) -> Sheet:
    """Below each other for every channel: the image made to excite it, then the test images that excite it most."""
    channels, images = fact.activation_UT.shape
    blocks = [range(start, min(start + IN_A_ROW, channels)) for start in range(0, channels, IN_A_ROW)]
    figure, grid = panels(
        len(blocks),
        columns=1,
        size=(max(7.2, 2.2 + SIDE * 1.15 * min(channels, IN_A_ROW)), 0.9 + SIDE * 1.15 * (images + 1)),
    )
    strongest = ["strongest test image", *(f"number {number}" for number in range(2, images + 1))]
    for axes, block in zip(grid, blocks, strict=True):
        chosen = np.array(block)
        tiles = np.concatenate((fact.made_UCHW[chosen, None], fact.image_UTCHW[chosen]), axis=1).astype(float)
        tiles[fact.dead_U[chosen], 1:] = np.nan
        mosaic(axes, tiles.swapaxes(0, 1), cmap="gray", vmin=0, vmax=255)
        axes.set_yticks(places(images + 1), ["made to excite", *strongest])
        names = [
            f"{u + 1}\n{short_number(fact.made_activation_U[u])}\n"
            f"{'dead' if fact.dead_U[u] else short_number(fact.activation_UT[u, 0])}"
            for u in block
        ]
        axes.set_xticks(places(len(block)), names, fontsize=8)
        axes.set_xlabel(
            "channel, its activation by the made image, and by the strongest test image", fontsize=9
        )
    shown = (
        f", the first {channels} of {counted(fact.channels, 'channel')}" if channels < fact.channels else ""
    )
    seen = f"; of each image what one unit sees, {_part(fact)}"
    heading(figure, f"{plain(fact.name)}: what excites {plain(fact.layer)} most{shown}{seen * fact.cut}")
    return figure


def _part(fact: Exciting) -> str:
    return "{} × {} of {} × {} pixels".format(*fact.made_UCHW.shape[2:], *fact.size)


def caption(fact: Exciting) -> str:
    """What to compare, and what is shown of each image."""
    text = (
        "A channel looks for what the image made to excite it and the test images that excite it most have in"
        " common."
    )
    if not fact.cut:
        return text
    return f"{text} Of each image the part is shown that one unit of the channel sees: {_part(fact)}."


def words(fact: Exciting) -> str:
    """Say it in a sentence, with its few telling numbers."""
    alive = ~fact.dead_U
    beaten = int((fact.made_activation_U > fact.activation_UT[:, 0])[alive].sum())
    return (
        f"{fact.layer}: the made image excites {beaten} of {counted(int(alive.sum()), 'living channel')}"
        " more than any test image."
    )


_BLOCK_HEIGHT: Final = 4.5
"""Inches of a row of channels with as many images as a run keeps of each."""
WORKS: Final = (
    ZEILER_FERGUS,
    Work(
        "images made to excite a channel",
        "Erhan, Bengio, Courville, Vincent (2009): Visualizing higher-layer features of a deep network."
        " University of Montreal, TR 1341.",
    ),
    Work(
        "jitter and smoothness of these images",
        "Olah, Mordvintsev, Schubert (2017): Feature visualization. Distill. doi:10.23915/distill.00007.",
    ),
)


def gather(subject: Subject) -> Iterator[Gathered]:
    """A picture a layer."""
    looked_at = of_sample(class_activation(subject.findings))
    for strongest in exciting_images(subject.findings):
        name = f"34-delivered-{strongest.layer}-exciting"
        title = f"Images that excite channels of {strongest.layer} most"
        yield Gathered(strongest, name, title, looked_at)


def seconds(extent: Extent) -> float:
    """Give the seconds of its pictures, one a layer."""
    pixels, seconds = math.prod(extent.network.input_shape), 0.0
    for layer in extent.convolutions:
        channels = min(MOST_CHANNELS, layer.units)
        wide = max(7.2, 2.2 + 0.71 * min(channels, IN_A_ROW))
        inches = wide * _BLOCK_HEIGHT * -(-channels // IN_A_ROW)
        seconds += panels_seconds(1) + BAR + DOT * SQUARE_INCH * inches + PIXEL * channels * 5 * pixels
    return seconds


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=80,
    name="34-delivered-exciting",
    title="Images that excite channels most",
    caption=caption,
    gather=gather,
    draw=draw_exciting,
    words=words,
    works=WORKS,
    seconds=seconds,
    photographs=True,
)
