"""How scores are compared: which are equal, which are near the best."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_compared(scores: ArrayLike) -> NDArray[np.float64]:
    """Give scores to 12 significant digits, by which they are compared; same shape.

    Equal means of folds can differ in the bits behind these: of 15 rows 14, 12 and 14 right, or 14, 11 and 15.
    """
    exact = np.asarray(scores, np.float64)
    return np.array([float(f"{score:.11e}") for score in exact.ravel().tolist()]).reshape(exact.shape)


def reach_of(score: float, error: float) -> float:
    """Give how far a score may lie from the best one, `score` with its standard `error`, to be near it; NaN is none."""
    return (0.0 if math.isnan(error) else error) + 1e-12 * abs(score)
