"""How long the gradient of every layer was over the epochs.

Letters: S epochs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._epoch_lines import EpochLines, draw_lines, epoch_line, live_lines, shown_layers
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, Gathered, Subject
from shoal.look._paper import Sheet
from shoal.look._plots import Plot
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.look.figures.dead_units import dead_units
from shoal.nets import Architecture
from shoal.study import Training
from shoal.wording import counted, listed, one_number

VANISHED: Final = 1e-3
"""Share of the last layer's gradient below which, at every epoch, that of the first has vanished."""


@dataclass(frozen=True, eq=False)
class LayerGradient:
    """The norm of the gradient by all parameters of one layer, (S,): NaN where the loss was not finite."""

    layer: str
    norm_S: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gradients:
    """Norms of the gradients of the training loss at `rows` training rows, layer by layer from the first one on."""

    name: str
    epoch_S: NDArray[np.int64]
    rows: int
    layers: tuple[LayerGradient, ...]

    @property
    def vanished(self) -> bool:
        """Whether that of the first layer was tiny beside that of the last at every epoch."""
        first_S, last_S = self.layers[0].norm_S, self.layers[-1].norm_S
        return len(self.layers) > 1 and bool((first_S < VANISHED * last_S).all())


def gradients(findings: RunFindings) -> Gradients | None:
    """Give the gradients of the delivered network; None where they were not measured."""
    inside = findings.inside
    if not inside or "looked_at" not in inside.history or findings.network is None:
        return None
    history = inside.history
    layers = (
        LayerGradient(layer.name, history[f"{layer.name}/gradient"]) for layer in findings.network[0].layers
    )
    return Gradients(DELIVERED, history["epoch"], len(history["looked_at"]), tuple(layers))


def gather(subject: Subject) -> Iterator[Gathered]:
    """The picture, and what is part of the loss in it."""
    findings = subject.findings
    fact = gradients(findings)
    if fact is None or findings.network is None:
        return
    chosen = findings.results.tried.get(findings.delivered.healthy[0].candidate_id)
    training = chosen.training if chosen else findings.study.training
    weights = ["rows"] if len(findings.truth.weights) else []
    weights += ["labels" if findings.labels else "classes"] if training.class_weight != "none" else []
    remark = _measured(findings.network[0], training, weights)
    remark += f" {_vanished(fact)}" if fact.vanished else ""
    if findings.network[0].hidden and dead_units(findings) is None:
        remark += " No unit of a hidden layer was dead at any of these epochs."
    yield Gathered(fact, remark=remark)


def _measured(architecture: Architecture, training: Training, weights: list[str]) -> str:
    """Say what the loss is in which the gradient is taken, as far as this network has such things.

    `weights` name what weighs more or less.
    """
    parts = [f"{listed(weights)} weigh as in training"] if weights else []
    if any(layer.batch_norm for layer in architecture.layers):
        parts.append(f"batch norm takes about {counted(training.batch_size, 'row')} at once, as in training")
    off = ["dropout"] if any(layer.dropout for layer in architecture.layers) else []
    off += ["augmentation"] if training.augment.shift or training.augment.flip else []
    parts += [f"{listed(off)} {'is' if len(off) == 1 else 'are'} off"] if off else []
    parts += ["weight decay is no part of it"] if training.weight_decay else []
    return f" In this loss {'; '.join(parts)}." if parts else ""


def _vanished(fact: Gradients) -> str:
    """Say that the first layer hardly learns from the loss."""
    first, last = fact.layers[0].layer, fact.layers[-1].layer
    return (
        f"At each of these epochs the gradient of {first} is below a thousandth of that of {last}: it vanishes on its"
        " way through the layers, so that the loss hardly tells the first ones how to change."
    )


def caption(fact: Gradients) -> str:
    """What it is, and what to look for."""
    return (
        "Euclidean norm of the gradient of the mean training loss by the parameters of each layer, at"
        f" {counted(fact.rows, 'training row')}. A layer far below the others hardly learns from the loss; norms that"
        " grow by powers of ten go before divergence."
    )


def _lines(fact: Gradients) -> EpochLines:
    layers = [fact.layers[place] for place in shown_layers(len(fact.layers))]
    positive = (np.where(layer.norm_S > 0, layer.norm_S, np.nan) for layer in layers)
    lines = tuple(
        epoch_line(layer.layer, fact.epoch_S, norm_S) for layer, norm_S in zip(layers, positive, strict=True)
    )
    notes = [f"{layer.layer}: 0 at {counted(int(zeros), 'epoch')} (not drawn)"
             for layer in layers if (zeros := (layer.norm_S == 0).sum())]  # fmt: skip
    notes += [f"{len(layers)} of {counted(len(fact.layers), 'layer')}"] * (len(layers) < len(fact.layers))
    any_place = any(len(line.x_M) for line in lines)
    title = f"{fact.name}: norm of the gradient of each layer"
    return EpochLines(title, "norm of the gradient", lines, logarithmic=any_place, notes=tuple(notes))


def draw_gradients(fact: Gradients) -> Sheet:
    """Draw a line for each layer, from the first to the last."""
    return draw_lines(_lines(fact))


def words(fact: Gradients) -> str:
    """Say where the norms begin and end, layer by layer."""
    said = (
        f"{layer.layer} from {one_number(layer.norm_S[0])} to {one_number(layer.norm_S[-1])}"
        for layer in (fact.layers[place] for place in shown_layers(len(fact.layers)))
    )
    return f"Norms of the gradient over {counted(int(fact.epoch_S[-1]), 'epoch')}: {', '.join(said)}."


def live(fact: Gradients) -> Plot:
    """Give lines that answer to the pointer."""
    return live_lines(_lines(fact))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(1) if extent.study.inspect.history > 0 else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=24,
    name="31-delivered-gradients",
    title="Gradients over the epochs",
    caption=caption,
    gather=gather,
    draw=draw_gradients,
    words=words,
    plot=live,
    seconds=seconds,
)
