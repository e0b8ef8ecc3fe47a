"""What a format of files with many images is, and where it is found by name, by an ending or by what a file holds.

A format is a file of the room `image_files`, named after it, with a `FORMAT` in it; its row in `kinds.IMAGE_FORMATS` is
all that is said of it elsewhere. Folders of pictures (`_class_folders.py`) are none. Letters: N rows, C channels, H, W
height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data._parts import Part
from shoal.data._reading import Place, Reading
from shoal.kinds import IMAGE_FORMATS, row_of

Shape = tuple[int, ...]
"""That of one image: (C, H, W)."""


@dataclass(frozen=True)
class ImageFormat:
    """One format of files that hold many images.

    `holds` says whether a file holds images; where the format has no ending of its own, whether the file is of it, too.
    `places` finds the labelled images of each part, to train and to test on; "" is one that its name gives to no part.
    `new` reads images to predict, (N, C, H, W), in the size that the reading wishes, for a network of images of a
    shape. What is wrong is noted in the reading. Memory is asked for (`Reading.refuse_above`) with the sizes that a
    file declares, before an image is read.
    """

    holds: Callable[[Path], bool]
    places: Callable[[Path, Reading], Mapping[Part, Place]]
    new: Callable[[Path, Shape, Reading], NDArray[np.uint8] | None]


def image_format(name: str) -> ImageFormat:
    """Give a format by name. Raises StudyError for one that is unknown."""
    row_of("image format", IMAGE_FORMATS, name)
    row: ImageFormat = import_module(f"shoal.data.image_files.{name.replace('-', '_')}").FORMAT
    return row


def image_format_of(path: Path) -> ImageFormat | None:
    """Give the format of a file: by its ending, else by its content; None for one that no format knows."""
    ending = path.suffix.lower()
    for name, kind in IMAGE_FORMATS.items():
        if ending in kind.endings:
            return image_format(name)
    unnamed = (image_format(name) for name, kind in IMAGE_FORMATS.items() if not kind.endings)
    return next((known for known in unnamed if known.holds(path)), None)
