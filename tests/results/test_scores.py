"""Scores against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from shoal.results import (
    calibration_bins,
    class_scores,
    classification_scores,
    confusion_matrix,
    regression_scores,
)

numbers = st.integers(-1000, 1000).map(lambda number: number / 8)
tables = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6)


@given(tables.flatmap(lambda shape: st.tuples(*[hnp.arrays(np.float64, shape, elements=numbers)] * 2)))
def test_regression_agrees_with_scikit_learn(pair):
    y_NK, prediction_NK = pair
    scores = regression_scores(y_NK, prediction_NK)
    expected = {
        "loss": metrics.mean_squared_error(y_NK, prediction_NK),
        "mse": metrics.mean_squared_error(y_NK, prediction_NK),
        "rmse": metrics.root_mean_squared_error(y_NK, prediction_NK),
        "mae": metrics.mean_absolute_error(y_NK, prediction_NK),
        "r2": metrics.r2_score(y_NK, prediction_NK),
    }
    if (y_NK == y_NK[0]).all(axis=0).any():
        expected["r2"] = math.nan
    assert scores == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_regression_by_hand():
    y_NK, prediction_NK = np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [2.0]])
    expected = {"loss": 5 / 3, "mse": 5 / 3, "rmse": math.sqrt(5 / 3), "mae": 1.0, "r2": 1 - 5 / 8}
    assert regression_scores(y_NK, prediction_NK) == pytest.approx(expected)


def test_r2_of_a_constant_target_has_no_meaning():
    y_NK = np.array([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1]])
    scores = regression_scores(y_NK, y_NK)
    assert math.isnan(scores["r2"])
    assert scores["mse"] == 0
    assert math.isnan(regression_scores(y_NK[:1, :1], y_NK[:1, :1])["r2"])


@pytest.mark.parametrize("prediction", [[[math.nan], [1.0]], [[math.inf], [1.0]]])
def test_a_prediction_that_is_no_number_has_no_score(prediction):
    scores = regression_scores(np.array([[1.0], [2.0]]), np.array(prediction))
    assert all(math.isnan(score) for score in scores.values())


def test_no_rows_no_scores():
    assert all(map(math.isnan, regression_scores(np.zeros((0, 2)), np.zeros((0, 2))).values()))
    assert all(map(math.isnan, classification_scores(np.zeros(0, np.int64), np.zeros((0, 2))).values()))


@st.composite
def classified(draw):
    rows, classes = draw(st.integers(1, 8)), draw(st.integers(2, 4))
    weight_NK = draw(hnp.arrays(np.float64, (rows, classes), elements=st.floats(0.01, 1)))
    y_N = draw(hnp.arrays(np.int64, rows, elements=st.integers(0, classes - 1)))
    return y_N, weight_NK / weight_NK.sum(axis=1, keepdims=True)


@given(classified())
def test_classification_agrees_with_scikit_learn(pair):
    y_N, probability_NK = pair
    classes = range(probability_NK.shape[1])
    predicted_N = probability_NK.argmax(axis=1)
    scores = classification_scores(y_N, probability_NK)
    assert scores["loss"] == pytest.approx(metrics.log_loss(y_N, probability_NK, labels=list(classes)))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(y_N, predicted_N))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(y_N, predicted_N, average="macro"))
    confusion_KK = confusion_matrix(y_N, predicted_N, len(classes))
    expected = np.zeros_like(confusion_KK)
    for true, predicted in zip(y_N, predicted_N, strict=True):
        expected[true, predicted] += 1
    np.testing.assert_array_equal(confusion_KK, expected)
    got = class_scores(confusion_KK)
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        y_N, predicted_N, labels=list(classes), zero_division=math.nan
    )
    np.testing.assert_allclose(got.precision_K, precision)
    np.testing.assert_allclose(got.recall_K, recall)
    np.testing.assert_allclose(got.f1_K, np.where(np.isnan(precision) & np.isnan(recall), np.nan, f1))
    np.testing.assert_array_equal(got.rows_K, rows)


def test_a_probability_of_zero_is_costly_but_finite():
    scores = classification_scores(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert scores["loss"] == pytest.approx(-math.log(np.finfo(np.float64).tiny) / 2)
    assert scores["accuracy"] == 0.5


def test_a_probability_that_is_no_number_has_no_score():
    scores = classification_scores(np.array([0, 1]), np.array([[np.nan, np.nan], [0.0, 1.0]]))
    assert all(math.isnan(score) for score in scores.values())


def test_calibration_by_hand():
    # Two bins: (0, 0.5] holds row 0 (a tie, predicted 0, right), (0.5, 1] rows 1, 2, 3 (two right).
    probability_NK = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    bins = calibration_bins(np.array([0, 0, 1, 0]), probability_NK, bins=2)
    np.testing.assert_array_equal(bins.rows_M, [1, 3])
    np.testing.assert_allclose(bins.confidence_M, [0.5, 0.8])
    np.testing.assert_allclose(bins.accuracy_M, [1.0, 2 / 3])
    assert bins.error == pytest.approx(0.25 * 0.5 + 0.75 * (0.8 - 2 / 3))


@given(classified())
def test_the_calibration_error_is_the_mean_gap_of_fifteen_bins(pair):
    y_N, probability_NK = pair
    confidence_N, right_N = probability_NK.max(axis=1), probability_NK.argmax(axis=1) == y_N
    error = 0.0
    for low, high in zip(np.linspace(0, 1, 16)[:-1], np.linspace(0, 1, 16)[1:], strict=True):
        inside = (confidence_N > low) & (confidence_N <= high)
        if inside.any():
            error += inside.mean() * abs(confidence_N[inside].mean() - right_N[inside].mean())
    assert classification_scores(y_N, probability_NK)["ece"] == pytest.approx(error)
    bins = calibration_bins(y_N, probability_NK)
    assert bins.rows_M.sum() == len(y_N)
    assert np.isnan(bins.accuracy_M[bins.rows_M == 0]).all()
