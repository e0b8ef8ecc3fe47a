"""How many units and channels of every layer are dead or saturated, put together from the pictures of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.look._run_findings import RunFindings
from shoal.look.figures.class_activation import class_activation
from shoal.look.figures.units import profiles_of


@dataclass(frozen=True, eq=False)
class UnitCounts:
    """Dead and saturated units of every layer, over `rows` test rows (or points of the one input)."""

    layer: tuple[str, ...]
    activation: tuple[str, ...]
    units: NDArray[np.int64]
    dead: NDArray[np.int64]
    saturated: NDArray[np.int64]
    rows: NDArray[np.int64]


def unit_counts(findings: RunFindings) -> UnitCounts | None:
    """How many channels and units of every layer are dead or saturated; None where no layer could be looked at."""
    rows: list[tuple[str, str, int, int, int, int]] = []
    answers = class_activation(findings)
    if answers is not None:
        rows += [
            (
                layer.layer,
                layer.activation,
                layer.mean_KU.shape[1],
                layer.dead,
                layer.saturated,
                answers.images,
            )
            for layer in answers.layers
        ]
    profiles = profiles_of(findings)
    if profiles is not None:
        rows += [
            (layer.layer, layer.activation, layer.output_MU.shape[1], layer.dead, layer.saturated, layer.rows)
            for layer in profiles.layers
        ]
    if not rows:
        return None
    layers, kinds, *counts = zip(*rows, strict=True)
    return UnitCounts(layers, kinds, *(np.array(count, np.int64) for count in counts))
