"""Units that are dead or saturated, counted.

Letters: U units of a layer, M inputs looked at.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.nets import dead_units, near_bound


def dead_and_saturated(activation: str, output_MU: NDArray[Any]) -> tuple[int, int]:
    """Count dead units (see `dead_units`) and those that stay close to a bound at all M inputs.

    Close is within 1 % of the range from either bound of the activation's row, or within 0.01 of its only one; without
    bounds nothing saturates. A unit that is both counts as both.
    """
    dead = int(dead_units(activation, output_MU).sum())
    if activation_of(activation).bounds is None:
        return dead, 0
    return dead, int(near_bound(activation, output_MU).all(axis=0).sum())
