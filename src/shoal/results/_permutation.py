"""Whether what was learned is more than chance makes of the same settings: the permutation test of the whole.

Ojala, Garriga 2010, "Permutation tests for studying classifier performance", JMLR 11, 1833-1863, test 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.results._differences import task_of
from shoal.results._record import FitRecord, PlanEntry, Truth
from shoal.results._score_rows import row_score
from shoal.results._scores import higher_is_better

LARGEST_SHARE: Final = 1 / 3
"""Of the training rows. In most orders of the groups much of a larger one keeps its own targets, so that p is below 5 %
by chance in 8 % of studies."""


@dataclass(frozen=True)
class PermutationTest:
    """The test score of the delivered network, `observed`, and those of networks of its settings that learned permuted
    targets; `failed` of them diverged or failed. `p` is the share of all that are at least as good, it itself counted;
    NaN where `why` says so.
    """

    metric: str
    observed: float
    scores: tuple[float, ...]
    failed: int
    as_good: int
    why: str = ""

    @property
    def permutations(self) -> int:
        """How many networks learned permuted targets."""
        return len(self.scores) + self.failed

    @property
    def p(self) -> float:
        """(1 + as good) / (1 + permutations); one that failed counts as if it were as good."""
        return math.nan if self.why else (1 + self.as_good + self.failed) / (1 + self.permutations)


def permutation_test(
    plan: Sequence[PlanEntry],
    fits: Mapping[str, FitRecord],
    truth: Truth,
    metric: str,
    answers: Callable[[str], NDArray[np.float64]],
    said: Distribution | None = None,
) -> PermutationTest | None:
    """Make the test by a score; None where none was asked for, or not all is trained.

    `said` is what the networks say of a target, where that is more than one number.
    """
    permuted = [entry.fit_id for entry in plan if entry.stage == "permuted"]
    refits = [entry.fit_id for entry in plan if entry.stage == "refit"]
    if not permuted or not {*permuted, *refits} <= fits.keys():
        return None
    healthy = [fit_id for fit_id in refits if fits[fit_id].status == "ok"]
    if not healthy:
        return None
    score, y = row_score(task_of(truth), metric, said), truth.y[truth.train_rows :]
    weight_V = truth.test_weights
    observed = score.score(y, answers(healthy[0]), weight_V)
    if math.isnan(observed):
        return None
    well = [fit_id for fit_id in permuted if fits[fit_id].status == "ok"]
    scores = [score.score(y, answers(fit_id), weight_V) for fit_id in well]
    as_good = sum(value >= observed if higher_is_better(metric) else value <= observed for value in scores)
    return PermutationTest(
        metric, observed, tuple(scores), len(permuted) - len(scores), as_good, _why_no_p(truth)
    )


def _why_no_p(truth: Truth) -> str:
    """Say that one group holds too many of the training rows; else nothing."""
    if not len(truth.groups):
        return ""
    size_G = np.unique(truth.groups[: truth.train_rows], return_counts=True)[1]
    share = size_G.max() / truth.train_rows
    if share <= LARGEST_SHARE or (size_G == size_G[0]).all():
        return ""
    return f"one group holds {share:.0%} of the training rows, many of which keep targets of their own"
