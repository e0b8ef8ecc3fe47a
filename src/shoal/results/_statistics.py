"""Means, intervals, paired tests, corrections: arrays in, arrays out.

Letters: C candidates, F folds, R repeats (initialisations), n paired differences. `...` is any leading shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_QUIET: Final = np.errstate(over="ignore", invalid="ignore")
"""Squares of huge numbers are inf, and differences of those no numbers; numpy has nothing to say beside them."""


@dataclass(frozen=True, eq=False)
class PairedTest:
    """A two-sided t-test of paired differences, with the 95 % interval of their mean; every field has shape `...`.

    With fewer than two differences, or with no spread among them, there is nothing to infer from: `t`, `p` and
    the interval are NaN (so is the standard error of a single one).
    """

    mean: Floats
    standard_error: Floats
    t: Floats
    p: Floats
    ci_low: Floats
    ci_high: Floats


def as_compared(scores: ArrayLike) -> NDArray[np.float64]:
    """Give scores to 12 significant digits, by which they are compared; same shape.

    Equal means of folds can differ in the bits behind these: of 15 rows 14, 12 and 14 right, or 14, 11 and 15.
    """
    exact = np.asarray(scores, np.float64)
    return np.array([float(f"{score:.11e}") for score in exact.ravel().tolist()]).reshape(exact.shape)


def reach_of(score: float, error: float) -> float:
    """Give how far a score may lie from the best one, `score` with its standard `error`, to be near it; NaN is none."""
    return (0.0 if math.isnan(error) else error) + 1e-12 * abs(score)


@_QUIET
def mean_and_error(scores_CFR: NDArray[Any]) -> tuple[Floats, Floats]:
    """Give each candidate's mean score and its standard error, both (C,); NaN if any of its fits failed.

    The error is that of the fold means over folds (repeats of a fold share its rows and are averaged first), as the
    one-standard-error rule has it (Breiman, Friedman, Olshen, Stone 1984, section 3.4.3). It takes folds
    for independent, which they nearly are; no unbiased estimate exists (Bengio and Grandvalet 2004).
    """
    fold_CF = np.asarray(scores_CFR, np.float64).mean(axis=2)
    folds = fold_CF.shape[1]
    error_C = _spread(fold_CF) / math.sqrt(folds)
    return fold_CF.mean(axis=1), error_C


@_QUIET
def corrected_t_test(differences: NDArray[Any], train_rows: float, test_rows: float) -> PairedTest:
    """Test differences between two candidates over folds and repeats, shape (..., n), against 0.

    The training sets of folds overlap, so the differences are no independent sample and the plain t-test is
    far too sure. Its variance s²/n is replaced by (1/n + test_rows/train_rows) s², with n-1 degrees of freedom:
    Nadeau and Bengio 2003, "Inference for the generalization error", Machine Learning 52, 239-281.
    """
    from scipy.special import stdtr, stdtrit

    differences = np.asarray(differences, np.float64)
    n = differences.shape[-1]
    mean, spread = differences.mean(axis=-1), _spread(differences)
    error = spread * math.sqrt(1 / n + test_rows / train_rows)
    # Equal differences leave rounding errors, which are no spread.
    error = np.where(spread > 1e-12 * np.abs(mean), error, np.where(np.isnan(error), np.nan, 0.0))
    t = np.divide(mean, error, out=np.full_like(mean, np.nan), where=error > 0)
    reach = np.where(np.isnan(t), np.nan, error) * (stdtrit(n - 1, 0.975) if n > 1 else np.nan)
    return PairedTest(mean, error, t, 2 * stdtr(n - 1, -np.abs(t)), mean - reach, mean + reach)


def holm(p: NDArray[Any]) -> Floats:
    """Adjust p-values for being many, shape (C,): Holm 1979, "A simple sequentially rejective multiple test procedure".

    The chance that any true null hypothesis is rejected at level a is at most a, however the tests depend
    on each other. NaN (no test) stays NaN and does not count.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _spread(values: Floats) -> Floats:
    """Give the sample standard deviation along the last axis; NaN for a single value."""
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    # In units of a power of two near the largest, which costs no bit: squares of tiny or enormous numbers are lost.
    unit = np.frexp(np.abs(values).max(axis=-1, keepdims=True))[1]
    return np.asarray(np.ldexp(np.ldexp(values, -unit).std(axis=-1, ddof=1), unit[..., 0]))
