"""The search made again without each outer fold's rows: beside whole studies on those rows alone, and by relations."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from shoal.data import Column, Dataset
from shoal.engine import (
    Executor,
    PlannedFit,
    Planner,
    Silent,
    StudyRows,
    Trainers,
    choose_winner,
    entries,
    ground_truth,
    make_plan,
    nested_rounds,
    warnings_before,
)
from shoal.engine._count import MOST_FITS
from shoal.engine.forecast.time import Circumstances
from shoal.errors import DataError, Interrupted, StudyError
from shoal.pipeline import run
from shoal.results import FitRecord, Identity, Results, Store
from shoal.study import Study, to_toml
from studies import drawing_of, poisoned, tiny_study, two_peaks

TRAINERS = Trainers("native")
SPACE: dict[str, Any] = {"network.hidden[0]": [4, 6], "training.lr": [0.003, 0.03]}


def made_rows(task: str, rows: int, *, groups: bool = False, seed: int = 0) -> Dataset:
    """Training rows and ten test rows of two numbers and a category that not every row has."""
    draw = np.random.default_rng(seed)
    count = rows + 10
    x_ND = draw.normal(size=(count, 2))
    colours = np.array(["red", "green", "blue"])[draw.integers(3, size=count)]
    classes = task == "classification"
    y = (
        (x_ND[:, 0] + 0.5 * draw.normal(size=count) > 0).astype(np.int64)
        if classes
        else x_ND @ [[1.0], [2.0]]
    )
    return Dataset(
        name="made",
        task="classification" if classes else "regression",
        columns=(Column("a", x_ND[:, 0]), Column("b", x_ND[:, 1]), Column("colour", colours)),
        target_names=("y",),
        targets=y,
        classes=("no", "yes") if classes else (),
        train_rows=rows,
        groups=np.array([f"g{number // 4}" for number in range(rows)]) if groups else None,
        given_folds=None,
        train_fingerprint="made",
        test_fingerprint="tested",
        source="made",
    )


def part_of(dataset: Dataset, train: np.ndarray, test: np.ndarray) -> Dataset:
    """A data set of its own, whose training and test rows these are."""
    rows = np.concatenate((train, test))
    return dataclasses.replace(
        dataset,
        columns=tuple(Column(column.name, column.values[rows]) for column in dataset.columns),
        targets=dataset.targets[rows],
        train_rows=len(train),
        groups=None if dataset.groups is None else dataset.groups[train],
    )


def a_study(task: str, **changes: Any) -> Study:
    content: dict[str, Any] = {
        "study": {"task": task, "seed": 7},
        "data": {"train": "made.csv", "target": "y", "categorical": ["colour"], "standardize": "inputs"},
        "network": {"hidden": [4], "activation": "tanh"},
        "training": {"epochs": 6, "batch_size": 8, "lr": 0.01},
        "search": {"folds": 3, "space": SPACE},
        "nested": {"folds": 4},
    }
    return Study.model_validate({key: {**content.get(key, {}), **changes.get(key, {})} for key in content})


def whole(study: Study, dataset: Dataset, folder: Path, *, nested: bool = True) -> Results:
    """Run a study over rows that are in no file; nothing is drawn."""
    planner = Planner(study, dataset, TRAINERS.choose)
    executor = Executor(StudyRows(dataset, study.data.standardize), TRAINERS.by_name, 1, Silent())
    with Store.create_or_open(
        folder, Identity("study", study.study.task, dataset.train_fingerprint)
    ) as store:
        store.put_fact("study", to_toml(study))
        store.put_truth(ground_truth(planner))
        fits = planner.search_fits()
        store.set_plan(entries(fits), planner.candidate_rows())
        executor.execute("training", fits, store)
        fits += planner.winner_fits(*choose_winner(planner, store))
        store.set_plan(entries(fits), planner.candidate_rows())
        executor.execute("winner", fits, store)
        for more in nested_rounds(planner, store) if nested else ():
            store.set_plan(store.plan() + entries(more), planner.candidate_rows())
            executor.execute("nested search", more, store)
    return Results.open(folder)


def outer_rows(task: str, dataset: Dataset, folds: int) -> list[np.ndarray]:
    """The rows of the outer folds, as scikit-learn's splitters divide them."""
    y, rows = dataset.targets[: dataset.train_rows], np.zeros((dataset.train_rows, 1))
    if dataset.groups is not None:
        splits = GroupKFold(folds, shuffle=True, random_state=7).split(rows, groups=dataset.groups)
    elif task == "classification":
        splits = StratifiedKFold(folds, shuffle=True, random_state=7).split(rows, y)
    else:
        splits = KFold(folds, shuffle=True, random_state=7).split(rows)
    return [held for _, held in splits]


CASES: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "regression": ("regression", False, {"data": {"standardize": "both"}}),
    "classes, by the rule, two repeats": (
        "classification",
        False,
        {"search": {"rule": "one-standard-error", "metric": "accuracy", "repeats": 2}},
    ),
    "groups, drawn settings, epochs decided by rows": (
        "regression",
        True,
        {
            "search": {"method": "random", "samples": 3, "folds": 2},
            "training": {"early_stopping": "inner", "inner_share": 0.3, "patience": 1, "keep": "best"},
            "nested": {"folds": 3},
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_outer_fold_is_the_study_on_the_other_rows_alone(case: Any, tmp_path: Path) -> None:
    """An oracle without nesting: the rows outside of the fold as a study of their own, tested on the fold's rows."""
    task, groups, changes = case
    dataset, study = made_rows(task, 48, groups=groups), a_study(task, **changes)
    results = whole(study, dataset, tmp_path / "nested")
    nested = results.nested
    assert nested is not None
    folds = outer_rows(task, dataset, len(nested.folds))
    alone = study.model_copy(update={"nested": None})
    for number, (fold, held) in enumerate(zip(nested.folds, folds, strict=True)):
        rest = np.setdiff1d(np.arange(dataset.train_rows), held)
        other = whole(alone, part_of(dataset, rest, held), tmp_path / str(number), nested=False)
        assert other.choice is not None
        assert fold.candidate_id == other.choice.candidate_id
        (refit,) = [entry.fit_id for entry in other.plan if entry.stage == "refit"]
        frame = results.predictions_of("nested", fold.label)
        own = frame[frame["fit_id"] == fold.fit_id]
        column = "predicted" if task == "regression" else "probability_yes"
        expected_VK = other.test_predictions(refit)
        assert own["row"].tolist() == held.tolist()
        assert own[column].to_numpy().tobytes() == np.ascontiguousarray(expected_VK[:, -1]).tobytes()
        assert fold.rows == len(held)
        assert fold.epochs == other.summaries[refit].epochs
        assert fold.scores == other.summaries[refit].scores["test"]


def test_the_order_of_the_space_changes_nothing(tmp_path: Path) -> None:
    dataset = made_rows("regression", 40)
    turned = {key: values[::-1] for key, values in reversed(SPACE.items())}
    one = whole(a_study("regression"), dataset, tmp_path / "one")
    other = whole(a_study("regression", search={"space": turned}), dataset, tmp_path / "other")
    assert one.nested is not None
    assert other.nested is not None
    assert one.nested.folds == other.nested.folds
    assert one.nested.scores == other.nested.scores
    assert one.summaries.keys() == other.summaries.keys()


def test_test_rows_and_rows_of_other_folds_change_nothing(tmp_path: Path) -> None:
    """Garbage in test rows moves nothing; garbage in an outer fold moves its score, and no network of its search."""
    dataset, study = made_rows("regression", 40), a_study("regression")
    clean = whole(study, dataset, tmp_path / "clean")
    tested = whole(study, poisoned(dataset, np.arange(40, 50)), tmp_path / "tested")
    assert clean.nested is not None
    assert tested.nested is not None
    assert tested.nested.folds == clean.nested.folds
    assert tested.nested.scores == clean.nested.scores
    held = outer_rows("regression", dataset, 4)[1]
    spoilt = whole(study, poisoned(dataset, held), tmp_path / "spoilt")
    fold, same = clean.nested.folds[1], [e.fit_id for e in clean.plan if e.label == "outer fold 2 of 4"]
    assert spoilt.nested is not None
    assert spoilt.nested.folds[1].fit_id == fold.fit_id
    assert spoilt.nested.folds[1].scores != fold.scores
    for fit_id in same:
        for name, array in clean.parameters(fit_id).items():
            assert spoilt.parameters(fit_id)[name].tobytes() == array.tobytes()


class _Stopping(Silent):
    """Sends the signal of Ctrl-C once so many fits of the nested search have ended."""

    def __init__(self, after: int) -> None:
        self.left, self.counts = after, False

    def begin(self, title: str, planned: Sequence[PlannedFit], done: int, work: Any) -> None:
        self.counts = title == "nested search"

    def finished(self, record: FitRecord) -> None:
        self.left -= self.counts
        if self.counts and not self.left:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("after", [3, 28])
def test_a_run_that_was_stopped_goes_on_to_the_same_digest(after: int, tmp_path: Path) -> None:
    study = tiny_study(nested={"folds": 2}, search={"folds": 3, "repeats": 2, "space": SPACE})
    digest = run(study, out=tmp_path / "once", workers=1).digest
    with pytest.raises(Interrupted):
        run(study, out=tmp_path / "stopped", workers=1, watcher=_Stopping(after))
    half = Results.open(tmp_path / "stopped")
    assert half.nested is not None
    assert half.nested.why == "outer fold 1 of 2: not trained yet"
    assert half.nested.scores == {}
    assert (tmp_path / "stopped" / "model.safetensors").exists()
    again = run(study, out=tmp_path / "stopped", workers=2)
    assert again.digest == digest
    assert again.unfinished == 0
    alone = run(tiny_study(search={"folds": 3, "repeats": 2, "space": SPACE}), out=tmp_path / "alone")
    assert {item.fit_id for item in alone.plan} < {item.fit_id for item in again.plan}
    assert [entry for entry in again.plan if entry.stage != "nested"] == list(alone.plan)
    assert alone.nested is None
    assert alone.conclusion == ""


def test_the_plan_counts_what_is_trained(tmp_path: Path) -> None:
    study = tiny_study(nested={"folds": 3})
    planner = Planner(study, two_peaks(), TRAINERS.choose)
    circumstances = Circumstances(TRAINERS.by_name, 1, drawing_of(planner))
    planned = make_plan(planner, circumstances)
    results = run(study, out=tmp_path / "run", workers=1)
    assert [stage[:2] for stage in planned.stages] == [
        ("search", 12), ("comparisons", 2), ("winner", 2), ("nested", 3 * (12 + 1)),
    ]  # fmt: skip
    nested = [entry for entry in results.plan if entry.stage == "nested"]
    assert len(nested) == planned.stages[-1][1]
    without = make_plan(
        Planner(tiny_study(), two_peaks(), TRAINERS.choose), dataclasses.replace(circumstances)
    )
    assert planned.stages[:3] == without.stages
    assert planned.time_alone["training"] > 2 * without.time_alone["training"]
    assert planned.memory["training"] >= without.memory["training"]
    known = frozenset(results.summaries)
    done = make_plan(planner, dataclasses.replace(circumstances, known=known))
    assert done.fits <= 2 + 3  # refits alone, as if the costliest candidate won everywhere


def test_too_many_fits_are_refused_by_the_number_of_outer_folds() -> None:
    search = {"folds": 60, "repeats": 60, "space": {"training.lr": [0.01, 0.02]}}
    with pytest.raises(StudyError) as caught:
        Planner(tiny_study(search=search, nested={"folds": 200}), two_peaks(), TRAINERS.choose)
    fits = 7200 + 200 * 7201 + 4
    what = f"expected at most {MOST_FITS:,} fits in all, got {fits:,}; a smaller nested.folds asks for fewer"
    assert str(caught.value) == f"nested.folds: {what}"


def test_folds_that_the_rows_do_not_allow_are_refused_by_their_key() -> None:
    dataset = made_rows("regression", 9)
    with pytest.raises(DataError) as caught:
        _ = Planner(a_study("regression", nested={"folds": 10}), dataset, TRAINERS.choose).outer_searches
    assert str(caught.value) == "nested.folds: expected at most 9 folds (the training rows), got 10"
    with pytest.raises(DataError) as caught:
        _ = Planner(
            a_study("regression", search={"folds": 7}, nested={"folds": 3}), dataset, TRAINERS.choose
        ).outer_searches
    what = "without the rows of outer fold 1 of 3, expected at most 6 folds (the training rows), got 7"
    assert str(caught.value) == f"search.folds: {what}"


def test_given_folds_are_those_of_the_rows_outside_of_an_outer_fold() -> None:
    fold_N = np.tile([0, 1, 2, -1], 10)
    dataset = dataclasses.replace(made_rows("regression", 40), given_folds=fold_N)
    study = a_study("regression", search={"folds": {"kind": "given", "column": "fold"}})
    searches = Planner(study, dataset, TRAINERS.choose).outer_searches
    assert len(searches) == 4
    for search in searches:
        rest = search.refit_split.train
        held = [split.validation.tolist() for split in search.folds]
        assert held == [rest[fold_N[rest] == fold].tolist() for fold in (0, 1, 2)]
    late = np.where(np.isin(np.arange(40), searches[1].refit_split.validation), 0, -1)
    few = Planner(study, dataclasses.replace(dataset, given_folds=late), TRAINERS.choose)
    with pytest.raises(DataError) as caught:
        _ = few.outer_searches
    what = "without the rows of outer fold 2 of 4, expected a fold in the column, got none"
    assert str(caught.value) == f"search.folds: {what}"
    lone = np.where(np.isin(np.arange(40), searches[1].refit_split.validation), 0, 1)
    for standardize in ("none", "both"):
        asked = a_study("regression", data={"standardize": standardize}, search=study.search.model_dump())
        with pytest.raises(DataError) as caught:
            _ = Planner(asked, dataclasses.replace(dataset, given_folds=lone), TRAINERS.choose).outer_searches
        what = "expected two folds in the column, so that rows are left to train on, got one"
        assert str(caught.value) == f"search.folds: without the rows of outer fold 2 of 4, {what}"


def test_outer_folds_that_divide_groups_are_said_before_anything_is_trained() -> None:
    dataset = made_rows("regression", 40, groups=True)

    def warnings(nested: dict[str, Any]) -> list[str]:
        return list(warnings_before(Planner(a_study("regression", nested=nested), dataset, TRAINERS.choose)))

    assert warnings({"folds": 5}) == []
    (sentence,) = warnings({"folds": {"kind": "k-fold", "n": 5}})
    assert sentence.endswith(
        "of 10 groups (data.groups) have rows on both sides of an outer fold, so that nested scores are too good;"
        ' nested.folds.kind = "grouped" keeps each on one side'
    )


def test_a_batch_of_one_row_is_refused_before_anything_is_trained() -> None:
    study = a_study(
        "regression", network={"batch_norm": True}, training={"batch_size": 29}, nested={"folds": 4}
    )
    planner = Planner(study, made_rows("regression", 40), Trainers("torch").choose)
    with pytest.raises(StudyError, match=r"training.batch_size: .*30 training rows \(outer fold 1 of 4\)"):
        _ = planner.likely_nested


@given(
    st.integers(24, 60), st.integers(2, 5), st.integers(2, 3), st.integers(0, 2**40),
    st.sampled_from(["regression", "classification", "groups"]), st.integers(1, 2),
)  # fmt: skip
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_no_fit_of_an_outer_fold_sees_its_rows(
    rows: int, outer: int, inner: int, seed: int, kind: str, times: int
) -> None:
    """Whatever the splits: rows, inner rows and groups of an outer fold are in no fit of its search; all rows are."""
    task = "classification" if kind == "classification" else "regression"
    dataset = made_rows(task, 2 * rows, groups=kind == "groups", seed=seed % 1000)
    drawn = {"kind": "repeated", "n": inner, "times": times} if kind == "regression" else inner
    training = {"early_stopping": "inner", "inner_share": 0.3}
    study = a_study(
        task, study={"seed": seed}, search={"folds": drawn}, nested={"folds": outer}, training=training
    )
    planner = Planner(study, dataset, TRAINERS.choose)
    scored = np.concatenate([search.refit_split.validation for search in planner.outer_searches])
    assert np.sort(scored).tolist() == list(range(2 * rows))
    numbers = [item.entry.fold for search in planner.outer_searches for item in search.search_fits()]
    numbers += [item.entry.fold for item in planner.likely_nested]
    assert sorted(set(numbers)) == list(range(len(planner.nested_splits)))
    for item in (*planner.nested_fits(), *planner.likely_nested):
        (search,) = [s for s in planner.outer_searches if s.refit_split.label == item.entry.label]
        held = search.refit_split.validation
        split = planner.nested_splits[item.entry.fold]
        assert split.train is item.fit.split.train
        assert not item.fit.tested
        seen = [item.fit.split.train, item.fit.rows.inner]
        refit = item.fit.split.validation is held
        seen += [] if refit else [item.fit.split.validation]
        assert not np.isin(held, np.concatenate(seen)).any()
        whole = np.sort(np.concatenate((item.fit.split.train, item.fit.split.validation)))
        assert whole.tolist() == (list(range(2 * rows)) if refit else search.refit_split.train.tolist())
        if dataset.groups is not None:
            assert not set(dataset.groups[held]) & set(dataset.groups[np.concatenate(seen)])


class _Records:
    """A store of records made up: the fits of these places diverged."""

    def __init__(self, store: Store, planner: Planner, diverged: Sequence[str]) -> None:
        self.truth, self.arrays, self._planner, self._diverged = store.truth, store.arrays, planner, diverged
        self._records = store.summaries()

    def summaries(self) -> dict[str, FitRecord]:
        return {
            name: dataclasses.replace(record, status="diverged", scores={})
            if name in self._diverged
            else record
            for name, record in self._records.items()
        }


def test_a_refit_that_diverges_is_made_anew_and_a_search_that_fails_delivers_nothing(tmp_path: Path) -> None:
    """The one policy: a candidate with a failed fit is never chosen; the first refit that is well is delivered."""
    study, dataset = (
        a_study("regression", study={"repeats": 2}, nested={"folds": 2}),
        made_rows("regression", 40),
    )
    results = whole(study, dataset, tmp_path / "run")
    planner = Planner(study, dataset, TRAINERS.choose)
    assert results.nested is not None
    first, second = results.nested.folds
    chosen = [
        item.fit.id
        for item in planner.outer_searches[0].search_fits()
        if item.entry.candidate_id == first.candidate_id
    ]
    with Store.open_readonly(tmp_path / "run") as store:
        records: Any = _Records(store, planner, [chosen[0], second.fit_id])
        rounds = nested_rounds(planner, records)
        assert len(next(rounds)) == 2 * 12
        other, refit = next(rounds)
        assert other.entry.candidate_id != first.candidate_id
        assert refit.fit.id == second.fit_id
        planner = Planner(study, dataset, TRAINERS.choose)
        every = [item.fit.id for item in planner.outer_searches[0].search_fits()]
        records = _Records(store, planner, [*every, second.fit_id])
        rounds = nested_rounds(planner, records)
        next(rounds)
        (refit,) = next(rounds)  # of the second fold; nothing is delivered in the first
        assert (refit.entry.label, refit.entry.repeat) == (second.label, 0)
        (again,) = next(rounds)
        assert (again.entry.label, again.entry.repeat) == (second.label, 1)


def test_results_say_why_an_outer_fold_delivers_nothing(tmp_path: Path) -> None:
    study = a_study("regression", nested={"folds": 2})
    results = whole(study, made_rows("regression", 40), tmp_path / "run")
    assert results.nested is not None
    first, second = results.nested.folds

    def with_diverged(fit_ids: Sequence[str]) -> Results:
        fits = {
            name: dataclasses.replace(fit, status="diverged", scores={}) if name in fit_ids else fit
            for name, fit in results.summaries.items()
        }
        return dataclasses.replace(results, summaries=fits)

    nested = with_diverged([first.fit_id]).nested
    assert nested is not None
    assert nested.why == "outer fold 1 of 2: every refit diverged or failed"
    assert nested.scores == {}
    assert nested.folds[1] == second
    own = [entry.fit_id for entry in results.plan if entry.label == second.label]
    nested = with_diverged(own).nested
    assert nested is not None
    assert nested.why == "outer fold 2 of 2: every candidate has a fit that diverged or failed"
    conclusion = with_diverged(own).conclusion
    assert conclusion.endswith(f"how good it is expected to be is not known ({nested.why}).")
