"""What a search's scores say: who is best, who is indistinguishable from the best, who is simplest among those near it.

Scores are scikit-learn's: greater is better, NaN for a fit that failed.

Letters: C candidates, F folds (splits), R rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results import as_compared, corrected_t_test, holm, mean_and_error, reach_of

LEVEL: Final = 0.05


def scores_of(cv_results: Mapping[str, Any], metric: str) -> NDArray[np.float64]:
    """Give the test scores of one metric ("score" where there is only one), float64 (C, F)."""
    split = 0
    columns = []
    while (name := f"split{split}_test_{metric}") in cv_results:
        columns.append(cv_results[name])
        split += 1
    return np.stack(columns, axis=1)


def tied_with_best(score_CF: NDArray[Any], train_rows: float, test_rows: float) -> NDArray[np.bool_]:
    """Say which candidates are statistically indistinguishable from the best at 5 %, itself among them, bool (C,).

    Corrected resampled t-test of the differences over folds (Nadeau and Bengio 2003), Holm's correction for
    all candidates. The best is the best of many and so a little lucky: the set is a guide, no proof of
    equality. A candidate with a failed fit is never in it.
    """
    healthy_C = np.isfinite(score_CF).all(axis=1)
    tied_C = np.zeros(len(score_CF), np.bool_)
    if not healthy_C.any():
        return tied_C
    healthy_CF = score_CF[healthy_C]
    best_F = healthy_CF[as_compared(healthy_CF.mean(axis=1)).argmax()]
    p_C = holm(corrected_t_test(healthy_CF - best_F, train_rows, test_rows).p)
    tied_C[healthy_C] = ~(p_C < LEVEL)
    return tied_C


def simplest_near_best(score_CF: NDArray[Any], parameters_C: Sequence[float]) -> int:
    """Choose by the one-standard-error rule (Breiman, Friedman, Olshen, Stone 1984); the number of a candidate.

    Of the candidates whose mean score is within one standard error (the best's own) of the best, the one
    with the fewest parameters; ties go to the better score, then to the earlier candidate. Where
    every candidate has a failed fit it is the first, as in scikit-learn.
    """
    mean_C, error_C = mean_and_error(score_CF[:, :, np.newaxis])
    mean_C = as_compared(np.where(np.isfinite(score_CF).all(axis=1), mean_C, -math.inf))
    best = int(mean_C.argmax())
    if mean_C[best] == -math.inf:
        return best
    near = np.flatnonzero(mean_C >= mean_C[best] - reach_of(mean_C[best], error_C[best])).tolist()
    return min(near, key=lambda place: (parameters_C[place], -mean_C[place], place))


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
