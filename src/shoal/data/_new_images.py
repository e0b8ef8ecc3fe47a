"""New images to predict, from files: brought to what the training images were, or refused, naming the odd ones.

Letters: N rows, C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data._albums import Album, Faults, colour_of, files_below, look_at_all
from shoal.data._findings import Findings, refuse
from shoal.data._image_format import image_format_of
from shoal.data._notes import NAMED, others_are
from shoal.data._pictures import Look
from shoal.data._pixels import RESIZE, alike
from shoal.data._reading import Reading
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
    `path` is a picture, a folder of them (in folders or not), or a file of any of `kinds.IMAGE_FORMATS`; `room` is how
    many bytes they may hold, if that is known. Raises DataError, and EnvironmentFault before any image is decoded where
    they need more than `room`.
    """
    path = Path(path)
    reading = Reading(path, (shape[1], shape[2]) if resize else None, room=room, white=white)
    kind = kind_of(path)
    names: list[str] = []
    images: NDArray[np.uint8] | None = None
    if kind not in ("a file", "a folder"):
        reading.refuse(path, f"expected images, got {'nothing there' if kind == 'nothing' else kind}")
    elif kind == "a file" and (known := image_format_of(path)) is not None:
        images = known.new(path, shape, reading)
    else:
        images, names = _pictures(path, kind == "a folder", shape, reading)
    refuse(reading.problems)
    if images is None:
        raise DataError(f"{path}: expected images, got none")
    findings = Findings(str(path))
    images = alike(images, shape, names, findings)
    refuse(findings.problems())
    return NewImages(images, tuple(names or map(str, range(1, len(images) + 1))), reading.notes.all())


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
    reading.refuse_new_above(album.bytes, len(looks), shape)
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
