"""Films as the page moves them (`films.js.jinja`): plain JSON, long arrays as bytes in base64.

Letters: S snapshots, R rows of tiles, C columns of tiles, H, W height and width.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import seen
from shoal.look._film import Bars, Film, Moving, Points, Tiles
from shoal.look._paper import BLUE, GREY, VERMILLION, diverging, hexadecimal, shades
from shoal.look._plots import short_numbers

MISSING: Final = 65_535
"""Stands for a number that is missing among those of 16 bits."""
_SHADES: Final = 17


def palettes() -> dict[str, Any]:
    """Give the colours of the drawn pictures: of marks, and of numbers from low to high, evenly spaced."""
    spaced = np.linspace(0, 1, _SHADES)
    return {
        "bar": BLUE, "line": VERMILLION, "diagonal": GREY,
        "signed": hexadecimal(diverging()(spaced)), "plain": hexadecimal(shades()(spaced)),
    }  # fmt: skip


def film_json(film: Film) -> dict[str, Any]:
    """Give a film: its epochs, and of each panel what stays, and what moves."""
    return {
        "epochs": film.epoch_S.tolist(),
        "panels": [_panel(panel) for panel in film.panels],
    }


def _panel(panel: Moving) -> dict[str, Any]:
    match panel:
        case Bars():
            return {
                "kind": "bars", "title": seen(panel.title), "x": seen(panel.x), "y": seen(panel.y),
                "names": [seen(name) for name in panel.names], "edges": short_numbers(panel.edge_E),
                "longest": panel.longest, "moving": in_16_bits(panel.length_SB),
            }  # fmt: skip
        case Points():
            still = panel.still
            dots = still and {
                "name": still.name,
                "x": short_numbers(still.x_N),
                "y": short_numbers(still.y_N),
            }
            return {
                "kind": "points", "title": seen(panel.title), "x": seen(panel.x), "y": seen(panel.y),
                "joined": panel.joined, "still": dots,
                "ends": [short_numbers(ends) for ends in (panel.x_ends, panel.y_ends)],
                "at": short_numbers(panel.at_N), "moving": in_16_bits(panel.height_SN, panel.y_ends),
            }  # fmt: skip
        case Tiles():
            shown = panel.image_RHWC
            return {
                "kind": "tiles", "title": seen(panel.title), "rows": [seen(row) for row in panel.rows],
                "columns": list(panel.columns), "missing": panel.missing,
                "palette": "signed" if panel.low < 0 else "plain",
                "said": panel.scale,
                "shape": list(panel.byte_SRCHW.shape[1:]), "moving": _base64(panel.byte_SRCHW),
                "images": None if shown is None else {"shape": shown.shape[1:], "bytes": _base64(shown)},
            }  # fmt: skip


def in_16_bits(
    values: NDArray[np.float64], ends: tuple[float, float] | None = None
) -> dict[str, float | str]:
    """Pack numbers of any shape, each `low + code / 65534 * (high - low)`; `MISSING` stands for one that is missing.

    Those beyond `ends` by more than their distance are put there: they are off the picture.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if ends is not None:
        room = ends[1] - ends[0]
        low, high = max(low, ends[0] - room), min(high, ends[1] + room)
    span = high - low if high > low else 1.0
    with np.errstate(invalid="ignore"):
        code = ((values - low) / span * (MISSING - 1)).round().clip(0, MISSING - 1)
    packed = np.where(np.isfinite(values), code, MISSING).astype("<u2")
    return {"low": low, "span": span, "codes": _base64(packed)}


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
