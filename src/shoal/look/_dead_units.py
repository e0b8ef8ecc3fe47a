"""Units that answer the same whatever they are asked.

Letters: U units of a layer, M inputs looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.nets import near_bound


def dead_and_saturated(activation: str, output_MU: NDArray[Any]) -> tuple[int, int]:
    """Count dead units (see `dead_units`) and those that stay close to a bound at all M inputs.

    Close is within 1 % of the range from either bound of the activation's row, or within 0.01 of its only one; without
    bounds nothing saturates. A unit that is both counts as both.
    """
    dead = int(dead_units(activation, output_MU).sum())
    if activation_of(activation).bounds is None:
        return dead, 0
    return dead, int(near_bound(activation, output_MU).all(axis=0).sum())


def dead_units(activation: str, output_MU: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which units are dead, (U,): they give the same at all M inputs, or never leave the flat side.

    That is: they are never above `flat_below` of the activation's row, where it has one, as rectifiers do.
    """
    constant_U = np.ptp(output_MU, axis=0) == 0
    flat_below = activation_of(activation).flat_below
    if flat_below is None:
        return np.asarray(constant_U)
    return np.asarray(constant_U | (output_MU.max(axis=0) <= flat_below))
