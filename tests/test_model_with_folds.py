"""Model files with the networks of the folds: what they say of a prediction, and that nothing foreign is believed."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_safetensors

import shoal
from dots import end_with_the_model
from nets.test_files import drawn_parameters
from shoal.data import Preprocessing
from shoal.data._scale import Scale
from shoal.data.encoders.category import CategoryEncoder
from shoal.data.encoders.number import NumberEncoder
from shoal.errors import InputError, ModelFileError
from shoal.model import Model
from shoal.nets import StoredFold, build_architecture, model_bytes, read_model
from shoal.predict import predict_file
from shoal.results import Results
from shoal.study import Network
from test_model import hand_made, linear, table, table_study
from torture.hostile_models import measured, mutated, opened, packed


def held_out(folder: Path, columns: list[str]) -> list[pd.DataFrame]:
    """What the networks of the first repeat answered to the rows held out, fold by fold."""
    frame = Results.open(folder).predictions_of("search")
    frame = frame[frame["repeat"] == 0]
    return [part[["row", "true", *columns]] for _, part in frame.groupby("fold")]


def member(folder: Path, fold: int) -> Model:
    from shoal.predict import ensemble

    return ensemble(Results.open(folder), shoal.load(folder))[0][fold]


# -- what they say -------------------------------------------------------------------------------------------


def test_they_are_written_in_a_few_words(runs: Path) -> None:
    numbers, classes = (shoal.load(runs / task).calibration for task in ("regression", "classification"))
    assert repr(numbers) == "Calibration(regression: 2 networks of folds, 40 rows held out)"
    assert repr(classes).startswith(
        "Calibration(classification: 2 networks of folds, 40 rows held out, temperature "
    )
    assert re.fullmatch(r"FoldNetwork\(20 rows held out\)", repr(numbers.folds[0]))


def test_intervals_are_those_of_the_networks_and_rows_in_the_store(runs: Path) -> None:
    folder, new = runs / "regression", table().iloc[40:]
    model = shoal.load(folder)
    low_ends, high_ends = [], []
    for fold, part in enumerate(held_out(folder, ["predicted"])):
        residual = np.abs(part["true"] - part["predicted"]).to_numpy()
        answer = member(folder, fold).predict(new)
        low_ends.append(answer - residual)
        high_ends.append(answer + residual)
    low = np.sort(np.concatenate(low_ends, axis=1), axis=1)
    high = np.sort(np.concatenate(high_ends, axis=1), axis=1)
    assert low.shape == (20, 40)
    for coverage, rank in ((0.9, 37), (0.5, 21), (0.975, 40)):
        interval = model.predict_interval(new, coverage)
        assert interval.shape == (20, 1, 2)
        assert interval[:, 0, 0].tolist() == low[:, 40 - rank].tolist()
        assert interval[:, 0, 1].tolist() == high[:, rank - 1].tolist()


def test_sets_and_temperature_are_those_of_the_networks_and_rows_in_the_store(runs: Path) -> None:
    folder, new = runs / "classification", table().iloc[40:]
    model = shoal.load(folder)
    labels = [f"probability_{name}" for name in model.classes]
    parts = held_out(folder, labels)
    count = np.zeros((20, 2))
    for fold, part in enumerate(parts):
        own = part["true"].map({name: k for k, name in enumerate(model.classes)}).to_numpy()
        score = part[labels].to_numpy()[np.arange(len(own)), own]
        answer = member(folder, fold).predict_proba(new)
        count += (score[None, None] <= answer[:, :, None]).sum(axis=2)
    assert model.predict_set(new).tolist() == ((count + 1) / 41 > 0.1 + 1e-12).tolist()
    plain, calm = model.predict_proba(new), model.predict_proba(new, calibrated=True)
    power = plain ** (1 / model.calibration.temperature)
    np.testing.assert_allclose(calm, power / power.sum(axis=1, keepdims=True), rtol=1e-9)
    assert (calm.argmax(axis=1) == plain.argmax(axis=1)).all()
    assert model.predict_set(new, 0.5).sum() <= model.predict_set(new, 0.9).sum()


def test_what_a_model_lacks_is_refused_in_one_sentence(runs: Path) -> None:
    new = table().iloc[40:]
    numbers, classes = shoal.load(runs / "regression"), shoal.load(runs / "classification")
    images = shoal.load(runs / "images")
    picture = np.zeros((1, 8, 8), np.uint8)
    lacking = "expected a model with the networks of its folds, got one without"
    for call, sentence in (
        (lambda: numbers.predict_set(new), "expected a model of classes, got one of numbers: it has no sets"),
        (lambda: classes.predict_interval(new), "expected a model of numbers, got one of classes"),
        (lambda: numbers.predict_interval(new, 90), "coverage: expected a share from 0.5 on and below 1"),
        (lambda: numbers.predict_interval(new, 0.99), "coverage: expected at most 0.975 of 40 rows held out"),
        (lambda: images.predict_set(picture), lacking),
        (lambda: images.predict_proba(picture, calibrated=True), lacking),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert str(caught.value).startswith(sentence)
        assert len(str(caught.value).splitlines()) == 1


def test_a_study_without_a_search_writes_the_file_of_before(runs: Path) -> None:
    header, _ = opened((runs / "images" / "model.safetensors").read_bytes()) or ({}, b"")
    assert header["__metadata__"]["format"] == "shoal-model/1"
    assert not {"folds", "temperature"} & header["__metadata__"].keys()
    assert Results.open(runs / "images").certainty.why.startswith("the study has no search")


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_delivered_network_is_the_same_with_and_without_folds(runs: Path, task: str) -> None:
    content = (runs / task / "model.safetensors").read_bytes()
    model = Model.from_bytes(content)
    assert model.to_bytes() == content
    header, _ = opened(content) or ({}, b"")
    assert header["__metadata__"]["format"] == "shoal-model/2"
    arrays = load_safetensors(content)
    folds = {name.partition(".")[0] for name in arrays if name.startswith("fold")}
    assert folds == {"fold0", "fold1"}
    bare = Model.from_bytes(model_bytes(model.architecture, model.parameters, model.facts.described))
    assert bare.calibration is None
    new = table().iloc[40:]
    assert bare.answer(bare.inputs(new)).tobytes() == model.answer(model.inputs(new)).tobytes()


@pytest.mark.parametrize(
    ("most", "sentence"),
    [
        (
            "shoal.engine._winner.MOST_NUMBERS",
            "they have 110 parameters together, and a file takes 1 numbers",
        ),
        ("shoal.engine._winner.MOST_FOLDS", "there are 2 of them, and a file takes 1"),
        ("shoal.nets._files.MAX_HEADER", "their descriptions are too long together"),
    ],
)
def test_folds_that_are_too_large_are_left_out_and_that_is_said(
    most: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    monkeypatch.setattr(most, 2600 if most.endswith("HEADER") else 1)
    results = shoal.run(table_study(tmp_path, "regression"), out=tmp_path / "run", workers=1)
    assert shoal.load(tmp_path / "run").calibration is None
    assert results.certainty.not_in_file == sentence
    assert results.certainty.covered


# -- files ---------------------------------------------------------------------------------------------------


def with_folds(task: str = "regression", *, weighted: bool = False, **changes: Any) -> bytes:
    """A small file with two folds, one of which lacks a category; `changes` lie over its second fold's facts."""
    categories = (CategoryEncoder("b", ("p", "q")), CategoryEncoder("b", ("q",)))
    scales = (Scale("y0", 1.0, 3.0),) if task == "regression" else ()
    outputs = 1 if task == "regression" else 2
    folds = []
    for number, category in enumerate(categories):
        columns = (NumberEncoder(Scale("a", 0.5 + number, 2.0)), category)
        preprocessing = Preprocessing(columns, scales)
        network = Network(hidden=(2,), activation="relu")
        architecture = build_architecture(network, (len(preprocessing.input_names),), outputs)
        scores = np.sort(np.random.default_rng(number).random((1, 9 + number)), axis=1)
        weights = np.random.default_rng(number).gamma(9.0, size=(1, 9 + number)) if weighted else None
        said = {"preprocessing": preprocessing.to_json()}
        parts = {"architecture": architecture, "scores": scores, "facts": said, "weights": weights}
        parts |= changes if number else {}
        folds.append(StoredFold(parameters=drawn_parameters(parts["architecture"], number), **parts))
    first = folds[0]
    facts = {
        "task": task,
        "classes": [] if task == "regression" else ["no", "yes"],
        "targets": ["y0"] if task == "regression" else ["y"],
        "preprocessing": first.facts["preprocessing"],
        "training": {},
        "fit": {"id": "0", "trainer": "torch", "epochs": 1, "repeat": 0},
        "scores": {},
        "temperature": None if task == "regression" else 1.5,
    }
    return model_bytes(first.architecture, drawn_parameters(first.architecture, 7), facts, folds)


OUT_OF_BOUNDS = "temperature: expected a number from 0.1 to 100, got something else"
FILES = {task: with_folds(task) for task in ("regression", "classification")}
FILES["weighted"] = with_folds(weighted=True)


def refusal(content: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        Model.read(BytesIO(content), len(content))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("task", FILES)
def test_a_file_with_folds_comes_back_and_answers(task: str) -> None:
    model = Model.from_bytes(FILES[task])
    assert model.to_bytes() == FILES[task]
    rows = {"a": [1.0, 2.0, 3.0], "b": ["p", "q", "p"]}
    if task != "classification":
        interval = model.predict_interval(rows, 0.8)
        assert (interval[..., 0] < interval[..., 1]).all()
    else:
        assert model.predict_set(rows, 0.8).dtype == np.bool_
    assert model.calibration.rows == 19


def test_folds_whose_answers_overflow_give_no_interval_and_that_is_said(tmp_path: Path) -> None:
    """Weights of 3e38 are numbers, and what comes of them is none."""
    stored = read_model(BytesIO(FILES["regression"]), len(FILES["regression"]))
    fold = stored.folds[1]
    huge = {name: np.full_like(values, 3e38) for name, values in fold.parameters.items()}
    folds = [stored.folds[0], replace(fold, parameters=huge)]
    content = model_bytes(stored.architecture, stored.parameters, stored.facts, folds)
    why = "no interval for 2 of 2 rows: the answers of the folds' networks are not finite numbers"
    with pytest.warns(UserWarning, match=why):
        ends = Model.from_bytes(content).predict_interval({"a": [1.0, 2.0], "b": ["q", "q"]}, 0.8)
    assert not np.isfinite(ends).all(axis=-1).any()
    (tmp_path / "model.safetensors").write_bytes(content)
    (tmp_path / "rows.csv").write_text("a,b\n1,q\n2,q\n", encoding="utf-8")
    table = predict_file(tmp_path / "model.safetensors", tmp_path / "rows.csv", coverage=0.8)
    assert table.notes == (why,)


@pytest.mark.parametrize("task", FILES)
def test_every_truncation_and_every_flipped_byte_is_refused(task: str) -> None:
    content = FILES[task]
    for length in range(len(content)):
        refusal(content[:length])
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        refusal(bytes(changed))


@settings(max_examples=150)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_a_damaged_file_is_refused(task: str, data: st.DataObject) -> None:
    content = bytearray(FILES[task])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    if bytes(content) != FILES[task]:
        refusal(bytes(content))


def test_mutations_that_are_sealed_again_run_nothing_and_need_little_memory() -> None:
    import random

    draw = random.Random(15)  # noqa: S311
    believed = sum(measured(mutated(draw.choice([*FILES.values()]), draw)) for _ in range(250))
    assert believed > 0


def forged(task: str = "regression", **metadata: Any) -> bytes:
    """A file with other values in its metadata, sealed as well as Shoal would; None takes an entry out."""
    header, data = opened(FILES[task]) or ({}, b"")
    for key, value in metadata.items():
        header["__metadata__"].pop(key)
        if value is not None:
            header["__metadata__"][key] = json.dumps(value, sort_keys=True)
    return packed(header, data)


def described(task: str = "regression") -> list[dict[str, Any]]:
    header, _ = opened(FILES[task]) or ({}, b"")
    folds: list[dict[str, Any]] = json.loads(header["__metadata__"]["folds"])
    return folds


LABEL = (Scale("y0", 1.0, 3.0),)
OTHER = Preprocessing((NumberEncoder(Scale("z", 0.5, 2.0)), CategoryEncoder("b", ("q",))), LABEL).to_json()
TWICE = Preprocessing(
    (NumberEncoder(Scale("a", 0.5, 2.0)), CategoryEncoder("b", ("q", "q"))), LABEL
).to_json()
DEEPER = build_architecture(Network(hidden=(2, 2), activation="relu"), (2,), 1)
NARROW = build_architecture(Network(hidden=(2,), activation="relu"), (3,), 1)
FALLING = np.linspace(1, 0, 10)[None]
STRANGE = "expected a network and its scores, got something else"
OTHERS = "got others"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (forged(folds=[]), "folds: expected 1 to 1000 networks, got something else"),
        (forged(folds=None), "folds: expected 1 to 1000 networks, got something else"),
        (forged(folds=[0] * 1001), "folds: expected 1 to 1000 networks, got something else"),
        (forged(folds=[1, 2]), f"fold 0: {STRANGE}"),
        (forged(folds=[{**described()[0], "scores": [1, 0]}]), f"fold 0: {STRANGE}"),
        (forged(folds=[{**described()[0], "scores": [True, 9]}]), f"fold 0: {STRANGE}"),
        (forged(temperature=None), "temperature: expected null in regression, got something else"),
        (forged(temperature=1.0), "temperature: expected null in regression, got something else"),
        (forged("classification", temperature=0.0), OUT_OF_BOUNDS),
        (forged("classification", temperature=5e-324), OUT_OF_BOUNDS),
        (forged("classification", temperature=100.5), OUT_OF_BOUNDS),
        (forged("classification", temperature=2), OUT_OF_BOUNDS),
        (
            with_folds(facts={"preprocessing": OTHER}),
            f"fold 1: expected the columns of the delivered network, {OTHERS}",
        ),
        (with_folds(facts={}), "preprocessing: expected lists of inputs, targets and channels, got something else"),
        (
            with_folds(facts={"preprocessing": described()[1]["preprocessing"], "more": 1}),
            f"fold 1: expected facts as Shoal writes them, {OTHERS}",
        ),
        (with_folds(architecture=DEEPER), f"fold 1: expected the layers of the delivered network, {OTHERS}"),
        (with_folds(architecture=NARROW), f"fold 1: expected the layers of the delivered network, {OTHERS}"),
        (
            with_folds(facts={"preprocessing": TWICE}, architecture=NARROW),
            "expected every category once, got 'q' 2 times",
        ),
        (with_folds(scores=FALLING), f"fold 1: expected 1 row of scores in ascending order, {OTHERS}"),
        (with_folds(scores=np.zeros((2, 3))), f"fold 1: expected 1 row of scores in ascending order, {OTHERS}"),
        (with_folds(scores=-FALLING), f"array fold1.scores: expected scores of at least 0, {OTHERS}"),
        (with_folds(scores=np.full((1, 3), math.inf)), f"array fold1.scores: expected finite numbers, {OTHERS}"),
        (with_folds(weighted=True, weights=np.zeros((1, 10))), f"fold 1: expected weights above 0, {OTHERS}"),
        (
            with_folds(weighted=True, weights=np.full((1, 10), -1.0)),
            f"array fold1.weights: expected weights of at least 0, {OTHERS}",
        ),
        (
            with_folds(weighted=True, weights=np.full((1, 10), math.inf)),
            f"array fold1.weights: expected finite numbers, {OTHERS}",
        ),
        (
            with_folds("classification", scores=np.full((1, 3), 1.5)),
            f"fold 1: expected probabilities as scores, {OTHERS}",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_in_one_sentence(content: bytes, sentence: str) -> None:
    assert refusal(content) == sentence


def test_folds_of_the_first_format_and_a_temperature_alone_are_refused() -> None:
    header, data = opened(FILES["regression"]) or ({}, b"")
    header["__metadata__"]["format"] = "shoal-model/1"
    assert refusal(packed(header, data)).startswith("expected a file of ")
    plain, bare = opened(hand_made(linear())) or ({}, b"")
    plain["__metadata__"]["temperature"] = "null"
    assert refusal(packed(plain, bare)) == "metadata 'temperature': Extra inputs are not permitted"


def test_weights_are_of_the_third_format() -> None:
    """An earlier version says that the file is newer; weights that the format does not have are refused."""
    header, data = opened(FILES["weighted"]) or ({}, b"")
    assert header["__metadata__"]["format"] == "shoal-model/3"
    header["__metadata__"]["format"] = "shoal-model/2"
    assert "bytes by its architecture" in refusal(packed(header, data))
    header, data = opened(FILES["regression"]) or ({}, b"")
    for file_format, sentence in (
        ("shoal-model/3", "expected a file of "),
        (
            "shoal-model/4",
            "expected the format shoal-model/1, shoal-model/2 or shoal-model/3, got 'shoal-model/4': it was written by"
            " a newer Shoal; update this one",
        ),
    ):
        header["__metadata__"]["format"] = file_format
        assert refusal(packed(header, data)).startswith(sentence)


def test_weights_move_the_ends() -> None:
    rows = {"a": [1.0, 2.0, 3.0], "b": ["p", "q", "p"]}
    plain, weighted = (Model.from_bytes(FILES[name]) for name in ("regression", "weighted"))
    assert weighted.predict(rows).tolist() == plain.predict(rows).tolist()
    assert weighted.predict_interval(rows, 0.8).tolist() != plain.predict_interval(rows, 0.8).tolist()
    with pytest.raises(
        InputError, match=r"of 19 rows held out that are worth 1[78]\.\d rows of one weight, got 0.99$"
    ):
        weighted.predict_interval(rows, 0.99)


def test_scores_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.engine._calibration._AT_ONCE", 3)
    rising = np.linspace(0, 1, 10)[None]
    assert Model.from_bytes(with_folds(scores=rising)).calibration.rows == 19
    for place in range(9):
        swapped = rising.copy()
        swapped[0, [place, place + 1]] = swapped[0, [place + 1, place]]
        assert "ascending" in refusal(with_folds(scores=swapped))


def test_many_folds_that_are_declared_make_no_room_for_them() -> None:
    """A thousand networks of sizes of their own, each laid out from its description, in a file without them."""
    first = described()[0]
    folds = []
    for number in range(1000):
        architecture = json.loads(json.dumps(first["architecture"]))
        architecture["input_shape"] = [number + 4]
        architecture["layers"][0]["inputs"] = number + 4
        folds.append({**first, "architecture": architecture, "scores": [1, 2**31 - 1]})
    content = forged(folds=folds)
    assert not measured(content)
    assert "bytes by its architecture" in refusal(content)
