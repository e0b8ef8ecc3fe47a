"""Whole runs of rows that have an order: what each fit learns from, what is scored, said and kept, and what is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dots import end_with_the_model
from shoal.engine import Planner, Trainers, load_data
from shoal.errors import ShoalError
from shoal.look import results_text
from shoal.look._time_folds import Ageing, ageing_of, ageing_sentence, time_folds
from shoal.look.page.report import report_html
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import Results
from shoal.study import Study, parse_study

ROWS, GAP = 150, 2


def table() -> pd.DataFrame:
    """Rows of 150 days in any order, in groups of five days; what is learned drifts."""
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"x": draw.normal(size=ROWS), "z": draw.normal(size=ROWS)})
    rows["day"] = pd.date_range("2020-01-01", periods=ROWS).astype(str)
    rows["week"] = [f"w{row // 5}" for row in range(ROWS)]
    rows["y"] = rows.x + 0.3 * draw.normal(size=ROWS) + np.linspace(0, 2, ROWS)
    return rows.sample(frac=1, random_state=1)


def study_of(folder: Path, rows: pd.DataFrame, kind: str | None = None, **data: Any) -> Study:
    rows.to_csv(folder / "t.csv", index=False)
    tree: dict[str, Any] = {
        "study": {"task": "regression", "name": "days"},
        "data": {"train": str(folder / "t.csv"), "target": "y", "standardize": "both", "gap": GAP, **data},
        "network": {"hidden": [6]},
        "training": {"epochs": 6, "lr": 0.01, "early_stopping": "inner", "keep": "best"},
        "compare": [{"name": "sgd", "training": {"optimizer": "sgd"}}],
        "search": {"folds": {"n": 4}, "space": {"training.lr": [0.01, 0.05]}},
    }
    if kind is not None:
        tree["search"]["folds"]["kind"] = kind
    if "groups" not in data:
        tree["nested"] = {"folds": 3}
    return parse_study(tree)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("days")


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        study = study_of(folder, table(), time="day", ignore=["week"])
        return run(study, out=folder / "run", workers=1)


def test_each_fit_learns_from_earlier_rows_and_every_row_has_its_place(results: Results) -> None:
    truth = results.truth
    assert truth.train_rows == 118
    times = truth.times
    assert len(times) == 148  # two are in the gap before the test rows
    assert times[truth.train_rows :].min() - times[: truth.train_rows].max() == 3 * 86_400
    places = {(entry.stage, entry.fold): entry for entry in results.plan if entry.stage == "search"}
    for (_, fold), entry in places.items():
        judged, unused = truth.validation_rows["search", fold], truth.unused_rows[fold]
        learned = np.setdiff1d(np.arange(truth.train_rows), [*judged, *unused])
        assert (len(learned), len(judged)) == (entry.train_rows, entry.validation_rows)
        assert times[judged].min() - times[learned].max() == (GAP + 1) * 86_400
    held = np.concatenate([truth.validation_rows["search", fold] for fold in range(4)])
    assert len(set(held)) == len(held) == 92
    assert set(results.predictions.query("rows == 'validation' and stage == 'search'")["row"]) == set(held)


def test_scores_and_their_errors_are_those_of_the_rows_that_are_held_out(results: Results) -> None:
    best = results.candidates.iloc[0]
    mine = results.predictions["candidate_id"] == best["candidate_id"]
    rows = results.predictions[mine].query("stage == 'search' and rows == 'validation'")
    by_fold = ((rows["predicted"] - rows["true"]) ** 2).groupby(rows["fold"]).mean()
    assert best["selection_score"] == pytest.approx(by_fold.mean())
    assert best["standard_error"] > 0
    assert results.candidates["ci_low"].notna().sum() == 1
    assert results.expected_score > 0
    assert (
        results.search_errors([best["candidate_id"]]).units == 40
    )  # ten blocks of neighbours in each of four folds


def test_rows_of_a_fold_are_drawn_in_blocks_of_neighbours_in_time(results: Results) -> None:
    """Each holds as many rows as any other, in one stretch of time of one fold; rows that no fold has are in none."""
    with results.rows_held_out() as rows:
        truth = rows.truth
        unit_N, count = rows._units()
    held_F = [row_V for (stage, _), row_V in truth.validation_rows.items() if stage == "search"]
    assert count == 41
    assert set(np.flatnonzero(unit_N)) == set(np.concatenate(held_F).tolist())
    for row_V in held_F:
        in_order_V = unit_N[row_V[np.argsort(truth.times[row_V])]]
        assert (np.diff(in_order_V) >= 0).all()
        assert set(np.bincount(in_order_V)[in_order_V.min() :]) <= {len(row_V) // 10, -(-len(row_V) // 10)}
    said = "(model confidence set over the rows held out, in blocks of neighbours in time, 5 %)"
    assert said in " ".join(results_text(results).split())
    errors_C = results.search_errors([*results.tried][:2]).scores.rows
    unordered = replace(results, truth=replace(results.truth, times=np.zeros(0)))
    assert (errors_C != unordered.search_errors([*results.tried][:2]).scores.rows).all()


def test_outer_folds_are_scored_though_no_refit_learns_from_all_other_rows(results: Results) -> None:
    nested = results.nested
    assert nested is not None
    assert not nested.why
    assert [fold.rows for fold in nested.folds] == [29, 29, 29]
    answering = {fold.fit_id for fold in nested.folds}
    refits = [entry for entry in results.plan if entry.stage == "nested" and entry.fit_id in answering]
    assert [entry.train_rows for entry in refits] == [29, 58, 87]
    assert nested.scores["loss"].interval.known


def test_networks_of_folds_do_not_say_how_sure_a_prediction_is(results: Results) -> None:
    assert results.certainty.why == "the folds do not hold out each training row exactly once"
    assert "do not hold out each training row exactly once" in " ".join(results_text(results).split())


def test_folds_are_shown_in_order_of_time(results: Results) -> None:
    folds = time_folds(results)
    assert [(fold.label, fold.trained, fold.judged) for fold in folds] == [
        ("fold 1 of 4", "24 rows, 2020-01-01 to 2020-01-24", "23 rows, 2020-01-27 to 2020-02-18"),
        ("fold 2 of 4", "47 rows, 2020-01-01 to 2020-02-16", "23 rows, 2020-02-19 to 2020-03-12"),
        ("fold 3 of 4", "70 rows, 2020-01-01 to 2020-03-10", "23 rows, 2020-03-13 to 2020-04-04"),
        ("fold 4 of 4", "93 rows, 2020-01-01 to 2020-04-02", "23 rows, 2020-04-05 to 2020-04-27"),
    ]
    assert np.mean([fold.score for fold in folds]) == pytest.approx(results.candidates["selection_score"][0])
    text = results_text(results)
    assert "the winner’s folds, in order of time" in text
    assert re.search(r"fold 4 of 4 +93 rows, 2020-01-01 to 2020-04-02 +23 rows", text)
    assert "other test rows (in blocks of neighbours in time)" in " ".join(text.split())
    page = report_html(results, [])
    assert "The winner’s folds, in order of time" in page
    assert (
        "search</td><td>4 folds of the training rows (time)" in page
        or "4 folds of the training rows (time)" in page
    )


def names_of_fits(study: Study) -> list[str]:
    planner = Planner(study, load_data(study), Trainers().choose)
    fits = (
        *planner.search_fits(),
        *planner.comparison_fits(),
        *planner.likely_winner,
        *planner.nested_fits(),
    )
    return [item.fit.id for item in fits]


def test_a_column_and_the_order_of_the_file_say_the_same(tmp_path: Path) -> None:
    rows = table().sort_values("day", kind="stable")
    by_column = study_of(tmp_path, rows, time="day", ignore=["week"])
    as_they_stand = study_of(tmp_path, rows, ordered=True, ignore=["week", "day"])
    assert names_of_fits(by_column) == names_of_fits(as_they_stand)


def test_a_run_that_is_made_again_trains_nothing_and_keeps_its_digest(
    results: Results, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    study = study_of(folder, table(), time="day", ignore=["week"])
    assert plan(study, out=folder / "run").fits == 0
    assert run(study, out=folder / "run", workers=2).digest == results.digest


def test_times_are_kept_beside_the_rows(results: Results, folder: Path) -> None:
    again = Results.open(folder / "run").truth
    assert again.times.tobytes() == results.truth.times.tobytes()
    assert {fold: rows.tolist() for fold, rows in again.unused_rows.items()} == {
        fold: rows.tolist() for fold, rows in results.truth.unused_rows.items()
    }
    assert [
        (column.name, column.part, column.kind) for column in results.columns if column.name == "day"
    ] == [("day", "time", "date")]


def test_groups_stand_in_order_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with_the_model(monkeypatch)
    study = study_of(tmp_path, table(), time="day", groups="week")
    results = run(study, out=tmp_path / "run", workers=1)
    truth = results.truth
    train = truth.groups[: truth.train_rows]
    assert set(truth.groups[truth.train_rows :]).isdisjoint(train)
    for fold in range(4):
        judged = truth.validation_rows["search", fold]
        learned = np.setdiff1d(np.arange(truth.train_rows), [*judged, *truth.unused_rows[fold]])
        assert set(train[judged]).isdisjoint(train[learned])
        assert truth.times[judged].min() - truth.times[learned].max() == (5 * GAP + 1) * 86_400
    assert not [note for note in plan(study, out=tmp_path / "run").notes if "on both sides" in note]
    kind = study_of(tmp_path, table(), "time", time="day", groups="week")
    (said,) = [note for note in plan(kind, out=tmp_path / "other").notes if "on both sides of a fold" in note]
    assert said.endswith('search.folds.kind = "group-time" keeps each on one side')


def test_rows_in_memory_are_ordered_by_a_column_that_is_then_no_input() -> None:
    asked = plan(table(), target="y", data={"time": "day", "gap": GAP}, search={"folds": {"n": 4}})
    parts = {column.name: column.part for column in asked.columns}
    assert parts == {"y": "target", "day": "time", "x": "input", "z": "input", "week": "input"}
    assert (
        "the latest 30 rows are the test rows, from 2020-04-30 on; 2 rows before them left out"
        in asked.data_notes
    )
    also = plan(table(), target="y", data={"time": "day", "keep": ["day"]})
    assert "day" in [column.name for column in also.columns if column.part == "input"]


def test_refusals_name_the_line_that_asks(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "t.csv", index=False)
    lines = [
        "[study]",
        'task = "regression"',
        "[data]",
        'train = "t.csv"',
        'target = "y"',
        'time = "day"',
        "[search]",
    ]
    for section, kind, said in (
        (
            "search",
            '"k-fold"',
            "search.folds: expected every row to train on to be earlier",
        ),
        (
            "nested",
            '"ShuffleSplit"',
            "nested.folds: expected every row to train on to be earlier",
        ),
        (
            "nested",
            '"TimeSeriesSplits"',
            "nested.folds.kind: expected a kind of folds, or a class of sklearn",
        ),
    ):
        text = "\n".join([*lines, f"[{section}.folds]", f"kind = {kind}"])
        (tmp_path / "t.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ShoalError) as refused:
            plan(tmp_path / "t.toml", out=tmp_path / "run")
        line = 9 if ".kind" in said else 8
        assert str(refused.value).startswith(f"{tmp_path / 't.toml'}:{line}: {said}")


def test_the_later_folds_are_held_against_the_earlier_ones(results: Results) -> None:
    """The interval is that of four means of ten blocks each, computed here from the frame of predictions."""
    assert results.choice is not None
    folds, ageing = time_folds(results), ageing_of(results)
    assert ageing is not None
    mine = results.predictions[results.predictions["candidate_id"] == results.choice.candidate_id]
    rows = mine.query("stage == 'search' and rows == 'validation'")
    loss = (rows["predicted"] - rows["true"]) ** 2
    in_order = np.argsort(results.truth.times[rows["row"]], kind="stable")
    loss, fold_N = loss.to_numpy()[in_order], rows["fold"].to_numpy()[in_order]
    by_fold = [loss[fold_N == fold.place] for fold in folds]
    means = [one.mean() for one in by_fold]
    blocks = [np.arange(len(one)) * 10 // len(one) for one in by_fold]
    off = [
        np.array([(one - mean)[block == b].sum() / len(one) for b in range(10)])
        for one, mean, block in zip(by_fold, means, blocks, strict=True)
    ]
    error = np.sqrt(sum(10 / 9 * (one**2).sum() for one in off)) / 2
    reach = stats.t.ppf(0.975, 4 * 9) * error
    difference = np.mean(means[2:]) - np.mean(means[:2])
    assert ageing.later - ageing.earlier == pytest.approx(difference)
    assert (ageing.low, ageing.high) == (pytest.approx(difference - reach), pytest.approx(difference + reach))


@pytest.mark.parametrize(
    ("metric", "ageing", "said"),
    [
        (
            "loss",
            Ageing(0.25, 0.75, 0.125, 0.875),
            "mean loss 0.750 against 0.250 on the earlier half (95 % interval of",
        ),
        ("loss", Ageing(0.25, 0.75, -0.125, 1.125), ""),
        ("loss", Ageing(0.75, 0.25, -0.875, -0.125), ""),
        (
            "accuracy",
            Ageing(0.75, 0.25, -0.875, -0.125),
            "mean accuracy 0.250 against 0.750 on the earlier half",
        ),
        ("accuracy", Ageing(0.25, 0.75, 0.125, 0.875), ""),
        ("loss", None, ""),
    ],
)
def test_a_winner_that_ages_is_said(
    metric: str, ageing: Ageing | None, said: str, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert results.choice is not None
    monkeypatch.setattr("shoal.look._time_folds.ageing_of", lambda _: ageing)
    sentence = ageing_sentence(replace(results, choice=replace(results.choice, metric=metric)))
    assert said in sentence
    assert bool(said) == bool(sentence)
    assert not sentence or sentence.startswith("The winner does worse on the later half of its folds: mean ")


def test_the_range_of_times_that_are_inputs_is_written_in_dates(tmp_path: Path) -> None:
    study = study_of(tmp_path, table(), time="day", inputs=["x", "day"])
    assert (
        'of 30 test rows, outside of all training rows lie 30 above 2020-04-27 in "day" (there a network extrapolates)'
        in plan(study, out=tmp_path / "run").notes
    )
