"""What the suite of image formats needs: a writer for every format, and a toy that stands outside of the package."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

TOY: Final = '''"""Toy: a line of sizes, then a line of label and pixels for each grey image."""

from dataclasses import dataclass
from math import prod

import numpy as np

from shoal.data._findings import Findings
from shoal.data._image_format import ImageFormat
from shoal.data._reading import FEWER, Labelled
from shoal.files import read_bytes


@dataclass(frozen=True)
class Pixels:
    path: object

    @property
    def name(self):
        return f'"{self.path.name}"'

    @property
    def bytes(self):
        return prod(self.sizes())

    def sizes(self):
        head = read_bytes(self.path).split(b"\\n", 1)[0].split()
        return tuple(map(int, head)) if len(head) == 3 and all(part.isdigit() for part in head) else ()

    def count(self):
        return (self.sizes() or (0,))[0]

    def look(self, reading, *, grouped):
        if self.sizes():
            return self
        reading.refuse(self.path, "expected three sizes in its first line")
        return None

    def read(self, reading):
        _, *lines = read_bytes(self.path).decode("ascii", "replace").splitlines()
        rows = [line.split() for line in lines]
        count, *size = self.sizes()
        plain = all(part.isdigit() and int(part) < 256 for row in rows for part in row)
        if not plain or len(rows) != count or {len(row) for row in rows} != {prod(size) + 1}:
            reading.refuse(self.path, "expected as many pixels as its first line says, got others")
            return None
        values = np.array([list(map(int, row[1:])) for row in rows], np.uint8)
        labels = np.array([row[0] for row in rows])
        return Labelled(values.reshape(count, 1, *size), labels, str(self.path))


def _new(path, shape, reading):
    pixels = Pixels(path)
    if pixels.look(reading, grouped=False) is None:
        return None
    reading.refuse_new_above(pixels.bytes, pixels.count(), shape)
    found = pixels.read(reading)
    return None if found is None else reading.sized(found.images, str(path), path.name)


FORMAT = ImageFormat(lambda path: True, lambda path, _: {"": Pixels(path)}, _new)
'''
"""Its row in the table of kinds is `ImageKind("a toy", (".pix",))`."""


def _idx(values: NDArray[Any]) -> bytes:
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


def _write_idx(images: Images, labels: list[int], stem: str) -> str:
    Path(f"{stem}-images-idx3-ubyte").write_bytes(_idx(images))
    Path(f"{stem}-labels-idx1-ubyte").write_bytes(_idx(np.array(labels)))
    return f"{stem}-images-idx3-ubyte"


def _write_npz(images: Images, labels: list[int], stem: str) -> str:
    np.savez_compressed(f"{stem}.npz", images=images, labels=np.array(labels))
    return f"{stem}.npz"


def _write_pixels(images: Images, labels: list[int], stem: str) -> str:
    rows = (
        " ".join(map(str, [label, *image.ravel().tolist()]))
        for label, image in zip(labels, images, strict=True)
    )
    Path(f"{stem}.pix").write_text("\n".join([" ".join(map(str, images.shape)), *rows]) + "\n")
    return f"{stem}.pix"


WRITERS: Final[dict[str, Callable[[Images, list[int], str], str]]] = {
    "idx": _write_idx,
    "npz": _write_npz,
    "pixels": _write_pixels,
}
"""One a format, and one of the toy: images (N, H, W) with their labels to a file, whose name is given."""
