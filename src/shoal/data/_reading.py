"""One reading of labelled images: what is wished, what is wrong, what is to be said; what every form of them offers.

A place is found first, then looked at (sizes, labels, what reading it will hold), then read. Letters: N rows,
C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import nfc
from shoal.data._findings import Findings
from shoal.data._notes import Notes
from shoal.data._pixels import (
    AS_BYTES,
    AS_SHARES,
    brought_to,
    channels_first,
    other_white,
    resized,
    two_levels,
    white_of,
    with_white,
)
from shoal.errors import EnvironmentFault, Problem
from shoal.wording import quoted

FAR_FROM_SQUARE: Final = 2
"""Times as long as the other a side of images is that may be series."""
FEWER: Final = "fewer images at once need less"
LABEL: Final = 100.0
"""Bytes of the text of a label that was a number, as it is made and as it stays, at most."""


@dataclass(eq=False)
class Reading:
    """How images are wanted, what is wrong with them, and what is to be said of them.

    `resize` is (height, width), `groups` what the study says of groups, `base` the path of its training images, or of
    the new ones; `room` is how many bytes they may hold, if that is known; `scales` are those in which numbers came;
    `white` is that of the images that a model was trained on, if these are new ones to predict.
    """

    base: Path
    resize: tuple[int, int] | None = None
    groups: str | None = None
    room: float | None = None
    scales: set[str] = field(default_factory=set)
    white: int | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)

    def take(self, findings: Findings) -> bool:
        """Take over what was found; whether it was nothing."""
        self.problems += findings.problems()
        return not findings.found

    def in_bytes(
        self, array: NDArray[Any], place: str, name: str, *, may_be_series: bool = False
    ) -> NDArray[np.uint8] | None:
        """Bring an array `name` of images to bytes (N, C, H, W), in the size that it has, and say so.

        With `may_be_series` it is said of an array of three dimensions how it is taken as series: of one that holds no
        images, and of one whose images are far from square.
        """
        findings = Findings(place)
        images, how = channels_first(array, f"array {quoted(name)}: ", findings, self.white)
        taken = f"data.series = {quoted(name)} takes (N, C, T) as series" * (
            may_be_series and array.ndim == 3
        )
        if taken:
            findings.otherwise(f"; {taken}")
        self.scales.add(how)
        if {AS_BYTES, AS_SHARES} <= self.scales:
            findings.add(
                "expected all arrays of images in one scale, got numbers from 0 to 1 and from 0 to 255"
            )
        if not self.take(findings) or images is None:
            return None
        if how:
            self.notes.add(place, f"{how}, in arrays", name)
        height, width = images.shape[2:]
        if taken and max(height, width) >= FAR_FROM_SQUARE * min(height, width):
            self.notes.say(
                place, f"array {quoted(name)} read as images of {width} x {height} pixels; {taken}"
            )
        return images

    def labelled(
        self,
        images: NDArray[np.uint8] | None,
        labels: NDArray[np.str_],
        places: tuple[str, str],
        groups: NDArray[np.str_] | None = None,
    ) -> Labelled | None:
        """Put images, in the size that is wished, with what they show; `places` are the file's and theirs within."""
        if images is None:
            return None
        return Labelled(self.sized(images, *places), labels, places[0], groups, white=white_of(images))

    def sized(self, images: NDArray[np.uint8], place: str, name: str) -> NDArray[np.uint8]:
        """Bring the images of an array `name` to the levels and the size that are wished, and say so."""
        images = self.levelled(images, place, [name] * len(images))
        if self.resize is None or images.shape[2:] == self.resize:
            return images
        self.notes.add(place, f"{brought_to(self.resize)}, in arrays", name)
        return resized(images, self.resize)

    def levelled(self, images: NDArray[np.uint8], place: str, names: Sequence[str]) -> NDArray[np.uint8]:
        """Bring new images of two levels to those of the training images (see `with_white`), and say of which."""
        images, odd = with_white(images, self.white)
        if self.white is not None:
            actual, expected = two_levels(other_white(self.white)), two_levels(self.white)
            for number in odd.tolist():
                what = f"pixels of {actual} read as {expected}, as in the training images"
                self.notes.add(place, what, names[number])
        return images

    def refuse(self, where: Path, what: str) -> None:
        """Note one thing that is wrong with a file or folder."""
        self.problems.append(Problem(str(where), what))

    def refuse_above(self, need: float, what: str, less: str) -> None:
        """Raise EnvironmentFault where something needs more memory than there is, and say what needs less."""
        if self.room is not None and need > self.room:
            asked, there = (f"{size / 1e6:,.0f} MB" for size in (need, self.room))
            message = f"expected {asked} for the {what} of {self.base}, got {there} available; {less}"
            raise EnvironmentFault(Problem("memory", message))

    def refuse_new_above(self, read: float, count: int, shape: tuple[int, ...]) -> None:
        """Refuse new images that would not fit: held as they are read (bytes), and as the network takes them."""
        self.refuse_above(float(read + count * math.prod(shape)), "images", FEWER)


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images (N, C, H, W), the text of their classes and, if wished, of their groups (N,), and where they stood.

    `names` are those of the images, where they have any; `white` is the brighter of two levels, where they have two
    alone (see `white_of`).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.str_]
    place: str
    groups: NDArray[np.str_] | None = None
    names: Sequence[str] = ()
    white: int | None = None


def label_texts(values: NDArray[Any], name: str, images: int, findings: Findings) -> NDArray[np.str_]:
    """Give the labels or groups (N,) of an array as text: whole numbers, text, false and true; note what is none."""
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    whole = values.dtype.kind == "f" and bool((np.floor(values) == values).all())
    if values.ndim != 1 or not (values.dtype.kind in "biuU" or whole):
        description = f"{values.dtype} of shape {values.shape}"
        advice = "; numbers of classes come from one-hot rows by argmax(axis=1)" if values.ndim == 2 else ""
        findings.add(
            f"array {quoted(name)}: expected integers or text of shape (N,), got {description}{advice}"
        )
    elif len(values) != images:
        findings.add(f"expected as many labels as images ({images}), got {len(values)}")
    elif values.dtype.kind == "U":
        return np.array([nfc(text.strip()) for text in values.tolist()], dtype=np.str_)
    elif values.dtype.kind == "b":
        return np.where(values, "true", "false")
    else:
        return values.astype(np.int64).astype(np.str_) if whole else values.astype(np.str_)
    return np.zeros(0, np.str_)


class Looked(Protocol):
    """Labelled images of one part, looked at."""

    @property
    def bytes(self) -> int:
        """What reading them will hold."""

    def read(self, reading: Reading) -> Labelled | None:
        """Read them; what is wrong is noted."""


class Place(Protocol):
    """Where the labelled images of one part stand."""

    @property
    def name(self) -> str:
        """What a sentence calls it."""

    def count(self) -> int:
        """How many images there are, as far as their heads say."""

    def look(self, reading: Reading, *, grouped: bool) -> Looked | None:
        """Look at sizes and labels, with `grouped` also at groups; what is wrong is noted."""
