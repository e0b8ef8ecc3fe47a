"""Files of pictures to arrays of unsigned bytes, grey or red, green and blue, without losing anything unsaid.

Each file is looked at first, which reads its head alone; what is damaged, too large or would lose its meaning in
8 bits is noted. Letters: H, W height and width.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._notes import Notes
from shoal.data._pixels import MAX_PIXELS, brought_to, resized_picture
from shoal.data._png import load_whole
from shoal.files import Unreadable, opened

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_READ: Final = "PNG, JPEG, WebP, BMP, GIF, TIFF or PPM"
_ENDINGS: Final = re.compile(r"\.(a?png|jp(g|eg|e)|jfif|mpo|webp|bmp|dib|gif|tiff?|p[pgbn]m)", re.IGNORECASE)
_OTHER_PICTURES: Final = re.compile(
    r"\.(hei[cf]|avif|jp2|j2k|jxl|tga|ico|psd|svg|dng|cr[23]|nef|arw|orf|rw2|raw|exr|hdr|dcm|nii|pcx|npy)",
    re.IGNORECASE,
)
"""Endings of pictures that are not read: leaving them out would lose rows."""

# What pillow raises for damaged files, besides OSError.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    struct.error,
    zlib.error,
)
_GREY: Final = frozenset({"1", "L", "LA", "I;16", "I;16L", "I;16B", "I;16N"})
_COLOUR: Final = frozenset({"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_CLEAR: Final = frozenset({"LA", "PA", "RGBA"})
_SIXTEEN: Final = re.compile(r";16[BLN]")
_SIDEWAYS: Final = (5, 6, 7, 8)
_ORIENTATION: Final = 0x0112

NO_PICTURES: Final = "left out, being no pictures"
_UPRIGHT: Final = "turned upright, as their EXIF orientation says"
_OVER_WHITE: Final = "laid over white, being transparent in places"
_FIRST: Final = "read as their first picture alone (JPEG with more of them, MPO, as phones write it)"
_PRINT: Final = "brought from CMYK to red, green and blue by Pillow's plain rule, without a colour profile"
_NARROWED: Final = "brought from 16 bits to 8, which lost nothing"


@dataclass(frozen=True)
class Look:
    """What the head of a picture's file says: width and height as one sees it, and whether it has colour."""

    file: Path
    name: str
    size: tuple[int, int]
    colour: bool


class Faulty(Exception):
    """Why a picture is refused, as the rest of a sentence about its file."""


def look_at(file: Path, name: str, place: str, notes: Notes) -> Look | None:
    """Read the head of a picture's file, called `name` in the folder `place`; `name` is empty for a lone file.

    None, with a note, for a file of a folder that is no picture and is not called one. Raises Faulty.
    """
    ending = file.suffix
    if _OTHER_PICTURES.fullmatch(ending):
        raise Faulty(f'expected {_READ}, got "{ending.lower()}"; convert it, or take it out of the folder')
    try:
        with _opened(file) as (image, _):
            _refuse_modes(image)
            colour = image.mode in _COLOUR or "transparency" in image.info
            return Look(file, name, _upright_size(image), colour)
    except _Foreign as error:
        if _ENDINGS.fullmatch(ending) or not name:
            raise Faulty(str(error)) from None
    notes.add(place, NO_PICTURES, name)
    return None


def decode(
    look: Look, place: str, colour: bool, resize: tuple[int, int] | None, notes: Notes
) -> NDArray[Any]:
    """Decode a picture that was looked at, uint8 (H, W) or with `colour` (H, W, 3), of the size `resize` if given.

    Raises Faulty.
    """
    from PIL import ImageOps

    def note(what: str) -> None:
        notes.add(place, what, look.name or look.file.name)

    try:
        with _opened(look.file) as (image, stream):
            if image.format == "PNG":
                load_whole(image, stream)
            if image.format == "MPO":
                note(_FIRST)
            upright = ImageOps.exif_transpose(image)
            if image.getexif().get(_ORIENTATION, 1) in range(2, 9) and image.format != "TIFF":
                note(_UPRIGHT)
            picture = _plain(upright, note).convert("RGB" if colour else "L")
            if resize is not None and picture.size[::-1] != resize:
                note(brought_to(resize))
                picture = resized_picture(picture, resize)
            return np.asarray(picture, dtype=np.uint8)
    except _Foreign as error:
        raise Faulty(str(error)) from None


class _Foreign(Exception):
    """A file that cannot be opened as a picture."""


@contextmanager
def _opened(file: Path) -> Iterator[tuple[ImageFile, BinaryIO]]:
    """Open a file of one of our formats; whatever Pillow raises becomes Faulty, or _Foreign before it is open."""
    from PIL import Image, UnidentifiedImageError

    begun = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with opened(file) as stream, Image.open(stream, formats=FORMATS) as image:
                begun = True
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise Faulty(f"expected at most {MAX_PIXELS} pixels, got {width} x {height}")
                yield image, stream
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Faulty(f"expected at most {MAX_PIXELS} pixels, got far more") from None
    except Unreadable as error:
        raise _Foreign(error.sentence("a picture")) from None
    except UnidentifiedImageError:
        raise _Foreign(f"expected a picture ({_READ}), got something else or a damaged one") from None
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        fault = f"expected a readable image, got a damaged one ({reason})"
        raise (Faulty(fault) if begun else _Foreign(fault)) from None


def _refuse_modes(image: Image) -> None:
    """Refuse what has no one meaning in 8 bits a channel, and films."""
    bits = _bits_stored(image) if image.mode not in _GREY else 8
    if image.mode not in _GREY | _COLOUR or bits > 8:
        description = (
            f"{bits} bits of each colour" if bits > 8 and image.mode in _COLOUR else f"mode {image.mode}"
        )
        raise Faulty(
            f"expected 8 bits of grey or of red, green and blue, got {description}; save it with 8 bits"
        )
    if image.format == "MPO":
        return
    try:
        image.seek(1)
    except EOFError:
        return
    raise Faulty("expected one picture, got several (animated, or pages); save the one that counts")


def _bits_stored(image: Image) -> int:
    """Say how many bits the file has of each colour; Pillow opens more than 8 as 8."""
    tiles = getattr(image, "tile", [])
    if _SIXTEEN.search(str(tiles)):
        return 16
    maxima = [tile[3][1] for tile in tiles if image.format == "PPM" and isinstance(tile[3], tuple)]
    return max([8, *(int(maximum).bit_length() for maximum in maxima)])


def _upright_size(image: Image) -> tuple[int, int]:
    """Give width and height after the turn that EXIF asks for; Pillow gives those of TIFF files turned already."""
    from PIL.Image import Exif

    exif = Exif()
    if image.format != "TIFF" and image.info.get("exif"):
        exif.load(image.info["exif"])
    width, height = image.size
    return (height, width) if exif.get(_ORIENTATION) in _SIDEWAYS else (width, height)


def _plain(image: Image, note: Callable[[str], None]) -> Image:
    """Bring an image into grey or colour of 8 bits, and say what had to be done."""
    if image.mode.startswith("I;16"):
        note(_NARROWED)
        return _narrowed(image)
    if "transparency" in image.info or image.mode == "PA":
        image = image.convert("RGBA")
    if image.mode in _CLEAR:
        image = _over_white(image, note)
    if image.mode == "CMYK":
        note(_PRINT)
    return image


def _narrowed(image: Image) -> Image:
    """Bring 16 bits of grey to 8 where each value is a byte written twice; nothing else would keep its meaning."""
    from PIL import Image as pillow

    values = np.asarray(image).astype(np.uint16)
    if (values % 257).any():
        odd = int(values[values % 257 > 0][0])
        raise Faulty(
            f"expected 8 bits of grey or of red, green and blue, got 16 bits of grey ({odd}); save it with 8 bits"
        )
    return pillow.fromarray((values // 257).astype(np.uint8))


def _over_white(image: Image, note: Callable[[str], None]) -> Image:
    """Lay an image with transparency over white; an opaque one keeps its bytes."""
    from PIL import Image as pillow

    without = "L" if image.mode == "LA" else "RGB"
    lowest: Any = image.getchannel("A").getextrema()[0]
    if lowest == 255:
        return image.convert(without)
    note(_OVER_WHITE)
    clear = image.convert("RGBA")
    white = pillow.new("RGBA", clear.size, (255, 255, 255, 255))
    return pillow.alpha_composite(white, clear).convert(without)
