"""scikit-learn's own checks of an estimator, every one of them, in the installed scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from shoal.estimators import CNNClassifier, MLPClassifier, MLPRegressor
from shoal.kinds import losses_of

QUICK: dict[str, Any] = {"max_iter": 100, "learning_rate_init": 0.01}
OTHERS = [
    *(MLPRegressor(loss=loss, **QUICK) for loss in losses_of("regression")[1:]),
    MLPClassifier(label_smoothing=0.1, **QUICK),
    CNNClassifier(series=True, norm="layer"),
]


def known_failures(estimator: Any) -> dict[str, str]:
    """Give the checks that no such estimator passes, and why."""
    if estimator.__sklearn_tags__().target_tags.positive_only:
        return {
            "check_regressor_multioutput": "it asks for negative targets whatever an estimator's tags say"
        }
    return {}


@parametrize_with_checks(
    [MLPRegressor(), MLPClassifier(), CNNClassifier(), *OTHERS], expected_failed_checks=known_failures
)
def test_what_scikit_learn_asks_of_an_estimator(
    estimator: Any, check: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it, scikit-learn skips its check of array inputs
    check(estimator)
