"""PNG and JPEG files to arrays of unsigned bytes: one folder per class, or single files to predict.

Letters: H, W height and width.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import sorted_texts
from shoal.data._findings import Findings, quoted

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS: Final = 4096 * 4096
"""Pixels of one image; more are refused before they are decoded."""

# What pillow raises for damaged files, besides OSError.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    KeyError,
    struct.error,
    zlib.error,
)
_COLOUR: Final = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}
_OPAQUE: Final = {"LA": "L", "RGBA": "RGB"}


def files_of_classes(folder: Path, findings: Findings) -> list[tuple[Path, str]]:
    """List (file, class) of a folder with one folder per class, classes and files in order.

    Names that start with a dot do not count.
    """
    found: list[tuple[Path, str]] = []
    entries = {entry.name: entry for entry in visible(folder)}
    for name, entry in entries.items():
        if not entry.is_dir():
            findings.add(f"expected one folder per class, got the file {quoted(name)}")
    classes = sorted_texts(name for name, entry in entries.items() if entry.is_dir())
    if not classes:
        findings.add("expected one folder per class, got none")
    for name in classes:
        files = visible(entries[name])
        if not files:
            findings.add("expected images, got an empty folder", quoted(name))
        for file in files:
            if file.is_dir():
                findings.add("expected an image, got a folder", quoted(f"{name}/{file.name}"))
            else:
                found.append((file, name))
    return found


def visible(folder: Path) -> list[Path]:
    """Entries of a folder by name, without those that start with a dot."""
    return sorted(
        (entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=lambda e: e.name
    )


def read_pictures(files: Iterable[Path], base: Path, findings: Findings) -> list[NDArray[np.uint8]]:
    """Decode files, each (H, W) grey or (H, W, 3) colour, all of one size; others are noted."""
    pictures: list[NDArray[np.uint8]] = []
    first: Path | None = None
    for file in files:
        place = quoted(file.relative_to(base).as_posix()) if file != base else ""
        picture = _read_picture(file, place, findings)
        if picture is None:
            continue
        if pictures and picture.shape[:2] != pictures[0].shape[:2]:
            came, wanted = (f"{array.shape[1]} x {array.shape[0]}" for array in (picture, pictures[0]))
            like = quoted(first.relative_to(base).as_posix()) if first else ""
            findings.add(f"expected {wanted} pixels like {like}, got {came}", place)
            continue
        first = first or file
        pictures.append(picture)
    return pictures


def _read_picture(file: Path, place: str, findings: Findings) -> NDArray[np.uint8] | None:
    """Decode one file, or note why not."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                fault = _fault(image)
                if fault is None:
                    return _pixels(ImageOps.exif_transpose(image), place, findings)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        fault = f"expected at most {MAX_PIXELS} pixels, got far more"
    except UnidentifiedImageError:
        fault = "expected a PNG or JPEG image, got something else"
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        fault = f"expected a readable image, got a damaged one ({reason})"
    findings.add(fault, place)
    return None


def _fault(image: Image) -> str | None:
    """Say what keeps an opened image from being decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        return f"expected at most {MAX_PIXELS} pixels, got {width} x {height}"
    if image.mode not in _COLOUR and image.mode not in _OPAQUE:
        return f"expected 8 bits of grey or of red, green and blue, got mode {image.mode}"
    try:
        image.seek(1)
    except EOFError:
        return None
    return "expected one picture, got several (animated)"


def _pixels(image: Image, place: str, findings: Findings) -> NDArray[np.uint8] | None:
    """Turn a decoded image into grey or colour; transparency must hide nothing."""
    if "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in _OPAQUE:
        lowest: Any = image.getchannel("A").getextrema()[0]
        if lowest < 255:
            findings.add("expected an opaque image, got transparency", place)
            return None
    return np.asarray(image.convert((_COLOUR | _OPAQUE)[image.mode]), dtype=np.uint8)


def stacked(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Put pictures of one size together, (N, C, H, W); grey ones become colour where one has colour."""
    if all(picture.ndim == 2 for picture in pictures):
        return np.stack(pictures)[:, None]
    whole = [p if p.ndim == 3 else np.repeat(p[:, :, None], 3, axis=2) for p in pictures]
    return np.ascontiguousarray(np.stack(whole).transpose(0, 3, 1, 2))
