"""The films of a run as one moving picture in a file: GIF, WebP and PNG through Pillow, MP4 through imageio-ffmpeg."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shoal.errors import InputError, Problem
from shoal.extras import is_there, needed
from shoal.files import read_bytes, write
from shoal.look._figure import Chapter
from shoal.look._film import Film
from shoal.look._film_sheet import sheet_of
from shoal.look._gallery import pictures_of
from shoal.look._paper import Sheet, design, png
from shoal.results import refuse_shard, refuse_to_replace
from shoal.wording import counted, listed

if TYPE_CHECKING:
    from PIL import Image

    from shoal.results import Results

SECONDS: Final = 8.0
"""How long all epochs take, where nothing else is asked for."""
_SHORTEST, _LONGEST = 0.5, 600.0
_LEAST: Final = 20
"""Milliseconds of a frame, at least: players show shorter ones far longer."""
_LAST_STAYS: Final = 1500
"""Milliseconds by which the last epoch stays longer than the others."""


def write_animation(
    results: Results, out: Path | None, seconds: float = SECONDS, *, force: bool = False
) -> str:
    """Write what changes over the epochs of the delivered network to a file; say so in a line.

    `out` ends in .gif, .webp, .png or .mp4; without it the file is called after the study. Raises InputError for
    another ending, for MP4 without imageio-ffmpeg, for seconds out of bounds, for a run that kept no history and,
    unless `force`, where `out` has other content.
    """
    if out is not None:
        _maker(out)
        refuse_to_replace(out, results.folder)
    if not _SHORTEST <= seconds <= _LONGEST:
        what = f"expected a number from {_SHORTEST:g} to {_LONGEST:g}, got {seconds:g}"
        raise InputError(Problem("seconds", what))
    refuse_shard(results.folder, results.shard)
    films = films_of(results)
    place = out or Path(f"{results.study.study.name}-epochs.gif")
    refuse_to_replace(place, results.folder)
    frames = len(films[0].epoch_S)
    each = max(_LEAST, round(1000 * seconds / frames))
    images = _images(results.study.study.name, films)
    write(place, _maker(place)(images, [each] * (frames - 1) + [each + _LAST_STAYS]), new=not force)
    return f"{place}: {counted(frames, 'epoch')}, {(each * frames + _LAST_STAYS) / 1000:.1f} s"


def films_of(results: Results) -> list[Film]:
    """Give what changes over the epochs. Raises InputError for a run that kept nothing of it."""
    films = [picture.fact for picture in pictures_of(Chapter.EPOCHS, results)]
    if films:
        return films
    what = (
        "expected a run that kept its network epoch by epoch, got one without; run its study again into the same folder"
        " with --set inspect.history=40"
    )
    raise InputError(Problem(str(results.folder), what))


def _images(name: str, films: list[Film]) -> Iterator[Image.Image]:
    """Draw one epoch after the other, on one sheet, which is laid out once."""
    from PIL import Image

    with design():
        sheet, move = sheet_of(name, films)

    def draw(place: int) -> Sheet:
        move(place)
        return sheet

    for place in range(len(films[0].epoch_S)):
        with Image.open(io.BytesIO(png(draw, place))) as image:
            yield image.convert("RGB")
        sheet.set_layout_engine("none")


def _pillow(kind: str, **options: Any) -> Callable[[Iterator[Image.Image], list[int]], bytes]:
    def make(images: Iterator[Image.Image], durations: list[int]) -> bytes:
        from PIL import Image

        buffer = io.BytesIO()
        with Image.open(io.BytesIO(_packed(images))) as film:
            film.save(buffer, kind, save_all=True, duration=durations, loop=0, **options)
        return buffer.getvalue()

    return make


def _packed(images: Iterator[Image.Image]) -> bytes:
    """Pack images one behind the other, of which Pillow unpacks one at a time; of a list it would hold all."""
    from PIL.TiffImagePlugin import AppendingTiffWriter

    packed = io.BytesIO()
    with AppendingTiffWriter(packed, new=True) as film:
        for image in images:
            image.save(film, "TIFF", compression="tiff_adobe_deflate")
            film.newFrame()
    return packed.getvalue()


def _mp4(images: Iterator[Image.Image], durations: list[int]) -> bytes:
    """Encode as H.264, which every player knows; the last frame is repeated for as long as it stays."""
    from tempfile import TemporaryDirectory

    import imageio_ffmpeg

    with TemporaryDirectory(prefix="shoal-") as folder:
        path = str(Path(folder) / "film.mp4")
        first = next(images)
        # Sides of a multiple of two are what the format has.
        size = first.width // 2 * 2, first.height // 2 * 2
        writer = imageio_ffmpeg.write_frames(
            path, size, fps=1000 / durations[0], macro_block_size=2, ffmpeg_log_level="error"
        )
        writer.send(None)
        try:
            for shown, stays in zip(chain([first], images), durations, strict=True):
                for _ in range(round(stays / durations[0])):
                    writer.send(shown.crop((0, 0, *size)).tobytes())
        finally:
            writer.close()
        return read_bytes(Path(path))


def _maker(path: Path) -> Callable[[Iterator[Image.Image], list[int]], bytes]:
    """Give what makes the content of a file, by the ending of its name. Raises InputError for another ending."""
    make: Callable[[Iterator[Image.Image], list[int]], bytes] | None = _ENDINGS.get(path.suffix.lower())
    if make is None:
        raise InputError(Problem(str(path), f"expected a name that ends in {listed([*_ENDINGS], 'or')}"))
    if make is _mp4 and not is_there("video"):
        raise InputError(Problem(str(path), f"{needed('video')}; .gif, .webp and .png need nothing more"))
    return make


_ENDINGS: Final[dict[str, Any]] = {
    ".gif": _pillow("GIF", optimize=False),
    ".webp": _pillow("WEBP", quality=85, method=4),
    ".png": _pillow("PNG"),
    ".mp4": _mp4,
}
