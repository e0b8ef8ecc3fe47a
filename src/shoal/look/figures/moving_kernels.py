"""Kernels of the first convolution, epoch by epoch.

Letters: S snapshots, U channels, C channels taken in, R rows of tiles, H, W height and width.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure, single
from shoal.look._film import Film, Floats, Tiles, on_one_scale
from shoal.look._film_sheet import draw_film, film_seconds
from shoal.look._mosaics import IN_A_ROW, numbers, spans
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look.figures.kernels import COLORS, MOST_DOWN
from shoal.wording import counted


def moving_kernels(
    name: str, layer: str, epoch_S: NDArray[np.int64], byte_SUCHW: NDArray[np.uint8], ends_S2: Floats
) -> Film:
    """Lay kernels out on one scale of all epochs: those of one channel taken in in rows, else a row for each such."""
    most = float(np.abs(ends_S2).max()) or 1.0
    byte = on_one_scale(byte_SUCHW, ends_S2, -most, most)
    snapshots, channels, inputs, *size = byte.shape
    if inputs > 1:
        shown = byte[:, :IN_A_ROW, :MOST_DOWN].swapaxes(1, 2)
        taken = COLORS if inputs == len(COLORS) else tuple(numbers(shown.shape[1]))
        tiles = Tiles(layer, taken, tuple(numbers(shown.shape[2])), -most, most, 0, shown)
        return Film(name, epoch_S, (tiles,))
    columns = min(channels, IN_A_ROW // 2)
    rows = -(-channels // columns)
    filled = np.full((snapshots, rows * columns, *size), 128, np.uint8)
    filled[:, :channels] = byte[:, :, 0]
    named = tuple(spans(channels, columns)) if rows > 1 else ("",)
    missing = rows * columns - channels
    laid = filled.reshape(snapshots, rows, columns, *size)
    tiles = Tiles(layer, named, tuple(numbers(columns)), -most, most, missing, laid)
    return Film(name, epoch_S, (tiles,))


def first_kernels(findings: RunFindings) -> Film | None:
    """The kernels of the first convolution of the delivered network at its snapshots."""
    inside = findings.inside
    if not inside or "kernels" not in inside.frames:
        return None
    frames, epochs = inside.frames, inside.history["epoch"]
    layer = findings.convolutions[0].name
    return moving_kernels(DELIVERED, f"kernels of {layer}", epochs, frames["kernels"], frames["kernels_ends"])


def words(film: Film) -> str:
    """Say it in a sentence."""
    return f"The {film.panels[0].title} at {counted(len(film.epoch_S), 'epoch')} up to {film.epoch_S[-1]}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return film_seconds(extent, 1) if extent.convolutions else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.EPOCHS,),
    order=40,
    name="35-epochs-kernels",
    title="Kernels, epoch by epoch",
    caption="Grain at the start turns into edges and patches; a kernel that stays grain has learned little.",
    gather=single(first_kernels),
    draw=draw_film,
    words=words,
    seconds=seconds,
)
