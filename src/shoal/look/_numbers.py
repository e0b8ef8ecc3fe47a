"""Numbers as a person reads them."""

from __future__ import annotations

import math
from typing import Final

ROUNDING: Final = 1e-12
"""What is smaller than this share of the largest number is a rounding error, and shown as 0."""


def one_number(value: float, digits: int = 3) -> str:
    """Write one number with some significant digits, thousands apart and a true minus; from 1,000 on it is whole."""
    if not math.isfinite(value):
        return "–"
    if abs(value) < 1000:
        value = float(f"{value:.{digits}g}")
    if value == 0 or 1e-4 <= abs(value) < 1e15:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:,.{decimals}f}".replace("-", "−")
    return f"{value:.{digits - 1}e}".replace("-", "−")


def percent(share: float, decimals: int = 1) -> str:
    """Write a share as a percentage that stays on one line; 0 and 100 only where it is so."""
    if not math.isfinite(share):
        return "–"
    least = 10.0**-decimals
    if ROUNDING < share < least / 100:
        return f"< {least:.{decimals}f}\u00a0%"
    if 1 - least / 100 < share < 1 - ROUNDING:
        return f"> {100 - least:.{decimals}f}\u00a0%"
    return f"{100 * share:.{decimals}f}\u00a0%"


def interval(low: float, high: float) -> str:
    """Write an interval."""
    return "–" if math.isnan(low) or math.isnan(high) else f"{one_number(low)} to\u00a0{one_number(high)}"
