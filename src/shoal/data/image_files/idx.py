"""IDX: a file of images, with a file of labels beside it. It is known by its first bytes, whatever its ending."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings
from shoal.data._idx import idx_shape, is_idx, read_idx
from shoal.data._image_format import ImageFormat, Shape
from shoal.data._pixels import axes_of, channels_first, white_of
from shoal.data._reading import FEWER, LABEL, Labelled, Reading
from shoal.files import kind_of
from shoal.wording import quoted


@dataclass(frozen=True)
class IdxPair:
    """An IDX file of images; its labels lie beside it."""

    path: Path

    @property
    def name(self) -> str:
        """Its own name."""
        return quoted(self.path.name)

    def count(self) -> int:
        """Give the number of images that its head declares."""
        shape = idx_shape(self.path, (3, 4), Findings(str(self.path)))
        return shape[0] if shape else 0

    def look(self, reading: Reading, *, grouped: bool) -> LookedIdx | None:
        """Look at the head of the images, and read the labels."""
        findings = Findings(str(self.path))
        shape, labels = idx_shape(self.path, (3, 4), findings), None
        if shape is not None:
            axes_of(shape, "", findings)
        labels_path = _labels_beside(self.path, findings)
        if labels_path is not None:
            label_findings = Findings(str(labels_path))
            declared = idx_shape(labels_path, (1,), label_findings)
            if shape is not None and declared is not None and shape[0] != declared[0]:
                findings.add(f"expected as many labels as images ({shape[0]}), got {declared[0]}")
            elif declared is not None:
                reading.refuse_above(LABEL * declared[0], "labels", FEWER)
                labels = read_idx(labels_path, (1,), label_findings)
            reading.take(label_findings)
        if grouped and reading.groups:
            findings.add("expected no data.groups for IDX files, which hold none; a folder of pictures may")
        if not reading.take(findings) or shape is None or labels is None:
            return None
        return LookedIdx(self.path, shape, labels.astype(np.str_))


@dataclass(frozen=True, eq=False)
class LookedIdx:
    """An IDX file whose head is sound, and its labels."""

    path: Path
    shape: tuple[int, ...]
    labels: NDArray[np.str_]

    @property
    def bytes(self) -> int:
        """What reading it will hold."""
        return int(np.prod(self.shape, dtype=object))

    def read(self, reading: Reading) -> Labelled | None:
        """Read the images."""
        images = _read_images(self.path, reading)
        if images is None:
            return None
        sized = reading.sized(images, str(self.path.parent), self.path.name)
        return Labelled(sized, self.labels, str(self.path), white=white_of(images))


def _new(path: Path, shape: Shape, reading: Reading) -> NDArray[np.uint8] | None:
    """Read images without labels, in the size that is wished."""
    declared = idx_shape(path, (3, 4), Findings(str(path)))
    if declared is not None:
        reading.refuse_new_above(math.prod(declared), declared[0], shape)
    images = _read_images(path, reading)
    return None if images is None else reading.sized(images, str(path.parent), path.name)


def _read_images(path: Path, reading: Reading) -> NDArray[np.uint8] | None:
    """Read images without labels, (N, C, H, W), in the size that they have."""
    findings = Findings(str(path))
    values = read_idx(path, (3, 4), findings)
    images = None if values is None else channels_first(values, "", findings)[0]
    return images if reading.take(findings) else None


def _labels_beside(path: Path, findings: Findings) -> Path | None:
    """Find the labels of an IDX file of images: the same name with "labels" for "images", zipped or not."""
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    if "images" not in path.name:
        findings.add('expected an IDX file with "images" in its name, and one with "labels" beside it')
        return None
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, f"{plain}.gz"):
        if kind_of(path.with_name(candidate)) == "a file":
            return path.with_name(candidate)
    findings.add(f"expected its labels in {quoted(name)} beside it, got nothing there")
    return None


FORMAT = ImageFormat(holds=is_idx, places=lambda path, _: {"": IdxPair(path)}, new=_new)
