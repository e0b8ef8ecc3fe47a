"""Whole studies with embeddings: what the plan says, what is learned, what every way of answering gives."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.data import Column, Dataset
from shoal.engine import Planner, StudyRows, Trainers, load_data
from shoal.engine._train import train_fit
from shoal.errors import ModelFileError, StudyError
from shoal.export import export_torch, graph_feed, onnx_model, run_onnx
from shoal.look import plan_text
from shoal.look._run_findings import RunFindings
from shoal.look._text import results_text
from shoal.look.page.references import works
from shoal.model import Model
from shoal.nets import model_bytes
from shoal.pipeline import run
from shoal.planning import plan
from shoal.predict import ensemble, predict_file
from shoal.results import Results
from shoal.study import Network, Study, apply
from studies import tiny_study

pytestmark = pytest.mark.usefixtures("dots")

CITIES = 15
CITY = [f"c{number:02}" for number in range(CITIES)]
KINDS = ["k", "l", "m"]


def rows(count: int, seed: int) -> dict[str, list[Any]]:
    """Rows of two numbers, of many cities, some of them missing, and of a few kinds."""
    draw = np.random.default_rng(seed)
    city = draw.choice(np.array(["", *CITY]), count)
    x, z = draw.normal(size=(2, count)).round(4)
    effect = {name: number % 5 - 2 for number, name in enumerate(CITY)} | {"": 1}
    y = x + np.array([effect[name] for name in city.tolist()]) + 0.1 * draw.normal(size=count)
    kind = draw.choice(np.array(KINDS), count)
    return {
        "x": x.tolist(),
        "city": city.tolist(),
        "kind": kind.tolist(),
        "z": z.tolist(),
        "y": y.round(4).tolist(),
    }


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


def study_of(folder: Path, **changes: Any) -> Study:
    write(folder / "train.csv", rows(150, 1))
    test = rows(40, 2)
    test["city"][:2] = ["new", "newer"]
    write(folder / "test.csv", test)
    data = {
        "dataset": None, "train": str(folder / "train.csv"), "test": str(folder / "test.csv"), "target": "y",
        "standardize": "both",
    }  # fmt: skip
    network = {"hidden": [6], "embedding": "auto", "embedding_from": 10}
    search = {"folds": 2, "space": {"network.embedding": ["auto", 3]}}
    return tiny_study(data=data, network=network, search=search, compare=None, **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose delivered network embeds one column of two."""
    home = tmp_path_factory.mktemp("embedded")
    study = study_of(home, training={"epochs": 25, "lr": 0.02}, inspect={"history": 3})
    run(study, out=home / "run", workers=1)
    return home / "run"


NEW = {
    "x": [0.5, -1.0, 0.2, 0.1],
    "city": ["c03", "", "elsewhere", "c14"],
    "kind": ["k", "l", "m", "k"],
    "z": [0.0] * 4,
}


def test_the_plan_says_what_is_embedded_and_what_is_not(tmp_path: Path) -> None:
    study = study_of(tmp_path)

    def notes(asked: Study) -> list[str]:
        return [note for note in plan(asked, out=tmp_path / "run").notes if "embedding" in note]

    assert notes(study) == [
        'network.embedding = "auto": "city" (16 values) as a vector of 8',
        'network.embedding = 3: "city" (16 values) as a vector of 3',
    ]
    wide = apply(study, "network.embedding_from", 17)
    none = "no column has 17 categories or more (network.embedding_from), so that each keeps its column"
    assert notes(wide) == [f'network.embedding = "auto": {none}', f"network.embedding = 3: {none}"]
    lone = study.model_copy(update={"search": None})
    few = apply(lone, "network.embedding_from", 3)
    assert notes(few) == [
        'network.embedding = "auto": "city" (16 values) as a vector of 8, "kind" (3 values) as a vector of 3'
    ]
    assert notes(apply(lone, "network.embedding", "none")) == []
    made = plan(study, out=tmp_path / "run")
    assert "as a vector of 8" in plan_text(study, made, tmp_path / "run", 1)


@pytest.mark.parametrize(
    ("value", "got"), [(0, "0"), (-3, "-3"), ("size", "'size'"), (2.5, "2.5"), (True, "true"), (4097, "4097")]
)
def test_no_length_is_refused_in_one_line(value: Any, got: str) -> None:
    with pytest.raises(StudyError) as caught:
        apply(tiny_study(), "network.embedding", value)
    expected = "expected one of none, auto or a whole number of at least 1 and at most 4096"
    assert str(caught.value) == f"network.embedding: {expected}, got {got}"


def test_images_have_nothing_to_embed() -> None:
    convolutional = {"kind": "cnn", "conv": [{"channels": 2}], "embedding": 4}
    with pytest.raises(ValueError, match='`embedding` needs kind = "mlp", got kind = "cnn": images have no'):
        Network.model_validate(convolutional)


def test_the_run_learns_the_cities_and_says_so(folder: Path) -> None:
    results, model = Results.open(folder), shoal.load(folder)
    assert set(results.fits["status"]) == {"ok"}
    assert set(results.fits["trainer"]) <= {"native", "torch"}
    size = model.architecture.tables[0][1]
    assert model.architecture.tables == ((17, size),)
    assert results.embedded == (f'embedded: "city" (16 values) as a vector of {size}',)
    assert results.embedded[0] in results_text(results)
    assert results.refit["test_r2"][0] > 0.8
    assert model.preprocessing.input_names == ("x", "kind=k", "kind=l", "kind=m", "z", "city")
    network = RunFindings(results).network
    assert network is not None
    assert [layer.name for layer in network[0].layers] == ["embedding", "hidden1", "output"]
    used = {work.used for work in works(results, [])}
    assert {"embeddings", "first vectors of embeddings", "lengths of vectors"} <= used
    history = RunFindings(results).inside
    assert history is not None
    assert {"embedding/quantile", "embedding/moved"} <= history.history.keys()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"Embedded: &#34;city&#34; (16 values) as a vector of {size}." in page


def test_a_answering_its_run_and_says_what_it_does_not_know(folder: Path) -> None:
    results = Results.open(folder)
    stored = results.test_predictions(results.refit["fit_id"][0])
    predicted = predict_file(folder, folder.parent / "test.csv", coverage=0.8)
    table = dict(zip(predicted.names, predicted.columns, strict=True))
    assert np.array(table["predicted_y"]).tobytes() == stored.ravel().tobytes()
    assert {"interval_low_y", "interval_high_y", "ensemble_mean_y"} <= set(table)
    model = shoal.load(folder)
    with pytest.warns(
        UserWarning, match='column "city": not among the categories it learned, and read as none of'
    ):
        model.predict(NEW)
    members, why = ensemble(results, model)
    assert why == ""
    assert [member.architecture.tables[0][1] for member in members] == [model.architecture.tables[0][1]] * 2


@pytest.mark.filterwarnings("ignore:column:UserWarning")
def test_every_export_answers_alike(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = shoal.load(folder)
    expected = model.predict(NEW)
    export_torch(folder, tmp_path / "net.safetensors")
    monkeypatch.setitem(sys.modules, "net", None)
    spec = importlib.util.spec_from_file_location("embedded_net", tmp_path / "net.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers = module.answers(module.build()(module.prepare(NEW))).detach().numpy()
    np.testing.assert_allclose(answers, expected, rtol=1e-6, atol=1e-6)
    pytest.importorskip("onnxruntime")
    feed = graph_feed(list(model.inputs(NEW)))
    (onnx,) = run_onnx(onnx_model(model).SerializeToString(), feed)
    np.testing.assert_allclose(onnx, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore:column:UserWarning")
def test_rare_categories_share_a_vector_with_unseen_ones(tmp_path: Path) -> None:
    study = apply(study_of(tmp_path, training={"epochs": 3}), "data.rare_below", 9)
    study = apply(study.model_copy(update={"search": None}), "network.embedding_from", 4)
    model = shoal.load(run(study, out=tmp_path / "run", workers=1).folder)
    (city,) = (column for column in model.preprocessing.columns if column.name == "city")
    common, rare = city.category.shown, city.category.pooled  # type: ignore[attr-defined]
    assert model.architecture.code_rows == (len(common) + 2,)
    assert common[-1] == ""
    asked = {**NEW, "x": [1.0] * 4, "kind": ["k"] * 4, "city": [rare[0], "elsewhere", "", common[0]]}
    answers = model.predict(asked).ravel()
    assert answers[0] == answers[1]
    assert len(set(answers.tolist())) == 3
    pytest.importorskip("onnxruntime")
    (onnx,) = run_onnx(onnx_model(model).SerializeToString(), graph_feed(list(model.inputs(asked))))
    np.testing.assert_allclose(onnx.ravel(), answers, rtol=1e-6, atol=1e-6)


def test_a_file_whose_codes_fit_no_table_is_refused(folder: Path) -> None:
    model = shoal.load(folder)
    assert Model.from_bytes(model.to_bytes()).to_bytes() == model.to_bytes()
    facts = model.facts.described

    def refusal(change: Callable[[dict[str, Any]], None]) -> str:
        spoilt = json.loads(json.dumps(facts))
        change(spoilt["preprocessing"]["inputs"][1])
        with pytest.raises(ModelFileError) as caught:
            Model.from_bytes(model_bytes(model.architecture, model.parameters, spoilt))
        return str(caught.value)

    assert refusal(lambda city: city["categories"].pop()) == (
        "preprocessing: expected codes of (17,) vectors, got (16,)"
    )
    assert refusal(lambda city: city.update(missing=False)) == (
        "preprocessing: expected codes of (17,) vectors, got (16,)"
    )
    assert "preprocessing: expected inputs of shape (6,), got" in refusal(lambda city: city.pop("codes"))


def trained(item: Any, dataset: Dataset) -> Any:
    fit = item.fit
    return train_fit(fit, StudyRows(dataset, "both"), Trainers().by_name[fit.trainer], None, lambda _: None)


def test_unseen_categories_of_held_out_rows_change_no_byte_of_training(tmp_path: Path) -> None:
    study = study_of(tmp_path, training={"epochs": 3})
    source = load_data(study)
    planner = Planner(study, source, Trainers().choose)
    item = planner.search_fits()[0]
    held = np.setdiff1d(np.arange(source.rows), item.fit.split.train)
    spoilt = tuple(with_unseen(column, held) for column in source.columns)
    dirty = trained(item, replace(source, columns=spoilt))
    clean = trained(item, source)
    assert clean.status == dirty.status == "ok"
    assert all(
        array.tobytes() == dirty.parameters[name].tobytes() for name, array in clean.parameters.items()
    )
    assert clean.curves["train_loss"].tobytes() == dirty.curves["train_loss"].tobytes()
    assert clean.predictions["validation"].tobytes() != dirty.predictions["validation"].tobytes()
    assert item.fit.job.architecture.tables[0][0] == 17


def with_unseen(column: Column, chosen: np.ndarray) -> Column:
    values = column.values.copy()
    if column.categorical:
        values[chosen] = "unseen"
    return replace(column, values=values)


def test_other_names_in_the_same_order_change_nothing(tmp_path: Path) -> None:
    study = study_of(tmp_path, training={"epochs": 3}).model_copy(update={"search": None})
    digests = []
    for change in (lambda name: name, lambda name: f"z{name}é" if name else ""):
        for part, seed, count in (("train", 1, 150), ("test", 2, 40)):
            columns = rows(count, seed)
            columns["city"] = [change(name) for name in columns["city"]]
            write(tmp_path / f"{part}.csv", columns)
        results = run(study, out=tmp_path / f"run{len(digests)}", workers=1)
        digests.append(results.test_predictions(results.refit["fit_id"][0]).tobytes())
    assert digests[0] == digests[1]
