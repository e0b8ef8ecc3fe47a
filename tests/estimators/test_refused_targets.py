"""What regressors refuse to learn from, or to go on with: dates, another loss; and what a failed fit names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.neural_network import MLPRegressor as SklearnRegressor

from shoal.errors import TrainingError
from shoal.estimators import MLPClassifier, MLPRegressor

DRAW = np.random.default_rng(4)
X = DRAW.normal(size=(30, 2))
Y = np.abs(X.sum(axis=1))
DAYS = np.arange(30).astype("datetime64[D]")


def of_frame(day_N: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": day_N, "b": day_N})


QUICK: dict[str, Any] = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


@pytest.mark.parametrize("dates", [True, False])
@pytest.mark.parametrize("form", [np.asarray, pd.Series, list, lambda day_N: np.c_[day_N, day_N], of_frame])
def test_times_are_no_targets(form: Any, dates: bool) -> None:
    y = form(DAYS if dates else DAYS - DAYS[0])
    with pytest.raises(ValueError, match=f"^y: expected numbers, got {'dates' if dates else 'durations'}$"):
        MLPRegressor(**QUICK).fit(X, y)
    with pytest.raises((ValueError, TypeError)):
        SklearnRegressor(max_iter=3).fit(X, y)


@pytest.mark.parametrize("dates", [True, False])
def test_times_are_no_inputs_as_arrays_either(dates: bool) -> None:
    x = np.c_[DAYS, DAYS] if dates else np.c_[DAYS, DAYS] - DAYS[0]
    with pytest.raises(ValueError, match=f"^X: expected numbers, got {'dates' if dates else 'durations'}$"):
        MLPRegressor(**QUICK).fit(x, Y)
    with pytest.raises(ValueError, match=r"^X: expected numbers, got "):
        MLPRegressor(**QUICK).fit(X, Y).predict(x)
    with pytest.raises(ValueError, match=r"^X: expected numbers, got "):
        MLPClassifier(**QUICK).fit(x, Y > 1)


def test_a_fit_that_huge_targets_end_names_them() -> None:
    with pytest.raises(
        TrainingError, match=r"and targets that are not scaled \(the largest is \d\.\d+e\+25\)$"
    ):
        MLPRegressor(**QUICK).fit(X, Y * 1e25)


QUANTILES = {"loss": "quantile", "quantiles": (0.1, 0.9)}


@pytest.mark.parametrize("way", ["warm_start", "partial_fit"])
@pytest.mark.parametrize(
    ("first", "then", "sentence"),
    [
        (
            {"loss": "gaussian"},
            QUANTILES,
            "loss: expected 'gaussian' as it was fitted, to train it further, got 'quantile'",
        ),
        (
            {},
            {"loss": "poisson"},
            "loss: expected 'mse' as it was fitted, to train it further, got 'poisson'",
        ),
        (
            QUANTILES,
            {"quantiles": (0.2, 0.8)},
            "quantiles: expected (0.1, 0.9) as they were fitted, to train further, got (0.2, 0.8)",
        ),
    ],
)
def test_another_loss_does_not_go_on(
    way: str, first: dict[str, Any], then: dict[str, Any], sentence: str
) -> None:
    model = MLPRegressor(**QUICK, **first, warm_start=way == "warm_start").fit(X, Y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        getattr(model.set_params(**then), "fit" if way == "warm_start" else "partial_fit")(X, Y)
    assert np.array_equal(model.predict(X), before)  # it stays as it was


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"loss": "huber"}, {"huber_delta": 3.0}),
        ({"loss": "gaussian"}, {"quantiles": (0.2, 0.8)}),
        (QUANTILES, {"quantiles": [0.1, 0.9]}),
        ({"loss": "mse"}, {"loss": "squared_error"}),
    ],
)
def test_what_means_the_same_of_outputs_goes_on(first: dict[str, Any], then: dict[str, Any]) -> None:
    model = MLPRegressor(**QUICK, **first, warm_start=True).fit(X, Y)
    assert model.set_params(**then).fit(X, Y).predict(X).shape == (30,)
