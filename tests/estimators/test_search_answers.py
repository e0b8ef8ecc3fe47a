"""A search answers the one network of a candidate, once: what else trains on the way trains as it would without one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import shoal
from estimators.search_cases import LABELS, X, Y, assert_equal, classifier, regressor

SMALL = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 3}


class AfterAnother(shoal.MLPRegressor):
    """Fits another network first, and learns from its answers too."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> AfterAnother:
        self.first_ = shoal.MLPRegressor((4,), max_iter=3, random_state=0).fit(X, y)
        return super().fit(np.c_[X, self.first_.predict(X)], y, sample_weight)  # type: ignore[return-value]

    def predict(self, X: Any) -> NDArray[np.float64]:
        return super().predict(np.c_[X, self.first_.predict(X)])


class Twice(shoal.MLPRegressor):
    """Fits, and fits again to the rows that it came close to."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Twice:
        super().fit(X, y)
        far = np.abs(self.predict(X) - y)
        near = far <= np.median(far)
        return super().fit(X[near], y[near])  # type: ignore[return-value]


def taught(estimator: Any, x: Any, y: Any) -> float:
    """Score a network that learns what the estimator answers."""
    pupil = shoal.MLPRegressor((4,), max_iter=3, random_state=0).fit(x, estimator.predict(x))
    return float(pupil.score(x, y))


@pytest.mark.parametrize("jobs", [None, 2])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("network", "scoring"), [(AfterAnother(**SMALL), None), (Twice(**SMALL), None), (regressor(), taught)]
)
def test_only_the_candidates_network_is_answered(network: Any, scoring: Any, alone: bool, jobs: Any) -> None:
    estimator = network if alone else Pipeline([("s", StandardScaler()), ("net", network)])
    grid = {f"{'' if alone else 'net__'}dropout": [0.0, 0.2]}
    search = assert_equal(estimator, grid, X, Y, scoring=scoring, cv=3, n_jobs=jobs)
    assert len(search.fits_.groupby(["candidate", "fold"])) == 6
    if scoring is None:
        chosen = [network.get_params() | {"dropout": value} for value in (0.0, 0.2)][search.best_index_]
        fitted = type(network)(**chosen)
        rows = np.arange(16, 48)
        x = X if alone else StandardScaler().fit(X[rows]).transform(X)
        np.testing.assert_array_equal(
            search.oof_predictions_[:16], fitted.fit(x[rows], Y[rows]).predict(x[:16])
        )


def pruned(estimator: Any, x: Any, y: Any) -> float:
    """Score how much a network loses without its small weights."""
    before = estimator.score(x, y)
    weights = estimator.coefs_[0]
    weights[np.abs(weights) < 0.2] = 0
    return float(before - estimator.score(x, y))


def relabelled(estimator: Any, x: Any, y: Any) -> float:
    """Score, and turn the names of classes around."""
    score = estimator.score(x, y)
    estimator.classes_[:] = estimator.classes_[::-1].copy()
    return float(score)


def test_a_score_that_writes_into_its_network_writes_into_no_other() -> None:
    search = assert_equal(regressor(), {"max_iter": [5, 5, 6]}, X, Y, scoring=pruned, cv=3)
    assert search.cv_results_["mean_test_score"][0] == search.cv_results_["mean_test_score"][1] != 0
    assert_equal(classifier(), {"dropout": [0.0, 0.1, 0.2]}, X, LABELS, scoring=relabelled, cv=3)
