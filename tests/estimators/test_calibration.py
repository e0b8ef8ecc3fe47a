"""`calibration=`: intervals, sets of classes and a temperature from networks of the folds, beside the same network."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from shoal import TrainingError
from shoal.estimators import CNNClassifier, GridSearchCV, MLPClassifier, MLPRegressor

RNG = np.random.default_rng(4)
X = RNG.uniform(-2, 2, size=(90, 2))
Y = np.sin(X[:, 0]) + X[:, 1] + 0.2 * RNG.normal(size=90)
CLASS = np.array(["a", "b", "c"])[np.digitize(Y, [-0.7, 0.7])]
NEW = RNG.uniform(-2, 2, size=(500, 2))


def regressor(**changes: Any) -> MLPRegressor:
    asked = {"calibration": "cv+", "calibration_folds": 3, "random_state": 0} | changes
    return MLPRegressor((8,), max_iter=60, learning_rate_init=0.02, **asked)


def classifier(**changes: Any) -> MLPClassifier:
    asked = {"calibration": "temperature", "calibration_folds": 3, "random_state": 0} | changes
    return MLPClassifier((8,), max_iter=60, learning_rate_init=0.02, **asked)


def scores_of(model: Any) -> list[Any]:
    """The scores of the rows that each fold's network held out."""
    return [held_out.scores for held_out in model._folds.held_out]


@parametrize_with_checks(
    [
        regressor(),
        classifier(),
        CNNClassifier(  # of one batch an epoch: a check trains a thousand
            (4,),
            (8,),
            batch_size=128,
            max_iter=16,
            learning_rate_init=0.03,
            calibration="temperature",
            calibration_folds=2,
        ),
    ],
    expected_failed_checks=lambda estimator: (
        {}
        if isinstance(estimator, MLPRegressor)
        else {
            f"check_sample_weight_equivalence_on_{form}_data": "rows of a fold are drawn by their number, as those of"
            " scikit-learn's CalibratedClassifierCV"
            for form in ("dense", "sparse")
        }
    ),
)
def test_what_scikit_learn_asks_of_an_estimator(
    estimator: Any, check: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


# -- the same network ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "y"), [(regressor(), Y), (classifier(), CLASS)])
def test_the_network_itself_is_the_same_to_the_byte(model: Any, y: Any) -> None:
    calibrated, plain = clone(model).fit(X, y), clone(model).set_params(calibration=None).fit(X, y)
    for name, array in plain.parameters_.items():
        assert calibrated.parameters_[name].tobytes() == array.tobytes()
    assert calibrated.predict(NEW).tolist() == plain.predict(NEW).tolist()
    assert set(vars(plain)) == vars(calibrated).keys() - {"_folds", "_seed", "temperature_"}


@pytest.mark.parametrize(("model", "y"), [(regressor(), Y), (classifier(), CLASS)])
def test_the_folds_are_drawn_from_the_random_state(model: Any, y: Any) -> None:
    first, again = (scores_of(clone(model).fit(X, y)) for _ in range(2))
    other = scores_of(clone(model).set_params(random_state=1).fit(X, y))
    assert [score.tobytes() for score in first] == [score.tobytes() for score in again]
    assert [score.tobytes() for score in first] != [score.tobytes() for score in other]


# -- what the folds say --------------------------------------------------------------------------------------


def test_intervals_by_definition_from_estimators_of_their_own() -> None:
    """The parts are scikit-learn's KFold; the network without a part is told by what the whole says of it."""
    model = regressor(calibration_folds=4).fit(X, Y)
    splits = list(model_selection.KFold(4, shuffle=True, random_state=0).split(X))
    low_ends, high_ends = [], []
    for outputs, score, (_, held) in zip(
        model._folds.outputs(model._checked(NEW[:20], reset=False)), scores_of(model), splits, strict=True
    ):
        assert score.shape == (1, len(held))
        low_ends.append(outputs - score)
        high_ends.append(outputs + score)
    low, high = (np.sort(np.concatenate(ends, axis=1), axis=1) for ends in (low_ends, high_ends))
    rank = math.ceil(0.9 * 91)
    interval = model.predict_interval(NEW[:20])
    assert interval[:, 0].tolist() == low[:, 90 - rank].tolist()
    assert interval[:, 1].tolist() == high[:, rank - 1].tolist()


def test_rows_held_out_have_no_say_in_their_network() -> None:
    """Other targets in one part change the networks of the other parts alone."""
    splits = list(model_selection.KFold(3, shuffle=True, random_state=0).split(X))
    poisoned = Y.copy()
    poisoned[splits[1][1]] += 50
    clean, other = regressor().fit(X, Y)._folds, regressor().fit(X, poisoned)._folds
    same = [
        all(one[name].tobytes() == two[name].tobytes() for name in one)
        for one, two in zip(clean.parameters, other.parameters, strict=True)
    ]
    assert same == [False, True, False]
    assert other.held_out[1].scores.min() > 40


def test_intervals_hold_about_as_many_new_rows_as_is_said() -> None:
    model = regressor(calibration_folds=5).fit(X, Y)
    true = np.sin(NEW[:, 0]) + NEW[:, 1] + 0.2 * RNG.normal(size=len(NEW))
    within = [
        float(((low <= true) & (true <= high)).mean())
        for coverage in (0.5, 0.8, 0.9, 0.95)
        for low, high in [model.predict_interval(NEW, coverage).T]
    ]
    assert within == sorted(within)
    assert 0.82 < within[2] < 0.99


def test_several_targets_have_intervals_of_their_own() -> None:
    both = np.column_stack([Y, 1000 * Y])
    interval = regressor().fit(X, both).predict_interval(NEW, 0.8)
    assert interval.shape == (500, 2, 2)
    width = np.diff(interval, axis=2).mean(axis=0).ravel()
    assert width[1] > 50 * width[0]
    assert regressor().fit(X, Y).predict_interval(NEW).shape == (500, 2)


def test_sets_and_temperature() -> None:
    model = classifier(calibration_folds=5).fit(X, CLASS)
    plain = clone(model).set_params(calibration=None).fit(X, CLASS).predict_proba(NEW)
    power = plain ** (1 / model.temperature_)
    np.testing.assert_allclose(model.predict_proba(NEW), power / power.sum(axis=1, keepdims=True), rtol=1e-6)
    value = np.sin(NEW[:, 0]) + NEW[:, 1] + 0.2 * RNG.normal(size=len(NEW))
    place = np.digitize(value, [-0.7, 0.7])
    sets = model.predict_set(NEW)
    assert sets.shape == (500, 3)
    assert sets.dtype == np.bool_
    assert 0.82 < sets[np.arange(500), place].mean() < 0.99
    assert (model.predict_set(NEW, 0.5) <= sets).all()


def test_images_have_sets_too() -> None:
    images = RNG.integers(0, 256, size=(30, 6, 6), dtype=np.uint8)
    model = CNNClassifier(
        (2,), (4,), max_iter=2, calibration="temperature", calibration_folds=2, random_state=0
    )
    model.fit(images, np.arange(30) % 2)
    assert model.predict_set(images, 0.8).shape == (30, 2)
    assert model.temperature_ > 0


def test_weights_count_in_training_and_rows_of_none_have_no_part() -> None:
    weight = np.where(np.arange(90) < 60, 1.0, 0.0)
    with_zeros, without = (
        regressor().fit(X, Y, sample_weight=weight),
        regressor().fit(X[:60], Y[:60]),
    )
    assert with_zeros.predict_interval(NEW).tolist() == without.predict_interval(NEW).tolist()


# -- as everything else in scikit-learn ----------------------------------------------------------------------


def test_neither_the_number_of_jobs_nor_a_pickle_changes_anything() -> None:
    one, two = (regressor(n_jobs=jobs).fit(X, Y) for jobs in (1, 2))
    expected = one.predict_interval(NEW)
    assert two.predict_interval(NEW).tobytes() == expected.tobytes()
    assert pickle.loads(pickle.dumps(one)).predict_interval(NEW).tobytes() == expected.tobytes()  # noqa: S301
    assert regressor().fit(X, Y).predict_interval(NEW).tobytes() == expected.tobytes()


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy"])
def test_a_search_finds_what_scikit_learns_finds(scoring: str) -> None:
    grid = {
        "mlpclassifier__learning_rate_init": [0.002, 0.02],
        "mlpclassifier__calibration": [None, "temperature"],
    }
    model = make_pipeline(StandardScaler(), classifier())
    ours, theirs = (
        search(model, grid, scoring=scoring, cv=2).fit(X, CLASS)
        for search in (GridSearchCV, model_selection.GridSearchCV)
    )
    for name in ("mean_test_score", "split0_test_score"):
        assert ours.cv_results_[name].tolist() == theirs.cv_results_[name].tolist()
    assert ours.predict_proba(NEW).tobytes() == theirs.predict_proba(NEW).tobytes()
    if ours.best_params_["mlpclassifier__calibration"]:
        best = (search.best_estimator_[-1] for search in (ours, theirs))
        assert np.array_equal(*(network.predict_set(NEW) for network in best))
    assert {"train_loss", "validation_loss"} <= set(ours.fits_)
    assert ours.oof_predictions_.shape == (90, 3)
    assert len(ours.fold_modules_) == 2


@pytest.mark.parametrize("seed", [None, 3, np.random.RandomState(5)])
def test_any_seed_will_do(seed: Any) -> None:
    search = GridSearchCV(regressor(random_state=seed), {"dropout": [0.0, 0.1]}, cv=2).fit(X, Y)
    assert np.isfinite(search.best_estimator_.predict_interval(NEW)).all()


# -- what is refused -----------------------------------------------------------------------------------------


def test_what_was_fitted_without_says_so() -> None:
    with pytest.raises(NotFittedError):
        regressor().predict_interval(NEW)
    sentence = r'^predict_interval: expected MLPRegressor\(calibration="cv\+"\) as it was fitted, got none$'
    with pytest.raises(ValueError, match=sentence):
        regressor(calibration=None).fit(X, Y).predict_interval(NEW)
    sentence = (
        r'^predict_set: expected MLPClassifier\(calibration="temperature"\) as it was fitted, got none$'
    )
    with pytest.raises(ValueError, match=sentence):
        classifier(calibration=None).fit(X, CLASS).predict_set(NEW)


def test_a_fit_without_lets_go_of_what_was_there() -> None:
    model = classifier().fit(X, CLASS)
    model.set_params(calibration=None).fit(X, CLASS)
    with pytest.raises(AttributeError):
        model.temperature_  # noqa: B018
    with pytest.raises(ValueError, match="as it was fitted, got none"):
        model.predict_set(NEW)


@pytest.mark.parametrize(
    ("model", "y", "sentence"),
    [
        (regressor(calibration="temperature"), Y, r"The 'calibration' parameter of MLPRegressor must be"),
        (classifier(calibration="cv+"), CLASS, r"The 'calibration' parameter of MLPClassifier must be"),
        (regressor(calibration_folds=1), Y, r"The 'calibration_folds' parameter of MLPRegressor must be"),
        (
            regressor(calibration_folds=91),
            Y,
            r"^calibration_folds: expected at most n_samples = 90 folds, got 91$",
        ),
        (
            classifier(calibration_folds=50),
            CLASS,
            r"^calibration_folds: expected at most \d+ folds, the rows of the rarest class, got 50$",
        ),
        (
            classifier(),
            np.where(np.arange(90) == 7, "lone", CLASS),
            r"^calibration: expected at least 2 rows of every class, since each fold is left out once, got a class of"
            r" one row$",
        ),
        (regressor(warm_start=True), Y, r"^warm_start: expected False with calibration, since .*, got True$"),
    ],
)
def test_settings_that_are_refused(model: Any, y: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        clone(model).fit(X, y)


def test_one_epoch_more_is_not_there() -> None:
    with pytest.raises(AttributeError, match="partial_fit"):
        regressor().partial_fit(X, Y)
    regressor(calibration=None).partial_fit(X, Y)


def test_a_network_of_a_fold_that_diverges_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from shoal.estimators import _fold_networks

    real = _fold_networks.train

    def diverging(*arguments: Any, **named: Any) -> Any:
        for result in real(*arguments, **named):
            failed = replace(result, status="diverged", message="diverged in epoch 2")
            yield failed if result.key == "1" else result

    monkeypatch.setattr(_fold_networks, "train", diverging)
    model = regressor(calibration=None).fit(X, Y)
    before = model.predict(NEW)
    with pytest.raises(TrainingError, match=r"the fit diverged in epoch 2; .* \(without fold 2\)$"):
        model.set_params(calibration="cv+").fit(X[:50], Y[:50])
    assert model.predict(NEW).tolist() == before.tolist()  # it never mixes two fits


# -- weights of rows -----------------------------------------------------------------------------------------


def test_intervals_hold_a_share_of_the_weight() -> None:
    """By their definition, from the networks and the rows that each held out."""
    weight = np.random.default_rng(0).gamma(1.0, size=len(X)) + 0.1
    model = regressor(calibration_folds=4).fit(X, Y, sample_weight=weight)
    splits = list(model_selection.KFold(4, shuffle=True, random_state=0).split(X))
    high, own = [], []
    for outputs, score, (_, part) in zip(
        model._folds.outputs(model._checked(NEW[:20], reset=False)), scores_of(model), splits, strict=True
    ):
        residual = np.sort(score[0])
        assert residual.tolist() == score[0].tolist()
        kept = model._folds.held_out[len(high)].weights[0]
        assert sorted(kept) == sorted(weight[part].astype(np.float32))
        high.append(outputs + residual)
        own.append(kept)
    ends, own = np.concatenate(high, axis=1), np.concatenate(own)
    need = 0.9 * (own.sum() + (own**2).sum() / own.sum())
    for row, expected in enumerate(model.predict_interval(NEW[:20])[:, 1]):
        order = np.argsort(ends[row])
        assert expected == ends[row, order][np.searchsorted(np.cumsum(own[order]), need)]


@pytest.mark.parametrize(("model", "y"), [(regressor(), Y), (classifier(), CLASS)])
def test_equal_weights_say_what_none_say(model: Any, y: Any) -> None:
    plain, equal = clone(model).fit(X, y), clone(model).fit(X, y, sample_weight=np.full(len(X), 0.3))
    for held_out, other in zip(plain._folds.held_out, equal._folds.held_out, strict=True):
        assert held_out.scores.tobytes() == other.scores.tobytes()
        assert other.weights is None
    assert vars(plain).get("temperature_") == vars(equal).get("temperature_")


def test_sets_and_temperature_count_what_rows_weigh() -> None:
    weight = np.where(CLASS == "b", 20.0, 1.0)
    plain, weighted = classifier().fit(X, CLASS), classifier().fit(X, CLASS, sample_weight=weight)
    new = np.random.default_rng(1).uniform(-2, 2, size=(3000, 2))
    value = np.sin(new[:, 0]) + new[:, 1] + 0.2 * np.random.default_rng(2).normal(size=3000)
    place = np.digitize(value, [-0.7, 0.7])
    held = [model.predict_set(new, 0.8)[np.arange(3000), place] for model in (plain, weighted)]
    by_weight = [float(np.average(own, weights=np.where(place == 1, 20.0, 1.0))) for own in held]
    assert abs(by_weight[1] - 0.8) < 0.12
    assert np.average(held[1][place == 1]) > 0.7
    with pytest.raises(
        ValueError, match=r"rows held out that are worth \d+(\.\d)? rows of one weight, got 0.99$"
    ):
        weighted.predict_set(new, 0.99)
