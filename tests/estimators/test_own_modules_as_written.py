"""Modules as people write them: that work in place, that say things twice, that change by chance."""

from __future__ import annotations

from functools import partial
from pathlib import Path
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


class _Unsteady(nn.Module):
    """Has other arrays from time to time."""

    made = 0

    def __init__(self, in_features: int, out_features: int, way: str) -> None:
        super().__init__()
        type(self).made += 1
        self.way = way
        self.wide = nn.Linear(in_features, 4 + (self.made if way == "sizes" else 0))
        self.fixed = nn.Linear(self.wide.out_features, out_features).requires_grad_(way != "thaw")
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: Any) -> Any:
        match self.way:
            case "layer":
                self.late = nn.Linear(1, 1)
            case "buffer":
                self.seen = torch.cat([self.seen, self.seen])
            case "thaw":
                self.fixed.requires_grad_()
        return self.fixed(self.wide(x))


UNSTEADY = {
    "sizes": r"for fixed.weight a trained one of shape \(1, \d+\) where there was a trained one of shape \(1, \d+\)",
    "layer": r"for late.bias a trained one of shape \(1,\) where there was none",
    "buffer": r"for seen a fixed one of shape \(\d+,\) where there was a fixed one of shape \(1,\)",
    "thaw": r"for fixed.bias a trained one of shape \(1,\) where there was a fixed one of shape \(1,\)",
}


@pytest.mark.parametrize(("way", "got"), UNSTEADY.items(), ids=UNSTEADY)
def test_a_module_whose_arrays_change_is_refused(way: str, got: str) -> None:
    what = "module: expected _Unsteady to keep its arrays, however often it is made and used, got"
    with pytest.raises(ValueError, match=f"^{what} {got}$"):
        TorchRegressor(_Unsteady, module__way=way, **QUICK).fit(X, Y)


def _acting(in_features: int, out_features: int, act: Any = nn.ReLU) -> Any:
    return nn.Sequential(nn.Linear(in_features, 4), act(), nn.Linear(4, out_features))


def test_a_module_that_computes_otherwise_than_the_one_saved_is_said(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    TorchRegressor(_acting, module__act=nn.Tanh, **QUICK).fit(X, Y).save(file)
    for same in ({"module__act": nn.Tanh}, {"module__act": nn.Tanh, "module__out_features": 1}):
        TorchRegressor.load(file, _acting, **same)
    other = (
        r"computes otherwise than _acting, which was saved: its code, or a keyword \(module__x\), is another$"
    )
    with pytest.warns(UserWarning, match=rf"^module: _acting has the same arrays, but it {other}"):
        TorchRegressor.load(file, _acting)

    def another(in_features: int, out_features: int) -> Any:
        return _acting(in_features, out_features, nn.Tanh)

    def unknown(in_features: int, out_features: int, what: Any = object) -> Any:
        return _acting(in_features, out_features, nn.ELU)

    with pytest.warns(UserWarning, match=rf"^module: another has the same arrays, but it {other}"):
        TorchRegressor.load(file, another)
    with pytest.warns(UserWarning, match=r"not known: it uses a object, which has no source$"):
        TorchRegressor.load(file, unknown, module__what=object())
    TorchRegressor(unknown, module__what=object(), **QUICK).fit(X, Y).save(file)
    with pytest.warns(UserWarning, match=r"is not known: its code was not known when it was saved$"):
        assert TorchRegressor.load(file, _acting).predict(X).shape == (40,)
