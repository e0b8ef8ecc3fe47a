"""Kinds of rows and of networks whose expected scores are known in closed form, or by a sum over a fine grid.

Letters: N rows, K outputs or classes, R repeats, G groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Rng = np.random.Generator
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """True values of N rows, answers of R networks to them (R, N, K), the group of each row (empty for none)."""

    y: NDArray[Any]
    one: Floats
    first: Floats
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class Errors:
    """How wrong a regression is: errors of one row, their expected square and size."""

    draw: Callable[[Rng, tuple[int, ...]], Floats]
    square: float
    size: float


def _student(freedom: float) -> Errors:
    law = stats.t(freedom)
    size = float(2 * law.expect(lambda value: value, lb=0))
    return Errors(lambda rng, shape: rng.standard_t(freedom, shape), float(law.var()), size)


NORMAL = Errors(lambda rng, shape: rng.standard_normal(shape), 1.0, float(np.sqrt(2 / np.pi)))
T5, T4, T3 = _student(5), _student(4), _student(3)
_MIDDLE = float(np.exp(0.5))
_SIZE = float(2 * _MIDDLE * (2 * stats.norm.cdf(0.5) - 1))
EXP = Errors(lambda rng, shape: np.exp(rng.standard_normal(shape)) - _MIDDLE, float(np.e * (np.e - 1)), _SIZE)


def group_numbers(rng: Rng, groups: int) -> NDArray[np.int64]:
    """Draw groups of 1 to 19 rows."""
    return np.repeat(np.arange(groups), rng.integers(1, 20, groups))


def regression(rng: Rng, rows: int, errors: Errors, scales: tuple[float, ...] = (1.0,)) -> Rows:
    """One network with these errors, of targets in different units."""
    unit = np.array(scales)
    y = rng.standard_normal((rows, len(unit))) * unit
    answers = (y + errors.draw(rng, y.shape) * unit)[None]
    return Rows(y, answers, answers, np.zeros(0, np.int64))


def equals(rng: Rng, rows: int, errors: Errors, apart: float) -> Rows:
    """Two networks, each so far `apart` from what can be known, by chance: their true difference is 0."""
    known = rng.standard_normal((rows, 1))
    y = known + errors.draw(rng, known.shape)
    one, first = (known[None] + apart * rng.standard_normal((1, rows, 1)) for _ in range(2))
    return Rows(y, one, first, np.zeros(0, np.int64))


def grouped_regression(rng: Rng, groups: int, errors: Errors) -> Rows:
    """Errors that are two thirds those of the group: expected square 1 + half that of `errors`."""
    group_N = group_numbers(rng, groups)
    error_N = rng.standard_normal(groups)[group_N] + np.sqrt(0.5) * errors.draw(rng, group_N.shape)
    y = rng.standard_normal((len(group_N), 1))
    answers = (y[:, 0] + error_N)[None, :, None]
    return Rows(y, answers, answers, group_N)


def named(rng: Rng, y_N: NDArray[np.int64], right_N: NDArray[np.bool_], classes: int) -> Floats:
    """Probabilities of a network that names the right class, or any other."""
    other_N = (y_N + rng.integers(1, classes, len(y_N))) % classes
    probability_NK = np.full((len(y_N), classes), 0.1 / classes)
    probability_NK[np.arange(len(y_N)), np.where(right_N, y_N, other_N)] += 0.9
    return probability_NK


def classification(rng: Rng, rows: int, share: float, classes: int) -> Rows:
    """One network that is right on each row with the same chance."""
    y = rng.integers(0, classes, rows)
    answers = named(rng, y, rng.random(rows) < share, classes)[None]
    return Rows(y, answers, answers, np.zeros(0, np.int64))


def grouped_classification(rng: Rng, groups: int, middle: float, spread: float, classes: int) -> Rows:
    """Groups with shares of their own, the logistic function of a normal number; `grouped_share` is the mean."""
    group_N = group_numbers(rng, groups)
    share_G = 1 / (1 + np.exp(-(middle + spread * rng.standard_normal(groups))))
    y = rng.integers(0, classes, len(group_N))
    answers = named(rng, y, rng.random(len(group_N)) < share_G[group_N], classes)[None]
    return Rows(y, answers, answers, group_N)


def grouped_share(middle: float, spread: float) -> float:
    """Integrate the share of `grouped_classification`."""
    point = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    return float(np.mean(1 / (1 + np.exp(-(middle + spread * point)))))


def margins(rng: Rng, rows: int, middle: float, spread: float) -> Rows:
    """Probabilities of two classes from normal margins, so that losses have a tail; `margin_loss` is their mean."""
    y = rng.integers(0, 2, rows)
    of_truth_N = 1 / (1 + np.exp(-(middle + spread * rng.standard_normal(rows))))
    answers = np.where(np.arange(2) == y[:, None], of_truth_N[:, None], 1 - of_truth_N[:, None])[None]
    return Rows(y, answers, answers, np.zeros(0, np.int64))


def margin_loss(middle: float, spread: float) -> float:
    """Integrate the cross-entropy of `margins`."""
    point = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    return float(np.mean(np.logaddexp(0, -(middle + spread * point))))


FEATURES = 5


@dataclass(frozen=True)
class Regressors:
    """Two networks, R times each: an error of the row, one of the network on the row's features, and a shift of `one`.

    `again` is the standard deviation of a network's weights on the features from repeat to repeat, `alike` the
    correlation of both networks' weights in a repeat.
    """

    errors: Errors
    again: float
    alike: float
    shift: float

    def draw(self, rng: Rng, repeats: int, rows: int, groups: int = 0) -> Rows:
        """Draw test rows and networks; with groups, features and shifts are those of the groups."""
        group_N = group_numbers(rng, groups) if groups else np.arange(rows)
        units = groups or rows
        feature_ND = rng.standard_normal((units, FEATURES))[group_N]
        shifted_N, noise_N = rng.standard_normal(units)[group_N], self.errors.draw(rng, group_N.shape)
        shared_RD = rng.standard_normal((repeats, FEATURES))
        error_RN = []
        for shift in (self.shift, 0.0):
            own_RD = rng.standard_normal((repeats, FEATURES))
            weight_RD = self.again * (np.sqrt(self.alike) * shared_RD + np.sqrt(1 - self.alike) * own_RD)
            error_RN.append(noise_N + shift * shifted_N + weight_RD @ feature_ND.T)
        y = 2 * rng.standard_normal((len(group_N), 1))
        one, first = (y[None] + error[:, :, None] for error in error_RN)
        return Rows(y, one, first, group_N if groups else np.zeros(0, np.int64))

    def truth(self, metric: str) -> float:
        """Give the expected difference over rows and initialisations."""
        if metric in ("mse", "r2"):
            return self.shift**2 if metric == "mse" else -(self.shift**2) / 4
        weight = self.again**2 * stats.chi2(FEATURES).ppf((np.arange(20_000) + 0.5) / 20_000)
        roots = [np.sqrt(self.errors.square + shift**2 + weight).mean() for shift in (self.shift, 0.0)]
        return float(roots[0] - roots[1])


@dataclass(frozen=True)
class Classifiers:
    """Two networks, R times each, right where ease of the row, luck on it and of the network are above 0 in sum."""

    ease: float
    again: float
    alike: float
    shift: float
    classes: int

    def draw(self, rng: Rng, repeats: int, rows: int, groups: int = 0) -> Rows:
        """Draw test rows and networks; with groups, the ease is that of the groups."""
        group_N = group_numbers(rng, groups) if groups else np.arange(rows)
        ease_N = self.ease + rng.standard_normal(groups or rows)[group_N]
        y = rng.integers(0, self.classes, len(group_N))
        answers: tuple[list[Floats], list[Floats]] = ([], [])
        for _ in range(repeats):
            shared_N, shared = rng.standard_normal(len(y)), rng.standard_normal()
            for shift, kept in zip((self.shift, 0.0), answers, strict=True):
                luck_N = self._mixed(shared_N, rng.standard_normal(len(y)))
                luck = self.again * self._mixed(shared, rng.standard_normal())
                kept.append(named(rng, y, ease_N + shift + luck_N + luck > 0, self.classes))
        return Rows(
            y, np.array(answers[0]), np.array(answers[1]), group_N if groups else np.zeros(0, np.int64)
        )

    def _mixed(self, shared: Any, own: Any) -> Any:
        return np.sqrt(self.alike) * shared + np.sqrt(1 - self.alike) * own

    def share(self, shift: float) -> float:
        """Give the expected accuracy; with errors spread evenly over classes it is the macro F1 too."""
        return float(stats.norm.cdf((self.ease + shift) / np.sqrt(2 + self.again**2)))

    def truth(self, metric: str) -> float:
        """Give the expected difference over rows and initialisations."""
        if metric not in ("accuracy", "macro_f1"):
            raise KeyError(metric)
        return self.share(self.shift) - self.share(0.0)
