"""The estimators: relations between fits, forms of input, further training, and every refusal's sentence."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from shoal import CNNClassifier, MLPClassifier, MLPRegressor, TrainingError

QUICK = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 3, "learning_rate_init": 0.01}


def table(rows: int = 30, targets: int = 2) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Inputs, numbers and classes."""
    numbers = np.random.default_rng(5)
    x = numbers.normal(size=(rows, 4))
    return x, numbers.normal(size=(rows, targets)), numbers.integers(0, 3, rows)


X, Y, CLASS = table()
LARGEST = X.ravel()[np.abs(X).argmax()] * 1e300
DIGITS, DIGIT = load_digits().images[:40], load_digits().target[:40]


def same(one: Any, other: Any) -> bool:
    """Whether two estimators hold the same network, bit for bit."""
    mine, theirs = one.parameters_, other.parameters_
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[name], theirs[name]) for name in mine)


# -- rows and weights ----------------------------------------------------------------------------------------


@given(order=st.permutations(range(30)), weights=st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_a_batch_of_all_rows_knows_no_order_and_a_weight_is_a_repeat(
    order: list[int], weights: list[int]
) -> None:
    weight = np.array([1, *weights[1:]])
    repeated = np.repeat(np.arange(30), weight)
    one = MLPRegressor(**QUICK).fit(X[repeated], Y[repeated])
    other = MLPRegressor(**QUICK).fit(X[order], Y[order], sample_weight=weight[order])
    assert same(one, other)


def test_weights_that_say_nothing_change_nothing() -> None:
    model = MLPClassifier(**QUICK, batch_size=8)
    plain = clone(model).fit(X, CLASS)
    assert same(plain, clone(model).fit(X, CLASS, sample_weight=np.full(30, 2.5)))
    weight = np.ones(34)
    weight[30:] = 0
    x, y = np.concatenate([X, X[:4] + 9]), np.concatenate([CLASS, 2 - CLASS[:4]])
    assert same(plain, clone(model).fit(x, y, sample_weight=weight))


@pytest.mark.parametrize("scale", [1e-300, 1e-42, 1e36, 1e300])
@pytest.mark.parametrize("equal", [True, False])
def test_weights_of_any_size_count_by_their_ratios(scale: float, equal: bool) -> None:
    weight = np.ones(30) if equal else np.linspace(0.5, 1.5, 30)
    model = MLPClassifier(**QUICK, batch_size=8)
    plain, scaled = (clone(model).fit(X, CLASS, sample_weight=w) for w in (weight, weight * scale))
    for mine, theirs in zip(scaled.coefs_, plain.coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("model", [MLPRegressor, MLPClassifier])
def test_a_weighted_loss_is_the_mean_over_repeats(model: Any) -> None:
    """Halves cannot be repeated: 1.5 and 1 in float64 against rows that come three times and twice."""
    y = CLASS if model is MLPClassifier else Y
    times = np.where(np.arange(30) % 2, 3, 2)
    options = QUICK | {"dtype": "float64", "batch_size": 100}
    weighted = model(**options).fit(X, y, sample_weight=times / 2)
    repeated = model(**options).fit(np.repeat(X, times, axis=0), np.repeat(y, times, axis=0))
    for mine, theirs in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-10)


# -- forms of input ------------------------------------------------------------------------------------------


def test_names_of_columns_are_kept_and_asked_for() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = MLPRegressor(**QUICK).fit(frame, pd.DataFrame(Y))
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert same(model, MLPRegressor(**QUICK).fit(X, Y))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["b", "a", "c", "d"]])


def test_polars_frames_are_taken() -> None:
    """Names are read where this scikit-learn can read those of this polars."""
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.DataFrame(X, schema=["a", "b", "c", "d"])
    weight = polars.Series("w", np.arange(1.0, 31))
    model = MLPClassifier(**QUICK).fit(frame, polars.Series("y", CLASS), sample_weight=weight)
    named = vars(StandardScaler().fit(frame)).get("feature_names_in_")
    np.testing.assert_array_equal(vars(model).get("feature_names_in_"), named)
    assert same(model, MLPClassifier(**QUICK).fit(X, CLASS, sample_weight=np.arange(1.0, 31)))
    assert model.predict(frame).tolist() == model.predict(frame.clone()).tolist()
    several = MLPRegressor(**QUICK).fit(frame, polars.DataFrame(Y))
    assert same(several, MLPRegressor(**QUICK).fit(X, Y))


@pytest.mark.parametrize(
    "labels",
    [["one", "three", "two"], [-7, 0, 12], [0.0, 2.0, 4.0], np.array(["a", "b", "c"], dtype=object), [False, True]],
)  # fmt: skip
def test_labels_of_any_type_come_back(labels: Any) -> None:
    names = np.asarray(labels)
    y = names[CLASS % len(names)]
    model = MLPClassifier(**QUICK).fit(X, y)
    assert model.classes_.tolist() == names.tolist()
    assert model.predict(X).dtype == y.dtype
    assert same(model, MLPClassifier(**QUICK).fit(X, CLASS % len(names)))


def test_targets_come_back_in_their_shape() -> None:
    assert MLPRegressor(**QUICK).fit(X, Y).predict(X).shape == (30, 2)
    assert MLPRegressor(**QUICK).fit(X, Y[:, 0]).predict(X).shape == (30,)
    with pytest.warns(sklearn.exceptions.DataConversionWarning):
        assert MLPRegressor(**QUICK).fit(X, Y[:, :1]).predict(X).shape == (30,)


def test_the_forms_of_an_image_are_one() -> None:
    options = {"conv_channels": 4, "hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
    plain = CNNClassifier(**options).fit(DIGITS, DIGIT)
    assert plain.image_shape_ == (1, 8, 8)
    for x in (DIGITS[..., None], DIGITS[:, None], DIGITS.reshape(40, 64)):
        other = CNNClassifier(**options).fit(x, DIGIT)
        assert same(plain, other)
        np.testing.assert_array_equal(other.predict_proba(x), plain.predict_proba(DIGITS))
    color = np.stack([DIGITS, 16 - DIGITS, DIGITS / 2], axis=-1)
    last = CNNClassifier(**options).fit(color, DIGIT)
    assert last.image_shape_ == (3, 8, 8)
    assert same(last, CNNClassifier(**options).fit(color.transpose(0, 3, 1, 2), DIGIT))


def test_bytes_are_divided_by_255() -> None:
    options = {"conv_channels": 4, "hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
    pixels = (DIGITS * 15).astype(np.uint8)
    of_bytes = CNNClassifier(**options).fit(pixels, DIGIT)
    of_floats = CNNClassifier(**options).fit(pixels / 255, DIGIT)
    np.testing.assert_allclose(
        of_bytes.predict_proba(pixels), of_floats.predict_proba(pixels / 255), rtol=1e-4, atol=1e-6
    )
    moved = CNNClassifier(**options, shift=1, flip=True).fit(pixels, DIGIT)
    assert not same(of_bytes, moved)


# -- the network ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [8, "auto"])
def test_the_module_says_what_predict_says(batch_size: Any) -> None:
    import torch

    model = MLPRegressor(**QUICK, activation="gelu", dropout=0.2, batch_size=batch_size).fit(X, Y)
    with torch.no_grad():
        module = model.module_
        np.testing.assert_allclose(module(torch.tensor(X, dtype=torch.float32)), model.predict(X), atol=1e-6)
        module[0].weight.zero_()
    assert model.parameters_["hidden1.weight"].any()


def test_the_module_of_images_says_what_predict_says() -> None:
    import torch

    model = CNNClassifier(4, (8,), max_iter=1, random_state=0, kernel_size=2).fit(DIGITS, DIGIT)
    with torch.no_grad():
        logit = model.module_(torch.tensor(DIGITS[:, None], dtype=torch.float32)).double()
    np.testing.assert_allclose(logit.softmax(1), model.predict_proba(DIGITS), atol=1e-6)


def test_a_fitted_estimator_travels() -> None:
    model = MLPClassifier(**QUICK).fit(X, CLASS)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - its own bytes
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert same(again.partial_fit(X, CLASS), model.partial_fit(X, CLASS))
    assert clone(model).get_params() == model.get_params()


# -- training further ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw"])
@pytest.mark.parametrize("batch_size", [7, "auto"])
def test_epochs_one_at_a_time_are_the_epochs_of_a_fit(optimizer: str, batch_size: Any) -> None:
    options = QUICK | {"optimizer": optimizer, "batch_size": batch_size, "dropout": 0.25}
    whole, parts = MLPRegressor(**options).fit(X, Y), MLPRegressor(**options)
    for _ in range(8):
        parts.partial_fit(X, Y)
    assert same(whole, parts)
    assert (parts.n_iter_, parts.best_iter_, parts.t_, whole.t_) == (1, 8, 240, 240)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.curve_epochs_ == whole.curve_epochs_ == list(range(1, 9))


def test_classes_are_told_in_the_first_part() -> None:
    model = MLPClassifier(**QUICK).partial_fit(X[CLASS < 2], CLASS[CLASS < 2], classes=[0, 1, 2])
    assert model.partial_fit(X, CLASS, classes=[2, 1, 0]).predict_proba(X).shape == (30, 3)
    with pytest.raises(ValueError, match=r"^classes: expected \[0, 1, 2\] as before, got \[0, 1\]$"):
        model.partial_fit(X, CLASS, classes=[0, 1])
    with pytest.raises(ValueError, match=r"^y: expected labels among \[0, 1, 2\], got 3$"):
        model.partial_fit(X, CLASS + 1)


def test_a_warm_start_goes_on_from_what_is_there() -> None:
    model = MLPRegressor(**QUICK, warm_start=True, optimizer="sgd", momentum=0.0)
    twice = model.fit(X, Y).fit(X, Y)
    once = clone(model).fit(X, Y)
    assert twice.loss_curve_[:8] == once.loss_curve_
    assert twice.loss_curve_[8] < once.loss_curve_[-1]
    other = model.set_params(hidden_layer_sizes=(7,))
    with pytest.raises(
        ValueError, match=r"^MLPRegressor: expected the network's layers .* got others: 7-2 for 6-2$"
    ):
        other.fit(X, Y)
    with pytest.raises(ValueError, match=r"^y: expected 2 targets as before, got 1$"):
        model.fit(X, Y[:, 0])


def test_early_stopping_keeps_the_best_epoch() -> None:
    model = MLPClassifier(
        (30,), early_stopping=True, n_iter_no_change=3, max_iter=300, learning_rate_init=0.05, random_state=0
    ).fit(X, CLASS)
    held = model.validation_loss_curve_
    assert model.n_iter_ == len(held) == len(model.loss_curve_) < 300
    assert model.best_iter_ == np.argmin(held) + 1 == model.n_iter_ - 3
    shorter = clone(model).set_params(max_iter=model.best_iter_).fit(X, CLASS)
    assert same(model, shorter)


# -- at home in scikit-learn ---------------------------------------------------------------------------------


def test_weights_are_routed() -> None:
    weight = np.where(CLASS == 0, 5.0, 0.5)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(**QUICK).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        routed = pipeline.fit(X, CLASS, sample_weight=weight)
    scaled = StandardScaler().fit_transform(X)
    assert same(routed[-1], MLPClassifier(**QUICK).fit(scaled, CLASS, sample_weight=weight))
    assert not same(routed[-1], MLPClassifier(**QUICK).fit(scaled, CLASS))


def test_a_notebook_shows_an_estimator() -> None:
    page = MLPRegressor(dropout=0.5).fit(X[:5], Y[:5])._repr_html_()
    assert "MLPRegressor" in page
    assert "dropout" in page


def test_verbose_prints_every_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    model = MLPClassifier(**QUICK | {"max_iter": 3}, verbose=True, early_stopping=True).fit(X, CLASS)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"Iteration {epoch}, loss = {train:.8f}, validation loss = {held:.8f}"
        for epoch, train, held in zip(
            range(1, 4), model.loss_curve_, model.validation_loss_curve_, strict=True
        )
    ]
    assert same(model, MLPClassifier(**QUICK | {"max_iter": 3}, early_stopping=True).fit(X, CLASS))
    part = MLPRegressor(**QUICK, verbose=True).partial_fit(X, Y).partial_fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Iteration {n}, loss = {loss:.8f}" for n, loss in enumerate(part.loss_curve_, 1)]


# -- refusals ------------------------------------------------------------------------------------------------


def test_a_fit_that_diverges_says_where_and_why() -> None:
    wild = MLPRegressor(
        (6,), "identity", optimizer="sgd", learning_rate_init=1e6, max_iter=50, random_state=0
    )
    sentence = (
        r"^MLPRegressor: the fit diverged in epoch \d+, batch \d+: the loss is not finite; likely causes are "
        r"learning_rate_init=1e\+06 being too high, inputs that are not scaled \(the largest is 2\.\d+\), "
        r"and targets that are not scaled \(the largest is \d\.\d+\)$"
    )
    with pytest.raises(TrainingError, match=sentence):
        wild.fit(X, Y)
    with pytest.raises(NotFittedError):
        wild.predict(X)


@pytest.mark.parametrize("fails", ["diverges", "is refused", "is interrupted"])
@pytest.mark.parametrize("step", ["fit", "partial_fit"])
def test_a_fitted_estimator_whose_next_fit_fails_stays_as_it_was(
    fails: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitted to floats, then asked to fit bytes of another size and other labels."""
    model = CNNClassifier(4, (4,), "identity", optimizer="sgd", max_iter=3, random_state=0).fit(DIGITS, DIGIT)
    expected = model.predict_proba(DIGITS)
    x, y, error = np.full((40, 6, 6), 255, np.uint8), DIGIT, TrainingError
    if step == "partial_fit":
        x = DIGITS * 1e30
    if fails == "is refused":
        y, error = DIGIT[:-1], ValueError
    if fails == "is interrupted":
        error = KeyboardInterrupt

        def interrupted(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("shoal.estimators._estimator.train_one", interrupted)
    model.set_params(learning_rate_init=1e9)
    with pytest.raises(error):
        getattr(model, step)(x, y)
    np.testing.assert_array_equal(model.predict_proba(DIGITS), expected)
    np.testing.assert_array_equal(model.predict_proba(DIGITS.astype(np.uint8)), expected)
    assert len(model.loss_curve_) == 3


@pytest.mark.parametrize(
    ("options", "x", "y", "weight", "sentence"),
    [
        ({"hidden_layer_sizes": (5, 0)}, X, Y, None, "hidden_layer_sizes: expected whole numbers above 0, got 0"),
        ({"hidden_layer_sizes": (2.5,)}, X, Y, None, "hidden_layer_sizes: expected whole numbers above 0, got 2.5"),
        (
            {"max_iter": 0}, X, Y, None,
            "The 'max_iter' parameter of MLPRegressor must be an int in the range [1, 2147483647]. Got 0 instead.",
        ),
        (
            {"dropout": 1.0}, X, Y, None,
            "The 'dropout' parameter of MLPRegressor must be a float in the range [0.0, 1.0). Got 1.0 instead.",
        ),
        ({}, X, Y, -np.ones(30), "sample_weight: expected no negative weights, got -1"),
        (
            {}, X * 1e300, Y, None,
            f"X: expected numbers of at most 3.4e+38, which float32 can hold, got {LARGEST:g}",
        ),
        (
            {"early_stopping": True, "validation_fraction": 0.01}, X, Y, None,
            "validation_fraction: expected a share that leaves rows on both sides, got 0.01 of 30 rows",
        ),
        ({}, X, None, None, "MLPRegressor requires y to be passed, but the target y is None"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_was_expected_and_what_came(
    options: dict[str, Any], x: Any, y: Any, weight: Any, sentence: str
) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is held to below
        MLPRegressor(**options).fit(x, y, sample_weight=weight)
    assert str(refusal.value) == sentence


def test_a_device_that_is_not_here_is_refused() -> None:
    pytest.importorskip("torch")
    other = "cuda" if sys.platform == "darwin" else "mps"
    with pytest.raises(ValueError, match=rf"^device: expected one that torch finds here, got {other}$"):
        MLPRegressor(**QUICK, device=other).fit(X, Y)


def test_partial_fit_refuses_what_needs_the_whole() -> None:
    with pytest.raises(ValueError, match=r"^early_stopping: expected False in partial_fit, got True$"):
        MLPRegressor(early_stopping=True).partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"^schedule: expected 'constant' in partial_fit, got 'cosine'$"):
        MLPRegressor(schedule="cosine").partial_fit(X, Y)
    with pytest.raises(
        ValueError, match=r"^classes: expected every label there will be in the first call, got None$"
    ):
        MLPClassifier().partial_fit(X, CLASS)


def test_several_targets_go_by_meta_estimators_too() -> None:
    several = np.column_stack([CLASS > 0, CLASS > 1]).astype(int)
    assert OneVsRestClassifier(MLPClassifier(**QUICK)).fit(X, several).predict(X).shape == (30, 2)
    assert MultiOutputClassifier(MLPClassifier(**QUICK)).fit(X, several).predict(X).shape == (30, 2)


def test_labels_of_several_types_are_refused() -> None:
    for labels, kinds in (([1, "a"], "int and str"), ([None, "a"], "NoneType and str")):
        y = np.array(labels, dtype=object)[CLASS % 2]
        with pytest.raises(ValueError, match=rf"^y: expected labels of one type, to be sorted, got {kinds}$"):
            MLPClassifier(**QUICK).fit(X, y)


FORMS = ["csr_matrix", "csr_array", "csc_matrix", "coo_array", "dok_array", "bsr_array"]


@pytest.mark.parametrize("form", FORMS)
def test_sparse_images_are_refused_in_the_words_of_scikit_learn(form: str) -> None:
    fitted = CNNClassifier(hidden_layer_sizes=(3,), max_iter=1).fit(X, CLASS)
    sparse = getattr(scipy.sparse, form)(X)
    sentence = r"^Sparse data was passed for X, but dense data is required. Use '.toarray\(\)' to convert"
    for ask in (fitted.fit, fitted.partial_fit, fitted.score, lambda x, _: fitted.predict(x)):
        with pytest.raises(TypeError, match=sentence):
            ask(sparse, CLASS)
    pipeline = make_pipeline(OneHotEncoder(), clone(fitted))
    with pytest.raises(TypeError, match=sentence):
        pipeline.fit(CLASS[:, None], CLASS)


def test_images_are_refused_in_a_sentence() -> None:
    model = CNNClassifier(4, (4,), max_iter=1)
    with pytest.raises(ValueError, match=r"^X: expected images of shape .* got \(40, 8, 8, 1, 1\)$"):
        model.fit(DIGITS[..., None, None], DIGIT)
    with pytest.raises(
        ValueError, match=r"^shift: expected images of bytes \(uint8\) to augment, got float64 with 2$"
    ):
        clone(model).set_params(shift=2).fit(DIGITS, DIGIT)
    model.fit(DIGITS, DIGIT)
    with pytest.raises(
        ValueError, match=r"^X: expected images of shape \(1, 8, 8\) \(C, H, W\), got \(1, 8, 4\)$"
    ):
        model.predict(DIGITS[:, :, :4])
