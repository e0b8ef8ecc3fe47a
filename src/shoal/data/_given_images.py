"""Images that a caller has in memory in place of a study's files, and their labels beside them.

They meet the rules of the arrays of an NPZ file; nothing of them is changed. Letters: N rows, C channels, H, W height
and width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings
from shoal.data._given_rows import GivenRows
from shoal.data._pixels import axes_of
from shoal.data._reading import Labelled, Reading, label_texts
from shoal.data._rows_in_memory import kind_of_thing
from shoal.errors import Problem


@dataclass(frozen=True, eq=False)
class GivenImages:
    """The images (N, H, W), (N, H, W, C) or (N, C, H, W) of one part, and their labels (N,): the pair of `rows`."""

    rows: GivenRows

    @property
    def name(self) -> str:
        """The part of the study that they are."""
        return self.rows.part

    def count(self) -> int:
        """Give the number of images."""
        return len(self.rows.x) if self.rows.holds_images else 0

    def look(self, reading: Reading, *, grouped: bool) -> LookedImages | None:
        """Look at their form, and take the labels."""
        findings, labels = Findings(self.name), np.zeros(0, np.str_)
        if grouped and reading.groups:
            what = "expected nothing for images in memory; an NPZ file may have an array of groups"
            reading.problems.append(Problem("data.groups", what))
        if not self.rows.holds_images:
            findings.add(f"expected an array of images and their labels, got {kind_of_thing(self.rows.x)}")
        elif np.ma.is_masked(self.rows.x):
            findings.add("expected images, got an array of which some values are masked")
        elif self.rows.y is None:
            findings.add("expected a pair of images and labels, got images alone")
        elif axes_of(self.rows.x.shape, 'array "x": ', findings):
            labels = label_texts(_as_array(self.rows.y), "y", self.count(), findings)
        return LookedImages(self.rows, labels) if reading.take(findings) else None


@dataclass(frozen=True, eq=False)
class LookedImages:
    """Images of a sound form, with their labels."""

    rows: GivenRows
    labels: NDArray[np.str_]

    @property
    def bytes(self) -> int:
        """What taking them will hold, as bytes beside the caller's own."""
        return int(self.rows.x.size)

    def read(self, reading: Reading) -> Labelled | None:
        """Bring them to bytes, in the size that is wished."""
        images = reading.in_bytes(self.rows.x, self.rows.part, "x", may_be_series=True)
        return reading.labelled(images, self.labels, (self.rows.part, "x"))


def _as_array(labels: Any) -> NDArray[Any]:
    """Give labels as an array; a series of texts is one of Python objects."""
    array = np.asarray(labels)
    texts = array.dtype.kind == "O" and all(isinstance(label, str) for label in array.ravel())
    return array.astype(np.str_) if texts else array
