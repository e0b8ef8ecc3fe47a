"""The networks of the chosen candidate's folds answer the test rows: once, after the choice, and only they."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dots import end_with_the_model
from shoal.data import load_builtin
from shoal.engine import Planner, Trainers, ask_ensemble, load_data
from shoal.model import load
from shoal.pipeline import run
from shoal.predict import ensemble as ensemble_of_models
from shoal.results import Identity, Results, Store, vote_entropy
from shoal.study import Study
from studies import tiny_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        folder = tmp_path_factory.mktemp("ensemble")
        run(tiny_study(search={"repeats": 2}), out=folder, workers=1)
        return folder


def planner_of(results: Results, **changes: object) -> Planner:
    return Planner(results.study, replace(load_data(results.study), **changes), Trainers().choose)


def test_its_answers_are_those_of_the_models_it_is_made_of(folder: Path) -> None:
    results = Results.open(folder)
    asked, dataset = results.ensemble, load_builtin("two-peaks")
    assert asked is not None
    models, why_not = ensemble_of_models(results, load(folder))
    assert why_not == ""
    assert asked.test_MVK.shape == (6, 100, 1)
    answers = {
        model.facts.fit.id: model.predict({"input": dataset.columns[0].values[100:]}) for model in models
    }
    for entry, answer_VK in zip(asked.members, asked.test_MVK, strict=True):
        np.testing.assert_allclose(answer_VK, answers[entry.fit_id], rtol=1e-6)
    grid = {model.facts.fit.id: model.predict({"input": asked.grid_G}) for model in models}
    for entry, answer_GK in zip(asked.members, asked.grid_MGK, strict=True):
        np.testing.assert_allclose(answer_GK, grid[entry.fit_id], rtol=1e-6)
    assert (asked.grid_G.min(), asked.grid_G.max()) == (
        dataset.columns[0].values.min(),
        dataset.columns[0].values.max(),
    )


def test_only_the_chosen_candidate_is_asked_and_no_digest_changes(folder: Path) -> None:
    results = Results.open(folder)
    assert results.choice is not None
    with Store.open_readonly(folder) as store:
        part = store.fact("ensemble")["part"]
        asked = {entry.fit_id for entry in results.plan if store.derived(entry.fit_id, part) is not None}
    chosen = {
        e.fit_id for e in results.plan if (e.stage, e.candidate_id) == ("search", results.choice.candidate_id)
    }
    assert asked == chosen
    before = results.digest
    with Store.create_or_open(folder, identity_of(folder)) as store:
        store.put_derived(next(iter(chosen)), "more", {"x": np.ones(3)})
    assert Results.open(folder).digest == before


def identity_of(folder: Path) -> Identity:
    with Store.open_readonly(folder) as store:
        return Identity(**store.fact("identity"))


def test_it_is_asked_once_and_again_for_other_test_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shoal.engine import _ensemble

    results, asked, real = Results.open(folder), [], _ensemble.answers
    assert results.choice is not None
    monkeypatch.setattr(_ensemble, "answers", lambda *given: asked.append(given) or real(*given))
    planner = planner_of(results)
    winner = next(one for one in planner.candidates if one.id == results.choice.candidate_id)
    with Store.create_or_open(folder, identity_of(folder)) as store:
        before = store.fact("ensemble")
        ask_ensemble(planner, winner, store, Trainers().by_name)
        assert asked == []
        assert store.fact("ensemble") == before
        ask_ensemble(planner_of(results, test_fingerprint="other"), winner, store, Trainers().by_name)
        assert len(asked) == 2 * 6
        ask_ensemble(planner, winner, store, Trainers().by_name)
        assert store.fact("ensemble") == before


def test_without_a_search_there_is_none(tmp_path: Path) -> None:
    results = run(tiny_study(search=None, compare=None), out=tmp_path, workers=1)
    assert results.ensemble is None
    assert len(results.ensemble_scores) == 0


def test_images_are_those_that_the_networks_disagree_about_most(tmp_path: Path) -> None:
    study = {
        "study": {"name": "digits", "task": "classification"},
        "data": {"dataset": "digits"},
        "network": {"hidden": [8]},
        "training": {"batch_size": 200, "epochs": 2},
        "search": {"folds": 3},
    }
    results, dataset = run(Study.model_validate(study), out=tmp_path, workers=1), load_builtin("digits")
    asked = results.ensemble
    assert asked is not None
    assert dataset.images is not None
    entropy_V = vote_entropy(asked.test_MVK)
    rows = np.argsort(-entropy_V, kind="stable")[:40]
    assert asked.image_rows.tolist() == (dataset.train_rows + rows).tolist()
    np.testing.assert_array_equal(asked.images, dataset.images[asked.image_rows])
    assert asked.test_MVK.sum(axis=2) == pytest.approx(1)
    table = results.ensemble_scores.set_index("network")["accuracy"]
    right = asked.mean_VK.argmax(axis=1) == results.truth.y[results.truth.train_rows :]
    assert table["ensemble"] == pytest.approx(right.mean())
    assert table["delivered"] == results.refit["test_accuracy"][0]
