"""Centring and scaling: statistics of chosen numbers, and the numbers that they make.

Letters: N rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import DataError, Problem
from shoal.wording import quoted

_FLOAT32: Final[np.dtype[Any]] = np.dtype(np.float32)


@dataclass(frozen=True)
class Scale:
    """Values become (value - mean) / scale."""

    name: str
    mean: float = 0.0
    scale: float = 1.0

    def applied(
        self, values_N: NDArray[np.float64], noun: str, dtype: np.dtype[Any] = _FLOAT32
    ) -> NDArray[Any]:
        """Centre and scale in float64, then round once to `dtype`. Raises DataError for what that does not hold."""
        largest = float(np.finfo(dtype).max)
        with np.errstate(over="ignore"):
            scaled_N = (values_N - self.mean) / self.scale
        worst = int(np.argmax(np.abs(scaled_N))) if len(scaled_N) else 0
        if len(scaled_N) and not abs(scaled_N[worst]) <= largest:
            most = f"{largest:.2g}".replace("+", "")
            bits = f"{8 * dtype.itemsize}-bit floating point ({most})"
            what = f"expected numbers within {bits}, got {values_N[worst]}"
            raise DataError(Problem(f"{noun} column {quoted(self.name)}", what))
        return scaled_N.astype(dtype, copy=False)

    def to_json(self) -> dict[str, Any]:
        """Give plain values for a model file; floats travel exactly."""
        return {"name": self.name, "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_json(cls, entry: object) -> Scale | None:
        """Read what `to_json` gave, from a file that may be foreign; None for anything else."""
        match entry:
            case {"name": str(name), "mean": float(mean), "scale": float(scale), **others} if not others:
                if math.isfinite(mean) and math.isfinite(scale) and scale > 0:
                    return cls(name, mean, scale)
        return None


def fit_scale(name: str, values_N: NDArray[np.float64]) -> Scale:
    """Mean and population standard deviation, in two passes over numbers brought near 1 by a power of two.

    That is what scikit-learn's StandardScaler has; a constant column is only centred. Raises DataError where one of
    them overflows.
    """
    low, high = float(values_N.min()), float(values_N.max())
    if low == high:
        return Scale(name, low, 1.0)
    unit = 2.0 ** min(1000, math.frexp(max(abs(low), abs(high)))[1])
    rest_N = values_N / unit  # the one array of this length, which holds all that follows
    mean = float(np.mean(rest_N)) * unit
    with np.errstate(over="ignore"):
        np.subtract(values_N, mean, out=rest_N)
    spread = max(float(rest_N.max()), -float(rest_N.min()))
    if not math.isfinite(spread) or spread < np.finfo(np.float64).tiny:
        what = f"expected numbers that can be standardised, got values from {low} to {high}"
        raise DataError(Problem(f"column {quoted(name)}", what))
    rest_N /= spread
    rest_N -= rest_N.mean()
    return Scale(name, mean, spread * math.sqrt(float(np.mean(np.square(rest_N, out=rest_N)))))


def scale_of_counts(name: str, count_V: list[int]) -> Scale:
    """Mean and population standard deviation of whole numbers, given how often each occurs."""
    total = sum(count_V)
    first = sum(value * count for value, count in enumerate(count_V))
    second = sum(value * value * count for value, count in enumerate(count_V))
    spread = total * second - first * first  # total squared times the variance, exactly
    return Scale(name, first / total, math.sqrt(spread) / total if spread else 1.0)
