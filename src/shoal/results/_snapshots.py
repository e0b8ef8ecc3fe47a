"""What a run keeps for pictures that move over the epochs: arrays by name, as the engine computed them.

Letters: S snapshots, B bins, U channels of a layer, C channels of an image, M images, G points of a grid, N rows,
K targets, classes or labels.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._record import Truth
from shoal.results._schema import expect

Arrays = dict[str, NDArray[Any]]
NAME: Final = "frames/"
MOST_TILES: Final = 8
"""Channels of a layer whose maps are kept, and eight times so many kernels of the first, at most: the first."""
_BEHIND: Final = {"curve": "x", "answers": "rows", "sure": "rows", "kernels": "kernels_ends"}
"""What is kept beside each array that stands for the whole network."""


def layers_of(arrays: Arrays, what: str = "") -> set[str]:
    """Give the names of the layers of which "LAYER/what" is kept, or anything; other arrays are of all layers."""
    parts = [name.rpartition("/") for name in arrays if "/" in name]
    return {layer for layer, _, quantity in parts if what in ("", quantity)}


def split(history: Arrays) -> tuple[Arrays, Arrays]:
    """Give the arrays of a history that are not for frames, and those that are, without the name of these."""
    frames = {name.removeprefix(NAME): array for name, array in history.items() if name.startswith(NAME)}
    return {name: array for name, array in history.items() if not name.startswith(NAME)}, frames


def check_frames(frames: Arrays, snapshots: int, truth: Truth) -> None:
    """Hold what is kept against itself: whatever belongs together is there, of so many snapshots. Raises ValueError."""
    if not frames:
        return
    for name in frames:
        expect(name in _known(frames))
        expect(_BEHIND.get(name, name) in frames)
    for layer in sorted(layers_of(frames, "counts")):
        counts, power = frames[f"{layer}/counts"], frames[f"{layer}/power"]
        expect(counts.dtype == np.int64 and counts.ndim == 2 and len(counts) == snapshots and counts.size > 0)
        expect(power.dtype == np.int64 and power.shape == () and abs(int(power)) < 1000)
    _check_answers(frames, snapshots, truth)
    _check_tiles(frames, snapshots, truth)


def _known(frames: Arrays) -> set[str]:
    """Give the names that there may be: of the whole network, and of each of its layers."""
    of_layers = {
        f"{layer}/{what}" for layer in layers_of(frames) for what in ("counts", "power", "maps", "maps_ends")
    }
    return {*_BEHIND, *_BEHIND.values(), "image_rows", "images"} | of_layers


def _check_answers(frames: Arrays, snapshots: int, truth: Truth) -> None:
    answers = [name for name in ("curve", "answers", "sure") if name in frames]
    expect(len(answers) == 1)
    array, classes, targets = frames[answers[0]], len(truth.classes), len(truth.target_names)
    expect(array.dtype == np.float32 and len(array) == snapshots and not np.isinf(array).any())
    rows = frames.get("rows", np.zeros(0, np.int64))
    expect(rows.dtype == np.int64 and rows.ndim == 1 and ((rows >= 0) & (rows < truth.train_rows)).all())
    match answers[0]:
        case "curve":
            x = frames["x"]
            expect(x.dtype == np.float64 and x.ndim == 1 and np.isfinite(x).all())
            expect(array.ndim == 3 and array.shape[1] == len(x) and 0 < array.shape[2] <= targets)
        case "answers":
            expect(array.ndim == 3 and array.shape[1] == len(rows) and 0 < array.shape[2] <= targets)
        case _:
            expect(array.shape == ((snapshots, classes) if classes else (snapshots, targets, 2)))
            expect(np.isnan(array).any() or (array >= 0).all())


def _check_tiles(frames: Arrays, snapshots: int, truth: Truth) -> None:
    """Kernels and maps are bytes with ends; maps are of the images beside them."""
    maps = [f"{layer}/maps" for layer in sorted(layers_of(frames, "maps"))]
    for name in [*maps, *(["kernels"] if "kernels" in frames else [])]:
        tiles, ends = frames[name], frames[f"{name}_ends"]
        expect(tiles.dtype == np.uint8 and tiles.ndim == 5 and len(tiles) == snapshots and tiles.size > 0)
        expect(tiles.shape[1] <= 8 * MOST_TILES)
        expect(ends.shape == (snapshots, 2) and ends.dtype == np.float64 and np.isfinite(ends).all())
    if maps:
        images, rows = frames["images"], frames["image_rows"]
        expect(images.dtype == np.uint8 and images.ndim == 4 and rows.shape == (len(images),))
        expect(rows.dtype == np.int64 and ((rows >= truth.train_rows) & (rows < len(truth.y))).all())
        expect(all(frames[name].shape[1] == len(images) for name in maps))
        expect(all(frames[name].shape[2] <= MOST_TILES for name in maps))
