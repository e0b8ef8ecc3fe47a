"""Images of many sizes are brought to one, the same in training and ever after; so are the levels of two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import shoal
from dots import end_with_the_model
from shoal.data import ImageSource, Preprocessing, load_image_dataset, read_images
from shoal.errors import DataError, ModelFileError
from shoal.export import onnx_model, torch_source
from shoal.look import plan_text
from shoal.look._run_findings import RunFindings
from shoal.look.page.summary import summary
from shoal.pipeline import run
from shoal.planning import plan
from shoal.predict import predict_file
from studies import tiny_study

RANDOM = np.random.default_rng(2)
SIZES = [(9, 7), (4, 5), (12, 30), (6, 5)]


def folder(root: Path, colour: bool = False) -> Path:
    for label in ("cat", "dog"):
        home = root / "pics" / label
        home.mkdir(parents=True)
        for number in range(10):
            shape = (*SIZES[number % len(SIZES)], *([3] * colour))
            values = RANDOM.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(values).save(home / f"{number}.png")
    return root / "pics"


@given(st.data())
def test_it_is_pillows_bilinear_and_leaves_the_right_size_alone(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    base = tmp_path_factory.getbasetemp()
    height, width, *size = (data.draw(st.integers(1, 20)) for _ in range(4))
    colour = data.draw(st.booleans())
    shape = (height, width, *([3] * colour))
    values = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(values).save(base / "one.png")
    target = (3 if colour else 1, *size)
    came = read_images(base / "one.png", target, resize=True).images[0]
    wanted = np.asarray(Image.fromarray(values).resize((size[1], size[0]), Image.Resampling.BILINEAR))
    assert came.tolist() == (wanted.transpose(2, 0, 1) if colour else wanted[None]).tolist()
    np.savez(base / "one.npz", images=values[None])
    again = read_images(base / "one.npz", target, resize=True) if not (height == 3 == width) else None
    if again is not None and (colour or width not in (1, 3)):
        assert again.images[0].tolist() == came.tolist()
    if (height, width) == tuple(size):
        assert wanted.tolist() == values.tolist()


def test_without_the_key_sizes_are_refused_in_one_line(tmp_path: Path) -> None:
    pics = folder(tmp_path)
    with pytest.raises(DataError) as caught:
        load_image_dataset(ImageSource(pics))
    assert str(caught.value) == (
        f'{pics}: expected pictures of one size (width x height), got 7 x 9 (6, as "cat/0.png"),'
        ' 5 x 4 (6, as "cat/1.png"),'
        ' 30 x 12 (4, as "cat/2.png"), 5 x 6 (4, as "cat/3.png");'
        " data.resize = [HEIGHT, WIDTH] in the study brings all images to one size"
    )


def test_the_model_does_the_same_to_new_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with_the_model(monkeypatch)
    pics = folder(tmp_path)
    study = tiny_study(
        study={"task": "classification"},
        data={"dataset": None, "train": str(pics), "test": str(pics), "resize": [6, 8]},
        network={"hidden": [4]},
        search={"folds": 2, "space": {"network.hidden[0]": [4]}},
        compare=None,
        training={"epochs": 2},
    )
    told = plan_text(study, plan(study, out=tmp_path / "run"), tmp_path / "run", 1)
    assert "images of 8 × 6 pixels" in told
    assert "- pics: brought to 8 x 6 pixels (bilinear; width and height each by their own factor): 20" in told
    results = run(study, out=tmp_path / "run", workers=1)
    assert "from images of 8 × 6 pixels:" in summary(RunFindings(results)).asked
    model = shoal.load(tmp_path / "run")
    assert model.preprocessing.resize == (6, 8)
    assert model.image_shape == (1, 6, 8)
    predicted = predict_file(tmp_path / "run", pics)
    stored = results.test_predictions(results.refit["fit_id"][0])
    table = dict(zip(predicted.names, predicted.columns, strict=True))
    assert np.array([table["probability_cat"], table["probability_dog"]]).T.tolist() == stored.tolist()
    assert "ensemble_mean_probability_cat" in table
    one = np.asarray(Image.open(pics / "cat" / "2.png"))
    assert model.predict_proba(one[None])[0].tobytes() == stored[2].tobytes()
    pytest.importorskip("onnx")
    said = {prop.key: prop.value for prop in onnx_model(model).metadata_props}
    assert "Resampling.BILINEAR" in torch_source(model, "m.safetensors", "0" * 64)
    assert said["resize"] == '{"size": [6, 8], "method": "bilinear"}'
    copy = tmp_path / "copy"
    model.save(copy)
    assert copy.read_bytes() == (tmp_path / "run" / "model.safetensors").read_bytes()


def test_a_model_of_false_and_true_answers_0_and_1_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    truth = RANDOM.random((24, 5, 4)) < 0.5
    np.savez(tmp_path / "d.npz", images=truth, labels=np.arange(24) % 2)
    study = tiny_study(
        study={"name": "two", "task": "classification"},
        data={"dataset": None, "train": str(tmp_path / "d.npz")},
        network={"hidden": [3]},
        search=None,
        compare=None,
        training={"epochs": 1},
    )
    run(study, out=tmp_path / "run")
    model = shoal.load(tmp_path / "run")
    wanted = model.predict_proba(truth).tobytes()
    for kind in (np.uint8, np.int32, np.float32):
        assert model.predict_proba(truth.astype(kind)).tobytes() == wanted
    assert model.predict_proba(truth * np.uint8(255)).tobytes() == wanted
    np.savez(tmp_path / "new.npz", images=truth.astype(np.uint8))
    for odd, sentence in (
        (np.ma.masked_array(truth, mask=truth), "images, got an array of which some values are masked"),
        ([np.zeros((5, 4)), np.zeros((4, 4))], "images of one size, in one array, got several"),
        ("new.npz", "an array of images, got str"),
        (None, "an array of images, got NoneType"),
    ):
        with pytest.raises(DataError) as caught:
            model.predict(odd)
        assert str(caught.value) == f"x: expected {sentence}"
    predictions = predict_file(tmp_path / "run", tmp_path / "new.npz")
    answers = dict(zip(predictions.names, predictions.columns, strict=True))
    assert np.array([answers["probability_0"], answers["probability_1"]]).T.tobytes() == wanted
    assert predictions.notes[0].startswith("new.npz: pixels of 0 or 1 read as 0 or 255 (false or true)")
    source = torch_source(model, "m.safetensors", "0" * 64)
    assert "Pixels are 0 or 255 (false or true), as those of the training images were." in source
    compile(source, "m.py", "exec")
    pytest.importorskip("onnx")
    assert {prop.key: prop.value for prop in onnx_model(model).metadata_props}["white"] == "255"


def test_models_of_old_have_no_such_key() -> None:
    plain = {"inputs": [], "targets": [], "channels": [{"name": "grey", "mean": 0.0, "scale": 255.0}]}
    assert Preprocessing.from_json(plain).to_json() == plain
    whole = plain | {"resize": [6, 8], "method": "bilinear"}
    assert Preprocessing.from_json(whole).to_json() == whole
    table = {"inputs": [{"name": "x", "mean": 0.0, "scale": 1.0}], "targets": [], "channels": []}
    for wrong in (
        plain | {"resize": [6, 8]},
        whole | {"method": "nearest"},
        whole | {"resize": [0, 8]},
        whole | {"resize": [True, 8]},
        whole | {"resize": [6, 8, 1]},
        whole | {"more": 1},
        table | {"resize": [6, 8], "method": "bilinear"},
    ):
        with pytest.raises(ModelFileError):
            Preprocessing.from_json(wrong)
