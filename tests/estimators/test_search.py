"""Searches are scikit-learn's to the last key, and every network of a search is trained at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import model_selection
from sklearn.compose import make_column_transformer
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import shoal
from estimators.search_cases import (
    LABELS,
    RNG,
    CountedScaler,
    X,
    Y,
    assert_same_results,
    classifier,
    regressor,
)
from shoal.engine import Fit
from shoal.engine._train import train_fit
from shoal.estimators import _order
from shoal.estimators._training_tasks import Task, train

GRID = {"learning_rate_init": [0.03, 0.003], "batch_size": [8, 16], "hidden_layer_sizes": [(4,), (5, 3)]}
SCORES = {
    "regression": (None, "r2", "neg_mean_absolute_error", ["r2", "neg_mean_squared_error"]),
    "classification": (None, "accuracy", "neg_log_loss", {"acc": "accuracy", "f1": "f1_macro"}),
}
SPLITTERS = (
    3,
    KFold(4, shuffle=True, random_state=1),
    ShuffleSplit(2, test_size=0.3, random_state=0),
    RepeatedKFold(n_splits=2, n_repeats=2, random_state=5),
    TimeSeriesSplit(3, gap=2, max_train_size=20),
    [(np.arange(30), np.arange(30, 48)), (np.arange(18, 48), np.arange(18))],
)


def both(estimator: Any, grid: Any, y: Any = Y, **given_: Any) -> tuple[Any, Any]:
    """Fit our search and scikit-learn's."""
    fit = given_.pop("fit", {})
    ours = shoal.GridSearchCV(estimator, grid, **given_).fit(X, y, **fit)
    theirs = model_selection.GridSearchCV(estimator, grid, **given_).fit(X, y, **fit)
    return ours, theirs


@given(st.data())
@settings(max_examples=12)
def test_results_are_those_of_scikit_learn(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["regression", "classification"]))
    estimator, y = (regressor(), Y) if kind == "regression" else (classifier(), LABELS)
    keys = data.draw(st.lists(st.sampled_from(sorted(GRID)), min_size=1, max_size=2, unique=True))
    prefix = ""
    if data.draw(st.booleans(), label="in a Pipeline"):
        prefix = f"{type(estimator).__name__.lower()}__"
        estimator = make_pipeline(StandardScaler(), estimator)
    grid: Any = {prefix + key: GRID[key] for key in keys}
    if data.draw(st.booleans(), label="two grids"):
        grid = [grid, {f"{prefix}dropout": [0.0, 0.5]}]
    scoring = data.draw(st.sampled_from(SCORES[kind]))
    several = isinstance(scoring, list | dict)
    options = {
        "scoring": scoring,
        "cv": data.draw(st.sampled_from(SPLITTERS)),
        "refit": data.draw(st.sampled_from([next(iter(scoring)), False] if several else [True, False])),
        "return_train_score": data.draw(st.booleans()),
    }
    ours, theirs = both(estimator, grid, y, **options)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    fitted = {name for name in vars(theirs) if name.endswith("_")}
    assert {name for name in vars(ours) if name.endswith("_")} == fitted
    assert (ours.n_splits_, ours.multimetric_) == (theirs.n_splits_, theirs.multimetric_)
    if "best_index_" in fitted:
        assert (ours.best_index_, ours.best_params_, ours.best_score_) == (
            theirs.best_index_, theirs.best_params_, theirs.best_score_,
        )  # fmt: skip
    if "best_estimator_" in fitted:
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        assert ours.score(X, y) == theirs.score(X, y)


def test_a_randomized_search_draws_the_same_candidates() -> None:
    drawn = {"learning_rate_init": [0.1, 0.03, 0.01, 0.003], "batch_size": [4, 8, 16]}
    options = {"n_iter": 4, "cv": 2, "random_state": 11}
    ours = shoal.RandomizedSearchCV(regressor(), drawn, **options).fit(X, Y)
    theirs = model_selection.RandomizedSearchCV(regressor(), drawn, **options).fit(X, Y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_callables_score_and_choose() -> None:
    def scores(estimator: Any, x: Any, y: Any) -> dict[str, float]:
        error = np.abs(estimator.predict(x) - y)
        return {"middle": -float(np.median(error)), "worst": -float(error.max())}

    def last(_results: dict[str, Any]) -> int:
        return 1

    ours, theirs = both(regressor(), {"batch_size": [8, 16]}, scoring=scores, refit=last, cv=2)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.best_index_ == theirs.best_index_ == 1
    assert "best_score_" not in vars(ours)


@pytest.mark.parametrize(
    "cv", [GroupKFold(3), LeaveOneGroupOut(), GroupShuffleSplit(3, test_size=0.3, random_state=0)]
)
def test_groups_weights_and_labels_of_rows_arrive(cv: Any) -> None:
    groups, weight = np.repeat(np.arange(8), 6), RNG.uniform(0.5, 2, 48)
    options = {"cv": cv, "n_jobs": 1, "fit": {"groups": groups, "sample_weight": weight}}
    grid = {"learning_rate_init": [0.03, 0.01]}
    assert_same_results(*(one.cv_results_ for one in both(regressor(max_iter=4), grid, **options)))


def test_metadata_is_routed() -> None:
    weight = RNG.uniform(0.5, 2, 48)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = regressor(max_iter=4).set_fit_request(sample_weight=True)
        scorer = get_scorer("r2").set_score_request(sample_weight=True)
        options = {"cv": 2, "n_jobs": 1, "scoring": scorer, "fit": {"sample_weight": weight}}
        ours, theirs = both(estimator, {"learning_rate_init": [0.03, 0.01]}, **options)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_splits_that_can_be_read_once_are_read_once() -> None:
    splits = iter([(np.arange(24), np.arange(24, 48)), (np.arange(24, 48), np.arange(24))])
    search = shoal.GridSearchCV(regressor(), {"batch_size": [8, 16]}, cv=splits).fit(X, Y)
    assert search.n_splits_ == 2
    assert search.cv is splits
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_another_estimator_is_searched_by_scikit_learn() -> None:
    ours, theirs = both(Ridge(), {"alpha": [0.1, 10.0]}, cv=3)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    for name in ("fits_", "oof_predictions_", "fold_modules_", "indistinguishable_"):
        with pytest.raises(
            AttributeError, match=f"^{name}: expected one of Shoal's estimators, .*, got Ridge$"
        ):
            getattr(ours, name)


# -- at once -------------------------------------------------------------------------------------------------


@pytest.fixture
def handed_over(monkeypatch: pytest.MonkeyPatch) -> list[list[Task]]:
    """The lots that the engine was given."""
    given: list[list[Task]] = []

    def noted(lots: Iterator[list[Task]]) -> Iterator[list[Task]]:
        for lot in lots:
            given.append(lot)
            yield lot

    monkeypatch.setattr(_order, "train", lambda lots, **options: train(noted(lots), **options))
    return given


def test_every_candidate_of_a_fold_goes_to_the_engine_at_once(handed_over: list[list[Task]]) -> None:
    estimator = make_pipeline(StandardScaler(), regressor())
    shoal.GridSearchCV(estimator, {"mlpregressor__batch_size": [4, 8]}, cv=3).fit(X, Y)
    assert [len(tasks) for tasks in handed_over] == [2, 2, 2]
    assert all(tasks[0].x is tasks[1].x and tasks[0].y is tasks[1].y for tasks in handed_over)
    assert all(len(task.validation_rows) == 16 for tasks in handed_over for task in tasks)


def test_equal_candidates_are_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def counted(fit: Fit, *rest: Any) -> Any:
        trained.append(fit.id)
        return train_fit(fit, *rest)

    monkeypatch.setattr("shoal.engine.workers.threads.train_fit", counted)
    grid = [{"batch_size": [8]}, {"dropout": [0.0]}]
    search = shoal.GridSearchCV(regressor(batch_size=8), grid, cv=2).fit(X, Y)
    assert len(trained) == 2
    assert search.fits_.groupby(["candidate", "fold"]).ngroups == 4


@pytest.mark.parametrize(
    ("grid", "fits"),
    [
        ({"net__batch_size": [4, 8, 16]}, 3 + 1),
        ({"net__batch_size": [4, 8], "scaler__factor": [1.0, 2.0]}, 6 + 1),
    ],
)
@pytest.mark.parametrize("in_place", [False, True])
def test_transformers_are_fitted_once_a_fold_and_setting(
    grid: dict[str, Any], fits: int, in_place: bool
) -> None:
    scaler = CountedScaler(in_place=in_place)
    estimator = Pipeline([("copied", FunctionTransformer(np.copy)), ("scaler", scaler), ("net", regressor())])
    CountedScaler.fits = 0
    search = shoal.GridSearchCV(estimator, grid, cv=3).fit(X, Y)
    assert CountedScaler.fits == fits
    theirs = model_selection.GridSearchCV(estimator, grid, cv=3).fit(X, Y)
    assert_same_results(search.cv_results_, theirs.cv_results_)
    assert search.best_estimator_.memory is None
    assert estimator.memory is None


def test_a_network_is_the_one_trained_alone() -> None:
    search = shoal.GridSearchCV(regressor(), {"batch_size": [4, 8]}, cv=3).fit(X, Y)
    for module, (rows, _) in zip(search.fold_modules_, KFold(3).split(X), strict=True):
        alone = regressor(**search.best_params_).fit(X[rows], Y[rows])
        for name, array in alone.module_.state_dict().items():
            assert module is not None
            np.testing.assert_array_equal(module.state_dict()[name], array)


def test_nothing_of_a_held_out_row_reaches_training() -> None:
    split = (np.arange(30), np.arange(30, 48))
    poisoned, wrong = X.copy(), Y.copy()
    poisoned[split[1]], wrong[split[1]] = 1e6, -1e6
    estimator = make_pipeline(StandardScaler(), regressor())
    grid = {"mlpregressor__batch_size": [4, 8]}
    clean, dirty = (
        shoal.GridSearchCV(estimator, grid, cv=[split], refit=False).fit(*rows)
        for rows in ((X, Y), (poisoned, wrong))
    )
    assert clean.fits_["train_loss"].tolist() == dirty.fits_["train_loss"].tolist()
    assert (clean.fits_["validation_loss"] < dirty.fits_["validation_loss"]).all()


def test_frames_and_transformers_of_columns() -> None:
    frame = pd.DataFrame(X, columns=list("abc")).assign(kind=LABELS)
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), (OneHotEncoder(sparse_output=False), ["kind"])
    )
    grid = {"columntransformer__standardscaler__with_mean": [True, False], "mlpregressor__batch_size": [4, 8]}
    estimator = make_pipeline(columns, regressor())
    ours = shoal.GridSearchCV(estimator, grid, cv=3).fit(frame, Y)
    theirs = model_selection.GridSearchCV(estimator, grid, cv=3).fit(frame, Y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.feature_names_in_.tolist() == ["a", "b", "c", "kind"]


def test_a_grid_may_put_other_estimators_in_the_place_of_a_network(handed_over: list[list[Task]]) -> None:
    grid = {"net": [regressor(random_state=5), Ridge(), regressor(hidden_layer_sizes=(3,))]}
    estimator = Pipeline([("scaler", StandardScaler()), ("net", regressor())])
    ours, theirs = both(estimator, grid, cv=2)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert [len(tasks) for tasks in handed_over] == [2, 2]
    assert ours.fits_["candidate"].unique().tolist() == [0, 2]


def test_no_result_depends_on_the_number_of_jobs() -> None:
    grid = {"batch_size": [4, 8]}
    one, two = (shoal.GridSearchCV(regressor(), grid, cv=2, n_jobs=jobs).fit(X, Y) for jobs in (1, 2))
    assert_same_results(one.cv_results_, two.cv_results_)
    assert (one.fits_ == two.fits_).all(axis=None)


def test_without_a_seed_candidates_share_the_one_drawn() -> None:
    given_ = regressor(random_state=None)
    search = shoal.GridSearchCV(given_, {"verbose": [0, False]}, cv=2).fit(X, Y)
    results = search.cv_results_
    assert results["split0_test_score"][0] == results["split0_test_score"][1]
    assert search.estimator is given_
    assert search.best_estimator_.random_state is None


# -- failed fits ---------------------------------------------------------------------------------------------------

FAILED = {"learning_rate_init": [1e30, 0.01]}


def test_a_failed_fit_is_a_nan_and_one_counted_warning() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = shoal.GridSearchCV(regressor(optimizer="sgd"), FAILED, cv=3).fit(X, Y)
    failed = [str(one.message) for one in caught if one.category is FitFailedWarning]
    assert len(failed) == 1
    assert "3 fits failed out of a total of 6" in failed[0]
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    assert search.best_params_ == {"learning_rate_init": 0.01}
    assert search.indistinguishable_.tolist() == [False, True]
    assert set(search.fits_.loc[search.fits_["candidate"] == 0, "status"]) == {"diverged"}


def test_a_failed_fit_has_the_score_asked_for_or_is_raised() -> None:
    with pytest.warns(FitFailedWarning):
        search = shoal.GridSearchCV(regressor(optimizer="sgd"), FAILED, cv=2, error_score=-9.0).fit(X, Y)
    assert search.cv_results_["mean_test_score"][0] == -9
    with pytest.raises(shoal.TrainingError, match="learning_rate_init=1e\\+30 being too high"):
        shoal.GridSearchCV(regressor(optimizer="sgd"), FAILED, cv=2, error_score="raise").fit(X, Y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_network_that_does_not_fit_is_a_failed_fit() -> None:
    network = shoal.CNNClassifier((2,), kernel_size=3, padding=0, max_iter=2, hidden_layer_sizes=())
    images, labels = np.random.default_rng(0).random((12, 6, 6)), np.arange(12) % 2
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        search = shoal.GridSearchCV(network, {"kernel_size": [3, 50]}, cv=2).fit(images, labels)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]


def test_a_search_of_failed_fits_alone_is_an_error() -> None:
    with pytest.raises(ValueError, match="All the 2 fits failed"):
        shoal.GridSearchCV(regressor(optimizer="sgd"), {"learning_rate_init": [1e30]}, cv=2).fit(X, Y)


# -- beyond scikit-learn -------------------------------------------------------------------------------------------


def test_held_out_predictions_are_those_of_scikit_learn() -> None:
    search = shoal.GridSearchCV(regressor(), {"batch_size": [8]}, cv=4).fit(X, Y)
    expected = cross_val_predict(regressor(batch_size=8), X, Y, cv=4)
    np.testing.assert_array_equal(search.oof_predictions_, expected)


def test_held_out_probabilities_give_a_class_never_seen_nothing() -> None:
    splits = [(np.flatnonzero(LABELS != "low"), np.arange(12)), (np.arange(48), np.arange(12, 36))]
    search = shoal.GridSearchCV(classifier(), {"batch_size": [8]}, cv=splits).fit(X, LABELS)
    found = search.oof_predictions_
    assert found.shape == (48, 3)
    assert (found[:12, 1] == 0).all()  # classes are high, low, mid
    assert np.isnan(found[36:]).all()
    np.testing.assert_allclose(found[:36].sum(axis=1), 1)
    assert search.fits_.groupby("fold")["validation_loss"].count().to_dict() == {0: 0, 1: 15}


def test_curves_are_those_of_the_fits() -> None:
    search = shoal.GridSearchCV(regressor(), {"max_iter": [5, 9]}, cv=2).fit(X, Y)
    frame = search.fits_
    assert list(frame) == ["candidate", "fold", "status", "epoch", "train_loss", "validation_loss"]
    assert frame.groupby(["candidate", "fold"]).size().tolist() == [5, 5, 9, 9]
    last = frame[(frame["candidate"] == 1) & (frame["fold"] == 0)].iloc[-1]
    rows = np.arange(24)
    fold = regressor(max_iter=9).fit(X[24:], Y[24:])
    assert last["validation_loss"] == pytest.approx(np.mean((fold.predict(X[rows]) - Y[rows]) ** 2), rel=1e-5)


def test_the_simplest_network_near_the_best_is_chosen_when_asked_for() -> None:
    grid = {"hidden_layer_sizes": [(40, 40), (3,), (12,)], "max_iter": [40]}
    best = shoal.GridSearchCV(regressor(), grid, cv=4).fit(X, Y)
    simple = shoal.GridSearchCV(regressor(), grid, cv=4, rule="one-standard-error").fit(X, Y)
    scores = np.stack([best.cv_results_[f"split{fold}_test_score"] for fold in range(4)], axis=1)
    reach = scores[best.best_index_].std(ddof=1) / 2
    near = np.flatnonzero(scores.mean(axis=1) >= scores.mean(axis=1).max() - reach)
    smallest = min(near, key=lambda place: [1801, 16, 61][place])
    assert simple.best_index_ == smallest
    assert simple.best_score_ == best.cv_results_["mean_test_score"][smallest]
    assert simple.best_estimator_.hidden_layer_sizes == grid["hidden_layer_sizes"][smallest]
