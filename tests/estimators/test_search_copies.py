"""Transformers whose copies are less than themselves: a search shares none of them, and scores as scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from estimators.search_cases import regressor
from estimators.test_search_shared import NUMBERS, PRICE, Counts, assert_equal


class Forgets(StandardScaler):  # type: ignore[misc]
    """Its copies have lost what it learned, as those of things that hold a connection or a cache."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: 0.0 if name == "mean_" else value for name, value in super().__getstate__().items()}


class Stays(Counts):
    """Its copies are itself."""

    def __deepcopy__(self, memo: Any) -> Stays:
        return self


class Holds(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Has one of these in a list of its own."""

    def fit(self, X: NDArray[Any], y: Any = None) -> Holds:
        self.held_ = {"all": [Forgets().fit(X)]}
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.held_["all"][0].transform(X))


@pytest.mark.parametrize("kind", [Forgets, Stays, Holds])
@pytest.mark.parametrize("behind", [[], [("then", PCA(2))]])
def test_what_is_copied_in_a_way_of_its_own_is_fitted_for_each(kind: Any, behind: list[Any]) -> None:
    estimator = Pipeline([("first", kind()), *behind, ("net", regressor(max_iter=3))])
    grid = {"net__dropout": [0.0, 0.2], **({"then__n_components": [1, 2]} if behind else {})}
    assert_equal(estimator, grid, NUMBERS.to_numpy(), PRICE, cv=2, return_train_score=True)
