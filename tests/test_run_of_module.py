"""A study whose network is a module of a person's own: the whole way, from rows to report, model file and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
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
    searched = SHORT | {"search": {"folds": 3, "space": {"network.hidden": [[3], [4]]}}}
    with pytest.raises(
        StudyError, match=r"module: expected no keys of network to differ beside a module, which takes"
    ):
        shoal.plan(ROWS, module=Plain, **searched)
    with pytest.raises(
        StudyError, match=r"^--trainer native: the native trainer takes no module of a person's own$"
    ):
        shoal.plan(ROWS, module=Plain, trainer="native", **SHORT)
