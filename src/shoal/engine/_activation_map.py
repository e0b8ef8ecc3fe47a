"""The activations of the last hidden layer at test rows, on a map of two dimensions: principal components.

Pearson (1901): On lines and planes of closest fit to systems of points in space. Philosophical Magazine 2, 559-572.
They are the same wherever they are computed, but for rounding, as maps that are fitted step by step are not. What a map
hides, the nearest rows in the space of all units say.

Letters: M rows, U units.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NEAREST: Final = 10
"""Nearest other rows that are asked for their class, at most."""
_FEWEST: Final = 3
_THUMBNAILS: Final = 40
_APART: Final = 1 / 15
"""Thumbnails, at most, and how far they are apart at least, in shares of the longer side of the map."""


def activation_map(
    output_MU: NDArray[Any], class_M: NDArray[np.int64], rows_M: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Give places on the map, the shares of variance of its two axes, and of each row what share of the nearest is of
    its class; nothing for fewer than three rows, or where all activations are the same, or not finite.
    """
    from threadpoolctl import threadpool_limits

    if len(rows_M) < _FEWEST or not np.isfinite(output_MU).all():
        return {}
    centred_MU = output_MU.astype(np.float64)
    centred_MU -= centred_MU.mean(axis=0)
    with threadpool_limits(1):
        product_MM = centred_MU @ centred_MU.T
        values, vectors = np.linalg.eigh(product_MM)
    total = float(np.trace(product_MM))
    if total == 0:
        return {}
    length_2 = np.sqrt(np.maximum(values[[-1, -2]], 0))
    place_M2 = vectors[:, [-1, -2]] * length_2
    place_M2 *= np.sign(place_M2[np.abs(place_M2).argmax(axis=0), [0, 1]] + (length_2 == 0))
    same_M = _same_class(product_MM, class_M)
    return {
        "rows": rows_M,
        "place": place_M2.astype(np.float32),
        "share": length_2**2 / total,
        "same": same_M,
    }


def apart(place_M2: NDArray[np.float32], most: int = _THUMBNAILS) -> NDArray[np.int64]:
    """Give rows of the map, in their order, at which thumbnails stand free of each other."""
    least = _APART * float(np.ptp(place_M2, axis=0).max())
    chosen: list[int] = []
    for row, place_2 in enumerate(place_M2):
        if len(chosen) < most and (np.abs(place_M2[chosen] - place_2).max(axis=1) >= least).all():
            chosen.append(row)
    return np.array(chosen, np.int64)


def _same_class(product_MM: NDArray[np.float64], class_M: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give what share of the nearest rows is of each row's class, (M,)."""
    square_M = np.diagonal(product_MM)
    distance_MM = square_M[:, None] + square_M - 2 * product_MM
    np.fill_diagonal(distance_MM, np.inf)
    nearest = np.argsort(distance_MM, axis=1, kind="stable")[:, : min(NEAREST, len(class_M) - 1)]
    return np.asarray((class_M[nearest] == class_M[:, None]).mean(axis=1))
