"""scikit-learn's own checks of both searches, around networks and around estimators of another kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

import shoal

NETWORK: dict[str, Any] = {"hidden_layer_sizes": (4,), "max_iter": 20, "random_state": 0}
RATES = {"learning_rate_init": [0.01, 0.1]}
SMOOTHING = {"var_smoothing": [1e-9, 1e-3]}


# So scikit-learn's searches tell of fits and scores that fail, as they do in checks with rows that are refused.
@pytest.mark.filterwarnings(
    "ignore:Scoring failed:UserWarning",
    "ignore:One or more of the test scores are non-finite:UserWarning",
    "ignore::sklearn.exceptions.FitFailedWarning",
    "ignore:invalid value encountered in cast:RuntimeWarning",  # its look at labels that are infinite
    "ignore:divide by zero encountered in log:RuntimeWarning",  # GaussianNB's, of a class without weight
)
@parametrize_with_checks(
    [
        shoal.GridSearchCV(shoal.MLPRegressor(**NETWORK), RATES, cv=2),
        shoal.RandomizedSearchCV(shoal.MLPClassifier(**NETWORK), RATES, n_iter=2, cv=2),
        shoal.GridSearchCV(GaussianNB(), SMOOTHING, cv=2),
        shoal.RandomizedSearchCV(GaussianNB(), SMOOTHING, n_iter=2, cv=2),
    ]
)
def test_what_scikit_learn_asks_of_a_search(
    estimator: Any, check: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it, scikit-learn skips its checks of array inputs
    # It looks whether torch was built for a GPU; here a check is for a GPU that is there.
    monkeypatch.setattr("torch.backends.cuda.is_built", torch.cuda.is_available)
    check(estimator)
