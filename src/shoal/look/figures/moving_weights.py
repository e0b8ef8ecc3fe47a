"""How many weights of each layer are how large, epoch by epoch.

Letters: S snapshots, B bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure, single
from shoal.look._film import Bars, Film
from shoal.look._film_sheet import draw_film, film_seconds
from shoal.look._layers import MOST_LAYERS
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted


def moving_weights(
    name: str, epoch_S: NDArray[np.int64], layers: Sequence[tuple[str, NDArray[np.int64], int]]
) -> Film:
    """Make histograms of the weights of some layers: the name of each, counts (S, B), and the power of two that bins
    around 0 are wide; bins that stay empty at the ends are left out.
    """
    return Film(name, epoch_S, tuple(_bars(*layer) for layer in layers))


def _bars(layer: str, count_SB: NDArray[np.int64], power: int) -> Bars:
    bins = count_SB.shape[1]
    edge_E = np.ldexp(np.arange(bins + 1) - bins // 2, power).astype(np.float64)
    filled = np.flatnonzero(count_SB.any(axis=0))
    first, last = (int(filled[0]), int(filled[-1])) if len(filled) else (0, bins - 1)
    part_SB = count_SB[:, first : last + 1].astype(np.float64)
    return Bars(f"weights of {layer}", "weight", "number", (), edge_E[first : last + 2], part_SB)


def history(findings: RunFindings) -> Film | None:
    """The weights of the delivered network at its snapshots."""
    inside = findings.inside
    if not inside or not inside.frames or findings.network is None:
        return None
    layers = [layer.name for layer in findings.network[0].layers if f"{layer.name}/counts" in inside.frames]
    counted = [
        (layer, inside.frames[f"{layer}/counts"], int(inside.frames[f"{layer}/power"]))
        for layer in layers[:MOST_LAYERS]
    ]
    return moving_weights(DELIVERED, inside.history["epoch"], counted)


def words(film: Film) -> str:
    """Say it in a sentence, with its few telling numbers."""
    names = ", ".join(panel.title for panel in film.panels)
    return f"Histograms, {names}, at {counted(len(film.epoch_S), 'epoch')} up to {film.epoch_S[-1]}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return film_seconds(extent, min(MOST_LAYERS, len(extent.network.layers)))


FIGURE: Final = Figure(
    chapters=(Chapter.EPOCHS,),
    order=30,
    name="35-epochs-weights",
    title="Weights, epoch by epoch",
    caption="They start where the initialisation put them, and spread as far as training moves them.",
    gather=single(history),
    draw=draw_film,
    words=words,
    seconds=seconds,
)
