"""What the checks of method measure: curves, values and scores in, plain numbers out.

Letters: T evaluation points of a curve, F networks (fits of one candidate), R repeats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["lowest", "highest"]

FEWEST_POINTS: Final = 12
"""A curve of fewer evaluation points says nothing of a trend."""
LAST_POINTS: Final = 3
"""The last tenth of a curve has so many points at least, where a trend is looked for."""
FALL: Final = 0.01
"""A loss that falls by less than this share is taken to have arrived."""
_MAD: Final = 1.4826
_MEDIAN: Final = 1.2533


def edge_of(value: Any, tried: Sequence[Any]) -> Side | None:
    """Say at which end of the tried values `value` lies; None within, and where there is no end to speak of.

    Only numbers have an order, and two values are the fewest. The smallest value that has a meaning
    (0, or 1 for whole numbers) is no edge: nothing lies beyond it.
    """
    numbers = [one for one in tried if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) < len(tried) or len(set(numbers)) < 2 or value not in numbers:
        return None
    if value == max(numbers):
        return "highest"
    whole = all(isinstance(one, int) for one in numbers)
    return "lowest" if value == min(numbers) and value != 0 and not (whole and value == 1) else None


def late_fall(loss_T: NDArray[Any]) -> float:
    """Give the share by which a loss falls towards its end, 0 where it does not fall beyond its noise.

    The median of the last tenth of the points (`LAST_POINTS` at least) against that of the tenth before. A fall
    counts if it is larger than two standard errors of the difference of the medians (the noise is the median absolute
    deviation of the points from a straight line through both medians) and than 1 % of the loss. NaN for fewer than
    12 points.
    """
    loss_T = np.asarray(loss_T, np.float64)
    loss_T = loss_T[np.isfinite(loss_T)]
    half = max(LAST_POINTS, len(loss_T) // 10)
    if len(loss_T) < FEWEST_POINTS:
        return math.nan
    before, after = loss_T[-2 * half : -half], loss_T[-half:]
    level, end = float(np.median(before)), float(np.median(after))
    slope = (end - level) / half
    place = np.arange(2 * half) - (half - 1) / 2
    rest = np.concatenate((before, after)) - (level + slope * place)
    noise = _MAD * float(np.median(np.abs(rest - np.median(rest))))
    fall = level - end
    clear = fall > 2 * _MEDIAN * noise * math.sqrt(2 / half)
    return fall / level if clear and fall > FALL * level else 0.0


def last_level(loss_T: NDArray[Any]) -> float:
    """Give where a curve ends: the median of its last tenth."""
    return float(np.median(loss_T[-max(1, len(loss_T) // 10) :]))


def lowest_point(losses: Sequence[NDArray[Any]]) -> tuple[int, float]:
    """Give where the mean of several curves of one length is lowest (index from 0), and the mean there.

    Each point is the mean of its neighbourhood (a twentieth of the points), so that one lucky epoch does not win.
    """
    mean_T = np.mean(losses, axis=0)
    width = max(1, len(mean_T) // 20)
    smooth_T = np.convolve(mean_T, np.ones(width) / width, mode="valid")
    place = int(smooth_T.argmin())
    return place + width // 2, float(smooth_T[place])


def pooled_deviation(groups: Sequence[NDArray[Any]]) -> float:
    """Give the standard deviation within groups, all together; NaN where no group has two values."""
    freedom = sum(len(group) - 1 for group in groups if len(group) > 1)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups if len(group) > 1)
    return math.sqrt(squares / freedom) if freedom else math.nan


def luck_of_the_best(count: int) -> float:
    """Give how far the best of `count` equally good scores lies from their mean, in standard deviations.

    The expected largest of `count` standard normal values (Blom 1958, "Statistical estimates and transformed
    beta-variables", section 6.9, which is within 0.03 of it).
    """
    from scipy.special import ndtri

    return float(ndtri((count - 0.375) / (count + 0.25))) if count > 1 else 0.0
