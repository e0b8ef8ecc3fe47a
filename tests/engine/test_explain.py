"""What columns add to single predictions: by torch's own gradients on the same way, and by what must hold of sums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from dots import end_with_the_model
from shoal.activations import ACTIVATIONS
from shoal.data import Column, Dataset, fit_preprocessing
from shoal.distributions import Normal, Quantiles
from shoal.engine import explain
from shoal.engine._integrated import CLOSE, bends_of
from shoal.engine._predict import Trained
from shoal.kinds import Task
from shoal.nets import (
    build_architecture,
    build_module,
    initial_buffers,
    initial_parameters,
    outputs_and_gradient,
    tables_of,
)
from shoal.streams import StreamKey
from shoal.study import Network

ROWS = 60
draw = np.random.default_rng(5)
COLUMNS = (
    Column("a", draw.normal(3, 2, ROWS)),
    Column("k", draw.choice(np.array(["u", "v", "w"], object), ROWS)),
    Column("city", draw.choice(np.array([f"c{n}" for n in range(12)], object), ROWS)),
    Column("b", draw.normal(0, 9, ROWS)),
)


def dataset(task: Task, targets: Any, classes: tuple[str, ...] = (), transform: str = "none") -> Dataset:
    names = ("y",) if targets.ndim == 1 else tuple(f"y{k}" for k in range(targets.shape[1]))
    return Dataset(
        name="drawn", task=task, columns=COLUMNS, target_names=names, targets=targets, classes=classes,
        train_rows=ROWS, groups=None, given_folds=None, train_fingerprint="", test_fingerprint="", source="",
        target_transform=transform,
    )  # fmt: skip


def trained(rows: Dataset, link: str = "identity", said: Any = None, **network: Any) -> Trained:
    """A network with drawn weights, and norms that do something."""
    settings = Network.model_validate({"hidden": [7, 5], "embedding_from": 10, **network})
    own = fit_preprocessing(rows, np.arange(ROWS), "both").coded(settings.codes_from).linked(link, said)
    outputs = rows.outputs * (1 if said is None else said.outputs)
    architecture = build_architecture(
        settings, (len(own.input_names),), outputs, tables_of(settings, own.code_rows)
    )
    parameters_P = 2 * initial_parameters(architecture, StreamKey(1, 2, 3))
    buffers = initial_buffers(architecture)
    buffers = np.abs(np.random.default_rng(1).normal(0.5, 0.3, len(buffers))).astype(np.float32)
    return Trained(architecture, parameters_P, buffers, own, rows.task)


Y = draw.normal(5, 2, (ROWS, 2))
KINDS: dict[str, tuple[Dataset, dict[str, Any]]] = {
    "numbers": (dataset("regression", Y), {}),
    "logarithms": (dataset("regression", np.exp(Y / 4), transform="log"), {}),
    "logarithms of 1 and more": (dataset("regression", np.exp(Y / 4), transform="log1p"), {}),
    "powers": (dataset("regression", Y**3, transform="yeo-johnson"), {}),
    "counts": (dataset("regression", np.abs(Y)), {"link": "exp"}),
    "normal": (dataset("regression", Y), {"said": Normal()}),
    "quantiles": (dataset("regression", Y), {"said": Quantiles((0.1, 0.5, 0.9))}),
    "embedded": (dataset("regression", Y), {"embedding": "auto"}),
    "normed": (dataset("regression", Y), {"batch_norm": True, "embedding": 3}),
    "classes": (
        dataset("classification", np.arange(ROWS) % 3, ("x", "y", "z")),
        {},
    ),
    "labels": (dataset("multilabel", Y > 5), {"link": "sigmoid"}),
}


def explained(kind: str) -> tuple[shoal.engine.Explanation, Trained, np.ndarray]:
    rows, options = KINDS[kind]
    network = trained(rows, activation="tanh", **options)
    named_N = np.arange(ROWS) % 3 if rows.classes else np.zeros(0, np.int64)
    return explain(network, COLUMNS, (rows.classes, named_N)), network, named_N


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_add_up_to_the_answer_less_that_of_the_baseline(kind: str) -> None:
    result, *_ = explained(kind)
    assert result.inputs == ("a", "k", "city", "b")
    total_NQ = result.contributions.sum(axis=2)
    sizes_NQ = np.abs(result.contributions).sum(axis=2)
    off_NQ = np.abs(total_NQ - (result.answers - result.baselines))
    kinks = 30 if kind == "quantiles" else 1  # where outputs change places
    assert (off_NQ <= kinks * CLOSE * sizes_NQ).all()
    assert (sizes_NQ > 0).all()
    assert result.error == pytest.approx((off_NQ / sizes_NQ).max())


def test_a_unit_is_straight_where_its_slope_does_not_change_on_either_side() -> None:
    left, right = -np.linspace(0.1, 5, 40), np.linspace(0.1, 5, 40)
    for name, kind in ACTIVATIONS.items():
        slopes = [np.ptp(kind.derivative(side)) for side in (left, right)]
        bends = kind.derivative(left)[0] != kind.derivative(right)[0]
        assert kind.straight == (max(slopes) == 0 and bends), name


def test_a_way_through_a_layer_norm_is_not_taken_for_a_straight_one() -> None:
    rows, _ = KINDS["numbers"]
    network = trained(rows, activation="relu", norm="layer")
    named = network.architecture.named(network.parameters_P)
    assert bends_of(network.architecture.dense, named, np.zeros(network.architecture.dense[0].inputs)) is None


BENT: dict[str, tuple[Task, tuple[int, ...], dict[str, Any]]] = {
    "relu": ("regression", (7, 5), {}),
    "leaky-relu": ("regression", (6, 6, 4), {"batch_norm": True}),
    "embedded": ("regression", (7, 5), {"embedding": "auto"}),
    "classes": ("classification", (8, 6), {}),
    "wide": ("regression", (300, 200), {}),
}


@pytest.mark.parametrize("kind", BENT)
def test_ways_are_divided_where_rectifiers_bend(kind: str) -> None:
    """Against so many points of torch's own gradients that bends between them do not matter."""
    import torch

    task, hidden, more = BENT[kind]
    rows = (
        dataset(task, np.arange(ROWS) % 3, ("x", "y", "z")) if task == "classification" else dataset(task, Y)
    )
    options = {"activation": kind if kind in ACTIVATIONS else "relu", "hidden": list(hidden), **more}
    network = trained(rows, **options)
    named_N = np.arange(ROWS) % 3 if rows.classes else np.zeros(0, np.int64)
    result = explain(network, COLUMNS, (rows.classes, named_N))
    assert result.error < (1e-4 if kind == "wide" else 1e-9)
    module = build_module(network.architecture).double().eval()
    state = network.architecture.named(network.parameters_P, network.buffers)
    module.load_state_dict(
        {name: torch.tensor(value, dtype=torch.float64) for name, value in state.items()}, strict=False
    )
    x = torch.tensor(network.preprocessing.inputs(COLUMNS, dtype=np.float64))
    base, layers = torch.tensor(network.preprocessing.baseline_D), list(module.children())
    spans = dict(network.preprocessing.spans)
    if network.architecture.tables:
        lookup, *layers = layers
        plain = x.shape[1] - len(lookup)
        base = torch.cat([base[:plain], *(table.weight[1:].mean(dim=0) for table in lookup)]).detach()
        x, spans["city"] = lookup(x).detach(), slice(plain, lookup(x).shape[1])
    total, points, at_once = torch.zeros_like(x), 600, 30
    for some in (torch.arange(points) + 0.5).split(at_once):
        way = (base + some[:, None, None] / points * (x - base)).reshape(-1, x.shape[1]).requires_grad_()
        answer = asked_of(torch.nn.Sequential(*layers)(way), network, np.tile(named_N, at_once), 0)
        total += torch.autograd.grad(answer.sum(), way)[0].reshape(at_once, *x.shape).sum(dim=0) / points
    added = (total * (x - base)).numpy()
    theirs = np.stack([added[:, spans[name]].sum(axis=1) for name in result.inputs], axis=1)
    np.testing.assert_allclose(result.contributions[:, 0], theirs, atol=4e-3 * np.abs(theirs).max())


def asked_of(outputs: Any, network: Trained, named_N: np.ndarray, place: int) -> Any:
    """What is explained, of outputs as torch has them."""
    import torch

    scales, task = network.preprocessing.target_scales, network.task
    if task == "classification":
        own = outputs[torch.arange(len(outputs)), torch.tensor(named_N)]
        others = outputs.masked_fill(torch.nn.functional.one_hot(torch.tensor(named_N), 3).bool(), -torch.inf)
        return own - others.logsumexp(dim=1)
    if task == "multilabel":
        return outputs[:, place]
    scale = scales[place]
    if scale.link == "exp":
        return outputs[:, place].exp()
    of_target = outputs.reshape(len(outputs), len(scales), -1)[:, place]
    if isinstance(scale.distribution, Quantiles):
        of_target = of_target.sort(dim=1).values[:, 1:]
    value = of_target[:, 0] * scale.scale.scale + scale.scale.mean
    match scale.kind:
        case "log":
            return value.exp()
        case "log1p":
            return value.expm1()
        case "yeo-johnson":
            power = scale.transform.power  # type: ignore[union-attr]
            return torch.where(
                value >= 0,
                (value.clamp(min=0) * power + 1) ** (1 / power) - 1,
                1 - (1 - (2 - power) * value.clamp(max=0)) ** (1 / (2 - power)),
            )
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_those_of_torchs_own_gradients(kind: str) -> None:
    import torch

    result, network, named_N = explained(kind)
    module = build_module(network.architecture).double()
    state = network.architecture.named(network.parameters_P, network.buffers)
    missing = module.load_state_dict(
        {name: torch.tensor(value, dtype=torch.float64) for name, value in state.items()}, strict=False
    )
    assert not missing.unexpected_keys
    module.eval()
    x = torch.tensor(network.preprocessing.inputs(COLUMNS, dtype=np.float64))
    base = torch.tensor(network.preprocessing.baseline_D)
    layers = list(module.children())
    spans = dict(network.preprocessing.spans)
    if network.architecture.tables:
        lookup, *layers = layers
        plain = x.shape[1] - len(lookup)
        average = torch.cat([table.weight[1:].mean(dim=0) for table in lookup])
        x, base = lookup(x).detach(), torch.cat([base[:plain], average]).detach()
        spans["city"] = slice(plain, x.shape[1])

    def answer(way: torch.Tensor, place: int) -> torch.Tensor:
        return asked_of(torch.nn.Sequential(*layers)(way), network, named_N, place)

    nodes, weights = np.polynomial.legendre.leggauss(32)
    for place in range(result.answers.shape[1]):
        total = torch.zeros_like(x)
        for node, weight in zip(nodes, weights, strict=True):
            way = (base + (node + 1) / 2 * (x - base)).requires_grad_()
            (gradient,) = torch.autograd.grad(answer(way, place).sum(), way)
            total += weight / 2 * gradient * (x - base)
        wanted_NS = np.stack(
            [total[:, spans[name]].sum(dim=1).detach().numpy() for name in result.inputs], axis=1
        )
        np.testing.assert_allclose(
            result.answers[:, place], answer(x, place).detach().numpy(), rtol=1e-9, atol=1e-9
        )
        few_N = np.abs(wanted_NS.sum(axis=1) - (result.answers - result.baselines)[:, place])
        same_N = few_N <= CLOSE / 2 * np.abs(wanted_NS).sum(axis=1)  # others were asked at more points
        assert same_N.mean() > (0.1 if kind == "quantiles" else 0.9)
        np.testing.assert_allclose(
            result.contributions[same_N, place], wanted_NS[same_N], rtol=1e-6, atol=1e-9
        )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_derivative_is_that_of_torch(activation: str) -> None:
    import torch

    kind = ACTIVATIONS[activation]
    a = torch.linspace(-30, 30, 2001, dtype=torch.float64, requires_grad=True)
    module = getattr(torch.nn, kind.module)() if kind.module else torch.nn.Identity()
    (wanted,) = torch.autograd.grad(module(a).sum(), a)
    np.testing.assert_allclose(kind.derivative(a.detach().numpy()), wanted.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_gradient_is_what_small_steps_say(norm: str) -> None:
    rows, _ = KINDS["normed"]
    network = trained(rows, activation="silu", norm=norm)
    architecture = network.architecture
    named = architecture.named(network.parameters_P, network.buffers)
    x_ND = network.preprocessing.inputs(COLUMNS, dtype=np.float64)

    def summed(x: np.ndarray) -> np.ndarray:
        for layer in architecture.layers:
            x = layer.output(named, x)
        return (x**2).sum(axis=1)

    outputs_NK, gradient_ND = outputs_and_gradient(architecture.layers, named, x_ND, lambda y: 2 * y)
    np.testing.assert_allclose((outputs_NK**2).sum(axis=1), summed(x_ND))
    for d in range(x_ND.shape[1]):
        step = 1e-5 * (np.arange(x_ND.shape[1]) == d)
        np.testing.assert_allclose(
            gradient_ND[:, d], (summed(x_ND + step) - summed(x_ND - step)) / 2e-5, rtol=1e-5, atol=1e-7
        )


def test_a_row_is_explained_the_same_alone_and_an_unused_column_adds_nothing() -> None:
    rows, _ = KINDS["numbers"]
    network = trained(rows, activation="relu")
    weight = network.architecture.named(network.parameters_P)["hidden1.weight"]
    weight[:, network.preprocessing.spans["k"]] = 0
    none = ((), np.zeros(0, np.int64))
    whole = explain(network, COLUMNS, none)
    alone = explain(network, [column.take(np.array([7])) for column in COLUMNS], none)
    np.testing.assert_allclose(alone.contributions[0], whole.contributions[7], rtol=1e-12)
    assert not whole.contributions[:, :, 1].any()


def test_the_baseline_is_what_a_model_knows() -> None:
    columns = (
        Column("a", np.array([1.0, 2.0, 6.0])),
        Column("m", np.array([1.0, np.nan, 5.0]), impute=True),
        Column("k", np.array(["u", "v", "v"], object)),
        Column("o", np.array(["low", "high", "high"], object), "ordered", order=("low", "high")),
    )
    rows = Dataset(
        name="", task="regression", columns=columns, target_names=("y",), targets=np.ones((3, 1)), classes=(),
        train_rows=3, groups=None, given_folds=None, train_fingerprint="", test_fingerprint="", source="",
    )  # fmt: skip
    every = np.arange(3)
    assert fit_preprocessing(rows, every, "inputs").baseline_D.tolist() == [0, 0, 0, 0.5, 0.5, 0]
    plain = fit_preprocessing(rows, every, "none")
    assert plain.baseline_D.tolist() == [0, 3, 0, 0.5, 0.5, 1]
    assert plain.with_ranges(rows, every).baseline_D.tolist() == [3.5, 3, 0, 0.5, 0.5, 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dots import dot

    folder = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.look._gallery.png", dot)
        table = {"a": COLUMNS[0].values, "k": COLUMNS[1].values.tolist(), "y": ["no", "yes"] * 30}
        shoal.run(table, target="y", task="classification", out=folder, training={"epochs": 3}, workers=1)
    return folder


def test_a_model_explains_rows_in_memory(folder: Path) -> None:
    model = shoal.load(folder)
    asked = {"a": COLUMNS[0].values, "k": COLUMNS[1].values}
    result, probability_NK = model.explain(asked), model.predict_proba(asked)
    own_N = probability_NK.max(axis=1)
    assert list(result.named) == model.predict(asked).tolist()
    np.testing.assert_allclose(result.answers[:, 0], np.log(own_N / (1 - own_N)), atol=1e-5)
    frame = result.frame()
    assert list(frame.columns) == ["row", "explained", "named", "answer", "baseline", "a", "k"]
    assert len(frame) == ROWS
    assert set(frame["explained"]) == {"log-odds of the class named"}


def test_the_command_writes_contributions_beside_predictions(folder: Path, tmp_path: Path) -> None:
    from shoal.predict import predict_file

    rows = tmp_path / "rows.csv"
    rows.write_text("a,k\n1.5,u\n-3,w\n")
    predictions = predict_file(folder / "model.safetensors", rows, explain=True)
    names = ("log_odds_y", "baseline_y", "contribution_a", "contribution_k")
    assert predictions.names[-4:] == names
    assert predictions.names[:-4] == predict_file(folder / "model.safetensors", rows).names
    odds, baseline, of_a, of_k = (np.array(column) for column in predictions.columns[-4:])
    np.testing.assert_allclose(of_a + of_k, odds - baseline, rtol=1e-2)
    (note,) = (note for note in predictions.notes if note.startswith("contributions"))
    assert note == (
        "contributions (integrated gradients) add up to the log-odds of the class named less that of the baseline, a"
        " row that says nothing (numbers at their mean, every category alike), but for rounding, row by row"
    )


def test_images_are_not_explained_by_columns(tmp_path: Path) -> None:
    from shoal.errors import InputError
    from shoal.predict import predict_file

    images = draw.integers(0, 255, (20, 6, 6)).astype(np.uint8)
    study = {
        "study": {"name": "images", "task": "classification"},
        "data": {"train": "images.npz"},
        "network": {"hidden": [4]},
        "training": {"epochs": 1, "batch_size": 10, "validation": 0},
    }
    np.savez(
        tmp_path / "images.npz",
        x_train=images,
        y_train=np.arange(20) % 2,
        x_test=images,
        y_test=np.arange(20) % 2,
    )
    study["data"]["train"] = str(tmp_path / "images.npz")
    from shoal.study import Study

    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        shoal.run(Study.model_validate(study), out=tmp_path / "run", workers=1)
    model = tmp_path / "run" / "model.safetensors"
    sentence = "expected a model of tables, got one of images, which have no columns"
    with pytest.raises(InputError) as refused:
        shoal.load(model).explain(images)
    assert str(refused.value) == sentence
    with pytest.raises(InputError) as refused:
        predict_file(model, tmp_path / "images.npz", explain=True)
    also = "the report of its run shows feature maps and what excites them"
    assert str(refused.value) == f"--explain: {sentence}; {also}"
