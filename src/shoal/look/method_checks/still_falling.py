"""Whether the validation loss is still falling at the last epoch.

Letters: T evaluation points of a curve.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._check import MethodCheck
from shoal.look._evidence import curve_until_kept, fits_of_shares
from shoal.results import FitRecord, Results
from shoal.wording import counted, percent

FEWEST_POINTS: Final = 12
"""A curve of fewer evaluation points says nothing of a trend."""
LAST_POINTS: Final = 3
"""The last tenth of a curve has so many points at least, where a trend is looked for."""
FALL: Final = 0.01
"""A loss that falls by less than this share is taken to have arrived."""
_MAD: Final = 1.4826
_MEDIAN: Final = 1.2533


def still_falling(results: Results) -> str:
    """Count the networks of the chosen candidate whose validation loss still falls at the end: more than half."""
    fits = fits_of_shares(results)
    curves = [curve_until_kept(results, fit, "validation_loss") for fit in fits]
    at_end = [_is_kept_at_its_end(results.summaries[fit.fit_id]) for fit in fits]
    falls = np.array([late_fall(curve) if last else 0.0 for curve, last in zip(curves, at_end, strict=True)])
    falls = falls[np.isfinite(falls)]
    falling = falls[falls > 0]
    if len(falling) <= len(falls) / 2 or not len(falls):
        return ""
    short = any(FEWEST_POINTS <= len(curve) < 10 * LAST_POINTS for curve in curves)
    over = f"the last {LAST_POINTS} epochs that were evaluated" if short else "the last tenth of the epochs"
    return (
        f"The validation loss of {len(falling)} of {counted(len(falls), 'network')} of the chosen candidate was"
        f" still falling at the end: over {over} it fell by"
        f" {percent(float(np.median(falling)))} (median)."
    )


def _is_kept_at_its_end(record: FitRecord) -> bool:
    """Whether the weights kept are of the last tenth of the epochs: else training went on without getting better."""
    return record.kept_epoch > 0.9 * record.epochs


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


CHECK: Final = MethodCheck(
    code="SH002",
    severity="warning",
    title="The validation loss is still falling at the last epoch",
    find=still_falling,
    why="Training stopped before the network had learned what it can, so candidates are compared by how fast"
    " they learn, not by where they arrive.",
    remedy="Raise training.epochs, or the learning rate, or let a schedule bring it down towards the end.",
    reference="Bengio, Y. (2012). Practical recommendations for gradient-based training of deep architectures."
    " In: Neural Networks: Tricks of the Trade, LNCS 7700, 437–478. Springer.",
)
