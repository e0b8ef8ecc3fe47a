"""Exponentials and logarithms of float64 arrays, to the same bytes on every processor.

numpy has several ways to compute them, as the processor and its settings have it, to other last digits. What enters
results is computed here: by sums, products, quotients and shifts of exponents alone, which IEEE 754 rounds in one way
only. Each is at most 2 units in the last place from the true value. Series of Taylor, their arguments near 0:
Muller, Elementary Functions, 3rd ed., 2016, chapters 3 and 11.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

# The logarithm of 2 as the sum of two: the first ends in zeros, so that its product with an exponent is exact.
_LOG_2_HIGH: Final = float.fromhex("0x1.62e42feep-1")
_LOG_2_LOW: Final = float.fromhex("0x1.a39ef35793c76p-33")
_OF_EXP: Final = tuple(1 / math.factorial(order) for order in range(13, 1, -1))
"""Of r squared and more in exp(r), up to r^13, that of the highest power first."""
_OF_LOG: Final = tuple(2 / order for order in range(25, 1, -2))
"""Of s^3 and more, in s^2, in the logarithm of (1 + s) / (1 - s)."""
_LOWEST, _HIGHEST = -746.0, 710.0  # beyond these exp is 0 and infinite

_BLOCK: Final = 4096
"""Numbers that are computed at once: as many as lie near the processor."""


def _in_blocks(function: Callable[[Floats], Floats]) -> Callable[[ArrayLike], Floats]:
    """Let a function of each number take whatever becomes an array of float64, block by block."""

    @wraps(function)
    def of(x: ArrayLike) -> Floats:
        import numpy as np

        x = np.asarray(x, np.float64)
        if x.size <= _BLOCK:
            return function(x)
        flat = x.reshape(-1)
        parts = [function(flat[start : start + _BLOCK]) for start in range(0, len(flat), _BLOCK)]
        return np.concatenate(parts).reshape(x.shape)

    return of


@_in_blocks
def exp(x: Floats) -> Floats:
    """Give e to the power of each number; 0 or infinite, without a warning, where float64 holds it not."""
    import numpy as np

    exponent, rest, more = _reduced(x)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(1 + (rest + more), exponent))


@_in_blocks
def expm1(x: Floats) -> Floats:
    """Give exp(x) - 1, with all digits where x is near 0."""
    import numpy as np

    exponent, rest, more = _reduced(x)
    with np.errstate(over="ignore", under="ignore"):
        power = np.ldexp(1.0, np.minimum(exponent, 1023))
        near = power * (rest + more) + (power - 1)
        far = np.ldexp(1 + (rest + more), exponent) - 1
        return np.where(exponent > 52, far, near)


@_in_blocks
def log(x: Floats) -> Floats:
    """Give the natural logarithm of each number; that of 0 is -inf, of less than 0 NaN, with numpy's warnings."""
    import numpy as np

    mantissa, exponent = np.frexp(x)
    low = mantissa < math.sqrt(0.5)
    return _where_ordinary(x, _logarithm(np.where(low, 2 * mantissa, mantissa) - 1, exponent - low))


@_in_blocks
def log1p(x: Floats) -> Floats:
    """Give the natural logarithm of 1 + x, with all digits where x is near 0; beyond -1 as `log` has it."""
    import numpy as np

    whole = 1 + x
    mantissa, exponent = np.frexp(whole)
    low = mantissa < math.sqrt(0.5)
    exponent = exponent - low
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # what the sum has lost, as a share of it
        lost = np.where(whole > x, x - (whole - 1), 1 - (whole - x)) / whole
        far = _logarithm(np.where(low, 2 * mantissa, mantissa) - 1, exponent, lost)
        near = _logarithm(x, np.zeros_like(exponent))
    return _where_ordinary(whole, np.where(exponent == 0, near, far))


def _reduced(x: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Give k, r and exp(r) - 1 - r, where x is r and k times the logarithm of 2."""
    import numpy as np

    x = np.clip(x, _LOWEST, _HIGHEST)
    k = np.rint(x * (1 / math.log(2)))
    rest = (x - k * _LOG_2_HIGH) - k * _LOG_2_LOW
    with np.errstate(under="ignore"):
        return np.where(np.isnan(k), 0, k).astype(np.int64), rest, _polynomial(_OF_EXP, rest) * (rest * rest)


def _logarithm(f: Floats, exponent: Any, lost: Any = 0.0) -> Floats:
    """Give the logarithm of 2 to the power of `exponent`, times 1 + f, times 1 + lost."""
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        s = f / (2 + f)
        half = 0.5 * f * f
        series = s * s * _polynomial(_OF_LOG, s * s)
        small = s * (half + series) + (exponent * _LOG_2_LOW + lost)
        return np.asarray(exponent * _LOG_2_HIGH - ((half - small) - f))


def _polynomial(of: tuple[float, ...], x: Floats) -> Floats:
    """Evaluate it by Horner's rule, its coefficients from that of the highest power."""
    import numpy as np

    total = np.full_like(x, of[0])
    for coefficient in of[1:]:
        total *= x
        total += coefficient
    return total


def _where_ordinary(x: Floats, logarithm: Floats) -> Floats:
    """Put what numpy gives, and warns of, where numbers have no logarithm or an infinite one."""
    import numpy as np

    ordinary = (x > 0) & (x < np.inf)
    if ordinary.all():
        return logarithm
    return np.where(ordinary, logarithm, np.log(np.where(ordinary, 1.0, x)))
