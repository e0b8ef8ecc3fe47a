"""Whether the network overfits its training rows.

Letters: T evaluation points of a curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._check import MethodCheck
from shoal.look._evidence import curve_until_kept, fits_of_shares
from shoal.results import Results
from shoal.wording import rounded

GAP: Final = 1.5
"""Validation loss over training loss from which a network is said to overfit."""
RISE: Final = 0.1
"""Share of its lowest value by which the mean validation loss has risen by the end."""
RISE_OF_ONE: Final = 0.2
"""The same of a single network, whose rise has nothing to be held against."""


def overfits(results: Results) -> str:
    """Hold the chosen candidate's validation loss against its training loss, at the end of training."""
    fits = fits_of_shares(results)
    pairs = [
        (curve_until_kept(results, fit, "train_loss"), curve_until_kept(results, fit, "validation_loss"))
        for fit in fits
    ]
    pairs = [(train, judged) for train, judged in pairs if len(train) and len(judged)]
    if not pairs:
        return ""
    train = float(np.mean([last_level(curve) for curve, _ in pairs]))
    judged = float(np.mean([last_level(curve) for _, curve in pairs]))
    curves = [curve for _, curve in pairs]
    if not judged > GAP * train or len({len(curve) for curve in curves}) > 1:
        return ""
    place, lowest = lowest_point(curves)
    if not has_risen(curves, place):
        return ""
    epoch = results.curve(fits[0].fit_id)["epoch"].iloc[place]
    return (
        f"The networks of the chosen candidate end with a validation loss of {rounded(judged, 4)} and a training loss"
        f" of {rounded(train, 4)}: {_times(judged, train)}. The validation loss was lowest near epoch {epoch:,}:"
        f" {rounded(lowest, 4)}."
    )


def has_risen(losses: Sequence[NDArray[Any]], place: int) -> bool:
    """Tell whether the mean of several curves of one length is higher at its end than at `place`, by more than chance.

    By a tenth, and by two standard errors of the mean over the curves; that of a single one by a fifth.
    """
    width = max(1, len(losses[0]) // 20)
    near = slice(max(0, place - width // 2), place - width // 2 + width)
    low_F = np.array([float(np.mean(loss_T[near])) for loss_T in losses])
    rise_F = np.array([last_level(loss_T) for loss_T in losses]) - low_F
    if len(losses) == 1:
        return bool(rise_F[0] > RISE_OF_ONE * low_F[0])
    error = float(rise_F.std(ddof=1)) / math.sqrt(len(losses))
    return bool(rise_F.mean() > max(RISE * low_F.mean(), 2 * error))


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


def _times(high: float, low: float) -> str:
    return f"{high / low:.1f} times as high" if low > 0 else "nothing is left to learn from the training rows"


CHECK: Final = MethodCheck(
    code="SH005",
    severity="warning",
    title="The network overfits its training rows",
    find=overfits,
    why="It has learned its training rows more closely than what they have in common with others.",
    remedy='Train for fewer epochs or keep the best one (training.keep = "best"), add weight decay or dropout, take'
    " a smaller network, or more rows.",
    reference="Prechelt, L. (1998). Early stopping - but when? In: Neural Networks: Tricks of the Trade,"
    " LNCS 1524, 55–69. Springer.",
)
