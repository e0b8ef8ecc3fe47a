"""What the C++ core does not do, in a sentence each: such fits are the torch trainer's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from shoal.activations import ACTIVATIONS
from shoal.engine.trainers.native_core import MAX_CONVS
from shoal.kinds import LAYERS, LOSSES, OPTIMIZERS, CoreKind, row_of
from shoal.nets import Architecture
from shoal.study import Training


def refusal_of(architecture: Architecture, training: Training) -> str | None:
    """Say why the core cannot train such a network so, or None."""
    why = next(chain(_layers(architecture), _names(architecture, training)), None)
    return None if why is None else f"the native trainer {why}"


def _layers(architecture: Architecture) -> Iterator[str]:
    convs = architecture.convolutions
    for layer in architecture.layers:
        if not row_of("layer", LAYERS, layer.kind).core:
            yield f"does not do {layer.kind} layers"
    if len(convs) > MAX_CONVS:
        yield f"takes up to {MAX_CONVS} convolutions"


def _names(architecture: Architecture, training: Training) -> Iterator[str]:
    asked: list[tuple[str, Mapping[str, CoreKind], str]] = [
        *(("activation", ACTIVATIONS, layer.activation) for layer in architecture.layers),
        ("optimizer", OPTIMIZERS, training.optimizer),
        *([("loss", LOSSES, training.loss)] if training.loss else []),
    ]
    for kind, table, name in asked:
        if row_of(kind, table, name).core is None:
            yield f"does not do the {kind} {name}"
