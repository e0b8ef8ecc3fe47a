"""What people hand over beside their own modules: tensors of all kinds, inputs in any order, and what names no
parameter in torch's words.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal import TorchClassifier, TorchRegressor

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from estimators.own_modules import Plain, dense  # noqa: E402 - they need torch

DRAW = np.random.default_rng(4)
X = DRAW.normal(size=(33, 3)).astype(np.float32)
Y = X[:, 0] - X[:, 1] ** 2
QUICK: dict[str, Any] = {"max_iter": 2, "learning_rate_init": 0.02, "batch_size": 11, "random_state": 5}


class Two(nn.Module):
    """Two inputs, each with a layer of its own."""

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.of_a, self.of_b = nn.Linear(2, out_features), nn.Linear(1, out_features)

    def forward(self, a: Tensor, b: Tensor) -> Any:
        return self.of_a(a) + self.of_b(b)


class Words(nn.Module):
    """Words, looked up."""

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(10, out_features)

    def forward(self, words: Tensor) -> Any:
        return self.vectors(words).sum(1)


class Answering(nn.Linear):
    """A linear model whose outputs are changed."""

    def __init__(self, in_features: int, out_features: int, answer: Any) -> None:
        super().__init__(in_features, out_features)
        self.answer = answer

    def forward(self, x: Tensor) -> Any:
        return self.answer(super().forward(x))


def test_inputs_are_taken_by_their_names_in_any_order() -> None:
    model = TorchRegressor(Two, **QUICK).fit({"a": X[:, :2], "b": X[:, 2:]}, Y)
    turned = model.predict({"b": X[:, 2:], "a": X[:, :2]})
    assert turned.tolist() == model.predict({"a": X[:, :2], "b": X[:, 2:]}).tolist()


def test_tensors_are_taken_as_their_numbers() -> None:
    losses = {
        TorchRegressor(dense, **QUICK).fit(x, y).loss_
        for x, y in (
            (X, Y),
            (torch.tensor(X, requires_grad=True), torch.tensor(Y, requires_grad=True)),
            (torch.nn.Parameter(torch.tensor(X)), Y),
        )
    }
    assert len(losses) == 1
    rounded = torch.tensor(X).bfloat16()
    both = [TorchRegressor(dense, **QUICK).fit(x, Y).loss_ for x in (rounded, rounded.float())]
    assert both[0] == both[1]


def test_a_partial_of_a_class_is_that_class_with_its_keywords() -> None:
    models = (
        TorchRegressor(dense, criterion=partial(nn.SmoothL1Loss, beta=0.5), **QUICK),
        TorchRegressor(dense, criterion=nn.SmoothL1Loss, criterion__beta=0.5, **QUICK),
    )
    curves = [model.fit(X, Y).loss_curve_ for model in models]
    assert curves[0] == curves[1]


WHOLE = np.zeros((33, 4), int)
REFUSED: list[tuple[Any, tuple[Any, ...], str]] = [
    (TorchRegressor(Two), ({"a": X[:, :2], "c": X[:, 2:]}, Y), "X: expected inputs by the names of the forward of Two"
     ' ("a" or "b"), got "c"'),
    (TorchRegressor(Words), (WHOLE, Y), "X: expected whole numbers by the name that the forward of Words has for them,"
     ' as embeddings need, such as {"words": X}, got floats'),
    (TorchRegressor(Plain, batch_size=16), (X, Y), "batch_size: expected batches of two rows or more, which batch norm"
     " needs, got one of 1 row, of 33 by 16"),
    (TorchRegressor(dense), (torch.tensor(X).to_sparse(), Y), "X: expected a tensor that holds all of its numbers, got"
     " a sparse_coo one"),
    (TorchRegressor(dense), (torch.tensor(X).to("meta"), Y), "X: expected a tensor that holds all of its numbers, got"
     " a meta one"),
    (TorchRegressor(dense), (X.reshape(-1, 1, 3)[:0], Y[:0]), "Found array with 0 sample(s) (shape=(0, 3)) while a"
     " minimum of 1 is required by TorchRegressor."),
    (TorchRegressor(dense, criterion=nn.MSELoss()), (X, Y, 1 + X[:, 0] ** 2), "criterion: expected a loss that takes"
     " reduction, by which rows can be weighed, got MSELoss that is there already: give its class"),
    (TorchClassifier(dense, criterion=nn.BCEWithLogitsLoss), (X, X[:, 0] > 0), "criterion: expected a loss of outputs"
     " of shape (33, 2) and a class number a row, got BCEWithLogitsLoss, which refuses them: Target size"
     " (torch.Size([33])) must be the same as input size (torch.Size([33, 2]))"),
    (TorchRegressor(Answering, module__answer=lambda x: x.detach().numpy()), (X, Y), "module: expected Answering to"
     " give floats in a tensor, got ndarray"),
    (TorchRegressor(Answering, module__answer=lambda x: x * 1j), (X, Y), "module: expected Answering to give floats in"
     " a tensor, got torch.complex64"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "given", "sentence"), REFUSED, ids=[said[:60] for *_, said in REFUSED])
def test_what_torch_would_refuse_is_refused_by_its_parameter(
    model: Any, given: tuple[Any, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=r"\w") as refusal:
        model.fit(*given)
    assert str(refusal.value) == sentence


def test_a_loaded_module_is_trained_further(tmp_path: Path) -> None:
    days = np.where(X[:, 0] > 0, np.datetime64("2020-01-01"), np.datetime64("2021-01-01"))
    saved = TorchClassifier(dense, **QUICK).fit(X, days)
    saved.save(tmp_path / "net.safetensors")
    loaded = TorchClassifier.load(tmp_path / "net.safetensors", dense, **QUICK)
    assert loaded.predict(X).tolist() == saved.predict(X).tolist()
    (further,) = loaded.partial_fit(X, days).loss_curve_
    assert further < saved.loss_
    again = TorchClassifier.load(tmp_path / "net.safetensors", dense, warm_start=True, **QUICK)
    assert len(again.fit(X, days).loss_curve_) == 2
    with pytest.raises(
        ValueError, match=r"^module: expected a class or function that makes .*, got 'dense'$"
    ):
        TorchClassifier.load(tmp_path / "net.safetensors", "dense")


def test_another_width_is_refused_by_the_first_array_that_differs() -> None:
    model = TorchRegressor(Plain, warm_start=True, **QUICK).fit(X, Y)
    model.set_params(module__width=7)
    with pytest.raises(
        ValueError,
        match=r"^TorchRegressor: expected the arrays of the module as they were fitted, to train them further, got"
        r" first\.weight \(7, 3\) for \(6, 3\)$",
    ):
        model.fit(X, Y)


def test_another_optimiser_does_not_go_on_where_one_stood() -> None:
    model = TorchRegressor(dense, optimizer=torch.optim.NAdam, **QUICK).partial_fit(X, Y)
    model.set_params(optimizer=torch.optim.Adadelta)
    with pytest.raises(
        ValueError, match=r"^optimizer: expected that of the epochs before, which goes on, got another$"
    ):
        model.partial_fit(X, Y)


@pytest.mark.parametrize("name", ["callbacks", "train_split", "iterator_train__shuffle", "iterator_valid__x"])
def test_parameters_of_skorch_are_answered_by_what_stands_for_them(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^TorchRegressor has no parameter '{name}': (early|batch)_"):
        TorchRegressor(dense, **{name: None})
