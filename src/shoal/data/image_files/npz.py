"""NPZ: arrays of images and of their labels in one file, told apart by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings
from shoal.data._image_format import ImageFormat, Shape
from shoal.data._npz import Header, npz_headers, read_npz
from shoal.data._parts import IN_WORDS, Kind, Part, role_of_array, says_part
from shoal.data._pixels import axes_of
from shoal.data._reading import FEWER, LABEL, Labelled, Reading, label_texts
from shoal.wording import few_quoted, quoted


@dataclass(frozen=True, eq=False)
class NpzPair:
    """An array of images, and that of their labels if there is one, of one part of an NPZ file."""

    path: Path
    headers: Mapping[str, Header]
    images: str
    labels: str | None

    @property
    def name(self) -> str:
        """Name of the array of images."""
        return quoted(self.images)

    def count(self) -> int:
        """Give the number of images declared."""
        shape = self.headers[self.images].shape
        return shape[0] if shape else 0

    @property
    def bytes(self) -> int:
        """What reading the images will hold: the values as stored, and as bytes."""
        header = self.headers[self.images]
        return header.bytes + header.count

    def look(self, reading: Reading, *, grouped: bool) -> LookedNpz | None:
        """Look at the head of the images, and read labels and groups."""
        findings = Findings(str(self.path))
        axes_of(self.headers[self.images].shape, f"array {self.name}: ", findings)
        groups = reading.groups if grouped or reading.groups in self.headers else None
        if self.labels is None:
            expected = quoted(_labels_for(self.images))
            findings.add(f"expected an array {expected} beside {self.name}, got none")
        if groups and groups not in self.headers:
            findings.add(f"expected the array {quoted(groups)} that data.groups names, got none")
        names = [name for name in (self.labels, groups) if name is not None]
        if not reading.take(findings):
            return None
        heads = [self.headers[name] for name in names]
        reading.refuse_above(sum(2.0 * head.bytes + LABEL * head.count for head in heads), "labels", FEWER)
        arrays = read_npz(self.path, findings, names)
        texts = []
        if not findings.found:
            texts = [label_texts(arrays[name], name, self.count(), findings) for name in names]
        if not reading.take(findings):
            return None
        return LookedNpz(self, texts[0], texts[1] if groups else None)


@dataclass(frozen=True, eq=False)
class LookedNpz:
    """Images of an NPZ file whose head is sound, with their labels and groups."""

    pair: NpzPair
    labels: NDArray[np.str_]
    groups: NDArray[np.str_] | None

    @property
    def bytes(self) -> int:
        """What reading them will hold."""
        return self.pair.bytes

    def read(self, reading: Reading) -> Labelled | None:
        """Read the images."""
        doubtful = "image" not in self.pair.images.lower()
        images = _read_array(self.pair.path, self.pair.images, reading, may_be_series=doubtful)
        return reading.labelled(images, self.labels, (str(self.pair.path), self.pair.images), self.groups)


def _holds(path: Path) -> bool:
    """Whether an array may be one of images; else the file is a table."""
    return any(len(header.shape) > 2 for header in npz_headers(path, Findings("")).values())


def _new(path: Path, shape: Shape, reading: Reading) -> NDArray[np.uint8] | None:
    """Read the plain array of images, or the test images, or the only ones."""
    pairs = _places(path, reading)
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
    reading.refuse_new_above(pair.bytes, pair.count(), shape)
    images = _read_array(path, pair.images, reading)
    return None if images is None else reading.sized(images, str(path), pair.images)


def _read_array(
    path: Path, name: str, reading: Reading, *, may_be_series: bool = False
) -> NDArray[np.uint8] | None:
    """Read one array of images, (N, C, H, W), in the size that it has."""
    findings = Findings(str(path))
    array = read_npz(path, findings, [name]).get(name)
    if not reading.take(findings) or array is None:
        return None
    return reading.in_bytes(array, str(path), name, may_be_series=may_be_series)


def _places(path: Path, reading: Reading) -> dict[Part, NpzPair]:
    """Find the arrays of each part; two for the same are refused, arrays of other names are left out.

    One that may be images and whose name speaks of a part in other words is refused: it could be the rows to train on,
    or those never to be trained on.
    """
    findings = Findings(str(path))
    headers = npz_headers(path, findings)
    named = _named(path, headers, reading, findings)
    pairs: dict[Part, NpzPair] = {}
    for part in ("", "train", "validation", "test"):
        images, labels = named.get((part, "images"), []), named.get((part, "labels"), [])
        for kind, names in (("images", images), ("labels", labels)):
            if len(names) > 1:
                what = f"{IN_WORDS[part]} {kind}" if part else kind
                findings.add(
                    f"expected one array of {what}, got {few_quoted(names)}; take the others out of the file"
                )
        if images:
            pairs[part] = NpzPair(path, headers, images[0], labels[0] if labels else None)
        else:
            for name in labels:
                reading.notes.add(str(path), "left out, being labels without images", name)
    both = [pairs[part].images for part in ("", "train") if part in pairs]
    if len(both) > 1:
        findings.add(
            f"expected one array of training images, got {few_quoted(both)}; take the others out of the file"
        )
    if not pairs and not findings.found:
        expected = 'expected arrays "images" and "labels", "x_train" and "y_train" or the like'
        findings.add(f"{expected}, got {few_quoted(list(headers)) or 'none'}")
    return pairs if reading.take(findings) else {}


def _named(
    path: Path, headers: Mapping[str, Header], reading: Reading, findings: Findings
) -> dict[tuple[Part, Kind], list[str]]:
    """Sort the names of arrays by what they hold."""
    named: dict[tuple[Part, Kind], list[str]] = {}
    others = [name for name in headers if role_of_array(name) is None and name != reading.groups]
    for name in headers:
        if role := role_of_array(name):
            named.setdefault(role, []).append(name)
    doubtful = [name for name in others if says_part(name) and len(headers[name].shape) > 2]
    if named and doubtful:
        findings.add(
            'expected images called "x_train", "train_images" or the like, and so for "val" and "test",'
            f" got {few_quoted(doubtful)}; rename them, or take them out of the file"
        )
    for name in others:
        reading.notes.add(str(path), "left out, being arrays of other names", name)
    return named


def _labels_for(images: str) -> str:
    """Give the name that labels have beside images of this name."""
    for ours, theirs in (("images", "labels"), ("x", "y"), ("X", "y")):
        if ours in images:
            return images.replace(ours, theirs)
    return "labels"


FORMAT = ImageFormat(_holds, _places, _new)
