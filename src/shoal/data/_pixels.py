"""Arrays of images to unsigned bytes (N, C, H, W): other types of numbers, orders of axes, sizes, colours.

Letters: N rows, C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings
from shoal.data._notes import NAMED, others_are
from shoal.wording import few_quoted

MAX_PIXELS: Final = 4096 * 4096
"""Pixels of one image; more are refused before they are decoded."""
RESIZE: Final = "data.resize = [HEIGHT, WIDTH] in the study brings all images to one size"
WHITES: Final = (1, 255)
"""The brighter of two levels: of the numbers 0 and 1, and of false and true."""
_VALUES_AT_ONCE: Final = 1 << 22
_NEAR: Final = 1e-3
"""How far 255 times a float may lie from a whole number; a float16 as far as it is rounded."""

AS_SHARES: Final = "numbers from 0 to 1, multiplied by 255"
AS_BYTES: Final = "whole numbers from 0 to 255, read as bytes"
AS_BLACK_AND_WHITE: Final = "false and true, read as 0 and 255"


def axes_of(shape: tuple[int, ...], place: str, findings: Findings) -> tuple[int, int, int] | None:
    """Give (C, H, W) of an array (N, H, W), (N, H, W, C) or (N, C, H, W), or note that it holds no images."""
    if len(shape) == 3:
        image = (1, *shape[1:])
    elif len(shape) == 4 and shape[3] in (1, 3):
        image = (shape[3], *shape[1:3])
    elif len(shape) == 4 and shape[1] in (1, 3):
        image = shape[1:]
    else:
        findings.add(f"{place}expected images (N, H, W), (N, H, W, C) or (N, C, H, W), C 1 or 3, got {shape}")
        return None
    channels, height, width = image
    if 0 in shape or height * width > MAX_PIXELS:
        findings.add(f"{place}expected images of 1 to {MAX_PIXELS} pixels, got {shape}")
        return None
    return channels, height, width


def channels_first(
    values: NDArray[Any], place: str, findings: Findings, white: int | None = None
) -> tuple[NDArray[np.uint8] | None, str]:
    """Bring (N, H, W), (N, H, W, C) or (N, C, H, W) of numbers into the last form, as bytes; see `in_bytes`."""
    image = axes_of(values.shape, place, findings)
    whole, how = (None, "") if image is None else in_bytes(values, place, findings, white)
    if image is None or whole is None:
        return None, how
    if whole.ndim == 4 and whole.shape[3] in (1, 3):
        whole = whole.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(whole.reshape(len(whole), *image)), how


def in_bytes(
    values: NDArray[Any], place: str, findings: Findings, white: int | None = None
) -> tuple[NDArray[np.uint8] | None, str]:
    """Turn numbers into the bytes they stand for, exactly, and say how; what stands for none is noted.

    Whole numbers from 0 to 255 are bytes whatever their type; of floats some must be above 1, since 0 and 1 alone
    may mean either unless `white`, that of the training images, is known: what they are then is left to `with_white`.
    Floats from 0 to 1 that are 255ths are bytes divided by 255. All else would lose something.
    """
    if values.dtype == np.uint8:
        return values, ""
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255), AS_BLACK_AND_WHITE
    if values.dtype.kind not in "iuf":
        findings.add(f"{place}expected numbers, got {values.dtype}")
        return None, ""
    low, high, whole = _seen(values)
    if not (low >= 0 and high <= 255) or (high > 1 and not whole):
        findings.add(f"{place}{_expected(values.dtype)}, got {_odd(values, low, high)}")
        return None, ""
    shares = values.dtype.kind == "f" and high <= 1 and not (whole and white is not None)
    if shares and whole:
        findings.add(
            f"{place}expected numbers of which one can tell whether 1 is white or nearly black,"
            f" got only 0 and 1 as {values.dtype}; give bytes (uint8)"
        )
        return None, ""
    made = np.empty(values.shape, dtype=np.uint8)
    near = max(_NEAR, 66 * float(np.finfo(values.dtype).eps)) if shares else 0.0
    for part, target in zip(_pieces(values), _pieces(made), strict=True):
        scaled = part.astype(np.float64) * 255 if shares else part
        rounded = np.rint(scaled) if shares else scaled
        if shares and float(np.abs(scaled - rounded).max()) > near:
            worst = float(part.ravel()[np.abs(scaled - rounded).argmax()])
            findings.add(f"{place}{_expected(values.dtype)}, got {worst:g}")
            return None, ""
        target[...] = rounded.astype(np.uint8)
    return made, AS_SHARES if shares else AS_BYTES


def _pieces(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Take an array apart along its rows, a few million values at a time."""
    step = max(1, _VALUES_AT_ONCE // max(1, values[0].size)) if len(values) else 1
    for start in range(0, len(values), step):
        yield values[start : start + step]


def _seen(values: NDArray[Any]) -> tuple[float, float, bool]:
    """Give the lowest and the highest value, NaN where there is one, and whether all are whole."""
    lows, highs, whole = [], [], True
    for part in _pieces(values):
        lows.append(float(part.min()))
        highs.append(float(part.max()))
        whole = whole and (part.dtype.kind != "f" or bool((np.floor(part) == part).all()))
    return float(np.min(lows)), float(np.max(highs)), whole


def _expected(dtype: np.dtype[Any]) -> str:
    sentence = "expected bytes (uint8), or whole numbers from 0 to 255"
    return f"{sentence}, or 255ths from 0 to 1" if dtype.kind == "f" else sentence


def _odd(values: NDArray[Any], low: float, high: float) -> str:
    """Show a value that stands for no byte, and of which type it is."""
    if not low >= 0:
        return f"{low:g} ({values.dtype})"
    if high > 255:
        return f"{high:g} ({values.dtype})"
    odd = next(part[np.floor(part) != part] for part in _pieces(values) if (np.floor(part) != part).any())
    return f"{float(odd[0]):g} beside {high:g} ({values.dtype})"


def white_of(images: NDArray[np.uint8]) -> int | None:
    """Give the brighter of two levels where images hold 0 and 255 alone, or 0 and 1 alone; None for all others."""
    white = int(images.max(initial=0))
    if white not in WHITES or any(((part != 0) & (part != white)).any() for part in _pieces(images)):
        return None
    return white


def with_white(images: NDArray[np.uint8], white: int | None) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Bring images of two levels to those of the training images, 0 and `white`; give the numbers of those it changed.

    False and true are read as 0 and 255, and the same pixels as numbers are 0 and 1. Each image is looked at alone.
    """
    if white is None:
        return images, np.zeros(0, np.intp)
    other = other_white(white)
    pixels = tuple(range(1, images.ndim))
    odd = (
        (images == other).any(axis=pixels) & ((images == 0) | (images == other)).all(axis=pixels)
    ).nonzero()[0]
    if len(odd):
        images = images.copy()
        images[odd] = np.where(images[odd] > 0, np.uint8(white), np.uint8(0))
    return images, odd


def other_white(white: int) -> int:
    """Give the other of `WHITES`."""
    return next(level for level in WHITES if level != white)


def two_levels(white: int) -> str:
    """Say which two levels the pixels of images have."""
    return "0 or 1" if white == 1 else "0 or 255 (false or true)"


def resized(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring images (N, C, H, W) to `size` (height, width); see `resized_picture`."""
    if images.shape[2:] == size:
        return images
    from PIL import Image

    made = np.empty((*images.shape[:2], *size), dtype=np.uint8)
    for image, target in zip(images, made, strict=True):
        for channel, place in zip(image, target, strict=True):
            place[...] = resized_picture(Image.fromarray(channel), size)
    return made


def brought_to(size: tuple[int, int]) -> str:
    """Say what `resized` does."""
    return f"brought to {size[1]} x {size[0]} pixels (bilinear; width and height each by their own factor)"


def resized_picture(picture: Any, size: tuple[int, int]) -> Any:
    """Bring a picture of Pillow to `size` (height, width), its sides each by their own factor.

    Bilinear, each new pixel a mean over all the old ones it covers (Pillow's BILINEAR, which smooths where it
    shrinks, as torchvision does with antialias=True); a channel knows nothing of the others.
    """
    from PIL import Image

    height, width = size
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def alike(
    images: NDArray[np.uint8], shape: tuple[int, ...], names: Sequence[str], findings: Findings
) -> NDArray[np.uint8]:
    """Bring images to `shape` (C, H, W) where nothing is lost by it; else note which are odd.

    Grey ones become colour; colour whose three channels are equal becomes grey. `names` are theirs, if they have any.
    """
    channels, height, width = shape
    if images.shape[2:] != (height, width):
        expected, actual = (f"{w} x {h}" for h, w in ((height, width), images.shape[2:]))
        findings.add(f"expected images like the training rows, {expected} pixels, got {actual}; {RESIZE}")
    elif images.shape[1] < channels:
        return np.repeat(images, channels, axis=1)
    elif images.shape[1] > channels:
        odd = [number for number, image in enumerate(images) if (image != image[:1]).any()]
        if not odd:
            return np.ascontiguousarray(images[:, :1])
        which = few_quoted([names[number] if names else str(number + 1) for number in odd], NAMED)
        others = others_are(len(images) - len(odd), "grey")
        findings.add(f"expected grey images like the training rows, got colour in {which}{others}")
    return images
