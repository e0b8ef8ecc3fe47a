"""Modules as people write them: that work in place, that say things twice, that change by chance."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal import TorchRegressor

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from estimators.own_modules import TwoInputs, dense  # noqa: E402 - they need torch

DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(40, 3)).astype(np.float32)
Y = X[:, 0] - X[:, 1] ** 2
QUICK: dict[str, Any] = {"max_iter": 3, "learning_rate_init": 0.02, "batch_size": 16, "random_state": 5}


class _Shifted(nn.Linear):
    """Works in place, or not."""

    def __init__(self, in_features: int, out_features: int, in_place: bool = True) -> None:
        super().__init__(in_features, out_features)
        self.in_place = in_place

    def forward(self, x: Any) -> Any:
        return super().forward(x.sub_(1) if self.in_place else x - 1)


def _squares(outputs: Any, targets: Any) -> Any:
    return targets.sub_(outputs).pow(2).mean()


def test_a_module_that_works_in_place_learns_and_answers_as_one_that_does_not() -> None:
    rows, before = X.copy(), X.copy()
    for more in ({}, {"early_stopping": True}, {"optimizer": torch.optim.LBFGS}):
        there, beside = (
            TorchRegressor(_Shifted, module__in_place=in_place, **QUICK, **more).fit(rows, Y)
            for in_place in (True, False)
        )
        assert there.loss_curve_ == beside.loss_curve_
        assert there.predict(rows).tolist() == beside.predict(rows).tolist()
        assert np.array_equal(rows, before)
    images = X.reshape(40, 3, 1, 1).copy()
    plain = TorchRegressor(partial(_OfImages, in_place=False), **QUICK).fit(images, Y).predict(images)
    assert TorchRegressor(_OfImages, **QUICK).fit(images, Y).predict(images).tolist() == plain.tolist()
    assert np.array_equal(images.reshape(40, 3), before)


class _OfImages(nn.Sequential):
    def __init__(self, out_features: int, in_place: bool = True) -> None:
        super().__init__(nn.ReLU(inplace=in_place), nn.Flatten(), nn.Linear(3, out_features))


def test_a_loss_that_works_in_place_leaves_the_targets() -> None:
    own, named = (
        TorchRegressor(dense, criterion=of, **QUICK).fit(X, Y).loss_curve_ for of in (_squares, nn.MSELoss)
    )
    assert own == pytest.approx(named)


class _Mirrored(torch.utils.data.Dataset):  # type: ignore[misc]
    """A Dataset that mirrors half of its rows, anew each time."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, number: int) -> tuple[NDArray[Any], float]:
        return (X[number] if number < 20 or DRAW.random() < 0.5 else -X[number]), float(Y[number])


def test_a_dataset_that_changes_some_rows_now_and_then_is_refused() -> None:
    for _ in range(10):
        with pytest.raises(ValueError, match=r"whose row [23]\d changes \(it draws, as augmentation does\)$"):
            TorchRegressor(dense, **QUICK).fit(_Mirrored())


def test_a_size_within_a_partial_stands() -> None:
    words = {"words": np.zeros((40, 2), int), "numbers": X}
    fixed = partial(TwoInputs, n_classes=1, input_shape={"numbers": (3,)})
    assert TorchRegressor(fixed, **QUICK).fit(words, Y).predict(words).shape == (40,)
    with pytest.raises(ValueError, match=r"outputs of shape \(16, 1\), got \(16, 2\)$"):
        TorchRegressor(partial(dense, out_features=2), **QUICK).fit(X, Y)


SAID_TWICE = [
    ({"optimizer": partial(torch.optim.SGD, lr=0.1)}, "optimizer: expected no lr within a partial, since"
     " learning_rate_init is the learning rate, got one"),
    ({"criterion": nn.MSELoss, "criterion__reduction": "sum"}, 'criterion__reduction: expected "mean", over the rows of'
     " a batch, by which these can be weighed, got 'sum'"),
    ({"criterion": partial(nn.functional.l1_loss, reduction="sum")}, 'criterion__reduction: expected "mean", over the'
     " rows of a batch, by which these can be weighed, got 'sum'"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "sentence"), SAID_TWICE, ids=["lr", "reduction", "within a partial"])
def test_what_would_be_overruled_in_silence_is_refused(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the whole sentence is below
        TorchRegressor(dense, **QUICK | parameters).fit(X, Y)
    assert str(refusal.value) == sentence
