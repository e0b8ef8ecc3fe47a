"""The losses of estimators: each against a formula, or a model of scikit-learn's; what they say; every refusal.

Letters: N rows, K targets, L levels.
"""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, stats
from sklearn import linear_model, metrics
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV as TheirGridSearch

from shoal import CNNClassifier, GridSearchCV, MLPClassifier, MLPRegressor
from shoal.estimators._parameters import _OPTIONS, training_of
from shoal.kinds import LOSSES, losses_of
from shoal.study import Training, naming_values

ALL = losses_of("regression")
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (5,),
    "max_iter": 6,
    "random_state": 2,
    "learning_rate_init": 0.01,
}
NUMBERS = np.random.default_rng(8)
X, Y = NUMBERS.normal(size=(40, 3)), NUMBERS.normal(size=(40, 2)) ** 2


def huber(delta: float, y: NDArray[Any], mean: NDArray[Any]) -> NDArray[Any]:
    off = np.abs(y - mean)
    return np.where(off <= delta, off**2 / 2, delta * (off - delta / 2))


def loss_by_hand(model: Any, x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any]) -> float:
    """Give the loss of what a model predicts, a row's loss the mean over its targets: its formula, written anew."""
    mean, weighted = model.predict(x), {"sample_weight": weight}
    match model.loss:
        case "mse":
            return float(metrics.mean_squared_error(y, mean, **weighted))
        case "mae":
            return float(metrics.mean_absolute_error(y, mean, **weighted))
        case "huber":
            return float(np.average(huber(model.huber_delta, y, mean).mean(axis=1), weights=weight))
        case "poisson":
            return float(np.average((mean - y * np.log(mean)).mean(axis=1), weights=weight))
        case "quantile":
            quantiles = np.moveaxis(model.predict_quantiles(x), 2, 0)
            losses = [
                metrics.mean_pinball_loss(y, part, alpha=level, **weighted)
                for level, part in zip(model.quantiles, quantiles, strict=True)
            ]
            return float(np.mean(losses))
        case "gaussian":
            std = model.predict(x, return_std=True)[1]
            return float(np.average(-stats.norm.logpdf(y, mean, std).mean(axis=1), weights=weight))
    raise ValueError(model.loss)


@given(
    loss=st.sampled_from(ALL),
    targets=st.integers(1, 3),
    seed=st.integers(0, 2**20),
    dtype=st.sampled_from(["float32", "float64"]),
    delta=st.sampled_from([0.3, 1.0, 4.0]),
    weighted=st.booleans(),
)
def test_the_loss_is_that_of_what_is_predicted(
    loss: str, targets: int, seed: int, dtype: str, delta: float, weighted: bool
) -> None:
    numbers = np.random.default_rng(seed)
    x, y = numbers.normal(size=(25, 2)), numbers.poisson(3.0, size=(25, targets)) / 2
    weight = numbers.uniform(0.2, 2, 25) if weighted else np.ones(25)
    model = MLPRegressor(**QUICK | {"random_state": seed}, loss=loss, dtype=dtype, huber_delta=delta)
    y_given = y[:, 0] if targets == 1 else y
    model.fit(x, y_given, sample_weight=weight)
    assert model.predict(x).shape == y_given.shape
    model._flat = False  # every answer with its axis of targets
    by_hand, slack = loss_by_hand(model, x, y, weight), 1e-5 if dtype == "float32" else 1e-10
    if loss != "quantile":
        assert model.loss_ == pytest.approx(by_hand, rel=slack, abs=slack)
    else:  # sorted quantiles are never worse than those that cross
        assert by_hand <= model.loss_ * (1 + slack)


def test_a_quantile_loss_is_that_of_its_outputs_where_they_do_not_cross() -> None:
    model = MLPRegressor(**QUICK | {"max_iter": 300}, loss="quantile", dtype="float64").fit(X, Y)
    outputs = model._outputs(X).reshape(40, 2, 3)
    assert (np.diff(outputs) > 0).all()
    assert model.loss_ == pytest.approx(loss_by_hand(model, X, Y, np.ones(40)), rel=1e-10)


# -- linear networks beside linear models --------------------------------------------------------------------

LINEAR: dict[str, Any] = {
    "hidden_layer_sizes": (), "dtype": "float64", "max_iter": 1500, "schedule": "cosine", "learning_rate_init": 0.05,
    "random_state": 0,
}  # fmt: skip


def linear(rows: int = 150) -> tuple[NDArray[Any], NDArray[Any]]:
    x = np.random.default_rng(4).normal(size=(rows, 2))
    return x, np.exp(0.4 * x[:, 0] - 0.3 * x[:, 1] + 0.5)


def test_without_hidden_layers_poisson_is_poisson_regression() -> None:
    x, rate = linear()
    y = np.random.default_rng(5).poisson(rate)
    peer = linear_model.PoissonRegressor(alpha=0, tol=1e-10).fit(x, y)
    model = MLPRegressor(**LINEAR, loss="poisson").fit(x, y)
    np.testing.assert_allclose(model.predict(x), peer.predict(x), rtol=1e-5)
    np.testing.assert_allclose(model.coefs_[0].ravel(), peer.coef_, atol=1e-5)
    assert model.out_activation_ == "exp"


@pytest.mark.parametrize("loss", ["quantile", "mae"])
def test_without_hidden_layers_quantiles_are_quantile_regression(loss: str) -> None:
    x, rate = linear()
    y = rate + np.random.default_rng(6).normal(size=len(rate)) * (1 + (x[:, 0] > 0))
    model = MLPRegressor(**LINEAR, loss=loss, quantiles=(0.2, 0.5, 0.8)).fit(x, y)
    levels = (0.2, 0.5, 0.8) if loss == "quantile" else (0.5,)
    answers = model.predict_quantiles(x).T if loss == "quantile" else [model.predict(x)]
    for level, mine in zip(levels, answers, strict=True):
        peer = linear_model.QuantileRegressor(quantile=level, alpha=0).fit(x, y)
        best = metrics.mean_pinball_loss(y, peer.predict(x), alpha=level)
        assert best <= metrics.mean_pinball_loss(y, mine, alpha=level) <= best * (1 + 1e-4)
        assert np.abs(mine - peer.predict(x)).max() < 0.05


def test_without_hidden_layers_gaussian_is_the_most_likely_line_and_deviation() -> None:
    x, rate = linear()
    y = rate + np.random.default_rng(7).normal(size=len(rate)) * np.exp(0.5 * x[:, 1])
    ones = np.c_[np.ones(len(x)), x]

    def surprise(weights: NDArray[Any]) -> float:
        return float(-stats.norm.logpdf(y, ones @ weights[:3], np.exp(ones @ weights[3:])).mean())

    best = optimize.minimize(surprise, np.zeros(6), method="BFGS").x
    mean, std = MLPRegressor(**LINEAR, loss="gaussian").fit(x, y).predict(x, return_std=True)
    np.testing.assert_allclose(mean, ones @ best[:3], atol=1e-3)
    np.testing.assert_allclose(std, np.exp(ones @ best[3:]), rtol=1e-3)


@pytest.mark.parametrize("delta", [0.3, 2.0])
def test_without_hidden_layers_huber_is_the_line_of_its_loss(delta: float) -> None:
    x, rate = linear()
    y = rate + np.random.default_rng(9).standard_t(2, size=len(rate))
    ones = np.c_[np.ones(len(x)), x]
    best = optimize.minimize(
        lambda weights: huber(delta, y, ones @ weights).mean(), np.zeros(3), method="BFGS"
    ).x
    model = MLPRegressor(**LINEAR, loss="huber", huber_delta=delta).fit(x, y)
    np.testing.assert_allclose(model.predict(x), ones @ best, atol=1e-3)


# -- what is said of a target --------------------------------------------------------------------------------


def waves(rows: int, seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Inputs, targets, and the standard deviation of each."""
    numbers = np.random.default_rng(seed)
    x = numbers.uniform(-2, 2, size=(rows, 1))
    std = np.where(x[:, 0] > 0, 0.6, 0.2)
    return x, np.sin(2 * x[:, 0]) + std * numbers.normal(size=rows), std


@pytest.mark.parametrize("loss", ["quantile", "gaussian"])
def test_quantiles_hold_the_share_that_they_say(loss: str) -> None:
    """Of new rows, as many lie below as below the true quantiles, whose share is the level but for chance."""
    levels = np.array([0.05, 0.25, 0.5, 0.9])
    x, y, _ = waves(3000, 1)
    options = {"learning_rate_init": 0.01, "max_iter": 120, "schedule": "cosine", "random_state": 0}
    model = MLPRegressor((30,), loss=loss, quantiles=levels, **options).fit(x, y)
    x, y, std = waves(4000, 2)
    true = np.sin(2 * x) + std[:, None] * stats.norm.ppf(levels)
    for part in (std > 0, std == 0.2, std == 0.6):
        below, right = (
            (y[:, None] < quantiles)[part].mean(axis=0) for quantiles in (model.predict_quantiles(x), true)
        )
        np.testing.assert_allclose(below, right, atol=0.03)
        assert (
            np.abs(below - levels) < 4 * np.sqrt(levels * (1 - levels) * (1 / 1500 + 1 / part.sum()))
        ).all()
    if loss == "gaussian":
        np.testing.assert_allclose(np.median(model.predict(x, return_std=True)[1] / std), 1.0, atol=0.1)


@pytest.mark.parametrize("targets", [1, 2])
def test_what_is_said_has_the_shape_of_targets(targets: int) -> None:
    y, shape = (Y[:, 0], (40,)) if targets == 1 else (Y, (40, 2))
    learned = MLPRegressor(**QUICK, loss="quantile", quantiles=[0.1, 0.4, 0.45, 0.9]).fit(X, y)
    quantiles = learned.predict_quantiles(X)
    assert quantiles.shape == (*shape, 4)
    assert (np.diff(quantiles) >= 0).all()
    np.testing.assert_array_equal(learned.predict(X), quantiles[..., 2])
    normal = MLPRegressor(**QUICK, loss="gaussian", quantiles=(0.2, 0.5)).fit(X, y)
    mean, std = normal.predict(X, return_std=True)
    assert mean.shape == std.shape == shape
    np.testing.assert_array_equal(mean, normal.predict(X))
    by_hand = np.stack([stats.norm.ppf(level, mean, std) for level in (0.2, 0.5)], axis=-1)
    np.testing.assert_allclose(normal.predict_quantiles(X), by_hand, rtol=1e-12)
    assert learned.n_outputs_ == normal.n_outputs_ == targets
    assert [learned.coefs_[-1].shape[1], normal.coefs_[-1].shape[1]] == [4 * targets, 2 * targets]


@pytest.mark.parametrize("loss", ALL)
def test_a_fit_says_what_it_was_fitted_to_say(loss: str) -> None:
    """Whatever parameters are set afterwards; copies of it, and one that was trained epoch by epoch, say the same."""
    model = MLPRegressor(**QUICK, loss=loss, batch_size=16).fit(X, Y)
    said = [model.predict(X), model.score(X, Y)]
    parts = clone(model)
    for _ in range(6):
        parts.partial_fit(X, Y)
    for other in (parts, pickle.loads(pickle.dumps(model)), model.set_params(loss="mae", quantiles=(0.5,))):  # noqa: S301
        np.testing.assert_array_equal(other.predict(X), said[0])
        assert other.score(X, Y) == said[1] == metrics.r2_score(Y, said[0])
    assert model.out_activation_ == ("exp" if loss == "poisson" else "identity")


def test_only_what_belongs_to_a_loss_changes_it() -> None:
    for loss, own in (("mse", None), ("huber", "huber_delta"), ("quantile", "quantiles"), ("gaussian", None)):
        plain = MLPRegressor(**QUICK, loss=loss).fit(X, Y)
        for name, value in {"huber_delta": 0.01, "quantiles": (0.2, 0.4, 0.6)}.items():
            other = MLPRegressor(**QUICK, loss=loss, **{name: value}).fit(X, Y)
            assert np.array_equal(plain.coefs_[1], other.coefs_[1]) == (name != own), (loss, name)


def test_every_option_of_a_loss_is_a_parameter() -> None:
    """With the default that studies have."""
    for kind in LOSSES.values():
        models = [MLPRegressor] if kind.task == "regression" else [MLPClassifier, CNNClassifier]
        for model in models if kind.option else ():
            assert inspect.signature(model).parameters[kind.option].default == getattr(
                Training(), kind.option
            )
            assert kind.option in model._parameter_constraints
            assert kind.option in _OPTIONS


def test_the_names_of_fits_without_a_loss_are_as_before() -> None:
    """A store of a search from before there was a choice is read on."""
    for model, task in ((MLPRegressor(), "regression"), (MLPClassifier(), "classification")):
        named = naming_values(training_of(vars(model), 32, task))
        assert named["loss"] is None
        assert not set(_OPTIONS) & set(named)


@pytest.mark.parametrize(("theirs", "ours"), [("squared_error", "mse"), ("absolute_error", "mae")])
def test_words_of_scikit_learn_mean_the_same(theirs: str, ours: str) -> None:
    one, other = (MLPRegressor(**QUICK, loss=loss).fit(X, Y) for loss in (theirs, ours))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize("loss", ALL)
def test_early_stopping_goes_by_the_loss(loss: str) -> None:
    model = MLPRegressor(
        **QUICK | {"max_iter": 80, "learning_rate_init": 0.1}, loss=loss, early_stopping=True
    )
    model.set_params(n_iter_no_change=3, validation_fraction=0.4).fit(X, Y)
    assert model.best_iter_ == np.argmin(model.validation_loss_curve_) + 1
    assert model.n_iter_ < 80


@pytest.mark.parametrize("loss", ALL)
def test_intervals_lie_about_what_is_predicted(loss: str) -> None:
    """CV+ by its definition, of the networks of the folds, where each is fitted on its own."""
    from sklearn.model_selection import KFold

    y = Y[:, 0]
    model = MLPRegressor(**QUICK, loss=loss, calibration="cv+", calibration_folds=4).fit(X, y)
    interval = model.predict_interval(X, coverage=0.8)
    folds = KFold(4, shuffle=True, random_state=2).split(X)
    low, high = [], []
    for network, encoding, (_, held) in zip(
        model._folds.parameters, model._folds.encodings, folds, strict=True
    ):
        part = clone(model).set_params(calibration=None).fit(X, y)
        part.parameters_, part._encoding = network, encoding
        off = np.abs(y[held].astype(np.float32) - part.predict(X[held]))
        low += [part.predict(X) - reach for reach in off]
        high += [part.predict(X) + reach for reach in off]
    rank = int(np.ceil(0.8 * 41))
    np.testing.assert_allclose(interval[:, 0], np.sort(low, axis=0)[40 - rank], rtol=1e-5)
    np.testing.assert_allclose(interval[:, 1], np.sort(high, axis=0)[rank - 1], rtol=1e-5)


# -- searches ------------------------------------------------------------------------------------------------


def test_a_search_over_losses_scores_as_scikit_learns() -> None:
    """Also where a fold's rows held out, or those to learn from, are nothing that a loss has a value for."""
    y = Y[:, 0].copy()
    y[:5] = -1
    cv = [
        (np.arange(5, 40), np.arange(12)),
        (np.arange(5, 30), np.arange(30, 40)),
        (np.arange(30), np.arange(30, 40)),
    ]
    losses = [*ALL, "squared_error"]
    found = []
    for search in (GridSearchCV, TheirGridSearch):
        with (
            pytest.warns(match='expected targets of at least 0 with loss="poisson", got -1'),
            pytest.warns(match="One or more of the test scores are non-finite"),
        ):
            result = search(MLPRegressor(**QUICK), {"loss": losses}, cv=cv).fit(X, y)
        found.append(np.array([result.cv_results_[f"split{fold}_test_score"] for fold in range(3)]))
    np.testing.assert_array_equal(*found)
    failed = np.isnan(found[0])
    assert failed[:, losses.index("poisson")].tolist() == [False, False, True]
    assert failed.sum() == 1


def test_a_search_keeps_what_the_chosen_loss_says(tmp_path: Any) -> None:
    grid = {"loss": ["quantile", "gaussian"], "quantiles": [(0.1, 0.5, 0.9), (0.2, 0.5)]}
    first, second = (
        GridSearchCV(MLPRegressor(**QUICK), grid, cv=3, store=tmp_path / "nets").fit(X, Y) for _ in range(2)
    )
    np.testing.assert_array_equal(first.oof_predictions_, second.oof_predictions_)
    assert first.oof_predictions_.shape == (40, 2)
    levels = len(first.best_params_["quantiles"])
    assert first.best_estimator_.predict_quantiles(X).shape == (40, 2, levels)


# -- smoothed labels -----------------------------------------------------------------------------------------

CLASS = np.arange(40) % 3


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", [MLPClassifier, CNNClassifier])
def test_labels_are_smoothed(model: Any, dtype: str, smoothing: float) -> None:
    fitted = model(max_iter=5, random_state=0, dtype=dtype, label_smoothing=smoothing).fit(X, CLASS)
    truth = np.eye(3)[CLASS] * (1 - smoothing) + smoothing / 3
    by_hand = -(truth * fitted.predict_log_proba(X)).sum(axis=1).mean()
    assert fitted.loss_ == pytest.approx(by_hand, rel=1e-5)


# -- refusals ------------------------------------------------------------------------------------------------

LEVELS = "quantiles: expected 1 to 100 levels above 0 and below 1, ascending, each once, got "


@pytest.mark.parametrize(
    ("quantiles", "got"),
    [((0.5, 1.5), "0.5, 1.5"), ((0.5, 0.5), "0.5, 0.5"), ([0.9, 0.1], "0.9, 0.1"), ([0.0], "0.0"), ([], "none"),
     (["a"], "a"), ([float("nan")], "nan")],
)  # fmt: skip
@pytest.mark.parametrize("loss", ["quantile", "mse"])
def test_levels_that_are_none_are_refused(loss: str, quantiles: Any, got: str) -> None:
    with pytest.raises(ValueError, match="quantiles") as refusal:
        MLPRegressor(loss=loss, quantiles=quantiles).fit(X, Y)
    assert str(refusal.value) == LEVELS + got


def fitted(**options: Any) -> Any:
    return MLPRegressor(**QUICK, **options).fit(X, Y)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: MLPRegressor(loss="poisson").fit(X, Y - 9),
         f'y: expected targets of at least 0 with loss="poisson", got {(Y - 9).min():g}'),
        (lambda: MLPRegressor(loss="cross-entropy").fit(X, Y),
         "The 'loss' parameter of MLPRegressor must be a str among {'squared_error', 'absolute_error', 'mse', 'mae', "
         "'huber', 'poisson', 'quantile', 'gaussian'}. Got 'cross-entropy' instead."),
        (lambda: MLPRegressor(loss="poison").fit(X, Y),
         "The 'loss' parameter of MLPRegressor must be a str among {'squared_error', 'absolute_error', 'mse', 'mae', "
         "'huber', 'poisson', 'quantile', 'gaussian'}. Got 'poison' instead; did you mean 'poisson'?"),
        (lambda: MLPRegressor(huber_delta=0.0).fit(X, Y),
         "The 'huber_delta' parameter of MLPRegressor must be a float in the range (0.0, inf). Got 0.0 instead."),
        (lambda: MLPRegressor(quantiles=0.5).fit(X, Y),
         "The 'quantiles' parameter of MLPRegressor must be an array-like. Got 0.5 instead."),
        (lambda: MLPClassifier(label_smoothing=1.0).fit(X, CLASS),
         "The 'label_smoothing' parameter of MLPClassifier must be a float in the range [0.0, 1.0). Got 1.0 instead."),
        (lambda: MLPClassifier(loss="mse"),
         "MLPClassifier has no parameter 'loss': it belongs to regressors; a classifier learns the cross-entropy, of "
         "labels smoothed by label_smoothing"),
        (lambda: CNNClassifier(quantiles=(0.5,)),
         "CNNClassifier has no parameter 'quantiles': it belongs to regressors"),
        (lambda: MLPClassifier(huber_delta=1),
         "MLPClassifier has no parameter 'huber_delta': it belongs to regressors"),
        (lambda: MLPRegressor(label_smoothing=0.1),
         "MLPRegressor has no parameter 'label_smoothing': it belongs to classifiers"),
        (lambda: MLPRegressor("poisson", (5,)),
         "MLPRegressor: expected hidden_layer_sizes as the first argument without a name, got 'poisson'; write "
         "loss='poisson'"),
        (lambda: fitted().predict(X, return_std=True),
         'return_std: expected MLPRegressor(loss="gaussian") as it was fitted, got another loss'),
        (lambda: fitted(loss="quantile").predict(X, return_std=True),
         'return_std: expected MLPRegressor(loss="gaussian") as it was fitted, got another loss'),
        (lambda: fitted(loss="mae").predict_quantiles(X),
         'predict_quantiles: expected MLPRegressor(loss="quantile" or "gaussian") as it was fitted, got another loss'),
        (lambda: fitted(loss="quantile").set_params(quantiles=(0.1, 0.9)).partial_fit(X, Y),
         "quantiles: expected (0.1, 0.5, 0.9) as they were fitted, to train further, got (0.1, 0.9)"),
    ],
)  # fmt: skip
def test_what_does_not_go_is_said(call: Any, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError)) as refusal:
        call()
    assert str(refusal.value) == sentence


def test_a_row_of_no_weight_may_have_any_target() -> None:
    y, weight = Y.copy(), np.ones(40)
    y[3], weight[3] = -5, 0
    keep = np.arange(40) != 3
    one = MLPRegressor(**QUICK, loss="poisson", batch_size=16).fit(X, y, sample_weight=weight)
    other = MLPRegressor(**QUICK, loss="poisson", batch_size=16).fit(X[keep], y[keep])
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
