"""Whole studies with kinds of layers that are asked for in an entry of `conv`: a run, its model, every export."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.export import export_torch, onnx_model, run_onnx
from shoal.pipeline import run
from shoal.results import Results
from shoal.study import Study

pytestmark = pytest.mark.usefixtures("dots")

NETWORKS: dict[str, dict[str, Any]] = {
    "sides": {
        "conv": [
            {"channels": 3, "kernel": [3, 1], "padding": [1, 0], "pool": {"size": [2, 1]}},
            {"channels": 5, "kernel": [1, 4], "stride": [1, 2], "dilation": [1, 2], "padding": [0, 1]},
            {"channels": 6, "dilation": 2, "padding": 2, "pool": {"kind": "global-average"}},
        ],
        "hidden": [],
    },
    "skips": {
        "conv": [
            {"channels": 4, "padding": 1},
            {"channels": 4, "padding": [1, 2], "skip": 2, "dilation": [1, 2]},
            {"channels": 6, "padding": 1, "stride": 2, "skip": 1, "pool": {"kind": "global-average"}},
        ],
        "hidden": [],
        "norm": "batch",
    },
    "layer norm": {"conv": [{"channels": 4}, {"channels": 4, "padding": 1}], "hidden": [5], "norm": "layer"},
}


SPACES: dict[str, dict[str, Any]] = {"skips": {"network.conv[2].skip": [0, 1]}}


@pytest.fixture(scope="module", params=list(NETWORKS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few small images of stripes, which lie down or stand up."""
    home = tmp_path_factory.mktemp("layers")
    draw = np.random.default_rng(1)
    standing = np.arange(60) % 2
    images = draw.integers(0, 60, (60, 8, 9), dtype=np.uint8)
    images[standing == 0, ::2] += 150
    images[standing == 1, :, ::2] += 150
    np.savez(home / "images.npz", images=images, labels=standing)
    tree = {
        "study": {"name": "stripes", "task": "classification"},
        "data": {"train": str(home / "images.npz")},
        "network": {"kind": "cnn", **NETWORKS[request.param]},
        "training": {"epochs": 12, "lr": 0.01, "batch_size": 8, "validation": 0.2},
        "search": {"folds": 2, "space": SPACES.get(request.param, {"network.conv[1].dilation": [1, [1, 2]]})},
        "inspect": {"history": 2},
    }
    run(Study.model_validate(tree), out=home / "run", workers=1)
    return home / "run"


def test_the_run_learns_and_lacks_nothing(folder: Path) -> None:
    results = Results.open(folder)
    assert results.missing == ()
    assert set(results.fits["status"]) == {"ok"}
    assert results.refit["test_accuracy"][0] > 0.9
    page = (folder / "report.html").read_text(encoding="utf-8")
    model = shoal.load(folder)
    assert all(layer.name in page for layer in model.architecture.layers)


def test_a_answering_its_run_and_every_export_answers_like_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, model = Results.open(folder), shoal.load(folder)
    images = np.load(folder.parent / "images.npz")["images"]
    expected = model.predict_proba(images)
    stored = results.test_predictions(results.refit["fit_id"][0])
    assert {row.tobytes() for row in stored} <= {row.tobytes() for row in expected}
    export_torch(folder, tmp_path / "net.safetensors")
    monkeypatch.setitem(sys.modules, "net", None)
    spec = importlib.util.spec_from_file_location("layered_net", tmp_path / "net.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers = module.answers(module.build()(module.prepare(images[:, None]))).detach().numpy()
    np.testing.assert_allclose(answers, expected, rtol=1e-6, atol=1e-6)
    pytest.importorskip("onnxruntime")
    onnx, _ = run_onnx(onnx_model(model).SerializeToString(), {"images": images[:, None]})
    np.testing.assert_allclose(onnx, expected, rtol=1e-6, atol=1e-6)


def test_the_network_is_drawn_and_said(folder: Path) -> None:
    model = shoal.load(folder)
    svg = shoal.draw(model).svg
    for layer in model.architecture.layers:
        assert f">{layer.name}<" in svg
