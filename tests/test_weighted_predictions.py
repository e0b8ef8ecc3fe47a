"""Studies whose rows have weights: intervals and sets of their models, by definition from what the store keeps."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.errors import InputError
from shoal.look._certainty import certainty_sentences
from shoal.nets import model_bytes
from shoal.predict import predict_file
from shoal.results import NOT_IN_FILE, Identity, Results, Store
from test_model_with_folds import member

pytestmark = pytest.mark.usefixtures("dots")

DRAW = np.random.default_rng(12)
ROWS, TRAIN = 120, 90
X = DRAW.normal(size=(ROWS, 2))
Y = X[:, 0] + 0.5 * DRAW.normal(size=ROWS)
WEIGHT = np.exp(DRAW.normal(size=ROWS))
WEIGHT[::17] = 0
NEW = pd.DataFrame({"a": DRAW.normal(size=40), "b": DRAW.normal(size=40)})
CLASSES = ("high", "low")
TASKS = ("regression", "classification")


def table(task: str, weight: Any = WEIGHT) -> dict[str, Any]:
    target = Y if task == "regression" else np.where(Y > 0, *CLASSES)
    return {"a": X[:, 0], "b": X[:, 1], "w": weight, "y": target}


def trained(folder: Path, task: str, weight: Any = WEIGHT) -> Results:
    made: Any = shoal.run(
        table(task, weight), target="y", task=task, out=folder, seed=2,
        data={"weights": "w", "test_share": 0.25}, network={"hidden": [5]},
        training={"epochs": 12, "lr": 0.02}, search={"folds": 3, "space": {"network.dropout": [0.0, 0.2]}},
    )  # fmt: skip
    return made  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weighted")
    for task in TASKS:
        trained(folder / task, task)
    return folder


def parts(folder: Path) -> list[tuple[pd.DataFrame, np.ndarray[Any, Any]]]:
    """What each fold's network answered to the rows that it held out, and what these weigh; all that weigh anything."""
    results = Results.open(folder)
    frame = results.predictions_of("search")
    frame = frame[(frame["repeat"] == 0) & (frame["candidate_id"] == results.choice.candidate_id)]
    weighed = [(part, results.truth.weights[part["row"].to_numpy()]) for _, part in frame.groupby("fold")]
    return [(part[own > 0], own[own > 0]) for part, own in weighed]


def needed(weight: Any, coverage: float) -> float:
    return float(coverage * (weight.sum() + (weight**2).sum() / weight.sum()))


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_intervals_are_those_of_the_definition(coverage: float, runs: Path) -> None:
    folder = runs / "regression"
    high, low, weights = [], [], []
    for fold, (part, own) in enumerate(parts(folder)):
        residual = np.abs(part["true"] - part["predicted"]).to_numpy()
        answer = member(folder, fold).predict(NEW)
        high.append(answer + residual)
        low.append(answer - residual)
        weights.append(own)
    own, high_ends, low_ends = (np.concatenate(values, axis=-1) for values in (weights, high, low))
    assert len(own) == TRAIN - (Results.open(folder).truth.weights[:TRAIN] == 0).sum() < TRAIN
    interval = shoal.load(folder).predict_interval(NEW, coverage)
    for row in range(len(NEW)):
        order = np.argsort(high_ends[row])
        place = np.searchsorted(np.cumsum(own[order]), needed(own, coverage))
        assert interval[row, 0, 1] == high_ends[row][order][place]
        order = np.argsort(-low_ends[row])
        place = np.searchsorted(np.cumsum(own[order]), needed(own, coverage))
        assert interval[row, 0, 0] == low_ends[row][order][place]


def test_sets_are_those_of_the_definition(runs: Path) -> None:
    folder = runs / "classification"
    model, better, weights = shoal.load(folder), np.zeros((len(NEW), 2)), []
    for fold, (part, own) in enumerate(parts(folder)):
        place = part["true"].map({name: k for k, name in enumerate(model.classes)}).to_numpy()
        named = part[[f"probability_{name}" for name in model.classes]].to_numpy()
        score = named[np.arange(len(place)), place]
        answer = member(folder, fold).predict_proba(NEW)
        better += ((score > answer[:, :, None]) * own).sum(axis=2)
        weights.append(own)
    expected = better < needed(np.concatenate(weights), 0.8)
    assert model.predict_set(NEW, 0.8).tolist() == expected.tolist()
    assert 0.1 <= model.calibration.temperature <= 100


@pytest.mark.parametrize("task", TASKS)
def test_what_is_held_of_the_test_rows_is_a_share_of_their_weight(task: str, runs: Path) -> None:
    results = Results.open(runs / task)
    model, truth = shoal.load(runs / task), results.truth
    test = slice(truth.train_rows, None)
    new, weight = pd.DataFrame(truth.x_ND[test], columns=["a", "b"]), truth.weights[test]
    assert (weight == 0).any()
    if task == "regression":
        low, high = model.predict_interval(new)[:, 0].T
        within = (low <= truth.y[test, 0]) & (truth.y[test, 0] <= high)
        size = high - low
    else:
        sets = model.predict_set(new)
        within, size = sets[np.arange(len(new)), truth.y[test]], sets.sum(axis=1)
        for of in results.certainty.classes:
            own = (truth.y[test] == truth.classes.index(of.name)) & (weight > 0)
            assert of.rows == own.sum()
            assert of.share == pytest.approx(np.average(within[own], weights=weight[own]))
            assert of.worth == pytest.approx(weight[own].sum() ** 2 / (weight[own] ** 2).sum())
    (covered,) = results.certainty.covered
    assert covered.share == pytest.approx(np.average(within, weights=weight))
    assert covered.size == pytest.approx(np.average(size, weights=weight))
    assert covered.interval.low <= covered.share <= covered.interval.high


@pytest.mark.parametrize("task", TASKS)
def test_equal_weights_keep_no_weights(task: str, tmp_path: Path) -> None:
    """Fits are called otherwise, so the files differ in their names; what is said of new rows does not."""
    plain, equal = (
        trained(tmp_path / name, task, weight)
        for name, weight in (("a", np.ones(ROWS)), ("b", np.full(ROWS, 0.3)))
    )
    models = [shoal.load(results.folder) for results in (plain, equal)]
    assert all(fold.held_out.weights is None for model in models for fold in model.calibration.folds)
    ask = "predict_interval" if task == "regression" else "predict_set"
    assert np.array_equal(*(getattr(model, ask)(NEW) for model in models))
    assert equal.certainty.worth == equal.certainty.rows == TRAIN


def test_the_command_writes_them(runs: Path, tmp_path: Path) -> None:
    rows = tmp_path / "new.csv"
    NEW.to_csv(rows, index=False)
    asked = predict_file(runs / "regression", rows, coverage=0.8)
    columns = dict(zip(asked.names, asked.columns, strict=True))
    interval = shoal.load(runs / "regression").predict_interval(NEW, 0.8)[:, 0]
    assert columns["interval_low_y"] == interval[:, 0].tolist()
    assert columns["interval_high_y"] == interval[:, 1].tolist()
    with pytest.raises(
        InputError, match=r"^coverage: expected at most 0\.9\d+ of \d+ rows held out that are worth"
    ):
        predict_file(runs / "regression", rows, coverage=0.99)


def test_weights_so_unequal_that_few_rows_count_are_said(tmp_path: Path) -> None:
    weight = np.where(np.arange(ROWS) % 20 == 0, 1000.0, 1.0)
    results = trained(tmp_path / "run", "regression", weight)
    why = results.certainty.why
    assert why.startswith("90 training rows of such unequal weights are worth ")
    assert why.endswith(" rows, too few")
    model = shoal.load(results.folder)
    with pytest.raises(InputError, match="of 90 rows held out that are worth"):
        model.predict_interval(NEW)
    assert model.predict_interval(NEW, 0.5).shape == (40, 1, 2)


def test_a_run_of_before_says_why_its_model_has_none(runs: Path, tmp_path: Path) -> None:
    """All that its report needs is in its store; of its model file it says what was so."""
    folder = Path(shutil.copytree(runs / "regression", tmp_path / "run"))
    model = shoal.load(folder)
    bare = model_bytes(model.architecture, model.parameters, model.facts.described)
    (folder / "model.safetensors").write_bytes(bare)
    why = "rows are weighted (data.weights), and the share of rows that such intervals or sets hold counts each once"
    with Store.open_readonly(folder) as store:
        identity: Any = store.fact("identity")
    with Store.create_or_open(folder, Identity(**identity)) as store:
        store.put_fact(NOT_IN_FILE, why)
    results = Results.open(folder)
    assert results.certainty.covered == Results.open(runs / "regression").certainty.covered
    assert certainty_sentences(results)[-1] == f"The model file leaves the networks of the folds out: {why}."
    NEW.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(InputError) as caught:
        predict_file(folder, tmp_path / "new.csv", coverage=0.8)
    assert str(caught.value).endswith(f"got one without ({folder}): {why}")
