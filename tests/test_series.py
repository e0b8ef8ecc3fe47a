"""Convolutions of series: columns of a table in their order, from the study to every export."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import shoal
from shoal.errors import StudyError
from shoal.export import export_torch, graph_feed, onnx_model, run_onnx
from shoal.look import RunFindings
from shoal.look.figures.along_series import series_maps
from shoal.look.figures.kernels import convolution_kernels
from shoal.nets import build_architecture, build_module, initial_parameters, trained_module
from shoal.nets._description import describe, rebuild
from shoal.pipeline import run
from shoal.results import Results
from shoal.streams import StreamKey
from shoal.study import Network, Study, base_candidate, parse_study

pytestmark = pytest.mark.usefixtures("dots")

LENGTH = 30
CONV = [
    {"channels": 6, "kernel": 5, "padding": 2, "pool": {}},
    {"channels": 6, "kernel": 3, "padding": 2, "dilation": 2, "skip": 1, "pool": {"kind": "global-average"}},
]


def spectra(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spectra with a line somewhere, narrow (0) or wide (1), on a slope, with noise."""
    draw = np.random.default_rng(seed)
    wide = np.arange(count) % 2
    place, at = draw.uniform(6, LENGTH - 6, (count, 1)), np.arange(LENGTH)
    width = np.where(wide, 3.0, 1.0)[:, None]
    x = np.exp(-0.5 * ((at - place) / width) ** 2) + draw.uniform(-0.02, 0.02, (count, 1)) * at
    return (x + 0.02 * draw.normal(size=x.shape)).round(5), wide


def write(path: Path, x: np.ndarray, wide: np.ndarray) -> Path:
    head = [*(f"nm{400 + 10 * place}" for place in range(LENGTH)), "line"]
    rows = [
        ",".join([*map(str, row), ("narrow", "wide")[kind]])
        for row, kind in zip(x.tolist(), wide, strict=True)
    ]
    path.write_text("\n".join([",".join(head), *rows]) + "\n")
    return path


def study_of(folder: Path, **network: Any) -> Study:
    return Study.model_validate(
        {
            "study": {"name": "spectra", "task": "classification"},
            "data": {"train": str(write(folder / "spectra.csv", *spectra(120, 1))), "target": "line"},
            "network": {"kind": "cnn", "conv": CONV, "hidden": [], **network},
            "training": {"epochs": 40, "lr": 0.01, "batch_size": 16, "validation": 0.2},
            "search": {"folds": 2, "space": {"network.conv[0].kernel": [3, 5]}},
            "inspect": {"history": 2},
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("series")
    run(study_of(home), out=home / "run", workers=1)
    return home / "run"


def columns(x: np.ndarray) -> dict[str, list[float]]:
    return {f"nm{400 + 10 * place}": x[:, place].tolist() for place in range(LENGTH)}


def test_the_run_learns_what_is_anywhere_in_a_series(folder: Path) -> None:
    results = Results.open(folder)
    assert results.missing == ()
    assert set(results.fits["status"]) == {"ok"}
    assert set(results.fits["trainer"]) == {"native"}
    assert results.refit["test_accuracy"][0] > 0.9
    model = shoal.load(folder)
    assert [layer.name for layer in model.architecture.layers] == ["series", "conv1", "conv2", "output"]
    assert model.preprocessing.input_names == tuple(columns(np.zeros((1, LENGTH))))
    assert (folder / "figures" / "34-delivered-kernels.png").is_file()
    assert (folder / "figures" / "31-delivered-dead-units.png").is_file()


def test_a_answering_its_run_and_every_export_answers_like_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, wide = spectra(50, 9)
    model = shoal.load(folder)
    expected = model.predict_proba(columns(x))
    assert np.mean(expected.argmax(1) == wide) > 0.9
    export_torch(folder, tmp_path / "net.safetensors")
    monkeypatch.setitem(sys.modules, "net", None)
    spec = importlib.util.spec_from_file_location("series_net", tmp_path / "net.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers = module.answers(module.build()(module.prepare(columns(x)))).detach().numpy()
    np.testing.assert_allclose(answers, expected, rtol=1e-6, atol=1e-6)
    pytest.importorskip("onnxruntime")
    feed = graph_feed(list(model.inputs(columns(x))))
    onnx, _ = run_onnx(onnx_model(model).SerializeToString(), feed)
    np.testing.assert_allclose(onnx, expected, rtol=1e-6, atol=1e-6)


def test_what_is_seen_along_series_is_torchs(folder: Path) -> None:
    results, model = Results.open(folder), shoal.load(folder)
    kept = results.inside.series
    module, maps = trained_module(model.architecture, model.parameters), dict[str, Any]()
    for name in ("conv1", "conv2"):

        def keep(_module: Any, _given: Any, output: Any, name: str = name) -> None:
            output.retain_grad()
            maps[name] = output

        module.get_submodule(f"{name}_activation").register_forward_hook(keep)
    rows = np.arange(len(kept["rows"]))
    outputs = module(torch.tensor(kept["series"].reshape(len(rows), LENGTH)))
    outputs[rows, kept["asked"]].sum().backward()
    for name, of_layer in maps.items():
        np.testing.assert_allclose(kept[f"{name}/maps"], of_layer[:, :, 0].detach(), atol=1e-5)
    weighed = maps["conv2"].grad.mean((2, 3), keepdim=True) * maps["conv2"]
    np.testing.assert_allclose(kept["conv2/seen"], weighed.sum(1).relu()[:, 0].detach(), atol=1e-5)
    assert outputs.argmax(1).tolist() == kept["asked"].tolist()
    assert "conv1/seen" not in kept
    # Each made series excites its own channel more than those made for the others do on average.
    excited = []
    for name in ("conv1", "conv2"):
        module(torch.tensor(kept[f"{name}/made"].reshape(6, LENGTH), requires_grad=True))
        peak_UU = maps[name].amax((2, 3)).detach().numpy()
        excited += [np.diagonal(peak_UU) >= peak_UU.mean(axis=0)]
    assert np.mean(excited) > 0.8
    low, high = kept["conv1/made"].min(), kept["conv1/made"].max()
    x, _ = spectra(120, 1)
    assert x.min() - 1e-5 <= low < high <= x.max() + 1e-5
    shown = series_maps(RunFindings(results))
    assert shown is not None
    assert (shown.layer, [name for name, _, _ in shown.layers]) == ("conv2", ["conv1", "conv2"])
    assert [title.partition(",")[0] for title in shown.titles] == [
        ("narrow", "wide")[asked] for asked in kept["asked"].tolist()
    ]
    drawn = convolution_kernels(RunFindings(results))
    assert drawn is not None
    assert drawn.along


def test_what_columns_add_is_explained_and_adds_up(folder: Path) -> None:
    x, _ = spectra(4, 9)
    explanation = shoal.load(folder).explain(columns(x))
    apart = explanation.answers - explanation.baselines
    np.testing.assert_allclose(explanation.contributions.sum(axis=2), apart, atol=0.02 * np.abs(apart).max())


@pytest.mark.parametrize("series", [1, 3])
def test_a_network_of_series_is_torchs_of_one_dimension(series: int) -> None:
    inputs = 20 * series
    network = Network.model_validate(
        {"kind": "cnn", "series": series, "conv": [{**CONV[0], "stride": 2}, {"channels": 4}]}
    )
    architecture = build_architecture(network, (inputs,), 2)
    named = architecture.named(initial_parameters(architecture, StreamKey(1, 0, 0)))
    module = build_module(architecture)
    module.load_state_dict({name: torch.tensor(array) for name, array in named.items()})
    x = torch.randn(7, inputs)
    weight, second = (module.get_parameter(f"conv{n}.weight")[:, :, 0] for n in (1, 2))
    with torch.no_grad():
        y = x.reshape(7, series, 20)
        y = torch.conv1d(y, weight, module.get_parameter("conv1.bias"), stride=2, padding=2).relu()
        y = torch.max_pool1d(y, 2)
        y = torch.conv1d(y, second, module.get_parameter("conv2.bias")).relu().flatten(1)
        for name in ("hidden1", "output"):
            y = module.get_submodule(name)(y)
            y = y.relu() if name == "hidden1" else y
        torch.testing.assert_close(module(x), y)
    assert rebuild(json.loads(json.dumps(describe(architecture)))) == architecture


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ({"conv": [{"channels": 2, "kernel": [3, 1]}]}, "network.conv[0].kernel: {one}, got [3, 1]"),
        (
            {"conv": [{"channels": 2, "pool": {"size": [1, 2]}}]},
            "network.conv[0].pool.size: {one}, got [1, 2]",
        ),
        (
            {"conv": [{"channels": 2, "pool": {"size": [2, 2]}}]},
            "network.conv[0].pool.size: {one}, got [2, 2]",
        ),
        ({"conv": [{"channels": 2, "padding": [1, 1]}]}, "network.conv[0].padding: {one}, got [1, 1]"),
        (
            {"conv": [{"channels": 2, "kernel": 99}]},
            "network.conv[0]: kernel 99 does not fit a series of 30 (30 + 2*0 - 99 = -69)",
        ),
        (
            {"conv": [{"channels": 2}], "series": 4},
            "network.series: expected a number of series that divides the 30 inputs, got 4",
        ),
    ],
)
def test_what_does_not_fit_is_refused(network: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        build_architecture(Network.model_validate({"kind": "cnn", **network}), (LENGTH,), 2)
    assert str(caught.value) == sentence.format(one="expected one number, since a series has one axis")


@pytest.mark.parametrize(
    ("own", "compared", "where"),
    [(9, 1, "deep.toml:7: "), (1, 9, "")],
    ids=["of the study", "of a comparison, whose line is another"],
)
def test_what_does_not_fit_is_refused_by_its_line(
    own: int, compared: int, where: str, tmp_path: Path
) -> None:
    study = tmp_path / "deep.toml"
    study.write_text(
        '[study]\ntask = "regression"\n[data]\ndataset = "two-peaks"\n'
        f'[network]\nkind = "cnn"\nconv = [{{ channels = 2, kernel = {own} }}]\n'
        f'[[compare]]\nname = "c"\nnetwork = {{ conv = [{{ channels = 2, kernel = {compared} }}] }}\n'
    )
    with pytest.raises(StudyError) as caught:
        shoal.plan(study)
    problem = str(caught.value).replace(f"{tmp_path}/", "")
    assert problem == f"{where}network.conv[0]: kernel 9 does not fit a series of 1 (1 + 2*0 - 9 = -8)"


def test_series_are_asked_for_with_convolutions_alone_and_name_fits_where_there_are_several() -> None:
    tree = {"study": {"task": "regression"}, "data": {"dataset": "two-peaks"}}
    with pytest.raises(StudyError) as caught:
        parse_study({**tree, "network": {"series": 2}})
    assert str(caught.value) == 'network.series: `series` needs kind = "cnn", got kind = "mlp"'
    network = {"kind": "cnn", "conv": [{"channels": 2}]}
    one, three = (
        base_candidate(parse_study({**tree, "network": {**network, **more}})) for more in ({}, {"series": 3})
    )
    assert "series" not in one.content["network"]
    assert three.content["network"]["series"] == 3
