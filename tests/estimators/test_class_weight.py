"""Classes that weigh more or less in the training of a classifier, and weighted rows in the native trainer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV as SklearnSearch
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.class_weight import compute_sample_weight

from shoal import CNNClassifier, GridSearchCV, MLPClassifier, MLPRegressor
from shoal.engine.trainers.native_core import native_available
from shoal.estimators._training_tasks import train_one

DRAW = np.random.default_rng(21)
X = DRAW.normal(size=(80, 3))
NUMBER = np.where(X[:, 0] > 1, 2, (X[:, 1] > 0).astype(int))
LABEL = np.array(["low", "mid", "rare"])[NUMBER]
WEIGHT = DRAW.uniform(0.5, 3, 80)
QUICK: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 8, "batch_size": 16, "random_state": 3}


def fitted(weight: Any = None, **options: Any) -> MLPClassifier:
    return MLPClassifier(**QUICK, **options).fit(X, LABEL, sample_weight=weight)


def near(one: Any, other: Any, tolerance: float = 1e-5) -> bool:
    return all(
        np.allclose(one.parameters_[name], other.parameters_[name], rtol=tolerance, atol=tolerance)
        for name in one.parameters_
    )


@pytest.mark.skipif(not native_available(), reason="the native core is not built on this machine")
def test_weighted_rows_are_trained_by_the_native_core_as_torch_trains_them() -> None:
    model = MLPClassifier(**QUICK)
    task = model._task(model._prepared(X, LABEL, WEIGHT))
    own = train_one(task, device="cpu")
    exact = replace(task, x=X, sample_weight=WEIGHT, dtype="float64")
    torchs = train_one(exact, device="cpu")
    assert (own.trainer, torchs.trainer) == ("native-1", "torch-1-cpu-float64")
    for name, values in own.parameters.items():
        np.testing.assert_allclose(values, torchs.parameters[name], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(own.curves["train_loss"], torchs.curves["train_loss"], rtol=1e-4)


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("asked", [{"low": 0.5, "rare": 4.0}, "balanced"])
def test_a_class_weighs_as_scikit_learns_weights_of_its_rows_do(asked: Any, dtype: str, weight: Any) -> None:
    if weight is None:
        of_rows = compute_sample_weight({"mid": 1.0, **asked} if isinstance(asked, dict) else asked, LABEL)
    else:
        sums = np.bincount(NUMBER, weight)
        of_class = np.array([0.5, 1, 4]) if isinstance(asked, dict) else sums.sum() / (3 * sums)
        of_rows = of_class[NUMBER] * weight
    own, theirs = fitted(weight, class_weight=asked, dtype=dtype), fitted(of_rows, dtype=dtype)
    assert near(own, theirs)
    assert not near(own, fitted(weight, dtype=dtype), 1e-3)


def test_none_is_as_ever_and_equal_weights_are_none() -> None:
    plain = fitted()
    for asked in (None, {"low": 2.0, "mid": 2.0, "rare": 2.0}):
        other = fitted(class_weight=asked)
        assert all(
            np.array_equal(plain.parameters_[name], other.parameters_[name]) for name in plain.parameters_
        )


def test_a_class_that_weighs_nothing_is_as_if_it_were_not_there() -> None:
    there = LABEL != "mid"
    own = fitted(class_weight={"mid": 0})
    others = MLPClassifier(**QUICK).fit(X, LABEL, sample_weight=there.astype(float))
    assert near(own, others, 0)
    assert own.classes_.tolist() == ["low", "mid", "rare"]


def test_early_stopping_looks_at_rows_as_they_are() -> None:
    model = MLPClassifier(
        **{**QUICK, "max_iter": 3}, early_stopping=True, class_weight="balanced", dtype="float64"
    )
    prepared = model._prepared(X, LABEL)
    task = model._task(prepared)
    assert task.sample_weight is not None
    assert len(set(task.sample_weight[task.inner_rows])) == 1
    share = task.sample_weight[task.train_rows]
    sums = np.bincount(NUMBER[task.train_rows], share)
    assert sums == pytest.approx(sums[0])  # the rows learned from alone balance the classes
    model.fit(X, LABEL)
    probability = model.predict_proba(X[task.inner_rows])
    loss = log_loss(LABEL[task.inner_rows], probability, labels=model.classes_)
    assert min(model.validation_loss_curve_) == pytest.approx(loss)


def test_a_search_tries_it_as_scikit_learns_does() -> None:
    grid = {"class_weight": [None, "balanced", {"rare": 5.0}]}
    folds = StratifiedKFold(3)
    own = GridSearchCV(MLPClassifier(**QUICK), grid, cv=folds, n_jobs=1).fit(X, LABEL)
    theirs = SklearnSearch(MLPClassifier(**QUICK), grid, cv=folds).fit(X, LABEL)
    assert own.cv_results_["mean_test_score"].tolist() == theirs.cv_results_["mean_test_score"].tolist()
    assert own.best_params_ == theirs.best_params_


def test_images_have_it_too() -> None:
    pictures = DRAW.integers(0, 256, (40, 6, 6), dtype=np.uint8)
    options: dict[str, Any] = {
        "conv_channels": (2,),
        "hidden_layer_sizes": (4,),
        "max_iter": 2,
        "random_state": 0,
    }
    plain, balanced = (
        CNNClassifier(**options, class_weight=asked).fit(pictures, NUMBER[:40])
        for asked in (None, "balanced")
    )
    assert not near(plain, balanced, 1e-6)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"rar": 2.0}, "class_weight: expected labels among ['low', 'mid', 'rare'], got 'rar'"),
        (
            {"low": 0, "mid": 0, "rare": 0},
            "class_weight: expected a weight above zero of some class to learn from",
        ),
        ({"low": -1.0}, "class_weight: expected weights of at least 0, got -1.0"),
        ({"low": float("nan")}, "class_weight: expected weights of at least 0, got nan"),
        ({"low": "x"}, "class_weight: expected weights of at least 0, got 'x'"),
    ],
)
def test_what_weighs_no_class_is_refused(asked: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match="class_weight") as caught:
        fitted(class_weight=asked)
    assert str(caught.value) == sentence


def test_partial_fit_takes_numbers_alone() -> None:
    what = "expected None, a dict or a list of both in partial_fit, which sees a part of the rows at a time"
    with pytest.raises(ValueError, match="class_weight") as caught:
        MLPClassifier(**QUICK, class_weight="balanced").partial_fit(X, LABEL, classes=np.unique(LABEL))
    assert str(caught.value) == f"class_weight: {what}, got 'balanced'"
    whole = fitted(class_weight={"rare": 3.0})
    steps = MLPClassifier(**QUICK, class_weight={"rare": 3.0})
    for _ in range(8):
        steps.partial_fit(X, LABEL, classes=np.unique(LABEL))
    assert near(whole, steps, 0)


def test_a_regressor_has_no_classes() -> None:
    with pytest.raises(
        TypeError, match=r"^MLPRegressor has no parameter 'class_weight': it belongs to classifiers; "
    ):
        MLPRegressor(class_weight="balanced")  # type: ignore[call-arg]


def test_classes_that_weigh_too_much_for_their_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="class_weight") as caught:
        fitted(WEIGHT, class_weight={"rare": 1e308})
    assert (
        str(caught.value)
        == "class_weight: expected weights that float64 holds times sample_weight, got larger ones"
    )
