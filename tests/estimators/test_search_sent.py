"""Rows held out go through the transformers of a fold once, where nobody could tell; scores stay scikit-learn's."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.metrics import check_scoring, make_scorer, r2_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import shoal
from estimators.search_cases import RNG, assert_equal, regressor
from shoal.estimators import _sent, _shared_transformers
from shoal.estimators._sent import Sent, same
from shoal.estimators._shared_transformers import SharedTransformers

ROWS, FOLDS = 60, 3
NUMBERS = pd.DataFrame(RNG.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
NUMBERS.loc[::7, "b"] = np.nan
PRICE = NUMBERS["a"].to_numpy() + 0.1 * RNG.normal(size=ROWS)
GRID = {"net__dropout": [0.0, 0.1, 0.2]}


def ends_in(*steps: Any, whole: type[Pipeline] = Pipeline) -> Pipeline:
    named = [(f"t{number}", step) for number, step in enumerate(steps)]
    return whole([*named, ("net", regressor(max_iter=2))])


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each StandardScaler that is asked to transform is given."""
    counts: list[int] = []
    transform = StandardScaler.transform

    def counted(self: Any, X: Any, copy: Any = None) -> Any:
        counts.append(len(X))
        return transform(self, X, copy=copy)

    monkeypatch.setattr(StandardScaler, "transform", counted)
    return counts


def odd_scorer(estimator: Any, x: Any, y: Any) -> float:
    return float(r2_score(y, estimator.predict(x)))


@pytest.mark.parametrize(
    "scoring", [None, "r2", make_scorer(r2_score), ["r2", "neg_mean_absolute_error"], {"one": "r2"}]
)
def test_rows_held_out_are_sent_once_a_fold(scoring: Any, scaled: list[int]) -> None:
    search = shoal.GridSearchCV(
        ends_in(SimpleImputer(), StandardScaler()), GRID, cv=FOLDS, scoring=scoring, refit=False
    ).fit(NUMBERS, PRICE)
    assert (
        scaled.count(ROWS // FOLDS) <= 2 * FOLDS
    )  # once to be scored on, once for what is predicted of them
    assert np.isfinite(
        search.cv_results_[next(key for key in search.cv_results_ if key.startswith("mean_test"))]
    ).all()


class Counting(StandardScaler):  # type: ignore[misc]
    """Somebody's own."""


class OwnPipeline(Pipeline):  # type: ignore[misc]
    """Somebody's own."""


def identity(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("estimator", "scoring"),
    [
        (ends_in(SimpleImputer(), StandardScaler()), odd_scorer),
        (ends_in(SimpleImputer(), StandardScaler()), {"odd": odd_scorer, "r2": "r2"}),
        (
            ends_in(SimpleImputer(), StandardScaler()),
            check_scoring(regressor(), scoring={"odd": odd_scorer, "r2": "r2"}),
        ),
        (ends_in(SimpleImputer(), Counting()), "r2"),
        (ends_in(SimpleImputer(), FeatureUnion([("one", StandardScaler()), ("two", Counting())])), "r2"),
        (ends_in(SimpleImputer(), FunctionTransformer(identity), StandardScaler()), "r2"),
        (ends_in(SimpleImputer(), StandardScaler(), whole=OwnPipeline), "r2"),
    ],
)
def test_somebodys_own_is_asked_for_every_setting(estimator: Any, scoring: Any, scaled: list[int]) -> None:
    shoal.GridSearchCV(estimator, GRID, cv=FOLDS, scoring=scoring, refit=False).fit(NUMBERS, PRICE)
    assert scaled.count(ROWS // FOLDS) >= FOLDS * len(GRID["net__dropout"])


@pytest.mark.parametrize("train_scores", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        [SimpleImputer(), StandardScaler()],
        [SimpleImputer(), StandardScaler(copy=False)],
        [SimpleImputer().set_output(transform="pandas"), StandardScaler()],
        [IterativeImputer(sample_posterior=True, random_state=0, max_iter=2)],
        [IterativeImputer(random_state=np.random.RandomState(0), max_iter=2)],
        [make_pipeline(SimpleImputer(), "passthrough"), "passthrough", FunctionTransformer(np.tanh)],
    ],
)
@pytest.mark.filterwarnings("ignore:.*Early stopping criterion not reached")
def test_scores_of_two_metrics_are_those_of_scikit_learn(steps: Any, train_scores: bool) -> None:
    options = {
        "scoring": ["r2", "neg_mean_absolute_error"],
        "refit": "r2",
        "return_train_score": train_scores,
    }
    assert_equal(ends_in(*steps), GRID, NUMBERS, PRICE, cv=FOLDS, **options)
    if train_scores:  # these are scored on the rows held out as well
        assert_equal(ends_in(*steps), GRID, NUMBERS.to_numpy(), PRICE, cv=FOLDS, **options)


def test_what_transformers_warn_of_is_heard_for_every_setting() -> None:
    towns = pd.DataFrame({"a": NUMBERS["a"], "town": [f"town {row // 10}" for row in range(ROWS)]})
    coded = OneHotEncoder(
        handle_unknown="ignore", drop="first", sparse_output=False
    )  # warns of unknown towns
    columns = ColumnTransformer([("town", coded, ["town"])], remainder="passthrough")
    assert_equal(ends_in(columns), GRID, towns, PRICE, cv=FOLDS)


@given(
    st.integers(0, ROWS - 1), st.integers(0, 2), st.sampled_from([0.0, np.nan, np.inf, -3.0]), st.booleans()
)
def test_rows_that_differ_anywhere_are_sent_anew(row: int, column: int, value: float, frame: bool) -> None:
    x = NUMBERS if frame else NUMBERS.to_numpy()
    other = NUMBERS.copy()
    was = other.iloc[row, column]
    other.iloc[row, column] = value
    kept = value == was or (np.isnan(value) and np.isnan(was))
    changed = other if frame else other.to_numpy()
    assert same(x, changed) == kept
    fitted = [SimpleImputer().fit(x)]
    fitted.append(StandardScaler(with_std=False).fit(fitted[0].transform(x)))
    if np.isinf(value):
        return
    asked = Sent.through(fitted, x).remembered_by(fitted)
    for rows in (x, changed, x):
        expected = fitted[1].transform(fitted[0].transform(rows))
        np.testing.assert_array_equal(asked[1].transform(asked[0].transform(rows)), expected)


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (1, 3), (7,), (9, 4), (3, 50)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_compared_to_their_last_bit(
    shape: Any, order: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sent, "_BLOCK_BYTES", 64)
    x = np.array(RNG.normal(size=shape), order=order)
    assert same(x, x.copy(order))
    for place in np.ndindex(shape):
        other = x.copy(order)
        other[place] = np.nextafter(other[place], 9.0)
        assert not same(x, other)
    assert same(0 * x, -0.0 * x) == (not (np.signbit(0 * x) != np.signbit(-0.0 * x)).any())


def test_who_is_given_remembered_rows_may_write_into_them() -> None:
    fitted = [SimpleImputer().fit(NUMBERS)]
    (asked,) = Sent.through(fitted, NUMBERS).remembered_by(fitted)
    asked.transform(NUMBERS)[:] = 7.0
    np.testing.assert_array_equal(asked.transform(NUMBERS), fitted[0].transform(NUMBERS))


@pytest.mark.parametrize("kept_bytes", [0, 400, 1 << 24])
def test_predictions_of_rows_held_out_are_those_of_a_network_that_never_saw_them(
    kept_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_shared_transformers, "_KEPT_BYTES", kept_bytes)
    estimator = ends_in(SimpleImputer(), StandardScaler())
    search = shoal.GridSearchCV(estimator, GRID, cv=FOLDS).fit(NUMBERS, PRICE)
    alone = cross_val_predict(search.best_estimator_, NUMBERS, PRICE, cv=FOLDS)
    np.testing.assert_array_equal(search.oof_predictions_, alone)


@pytest.mark.parametrize("scoring", [None, "r2", ["r2", "neg_mean_absolute_error"]])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_holds_nothing_of_its_folds_once_it_is_over(
    scoring: Any, n_jobs: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived: list[weakref.ref[SharedTransformers]] = []
    begin = SharedTransformers.__init__

    def begun(self: SharedTransformers) -> None:
        begin(self)
        lived.append(weakref.ref(self))

    monkeypatch.setattr(SharedTransformers, "__init__", begun)
    estimator = ends_in(SimpleImputer(), StandardScaler()).set_params(net__random_state=None)
    gc.disable()
    try:
        search = shoal.GridSearchCV(
            estimator,
            {"net__dropout": [0.0, 0.1]},
            cv=2,
            n_jobs=n_jobs,
            scoring=scoring,
            refit="r2" if scoring else True,
        ).fit(NUMBERS, PRICE)
        assert lived
        for _ in range(1000):  # joblib's threads let go of what other processes did a moment later
            if not any(one() is not None for one in lived):
                break
            time.sleep(0.01)
        assert not [one for one in lived if one() is not None]
    finally:
        gc.enable()
    if scoring is None:
        assert search.scorer_._estimator.get_params()["memory"] is None
        assert search.scorer_._estimator.get_params()["net__random_state"] is None
