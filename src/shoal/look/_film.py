"""What changes over the epochs, as plain arrays: panels that move together. Page and animation are made of these.

Letters: S snapshots, B bins or bars, N points, R rows of tiles, C columns of tiles, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shoal.look._mosaics import short_number
from shoal.look._paper import with_room

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars whose lengths move: over `edge_E`, a histogram, or of `names`, lying; NaN where there is nothing to say."""

    title: str
    x: str
    y: str
    names: tuple[str, ...]
    edge_E: Floats
    length_SB: Floats

    @property
    def longest(self) -> float:
        """Where the axis of the lengths ends: 1 of shares of named bars."""
        return 1.0 if self.names else 1.05 * float(np.nanmax(self.length_SB, initial=1e-9))


@dataclass(frozen=True, eq=False)
class Dots:
    """Points that stay."""

    name: str
    x_N: Floats
    y_N: Floats


@dataclass(frozen=True, eq=False)
class Points:
    """Points whose heights move over `at_N`: joined to a curve over points that stay, or against a diagonal."""

    title: str
    x: str
    y: str
    joined: bool
    still: Dots | None
    y_ends: tuple[float, float]
    at_N: Floats
    height_SN: Floats

    @property
    def x_ends(self) -> tuple[float, float]:
        """Where the horizontal axis begins and ends."""
        return with_room(float(self.at_N.min()), float(self.at_N.max()))


@dataclass(frozen=True, eq=False)
class Tiles:
    """Small images whose colours move: `byte_SRCHW` are places on the colours from `low` to `high`.

    Where there are images, each row begins with one that stays, `image_RHWC` of bytes. Places without a tile at the end
    of the last row are `missing` many.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    low: float
    high: float
    missing: int
    byte_SRCHW: NDArray[np.uint8]
    image_RHWC: NDArray[np.uint8] | None = None

    @property
    def scale(self) -> str:
        """Say which numbers the colours stand for."""
        low, high = (short_number(end).replace("-", "−") for end in (self.low, self.high))
        return f"colours from {low} to {high}"


Moving: TypeAlias = "Bars | Points | Tiles"


@dataclass(frozen=True, eq=False)
class Film:
    """Panels that move together over the epochs of one network."""

    name: str
    epoch_S: NDArray[np.int64]
    panels: tuple[Moving, ...]

    @property
    def few(self) -> list[int]:
        """Snapshots that stand for all where nothing moves: the first, one in the middle and the last."""
        last = len(self.epoch_S) - 1
        return sorted({0, last // 2, last})

    def at(self, place: int) -> str:
        """Say which epoch a snapshot is of."""
        return f"epoch {self.epoch_S[place]:,} of {self.epoch_S[-1]:,}"


def ends_of(values: Iterable[Floats]) -> tuple[float, float]:
    """Give the ends of an axis that shows all these numbers."""
    every = np.concatenate([np.zeros(0), *(np.asarray(part, np.float64).reshape(-1) for part in values)])
    finite = every[np.isfinite(every)]
    return with_room(float(finite.min()), float(finite.max()), 0.08) if len(finite) else (0.0, 1.0)


def on_one_scale(byte_S: NDArray[np.uint8], ends_S2: Floats, low: float, high: float) -> NDArray[np.uint8]:
    """Put bytes that each snapshot has on ends of its own on common ends."""
    shape = (-1, *[1] * (byte_S.ndim - 1))
    low_S, high_S = (ends_S2[:, side].reshape(shape) for side in (0, 1))
    values = low_S + byte_S / 255 * (high_S - low_S)
    return np.asarray(((values - low) / ((high - low) or 1.0) * 255).round().clip(0, 255), np.uint8)
