"""`shoal predict` and `shoal export` as a user types them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import shoal
from nets.test_files import architectures
from shoal.data import Column, Preprocessing
from shoal.data._scale import Scale
from shoal.data.encoders.category import CategoryEncoder
from shoal.data.encoders.number import NumberEncoder
from shoal.errors import InputError, ShoalError
from shoal.export import export_onnx, export_torch, graph_feed, onnx_model, run_onnx, torch_source
from shoal.model import Model
from shoal.nets import build_architecture
from shoal.predict import Predictions, ensemble, predict_file
from shoal.results import Results
from shoal.study import Network
from test_cli import shoal as command
from test_model import hand_made, linear, refit_predictions, table

Capture = pytest.CaptureFixture[str]


def printed_table(capsys: Capture) -> tuple[list[str], list[list[str]], list[str]]:
    printed = capsys.readouterr()
    names, *rows = csv.reader(io.StringIO(printed.out))
    return names, rows, printed.err.splitlines()


def test_predict_a_table_with_a_run(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    rows = runs / "test.csv"
    assert command(monkeypatch, "predict", runs / "regression", rows) == 0
    names, cells, notes = printed_table(capsys)
    assert names == ["row", "predicted_y", "ensemble_mean_y", "ensemble_std_y"]
    assert [row[0] for row in cells] == [str(number) for number in range(1, 21)]
    predicted = np.array([float(row[1]) for row in cells])
    assert predicted.tobytes() == refit_predictions(Results.open(runs / "regression"), ["predicted"])
    assert notes == [f'shoal: {rows}: left out, being no inputs of this model: "kind", "y"']


def test_the_spread_is_that_of_the_networks_of_the_folds(runs: Path) -> None:
    """Each member gives, for the rows its fold held out, what the search stored of it."""
    results = Results.open(runs / "classification")
    model = shoal.load(runs / "classification")
    members, why_not = ensemble(results, model)
    assert (len(members), why_not) == (2, "")
    stored = results.predictions_of("search")
    train = table().iloc[:40]
    for fold, member in enumerate(members):
        part = stored[stored["fold"] == fold]
        whole = member.predict_proba(train.iloc[part["row"].to_numpy()])
        labels = [f"probability_{name}" for name in model.classes]
        assert whole.tobytes() == np.ascontiguousarray(part[labels].to_numpy()).tobytes()
    frame = pd.read_csv(io.StringIO(predict_file(runs / "classification", runs / "test.csv").to_csv()))
    answers = np.stack([member.predict_proba(table().iloc[40:]) for member in members])
    for k, name in enumerate(model.classes):
        np.testing.assert_allclose(
            frame[f"ensemble_mean_probability_{name}"], answers[:, :, k].mean(0), rtol=1e-12
        )
        expected = answers[:, :, k].std(0, ddof=1)
        np.testing.assert_allclose(frame[f"ensemble_std_probability_{name}"], expected, rtol=1e-9, atol=1e-15)


def test_predict_classes_to_a_file(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    out = runs / "out.csv"
    model = runs / "classification" / "model.safetensors"
    assert command(monkeypatch, "predict", model, runs / "test.csv", "--out", out) == 0
    assert capsys.readouterr().out == ""
    frame = pd.read_csv(out)
    names = ["row", "predicted_kind", "probability_-small", "probability_tall"]
    assert list(frame) == names
    likeliest = np.where(frame["probability_-small"] >= frame["probability_tall"], "'-small", "tall")
    assert frame["predicted_kind"].tolist() == likeliest.tolist()


def test_predict_images(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    images = np.load(runs / "i.npz")["test_images"]
    folder = runs / "pictures"
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{'=' * (number == 0)}{number}.png")
    assert command(monkeypatch, "predict", runs / "images", folder) == 0
    names, cells, notes = printed_table(capsys)
    assert names == ["image", "predicted_class", "probability_0", "probability_1"]
    by_name = {row[0]: row[2:] for row in cells}
    order = ["'=0.png", *(f"{number}.png" for number in range(1, 10))]
    predicted = np.array([[float(cell) for cell in by_name[name]] for name in order])
    assert predicted.tobytes() == refit_predictions(Results.open(runs / "images"), names[2:])
    missing = "the study has no search, so there are no networks of its folds"
    rewritten = 'written with an apostrophe or escapes, so that no spreadsheet runs them: "=0.png"'
    assert notes == [f"shoal: the ensemble's spread is left out: {missing}", f"shoal: {rewritten}"]


def test_what_predict_refuses_and_notes(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    rows = runs / "wrong.csv"
    rows.write_text("X,colour,z\n1,red,0\n", encoding="utf-8")
    assert command(monkeypatch, "predict", runs / "regression", rows) == 2
    wanted = f'shoal: {rows}: expected an input column "x", got none'
    assert capsys.readouterr().err.startswith(wanted)
    rows.write_text("x,colour,z\n1,pink\x1b,0\n1,red,0\n", encoding="utf-8")
    assert command(monkeypatch, "predict", runs / "regression", rows) == 0
    assert capsys.readouterr().err == (
        'shoal: column "colour": not among the categories it learned, and read as none of them: "pink\\x1b"\n'
        'shoal: column "x": 2 of 2 rows outside of the training rows\' range, 989.41 to 1011.26, by more than its'
        " length, such as 1\n"
    )
    assert command(monkeypatch, "predict", runs / "nothing", rows) == 2
    assert capsys.readouterr().err == f"shoal: {runs / 'nothing'}: expected a model file, got nothing there\n"


@settings(max_examples=100)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1), st.floats(allow_nan=False))
def test_every_table_reads_back(texts: list[str], number: float) -> None:
    content = Predictions(("name", "=value"), (texts, [number] * len(texts)), ()).to_csv()
    rows = list(csv.reader(io.StringIO(content)))
    assert rows[0] == ["name", "'=value"]
    assert len(rows) == len(texts) + 1
    for row in rows[1:]:
        assert float(row[1]) == number
        assert row[0].isprintable()
        plain = row[0].lstrip()[:1] not in tuple("=+-@")
        assert plain or float(row[0]) is not None


# -- export --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["regression", "classification", "images"])
def test_onnx_gives_what_the_model_gives(
    runs: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    out = runs / f"{kind}.onnx"
    assert command(monkeypatch, "export", runs / kind, "--format", "onnx", "--out", out) == 0
    assert capsys.readouterr().out.startswith(f"{out}: ONNX, opset 20; onnxruntime agrees within ")
    model, content = shoal.load(runs / kind), out.read_bytes()
    properties = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert properties["task"] == model.facts.task
    if kind == "images":
        images = np.load(runs / "i.npz")["test_images"][:, None]
        wanted, came = model.predict_proba(images), run_onnx(content, {"images": images})
    else:
        frame = table().iloc[40:]
        assert json.loads(properties["numbers"]) == ["x", "z"]
        assert json.loads(properties["categories"]) == ["colour"]
        feed = {"numbers": frame[["x", "z"]].to_numpy(), "categories": frame[["colour"]].to_numpy(object)}
        wanted, came = model.answer(model.inputs(frame)), run_onnx(content, feed)
    assert np.abs(came[0] - wanted).max() <= 1e-6 * max(1, np.abs(wanted).max())
    if model.classes:
        assert tuple(json.loads(properties["classes"])) == model.classes
        assert came[1].tolist() == wanted.argmax(axis=1).tolist()
    else:
        assert json.loads(properties["targets"]) == ["y"]


def reference(model: Model, inputs: object) -> np.ndarray:
    """The model's answers computed by torch in float64, from the prepared float32 inputs."""
    from shoal.engine.trainers.torch import TorchTrainer

    trainer = TorchTrainer(dtype="float64")
    x = inputs if isinstance(inputs, np.ndarray) else model.preprocessing.inputs(inputs)
    x = model.preprocessing.pixels(x) if model.image_shape else x
    x = x if model.architecture.convolutions else x.reshape(len(x), -1)
    parameters_P, buffers = model.architecture.flat(model.parameters)
    return trainer.outputs(model.architecture, parameters_P, buffers, x).astype(np.float64)


@settings(max_examples=40)
@given(architectures())
def test_every_layer_is_in_the_graph(architecture: object) -> None:
    """Drawn networks, ill-conditioned ones too: so to within what float32 can hold of the sums inside."""
    model = Model.from_bytes(hand_made(architecture))
    random = np.random.default_rng(0)
    if model.image_shape:
        inputs = random.integers(0, 256, (8, *model.image_shape), dtype=np.uint8)
        wanted, feed = reference(model, inputs), {"images": inputs}
        shifted = wanted - wanted.max(axis=1, keepdims=True)
        wanted = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    else:
        columns = [Column(name, random.normal(size=8)) for name in model.input_names]
        wanted, feed = model.preprocessing.restore(reference(model, columns)), graph_feed(columns)
    came = run_onnx(onnx_model(model).SerializeToString(), feed)[0]
    np.testing.assert_allclose(came, wanted, rtol=1e-3, atol=1e-3 * max(1, np.abs(wanted).max()))


def test_a_confident_network_of_images_is_exported(tmp_path: Path) -> None:
    """Outputs before the softmax lie hundreds apart here: float32 sums in another order differ by more than 1e-6."""
    convolutions = [{"channels": 16, "padding": 1, "pool": {}}, {"channels": 32, "padding": 1}]
    network = Network.model_validate({"kind": "cnn", "conv": convolutions, "hidden": [64]})
    architecture = build_architecture(network, (1, 16, 16), 3)
    content = hand_made(architecture)
    model = Model.from_bytes(content)
    large = {name: array / np.sqrt(array[0].size) * 5 for name, array in model.parameters.items()}
    confident = replace(model, parameters={name: array.astype(np.float32) for name, array in large.items()})
    confident.save(tmp_path / "m")
    drawn = np.random.default_rng(0).integers(0, 256, (256, 1, 16, 16), dtype=np.uint8)
    apart = np.log(confident.predict_proba(drawn))
    assert 30 < apart.max() - apart.min() < 740
    line = export_onnx(tmp_path / "m", tmp_path / "m.onnx")
    came = run_onnx((tmp_path / "m.onnx").read_bytes(), {"images": drawn})
    assert came[1].tolist() == apart.argmax(axis=1).tolist()
    assert "onnxruntime agrees within " in line


def test_a_graph_that_disagrees_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "m"
    source.write_bytes(hand_made(linear()))
    monkeypatch.setattr("shoal.export.run_onnx", lambda content, feed: [np.full((256, 1), 1e9)])
    with pytest.raises(
        ShoalError, match=r"^the ONNX file is not written: onnxruntime differs by 1\.0e\+09, above "
    ):
        export_onnx(source, tmp_path / "m.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError) as caught:
        export_onnx(tmp_path / "m", tmp_path / "m.onnx")
    wanted = '--format onnx: needs the packages onnx and onnxruntime: pip install "shoal[onnx]"'
    assert str(caught.value) == wanted


OUTSIDE = """
import sys, json, importlib
sys.modules["shoal"] = None  # whatever imports it fails
import torch, numpy
answers = {}
for folder in sys.argv[1:]:
    sys.path[0] = folder
    sys.modules.pop("exported", None)
    exported = importlib.import_module("exported")
    rows = json.load(open(f"{folder}/rows.json"))
    given = numpy.array(rows, dtype=numpy.uint8) if isinstance(rows, list) else rows
    with torch.no_grad():
        answers[folder] = exported.answers(exported.build()(exported.prepare(given))).tolist()
print(json.dumps(answers))
"""
KINDS = ("regression", "classification", "images")


def rows_of(runs: Path, kind: str) -> tuple[object, np.ndarray]:
    """Give rows as JSON has them, and what the model answers them."""
    model = shoal.load(runs / kind)
    if kind == "images":
        images = np.load(runs / "i.npz")["test_images"][:, None]
        return images.tolist(), model.predict_proba(images)
    frame = table().iloc[40:]
    return {name: frame[name].tolist() for name in frame}, model.answer(model.inputs(frame))


@pytest.fixture(scope="module")
def exported(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with the export of each kind of model."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in KINDS}
    for kind, folder in folders.items():
        export_torch(runs / kind, folder / "exported.safetensors")
        (folder / "rows.json").write_text(json.dumps(rows_of(runs, kind)[0]))
    return folders


@pytest.fixture(scope="module")
def answered_outside(exported: dict[str, Path]) -> dict[str, np.ndarray]:
    """What the exports answer in one process that has no Shoal: starting torch takes most of the time."""
    arguments = [sys.executable, "-c", OUTSIDE, *map(str, exported.values())]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
    answers = json.loads(done.stdout)
    return {kind: np.array(answers[str(folder)]) for kind, folder in exported.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_torch_export_stands_on_its_own(
    runs: Path, kind: str, exported: dict[str, Path], answered_outside: dict[str, np.ndarray]
) -> None:
    code = (exported[kind] / "exported.py").read_text(encoding="utf-8")
    assert "shoal" not in code.replace("trained by Shoal", "")
    np.testing.assert_allclose(answered_outside[kind], rows_of(runs, kind)[1], rtol=1e-6, atol=1e-6)


def test_the_command_that_exports_to_torch_says_what_it_wrote(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path
) -> None:
    out, code = tmp_path / "exported.safetensors", tmp_path / "exported.py"
    assert command(monkeypatch, "export", runs / "regression", "--format", "torch", "--out", out) == 0
    line = f"{out}: torch's state_dict; {code}: the module, its preprocessing and its answers\n"
    assert capsys.readouterr().out == line


@settings(max_examples=25)
@given(architectures())
def test_the_written_layers_are_those_of_the_module(architecture: object) -> None:
    from shoal.nets import build_module

    model = Model.from_bytes(hand_made(architecture))
    source = torch_source(model, "w.safetensors", "0" * 64)
    names: dict[str, object] = {}
    exec(compile(source.replace("module.load_state_dict", "str"), "exported.py", "exec"), {**FILES}, names)  # noqa: S102
    assert "answers" in names
    for name, layer in build_module(architecture).named_children():
        (call,) = re.findall(rf'^ *\("{name}", (.*)\),$', source, re.MULTILINE)
        assert repr(eval(call, {}, names)) == repr(layer)  # noqa: S307


FILES = {"__file__": "exported.py"}


def test_names_never_become_code(tmp_path: Path) -> None:
    evil = "\"\"\"\nimport os; os.abort()\n'''{constants}\\"
    preprocessing = Preprocessing(
        (NumberEncoder(Scale(evil)), CategoryEncoder(evil + "2", (evil, "q"))), ()
    ).to_json()
    architecture = build_architecture(Network(hidden=()), (3,), 2)
    changes = {
        "task": "classification",
        "classes": [evil, "b"],
        "targets": [evil],
        "preprocessing": preprocessing,
    }
    model = Model.from_bytes(hand_made(architecture, **changes))
    names: dict[str, object] = dict(FILES)
    exec(compile(torch_source(model, evil, "0" * 64), "exported.py", "exec"), names)  # noqa: S102
    assert names["WEIGHTS"] == evil
    assert names["CLASSES"] == [evil, "b"]
    assert names["COLUMNS"] == [(evil, "number", 0.0, 1.0), (evil + "2", "category", [evil, "q"])]
    assert torch.is_tensor(names["prepare"]({evil: [1.0], evil + "2": ["q"]}))  # type: ignore[operator]


def test_the_torch_export_wants_its_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "m").write_bytes(hand_made(linear()))
    out = tmp_path / "m.pt"
    assert command(monkeypatch, "export", tmp_path / "m", "--format", "torch", "--out", out) == 2
    assert capsys.readouterr().err == f"shoal: {out}: expected a name that ends in .safetensors or .py\n"


def test_either_file_of_a_torch_export_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "m").write_bytes(hand_made(linear()))
    said, files = [], []
    for ending in (".safetensors", ".py"):
        asked = ("export", tmp_path / "m", "--format", "torch", "--out", tmp_path / f"net{ending}")
        assert command(monkeypatch, *asked) == 0
        said.append(capsys.readouterr().out)
        files.append([(tmp_path / f"net{end}").read_bytes() for end in (".safetensors", ".py")])
    assert said[0] == said[1]
    assert files[0] == files[1]


def test_what_a_command_reads_is_never_replaced_by_what_it_writes(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    table = runs / "rows.csv"
    table.write_bytes((runs / "test.csv").read_bytes())
    link = runs / "link.csv"
    link.symlink_to(table)
    run = runs / "regression"
    read = "expected another file than the one that is read; choose another with --out"
    own = "expected a file outside a run folder, got one of its own; choose another with --out"
    torch_, model = ("--format", "torch"), run / "model.safetensors"
    attempts: list[tuple[tuple[object, ...], Path, str]] = [
        (("predict", run, table), table, read),
        (("predict", run, table), link, read),
        (("predict", run, table), run / "results.sqlite", own),
        (("predict", model, table), run / "study.toml", own),
        (("predict", runs / "classification", table), run / "results.sqlite", own),
        (("export", model, *torch_), model, read),
        (("export", run, *torch_), model, own),
        (("export", runs / "classification", "--format", "onnx"), model, own),
    ]
    for arguments, out, sentence in attempts:
        before = out.read_bytes()
        for force in ((), ("--force",)):
            assert command(monkeypatch, *arguments, "--out", out, *force) == 2
            assert capsys.readouterr().err == f"shoal: {out}: {sentence}\n"
            assert out.read_bytes() == before
    earlier = runs / "earlier.csv"  # an output of its own is made anew
    for _ in range(2):
        assert command(monkeypatch, "predict", run, table, "--out", earlier) == 0


@pytest.mark.parametrize("kind", ["csv", "npz", "images"])
def test_rows_that_would_not_fit_are_refused_before_they_are_read(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, kind: str
) -> None:
    """Columns that the model does not read count only where the format cannot leave them out."""
    monkeypatch.setenv("SHOAL_MEMORY_MB", "40")
    model = runs / ("images" if kind == "images" else "regression")
    rows = tmp_path / f"rows.{'csv' if kind == 'csv' else 'npz'}"
    less = "fewer rows or columns need less, and an NPZ file less than a text file"
    if kind == "csv":
        rows.write_text("x,colour,z,more\n" + "1000.5,red,2,3\n" * 200_000)
        what = "73 MB to read"
    elif kind == "npz":
        many = 2_000_000
        needed = {"x": np.zeros(many), "colour": np.full(many, "red"), "z": np.zeros(many)}
        np.savez_compressed(rows, **needed, more=np.zeros(many))
        what = "112 MB to read"
        small = {name: column[:30_000] for name, column in needed.items()}
        np.savez_compressed(tmp_path / "few.npz", **small, more=np.zeros((30_000, 200)))
        assert command(monkeypatch, "predict", model, tmp_path / "few.npz") == 0
        assert len(printed_table(capsys)[1]) == 30_000
    else:
        shape = shoal.load(model).image_shape
        assert shape is not None
        many = 60_000_000 // int(np.prod(shape))
        np.savez_compressed(rows, images=np.zeros((many, *shape), np.uint8))
        what, less = "180 MB for the images of", "fewer images at once need less"
    assert command(monkeypatch, "predict", model, rows) == 3
    assert capsys.readouterr().err.splitlines() == [
        f"shoal: memory: expected {what} {rows}, got 40 MB available; {less}"
    ]
