"""Which share of the units of every hidden layer was dead over the epochs.

Letters: S epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._epoch_lines import EpochLines, draw_lines, epoch_line, live_lines, shown_layers
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import Sheet
from shoal.look._plots import Plot
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted


@dataclass(frozen=True, eq=False)
class LayerDead:
    """The share of the units, or channels, of one layer that were dead, (S,)."""

    layer: str
    units: int
    share_S: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DeadUnits:
    """Shares of dead units at `rows` training rows, layer by layer."""

    name: str
    epoch_S: NDArray[np.int64]
    rows: int
    layers: tuple[LayerDead, ...]


def dead_units(findings: RunFindings) -> DeadUnits | None:
    """Give the shares of the delivered network; None where they were not measured, or no unit was dead."""
    inside = findings.inside
    if not inside or "looked_at" not in inside.history or findings.network is None:
        return None
    architecture, history = findings.network[0], inside.history
    layers = tuple(
        LayerDead(layer.name, layer.units, history[f"{layer.name}/dead"])
        for layer in architecture.layers
        if layer.name in architecture.hidden
    )
    if not any(layer.share_S.any() for layer in layers):
        return None
    return DeadUnits(DELIVERED, history["epoch"], len(history["looked_at"]), layers)


def _lines(fact: DeadUnits) -> EpochLines:
    layers = [fact.layers[place] for place in shown_layers(len(fact.layers))]
    lines = tuple(epoch_line(layer.layer, fact.epoch_S, 100 * layer.share_S) for layer in layers)
    notes = (
        (f"{len(layers)} of {counted(len(fact.layers), 'layer')}",) if len(layers) < len(fact.layers) else ()
    )
    title = f"{fact.name}: dead units of each hidden layer"
    return EpochLines(title, "dead units (%)", lines, notes=notes)


def draw_dead_units(fact: DeadUnits) -> Sheet:
    """Draw a line for each layer, from the first to the last."""
    return draw_lines(_lines(fact))


def caption(fact: DeadUnits) -> str:
    """What a dead unit is, and what to look for."""
    return (
        "A dead unit or channel answers the same to all of"
        f" {counted(fact.rows, 'training row')}, or never leaves the flat side of its activation, and learns nothing"
        " more from them. A share that jumps up early often comes of too large a learning rate."
    )


def words(fact: DeadUnits) -> str:
    """Say how many are dead at the end, and at most."""
    said = []
    for layer in fact.layers:
        last, most = (round(layer.units * share) for share in (layer.share_S[-1], layer.share_S.max()))
        said.append(f"{layer.layer} {last:,} of {layer.units:,} (at most {most:,})")
    return f"Dead units at the end: {', '.join(said)}."


def live(fact: DeadUnits) -> Plot:
    """Give lines that answer to the pointer."""
    return live_lines(_lines(fact))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    hidden = extent.study.inspect.history > 0 and extent.network.hidden
    return panels_seconds(1) if hidden else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=26,
    name="31-delivered-dead-units",
    title="Dead units over the epochs",
    caption=caption,
    gather=single(dead_units),
    draw=draw_dead_units,
    words=words,
    plot=live,
    seconds=seconds,
)
