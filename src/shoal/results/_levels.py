"""Whether quantiles hold what their levels say: of how many test rows the target lies below each.

Letters: V test rows, K targets, L levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution, by_target
from shoal.results._intervals import FEWEST_ROWS_OF_SHARES, Interval, Units, Z, left_out, spread_of, wilson
from shoal.results._record import Truth
from shoal.results._score_rows import row_score
from shoal.results._scores import mean_over_rows

NEAR: Final = 0.03
"""A share that is off its level by no more is near enough; by half the distance of the level from 0 or 1, too."""


@dataclass(frozen=True)
class LevelHeld:
    """The `share` of so many test `rows` on which a target lies below its quantile at a `level`.

    Rows on which it lies at the quantile are counted, or not, as the level asks for. `worth` is how many rows would say
    as much, each drawn by itself: where rows are of groups, weigh unlike, or follow each other in time, fewer.
    """

    target: str
    level: float
    share: float
    rows: int
    worth: float

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the share for other test rows."""
        return Interval(*wilson(self.share, self.worth))

    def is_off(self, among: int) -> bool:
        """Whether the share is not the level by more than chance (1 %, of so many: Bonferroni), and not near it."""
        low, high = wilson(self.share, self.worth, NormalDist().inv_cdf(1 - 0.005 / among))
        far = abs(self.share - self.level) > min(NEAR, self.level / 2, (1 - self.level) / 2)
        return far and not low <= self.level <= high


def levels_held(
    truth: Truth, said: Distribution, answers_VA: NDArray[np.float64], units: Units
) -> tuple[LevelHeld, ...]:
    """Hold all quantiles against the test rows, target by target; none of too few rows."""
    y_VK = truth.y[truth.train_rows :]
    if len(y_VK) < FEWEST_ROWS_OF_SHARES:
        return ()
    quantile_VKL = said.quantiles(by_target(answers_VA, y_VK.shape[1]))
    below_KL, up_to_KL = (
        mean_over_rows(compare(y_VK[..., None], quantile_VKL), units.weight_N)
        for compare in (np.less, np.less_equal)
    )
    share_KL = np.clip(said.levels, below_KL, up_to_KL)
    return tuple(
        LevelHeld(
            name,
            level,
            float(share_KL[k, n]),
            len(y_VK),
            _worth(y_VK[:, k] < quantile_VKL[:, k, n], float(share_KL[k, n]), units),
        )
        for k, name in enumerate(truth.target_names)
        for n, level in enumerate(said.levels)
    )


def _worth(below_V: NDArray[np.bool_], share: float, units: Units) -> float:
    """Give how many rows, each drawn by itself, would say as much of a share.

    Of blocks as many as the spread of their own shares is worth, with Student's quantile for so few of them.
    """
    if not units.in_time:
        return units.effective
    from scipy.special import stdtrit

    score = row_score("classification", "accuracy")
    hit_V2 = np.stack([~below_V, below_V], axis=1).astype(np.float64)
    error = spread_of(left_out(score, np.ones(len(below_V), np.int64), hit_V2, units)[1]).error
    if not error > 0 or not 0 < share < 1:
        return units.effective
    wider = float(stdtrit(max(units.freedom, 1.0), 0.975)) / Z
    return min(share * (1 - share) / (error * wider) ** 2, float(len(below_V)))
