"""scikit-learn's own checks of an estimator, every one of them, in the installed scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from shoal.estimators import CNNClassifier, MLPClassifier, MLPRegressor


@parametrize_with_checks([MLPRegressor(), MLPClassifier(), CNNClassifier()])
def test_what_scikit_learn_asks_of_an_estimator(
    estimator: Any, check: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it, scikit-learn skips its check of array inputs
    check(estimator)
