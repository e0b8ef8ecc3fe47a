"""A study whose network is a module of a person's own: the whole way, from rows to report, model file and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from dots import end_with_the_model
from shoal.errors import InputError, ModelFileError, StudyError

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from estimators.own_modules import Plain, dense  # noqa: E402 - they need torch

DRAW = np.random.default_rng(2)
ROWS: dict[str, Any] = {
    "a": DRAW.normal(size=90),
    "kind": DRAW.choice(["left", "right", "none"], 90),
}
ROWS["y"] = 2 * ROWS["a"] + (ROWS["kind"] == "left")
SHORT: dict[str, Any] = {
    "target": "y",
    "name": "own",
    "training": {"epochs": 6, "lr": 0.02, "batch_size": 16},
    "search": {"folds": 3, "space": {"training.lr": [0.01, 0.02]}},
    "repeats": 1,
    "checks": {"permutations": 0},
}


class Residual(nn.Module):
    """A small network of convolutions with a way around them."""

    def __init__(self, in_channels: int, n_classes: int, channels: int = 4) -> None:
        super().__init__()
        self.into = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.head = nn.Linear(channels * 16, n_classes)

    def forward(self, x: Tensor) -> Any:
        first = torch.relu(self.norm(self.into(x)))
        both = nn.functional.avg_pool2d(first + torch.relu(self.conv(first)), 2)
        return self.head(both.view(len(x), -1))


def test_the_whole_way_of_a_table(tmp_path: Path) -> None:
    results = shoal.run(ROWS, out=tmp_path, module=Plain, **SHORT)
    assert results.missing == ()
    assert results.module.startswith("Plain, whose source has the SHA-256 ")
    report = (tmp_path / "report.html").read_text()
    assert "A module of your own, Plain, 49 parameters, with learning rate 0.0" in report
    assert "It is Plain, a module of your own: the run folder holds its arrays" in report
    assert "The run was given its rows and the module Plain in the place of its networks in Python." in report
    assert 'shoal.run("study.toml", train=train, module=Plain, out="again")' in report
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        again = shoal.run(tmp_path / "study.toml", train=ROWS, module=Plain, out=tmp_path / "again")
    assert again.digest == results.digest

    model = shoal.load(results.folder, module=Plain)
    test = {name: values for name, values in ROWS.items() if name != "y"}
    assert model.predict(test).shape == (90, 1)
    assert model.predict_interval(test).shape == (90, 1, 2)
    added = model.explain({name: values[:4] for name, values in test.items()})
    assert added.baselines + added.contributions.sum(-1) == pytest.approx(added.answers, abs=0.02)

    arrays = load_file(results.folder / "model.safetensors")
    own = {name: array for name, array in arrays.items() if not name.startswith("fold")}
    module = Plain(own["first.weight"].shape[1], 1).eval()
    module.load_state_dict(own)
    scaled = torch.tensor(model.preprocessing.inputs(model.inputs(test), np.arange(90)))
    assert model.preprocessing.restore(module(scaled).detach().numpy()) == pytest.approx(
        model.predict(test), abs=1e-5
    )

    with pytest.raises(
        ModelFileError, match=r"module: expected what makes Plain, a module of a person's own, which no"
    ):
        shoal.load(results.folder)
    with pytest.raises(
        ModelFileError, match=r"module: expected the one that was trained, with its arrays, got another$"
    ):
        shoal.load(results.folder, module=dense)


@pytest.mark.usefixtures("no_report")
def test_workers_change_no_byte(tmp_path: Path) -> None:
    runs = [
        shoal.run(ROWS, out=tmp_path / str(workers), workers=workers, module=Plain, **SHORT)
        for workers in (1, 2)
    ]
    assert runs[0].digest == runs[1].digest


@pytest.mark.usefixtures("dots")
def test_the_whole_way_of_images(tmp_path: Path) -> None:
    digits = shoal.load_study("digits")
    results = shoal.run(
        digits, out=tmp_path, module=Residual, compare=[], repeats=1, training={"epochs": 1},
        search={"folds": 2, "space": {"training.lr": [0.01]}}, checks={"permutations": 0},
    )  # fmt: skip
    assert results.missing == ()
    images = np.zeros((3, 8, 8), np.uint8)
    assert shoal.load(tmp_path, module=Residual).predict(images).shape == (3,)


class Masked(nn.Linear):
    """A layer with a causal mask, which is -inf above its diagonal."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("mask", torch.full((3, 3), -torch.inf).triu(1))

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) * self.mask.softmax(1)[0, 0]


def test_two_numbers_tell_classes_apart_by_a_module_with_a_mask(tmp_path: Path) -> None:
    rows = {"a": ROWS["a"], "b": DRAW.normal(size=90)}
    rows["y"] = np.where(rows["a"] + rows["b"] > 0, "more", "less")
    results = shoal.run(
        rows,
        out=tmp_path,
        workers=1,
        module=Masked,
        **SHORT | {"search": {"folds": 2, "space": {"training.lr": [0.1]}}},
    )
    assert results.missing == ()
    model = shoal.load(tmp_path, module=Masked)
    assert model.parameters["mask"].tolist() == [[0, -np.inf, -np.inf], [0, 0, -np.inf], [0, 0, 0]]
    assert shoal.draw(model).said
    with pytest.raises(
        InputError, match=r"got Masked, a module of one's own, which no folder holds; in Python, shoal"
    ):
        shoal.draw(tmp_path)
    again = shoal.Model.from_bytes(model.to_bytes(), module=Masked)
    assert again.predict(rows).tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("inputs", [["a"], ["a", "b"], ["a", "kind"]], ids=",".join)
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_plan_of_any_columns_forecasts_all_figures(inputs: list[str], task: str) -> None:
    rows = {name: ROWS.get(name, ROWS["y"]) for name in inputs}
    rows["y"] = ROWS["y"] if task == "regression" else ROWS["kind"][::-1]
    assert shoal.plan(rows, module=Plain, **SHORT).trainers == {"module": 8}


def test_rows_without_a_study_are_searched_by_keys_of_training() -> None:
    plan = shoal.plan(ROWS, target="y", module=Plain)
    assert plan.candidates > 1
    assert "network.hidden" not in plan.text


@pytest.mark.usefixtures("no_report")
def test_shards_are_united_with_their_module(tmp_path: Path) -> None:
    short = {"module": Plain, "workers": 1}
    asked = SHORT | {"training": {"epochs": 2}, "checks": {"permutations": 0, "baselines": False}}
    shards = [
        shoal.run(ROWS, out=tmp_path / shard[0], shard=shard, **short, **asked).folder
        for shard in ("1/2", "2/2")
    ]
    merged = shoal.merge(shards, out=tmp_path / "merged", train=ROWS, **short)
    assert merged.digest == shoal.run(ROWS, out=tmp_path / "whole", **short, **asked).digest
    lacking = (
        r"^module: expected the module that the shards trained, which no folder holds, got none; in Python"
    )
    with pytest.raises(InputError, match=lacking):
        shoal.merge(shards, out=tmp_path / "other", train=ROWS)
    with pytest.raises(
        InputError, match=r"^module: expected the one that the shards trained, got another dense$"
    ):
        shoal.merge(shards, out=tmp_path / "other", train=ROWS, module=dense)


def test_a_plan_says_what_is_trained() -> None:
    plan = shoal.plan(ROWS, module=Plain, **SHORT)
    assert plan.trainers == {"module": 8}
    assert "network     Plain, 49 parameters" in plan.text


def no_source(in_features: int, out_features: int) -> Any:
    """Make a network; its source is hidden by the tests."""
    return dense(in_features, out_features)


def test_what_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspect.getsource", _no_source)
    ids = [shoal.plan(ROWS, module=no_source, **SHORT).data_notes for _ in range(2)]
    said = (
        "module: nothing that is trained already is taken for no_source: the source of no_source is not there"
    )
    assert said in ids[0]

    def local(in_features: int, out_features: int) -> Any:
        return dense(in_features, out_features)

    assert (
        "module: local is trained in this process, fit by fit: no other could import it"
        in shoal.plan(ROWS, module=local, **SHORT).data_notes
    )


def _no_source(_made: object) -> str:
    raise OSError("could not get source code")


def test_what_a_module_cannot_take_the_place_of_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"^module: expected a class or function that makes a module, got a str$"
    ):
        shoal.plan(ROWS, module="net", **SHORT)
    network = r"^network: expected nothing beside a module, which takes its place, got hidden and dropout$"
    with pytest.raises(InputError, match=network):
        shoal.plan(ROWS, module=Plain, network={"hidden": [3], "dropout": 0.1}, **SHORT)
    searched = SHORT | {"search": {"folds": 3, "space": {"network.hidden": [[3], [4]]}}}
    with pytest.raises(
        StudyError,
        match=r"module: expected no keys of network to differ beside a module, which takes its place, got"
        r" network\.hidden",
    ):
        shoal.plan(ROWS, module=Plain, **searched)
    with pytest.raises(
        StudyError, match=r"^--trainer native: the native trainer takes no module of a person's own$"
    ):
        shoal.plan(ROWS, module=Plain, trainer="native", **SHORT)
