"""Classifiers of several labels: what scikit-learn's own MLPClassifier gives, by loss, form and scores; refusals.

Letters: N rows, K labels.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import GridSearchCV as SklearnSearch
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier as SklearnMLP
from sklearn.utils import get_tags

from shoal import CNNClassifier, GridSearchCV, MLPClassifier

DRAW = np.random.default_rng(11)
X = DRAW.normal(size=(90, 4))
LOGIT = X @ DRAW.normal(size=(4, 3)) + np.array([0.0, -1.5, 0.5])
Y = (DRAW.random(LOGIT.shape) < 1 / (1 + np.exp(-2 * LOGIT))).astype(int)
WEIGHT = DRAW.integers(0, 4, 90).astype(float)
QUICK: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 8, "batch_size": 16, "random_state": 3}
LINEAR: dict[str, Any] = {
    "hidden_layer_sizes": (), "max_iter": 3000, "batch_size": 90, "optimizer": "sgd", "momentum": 0.9,
    "learning_rate_init": 0.5, "random_state": 0, "dtype": "float64",
}  # fmt: skip


def near(model: Any, other: Any, tolerance: float = 1e-5) -> bool:
    return all(
        np.allclose(values, other.parameters_[name], rtol=tolerance, atol=tolerance)
        for name, values in model.parameters_.items()
    )


def mean_log_loss(y_NK: NDArray[Any], probability_NK: NDArray[Any], weight: Any = None) -> float:
    losses = [log_loss(y_NK[:, k], probability_NK[:, k], sample_weight=weight) for k in range(y_NK.shape[1])]
    return float(np.mean(losses))


def test_answers_have_the_form_of_scikit_learns() -> None:
    model = MLPClassifier(**QUICK).fit(X, Y)
    theirs = SklearnMLP((6,), tol=1.0, n_iter_no_change=1, random_state=3).fit(X, Y)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        ours, expected = getattr(model, method)(X), getattr(theirs, method)(X)
        assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    assert model.classes_.tolist() == theirs.classes_.tolist() == [0, 1, 2]
    assert (model.n_outputs_, theirs.n_outputs_) == (3, 3)
    assert (model.out_activation_, theirs.out_activation_) == ("sigmoid", "logistic")
    probability_NK = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict(X), (probability_NK > 0.5).astype(int))
    assert model.score(X, Y) == accuracy_score(Y, model.predict(X))
    assert model.loss_curve_[-1] == pytest.approx(mean_log_loss(Y, probability_NK), rel=1e-5)
    assert get_tags(model).classifier_tags.multi_label


def test_without_a_hidden_layer_it_is_a_logistic_regression_of_each_label() -> None:
    theirs = OneVsRestClassifier(LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)).fit(X, Y)
    model = MLPClassifier(**LINEAR).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=2e-4)


def test_labels_come_in_any_form() -> None:
    model = MLPClassifier(**QUICK).fit(X, Y)
    for y in (Y.astype(bool), Y.astype(float), Y.tolist(), csr_matrix(Y)):
        assert near(MLPClassifier(**QUICK).fit(X, y), model, 0)


def test_labels_in_another_order_are_answered_in_that_order() -> None:
    order = [2, 0, 1]
    model = MLPClassifier(**LINEAR).fit(X, Y)
    other = MLPClassifier(**LINEAR).fit(X, Y[:, order])
    np.testing.assert_allclose(model.predict_proba(X)[:, order], other.predict_proba(X), atol=2e-4)


def test_a_weight_is_so_many_rows() -> None:
    weighted = MLPClassifier(**{**QUICK, "batch_size": 1000, "dtype": "float64"})
    repeated = clone(weighted).fit(
        np.repeat(X, WEIGHT.astype(int), axis=0), np.repeat(Y, WEIGHT.astype(int), axis=0)
    )
    assert near(weighted.fit(X, Y, sample_weight=WEIGHT), repeated, 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [None, WEIGHT + 0.5])
def test_class_weights_are_weights_of_cells(dtype: str, weight: Any) -> None:
    """The loss that is minimised: without a hidden layer its minimum is that of weighted logistic regressions, each
    label by itself, since labels share no parameter."""
    own = np.ones(90) if weight is None else weight
    tolerance = 2e-4 if dtype == "float64" else 5e-3
    of_labels = [{0: 0.5, 1: 3.0}, {0: 1.0, 1: 2.0}, {1: 4.0}]
    for asked in ("balanced", of_labels, [{1: 3.0}, "balanced", None]):
        model = MLPClassifier(**{**LINEAR, "dtype": dtype}, class_weight=asked).fit(
            X, Y, sample_weight=weight
        )
        for k in range(3):
            has = Y[:, k] == 1
            positives, negatives = own[has].sum(), own[~has].sum()
            balanced = {0: own.sum() / (2 * negatives), 1: own.sum() / (2 * positives)}
            of_label = asked if isinstance(asked, str) else asked[k]
            of_class = balanced if of_label == "balanced" else {0: 1.0, 1: 1.0} | (of_label or {})
            cell = np.where(has, of_class[1], of_class[0]) * own
            theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, Y[:, k], cell)
            np.testing.assert_allclose(
                model.predict_proba(X)[:, k], theirs.predict_proba(X)[:, 1], atol=tolerance
            )


def test_rows_held_out_are_not_weighted_by_label() -> None:
    model = MLPClassifier(**QUICK, early_stopping=True, class_weight="balanced").fit(X, Y)
    task = model._task(model._prepared(X, Y))
    assert task.share is not None
    assert (task.share[task.inner_rows] == 1).all()
    assert not (task.share[task.train_rows] == 1).all()
    inner = task.inner_rows
    assert min(model.validation_loss_curve_) == pytest.approx(
        mean_log_loss(Y[inner], model.predict_proba(X[inner])), rel=1e-5
    )


def test_training_goes_on() -> None:
    first = MLPClassifier(**{**QUICK, "max_iter": 1})
    for _ in range(3):
        first.partial_fit(X, Y, classes=[0, 1, 2])
    assert first.n_iter_ == 1
    assert len(first.loss_curve_) == 3
    warm = MLPClassifier(**QUICK, warm_start=True).fit(X, Y)
    loss = warm.loss_
    assert warm.fit(X, Y).loss_ < loss
    same = pickle.loads(pickle.dumps(warm))  # noqa: S301
    np.testing.assert_array_equal(same.predict_proba(X), warm.predict_proba(X))


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_search_finds_what_scikit_learns_finds(class_weight: Any) -> None:
    grid = {"hidden_layer_sizes": [(), (4,)], "learning_rate_init": [0.01, 0.1]}
    network, folds = MLPClassifier(**QUICK, class_weight=class_weight), KFold(3, shuffle=True, random_state=0)
    scoring = ["f1_macro", "accuracy", "roc_auc"]
    searches = [
        search(network, grid, cv=folds, scoring=scoring, refit="f1_macro").fit(X, Y)
        for search in (GridSearchCV, SklearnSearch)
    ]
    for name in scoring:
        np.testing.assert_allclose(
            *(search.cv_results_[f"mean_test_{name}"] for search in searches), rtol=1e-12
        )
    assert searches[0].best_params_ == searches[1].best_params_
    best = clone(network).set_params(**searches[0].best_params_)
    scores = [
        f1_score(Y[test], clone(best).fit(X[learned], Y[learned]).predict(X[test]), average="macro")
        for learned, test in folds.split(X)
    ]
    assert searches[0].best_score_ == pytest.approx(np.mean(scores))


def test_images_have_several_labels_too() -> None:
    images = DRAW.integers(0, 255, (60, 6, 6), dtype=np.uint8)
    images[:30, :3] //= 4
    y = np.stack([images[:, :3].mean((1, 2)) > 80, images[:, :, :3].mean((1, 2)) > 100], axis=1)
    quick: dict[str, Any] = {
        "conv_channels": (4,),
        "hidden_layer_sizes": (),
        "max_iter": 4,
        "random_state": 0,
    }
    model = CNNClassifier(**quick).fit(images, y)
    assert model.predict(images).shape == model.predict_proba(images).shape == (60, 2)
    assert model.loss_ == pytest.approx(mean_log_loss(y, model.predict_proba(images)), rel=1e-4)
    assert model.score(images, y) == accuracy_score(y, model.predict(images))


OF_LABELS = 'class_weight: expected "balanced" or a list of 3 dicts, such as {0: 1, 1: 5}, for 3 labels, got '
OF_EACH = 'class_weight: expected a dict, such as {0: 1, 1: 5}, "balanced" or None for each label, got '
NO_TEMPERATURE = (
    "expected None for several labels, which have neither a temperature nor sets, got 'temperature'"
)


@pytest.mark.parametrize(
    ("options", "y", "sentence"),
    [
        ({}, Y + 1, "y: expected labels of 0 and 1 in each of 3 columns, got 2"),
        ({}, Y * 0.5, "y: expected labels of 0 and 1 in each of 3 columns, got 0.5"),
        ({}, Y.astype(str), "y: expected labels of 0 and 1 in each of 3 columns, got '0'"),
        ({"class_weight": {1: 2.0}}, Y, f"{OF_LABELS}a dict"),
        ({"class_weight": [{1: 2.0}]}, Y, f"{OF_LABELS}a list of 1"),
        ({"class_weight": [1, 2, 3]}, Y, f"{OF_EACH}1 for label 0"),
        ({"class_weight": ["balance"] * 3}, Y, f"{OF_EACH}'balance' for label 0"),
        ({"class_weight": [None, "balanced", [1.0, 2.0]]}, Y, f"{OF_EACH}[1.0, 2.0] for label 2"),
        ({"class_weight": [{1: 2.0}, {}, True]}, Y, f"{OF_EACH}True for label 2"),
        ({"class_weight": [{2: 2.0}] * 3}, Y, "class_weight: expected labels among [0, 1], got 2"),
        ({"class_weight": [{1: -1.0}] * 3}, Y, "class_weight: expected weights of at least 0, got -1.0"),
        (
            {"class_weight": [{0: 0.0, 1: 0.0}] * 3}, Y,
            "class_weight: expected a weight above zero of some class to learn from",
        ),
        (
            {"class_weight": [{1: 2.0}]}, Y[:, 0],
            'class_weight: expected a dict, "balanced" or None for classes, got a list',
        ),
        ({"calibration": "temperature"}, Y, f"calibration: {NO_TEMPERATURE}"),
        ({"label_smoothing": 0.1}, Y, "label_smoothing: expected 0 for several labels, got 0.1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(options: dict[str, Any], y: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        MLPClassifier(**QUICK, **options).fit(X, y)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("first", "then", "sentence"),
    [
        (Y, Y[:, :2], "y: expected labels [0, 1, 2], got 2 columns of 0 and 1"),
        (Y, Y[:, 0], "y: expected several labels, a column each, as before, got one class a row"),
        (Y.sum(axis=1) % 3, Y, "y: expected one class a row, as before, got several labels, a column each"),
    ],
)
def test_a_network_goes_on_with_what_it_learned(first: Any, then: Any, sentence: str) -> None:
    model = MLPClassifier(**QUICK, warm_start=True).fit(X, first)
    with pytest.raises(ValueError, match=r"^y: ") as refused:
        model.fit(X, then)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("class_weight", ["balanced", [None, "balanced", {1: 2.0}]])
def test_part_of_the_rows_cannot_say_what_is_balanced(class_weight: Any) -> None:
    what = "expected None, a dict or a list of both in partial_fit, which sees a part of the rows at a time"
    with pytest.raises(ValueError, match=r".") as refused:
        MLPClassifier(**QUICK, class_weight=class_weight).partial_fit(X, Y, classes=[0, 1, 2])
    assert str(refused.value) == f"class_weight: {what}, got {class_weight!r}"
