"""A model from its file: the run's own predictions, byte for byte, whatever form the rows come in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shoal
from dots import end_with_the_model
from nets.test_files import architectures, drawn_parameters
from shoal.data import Preprocessing
from shoal.data._scale import Scale
from shoal.data.encoders.category import CategoryEncoder
from shoal.data.encoders.number import NumberEncoder
from shoal.errors import DataError, InputError, ModelFileError
from shoal.model import Model
from shoal.nets import Architecture, model_bytes
from shoal.results import Results
from studies import tiny_study

TABLE_SEED = 4


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    end_with_the_model(monkeypatch)


def table(rows: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(TABLE_SEED)
    x = random.normal(1000, 5, rows)
    colour = np.array(["red", "=blue", "green"])[random.integers(0, 3, rows)]
    kind = np.where(x > 1000, "tall", "-small")
    return pd.DataFrame({"x": x, "colour": colour, "z": random.normal(size=rows), "kind": kind, "y": x / 7})


def table_study(folder: Path, task: str, **changes: Any) -> shoal.Study:
    table().iloc[:40].to_csv(folder / "train.csv", index=False)
    table().iloc[40:].to_csv(folder / "test.csv", index=False)
    target = "kind" if task == "classification" else "y"
    standardize = "inputs" if task == "classification" else "both"
    data = {"dataset": None, "train": str(folder / "train.csv"), "test": str(folder / "test.csv")}
    data |= {
        "inputs": ["x", "colour", "z"],
        "categorical": ["colour"],
        "target": target,
        "standardize": standardize,
    }
    search = {"folds": 2, "space": {"network.hidden[0]": [4]}}
    return tiny_study(
        study={"task": task}, data=data, search=search, compare=None, training={"epochs": 3}, **changes
    )


def image_study(folder: Path) -> shoal.Study:
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (50, 8, 8), dtype=np.uint8)
    labels = np.arange(50) % 2
    np.savez(
        folder / "i.npz",
        images=images[:40],
        labels=labels[:40],
        test_images=images[40:],
        test_labels=labels[40:],
    )
    return tiny_study(
        study={"task": "classification"},
        data={"dataset": None, "train": str(folder / "i.npz"), "standardize": "inputs"},
        network={
            "kind": "cnn",
            "conv": [{"channels": 2}],
            "hidden": [4],
            "activation": "relu",
            "batch_norm": True,
        },
        training={"epochs": 1},
        search=None,
        compare=None,
    )


def refit_predictions(results: Results, columns: list[str]) -> bytes:
    frame = results.predictions_of("refit")
    return np.ascontiguousarray(frame[frame["repeat"] == 0][columns].to_numpy(np.float64)).tobytes()


@pytest.mark.parametrize("trainer", ["native", "torch"])
def test_regression_gives_the_predictions_of_the_run(tmp_path: Path, trainer: str) -> None:
    if trainer == "native":
        from shoal.engine import Trainers

        if "native" not in Trainers().by_name:
            pytest.skip("the native trainer is not built here")
    results = shoal.run(table_study(tmp_path, "regression"), out=tmp_path / "run", workers=1, trainer=trainer)
    model = shoal.load(tmp_path / "run")
    assert model.facts.fit.trainer == trainer
    predicted = model.predict(pd.read_csv(tmp_path / "test.csv"))
    assert predicted.shape == (20, 1)
    assert predicted.tobytes() == refit_predictions(results, ["predicted"])
    text = (
        f"Model(regression: 3 inputs, {model.architecture.parameter_count} parameters, trained by {trainer})"
    )
    assert repr(model) == text


def test_classification_and_every_form_of_the_rows(tmp_path: Path) -> None:
    results = shoal.run(table_study(tmp_path, "classification"), out=tmp_path / "run", workers=1)
    model = shoal.load(tmp_path / "run" / "model.safetensors")
    frame = pd.read_csv(tmp_path / "test.csv")
    stored = refit_predictions(results, [f"probability_{name}" for name in model.classes])
    forms = [
        frame,
        frame[["colour", "z", "x"]],
        frame.astype({"colour": "category"}),
        frame.convert_dtypes(),
        {name: frame[name].tolist() for name in frame},
        {name: frame[name].to_numpy() for name in frame},
    ]
    for form in forms:
        assert model.predict_proba(form).tobytes() == stored
    likeliest = model.predict_proba(frame).argmax(axis=1)
    assert model.predict(frame).tolist() == [model.classes[k] for k in likeliest]
    assert model.targets == ("kind",)
    copy = tmp_path / "copy"
    model.save(copy)
    assert copy.read_bytes() == (tmp_path / "run" / "model.safetensors").read_bytes()


def test_images_give_the_predictions_of_the_run(tmp_path: Path) -> None:
    results = shoal.run(image_study(tmp_path), out=tmp_path / "run", workers=1)
    model = shoal.load(tmp_path / "run")
    images = np.load(tmp_path / "i.npz")["test_images"]
    stored = refit_predictions(results, ["probability_0", "probability_1"])
    for form in (images, images[:, None], images[..., None]):
        assert model.predict_proba(form).tobytes() == stored
    assert model.image_shape == (1, 8, 8)
    with pytest.raises(DataError) as caught:
        model.predict(images[:, :4])
    assert str(caught.value) == (
        "x: expected images like the training rows, 8 x 8 pixels, got 8 x 4;"
        " data.resize = [HEIGHT, WIDTH] in the study brings all images to one size"
    )
    for same in (images / 255, images.astype(np.float32), images.astype(np.int64), images.astype(">u2")):
        assert model.predict_proba(same).tobytes() == stored
    with pytest.raises(DataError) as caught:
        model.predict(images / 256)
    assert str(caught.value).startswith(
        "x: expected bytes (uint8), or whole numbers from 0 to 255, or 255ths from 0 to 1, got 0."
    )
    with pytest.raises(DataError) as caught:
        model.predict((images > 9).astype(np.float32))
    assert str(caught.value) == (
        "x: expected numbers of which one can tell whether 1 is white or nearly black, got only 0 and 1 as float32;"
        " give bytes (uint8)"
    )


# -- models made by hand -------------------------------------------------------------------------------------


def hand_made(architecture: Architecture, **changes: Any) -> bytes:
    """A model file of drawn parameters, with preprocessing to fit and the facts changed as asked."""
    outputs, shape = architecture.outputs, architecture.input_shape
    images = len(shape) == 3
    task = "classification" if images else "regression"
    columns = (
        () if images else tuple(NumberEncoder(Scale(f"x{number}", 0.5, 2.0)) for number in range(shape[0]))
    )
    scales = () if images else tuple(Scale(f"y{number}", 1.0, 3.0) for number in range(outputs))
    channels = tuple(Scale(f"c{number}", 0.0, 255.0) for number in range(shape[0] if images else 0))
    facts = {
        "task": task,
        "classes": [f"class {number}" for number in range(outputs)] if images else [],
        "targets": ["y"] if images else [f"y{number}" for number in range(outputs)],
        "preprocessing": Preprocessing(columns, scales, channels).to_json(),
        "training": {},
        "fit": {"id": "0", "trainer": "torch", "epochs": 1, "repeat": 0},
        "scores": {"test": {"r2": None}},
    }
    return model_bytes(architecture, drawn_parameters(architecture), {**facts, **changes})


@given(architectures())
def test_drawn_models_come_back_and_predict(architecture: Architecture) -> None:
    content = hand_made(architecture)
    model = Model.from_bytes(content)
    assert model.to_bytes() == content
    if model.image_shape:
        answer = model.predict_proba(np.full((2, *model.image_shape), 200, dtype=np.uint8))
        assert np.allclose(answer.sum(axis=1), 1)
    else:
        answer = model.predict(np.ones((2, len(model.input_names))))
    assert answer.shape == (2, architecture.outputs)
    assert np.isfinite(answer).all()


def linear(inputs: int = 2, outputs: int = 1) -> Architecture:
    from shoal.nets import build_architecture
    from shoal.study import Network

    return build_architecture(Network(hidden=()), (inputs,), outputs)


def test_a_linear_model_by_hand() -> None:
    columns = (NumberEncoder(Scale("a", 1.0, 2.0)), CategoryEncoder("b", ("p", "q")))
    preprocessing = Preprocessing(columns, (Scale("y0", 10.0, 5.0),)).to_json()
    model = Model.from_bytes(hand_made(linear(3), preprocessing=preprocessing))
    weight, bias = (
        model.parameters["output.weight"].astype(float),
        model.parameters["output.bias"].astype(float),
    )
    rows = {"b": ["q", "other", "p"], "a": [3, 1, -1], "unused": [None, 1, 2]}
    prepared = np.array([[1, 0, 1], [0, 0, 0], [-1, 1, 0]])
    with pytest.warns(UserWarning, match="^column .b.: not among the categories it learned.*: .other.$"):
        predicted = model.predict(rows)
    np.testing.assert_allclose(predicted, (prepared @ weight.T + bias) * 5 + 10, rtol=1e-6)
    numbers = Model.from_bytes(hand_made(linear(2)))
    by_place = numbers.predict(np.array([[1, 2], [3, 4]]))
    assert by_place.tobytes() == numbers.predict({"x1": [2.0, 4.0], "x0": [1.0, 3.0]}).tobytes()
    assert numbers.predict(np.zeros((0, 2))).shape == (0, 1)


def test_frames_of_other_libraries_are_taken_and_lazy_ones_are_named() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    model = Model.from_bytes(hand_made(linear(2)))
    rows = {"x0": [1.0, 3.0], "other": ["a", "b"], "x1": [2, 4]}
    wanted = model.predict(rows).tobytes()
    forms = [
        polars.DataFrame(rows),
        polars.DataFrame(rows).to_arrow(),
        pd.DataFrame(rows).to_records(index=False),
    ]
    forms.append(pd.DataFrame(rows).set_index("x0"))
    assert [model.predict(form).tobytes() for form in forms] == [wanted] * len(forms)
    with pytest.raises(DataError) as caught:
        model.predict(polars.LazyFrame(rows))
    assert (
        str(caught.value)
        == "x: expected an array, a frame or a dict of columns, got polars.LazyFrame; its collect() gives one"
    )


def test_frames_are_taken_without_importing_their_library() -> None:
    code = "import shoal.model, sys; assert not {'polars', 'pyarrow', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (np.zeros((3, 3)), "x: expected numbers of shape (N, 2), got float64 of shape (3, 3)"),
        (np.zeros(2), "x: expected numbers of shape (N, 2), got float64 of shape (2,)"),
        (np.array([["a", "b"]]), "x: expected numbers of shape (N, 2), got <U1 of shape (1, 2)"),
        ([[1, 2]], "x: expected an array, a frame or a dict of columns, got list"),
        ({"x0": [1], "x_1": [2]}, 'x: expected an input column "x1", got none; did you mean "x_1"?'),
        ({"x0": [1, 2], "x1": [2]}, 'x: expected columns of one length, got "x0" 2, "x1" 1'),
        ({"x0": [1], "x1": [[2]]}, 'x, column "x1": expected numbers, got cells of list'),
        ({"x0": [1], "x1": [{}]}, 'x, column "x1": expected numbers, got cells of dict'),
        ({"x0": [1], "x1": [None]}, 'x, row 1, column "x1": expected a number, got an empty cell'),
        ({"x0": [1], "x1": ["red"]}, 'x, column "x1": expected numbers, got text such as "red"'),
        (
            pd.DataFrame([[1, 2, 3]], columns=["x0", "x1", "x0"]),
            'x: expected every column name once, got "x0" 2 times; rename all but one',
        ),
    ],
)  # fmt: skip
def test_rows_that_are_refused(x: Any, sentence: str) -> None:
    model = Model.from_bytes(hand_made(linear()))
    with pytest.raises(DataError) as caught:
        model.predict(x)
    assert str(caught.value).splitlines()[0] == sentence


def test_an_array_cannot_say_categories() -> None:
    preprocessing = Preprocessing((CategoryEncoder("b", ("p", "q")),), (Scale("y0"),)).to_json()
    model = Model.from_bytes(hand_made(linear(2), preprocessing=preprocessing))
    with pytest.raises(DataError) as caught:
        model.predict(np.zeros((1, 1)))
    wanted = 'x: expected a frame or a dict of columns, since "b" holds categories, got an array'
    assert str(caught.value) == wanted
    with pytest.raises(InputError) as refused:
        model.predict_proba({"b": ["p"]})
    assert str(refused.value) == "expected a model of classes, got one of numbers: it has no probabilities"


SCALED = {"name": "x", "mean": 0.0, "scale": 1.0}
TWICE = {"inputs": [SCALED, SCALED], "targets": [{**SCALED, "name": "y0"}], "channels": []}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task": "divination"}, "metadata 'task': Input should be 'regression', 'classification' or 'multilabel'"),
        ({"classes": ["a"]}, "classes: expected 0, got 1"),
        ({"task": "classification", "classes": ["a"]}, "preprocessing: expected 0 targets, got 1"),
        ({"targets": []}, "targets: expected 1, got 0"),
        ({"more": 1}, "metadata 'more': Extra inputs are not permitted"),
        ({"preprocessing": TWICE}, "expected every input once, got 'x' 2 times"),
        (
            {"preprocessing": {**TWICE, "inputs": [SCALED]}},
            "preprocessing: expected inputs of shape (2,), got 1 column",
        ),
        (
            {"preprocessing": {**TWICE, "inputs": [SCALED, {**SCALED, "name": "z"}], "targets": []}},
            "preprocessing: expected 1 target, got 0",
        ),
        (
            {"preprocessing": {"inputs": [], "targets": [], "channels": [SCALED]}},
            "preprocessing: expected images of shape (2,), got 1 channel",
        ),
        (
            {"preprocessing": {}},
            "preprocessing: expected lists of inputs, targets and channels, got something else",
        ),
    ],
)  # fmt: skip
def test_facts_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(hand_made(linear(), **changes))
    with pytest.raises(ModelFileError) as caught:
        shoal.load(path)
    assert str(caught.value) == f"{path}: {sentence}"


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
def test_the_model_of_a_run_folder_is_taken_from_no_other_place(tmp_path: Path) -> None:
    """A folder may be a stranger's; a file that is named is opened through links."""
    (tmp_path / "theirs").write_bytes(hand_made(linear()))
    folder = tmp_path / "run"
    folder.mkdir()
    place = folder / "model.safetensors"
    for lay, kind in (
        (lambda: place.symlink_to(tmp_path / "theirs"), "a symbolic link"),
        (lambda: os.mkfifo(place), "a pipe"),
        (place.mkdir, "a folder"),
    ):
        lay()
        with pytest.raises(ModelFileError) as caught:
            shoal.load(folder)
        assert str(caught.value) == f"{place}: expected a model file, got {kind}"
        place.rmdir() if kind == "a folder" else place.unlink()
    place.symlink_to(tmp_path / "theirs")
    assert shoal.load(place).targets == ("y0",)


def test_what_is_no_model_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as caught:
        shoal.load(tmp_path)
    what = "expected a model file, got nothing there: a run makes it at its end"
    assert str(caught.value) == f"{tmp_path / 'model.safetensors'}: {what}"
    if os.name == "posix":
        with pytest.raises(ModelFileError) as caught:
            shoal.load("/dev/zero")
        assert str(caught.value) == "/dev/zero: expected a model file, got a device"


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_file_is_refused_by_one_exception_type(data: st.DataObject) -> None:
    content = bytearray(hand_made(linear()))
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    with pytest.raises(ModelFileError):
        Model.read(BytesIO(bytes(content)), len(content))


AUDITED = """
import sys, shoal
from shoal.model import Model
paths = sys.argv[1:]
def attempt(path):
    try:
        shoal.load(path)
        return "read"
    except shoal.ModelFileError as error:
        return str(error).partition(": ")[2]
attempt(paths[0]), attempt(paths[1])  # imports are done by now
seen = []
sys.addaudithook(lambda event, given: seen.append((event, str(given[0]) if given else "")))
answers = [attempt(path) for path in paths]
watched = ("compile", "exec", "import", "open", "os.", "subprocess", "ctypes", "socket", "pickle", "marshal")
events = sorted({(event, given) for event, given in seen if event.startswith(watched)})
expected = {("open", path) for path in paths}
print(answers, [(event, given) for event, given in events if (event, given) not in expected and not given.isdigit()])
"""


def test_loading_runs_nothing_and_opens_nothing_else(tmp_path: Path) -> None:
    good, bad, hostile = (str(tmp_path / name) for name in ("good", "bad", "hostile"))
    content = hand_made(linear())
    Path(good).write_bytes(content)
    Path(bad).write_bytes(content[:-1] + b"\x7f")
    header = json.dumps(
        {"__metadata__": {"format": "shoal-model/1", "architecture": "__import__('os').system('id')"}}
    )
    Path(hostile).write_bytes(len(header).to_bytes(8, "little") + header.encode())
    command = [sys.executable, "-c", AUDITED, good, bad, hostile]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    damaged = "its checksum (SHA-256) does not fit its content: the file is damaged"
    refused = "metadata 'architecture': expected JSON as Shoal writes it, got something else"
    assert done.stdout.strip() == f"{['read', damaged, refused]} []"


def test_a_run_folder_is_loaded_from_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").write_bytes(hand_made(linear()))
    (tmp_path / "way").symlink_to("run")
    assert shoal.load(tmp_path / "way").to_bytes() == shoal.load(tmp_path / "run").to_bytes()
