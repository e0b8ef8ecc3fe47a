"""What estimators take of networks as studies do: norms, and of convolutions every key of an entry, of series too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError

from shoal import CNNClassifier, GridSearchCV, MLPClassifier, MLPRegressor
from shoal.estimators._training_tasks import train_one
from shoal.study import naming_values, parse_study

DIGITS, DIGIT = (part[:48] for part in (load_digits().images, load_digits().target % 3))
X, KIND = (part[::5] for part in load_iris(return_X_y=True))
RNG = np.random.default_rng(3)
WAVES = RNG.normal(size=(40, 2, 12))
WAVE = (WAVES[:, 1].max(axis=1) > 1.6).astype(int)
QUICK: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 2, "batch_size": 16, "random_state": 0}


def conv(**parameters: Any) -> CNNClassifier:
    return CNNClassifier(**{**QUICK, "conv_channels": (4, 4), **parameters})


def network(**keys: Any) -> Any:
    """The network of a study."""
    tree = {"study": {"task": "classification"}, "data": {"dataset": "digits"}}
    return parse_study({**tree, "network": {"kind": "cnn", "hidden": [5], **keys}}).network


MAX = {"kind": "max", "size": 2}
ASKED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"conv": [{"channels": 4, "padding": 1, "pool": MAX}] * 2}),
    ({"norm": "batch", "pool": None}, {"conv": [{"channels": 4, "padding": 1}] * 2, "norm": "batch"}),
    (
        {
            "norm": "layer",
            "kernel_size": [(1, 3), 5],
            "pool": ["average", "global-average"],
            "pool_size": [(2, 1), 7],
        },
        {
            "norm": "layer",
            "conv": [
                {
                    "channels": 4,
                    "kernel": [1, 3],
                    "padding": [0, 1],
                    "pool": {"kind": "average", "size": [2, 1]},
                },
                {"channels": 4, "kernel": 5, "padding": 2, "pool": {"kind": "global-average"}},
            ],
        },
    ),
    (
        {
            "dilation": [1, (2, 1)],
            "groups": [1, 4],
            "skip": [0, 1],
            "pool": [None, "max"],
            "pool_stride": [None, (1, 3)],
        },
        {
            "conv": [
                {"channels": 4, "padding": 1},
                {
                    "channels": 4,
                    "dilation": [2, 1],
                    "padding": [2, 1],
                    "groups": 4,
                    "skip": 1,
                    "pool": {"size": 2, "stride": [1, 3]},
                },
            ]
        },
    ),
    (
        {"stride": [2, 1], "padding": [0, (1, 2)], "kernel_size": np.array([2, 3])},
        {
            "conv": [
                {"channels": 4, "kernel": 2, "stride": 2, "pool": MAX},
                {"channels": 4, "padding": [1, 2], "pool": MAX},
            ]
        },
    ),
]


@pytest.mark.parametrize(("parameters", "keys"), ASKED)
def test_it_is_the_network_of_a_study_and_fits_as_one(
    parameters: dict[str, Any], keys: dict[str, Any]
) -> None:
    model = conv(**parameters)
    task = clone(model)._task(clone(model)._prepared(DIGITS, DIGIT))
    assert naming_values(task.network) == naming_values(network(**keys))
    trained = train_one(replace(task, network=network(**keys)))
    model.fit(DIGITS, DIGIT)
    assert trained.status == "ok"
    assert model.parameters_.keys() == trained.parameters.keys()
    for name, array in trained.parameters.items():
        np.testing.assert_array_equal(model.parameters_[name], array)
    logits = model.module_(_tensor(DIGITS[:, None])).double()
    np.testing.assert_allclose(logits.softmax(1).detach(), model.predict_proba(DIGITS), atol=1e-5)
    assert len(model.coefs_) == len(model.intercepts_) == 2


def _tensor(x: Any) -> Any:
    import torch

    return torch.tensor(np.asarray(x, np.float32))


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_dense_networks_are_normed_trained_further_and_written_into(norm: str) -> None:
    for model, y in ((MLPClassifier(**QUICK, norm=norm), KIND), (MLPRegressor(**QUICK, norm=norm), X)):
        assert clone(model).get_params() == model.get_params()
        model.fit(X, y)
        assert model._task(model._prepared(X, y)).network.normed == norm
        assert [array.shape for array in model.coefs_] == [(4, 5), (5, model.n_outputs_)]
        assert any("_norm" in name for name in model.parameters_)
        before = model.module_(_tensor(X))
        model.partial_fit(X, y)
        assert not np.array_equal(model.module_(_tensor(X)).detach(), before.detach())
        model.coefs_ = [0 * array for array in model.coefs_]
        assert not any(array.any() for array in model.coefs_)


def test_they_are_searched() -> None:
    grid = {"kernel_size": [3, [(1, 3), 3]], "pool": ["max", ["max", "global-average"]]}
    search = GridSearchCV(conv(max_iter=1, norm="layer"), grid, cv=2).fit(DIGITS[:24], DIGIT[:24])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.cv_results_["params"]) == 4
    waves = GridSearchCV(conv(max_iter=1, series=True), {"dilation": [1, 2]}, cv=2).fit(WAVES, WAVE)
    assert waves.best_estimator_.series_shape_ == (2, 12)


def test_series_are_those_of_a_study_in_each_of_their_forms() -> None:
    model = conv(series=True, kernel_size=5, dilation=[1, 2]).fit(WAVES, WAVE)
    assert model.series_shape_ == (2, 12)
    assert model.n_features_in_ == 24
    keys = [
        {"channels": 4, "kernel": 5, "padding": 2, "pool": MAX},
        {"channels": 4, "kernel": 5, "padding": 4, "dilation": 2, "pool": MAX},
    ]
    task = model._task(model._prepared(WAVES, WAVE))
    asked = network(conv=keys, series=2)
    assert naming_values(task.network) == naming_values(asked)
    trained = train_one(replace(task, network=asked))
    for name, array in trained.parameters.items():
        np.testing.assert_array_equal(model.parameters_[name], array)
    answers = model.predict_proba(WAVES)
    np.testing.assert_array_equal(model.predict_proba(WAVES.reshape(40, 24)), answers)
    module = model.module_(_tensor(WAVES.reshape(40, 24))).double()
    np.testing.assert_allclose(module.softmax(1).detach(), answers, atol=1e-6)
    single = conv(series=True, kernel_size=5).fit(WAVES[:, 0], WAVE)
    assert single.series_shape_ == (1, 12)
    np.testing.assert_array_equal(single.predict_proba(WAVES[:, :1]), single.predict_proba(WAVES[:, 0]))
    whole = np.rint(20 * WAVES[:, 0] + 100).clip(0, 255)
    of_bytes, of_floats = (conv(series=True).fit(x, WAVE) for x in (whole.astype(np.uint8), whole))
    np.testing.assert_array_equal(of_bytes.predict_proba(whole), of_floats.predict_proba(whole))
    assert not hasattr(single, "image_shape_")
    with pytest.raises(ValueError, match=r"^X: expected series of shape \(2, 12\) \(C, T\), got \(3, 8\)$"):
        model.predict(WAVES.reshape(40, 3, 8))
    with pytest.raises(
        ValueError, match=r"^X: expected series of shape \(N, C, T\), or \(N, T\) of one, got"
    ):
        conv(series=True).fit(WAVES[:, :, :, None], WAVE)
    with pytest.raises(NotFittedError):
        conv(series=True).predict(WAVES)


EACH = "expected one value for all 2 convolutions, or a list with one for each, got"
A_SIDE = "expected a whole number of at least {} for a convolution, or a pair (height, width) of such, got"
ALONG = "expected a whole number of at least {} for a convolution, got"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"kernel_size": (1, 3, 5)}, f"kernel_size: {EACH} 3"),
        (
            {"conv_channels": (4, 4, 4), "kernel_size": (3, 5)},
            "kernel_size: expected one value for all 3 convolutions, or a list with one for each, got 2; a pair"
            " (height, width) for all of them is [(3, 5), (3, 5), (3, 5)]",
        ),
        (
            {"conv_channels": 4, "series": True, "stride": (2, 1)},
            "stride: expected one value for the convolution, got 2",
        ),
        (
            {"pool": ["max", "None"]},
            "pool: expected 'max', 'average', 'global-average' or None for a convolution, got 'None'; did you mean"
            " None?",
        ),
        ({"kernel_size": 9, "padding": 0}, "kernel_size of convolution 1: kernel 9 does not fit a feature map 8 pixels"
         " wide or high (8 + 2*0 - 9 = -1)"),
        ({"skip": [0, 3]}, "skip of convolution 2: expected at most 2, the convolutions up to this one, got 3"),
        ({"skip": [0]}, f"skip: {EACH} 1"),
        (
            {"kernel_size": 5, "dilation": 5001},
            'padding: expected at most 10,000, which "auto" makes 10,002 by kernel_size and dilation',
        ),
        ({"kernel_size": [3, 0]}, f"kernel_size: {A_SIDE.format(1)} 0"),
        ({"stride": [1, (2, 1.5)]}, f"stride: {A_SIDE.format(1)} (2, 1.5)"),
        ({"padding": [0, (1, 2, 3)]}, f"padding: {A_SIDE.format(0)} (1, 2, 3)"),
        ({"padding": ["same", 1]}, f"padding: {A_SIDE.format(0)} 'same'"),
        ({"dilation": [True, 1]}, f"dilation: {A_SIDE.format(1)} True"),
        ({"groups": [(1, 1), 1]}, f"groups: {ALONG.format(1)} (1, 1)"),
        ({"skip": [0, -1]}, f"skip: {ALONG.format(0)} -1"),
        ({"skip": [0, 20_000]}, f"skip: {ALONG.format(0)} 20000"),
        (
            {"pool": ["max", "averge"]},
            "pool: expected 'max', 'average', 'global-average' or None for a convolution, got 'averge'; did you mean"
            " 'average'?",
        ),
        (
            {"series": True, "kernel_size": [(1, 3), 3]},
            f"kernel_size: {ALONG.format(1)} (1, 3)",
        ),
        (
            {"series": True, "shift": 1},
            "shift: expected images of bytes (uint8) to augment, got series with 1",
        ),
        (
            {"norm": "batch", "batch_size": 39},
            'batch_size: expected no batch of one row with norm="batch", got batches of 39 from 40 training rows',
        ),
        ({"groups": [1, 3]}, "groups of convolution 2: expected groups to divide the input channels, got 3 groups and 4"
         " input channels"),
    ],
)  # fmt: skip
def test_what_no_convolution_takes_is_refused(parameters: dict[str, Any], sentence: str) -> None:
    x = WAVES if parameters.get("series") else DIGITS[:40]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is held to below
        conv(**parameters).fit(x, WAVE)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"norm": "bach"},
            "'norm' parameter of CNNClassifier must be a str among {'batch', 'layer'} or None",
        ),
        *(
            ({name: "none"}, "None. Got 'none' instead; did you mean None?")
            for name in ("norm", "pool", "class_weight")
        ),
        ({"pool": "maximum"}, "'pool' parameter of CNNClassifier must be an array-like, a str among"),
        (
            {"padding": -1},
            "'padding' parameter of CNNClassifier must be an array-like, a str among {'auto'} or an int",
        ),
        ({"series": "yes"}, "'series' parameter of CNNClassifier must be an instance of 'bool'"),
    ],
)
def test_a_value_for_all_is_refused_in_the_words_of_scikit_learn(
    parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are held to below
        conv(**parameters).fit(DIGITS, DIGIT)
    assert words in str(caught.value)


def test_maps_smaller_than_their_pool_are_not_pooled_and_a_size_of_1_pools_nothing() -> None:
    """As it always was; with a stride of its own a window of one takes every so many."""

    def pools(x: Any = DIGITS, **parameters: Any) -> list[str]:
        model = conv(**parameters)
        return [layer.pool for layer in model._task(model._prepared(x, DIGIT)).job.architecture.convolutions]

    assert pools() == ["max", "max"]
    assert pools(pool_size=5) == ["max", "none"]
    assert pools(pool_size=1) == ["none", "none"]
    assert pools(pool_size=1, pool_stride=2) == ["max", "max"]
    assert pools(pool_size=[(2, 9), (2, 8)]) == ["none", "max"]
