"""Transformers and scorers that are asked more than once: whatever asking does, scores stay scikit-learn's."""

from __future__ import annotations

import pickle
import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, ParameterGrid, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

import shoal
from estimators.search_cases import assert_equal, classifier
from estimators.test_search_sent import FOLDS, GRID, NUMBERS, PRICE, ROWS, Counting, ends_in, identity
from shoal.estimators._sent import answers_alike, same


class Doubles:
    """No estimator of scikit-learn's, and yet a transformer; doubles the more the more often it is asked."""

    factor = 1.0

    def __sklearn_tags__(self) -> Any:
        return StandardScaler().__sklearn_tags__()  # version 1.7 warns of their lack whenever it asks

    def fit_transform(self, x: Any, y: Any = None) -> Any:
        return x

    def transform(self, x: Any) -> Any:
        self.factor *= 2
        return x * self.factor


NOISY = IterativeImputer(sample_posterior=True, random_state=0, max_iter=2, tol=1e3).fit(NUMBERS.to_numpy())


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler(copy=False)],
        [SimpleImputer(copy=False), StandardScaler(copy=False)],
        [FunctionTransformer(np.nan_to_num, kw_args={"copy": False}), MinMaxScaler(copy=False)],
        [SimpleImputer(), FunctionTransformer(np.random.RandomState(0).permutation)],
        [FunctionTransformer(NOISY.transform)],
        [Doubles()],
    ],
)
def test_metrics_that_ask_once_more_find_what_asking_does(steps: Any) -> None:
    """Labels and probabilities of the same rows: in scikit-learn, the second are of rows that were written into."""
    estimator = Pipeline(
        [*((f"t{number}", step) for number, step in enumerate(steps)), ("net", classifier())]
    )
    numbers = NUMBERS if isinstance(steps[0], SimpleImputer | FunctionTransformer) else NUMBERS.fillna(0.5)
    options = {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss"}
    assert_equal(estimator, GRID, numbers.to_numpy(), PRICE > 0, cv=FOLDS, **options)


class OwnFrame(pd.DataFrame):
    """Somebody's own, which is not to be copied."""

    @property
    def _constructor(self) -> Any:
        return OwnFrame

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("cannot be copied")


def test_rows_that_cannot_be_copied_are_sent_for_every_setting() -> None:
    frame = OwnFrame(NUMBERS.fillna(0.5))
    search = assert_equal(ends_in(FunctionTransformer()), GRID, frame, PRICE, cv=FOLDS)
    assert np.isfinite(search.oof_predictions_).all()


def test_rows_of_objects_are_told_apart_by_their_objects() -> None:
    given = NUMBERS.to_numpy(object).copy()
    given[np.isnan(NUMBERS.to_numpy())] = pd.NA  # equal to nothing, not even to a truth value
    steps = [
        SimpleImputer(missing_values=pd.NA, strategy="most_frequent"),
        FunctionTransformer(np.asarray, kw_args={"dtype": float}),
    ]
    options = {"scoring": ["r2", "neg_mean_absolute_error"], "refit": "r2", "return_train_score": True}
    assert_equal(ends_in(*steps), GRID, given, PRICE, cv=FOLDS, **options)
    assert same(given[[1, 7]], given[[1, 7]])
    assert not same(np.array([1], object), np.array([True], object))


def test_the_sign_of_zero_is_looked_at() -> None:
    rows = np.column_stack([np.zeros(ROWS), np.tile(np.arange(ROWS / 2), 2)])
    rows[ROWS // 2 :, 0] = -0.0
    split = [(np.arange(ROWS // 2), np.arange(ROWS // 2, ROWS))]
    signs = [FunctionTransformer(np.signbit), FunctionTransformer(np.asarray, kw_args={"dtype": float})]
    assert_equal(ends_in(*signs), GRID, rows, PRICE, cv=split, return_train_score=True)


@pytest.mark.parametrize(
    ("transformer", "alike"),
    [
        (StandardScaler(), True),
        (make_pipeline(SimpleImputer(), StandardScaler()), True),
        (FunctionTransformer(np.log1p), True),
        (FunctionTransformer(identity), False),
        (FunctionTransformer(lambda x: x), False),
        (FunctionTransformer(np.nan_to_num, kw_args={"copy": False}), True),
        (FunctionTransformer(np.vectorize(identity)), False),
        (FunctionTransformer(np.frompyfunc(identity, 1, 1)), False),
        (FunctionTransformer(np.random.permutation), False),
        (FunctionTransformer(np.random.default_rng(0).permutation), False),
        (FunctionTransformer(NOISY.transform), False),
        (FrozenEstimator(StandardScaler()), True),
        (FrozenEstimator(Counting()), False),
        (ColumnTransformer([("one", StandardScaler(), make_column_selector(dtype_include="number"))]), True),
        (TfidfVectorizer(), True),
        (Doubles(), False),
        (make_pipeline(SimpleImputer(), Counting()), False),
        (ColumnTransformer([("one", Counting(), ["a"])]), False),
        (ColumnTransformer([("one", StandardScaler(), lambda frame: frame.columns)]), False),
        (OneHotEncoder(dtype=np.float32), True),
        (make_pipeline(IterativeImputer(sample_posterior=True)), False),
        (IterativeImputer(), True),
        (IterativeImputer(random_state=np.random.RandomState(1)), False),
    ],
)
def test_who_answers_alike(transformer: Any, alike: bool) -> None:
    assert answers_alike([transformer]) == alike


def test_rows_that_cannot_be_sent_have_no_prediction() -> None:
    """A category that was never seen: the score is NaN, as in scikit-learn."""
    towns = pd.DataFrame({"town": ["Bath", "Ely", "York"] * (ROWS // 3)})
    towns.loc[3, "town"] = "Wells"
    search = assert_equal(ends_in(OneHotEncoder(sparse_output=False)), GRID, towns, PRICE, cv=FOLDS)
    unknown = np.isnan(search.oof_predictions_)
    assert unknown[: ROWS // FOLDS].all()
    assert not unknown[ROWS // FOLDS :].any()


@pytest.mark.parametrize("told", ["default", "once"])
def test_what_is_told_once_is_told_as_often_as_in_scikit_learn(told: Any) -> None:
    estimator = ends_in(FunctionTransformer(np.log1p), SimpleImputer())
    counts = []
    for kind in (shoal.GridSearchCV, GridSearchCV):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter(told)
            kind(estimator, GRID, cv=FOLDS).fit(NUMBERS * 2, PRICE)
        counts.append(len(warned))
    assert counts[0] == counts[1] > 0


def fits_once_more(estimator: Any, x: Any, y: Any) -> float:
    return float(r2_score(y, estimator.fit(x[::2], y[::2]).predict(x)))


def test_who_scores_may_fit_once_more() -> None:
    estimator = ends_in(SimpleImputer(), StandardScaler())
    search = assert_equal(estimator, GRID, NUMBERS, PRICE, cv=FOLDS, scoring=fits_once_more)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


class InRounds(shoal.GridSearchCV):
    """Searches in a way of its own, as scikit-learn lets it; a round that fails is passed over."""

    def _run_search(self, evaluate_candidates: Any) -> None:
        grids = [{"net__dropout": [0.0, 0.1]}, {"net__dropout": [-1.0]}, self.param_grid]
        for grid in grids:
            with suppress(ValueError):
                evaluate_candidates(ParameterGrid(grid))


InTheirRounds = type("InTheirRounds", (GridSearchCV,), {"_run_search": InRounds._run_search})


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_class_of_ones_own_searches_in_its_own_way(n_jobs: int | None) -> None:
    estimator = ends_in(SimpleImputer(), StandardScaler())
    grid = {"t0__strategy": ["mean", "median"], "net__dropout": [0.1]}
    options = {"cv": FOLDS, "error_score": "raise", "n_jobs": n_jobs}
    ours = InRounds(estimator, grid, **options).fit(NUMBERS, PRICE)
    theirs = InTheirRounds(estimator, grid, **{**options, "n_jobs": None}).fit(NUMBERS, PRICE)
    assert len(ours.cv_results_["params"]) == 4
    for fold in range(FOLDS):
        key = f"split{fold}_test_score"
        np.testing.assert_array_equal(ours.cv_results_[key], theirs.cv_results_[key])
    assert "_run_search" not in vars(ours)
    assert b"Shelf" not in pickle.dumps(ours)
    alone = cross_val_predict(theirs.best_estimator_, NUMBERS, PRICE, cv=FOLDS)
    np.testing.assert_array_equal(ours.oof_predictions_, alone)
