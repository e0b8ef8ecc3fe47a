"""What nets make of the rows of activations: torch's layers, and which outputs have come to an end.

Letters: B rows, M inputs looked at, U units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.activations import activation_of

if TYPE_CHECKING:
    from torch import nn

SATURATED_WITHIN: Final = 0.01
"""An output is close to a bound within this distance, in shares of the distance between both, or of 1."""


def activation_parts(torch: Any, name: str, activation: str) -> dict[str, nn.Module]:
    """Give torch's layer for the activation of layer `name`, by its own name; none where it does nothing."""
    module = activation_of(activation).module
    return {f"{name}_activation": getattr(torch.nn, module)()} if module else {}


def near_bound(activation: str, output: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which outputs lie so close to a bound of their activation that they hardly change any more."""
    low, high = activation_of(activation).bounds or (-np.inf, np.inf)
    margin = SATURATED_WITHIN * (high - low if np.isfinite(high - low) else 1.0)
    return np.asarray((output < low + margin) | (output > high - margin))


def dead_units(activation: str, output_MU: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which units are dead, (U,): they give the same at all M inputs, or never leave the flat side.

    That is: they are never above `flat_below` of the activation's row, where it has one, as rectifiers do.
    """
    constant_U = np.ptp(output_MU, axis=0) == 0
    flat_below = activation_of(activation).flat_below
    if flat_below is None:
        return np.asarray(constant_U)
    return np.asarray(constant_U | (output_MU.max(axis=0) <= flat_below))
