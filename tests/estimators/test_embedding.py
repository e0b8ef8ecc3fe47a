"""Estimators that embed columns of categories: what is learned, named, kept and refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import KFold

from shoal import GridSearchCV, MLPClassifier, MLPRegressor

RNG = np.random.default_rng(4)
N = 150
TOWN = RNG.choice(np.array([None, *(f"t{number:02}" for number in range(12))], object), N)
KIND = RNG.choice(np.array(["a", "b"], object), N)
SIZE = RNG.normal(size=N)
FRAME = pd.DataFrame({"town": pd.Categorical(TOWN), "size": SIZE, "kind": pd.Categorical(KIND)})
WORTH = {name: number % 4 - 1.5 for number, name in enumerate([None, *sorted({t for t in TOWN if t})])}
Y = SIZE + np.array([WORTH[name] for name in TOWN])
LABEL = np.where(Y > 0, "high", "low")


def regressor(**parameters: Any) -> MLPRegressor:
    given = {"max_iter": 60, "learning_rate_init": 0.02, "random_state": 0, "embedding": 3, **parameters}
    return MLPRegressor((8,), **given)


def test_vectors_are_learned_named_and_given_by_category() -> None:
    model = regressor().fit(FRAME, Y)
    assert model.input_names_ == ("size", "kind=a", "kind=b", "town[0]", "town[1]", "town[2]")
    assert [array.shape for array in model.coefs_] == [(6, 8), (8, 1)]
    assert [array.shape for array in model.intercepts_] == [(8,), (1,)]
    assert model.n_layers_ == 3
    assert list(model.embeddings_) == ["town"]
    assert set(model.embeddings_["town"]) == set(WORTH)
    table = model.parameters_["embedding.0.weight"]
    assert table.shape == (14, 3)
    assert not table[0].any()
    assert_array_equal(model.embeddings_["town"]["t00"], table[1])
    assert_array_equal(model.embeddings_["town"][None], table[13])
    assert model.score(FRAME, Y) > 0.9
    plain = MLPRegressor((8,), max_iter=5).fit(FRAME, Y)
    assert plain.embeddings_ == {}
    assert MLPRegressor((8,), max_iter=5, embedding=3).fit(SIZE[:, None], Y).embeddings_ == {}


def test_auto_goes_by_the_number_of_categories_and_few_keep_their_columns() -> None:
    auto = regressor(embedding="auto", max_iter=2).fit(FRAME, Y)
    assert auto._architecture.tables == ((14, 7),)
    assert regressor(embedding_from=2, max_iter=2).fit(FRAME, Y)._architecture.tables == ((14, 3), (3, 3))
    assert regressor(embedding_from=14, max_iter=2).fit(FRAME, Y)._architecture.tables == ()


def test_an_unknown_category_is_the_vector_0_and_a_missing_cell_one_that_is_learned() -> None:
    model = regressor().fit(FRAME, Y)
    asked = pd.DataFrame({"town": ["nowhere", "elsewhere", None], "size": [0.5] * 3, "kind": ["a"] * 3})
    answers = model.predict(asked)
    assert answers[0] == answers[1] != answers[2]
    hidden = np.maximum(np.array([0.5, 1, 0, 0, 0, 0]) @ model.coefs_[0] + model.intercepts_[0], 0)
    assert_allclose(answers[0], (hidden @ model.coefs_[1] + model.intercepts_[1])[0], rtol=1e-6)
    with_torch = model.module_
    import torch

    inputs = torch.tensor([[0.5, 1.0, 0.0, 0.0]])
    assert_allclose(with_torch(inputs).item(), answers[0], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_goes_on_with_what_the_first_rows_taught(dtype: str) -> None:
    half, other = FRAME.iloc[:75], FRAME.iloc[75:].assign(town=pd.Categorical(["new"] * 75))
    model = regressor(dtype=dtype).partial_fit(half, Y[:75])
    before = {name: array.copy() for name, array in model.parameters_.items()}
    model.partial_fit(other, Y[75:])
    assert_array_equal(model.parameters_["embedding.0.weight"][0], np.zeros(3))
    assert not np.array_equal(model.parameters_["hidden1.weight"], before["hidden1.weight"])
    warm = regressor(dtype=dtype, warm_start=True, max_iter=3).fit(half, Y[:75])
    warm.fit(FRAME, Y)
    assert warm._architecture.tables == model._architecture.tables
    with pytest.raises(ValueError, match="to train them further, got others"):
        warm.set_params(embedding=5).fit(FRAME, Y)


def test_weights_of_rows_are_repeats_of_them() -> None:
    weight = RNG.integers(0, 3, N)
    weighted = regressor(max_iter=5, batch_size=1000).fit(FRAME, Y, sample_weight=weight)
    times = np.repeat(np.arange(N), weight)
    repeated = regressor(max_iter=5, batch_size=1000).fit(FRAME.iloc[times].reset_index(drop=True), Y[times])
    assert_array_equal(weighted.predict(FRAME), repeated.predict(FRAME))


def test_searches_and_folds_learn_categories_of_their_own_rows() -> None:
    grid, folds = {"embedding": [None, 2, "auto"], "embedding_from": [10, 100]}, KFold(3)
    search = GridSearchCV(regressor(max_iter=20), grid, cv=folds).fit(FRAME, Y)
    results = search.cv_results_
    of_two = results["params"].index({"embedding": 2, "embedding_from": 10})
    for number, (train, test) in enumerate(folds.split(FRAME)):
        alone = regressor(max_iter=20, embedding=2).fit(FRAME.iloc[train], Y[train])
        score = alone.score(FRAME.iloc[test], Y[test])
        assert results[f"split{number}_test_score"][of_two] == pytest.approx(score, rel=1e-9)
    wide = [
        score
        for asked, score in zip(results["params"], results["mean_test_score"], strict=True)
        if asked["embedding_from"] == 100 or asked["embedding"] is None
    ]
    assert len(set(wide)) == 1
    calibrated = regressor(calibration="cv+", calibration_folds=3).fit(FRAME, Y)
    ends = calibrated.predict_interval(FRAME, 0.8)
    assert np.mean((ends[..., 0].ravel() <= Y) & (ends[..., 1].ravel() >= Y)) > 0.7


def test_classifiers_embed_too_and_are_copied_whole() -> None:
    model = MLPClassifier((8,), max_iter=60, learning_rate_init=0.02, random_state=0, embedding="auto")
    model.fit(FRAME, LABEL)
    assert model.score(FRAME, LABEL) > 0.95
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
    assert_array_equal(again.predict_proba(FRAME), model.predict_proba(FRAME))
    assert_array_equal(again.embeddings_["town"]["t03"], model.embeddings_["town"]["t03"])


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("embedding", 0, "a str among {'auto'}, an int in the range [1, 4096] or None. Got 0 instead."),
        ("embedding", -2, "a str among {'auto'}, an int in the range [1, 4096] or None. Got -2 instead."),
        ("embedding", "automatic", "Got 'automatic' instead; did you mean 'auto'?"),
        ("embedding", True, "a str among {'auto'}, an int in the range [1, 4096] or None. Got True instead."),
        (
            "embedding",
            np.True_,
            "a str among {'auto'}, an int in the range [1, 4096] or None. Got np.True_ instead.",
        ),
        ("embedding", 2.5, "a str among {'auto'}, an int in the range [1, 4096] or None. Got 2.5 instead."),
        ("embedding_from", 1, "an int in the range [2, 16777216]. Got 1 instead."),
    ],
)
def test_other_lengths_are_refused_in_a_sentence(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be") as caught:
        regressor(**{name: value}).fit(FRAME, Y)
    assert str(caught.value).endswith(sentence)
