"""What a search's scores say: who is best, who is indistinguishable from the best, who is simplest among those near it.

Scores are scikit-learn's: greater is better, NaN for a fit that failed.

Letters: C candidates, F folds (splits), R rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results import as_compared, reach_of

LEVEL: Final = 0.05
_QUIET: Final = np.errstate(over="ignore", invalid="ignore")
FEWEST_FOLDS: Final = 3
"""Two folds of few candidates hardly show how far folds differ by chance."""


def scores_of(cv_results: Mapping[str, Any], metric: str) -> NDArray[np.float64]:
    """Give the test scores of one metric ("score" where there is only one), float64 (C, F)."""
    split = 0
    columns = []
    while (name := f"split{split}_test_{metric}") in cv_results:
        columns.append(cv_results[name])
        split += 1
    return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class FoldScores:
    """Scores of every candidate on every fold, (C, F), and how many rows each fold trains on and holds out, (F,).

    What is said of them speaks of the expected score, on new rows of the same kind, of what the settings of a candidate
    make of so many training rows.
    """

    score_CF: NDArray[Any]
    train_rows_F: NDArray[np.int64]
    test_rows_F: NDArray[np.int64]

    @property
    def healthy_C(self) -> NDArray[np.bool_]:
        """Which candidates have no failed fit."""
        return np.asarray(np.isfinite(self.score_CF).all(axis=1))

    @_QUIET
    def means_and_errors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give each candidate's mean score and its standard error, both (C,); NaN if any of its fits failed.

        The error is that of the one-standard-error rule (Breiman, Friedman, Olshen, Stone 1984, section 3.4.3), over as
        many folds as hold rows of their own out: folds that are drawn again hold the same rows out again. It takes
        folds for independent, which they nearly are; no unbiased estimate exists (Bengio and Grandvalet 2004). NaN of
        one fold.
        """
        score_CF = np.asarray(self.score_CF, np.float64)
        all_rows, held_out = int((self.train_rows_F + self.test_rows_F).sum()), int(self.test_rows_F.sum())
        return score_CF.mean(axis=1), _spread(score_CF) / math.sqrt(
            min(score_CF.shape[1], all_rows / held_out)
        )

    def indistinguishable(self) -> NDArray[np.bool_]:
        """Say which candidates are statistically indistinguishable from the best at 5 %, itself among them, bool (C,).

        The best is compared with each; those that are significantly worse are taken away, and the others compared
        again, among themselves. Of fewer than three folds nobody is worse. A candidate with a failed fit is never
        among them.
        """
        alike_C, folds = self.healthy_C.copy(), self.score_CF.shape[1]
        if folds < FEWEST_FOLDS:
            return alike_C
        # Nadeau and Bengio 2003, "Inference for the generalization error", Machine Learning 52, 239-281: training rows
        # of folds overlap, so that a mean over folds varies by more than their spread over the root of their number.
        factor = 1 / folds + float(self.test_rows_F.mean() / self.train_rows_F.mean())
        least = self._one_row() / math.sqrt(folds)
        while alike_C.sum() > 1:
            p_C = _p_values(self.score_CF[alike_C], factor, least)
            if not (p_C < LEVEL).any():
                break
            alike_C[alike_C] = p_C >= LEVEL
        return alike_C

    def simplest_near_best(self, parameters_C: Sequence[float]) -> int:
        """Choose by the one-standard-error rule (Breiman, Friedman, Olshen, Stone 1984); the number of a candidate.

        Of the candidates whose mean score is within one standard error (the best's own) of the best, the one
        with the fewest parameters; ties go to the better score, then to the earlier candidate. Where
        every candidate has a failed fit it is the first, as in scikit-learn.
        """
        mean_C, error_C = self.means_and_errors()
        mean_C = as_compared(np.where(self.healthy_C, mean_C, -math.inf))
        best = int(mean_C.argmax())
        if mean_C[best] == -math.inf:
            return best
        near = np.flatnonzero(mean_C >= mean_C[best] - reach_of(mean_C[best], error_C[best])).tolist()
        return min(near, key=lambda place: (parameters_C[place], -mean_C[place], place))

    @_QUIET
    def _one_row(self) -> float:
        """Give what one row moves scores by that are shares of the rows of a fold; 0 for other scores."""
        hits_CF = self.score_CF[self.healthy_C] * self.test_rows_F
        whole = np.isclose(hits_CF, np.rint(hits_CF), rtol=1e-9, atol=0).all()
        return float(1 / self.test_rows_F.min()) if whole else 0.0


@_QUIET
def _p_values(score_CF: NDArray[Any], factor: float, least: float) -> NDArray[np.float64]:
    """Give how likely a difference to the best as large as each candidate's is among equals, for all pairs, (C,).

    A few folds show the spread of one pair badly: where they happen to differ alike, noise looks like proof. So the
    variance of a difference is that of the pair or, where it is larger, what candidates near the best have in common;
    and no less than the square of `least`, as if one row of one fold were answered otherwise. The best was chosen by
    its score, so every pair counts (Bonferroni).
    """
    from scipy.special import stdtr

    candidates = len(score_CF)
    centred_CF = score_CF - score_CF.mean(axis=0)
    unit = float(np.abs(centred_CF).max()) or 1.0  # squares of tiny and of enormous numbers are lost
    centred_CF = centred_CF / unit
    order = np.argsort(-as_compared(score_CF.mean(axis=1)), kind="stable")
    worse_C = centred_CF[order[0]].mean() - centred_CF.mean(axis=1)
    pooled, freedom = pooled_variance(centred_CF[order[: max(2, (candidates + 1) // 2)]])
    own_C = (centred_CF[order[0]] - centred_CF).var(axis=1, ddof=1)
    error_C = np.sqrt(factor * np.maximum(np.maximum(own_C, pooled), np.square(np.float64(least) / unit)))
    # Equal differences leave rounding errors, which are no spread, and without one there is nothing to infer from.
    known_C = (error_C > 1e-12 * np.abs(worse_C)) & np.isfinite(error_C)
    t_C = np.divide(worse_C, error_C, out=np.zeros_like(worse_C), where=known_C)
    return np.asarray(stdtr(freedom, -t_C) * candidates * (candidates - 1))


@_QUIET
def pooled_variance(score_CF: NDArray[np.float64]) -> tuple[float, float]:
    """Give the variance over folds of the difference of two candidates, pooled over all, and its degrees of freedom.

    It is that of candidates weighted by their own variances, since a few that vary among many that answer alike are
    those that come out best by chance. Such weights favour what is overestimated, by 1 + 2 / (F - 1) of estimates with
    F - 1 degrees of freedom. As many candidates count as equal ones would have such weights.
    """
    candidates, folds = score_CF.shape
    left_CF = score_CF - score_CF.mean(axis=0)
    left_CF = left_CF - left_CF.mean(axis=1, keepdims=True)
    left_CF[np.abs(left_CF) < 1e-12 * np.abs(score_CF).max()] = 0  # what rounding leaves is no spread
    own_C = (left_CF**2).sum(axis=1) / (folds - 1) * candidates / (candidates - 1)
    total, squares, favour = float(own_C.sum()), float((own_C**2).sum()), 1 + 2 / (folds - 1)
    if not squares > 0:
        return 0.0, folds - 1
    count = min(candidates, favour * total**2 / squares)
    return 2 * max(total / candidates, squares / total / favour), max(1.0, count - 1) * (folds - 1)


def _spread(score_CF: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the sample standard deviation over folds, (C,); NaN for a single one."""
    if score_CF.shape[1] < 2:
        return np.full(len(score_CF), np.nan)
    # In units of a power of two near the largest, which costs no bit: squares of tiny or enormous numbers are lost.
    unit_C = np.frexp(np.abs(score_CF).max(axis=1))[1]
    return np.asarray(np.ldexp(np.ldexp(score_CF, -unit_C[:, np.newaxis]).std(axis=1, ddof=1), unit_C))


def held_out_means(rows: int, parts: Sequence[tuple[NDArray[np.int64], Any]]) -> NDArray[np.float64]:
    """Put predictions for held-out rows together, float64 (R,) or (R, K).

    `parts` holds row numbers and their predictions, a split each. A row held out several times gets the mean of its
    predictions, one never held out gets NaN.
    """
    shape = (rows, *np.shape(parts[0][1])[1:]) if parts else (rows,)
    total, count = np.zeros(shape), np.zeros((rows,) + (1,) * (len(shape) - 1))
    for numbers, predicted in parts:
        np.add.at(total, numbers, predicted)
        np.add.at(count, numbers, 1)
    return np.divide(total, count, out=np.full(shape, np.nan), where=np.broadcast_to(count > 0, shape))
