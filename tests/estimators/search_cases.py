"""Small data, small networks and what else the tests of searches share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import model_selection
from sklearn.base import BaseEstimator, TransformerMixin

import shoal

RNG = np.random.default_rng(7)
X = RNG.normal(size=(48, 3))
Y = np.sin(2 * X[:, 0]) + X[:, 1]
LABELS = np.where(Y > 0.6, "high", np.where(Y < -0.6, "low", "mid"))


def regressor(**settings: Any) -> shoal.MLPRegressor:
    """A network that trains in milliseconds."""
    return shoal.MLPRegressor(**{"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 3, **settings})


def classifier(**settings: Any) -> shoal.MLPClassifier:
    """The same for labels."""
    return shoal.MLPClassifier(**{"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 3, **settings})


def assert_same_results(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Hold cv_results_ against scikit-learn's: keys in order, splits, scores and ranks; times are times."""
    assert list(ours) == list(theirs)
    for key, expected in theirs.items():
        found = ours[key]
        if key.endswith("_time"):
            assert found.shape == expected.shape
        elif key == "params":
            assert [repr(one) for one in found] == [repr(one) for one in expected]
        elif key.startswith("param_"):
            assert repr(found) == repr(expected)
            assert found.dtype == expected.dtype
        else:
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def begins(message: Any) -> str:
    """Give the first line: of fits that fail, a traceback is told, in which our own calls stand too."""
    return str(message).strip().split("\n")[0]


def strays(warned: warnings.WarningMessage) -> bool:
    """Whether a warning is of something else, which happens to end meanwhile: files and processes of earlier tests."""
    return warned.category is ResourceWarning or begins(warned.message).startswith(
        "A worker stopped while some jobs"
    )


def assert_equal(estimator: Any, grid: Any, x: Any, y: Any, **options: Any) -> Any:
    """Hold our search against scikit-learn's: scores to the last bit, warnings, predictions, the user's own rows.

    Raises ValueError where both do, and say the same: every fit fails, or that of the best candidate on all rows.
    """
    searches, predicted, whole = [], [], []
    for kind in (shoal.GridSearchCV, model_selection.GridSearchCV):
        own = x.copy()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                search = kind(estimator, grid, **options).fit(own, y)
                predicted.append(search.predict(x.copy()) if search.refit else None)
            except ValueError as error:
                search = error
        said = sorted((one.category.__name__, begins(one.message)) for one in warned if not strays(one))
        searches.append((search, own, said))
        whole.append([str(one.message) for one in warned])
    (ours, own, said), (theirs, its_own, expected) = searches
    assert said == expected, whole
    assert pd.DataFrame(own).equals(pd.DataFrame(its_own))
    if isinstance(ours, ValueError) or isinstance(theirs, ValueError):
        assert (type(ours), begins(ours)) == (type(theirs), begins(theirs))
        raise theirs
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for key, values in theirs.cv_results_.items():
        if not key.endswith("_time") and not key.startswith("param"):
            np.testing.assert_array_equal(ours.cv_results_[key], values, err_msg=key)
    for ran, ran_there in zip(ours.cv_results_["params"], theirs.cv_results_["params"], strict=True):
        assert ran.keys() == ran_there.keys()
        assert all(ran[key] is ran_there[key] for key in ran)
    if "best_estimator_" in vars(theirs):
        assert ours.best_index_ == theirs.best_index_
        np.testing.assert_array_equal(*predicted)
    return ours


class CountedScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scales by a factor and counts how often it was fitted, over all its clones; optionally in place."""

    fits = 0

    def __init__(self, factor: float = 1.0, in_place: bool = False) -> None:
        self.factor = factor
        self.in_place = in_place

    def fit(self, X: NDArray[Any], y: Any = None) -> CountedScaler:
        type(self).fits += 1
        self.n_features_in_ = X.shape[1]
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        scaled = X if self.in_place else X.copy()
        scaled -= self.mean_
        scaled *= self.factor
        return scaled


class Counts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Does a little more each time that it transforms."""

    def fit(self, X: NDArray[Any], y: Any = None) -> Counts:
        self.times_ = 0
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        self.times_ += 1
        return np.asarray(X) * self.times_
