"""Searches with `n_jobs` above 1: other processes do lots of candidates whole, and nothing that comes of it differs."""

from __future__ import annotations

import os
import signal
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

import shoal
from estimators.search_cases import assert_equal, classifier, regressor
from shoal.estimators import _lots, _processes
from shoal.estimators._lots import Lot
from shoal.estimators._order import evened
from shoal.estimators._pieces import Scored

ROWS = 90
RNG = np.random.default_rng(5)
FRAME = pd.DataFrame({
    "area": RNG.lognormal(1, 1, ROWS),
    "age": np.where(RNG.uniform(size=ROWS) < 0.2, np.nan, RNG.uniform(0, 80, ROWS)),
    "town": RNG.choice(["Bath", "Ely", "York"], ROWS),
})  # fmt: skip
NUMBERS = FRAME[["area", "age"]].fillna(3.0)
PRICE = np.log(FRAME["area"].to_numpy())
LABELS = np.where(PRICE > 1, "dear", "cheap")
GRID = {"net__dropout": [0.0, 0.2], "net__learning_rate_init": [1e-3, 1e-2]}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[list[Scored]]:
    """What other processes have done; they are waited for when a search begins, as if it were not the first."""
    came: list[list[Scored]] = []
    begin, back = _processes.Processes.begin, _processes.Processes.back

    def waited_for(self: Any, parallel: Any, **options: Any) -> None:
        begin(self, parallel, **options)
        if self._backend is not None:
            assert self._ready.wait(120)

    def noted(self: Any, *, wait: bool) -> Any:
        found = back(self, wait=wait)
        came.extend([found.result.scored] if found and found.result else [])
        return found

    monkeypatch.setattr(_processes.Processes, "begin", waited_for)
    monkeypatch.setattr(_processes.Processes, "back", noted)
    return came


def table() -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    kinds = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    return ColumnTransformer(
        [("num", numbers, kinds[0]), ("cat", OneHotEncoder(sparse_output=False), kinds[1])]
    )


class Writes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Writes into the rows that it is given."""

    def fit(self, X: Any, y: Any = None) -> Writes:
        self.n_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        X[:, 0] += 1
        return X


@pytest.mark.parametrize(
    ("steps", "x", "y"),
    [
        ([("prep", table()), ("net", classifier(max_iter=3))], FRAME, LABELS),
        ([("prep", table()), ("net", regressor(max_iter=3))], FRAME, PRICE),
        ([("in", Writes()), ("s", StandardScaler()), ("net", regressor(max_iter=3))], NUMBERS.to_numpy(), PRICE),
        ([("f", FunctionTransformer(lambda x: x**2)), ("net", regressor(max_iter=3))], NUMBERS, PRICE),
        ([("two", make_pipeline(StandardScaler(), StandardScaler())), ("net", regressor(max_iter=3))], NUMBERS, PRICE),
    ],
    ids=["text", "numbers to predict", "writing", "lambda", "nested"],
)  # fmt: skip
def test_helped_searches_are_scikit_learns_to_the_last_bit(
    steps: Any, x: Any, y: Any, done: list[list[Scored]]
) -> None:
    alone = shoal.GridSearchCV(Pipeline(steps), GRID, cv=4, return_train_score=True).fit(x.copy(), y)
    assert not done
    helped = assert_equal(Pipeline(steps), GRID, x, y, cv=4, n_jobs=2, return_train_score=True)
    assert done and all(scored.spot.fold > 0 for lot in done for scored in lot)  # noqa: PT018
    assert_same(helped, alone)
    folds = (StratifiedKFold if y is LABELS else KFold)(4)
    chosen = Pipeline(steps).set_params(**alone.best_params_)
    method = "predict_proba" if y is LABELS else "predict"
    expected = cross_val_predict(chosen, x.copy(), y, cv=folds, method=method)
    np.testing.assert_array_equal(alone.oof_predictions_, expected)


class ByName(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Takes frames alone."""

    def fit(self, X: Any, y: Any = None) -> ByName:
        self.names_ = list(X.columns)
        return self

    def transform(self, X: Any) -> Any:
        return X[self.names_].to_numpy()


def test_helpers_are_set_up_as_scikit_learn_is_here(done: list[list[Scored]]) -> None:
    for steps in ([("s", StandardScaler())], [("s", StandardScaler()), ("names", ByName())]):
        estimator = Pipeline([*steps, ("net", regressor(max_iter=2))])
        done.clear()
        with config_context(transform_output="pandas"):
            helped = assert_equal(estimator, GRID, NUMBERS, PRICE, cv=4, n_jobs=2)
            assert any(done)
            assert_same(helped, shoal.GridSearchCV(estimator, GRID, cv=4).fit(NUMBERS, PRICE))


class CountsThreads(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Its rows tell how many threads linear algebra takes: the last bits of what it gives rest on it."""

    def fit(self, X: Any, y: Any = None) -> CountsThreads:
        self.n_ = max(
            library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
        )
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X) * self.n_


@pytest.mark.parametrize("threads", [1, 2])
def test_linear_algebra_takes_as_many_threads_in_helpers_as_here(
    threads: int, done: list[list[Scored]]
) -> None:
    estimator = Pipeline([("s", CountsThreads()), ("net", regressor(max_iter=2))])
    with threadpool_limits(threads):
        alone = shoal.GridSearchCV(estimator, GRID, cv=4).fit(NUMBERS, PRICE)
        helped = shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=2).fit(NUMBERS, PRICE)
    assert any(done)
    assert_same(helped, alone)


def assert_same(helped: Any, alone: Any) -> None:
    pd.testing.assert_frame_equal(helped.fits_, alone.fits_)
    np.testing.assert_array_equal(helped.oof_predictions_, alone.oof_predictions_)
    np.testing.assert_array_equal(helped.indistinguishable_, alone.indistinguishable_)
    for one, other in zip(helped.fold_modules_, alone.fold_modules_, strict=True):
        for name, values in one.state_dict().items():
            np.testing.assert_array_equal(values.numpy(), other.state_dict()[name].numpy())


def test_what_fails_elsewhere_fails_here_aloud(done: list[list[Scored]]) -> None:
    estimator = Pipeline([("s", StandardScaler()), ("net", regressor(max_iter=2))])
    grid = {"net__dropout": [0.0, 0.2, 3.0], "net__learning_rate_init": [1e-3, 1e30]}
    search = assert_equal(estimator, grid, NUMBERS, PRICE, cv=4, n_jobs=2, error_score=-7.0)
    assert (search.cv_results_["mean_test_score"] == -7).sum() >= 2
    assert done and max(map(len, done)) < 6  # noqa: PT018
    strict = shoal.GridSearchCV(estimator, {"net__dropout": [0.0, 3.0]}, cv=4, n_jobs=2, error_score="raise")
    with pytest.raises(ValueError, match=r"The 'dropout' parameter of MLPRegressor must be"):
        strict.fit(NUMBERS, PRICE)


class Warns(StandardScaler):  # type: ignore[misc]
    """Warns whenever it is fitted."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Warns:
        warnings.warn("hear, hear", UserWarning, stacklevel=1)
        return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


def test_warnings_of_helpers_are_heard_here(done: list[list[Scored]]) -> None:
    estimator = Pipeline([("s", Warns()), ("net", regressor(max_iter=2))])
    heard = []
    for jobs in (1, 2):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=jobs).fit(NUMBERS, PRICE)
        heard.append([str(one.message) for one in warned])
    assert done
    assert heard[0] == heard[1] == ["hear, hear"] * (4 * 4 + 1)


def test_warnings_of_code_that_is_no_modules_are_heard(done: list[list[Scored]]) -> None:
    """As in a notebook: what no file of a module holds."""
    place: dict[str, Any] = {"__name__": "__main__", "StandardScaler": StandardScaler, "warnings": warnings}
    body = "warnings.warn('hear, hear'); return super().fit(X)"
    cell = f"class Cell(StandardScaler):\n  def fit(self, X, y=None, sample_weight=None): {body}"
    exec(compile(cell, "<cell 1>", "exec"), place)  # noqa: S102
    estimator = Pipeline([("s", place["Cell"]()), ("net", regressor(max_iter=2))])
    for jobs in (None, 2):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=jobs).fit(NUMBERS, PRICE)
        assert [str(one.message) for one in warned] == ["hear, hear"] * (4 * 4 + 1)
        # From cloudpickle 3.1.3 on, code that travels to a process has lost the name of its cell.
        assert {one.filename for one in warned} <= {"<cell 1>", "<dynamic-code>" if jobs else "<cell 1>"}
    assert any(done)


def test_long_fits_are_trained_one_by_one_by_whoever_is_free(
    done: list[list[Scored]], monkeypatch: pytest.MonkeyPatch
) -> None:
    estimator = Pipeline([("s", StandardScaler()), ("net", regressor(max_iter=2))])
    monkeypatch.setattr("shoal.estimators._order.AWAY_SECONDS", 0.0)
    shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=2).fit(NUMBERS, PRICE)
    assert not done


def test_networks_of_torch_are_trained_here(done: list[list[Scored]]) -> None:
    estimator = Pipeline([("s", StandardScaler()), ("net", regressor(max_iter=2, dtype="float64"))])
    shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=2).fit(NUMBERS, PRICE)
    assert not done


def test_nobody_helps_where_a_store_is_kept_or_joblib_has_another_backend(
    done: list[list[Scored]], tmp_path: Any
) -> None:
    estimator = Pipeline([("s", StandardScaler()), ("net", regressor(max_iter=2))])
    shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=2, store=tmp_path / "s").fit(NUMBERS, PRICE)
    with parallel_config("threading"):
        shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=2).fit(NUMBERS, PRICE)
    assert not done


def test_a_search_that_tells_its_progress_counts_what_helpers_do(
    done: list[list[Scored]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.estimators._planning.SAY_SECONDS", 0.0)
    estimator = Pipeline([("s", StandardScaler()), ("net", regressor(max_iter=2))])
    shoal.GridSearchCV(estimator, GRID, cv=4, n_jobs=2, verbose=1).fit(NUMBERS, PRICE)
    assert done
    assert "16 of 16 networks are trained" in capsys.readouterr().out


def test_what_helpers_have_of_rows_held_out_need_not_be_made_again(
    done: list[list[Scored]], monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[object] = []
    fitted_up_to = _lots.fitted_up_to
    monkeypatch.setattr(_lots, "fitted_up_to", lambda *given: again.append(1) or fitted_up_to(*given))
    pipeline = Pipeline([("prep", table()), ("net", classifier(max_iter=3))])
    search = shoal.GridSearchCV(pipeline, GRID, cv=4, n_jobs=2).fit(FRAME, LABELS)
    assert done
    assert not again
    chosen = Pipeline(pipeline.steps).set_params(**search.best_params_)
    expected = cross_val_predict(chosen, FRAME, LABELS, cv=StratifiedKFold(4), method="predict_proba")
    np.testing.assert_array_equal(search.oof_predictions_, expected)


@pytest.mark.parametrize(
    ("folds", "candidates", "jobs", "sizes"),
    [
        (5, 6, 2, [6, 6, 6, 6, 3, 3]),
        (4, 6, 2, [6, 6, 6, 6]),
        (5, 5, 2, [5, 5, 5, 5, 5]),
        (5, 12, 4, [12, 12, 12, 12, 3, 3, 3, 3]),
        (1, 2, 1, [2]),
    ],
)
def test_the_last_lots_are_cut_where_processes_would_wait(
    folds: int, candidates: int, jobs: int, sizes: list[int]
) -> None:
    lots = [Lot(fold, (), range(candidates)) for fold in range(folds)]
    found = list(evened(lots, jobs))
    assert [len(lot.numbers) for lot in found] == sizes
    assert [spot for lot in found for spot in lot.spots()] == [spot for lot in lots for spot in lot.spots()]
    assert [lot.fold for lot in found if lot.last] == list(range(folds))


# -- last, those after which joblib's processes are not those that were there before -----------------------------


def test_lots_are_cut_where_there_are_more_processes_than_folds(done: list[list[Scored]]) -> None:
    estimator = Pipeline([("s", StandardScaler()), ("net", regressor(max_iter=2))])
    grid = {"net__dropout": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]}
    folds = KFold(2)
    alone = shoal.GridSearchCV(estimator, grid, cv=folds).fit(NUMBERS, PRICE)
    helped = shoal.GridSearchCV(estimator, grid, cv=folds, n_jobs=3).fit(NUMBERS, PRICE)
    assert {len(lot) for lot in done} == {3}
    assert_same(helped, alone)


class ScoresHere:
    """A score that only the process that made it gives; others fail, or end."""

    def __init__(self, *, ends: bool) -> None:
        self.home, self.ends = os.getpid(), ends

    def __call__(self, estimator: Any, x: Any, y: Any) -> float:
        if os.getpid() != self.home:
            if self.ends:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError("not here")
        return float(estimator.score(x, y))


@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs were given:UserWarning")
@pytest.mark.parametrize("ends", [False, True])
def test_where_helpers_fail_or_end_all_is_done_here(ends: bool, done: list[list[Scored]]) -> None:
    estimator = Pipeline([("s", StandardScaler()), ("net", regressor(max_iter=2))])
    options = {"cv": 4, "n_jobs": 2, "error_score": "raise"}
    search = shoal.GridSearchCV(estimator, GRID, scoring=ScoresHere(ends=ends), **options).fit(NUMBERS, PRICE)
    alone = shoal.GridSearchCV(estimator, GRID, cv=4).fit(NUMBERS, PRICE)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert not done
    assert_same(search, alone)
