"""What the channels of a convolutional layer make of images.

Letters: M images, C channels of an image, U channels of a layer, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import BAR, DOT, LABEL, PIXEL, SQUARE_INCH, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._mosaics import CLASS_NAME, MOST_CHANNELS, SIDE, color_ends, mosaic, number_columns, places
from shoal.look._paper import Panel, Sheet, beside, diverging, heading, plain, shades
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look._work import ZEILER_FERGUS
from shoal.wording import counted

_SHADE: Final = 65.0
"""Bytes of a dot: a mosaic of images is held twice."""


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What the channels of one layer make of M images; `labels` say which images. Zeiler and Fergus 2014."""

    name: str
    layer: str
    activation: str
    channels: int
    labels: tuple[str, ...]
    image_MCHW: NDArray[np.uint8]
    map_MUHW: NDArray[np.float64]


def feature_maps(
    name: str,
    layer: tuple[str, str, int],
    labels: Sequence[str],
    images: NDArray[np.uint8],
    maps: NDArray[Any],
) -> FeatureMaps:
    """Put images and their maps together; `layer` is its name, activation and number of channels."""
    shown = np.asarray(maps[:, :MOST_CHANNELS], np.float64)
    return FeatureMaps(name, *layer, tuple(labels), images, shown)


def maps_of_images(findings: RunFindings) -> list[FeatureMaps]:
    """Feature maps of the shown images, layer by layer."""
    inside, truth = findings.inside, findings.truth
    if not inside or not inside.maps:
        return []
    rows = inside.maps["rows"]
    labels = [f"{truth.classes[truth.y[row]]} ({row - truth.train_rows})" for row in rows.tolist()]
    maps = []
    for layer in findings.convolutions:
        described = (layer.name, layer.activation, layer.units)
        maps.append(
            feature_maps(DELIVERED, described, labels, inside.maps["images"], inside.maps[layer.name])
        )
    return maps


def draw_feature_maps(maps: FeatureMaps) -> Sheet:
    """The images at the left, beside each what every channel makes of it."""
    rows, columns = maps.map_MUHW.shape[:2]
    figure, (image_panel, map_panel) = beside((1, columns), _paper(rows, columns))
    mosaic(image_panel, maps.image_MCHW[:, None], cmap="gray", vmin=0, vmax=255)
    image_panel.set_yticks(places(rows), [plain(label, CLASS_NAME + 6) for label in maps.labels])
    image_panel.set_xticks([0.5], ["test\nimage"])
    image_panel.set_ylabel("class (number)")
    map_panel.set_yticks([])
    image = _activations(map_panel, maps.map_MUHW)
    number_columns(map_panel, columns)
    figure.colorbar(image, ax=map_panel, label="activation", aspect=25, pad=0.01)
    size = "{} × {}".format(*maps.map_MUHW.shape[2:])
    shown = counted(maps.channels, "channel")
    if columns < maps.channels:
        shown = f"the first {columns} of {shown}"
    heading(
        figure,
        f"{plain(maps.name)}: feature maps of {plain(maps.layer)}, {shown}, {size} pixels",
    )
    return figure


def _paper(rows: int, columns: int) -> tuple[float, float]:
    """Give width and height in inches of so many images and channels."""
    side = min(SIDE, 12 / columns, 18 / rows)
    return side * (columns + 1) + 3.2, side * rows + 1.4


def _activations(axes: Panel, map_MUHW: NDArray[np.float64]) -> Any:
    low, high = color_ends(map_MUHW)
    return mosaic(axes, map_MUHW[:, :, None], cmap=diverging() if low < 0 else shades(), vmin=low, vmax=high)


def words(fact: FeatureMaps) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return f"Feature maps of {fact.layer} for {counted(len(fact.labels), 'image')}: {', '.join(fact.labels)}."


def gather(subject: Subject) -> Iterator[Gathered]:
    """A picture a layer."""
    for maps in maps_of_images(subject.findings):
        name, title = f"34-delivered-{maps.layer}-maps", f"Feature maps of {maps.layer}"
        yield Gathered(maps, name, title)


def memory(extent: Extent) -> float:
    """Give the bytes of the widest layer: a row an image, a column a channel."""
    if not extent.convolutions:
        return 0.0
    columns = min(MOST_CHANNELS, max(layer.units for layer in extent.convolutions))
    wide, tall = _paper(extent.shown_images, columns)
    return _SHADE * SQUARE_INCH * wide * tall


def seconds(extent: Extent) -> float:
    """Give the seconds of its pictures, one a layer."""
    rows, seconds = extent.shown_images, 0.0
    for layer in extent.convolutions:
        columns = min(MOST_CHANNELS, layer.units)
        wide, tall = _paper(rows, columns)
        pixels = columns * rows * math.prod(layer.size)
        seconds += panels_seconds(1) + BAR + LABEL * rows + DOT * SQUARE_INCH * wide * tall + PIXEL * pixels
    return seconds


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=70,
    name="34-delivered-maps",
    title="Feature maps",
    caption=(
        "A map shows where in an image a channel finds what it looks for. A blank column is a channel that sees none."
    ),
    gather=gather,
    draw=draw_feature_maps,
    words=words,
    works=(ZEILER_FERGUS,),
    memory=memory,
    seconds=seconds,
    photographs=True,
)
