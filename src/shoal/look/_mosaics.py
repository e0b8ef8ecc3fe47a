"""Small images beside each other: how the pictures of convolutional layers are laid out.

Images stand in a mosaic of tiles, each one unit wide and high, with a gap between them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._paper import Panel, number_text

MOST_CHANNELS: Final = 32
"""Channels of a layer that are shown, at most: the first."""
IN_A_ROW: Final = 16
"""Channels beside each other, where they stand alone."""
CLASS_NAME: Final = 18
SIDE: Final = 0.62
"""Inches of a tile."""
TALLEST: Final = 20.0
"""Inches of a layer's kernels: few channels that take in many would else make a tower."""
_GAP: Final = "#D4D4D4"
_SHARP: Final = 24
"""Pixels of a tile, at least, so that the gaps between small ones stay narrow."""


def color_ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Give the ends of the colours: from 0, or around 0 where there are values below."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    most = max(abs(low), abs(high)) or 1.0
    return (-most, most) if low < 0 else (0.0, most)


def mosaic(axes: Panel, tiles: NDArray[Any], cmap: Any, vmin: float, vmax: float) -> Any:
    """Draw tiles (rows, columns, C, H, W); with three channels they are colours."""
    larger = -(-_SHARP // tiles.shape[4])
    tiles = tiles.repeat(larger, axis=3).repeat(larger, axis=4)
    rows, columns, channels, high, wide = tiles.shape
    edge = max(1, round(0.07 * wide))
    sheet = np.full((rows, columns, high + 2 * edge, wide + 2 * edge, channels), np.nan)
    sheet[:, :, edge:-edge, edge:-edge] = tiles.transpose(0, 1, 3, 4, 2)
    flat = sheet.transpose(0, 2, 1, 3, 4).reshape(
        rows * (high + 2 * edge), columns * (wide + 2 * edge), channels
    )
    shown = np.nan_to_num(flat / 255, nan=0.83) if channels == 3 else flat[:, :, 0]
    axes.grid(visible=False)
    axes.set_facecolor(_GAP)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    extent = (0, columns, rows, 0)
    image = axes.imshow(shown, cmap=cmap, vmin=vmin, vmax=vmax, extent=extent, interpolation="nearest")
    axes.set_aspect((high + 2 * edge) / (wide + 2 * edge))
    return image


def spans(count: int, columns: int) -> list[str]:
    """Name rows of so many numbered things, `columns` in each, by the first and the last of them: "1–8", "9–16"."""
    firsts = range(1, count + 1, columns)
    return [f"{first}–{min(first + columns - 1, count)}" for first in firsts]


def number_columns(axes: Panel, columns: int) -> None:
    axes.set_xticks(places(columns), numbers(columns), fontsize=8)
    axes.set_xlabel("channel")


def places(count: int) -> NDArray[np.float64]:
    return np.arange(0.5, count)


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


def short_number(value: float) -> str:
    return number_text(float(f"{value:.2g}"))
