"""People's own PyTorch modules as estimators: trained as a plain loop of torch would, the same bytes wherever."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.utils.estimator_checks import parametrize_with_checks

from shoal import GridSearchCV, MLPRegressor, TorchClassifier, TorchRegressor
from shoal.errors import ModelFileError
from shoal.nets import OwnModule, Recipe
from shoal.streams import Role, StreamKey, permutation

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

from estimators.own_modules import Dense, Plain, Sequence, TwoInputs, dense  # noqa: E402 - they need torch

DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(70, 3))
Y = X[:, 0] - X[:, 1] ** 2
CLASS = np.array(["low", "high"])[(Y > -1).astype(int)]
QUICK: dict[str, Any] = {"max_iter": 4, "learning_rate_init": 0.02, "batch_size": 16, "random_state": 5}


@parametrize_with_checks(
    [
        # classes: a function is written with where it lies in memory, and names of tests are the same everywhere
        TorchRegressor(Dense, max_iter=60, learning_rate_init=0.02),
        TorchClassifier(Dense, max_iter=60, learning_rate_init=0.02),
    ]
)
def test_what_scikit_learn_asks_of_an_estimator(
    estimator: Any, check: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


@pytest.mark.parametrize(
    ("word", "name"), [("squared_error", "mse"), ("absolute_error", "mae"), ("huber", "huber")]
)
def test_a_loss_has_the_names_that_other_estimators_take(word: str, name: str) -> None:
    curves = [TorchRegressor(dense, criterion=own, **QUICK).fit(X, Y).loss_curve_ for own in (word, name)]
    assert curves[0] == curves[1]


def plain_loop(epochs: int, optimizer: Any, loss: Any) -> Any:
    """Train as anybody would in torch, in our order of rows, from our first weights."""
    key = StreamKey(QUICK["random_state"], 0, 0)
    first, second = key.words(Role.INIT)
    torch.manual_seed(first | second << 32)
    module = dense(3, 1, 7)
    x, y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y[:, None], dtype=torch.float32)
    steps = optimizer(module.parameters(), lr=0.02)
    for epoch in range(epochs):
        order = torch.tensor(permutation(key.words(Role.ORDER), len(x), epoch=epoch))
        for start in range(0, len(x), 16):
            rows = order[start : start + 16]
            steps.zero_grad()
            loss(module(x[rows]), y[rows]).backward()
            steps.step()
    return module


@pytest.mark.parametrize("optimizer", [torch.optim.NAdam, torch.optim.RMSprop])
def test_it_trains_as_a_plain_loop_does(optimizer: Any) -> None:
    before = torch.get_rng_state()
    fitted = TorchRegressor(
        dense, module__width=7, optimizer=optimizer, criterion=nn.SmoothL1Loss, criterion__beta=0.5, **QUICK
    ).fit(X, Y)
    assert torch.equal(torch.get_rng_state(), before), "torch's generator is as it was"
    oracle = plain_loop(4, optimizer, nn.SmoothL1Loss(beta=0.5)).state_dict()
    assert {name: array.tobytes() for name, array in fitted.parameters_.items()} == {
        name: tensor.numpy().tobytes() for name, tensor in oracle.items()
    }
    assert fitted.module_(torch.tensor(X[:32], dtype=torch.float32)).detach().numpy()[:, 0] == pytest.approx(
        fitted.predict(X[:32]), abs=1e-6
    )


def test_an_optimiser_by_name_is_that_of_torch() -> None:
    named = TorchRegressor(dense, optimizer="adam", **QUICK).fit(X, Y)
    by_class = TorchRegressor(dense, optimizer=torch.optim.Adam, **QUICK).fit(X, Y)
    assert named.predict(X) == pytest.approx(by_class.predict(X), abs=1e-4)
    assert named.loss_curve_ == pytest.approx(by_class.loss_curve_, rel=1e-4)


def test_a_loss_is_named_or_a_class_or_a_function() -> None:
    def squares(outputs: Any, targets: Any, power: int = 2) -> Any:
        return ((outputs - targets) ** power).mean()

    fits = [
        TorchRegressor(dense, criterion=criterion, **QUICK).fit(X, Y).predict(X)
        for criterion in (None, "mse", nn.MSELoss, squares)
    ]
    for fit in fits[1:]:
        assert fit == pytest.approx(fits[0], abs=1e-5)
    fourth = TorchRegressor(dense, criterion=squares, criterion__power=4, **QUICK).fit(X, Y)
    assert not np.allclose(fourth.predict(X), fits[0])


def test_weights_of_rows_are_those_of_a_loss_that_is_reduced_row_by_row() -> None:
    weight = np.where(X[:, 0] > 0, 3.0, 1.0)
    named = TorchRegressor(dense, **QUICK).fit(X, Y, weight)
    by_class = TorchRegressor(dense, criterion=nn.MSELoss, **QUICK).fit(X, Y, weight)
    assert by_class.predict(X) == pytest.approx(named.predict(X), abs=1e-5)
    assert not np.allclose(TorchRegressor(dense, **QUICK).fit(X, Y).predict(X), named.predict(X))


def test_rows_of_any_shape_and_several_inputs_by_name() -> None:
    series = DRAW.normal(size=(40, 6, 2))
    over_time = TorchRegressor(Sequence, **QUICK).fit(series, series[:, :, 0].sum(1))
    assert over_time.module_.lstm.input_size == 2
    assert over_time.predict(series[:3]).shape == (3,)
    assert cross_val_predict(over_time, series, series[:, 0, 0], cv=2).shape == (40,)

    words, numbers = DRAW.integers(10, size=(40, 3)), DRAW.normal(size=(40, 2))
    rows = {"words": words, "numbers": numbers}
    search = GridSearchCV(TorchClassifier(TwoInputs, **QUICK), {"module__words": [10, 20]}, cv=2)
    search.fit(rows, np.arange(40) % 3)
    assert search.best_estimator_.predict_proba(rows).shape == (40, 3)
    assert search.oof_predictions_.shape == (40, 3)
    assert search.best_estimator_.module_.vectors.num_embeddings in (10, 20)
    # names, not places, say which input is which
    turned = {"numbers": numbers, "words": words}
    with pytest.raises(
        ValueError, match=r'^X: expected rows of "words" \(3,\) and "numbers" \(2,\) as fitted'
    ):
        search.best_estimator_.predict(turned | {"numbers": numbers[:, :1]})


def test_a_dataset_of_torch_is_read_once() -> None:
    x, y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32)
    dataset = torch.utils.data.TensorDataset(x, y)
    fitted = TorchRegressor(dense, **QUICK).fit(dataset)
    assert np.array_equal(fitted.predict(dataset), TorchRegressor(dense, **QUICK).fit(x, y).predict(x))


class _Changing(torch.utils.data.Dataset):  # type: ignore[misc]
    """A Dataset that augments its rows."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, number: int) -> tuple[NDArray[Any], float]:
        return DRAW.normal(size=3), float(number)


class _Endless(torch.utils.data.IterableDataset):  # type: ignore[misc]
    """A Dataset without a length."""

    def __iter__(self) -> Any:
        yield DRAW.normal(size=3), 1.0


def test_other_datasets_are_refused() -> None:
    model = TorchRegressor(dense, **QUICK)
    with pytest.raises(
        ValueError, match=r"^X: expected a Dataset with a length, whose rows have numbers, got _Endless$"
    ):
        model.fit(_Endless())
    with pytest.raises(
        ValueError, match=r"_Changing, whose row 0 changes \(it draws, as augmentation does\)$"
    ):
        model.fit(_Changing())
    with pytest.raises(
        ValueError, match=r"^y: expected none beside a Dataset, whose rows have their targets, got some$"
    ):
        model.fit(_Changing(), [1.0])


def test_no_result_depends_on_workers_or_on_who_is_trained_beside() -> None:
    model, grid = (
        TorchRegressor(Plain, **QUICK),
        {"module__width": [5, 9], "optimizer": ["sgd", torch.optim.NAdam]},
    )
    scores = [GridSearchCV(model, grid, cv=2, n_jobs=jobs).fit(X, Y).cv_results_ for jobs in (1, 2)]
    assert scores[0]["mean_test_score"].tolist() == scores[1]["mean_test_score"].tolist()
    train, test = np.arange(35, 70), np.arange(35)
    alone = clone(model).set_params(module__width=9, optimizer=torch.optim.NAdam).fit(X[train], Y[train])
    assert alone.score(X[test], Y[test]) == scores[0]["split0_test_score"][3]


def test_what_one_process_alone_knows_is_trained_in_it() -> None:
    def local(in_features: int, out_features: int) -> Any:
        return dense(in_features, out_features, 4)

    search = GridSearchCV(TorchRegressor(local, **QUICK), {"module": [dense, local]}, cv=2, n_jobs=2).fit(
        X, Y
    )
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_training_goes_on_epoch_by_epoch_with_its_own_optimiser() -> None:
    own = {"optimizer": torch.optim.NAdam, **QUICK}
    whole = TorchRegressor(dense, **own | {"max_iter": 3}).fit(X[:16], Y[:16])
    by_epoch = TorchRegressor(dense, **own)
    for _ in range(3):
        by_epoch.partial_fit(X[:16], Y[:16])
    assert by_epoch.predict(X).tolist() == whole.predict(X).tolist()
    warm = TorchRegressor(dense, warm_start=True, **own).fit(X, Y)
    assert warm.fit(X, Y).loss_ < warm.loss_curve_[0]


def test_keywords_are_parameters_as_scikit_learn_knows_them() -> None:
    model = TorchRegressor(dense, module__width=3, optimizer__betas=(0.5, 0.9), optimizer=torch.optim.Adam)
    assert clone(model).get_params()["module__width"] == 3
    assert model.set_params(module__width=4, max_iter=2).module__width == 4
    with pytest.raises(TypeError, match=r"^TorchRegressor has no parameter 'modul__width'"):
        TorchRegressor(dense, modul__width=3)
    with pytest.raises(TypeError, match=r"'max_epochs'; did you mean 'max_iter'\?$"):
        TorchRegressor(dense, max_epochs=3)
    with pytest.raises(AttributeError, match=r"^TorchClassifier has no loss: criterion stands for it"):
        _ = TorchClassifier(dense).loss


def raises(*_: Any, **__: Any) -> Any:
    raise RuntimeError("no such luck")


class _Failing(nn.Module):
    def __init__(self, in_features: int, out_features: int, answer: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(in_features, out_features)
        self.answer = answer

    def forward(self, x: Any) -> Any:
        return self.answer(self.layer(x))


REFUSED = [
    ({"module": nn.Linear(3, 1)}, "module: expected a class or function that makes a torch.nn.Module, got a Linear"
     " that is there already"),
    ({"module": dict}, "module: expected dict to make a torch.nn.Module, got a dict"),
    ({"module": dense, "module__widht": 3}, 'module__widht: expected a parameter of dense ("in_features",'
     ' "out_features" or "width"), got "widht"; did you mean "width"?'),
    ({"module": nn.Embedding, "module__num_embeddings": 3}, "module__embedding_dim: expected a value, since Embedding"
     " has none by itself and only in_features, input_shape and out_features are known, got none"),
    ({"module": nn.Flatten}, "module: expected a parameter to train, got 0 arrays, none of which asks for a"
     " gradient (requires_grad)"),
    ({"module": lambda: nn.LazyLinear(1)}, "module: expected layers of known sizes, got a lazy one with weight"),
    ({"module": dense, "criterion": nn.MSELoss, "criterion__beta": 1}, "criterion__beta: expected a parameter of"
     ' MSELoss ("size_average", "reduce" or "reduction"), got "beta"'),
    ({"module": dense, "optimizer__lr": 1}, "optimizer__lr: expected a class or function as optimizer beside it, got"
     " 'adam'"),
    ({"module": dense, "optimizer": torch.optim.SGD, "optimizer__lr": 1}, "optimizer__lr: expected none, since"
     " learning_rate_init is the learning rate, got one too"),
    ({"module": dense, "optimizer": torch.optim.SGD, "weight_decay": 1}, "weight_decay: expected 0 with a class as"
     " optimizer, whose own is optimizer__weight_decay, got 1"),
    ({"module": _Failing, "module__answer": lambda x: x[:, 0]}, "module: expected _Failing to give outputs of shape"
     " (16, 1), got (16,)"),
    ({"module": _Failing, "module__answer": lambda x: (x, x)}, "module: expected _Failing to give outputs of shape"
     " (16, 1), got tuple"),
    ({"module": _Failing, "module__answer": lambda x: x.detach()}, "module: expected a loss with a gradient by the"
     " parameters of _Failing, got one without"),
    ({"module": _Failing, "module__answer": raises}, "no such luck"),
    ({"module": dense, "criterion": lambda outputs, targets: (outputs - targets).abs()}, "criterion: expected <lambda>"
     " to give one number, a tensor, got shape (16, 1)"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "sentence"), REFUSED, ids=[sentence[:60] for _, sentence in REFUSED])
def test_what_cannot_be_trained_is_refused_in_one_sentence(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ValueError, RuntimeError)) as refusal:
        TorchRegressor(**QUICK | parameters).fit(X, Y)
    assert str(refusal.value) == sentence


def test_outputs_that_are_no_numbers_are_a_diverged_fit() -> None:
    with pytest.raises(
        ValueError, match=r"^TorchRegressor: the fit diverged in epoch 1, batch 1: the loss is not finite"
    ):
        TorchRegressor(_Failing, module__answer=lambda x: x / 0, **QUICK).fit(X, Y)


def test_weights_need_a_loss_that_takes_reduction() -> None:
    model = TorchRegressor(
        dense, criterion=lambda outputs, targets: (outputs - targets).abs().mean(), **QUICK
    )
    with pytest.raises(
        ValueError,
        match=r"^criterion: expected a loss that takes reduction, by which rows can be weighed, got <lambda>$",
    ):
        model.fit(X, Y, 1 + X[:, 0] ** 2)


def test_a_store_knows_a_module_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (
        "import torch\nSCALE = 1.0\n"
        "class Scaled(torch.nn.Linear):\n    def forward(self, x):\n        return super().forward(x) * SCALE\n"
    )

    def searched(name: str, text: str) -> set[str]:
        (tmp_path / f"{name}.py").write_text(text)
        module = __import__(name).Scaled
        search = GridSearchCV(TorchRegressor(module, **QUICK), {"momentum": [0.5]}, cv=2, refit=False)
        search.set_params(store=tmp_path / "store").fit(X, Y)
        return names(tmp_path / "store")

    first = searched("own_one", text)
    assert len(first) == 2
    assert searched("own_two", text.replace("SCALE = 1.0", "SCALE = 1.0  # the same")) == first
    assert len(searched("own_three", text.replace("SCALE = 1.0", "SCALE = 2.0"))) == 4


VALUES: list[Any] = [
    torch.float32, torch.float64, torch.device("cpu"), torch.channels_last, torch.ones(2), torch.ones(2).bfloat16(),
    torch.ones(2, dtype=torch.complex64), torch.eye(2), torch.eye(2).to_sparse(), np.ones(2), np.float32(1),
]  # fmt: skip


def test_values_of_torch_and_numpy_are_known_by_their_content() -> None:
    def source(value: Any) -> Any:
        return OwnModule(Recipe("module", nn.Linear, {"value": value})).source

    digests = {source(value).digest for value in VALUES}
    assert len(digests) == len(VALUES)
    assert digests == {source(copy.deepcopy(value)).digest for value in VALUES}
    assert (
        source(np.array([object()])).unknown == "it uses a ndarray, whose content is not known"
    )  # but for pointers


def names(store: Path) -> set[str]:
    """Give the names of the fits of a store."""
    from shoal.results import Identity, Store

    with Store.create_or_open(store, Identity("estimators", "regression", "")) as opened:
        return set(opened.known())


def test_nothing_is_taken_from_a_store_for_a_source_that_is_not_there(tmp_path: Path) -> None:
    model = TorchRegressor(lambda in_features, out_features: dense(in_features, out_features, 3), **QUICK)
    search = GridSearchCV(model, {"momentum": [0.5]}, cv=2, refit=False, store=tmp_path)
    for fits in (2, 4):
        with pytest.warns(
            UserWarning, match=r"^module: nothing is taken from the store for <lambda>: a lambda has no"
        ) as said:
            search.fit(X, Y)
        assert len(said) == 1
        assert len(names(tmp_path)) == fits


def test_a_fitted_module_is_saved_and_loaded_by_its_own_class(tmp_path: Path) -> None:
    file, frame = tmp_path / "net.safetensors", pd.DataFrame(X, columns=["a", "b", "c"])
    saved = TorchClassifier(Plain, module__width=5, **QUICK).fit(frame, CLASS)
    saved.save(file)
    loaded = TorchClassifier.load(file, Plain, module__width=5)
    assert np.array_equal(loaded.predict_proba(frame), saved.predict_proba(frame))
    assert loaded.predict(frame).tolist() == saved.predict(frame).tolist()
    module = Plain(3, 2, width=5).eval()
    module.load_state_dict(load_file(file))
    logits = module(torch.tensor(X, dtype=torch.float32)).softmax(1).detach().numpy()
    assert logits == pytest.approx(saved.predict_proba(frame), abs=1e-5)

    words = DRAW.integers(10, size=(40, 3))
    rows = {"words": words, "numbers": X[:40, :2]}
    several = TorchClassifier(TwoInputs, **QUICK).fit(rows, words[:, 0])
    several.save(file)
    assert np.array_equal(TorchClassifier.load(file, TwoInputs).predict(rows), several.predict(rows))
    number = TorchRegressor(dense, **QUICK).fit(X, Y)
    number.save(file)
    assert np.array_equal(TorchRegressor.load(file, dense).predict(X), number.predict(X))
    for kind, module, width, sentence in (
        (TorchRegressor, dense, 9, "module: expected the one that was trained, with its arrays, got another"),
        (TorchClassifier, dense, 8, "expected what TorchClassifier.save writes, got 'TorchRegressor'"),
    ):
        with pytest.raises(ModelFileError, match=f"net.safetensors: {sentence}$"):
            kind.load(file, module, module__width=width)
    with pytest.raises(ModelFileError, match=r"gone: expected a model file, got nothing there"):
        TorchRegressor.load(tmp_path / "gone", dense)
    with pytest.raises(ValueError, match=r"^dtype: expected float32, which files hold, got float64$"):
        TorchRegressor(dense, dtype="float64", **QUICK).fit(X, Y).save(file)


def test_calibration_and_classes_come_with_it() -> None:
    fitted = TorchClassifier(
        dense, calibration="temperature", calibration_folds=3, class_weight="balanced", **QUICK
    )
    fitted.fit(X, CLASS)
    assert fitted.predict_set(X).shape == (70, 2)
    assert fitted.predict_proba(X).sum(1) == pytest.approx(np.ones(70))
    several = TorchClassifier(dense, **QUICK).fit(X, (X > 0).astype(int))
    assert several.predict(X).shape == (70, 3)
    assert MLPRegressor((3,), max_iter=2).fit(X, Y).coefs_[0].shape == (3, 3)
    with pytest.raises(AttributeError):
        _ = several.coefs_
    assert fitted.draw().said == "1 layer, 50 parameters"
