"""What the channels of the convolutions make of an image, epoch by epoch.

Letters: S snapshots, M images, U channels, C channels of an image, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure, single
from shoal.look._film import Film, Floats, Tiles, on_one_scale
from shoal.look._film_sheet import draw_film, film_seconds
from shoal.look._layers import MOST_LAYERS
from shoal.look._mosaics import color_ends, numbers
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted


def moving_maps(
    layer: str,
    labels: Sequence[str],
    images_MCHW: NDArray[np.uint8],
    byte_SMUHW: NDArray[np.uint8],
    ends_S2: Floats,
) -> Tiles:
    """Lay feature maps of one layer out on one scale of all epochs, a row an image, which stands before its maps."""
    low, high = color_ends(np.asarray(ends_S2, np.float64))
    byte = on_one_scale(byte_SMUHW, ends_S2, low, high)
    columns = tuple(numbers(byte.shape[2]))
    images: NDArray[Any] = images_MCHW.transpose(0, 2, 3, 1)
    return Tiles(f"maps of {layer}", tuple(labels), columns, low, high, 0, byte, images)


def maps_of_layers(findings: RunFindings) -> Film | None:
    """The feature maps of the delivered network at its snapshots, layer by layer."""
    inside, truth = findings.inside, findings.truth
    if not inside or "images" not in inside.frames:
        return None
    frames = inside.frames
    labels = [truth.classes[truth.y[row]] for row in frames["image_rows"].tolist()]
    panels = tuple(
        moving_maps(name, labels, frames["images"], frames[f"{name}/maps"], frames[f"{name}/maps_ends"])
        for name in (layer.name for layer in findings.convolutions[:MOST_LAYERS])
    )
    return Film(DELIVERED, inside.history["epoch"], panels)


def words(film: Film) -> str:
    """Say it in a sentence."""
    names = ", ".join(panel.title for panel in film.panels)
    return f"Feature {names}, at {counted(len(film.epoch_S), 'epoch')} up to {film.epoch_S[-1]}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return film_seconds(extent, min(MOST_LAYERS, len(extent.convolutions)))


FIGURE: Final = Figure(
    chapters=(Chapter.EPOCHS,),
    order=50,
    name="35-epochs-maps",
    title="Feature maps, epoch by epoch",
    caption="What each channel picks out of a test image, and from which epoch on; the first channels of every layer.",
    gather=single(maps_of_layers),
    draw=draw_film,
    words=words,
    seconds=seconds,
    photographs=True,
)
