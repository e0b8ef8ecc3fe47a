"""The simple models beside the delivered network: scikit-learn's own, bounded, kept by content, said where missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from dots import end_with_the_model
from shoal.data import Column, Dataset, load_builtin, make_folds
from shoal.data import FoldOptions as Options
from shoal.engine import Planner, Trainers, _simple_models
from shoal.engine._simple_models import (
    PENALTIES,
    _coded,
    _frequent,
    ask_simple_models,
    rows_drawn,
    why_none,
    width,
)
from shoal.errors import RunFolderError
from shoal.look import results_text
from shoal.parts import Parts
from shoal.results import Results, Store
from shoal.study import Study
from studies import tiny_study


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch, simple_models=True)
        yield


SHORT: dict[str, Any] = {"search": None, "compare": [], "training": {"epochs": 2}}


def answers_of(results: Results) -> dict[str, np.ndarray | None]:
    return {model.name: model.answers_VK for model in results.baselines}


def planner_of(study: Study, dataset: Dataset) -> Planner:
    return Planner(study, dataset, Trainers("auto", "cpu").choose)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return shoal.run(tiny_study(**SHORT), out=tmp_path_factory.mktemp("run"), workers=1)


def test_regression_is_ridge_and_boosted_trees_of_scikit_learn(finished: Results) -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    dataset = load_builtin("two-peaks")
    x, y = dataset.columns[0].values[:, None], dataset.targets[:, 0]
    train, test = slice(0, 100), slice(100, None)
    constant, linear, trees = answers_of(finished).values()
    assert constant is not None
    np.testing.assert_allclose(constant[:, 0], y[train].mean())
    folds = KFold(3, shuffle=True, random_state=3)
    pipelines = {
        penalty: make_pipeline(StandardScaler(), Ridge(alpha=penalty * 100)) for penalty in PENALTIES
    }
    errors = {
        # The folds have 66 or 67 rows, of each of which the penalty is the same share.
        penalty: -np.mean([
            cross_val_score(
                make_pipeline(StandardScaler(), Ridge(alpha=penalty * len(fitted))), x[train], y[train],
                cv=[(fitted, judged)], scoring="neg_mean_squared_error",
            )
            for fitted, judged in folds.split(x[train])
        ])
        for penalty in PENALTIES
    }  # fmt: skip
    best = pipelines[min(errors, key=lambda penalty: errors[penalty])].fit(x[train], y[train])
    assert linear is not None
    np.testing.assert_allclose(linear[:, 0], best.predict(x[test]), rtol=1e-4, atol=1e-5)
    grown = HistGradientBoostingRegressor(max_iter=100, early_stopping=False, random_state=0).fit(
        x[train], y[train]
    )
    assert trees is not None
    np.testing.assert_allclose(trees[:, 0], grown.predict(x[test]), rtol=1e-4, atol=1e-4)


def test_scores_and_intervals_are_those_of_the_delivered_networks_own_kind(finished: Results) -> None:
    y = finished.truth.y[100:, 0]
    own = finished.test_predictions(str(finished.delivered_id))[:, 0]
    for beside in finished.beside_baselines("mse"):
        other = np.asarray(beside.baseline.answers_VK)[:, 0]
        apart = (own - y) ** 2 - (other - y) ** 2
        assert beside.score == pytest.approx(np.mean((other - y) ** 2))
        assert beside.difference.mean == pytest.approx(apart.mean())
        assert beside.interval.low < beside.score < beside.interval.high
        assert beside.difference.low < apart.mean() < beside.difference.high
        # Close to Student's interval, whose outer end skewness moves.
        half = 1.98 * apart.std(ddof=1) / 10
        assert beside.difference.high - beside.difference.low == pytest.approx(2 * half, rel=0.5)


def test_any_number_of_workers_gives_the_same_bytes_and_nothing_is_fitted_twice(
    finished: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = shoal.run(tiny_study(**SHORT), out=tmp_path, workers=2)
    for name, answers in answers_of(finished).items():
        assert np.asarray(answers).tobytes() == np.asarray(answers_of(again)[name]).tobytes()

    def fitted(*_: Any) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(_simple_models, "_answered", fitted)
    shoal.run(tiny_study(**SHORT), out=tmp_path, workers=2)
    edited = shoal.run(tiny_study(**SHORT | {"training": {"epochs": 3}}), out=tmp_path, workers=1)
    assert edited.missing == ()
    assert np.array_equal(np.asarray(answers_of(edited)["trees"]), np.asarray(answers_of(again)["trees"]))


def test_what_cannot_be_fitted_is_missing_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise ValueError("no trees today")

    monkeypatch.setattr(_simple_models, "_trees", breaks)
    with pytest.warns(
        RuntimeWarning, match="missing: simple models, trees: ValueError: no trees today; the same"
    ):
        results = shoal.run(tiny_study(**SHORT), out=tmp_path, workers=1)
    assert [part.part for part in results.missing] == ["simple models, trees"]
    assert [(model.name, model.why) for model in results.baselines] == [
        ("constant", ""), ("linear", ""), ("trees", "none was fitted in this run"),
    ]  # fmt: skip


def test_a_study_may_ask_for_none(tmp_path: Path) -> None:
    results = shoal.run(tiny_study(**SHORT, checks={"baselines": False}), out=tmp_path, workers=1)
    assert [model.why for model in results.baselines] == [
        "",
        *2 * ["the study asks for none (checks.baselines = false)"],
    ]
    assert shoal.plan(tiny_study(**SHORT, checks={"baselines": False})).time_alone["simple models"] == 0


def test_classes_get_probabilities_of_logistic_regression(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 2))
    labels = np.where(x[:, 0] + 0.5 * rng.normal(size=160) > 0, "b", "a")
    lines = ["p,q,kind", *(f"{p!r},{q!r},{label}" for (p, q), label in zip(x.tolist(), labels, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    data = {"train": str(tmp_path / "t.csv"), "target": "kind", "dataset": None, "test_share": 0.25}
    study = tiny_study(**SHORT, study={"task": "classification"}, data=data, network={"activation": "relu"})
    results = shoal.run(study, out=tmp_path / "run", workers=1)
    _, linear, trees = answers_of(results).values()
    for strange in (
        np.full((40, 2), 0.7),
        np.tile([1.5, -0.5], (40, 1)),
    ):  # as a stranger may have written them
        with Store.reopen(tmp_path / "run") as store:
            place = store.fact("simple models")["trees"]
            store.put_derived(place["fit_id"], place["part"], {"test": strange})
        with pytest.raises(RunFolderError):
            _ = Results.open(tmp_path / "run").baselines
    for answers in (linear, trees):
        np.testing.assert_allclose(np.asarray(answers).sum(axis=1), 1)
        right = np.mean(np.asarray(answers).argmax(axis=1) == results.truth.y[results.truth.train_rows :])
        assert right > 0.6
    from sklearn.linear_model import LogisticRegression

    inputs = (results.truth.x_ND - results.truth.x_ND[:120].mean(axis=0)) / results.truth.x_ND[:120].std(
        axis=0
    )
    close = [
        LogisticRegression(C=1 / (120 * penalty), max_iter=200)
        .fit(inputs[:120], results.truth.y[:120])
        .predict_proba(inputs[120:])
        for penalty in PENALTIES
    ]
    assert min(np.abs(of_penalty - linear).max() for of_penalty in close) < 1e-3


def test_images_get_a_linear_model_alone(tmp_path: Path) -> None:
    study = tiny_study(
        **SHORT | {"training": {"epochs": 1}}, study={"task": "classification"}, data={"dataset": "digits"}
    )
    results = shoal.run(study, out=tmp_path, workers=1)
    constant, linear, trees = results.baselines
    assert (linear.rows, trees.why) == (1438, "trees are not grown on pixels")
    accuracy = {beside.baseline.name: beside.score for beside in results.beside_baselines("accuracy")}
    assert accuracy["linear"] > 0.93
    assert constant.answers_VK is not None
    assert accuracy["constant"] == np.mean(results.truth.y[1438:] == constant.answers_VK[0].argmax())


# -- bounds --------------------------------------------------------------------------------------------------


def wide(rows: int, columns: int, targets: int = 1) -> Dataset:
    rng = np.random.default_rng(1)
    small = load_builtin("two-peaks")
    return replace(
        small,
        columns=tuple(Column(f"c{k}", rng.normal(size=rows + 5)) for k in range(columns)),
        targets=rng.normal(size=(rows + 5, targets)),
        target_names=tuple(f"t{k}" for k in range(targets)),
        train_rows=rows,
    )


def test_rows_are_drawn_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_simple_models, "CELLS", {"linear": 30_000, "trees": 12_000})
    planner = planner_of(tiny_study(**SHORT), wide(4000, 10))
    linear, trees = rows_drawn(planner, "linear"), rows_drawn(planner, "trees")
    assert (len(linear), len(trees)) == (3000, 1200)
    assert len(np.unique(linear)) == 3000
    assert (np.diff(linear) > 0).all()
    assert linear.max() < 4000
    monkeypatch.setattr(_simple_models, "CELLS", {"linear": 1, "trees": 1})
    assert len(rows_drawn(planner, "trees")) == 1000
    assert width(planner_of(tiny_study(**SHORT), wide(50, 3, targets=4)), "trees") == 12


def test_what_would_take_too_long_is_not_fitted() -> None:
    many = planner_of(tiny_study(**SHORT), wide(50, 1, targets=31))
    assert why_none(many, "trees") == "trees are not grown for more than 30 targets"
    assert why_none(many, "linear") == ""
    broad = planner_of(tiny_study(**SHORT), wide(20, 5001, targets=2))
    assert why_none(broad, "linear") == "more than 10,000 inputs times outputs would take too long"


def test_without_scikit_learn_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_simple_models, "_sklearn", lambda: None)
    planner = planner_of(tiny_study(**SHORT), load_builtin("two-peaks"))
    assert why_none(planner, "linear") == "scikit-learn, which fits it, is not installed"


def test_categories_beyond_the_most_frequent_are_one() -> None:
    values = np.array(["b", "b", "a", "c", *(f"rare{k:03d}" for k in range(400))])
    names = _frequent(values)
    assert len(names) == 254
    assert {"a", "b", "c"} <= set(names.tolist())
    codes = _coded(np.array(["b", "new", "rare399"]), names)
    assert codes[1] == codes[2] == 254
    assert names[int(codes[0])] == "b"


def test_inputs_of_more_categories_than_trees_tell_apart_are_named_where_the_comparison_stands(
    tmp_path: Path, simple_models: None
) -> None:
    """By a run, by one that takes the answers of an earlier one, and by nobody where all are told apart."""
    draw = np.random.default_rng(3)
    rows = {"x": draw.normal(size=520), "town": [f"t{k:03d}" for k in np.arange(520) % 300]}
    rows["y"] = rows["x"] + draw.normal(size=520)
    asked: dict[str, Any] = {
        "target": "y", "data": {"categorical": ["town"], "test_share": 0.2}, "network": {"hidden": [2]},
        "training": {"epochs": 1},
    }  # fmt: skip
    said = (
        "Boosted trees tell the 254 most frequent categories of an input apart: all others of “town” are a single one"
        " to them."
    )
    for _ in range(2):
        results = shoal.run(rows, out=tmp_path / "wide", workers=1, **asked)
        assert results.baselines[-1].pooled == ("town",)
        assert said in " ".join(results_text(results).split())
    rows["town"] = [f"t{k:03d}" for k in np.arange(520) % 120]
    results = shoal.run(rows, out=tmp_path / "narrow", workers=1, **asked)
    assert results.baselines[-1].pooled == ()
    assert "Boosted trees tell" not in results_text(results)


def test_penalties_are_chosen_on_the_folds_of_the_study() -> None:
    study = tiny_study(compare=[], training={"epochs": 2})
    planner = planner_of(study, load_builtin("two-peaks"))
    rows = np.arange(100)
    folds = list(_simple_models._folds(planner, rows))
    assert [judged.tolist() for _, judged in folds] == [split.validation.tolist() for split in planner.folds]
    alone = planner_of(tiny_study(**SHORT), load_builtin("two-peaks"))
    own = make_folds(alone.dataset, Options(n=3, seed=3))
    assert [j.tolist() for _, j in _simple_models._folds(alone, rows)] == [s.validation.tolist() for s in own]


# -- what a stranger may have written ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fact",
    [
        {"linear": {"fit_id": "nobody", "part": "x", "rows": 5, "why": ""}},
        {"linear": {"fit_id": 3, "part": "x", "rows": 5, "why": ""}},
        {"linear": {"part": "x"}},
        {"forest": {"fit_id": "", "part": "", "rows": 0, "why": "x"}},
        ["linear"],
        {"linear": {"fit_id": "DELIVERED", "part": "few", "rows": 5, "why": ""}},
        {"linear": {"fit_id": "DELIVERED", "part": "wild", "rows": 5, "why": ""}},
        {"linear": {"fit_id": "DELIVERED", "part": "fair", "rows": 500, "why": ""}},
    ],
)
def test_a_strangers_simple_models_are_refused(tmp_path: Path, fact: Any) -> None:
    results = shoal.run(tiny_study(**SHORT, checks={"baselines": False}), out=tmp_path, workers=1)
    delivered = str(results.delivered_id)
    with Store.reopen(tmp_path) as store:
        store.put_derived(delivered, "few", {"test": np.zeros((3, 1))})
        store.put_derived(delivered, "wild", {"test": np.full((100, 1), np.nan)})
        store.put_derived(delivered, "fair", {"test": np.zeros((100, 1))})
        store.put_fact("study", store.fact("study").replace("baselines = false", "baselines = true"))
        if isinstance(fact, dict):
            fact = {
                k: v | ({"fit_id": delivered} if v.get("fit_id") == "DELIVERED" else {})
                for k, v in fact.items()
            }
        store.put_fact("simple models", fact)
    opened = Results.open(tmp_path)
    with pytest.raises(RunFolderError):
        _ = opened.baselines


def test_a_strangers_answers_are_not_taken_up_by_a_run(finished: Results, tmp_path: Path) -> None:
    study = tiny_study(**SHORT)
    first = shoal.run(study, out=tmp_path, workers=1)
    with Store.reopen(tmp_path) as store:
        fact = store.fact("simple models")
        store.put_derived(fact["trees"]["fit_id"], fact["trees"]["part"], {"test": np.zeros((7, 1))})
        planner = planner_of(study, load_builtin("two-peaks"))
        with pytest.raises(RunFolderError, match="the answers of the simple models"):
            ask_simple_models(planner, str(first.delivered_id), store, Parts())
