"""New images to predict, from files: brought to what the training images were, or refused, naming the odd ones.

Letters: N rows, C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data._albums import Album, Faults, colour_of, files_below, look_at_all
from shoal.data._findings import Findings, refuse
from shoal.data._idx import idx_shape, is_idx
from shoal.data._idx_pairs import read_idx_images
from shoal.data._notes import NAMED, others_are
from shoal.data._npz_pairs import npz_pairs, read_npz_array
from shoal.data._pictures import Look
from shoal.data._pixels import RESIZE, alike
from shoal.data._reading import FEWER, Reading
from shoal.errors import DataError
from shoal.files import kind_of
from shoal.wording import few_quoted


@dataclass(frozen=True, eq=False)
class NewImages:
    """Images (N, C, H, W), a name for each, and what is to be said of them."""

    images: NDArray[np.uint8]
    names: tuple[str, ...]
    notes: tuple[str, ...]


def read_images(
    path: str | Path,
    shape: tuple[int, ...],
    *,
    resize: bool = False,
    white: int | None = None,
    room: float | None = None,
) -> NewImages:
    """Read new images of `shape` (C, H, W); with `resize` those of other sizes are brought to it.

    `white` is that of the training images; see `with_white`.
    `path` is a picture, a folder of them (in folders or not), an IDX file of images, or an NPZ file with an array of
    images; `room` is how many bytes they may hold, if that is known. Raises DataError, and EnvironmentFault before any
    image is decoded where they need more than `room`.
    """
    path = Path(path)
    reading = Reading(path, (shape[1], shape[2]) if resize else None, room=room, white=white)
    kind = kind_of(path)
    names: list[str] = []
    images: NDArray[np.uint8] | None = None
    if kind not in ("a file", "a folder"):
        reading.refuse(path, f"expected images, got {'nothing there' if kind == 'nothing' else kind}")
    elif kind == "a file" and path.suffix.lower() == ".npz":
        images = _npz_images(path, shape, reading)
    elif kind == "a file" and is_idx(path):
        images = _idx_images(path, shape, reading)
        images = None if images is None else reading.sized(images, str(path.parent), path.name)
    else:
        images, names = _pictures(path, kind == "a folder", shape, reading)
    refuse(reading.problems)
    if images is None:
        raise DataError(f"{path}: expected images, got none")
    findings = Findings(str(path))
    images = alike(images, shape, names, findings)
    refuse(findings.problems())
    return NewImages(images, tuple(names or map(str, range(1, len(images) + 1))), reading.notes.all())


def _refuse_large(read: float, count: int, shape: tuple[int, ...], reading: Reading) -> None:
    """Refuse images that would not fit: they are held as they are read, and as the network takes them."""
    reading.refuse_above(float(read + count * math.prod(shape)), "images", FEWER)


def _idx_images(path: Path, shape: tuple[int, ...], reading: Reading) -> NDArray[np.uint8] | None:
    declared = idx_shape(path, (3, 4), Findings(str(path)))
    if declared is not None:
        _refuse_large(math.prod(declared), declared[0], shape, reading)
    return read_idx_images(path, reading)


def _npz_images(path: Path, shape: tuple[int, ...], reading: Reading) -> NDArray[np.uint8] | None:
    """Read the plain array of images, or the test images, or the only ones."""
    pairs = npz_pairs(path, reading)
    pair = pairs.get("") or pairs.get("test") or (next(iter(pairs.values())) if len(pairs) == 1 else None)
    if pair is None:
        if pairs:
            reading.refuse(
                path, f"expected one array of images, got {few_quoted([p.images for p in pairs.values()])}"
            )
        return None
    for other in pairs.values():
        if other is not pair:
            reading.notes.add(str(path), f"left out, since {pair.name} is predicted", other.images)
    _refuse_large(pair.bytes, pair.count(), shape, reading)
    images = read_npz_array(path, pair.images, reading)
    return None if images is None else reading.sized(images, str(path), pair.images)


def _pictures(
    path: Path, folder: bool, shape: tuple[int, ...], reading: Reading
) -> tuple[NDArray[np.uint8] | None, list[str]]:
    """Read one picture, or all of a folder, named by their paths within it."""
    findings, faults, place = Findings(str(path)), Faults(), str(path)
    files = list(files_below(path, place, reading.notes, faults)) if folder else [(path, "")]
    faults.tell(findings)
    looks = look_at_all(files, place, reading.notes, findings)
    if not looks and not findings.found:
        findings.add(f"expected images, got {'no picture among its files' if files else 'an empty folder'}")
    if reading.resize is None and not findings.found:
        _refuse_sizes(looks, shape, findings)
    if not reading.take(findings):
        return None, []
    album = Album(place, looks, reading.resize, colour_of(looks, place, reading.notes))
    _refuse_large(album.bytes, len(looks), shape, reading)
    images = album.read(reading.notes, findings)
    reading.take(findings)
    names = [look.name or path.name for look in looks]
    return None if images is None else reading.levelled(images, place, names), names


def _refuse_sizes(looks: list[Look], shape: tuple[int, ...], findings: Findings) -> None:
    """Note pictures of another size, and how many have the right one."""
    size = (shape[2], shape[1])
    odd = [look for look in looks if look.size != size]
    if not odd:
        return
    width, height = odd[0].size
    fine = others_are(len(looks) - len(odd), "of that size")
    named = [look.name for look in odd if look.name]
    which = f" ({few_quoted(named, NAMED)})" if named else ""
    what = (
        f"expected images like the training rows, {size[0]} x {size[1]} pixels, got {width} x {height}{which}"
    )
    findings.add(f"{what}{fine}; {RESIZE}")
