"""What the pictures of an ensemble show, as plain arrays: how far its networks agree, and what they know together.

Letters: M networks, V test rows, G points along the one input, K classes, I images, L levels of disagreement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.results import vote_counts, vote_entropy


@dataclass(frozen=True, eq=False)
class EnsembleScores:
    """Test scores: of each of M networks, of their mean answer, and of the delivered network (NaN: none)."""

    metric: str
    higher_is_better: bool
    member_M: NDArray[np.float64]
    ensemble: float
    delivered: float

    @property
    def gain(self) -> float:
        """By how much the mean answer is better than the networks on average."""
        gain = self.ensemble - float(self.member_M.mean())
        return gain if self.higher_is_better else -gain


@dataclass(frozen=True, eq=False)
class EnsembleCurve:
    """One target along the one input: each network's curve `member_MG`, their mean and standard deviation.

    `deviation_G` has n - 1 below the fraction. Training and test rows are there to compare it with.
    """

    input: str
    target: str
    x_G: NDArray[np.float64]
    member_MG: NDArray[np.float64]
    mean_G: NDArray[np.float64]
    deviation_G: NDArray[np.float64]
    train_x: NDArray[np.float64]
    train_y: NDArray[np.float64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EnsembleSpread:
    """Spread of the networks at each test row against the error of their mean, for one target, both (V,).

    `correlation` is Spearman's rank correlation of the two: near 1, the spread tells where the errors are;
    NaN where one of them is constant.
    """

    target: str
    deviation_V: NDArray[np.float64]
    error_V: NDArray[np.float64]
    correlation: float

    @property
    def within(self) -> float:
        """Share of the rows whose error is no larger than the spread; of normal errors of that size it is 68 %."""
        return float(np.mean(self.error_V <= self.deviation_V))


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How many of M networks vote against the majority on each test row, and how often the ensemble is wrong there.

    `against_V` is the share not voting for the majority class, `entropy_V` the entropy of the votes in nats,
    `wrong_V` whether the ensemble (the mean probability) is wrong. By level of `against_L`: `rows_L` test rows,
    `wrong_L` of them wrong.
    """

    networks: int
    against_V: NDArray[np.float64]
    entropy_V: NDArray[np.float64]
    wrong_V: NDArray[np.bool_]
    against_L: NDArray[np.float64]
    rows_L: NDArray[np.int64]
    wrong_L: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Disputed:
    """Images of the test rows that the networks disagree about most, and their votes (I, K), most disputed first."""

    classes: tuple[str, ...]
    networks: int
    image_ICHW: NDArray[np.uint8]
    true_I: NDArray[np.int64]
    votes_IK: NDArray[np.int64]


def ensemble_curve(
    names: tuple[str, str],
    grid: tuple[NDArray[Any], NDArray[Any]],
    train: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
) -> EnsembleCurve:
    """Describe the ensemble along the one input; `grid` holds the places and the networks' values (M, G)."""
    x_G, member_MG = (np.asarray(part, np.float64) for part in grid)
    mean_G, deviation_G = member_MG.mean(axis=0), member_MG.std(axis=0, ddof=1)
    return EnsembleCurve(*names, x_G, member_MG, mean_G, deviation_G, *train, *test)


def ensemble_spread(target: str, true_V: NDArray[Any], member_MV: NDArray[Any]) -> EnsembleSpread:
    """Hold the networks' spread at each test row against the error of their mean."""
    deviation_V = np.asarray(member_MV, np.float64).std(axis=0, ddof=1)
    error_V = np.abs(np.asarray(member_MV, np.float64).mean(axis=0) - true_V)
    ranks = _ranks(deviation_V), _ranks(error_V)
    constant = any(rank.min() == rank.max() for rank in ranks)
    correlation = float("nan") if constant else float(np.corrcoef(*ranks)[0, 1])
    return EnsembleSpread(target, deviation_V, error_V, correlation)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank values from 1; equal ones share the mean of their ranks. (scipy.stats would take 50 MB to import.)"""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place])


def disagreement(true_V: NDArray[Any], probability_MVK: NDArray[Any]) -> Disagreement:
    """Count votes against the majority; each network votes for its most probable class."""
    votes_VK, networks = vote_counts(probability_MVK), len(probability_MVK)
    against = networks - votes_VK.max(axis=1)
    wrong_V = probability_MVK.mean(axis=0).argmax(axis=1) != true_V
    level = np.arange(against.max(initial=0) + 1)
    return Disagreement(
        networks=networks,
        against_V=against / networks,
        entropy_V=vote_entropy(probability_MVK),
        wrong_V=wrong_V,
        against_L=level / networks,
        rows_L=np.bincount(against, minlength=len(level)),
        wrong_L=np.bincount(against[wrong_V], minlength=len(level)),
    )


def disputed(
    classes: tuple[str, ...],
    true_V: NDArray[Any],
    probability_MVK: NDArray[Any],
    row_I: NDArray[np.int64],
    image_ICHW: NDArray[np.uint8],
) -> Disputed:
    """Say how the networks voted on the rows `row_I` (numbers into V), whose images are kept."""
    votes_IK = vote_counts(probability_MVK[:, row_I])
    return Disputed(classes, len(probability_MVK), image_ICHW, np.asarray(true_V)[row_I], votes_IK)
