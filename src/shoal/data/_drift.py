"""Whether test rows can be told from training rows: adversarial validation, after training.

Letters: N rows, D numbers of a row, U units of chance (rows, or groups).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset
from shoal.data._distinct import distinct
from shoal.data._row_check import Floats, at_most, units, vectors, with_medians
from shoal.wording import first_few, quoted

MOST: Final = 600
"""Training rows, and test rows, that are looked at at most, evenly spaced: what the check costs is bounded."""
MOST_NUMBERS: Final = 200
"""Numbers of a row that are looked at at most, the first ones."""
FEWEST: Final = 10
"""Units of each side from which the two are compared."""
LEVEL: Final = 0.01
AREA: Final = 0.6
"""Area under the curve from which it matters."""
_TREES: Final = 30
_SEED: Final = 15


def drift_of_rows(dataset: Dataset) -> str:
    """Say how well test rows can be told from training rows by their inputs, empty where they cannot.

    A line and trees are each fitted on one half of the rows and judged on the other, and the other way round; every
    area under the curve has Mann and Whitney's chance, every input by itself that of its two samples. Bonferroni over
    all of them. Where groups are known, a group is a unit.
    """
    n, m = dataset.train_rows, dataset.rows - dataset.train_rows
    if n == 0 or m == 0:
        return ""
    dataset = with_medians(_without_times(dataset))
    row_N = np.concatenate((at_most(n, MOST), n + at_most(m, MOST)))
    is_test_N, unit_N = row_N >= n, units(dataset)[row_N]
    place_ND = vectors(dataset, row_N)[:, :MOST_NUMBERS]
    counts = [len(distinct(unit_N[side_N])) for side_N in (~is_test_N, is_test_N)]
    if min(counts) < FEWEST or place_ND.shape[1] == 0:
        return ""
    areas = [
        _area(score_N, is_test_N[judged_N], unit_N[judged_N])
        for score_N, judged_N in _scores(place_ND, is_test_N, unit_N)
    ]
    alone = _alone(dataset, row_N, is_test_N, unit_N)
    chance = min(
        2 * min(chance * len(areas) for _, chance in areas),
        2 * min((chance * len(alone) for _, _, chance in alone), default=1.0),
    )
    area = max(float(np.mean([areas[0][0], areas[1][0]])), float(np.mean([areas[2][0], areas[3][0]])))
    strong = sorted((item for item in alone if 2 * item[2] * len(alone) < LEVEL), key=lambda item: item[2])
    area = max([area, *(0.5 + abs(one_area - 0.5) for _, one_area, _ in strong)])
    if chance >= LEVEL or area < AREA:
        return ""
    which = [f"{quoted(name)} ({0.5 + abs(one_area - 0.5):.2f})" for name, one_area, _ in strong]
    by = f"; each by itself: {first_few(which, 4)}" if which else "; no input does by itself"
    return (
        f"test rows can be told from training rows by their inputs: area under the curve {area:.2f} (0.5: not)"
        f"{by if dataset.columns else ''}"
    )


def _without_times(dataset: Dataset) -> Dataset:
    """Leave out an input that is the time of the rows: of the latest ones it is another by the study's own word."""
    if dataset.times is None:
        return dataset
    train = slice(0, dataset.train_rows)
    columns = (
        column for column in dataset.columns if not np.array_equal(column.values[train], dataset.times)
    )
    return replace(dataset, columns=tuple(columns))


def _scores(
    place_ND: Floats, is_test_N: NDArray[np.bool_], unit_N: NDArray[np.int64]
) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
    """Give what a line and trees say of the half of the units that they were not fitted on, and which rows that is."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

    first_N = _half(is_test_N, unit_N)
    makers: tuple[Callable[[], Any], ...] = (
        lambda: LogisticRegression(C=0.1, max_iter=200, class_weight="balanced"),
        lambda: ExtraTreesClassifier(
            _TREES, min_samples_leaf=3, class_weight="balanced", random_state=_SEED, n_jobs=1
        ),
    )
    for make in makers:
        for learned_N in (first_N, ~first_N):
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # a line that is not at its end after 200 steps is good enough
                classifier = make().fit(place_ND[learned_N], is_test_N[learned_N])
            yield np.asarray(classifier.predict_proba(place_ND[~learned_N])[:, 1]), ~learned_N


def _half(is_test_N: NDArray[np.bool_], unit_N: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Choose half of the units of each side by a fixed draw."""
    rng = np.random.default_rng(_SEED)
    first_N = np.zeros(len(unit_N), np.bool_)
    for side_N in (~is_test_N, is_test_N):
        unit_U = rng.permutation(distinct(unit_N[side_N]))
        first_N |= side_N & np.isin(unit_N, unit_U[: (len(unit_U) + 1) // 2])
    return first_N


def _area(
    score_N: Floats, is_test_N: NDArray[np.bool_], unit_N: NDArray[np.int64], alternative: str = "greater"
) -> tuple[float, float]:
    """Give the area under the curve and its chance, from the means of the units."""
    from scipy.stats import mannwhitneyu

    unit_U, first_U, code_N = np.unique(unit_N, return_index=True, return_inverse=True)
    mean_U = np.bincount(code_N, score_N) / np.bincount(code_N)
    test_U = is_test_N[first_U]
    if test_U.all() or not test_U.any() or len(unit_U) < 2 or np.ptp(mean_U) == 0:
        return 0.5, 1.0
    told_apart = mannwhitneyu(mean_U[test_U], mean_U[~test_U], alternative=alternative)
    return float(told_apart.statistic) / (int(test_U.sum()) * int((~test_U).sum())), float(told_apart.pvalue)


def _alone(
    dataset: Dataset, row_N: NDArray[np.int64], is_test_N: NDArray[np.bool_], unit_N: NDArray[np.int64]
) -> list[tuple[str, float, float]]:
    """Give name, area under the curve and chance of every input that is a number."""
    numbers = [column for column in dataset.columns if not column.categorical]
    return [
        (column.name, *_area(column.values[row_N], is_test_N, unit_N, "two-sided"))
        for column in numbers[:MOST_NUMBERS]
    ]
