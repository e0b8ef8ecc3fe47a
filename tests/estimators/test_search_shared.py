"""Pipelines in a search: whatever their transformers do or hide, the results are scikit-learn's to the last bit."""

from __future__ import annotations

import gc
import os
import warnings
import weakref
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import model_selection
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.metrics import get_scorer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

import shoal
from estimators.search_cases import RNG, CountedScaler, Counts, assert_equal, classifier, regressor

CAMPAIGN = os.environ.get("SHOAL_CAMPAIGN") == "long"
ROWS = 60
FRAME = pd.DataFrame({
    "area": RNG.lognormal(1, 1, ROWS),
    "rooms": RNG.integers(1, 8, ROWS).astype(float),
    "age": np.where(RNG.uniform(size=ROWS) < 0.2, np.nan, RNG.uniform(0, 80, ROWS)),
    "town": RNG.choice(["Bath", "Ely", "York"], ROWS),
})  # fmt: skip
NUMBERS = FRAME[["area", "rooms", "age"]].fillna(3.0)
PRICE = np.log(FRAME["area"].to_numpy()) + 0.1 * FRAME["rooms"].to_numpy()


class Writes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Writes into the rows that it is given, array or frame."""

    def __init__(self, shift: float = 1.0) -> None:
        self.shift = shift

    def fit(self, X: Any, y: Any = None) -> Writes:
        self.n_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        if isinstance(X, pd.DataFrame):
            X["area"] = np.log1p(X["area"]) * self.shift
            X["per_room"] = X["area"] / X["rooms"]
        else:
            X *= self.shift
            X += 0.5
        return X


class Remembers(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps the very rows of its fit, and shifts by what has become of them by the time it transforms."""

    def fit(self, X: NDArray[Any], y: Any = None) -> Remembers:
        self.rows_ = np.asarray(X)
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        self.n_features_in_ = X.shape[1]
        return np.asarray(X) - self.rows_.mean(axis=0)

    def fit_transform(self, X: NDArray[Any], y: Any = None) -> NDArray[Any]:
        self.fit(X)
        self.n_features_in_ = X.shape[1]
        return self.rows_


class Hides:
    """A parameter that prints and compares as every other of its kind."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self, X: Any) -> Any:
        return np.asarray(X) * self._factor

    def __repr__(self) -> str:
        return "<Hides>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hides)

    def __hash__(self) -> int:
        return 1


def scaled(X: Any, by: NDArray[Any]) -> Any:
    return np.asarray(X) * by[: X.shape[1]]


LONG = [np.ones(3000), np.ones(3000)]
LONG[1][1] = 7.0  # numpy prints both the same way
TRANSFORMERS: dict[str, Any] = {
    "writes": Writes(),
    "writes more": Writes(2.0),
    "remembers": Remembers(),
    "counts": Counts(),
    "standard": StandardScaler(),
    "in place": StandardScaler(copy=False),
    "as a frame": MinMaxScaler().set_output(transform="pandas"),
    "as polars": MinMaxScaler().set_output(transform="polars"),
    "drawn": PCA(2, svd_solver="randomized", random_state=np.random.RandomState(3)),
    "whole": make_pipeline(Writes(0.5), StandardScaler()),
    "union": FeatureUnion([("a", MinMaxScaler()), ("b", PCA(1))]),
    "neighbours": KNNImputer(),
    "hides": FunctionTransformer(Hides(2.0)),
    "partial": FunctionTransformer(partial(scaled, by=LONG[0])),
    "frozen": FrozenEstimator(PCA(2).fit(NUMBERS.to_numpy())),
    "nothing": "passthrough",
}
INSTEAD: dict[str, list[Any]] = {
    "hides": [FunctionTransformer(Hides(3.0))],
    "partial": [FunctionTransformer(partial(scaled, by=LONG[1]))],
    "frozen": [FrozenEstimator(PCA(2).fit(RNG.normal(size=(40, 3))))],
}
"""What looks the same and is not."""


@st.composite
def searched(draw: st.DrawFn) -> tuple[Any, Any]:
    names = draw(st.lists(st.sampled_from(sorted(TRANSFORMERS)), min_size=1, max_size=3))
    steps = [(f"t{number}", TRANSFORMERS[name]) for number, name in enumerate(names)]
    network = regressor(max_iter=3)
    estimator = Pipeline([*steps, ("net", network)])
    if draw(st.booleans(), label="nested"):
        estimator = Pipeline([steps[0], ("inner", Pipeline([*steps[1:], ("net", network)]))])
    prefix = "inner__" if len(estimator.steps) == 2 and estimator.steps[-1][0] == "inner" else ""
    grid: dict[str, list[Any]] = {f"{prefix}net__learning_rate_init": [0.03, 0.003]}
    for (step, transformer), name in zip(steps, names, strict=True):
        key = step if step == "t0" else prefix + step
        if draw(st.booleans(), label=f"{step} searched"):
            others = INSTEAD.get(
                name, ["passthrough", draw(st.sampled_from([Writes(3.0), StandardScaler()]))]
            )
            grid[key] = [transformer, *others[: draw(st.integers(1, 2))]]
    if draw(st.booleans(), label="two grids"):
        return estimator, [{f"{prefix}net__batch_size": [8]}, grid]
    return estimator, grid


PACKED = Pipeline([
    *((f"t{number}", TRANSFORMERS[name]) for number, name in enumerate(["union", "as a frame", "drawn"])),
    ("net", regressor(max_iter=3)),
])  # fmt: skip
TWO_GRIDS: list[dict[str, list[Any]]] = [{"net__batch_size": [8]}, {"net__learning_rate_init": [0.03, 0.003]}]
"""A PCA keeps views with gaps, whose packed copies round in another way."""
FRAMED = Pipeline([("t0", Writes(2.0)), ("inner", Pipeline([("net", regressor(max_iter=3))]))])
RATES = {"inner__net__learning_rate_init": [0.03, 0.003]}
"""A first step that writes into a frame, and a pipeline within that is the network alone."""
LENT = Pipeline([("t0", Remembers()), ("t1", MinMaxScaler()), ("net", regressor(max_iter=3))])
WRITTEN = {"t1": [MinMaxScaler(), "passthrough", Writes(3.0)]}
"""The first step hands on the very rows that it was given, and another writes into them."""


@given(
    searched(),
    st.sampled_from(
        [
            2,
            model_selection.KFold(3, shuffle=True, random_state=0),
            model_selection.ShuffleSplit(2, random_state=1),
        ]
    ),
    st.sampled_from(["r2", "neg_mean_absolute_error"]),
    st.booleans(),
)
@example(
    search=(FRAMED, RATES),
    cv=model_selection.KFold(3, shuffle=True, random_state=0),
    scoring="r2",
    frame=True,
)
@example(search=(LENT, WRITTEN), cv=2, scoring="r2", frame=False)
@example(search=(PACKED, TWO_GRIDS), cv=2, scoring="r2", frame=False)
@settings(max_examples=200 if CAMPAIGN else 6)
def test_drawn_pipelines_score_as_in_scikit_learn(
    search: tuple[Any, Any], cv: Any, scoring: str, frame: bool
) -> None:
    estimator, grid = search
    x = NUMBERS.copy() if frame else NUMBERS.to_numpy().copy()
    options = {"cv": cv, "scoring": scoring, "return_train_score": True, "error_score": -9.0}
    with suppress(ValueError):
        assert_equal(estimator, grid, x, PRICE, **options)


def mixed(selected: bool = True) -> Any:
    number = make_column_selector(dtype_include="number") if selected else ["area", "rooms", "age"]
    text = make_column_selector(dtype_exclude="number") if selected else ["town"]
    impute = Pipeline([("imputer", SimpleImputer()), ("scaler", StandardScaler())])
    return ColumnTransformer([("num", impute, number), ("cat", OneHotEncoder(sparse_output=False), text)])


def test_columns_text_and_nested_keys() -> None:
    estimator = Pipeline([("prep", mixed()), ("net", classifier(max_iter=3))])
    grid = {
        "prep__num__imputer__strategy": ["mean", "median"],
        "prep__cat": [OneHotEncoder(sparse_output=False), TargetEncoder(random_state=0), "drop"],
        "net__dropout": [0.0, 0.2],
    }
    assert_equal(estimator, grid, FRAME, PRICE.mean() < PRICE, cv=2)


@pytest.mark.parametrize("selected", [False, True])
def test_what_no_key_touches_is_fitted_once_a_fold(selected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []
    fit = SimpleImputer.fit
    monkeypatch.setattr(SimpleImputer, "fit", lambda self, *given: fits.append(self) or fit(self, *given))
    estimator = Pipeline([("prep", mixed(selected)), ("net", regressor(max_iter=2))])
    shoal.GridSearchCV(estimator, {"net__dropout": [0.0, 0.1, 0.2]}, cv=3).fit(FRAME, PRICE)
    assert len(fits) == 3 + 1


def test_a_step_before_the_one_that_is_searched_is_shared_too() -> None:
    CountedScaler.fits = 0
    estimator = Pipeline([("first", CountedScaler()), ("pca", PCA()), ("net", regressor(max_iter=2))])
    grid = {"pca__n_components": [1, 2, 3], "net__dropout": [0.0, 0.1]}
    assert_equal(estimator, grid, NUMBERS.to_numpy(), PRICE, cv=2)
    ours = 2 + 1
    assert CountedScaler.fits == ours + (6 * 2 + 1)


def test_values_that_are_drawn_are_their_own_place() -> None:
    class Shifts:
        def rvs(self, random_state: Any = None) -> Hides:
            return Hides(float(random_state.uniform(1, 3)))

    estimator = Pipeline([("t", FunctionTransformer()), ("net", regressor(max_iter=2))])
    found = [
        kind(estimator, {"t__func": Shifts()}, n_iter=3, cv=2, random_state=4).fit(NUMBERS, PRICE)
        for kind in (shoal.RandomizedSearchCV, model_selection.RandomizedSearchCV)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in found]
    np.testing.assert_array_equal(*scores)
    assert len(set(scores[0])) == 3


def test_metadata_reaches_transformers_and_networks() -> None:
    weight = RNG.uniform(0.5, 2, ROWS)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        network = regressor(max_iter=2).set_fit_request(sample_weight=True)
        scorer = get_scorer("r2").set_score_request(sample_weight=True)
        grid = {"mlpregressor__dropout": [0.0, 0.2]}
        found = [
            kind(make_pipeline(scaler, network), grid, cv=2, scoring=scorer, n_jobs=1)
            .fit(NUMBERS, PRICE, sample_weight=weight)
            .cv_results_["mean_test_score"]
            for kind in (shoal.GridSearchCV, model_selection.GridSearchCV)
        ]
    np.testing.assert_array_equal(*found)


def test_a_memory_of_the_users_is_used(tmp_path: Any) -> None:
    estimator = make_pipeline(StandardScaler(), regressor(max_iter=2))
    estimator.set_params(memory=str(tmp_path))
    search = assert_equal(estimator, {"mlpregressor__dropout": [0.0, 0.2]}, NUMBERS, PRICE, cv=2)
    assert search.best_estimator_.memory == str(tmp_path)
    assert list(tmp_path.rglob("output.pkl"))


class Uncopied(CountedScaler):
    """Cannot be copied, as what holds a lock or an open file."""

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("cannot be copied")


def test_what_cannot_be_copied_is_fitted_for_each() -> None:
    estimator = make_pipeline(Uncopied(), PCA(2), regressor(max_iter=2))
    search = assert_equal(
        estimator,
        {"pca__n_components": [1, 2], "mlpregressor__dropout": [0.0, 0.1]},
        NUMBERS.to_numpy(),
        PRICE,
        cv=2,
    )
    assert len(search.fold_modules_) == 2
    assert np.isfinite(search.oof_predictions_).all()


class TrainsOne(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Adds the predictions of a network of its own."""

    def fit(self, X: NDArray[Any], y: Any = None) -> TrainsOne:
        self.network_ = regressor(max_iter=2, hidden_layer_sizes=(2,)).fit(X, y)
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        return np.column_stack([X, self.network_.predict(X)])


@pytest.mark.parametrize("nested", [False, True])
def test_a_network_within_a_transformer_is_another(nested: bool) -> None:
    first = make_pipeline(TrainsOne(), Uncopied()) if nested else TrainsOne()
    estimator = Pipeline([("first", first), ("net", regressor(max_iter=3))])
    grid = {"net__dropout": [0.0, 0.2], "first": [first, "passthrough"]}
    assert_equal(estimator, grid, NUMBERS.to_numpy(), PRICE, cv=2)


def test_a_grid_may_bring_a_pipeline_of_its_own() -> None:
    estimator = Pipeline([("scaler", StandardScaler()), ("net", regressor(max_iter=3))])
    grid = {
        "net": [regressor(max_iter=2), make_pipeline(Writes(), PCA(2), regressor(max_iter=2)), "passthrough"]
    }
    search = assert_equal(estimator, grid, NUMBERS.to_numpy(), PRICE, cv=2, error_score=-9.0)
    assert np.isfinite(search.oof_predictions_).all()


class Warns(CountedScaler):
    """Warns in its fit and whenever it transforms."""

    def fit(self, X: Any, y: Any = None) -> Warns:
        warnings.warn(f"fitted to {len(X)} rows", UserWarning, stacklevel=1)
        return super().fit(X)

    def transform(self, X: Any) -> Any:
        warnings.warn("transforms", RuntimeWarning, stacklevel=2)
        return super().transform(X)


def test_warnings_come_as_often_as_in_scikit_learn() -> None:
    estimator = make_pipeline(Warns(), regressor(max_iter=2))
    column = PRICE[:, np.newaxis]  # a network warns of such a y
    assert_equal(estimator, {"mlpregressor__dropout": [0.0, 0.1]}, NUMBERS.to_numpy(), column, cv=3)


def test_a_warning_that_is_an_error_fails_the_fit_as_in_scikit_learn() -> None:
    for kind in (shoal.GridSearchCV, model_selection.GridSearchCV):
        search = kind(make_pipeline(Warns(), regressor(max_iter=2)), {"warns__factor": [1.0]}, cv=2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError, match="All the 2 fits failed"):
                search.fit(NUMBERS.to_numpy(), PRICE)


def test_two_splits_on_the_same_training_rows_have_curves_of_their_own() -> None:
    train, parts = np.arange(30), (np.arange(30, 45), np.arange(45, 60))
    x = NUMBERS.to_numpy()
    search = shoal.GridSearchCV(regressor(), {"dropout": [0.0]}, cv=[(train, test) for test in parts]).fit(
        x, PRICE
    )
    alone = regressor().fit(x[train], PRICE[train])
    last = search.fits_.groupby("fold")["validation_loss"].last()
    for fold, test in enumerate(parts):
        assert last[fold] == pytest.approx(np.mean((alone.predict(x[test]) - PRICE[test]) ** 2), rel=1e-5)


class Weighed(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Gives rows of which it is known when the last is gone."""

    alive: ClassVar[set[int]] = set()
    most: ClassVar[int] = 0

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def fit(self, X: Any, y: Any = None) -> Weighed:
        self.n_features_in_ = X.shape[1]
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:

        self.fit(X)
        rows = np.array(X, np.float64) * self.factor
        number = id(rows)
        Weighed.alive.add(number)
        weakref.finalize(rows, Weighed.alive.discard, number)
        Weighed.most = max(Weighed.most, len(Weighed.alive))
        return rows

    def transform(self, X: Any) -> Any:
        return np.array(X, np.float64) * self.factor


def test_rows_are_let_go_as_soon_as_nobody_needs_them() -> None:
    Weighed.alive.clear()
    Weighed.most = 0
    grid = {"weighed__factor": list(np.linspace(1, 2, 12)), "mlpregressor__dropout": [0.0, 0.1]}
    estimator = make_pipeline(Weighed(), regressor(max_iter=2))
    shoal.GridSearchCV(estimator, grid, cv=4, n_jobs=2, refit=False).fit(NUMBERS.to_numpy(), PRICE)
    gc.collect()
    assert Weighed.most <= 8  # of 48
    assert not Weighed.alive


def test_frames_of_polars_go_through() -> None:
    frame = pl.from_pandas(NUMBERS)
    found = [
        kind(
            make_pipeline(StandardScaler(), regressor(max_iter=2)),
            {"mlpregressor__dropout": [0.0, 0.1]},
            cv=2,
        )
        .fit(frame, PRICE)
        .cv_results_["mean_test_score"]
        for kind in (shoal.GridSearchCV, model_selection.GridSearchCV)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("memory", [None, "cache"])
@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("key", ["nope__dropout", "net__nope", "scale__nope", "nope", "inner__net__nope"])
def test_a_wrong_key_is_answered_in_the_words_of_scikit_learn(
    key: str, seed: int | None, memory: str | None, tmp_path: Any
) -> None:
    """It names the estimator as it was given, and nothing that a search of ours puts into it."""
    x = np.random.default_rng(0).normal(size=(20, 2))
    network = shoal.MLPRegressor(max_iter=1, random_state=seed)
    store = None if memory is None else str(tmp_path / memory)
    steps = [("scale", StandardScaler()), ("net", network)]
    if key.startswith("inner"):
        steps = [("first", StandardScaler()), ("inner", Pipeline(steps, memory=store))]
    estimator = Pipeline(steps, memory=store)
    grid = [
        {"net__max_iter": [1]} if not key.startswith("inner") else {"inner__net__max_iter": [1]},
        {key: [0]},
    ]

    def told(search: Any) -> str:
        with pytest.raises(ValueError, match="Invalid parameter") as caught:
            search(estimator, grid, cv=2).fit(x, x[:, 0])
        assert caught.value.__cause__ is None
        return str(caught.value)

    assert told(shoal.GridSearchCV) == told(model_selection.GridSearchCV)
