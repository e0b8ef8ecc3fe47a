"""Step by step beside scikit-learn's MLP, in float64: the same first weights and batches, the same weights after.

scikit-learn is stepped by one batch a call of `partial_fit`. Its conventions are undone here, each in one place.

Letters: N rows, B rows of a batch, D inputs, K outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import neural_network

from shoal import MLPClassifier, MLPRegressor
from shoal.streams import Role, StreamKey, permutation

SEED, EPOCHS, BATCH, N, D, K = 7, 6, 16, 40, 5, 3  # batches of 16, 16 and 8 rows
RATE = 0.01
HALVED = {"squared_error": 2, "poisson": 1}
"""What ours is as many times, beside the mean over targets: the squared error is halved there."""


def rows(loss: str) -> tuple[NDArray[Any], NDArray[Any]]:
    numbers = np.random.default_rng(1)
    x = numbers.normal(size=(N, D))
    if loss == "cross-entropy":
        return x, numbers.integers(0, K, N)
    return x, numbers.poisson(2.0, size=(N, K)) if loss == "poisson" else numbers.normal(size=(N, K))


def first_weights(model: Any, x: NDArray[Any], y: NDArray[Any]) -> tuple[list[Any], list[Any]]:
    """Weights before the first step, as float64: those after one with a rate too small to move them."""
    still = type(model)(**{**model.get_params(), "learning_rate_init": 1e-300, "max_iter": 1}).fit(x, y)
    return still.coefs_, still.intercepts_


def stepped(peer: Any, x: NDArray[Any], y: NDArray[Any], begin: tuple[list[Any], list[Any]]) -> None:
    """Train scikit-learn's network on the batches of our streams, from our first weights."""
    key = StreamKey(SEED, 0, 0).words(Role.ORDER)
    classes = {"classes": np.arange(K)} if y.ndim == 1 else {}
    peer.set_params(shuffle=False, batch_size=N, alpha=0.0)
    rate = peer.learning_rate_init
    peer.set_params(learning_rate_init=1e-300).partial_fit(x[:1], y[:1], **classes)
    for mine, given in zip((peer.coefs_, peer.intercepts_), begin, strict=True):
        for array, first in zip(mine, given, strict=True):
            array[:] = first
    optimizer = peer._optimizer
    optimizer.learning_rate_init = optimizer.learning_rate = rate
    if peer.solver == "adam":
        optimizer.t, optimizer.ms, optimizer.vs = 0, *([0.0 * m for m in optimizer.ms] for _ in range(2))
    else:
        optimizer.velocities = [0.0 * velocity for velocity in optimizer.velocities]
    for epoch in range(EPOCHS):
        order = permutation(key, N, epoch=epoch)
        for start in range(0, N, BATCH):
            batch = order[start : start + BATCH]
            if (
                peer.solver == "adam"
            ):  # its epsilon stands beside a second moment that is not corrected for bias
                scale = K / HALVED[getattr(peer, "loss", "")] if y.ndim == 2 else 1.0
                optimizer.epsilon = 1e-8 * np.sqrt(1 - 0.999 ** (optimizer.t + 1)) * scale
            with np.errstate(all="raise"):
                peer.partial_fit(x[batch], y[batch])


@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger")
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize(
    ("solver", "options"),
    [
        ("sgd", {"momentum": 0.0}),
        ("sgd", {"momentum": 0.9, "nesterovs_momentum": False}),
        ("sgd", {"momentum": 0.9, "nesterovs_momentum": True}),
        ("adam", {}),
    ],
)
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "cross-entropy"])
def test_every_step_is_that_of_scikit_learn(
    activation: str, solver: str, options: dict[str, Any], loss: str
) -> None:
    x, y = rows(loss)
    classes = loss == "cross-entropy"
    shape = {"hidden_layer_sizes": (8, 6), "activation": activation, "random_state": SEED, **options}
    shape |= {} if classes else {"loss": loss}
    ours = (MLPClassifier if classes else MLPRegressor)(
        optimizer=solver, learning_rate_init=RATE, batch_size=BATCH, max_iter=EPOCHS, dtype="float64", weight_decay=0.0,
        **shape,
    )  # fmt: skip
    # Its gradient adds up over the K targets where ours is their mean.
    rate = RATE * HALVED[loss] / K if solver == "sgd" and not classes else RATE
    peer = (neural_network.MLPClassifier if classes else neural_network.MLPRegressor)(
        solver=solver, learning_rate_init=rate, **shape
    )
    stepped(peer, x, y, first_weights(ours, x, y))
    ours.fit(x, y)
    for mine, theirs in zip(ours.coefs_ + ours.intercepts_, peer.coefs_ + peer.intercepts_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-13)
        assert mine.dtype == np.float64
