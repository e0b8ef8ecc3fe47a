"""What the whole search may expect of its choice: the choice made again on drawn rows, and scored on the others.

Letters: C candidates, U units (rows or groups of rows), D draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pick = Callable[[Floats], NDArray[np.int64]]
"""Chooses from the scores of all candidates, (D, C), one of each draw, (D,)."""
DRAWS: Final = 500
_AT_ONCE: Final = 2_000_000


def procedure_score(part_UC: Floats, share_U: Floats, pick: Pick) -> float:
    """Give the expected score of whichever candidate is picked: the choice is made anew on drawn rows, no fit is.

    `part_UC` adds up over U to the candidates' scores, `share_U` to 1. Units are drawn with replacement; the candidate
    that is picked on them is scored on those that were not drawn; the mean over draws is given (NaN for fewer than two
    units). Bias-corrected bootstrap cross-validation: Tsamardinos, Greasidou, Borboudakis 2018, "Bootstrapping the
    out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 107, 1895-1922.
    """
    part_UC, share_U = part_UC[share_U > 0], share_U[share_U > 0]
    units, generator = len(share_U), np.random.default_rng(0)
    if units < 2:
        return float("nan")
    total, weight = 0.0, 0
    step = max(1, _AT_ONCE // units)
    for start in range(0, DRAWS, step):
        count_DU = generator.multinomial(units, np.full(units, 1 / units), size=min(step, DRAWS - start))
        rest_DU = (count_DU == 0).astype(np.float64)
        usable_D = rest_DU.any(axis=1)
        count_DU, rest_DU = count_DU[usable_D], rest_DU[usable_D]
        picked_D = pick((count_DU @ part_UC) / (count_DU @ share_U)[:, None])
        rest_DC = (rest_DU @ part_UC) / (rest_DU @ share_U)[:, None]
        total += float(rest_DC[np.arange(len(picked_D)), picked_D].sum())
        weight += len(picked_D)
    return total / weight
