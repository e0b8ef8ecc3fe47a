"""Training that goes on: curves and counts go on as those of scikit-learn's MLPs do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.base import clone

from shoal import MLPClassifier, MLPRegressor

NUMBERS = np.random.default_rng(8)
X, CLASS, TARGET = NUMBERS.normal(size=(40, 4)), np.arange(40) % 3, NUMBERS.normal(size=40)
OPTIONS = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0, "warm_start": True, "batch_size": 16}

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def counts(model: Any) -> tuple[Any, ...]:
    return model.n_iter_, model.t_, len(model.loss_curve_), model.best_loss_ == min(model.loss_curve_)


@pytest.mark.parametrize(
    ("ours", "theirs", "y"),
    [
        (MLPClassifier, neural_network.MLPClassifier, CLASS),
        (MLPRegressor, neural_network.MLPRegressor, TARGET),
    ],
)
def test_counts_are_those_of_scikit_learn(ours: Any, theirs: Any, y: Any) -> None:
    """Fitted, fitted further, one more epoch on fewer rows, fitted again; then anew."""
    mine, peer = ours(**OPTIONS), theirs(**OPTIONS)
    classes = {"classes": [0, 1, 2]} if y is CLASS else {}
    for step in ("fit", "fit", "partial_fit", "fit", "partial_fit"):
        rows = slice(20 if step == "partial_fit" else None)
        for model in (mine, peer):
            model.set_params(batch_size=16)
            getattr(model, step)(X[rows], y[rows], **(classes if step == "partial_fit" else {}))
        assert counts(mine) == counts(peer)
    assert mine.curve_epochs_ == list(range(1, 15))
    assert mine.best_iter_ == 14
    for model in (mine, peer):
        model.set_params(warm_start=False).fit(X, y)
    assert counts(mine) == counts(peer) == (4, 160, 4, True)
    assert mine.curve_epochs_ == [1, 2, 3, 4]


def test_parts_alone_are_counted_so_too() -> None:
    options = {"hidden_layer_sizes": (5,), "random_state": 0}
    mine, peer = MLPRegressor(**options), neural_network.MLPRegressor(**options)
    for _ in range(3):
        assert counts(mine.partial_fit(X, TARGET)) == counts(peer.partial_fit(X, TARGET))


def test_a_curve_that_goes_on_begins_with_the_one_that_was() -> None:
    model = MLPRegressor(**OPTIONS)
    first = clone(model).fit(X, TARGET)
    both = model.fit(X, TARGET).fit(X, TARGET)
    assert both.loss_curve_[:4] == first.loss_curve_
    assert both.loss_ == both.loss_curve_[-1] != first.loss_


def test_losses_held_out_stand_beside_the_others() -> None:
    """Early stopping in the second of three fits: its losses stand at its epochs, and NaN elsewhere."""
    model = MLPClassifier(**OPTIONS).fit(X, CLASS)
    assert model.validation_loss_curve_ is None
    model.set_params(early_stopping=True, n_iter_no_change=9).fit(X, CLASS)
    held = model.validation_loss_curve_
    assert [math.isnan(loss) for loss in held] == [True] * 4 + [False] * 4
    assert model.t_ == 4 * 40 + 4 * 36
    assert model.best_loss_ is None
    assert model.best_iter_ == 5 + np.argmin(held[4:])
    model.set_params(early_stopping=False).fit(X, CLASS)
    assert [math.isnan(loss) for loss in model.validation_loss_curve_] == [True] * 4 + [False] * 4 + [
        True
    ] * 4
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.validation_scores_ is model.best_validation_score_ is None


def test_rows_that_weigh_nothing_are_not_seen() -> None:
    model = MLPRegressor(**OPTIONS).fit(X, TARGET, sample_weight=np.repeat([0.0, 1.0, 2.0, 3.0], 10))
    assert model.t_ == 4 * 30


def test_long_curves_count_on_at_their_own_points() -> None:
    model = MLPRegressor((2,), max_iter=1200, random_state=0, warm_start=True).fit(X[:4], TARGET[:4])
    first = model.curve_epochs_
    assert len(first) <= 500
    assert first[-1] == 1200
    model.fit(X[:4], TARGET[:4])
    assert model.curve_epochs_ == first + [1200 + epoch for epoch in first]
    assert model.n_iter_ == 1200
    assert model.best_iter_ == 2400
