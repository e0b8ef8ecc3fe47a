"""Batch norms as part of the sums before them, which is what they are where nothing is trained. Letters: U units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture
from shoal.nets.layers.norm import BATCH


def without_norms(
    architecture: Architecture, parameters_P: NDArray[Any], buffers: NDArray[Any]
) -> tuple[Architecture, NDArray[np.float32]]:
    """Give a network without norms, and parameters by which it answers what the one with them answers in evaluation."""
    named = architecture.named(parameters_P, buffers)
    layers: list[Any] = []
    for layer in architecture.layers:
        if layer.batch_norm:
            named |= BATCH.folded(layer.name, named)
            layers.append(replace(layer, batch_norm=False))
        else:
            layers.append(layer)
    plain = replace(architecture, layers=tuple(layers))
    return plain, np.concatenate([named[slot.name].reshape(-1) for slot in plain.slots]).astype(np.float32)
