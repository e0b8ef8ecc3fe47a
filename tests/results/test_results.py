"""What is read of a run: frames by hand, a digest that only results can change."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from record_cases import IDENTITY, STUDY, a_failed_fit, a_fit, a_truth, sql

from shoal.errors import RunFolderError
from shoal.results import (
    CandidateRow,
    FitRecord,
    PlanEntry,
    Results,
    Store,
    Truth,
    choose_candidate,
)
from shoal.study import Study

A_STUDY = Study.model_validate({"study": {"task": "regression"}, "data": {"dataset": "x"}})
CANDIDATES = [
    CandidateRow("a", {"training.lr": 0.01}, 30),
    CandidateRow("b", {"training.lr": 0.1}, 20),
    CandidateRow("c", {"training.lr": 1.0}, 10),
    CandidateRow("plain", {"network.dropout": 0.5}, 30),
]
LOSSES = {"a": (0.5, 0.7), "b": (0.3, 0.4), "c": (0.2, math.nan)}
TESTS = {"adam": (0.3, 0.5, 0.4), "sgd": (0.6, 0.9, math.nan), "winner": (0.2, 0.3, 0.1)}


def search() -> list[PlanEntry]:
    return [
        PlanEntry(f"{name}{fold}", "search", name, "", fold, 0, 4, 2) for name in "abc" for fold in (0, 1)
    ]


def held_out() -> list[PlanEntry]:
    compared = [
        PlanEntry(
            f"{label}{repeat}", "compare", "b" if label == "winner" else "plain", label, 0, repeat, 4, 2
        )
        for label in TESTS
        for repeat in range(3)
    ]
    return [*compared, PlanEntry("refit0", "refit", "b", "winner", 0, 0, 6, 0)]


def fits() -> list[FitRecord]:
    found = []
    for name, losses in LOSSES.items():
        for fold, loss in enumerate(losses):
            healthy = not math.isnan(loss)
            found.append(
                a_fit(f"{name}{fold}", loss) if healthy else a_failed_fit(f"{name}{fold}", "diverged early")
            )
    for label, losses in TESTS.items():
        for repeat, loss in enumerate(losses):
            healthy = not math.isnan(loss)
            fit = a_fit(f"{label}{repeat}", loss) if healthy else a_failed_fit(f"{label}{repeat}", "no")
            scores = (
                {"validation": fit.scores["validation"], "test": fit.scores["validation"]} if healthy else {}
            )
            predictions = {"test": np.array([[1.0 + repeat], [2.0]]), "validation": np.array([[3.0], [4.0]])}
            found.append(replace(fit, scores=scores, predictions=predictions if healthy else {}))
    refit = a_fit("refit0", 0.25)
    scores = {"test": refit.scores["validation"]}
    return [*found, replace(refit, scores=scores, predictions={"test": np.array([[16.5], [17.5]])})]


def truth() -> Truth:
    rows = {("search", fold): np.array([fold, fold + 2]) for fold in (0, 1)}
    rows |= {("compare", repeat): np.array([repeat, 5]) for repeat in range(3)}
    return replace(a_truth(), validation_rows=rows)


def run(folder: Path, *, plan=None, records=None, candidates=CANDIDATES, stop_after: int = 99) -> Results:
    """Lay a run down as the engine does: the search, the choice, the rest; in steps of `stop_after` fits."""
    first = [entry for entry in plan or [*search(), *held_out()] if entry.stage == "search"]
    last = [entry for entry in plan or [*search(), *held_out()] if entry.stage != "search"]
    records = records or fits()
    searched = {entry.fit_id for entry in first}
    with Store.create_or_open(folder, IDENTITY) as store:
        store.put_fact("study", STUDY)
        store.put_truth(truth())
        store.set_plan(first, candidates)
    for stage in (
        [r for r in records if r.fit_id in searched],
        [r for r in records if r.fit_id not in searched],
    ):
        for start in range(0, len(stage), stop_after):
            with Store.create_or_open(folder, IDENTITY) as store:
                for record in stage[start : start + stop_after]:
                    store.add(record)
        with Store.create_or_open(folder, IDENTITY) as store:
            if first:
                choose_candidate(A_STUDY, store)
            store.set_plan([*first, *last], candidates)
            store.put_fact("environment", {"date": os.urandom(4).hex()})
    return Results.open(folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run(tmp_path_factory.mktemp("run"))


def test_the_study_comes_back(results):
    assert results.study.study.name == "peaks"
    assert results.study.search.space == {"training.lr": [0.01, 0.1]}
    assert results.environment.keys() == {"date"}
    assert repr(results) == f"Results({str(results.folder)!r}: peaks, 16 fits)"
    assert results.unfinished == 0
    assert os.listdir(results.folder) == ["results.sqlite"]


def test_fits(results):
    frame = results.fits
    names = "fit_id stage label candidate_id fold repeat trainer status message epochs kept_epoch steps"
    scores = [
        f"{rows}_{metric}"
        for rows in ("validation", "test")
        for metric in ("loss", "mse", "rmse", "mae", "r2")
    ]
    assert list(frame.columns) == [*names.split(), "train_rows", "validation_rows", *scores, "seconds"]
    assert list(frame["fit_id"]) == [entry.fit_id for entry in results.plan]
    by_id = frame.set_index("fit_id")
    failed = by_id.loc["c1"]
    assert (failed["status"], failed["message"], failed["steps"]) == ("diverged", "diverged early", 3)
    assert math.isnan(failed["validation_loss"])
    winner = by_id.loc["winner1"]
    assert (winner["stage"], winner["label"], winner["candidate_id"], winner["repeat"]) == (
        "compare",
        "winner",
        "b",
        1,
    )
    assert (winner["test_mse"], winner["validation_mae"], winner["train_rows"]) == (0.3, 0.15, 4)
    assert results.refit["fit_id"].tolist() == ["refit0"]
    assert results.refit["test_loss"].tolist() == [0.25]


def test_candidates(results):
    frame = results.candidates
    assert list(frame.columns) == [
        "rank",
        "candidate_id",
        "training.lr",
        "parameters",
        "selection_score",
        "standard_error",
        "difference",
        "ci_low",
        "ci_high",
        "p_value",
        "adjusted_p_value",
        "indistinguishable",
        "verdict",
        "networks",
        "chosen",
        "failed",
    ]
    assert frame["verdict"].tolist() == ["best", "unresolved", "failed"]
    assert frame["candidate_id"].tolist() == ["b", "a", "c"]
    assert frame["rank"].tolist() == [1, 2, pd.NA]
    assert frame["training.lr"].tolist() == [0.1, 0.01, 1.0]
    assert frame["parameters"].tolist() == [20, 30, 10]
    assert frame["chosen"].tolist() == [True, False, False]
    assert frame["failed"].tolist() == [False, False, True]
    np.testing.assert_allclose(frame["selection_score"], [0.35, 0.6, math.nan])
    np.testing.assert_allclose(frame["difference"], [0, 0.25, math.nan])


def test_comparisons(results):
    frame = results.comparisons.set_index("label")
    assert list(frame.index) == ["adam", "sgd", "winner"]
    assert frame["repeats"].tolist() == [3, 3, 3]
    assert frame["failed"].tolist() == [0, 1, 0]
    assert "loss_mean" not in frame
    expected = {"mean": 0.4, "std": 0.1, "min": 0.3, "median": 0.4, "max": 0.5, "difference": 0}
    assert {name: frame.loc["adam", f"mse_{name}"] for name in expected} == pytest.approx(expected)
    assert math.isnan(frame.loc["adam", "mse_p_value"])
    # Repeats 0 and 1 only: differences 0.3 and 0.4.
    assert frame.loc["sgd", "mse_difference"] == pytest.approx(0.35)
    # Of two test rows nothing is said.
    assert results.differences["winner"]["mse"].why == "2 rows are too few for an interval"
    assert math.isnan(frame.loc["winner", "mse_p_value"])
    assert math.isnan(frame.loc["winner", "mse_ci_low"])
    assert {f"{metric}_median" for metric in ("mse", "rmse", "mae", "r2")} <= set(frame.columns)


def test_a_comparison_without_a_healthy_repeat_has_no_numbers(tmp_path):
    records = [a_failed_fit(fit.fit_id, "no") if fit.fit_id.startswith("adam") else fit for fit in fits()]
    frame = run(tmp_path, records=records).comparisons.set_index("label")
    assert frame.loc["adam", "failed"] == 3
    assert frame.drop(columns=["repeats", "failed"]).loc["adam"].isna().all()
    assert frame.loc["winner", "mse_mean"] == pytest.approx(0.2)
    assert math.isnan(frame.loc["winner", "mse_difference"])


def test_curves(results):
    frame = results.curves
    assert list(frame.columns) == [
        "fit_id",
        "stage",
        "label",
        "candidate_id",
        "fold",
        "repeat",
        "epoch",
        "train_loss",
    ]
    assert len(frame) == 2 * len(results.plan)
    assert frame["epoch"].dtype == np.int64
    one = frame[frame["fit_id"] == "winner2"]
    assert one["label"].tolist() == ["winner", "winner"]
    pd.testing.assert_frame_equal(
        one[["epoch", "train_loss"]].reset_index(drop=True), results.curve("winner2")
    )
    np.testing.assert_array_equal(
        results.curve("winner2")["train_loss"], a_fit("winner2").curves["train_loss"]
    )


def test_parameters(results):
    assert (
        results.parameters("refit0")["output.weight"].tobytes()
        == a_fit("refit0").parameters["output.weight"].tobytes()
    )
    assert results.parameters("c1") == {}
    with pytest.raises(KeyError, match="unknown"):
        results.parameters("unknown")


def test_predictions(results):
    frame = results.predictions
    columns = "fit_id stage label candidate_id fold repeat rows row target true predicted"
    assert list(frame.columns) == columns.split()
    winner = frame[frame["fit_id"] == "winner2"][["rows", "row", "target", "true", "predicted"]]
    assert winner.to_numpy().tolist() == [
        ["validation", 2, "y", 12.0, 3.0],
        ["validation", 5, "y", 15.0, 4.0],
        ["test", 6, "y", 16.0, 3.0],
        ["test", 7, "y", 17.0, 2.0],
    ]
    fold = frame[frame["fit_id"] == "a1"]
    assert fold["row"].tolist() == [1, 3]
    assert fold["true"].tolist() == [11.0, 13.0]
    refit = results.predictions_of("refit")
    assert refit["predicted"].tolist() == [16.5, 17.5]
    assert set(results.predictions_of("compare", "sgd")["label"]) == {"sgd"}
    assert results.predictions_of("compare", "nobody").empty


def test_predictions_of_several_targets_and_of_classes(tmp_path):
    probabilities = np.array([[0.1, 0.9], [0.6, 0.4]])
    records = [replace(fit, predictions={**fit.predictions, "test": probabilities}) for fit in fits()]
    run(tmp_path, records=records)
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        y = np.arange(16.0).reshape(8, 2)
        store.put_truth(replace(truth(), y=y, target_names=("u", "v")))
    frame = Results.open(tmp_path).predictions_of("refit")
    assert frame[["row", "target", "true", "predicted"]].to_numpy().tolist() == [
        [6, "u", 12.0, 0.1],
        [6, "v", 13.0, 0.9],
        [7, "u", 14.0, 0.6],
        [7, "v", 15.0, 0.4],
    ]
    classes = replace(truth(), y=np.array([0, 1, 0, 1, 0, 1, 1, 1]), classes=("cat", "dog"))
    frame = replace(Results.open(tmp_path), truth=classes).predictions_of("refit")
    assert list(frame.columns)[6:] == [
        "rows",
        "row",
        "true",
        "predicted",
        "probability_cat",
        "probability_dog",
    ]
    assert frame[["row", "true", "predicted", "probability_dog"]].to_numpy().tolist() == [
        [6, "dog", "dog", 0.9],
        [7, "dog", "cat", 0.4],
    ]


def test_predictions_that_do_not_fit_their_rows_are_refused(tmp_path):
    run(tmp_path)
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_truth(a_truth())
    with pytest.raises(RunFolderError) as caught:
        Results.open(tmp_path).predictions  # noqa: B018
    assert (
        str(caught.value)
        == f"{tmp_path}: the predictions of fit adam0 in its results is not what Shoal writes"
    )


def test_a_damaged_part_is_said_in_the_words_of_the_store(tmp_path):
    run(tmp_path)
    results = Results.open(tmp_path)
    sql(tmp_path, "UPDATE arrays SET data = zeroblob(length(data)) WHERE part = 'predictions'")
    with pytest.raises(RunFolderError, match=r"damaged \(the predictions of fit .*: wrong checksum\)"):
        results.predictions  # noqa: B018


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("choice", {"standings": 3}, "the choice"),
        ("study", "[study", "the study"),
        ("study", "x = 1", "the study"),
    ],
)
def test_facts_that_shoal_does_not_write_are_refused(tmp_path, key, value, what):
    run(tmp_path)
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_fact(key, value)
    with pytest.raises(RunFolderError) as caught:
        Results.open(tmp_path)
    assert str(caught.value) == f"{tmp_path}: {what} in its results is not what Shoal writes"


def test_a_run_under_way_shows_what_it_has(tmp_path):
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        store.put_fact("study", STUDY)
        store.put_truth(truth())
        store.set_plan([*search(), *held_out()], CANDIDATES)
        results = Results.open(tmp_path)
        assert results.unfinished == 16
        for frame in ("fits", "candidates", "comparisons", "refit", "curves", "predictions"):
            assert getattr(results, frame).empty, frame
        for fit in fits()[:5]:
            store.add(fit)
        results = Results.open(tmp_path)
        assert results.unfinished == 11
        assert results.candidates["candidate_id"].tolist() == ["b", "a"]
        assert not results.candidates["chosen"].any()
        assert results.choice is None


def test_a_study_without_a_search_has_no_candidates(tmp_path):
    results = run(tmp_path, plan=held_out())
    assert results.candidates.empty
    assert results.choice is None
    assert results.comparisons["label"].tolist() == ["adam", "sgd", "winner"]


# The digest


def test_the_digest_knows_no_order_no_interruption_and_no_clock(tmp_path, results):
    assert results.digest == results.digest
    plan, records, candidates = [*search(), *held_out()], fits(), list(CANDIDATES)
    draw = np.random.default_rng(5)
    for number in range(4):
        for things in (plan, records, candidates):
            draw.shuffle(things)
        records = [replace(record, seconds=draw.random()) for record in records]
        again = run(
            tmp_path / str(number), plan=plan, records=records, candidates=candidates, stop_after=number + 1
        )
        assert again.digest == results.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda fit: replace(
            fit, curves={**fit.curves, "train_loss": np.nextafter(fit.curves["train_loss"], 9)}
        ),
        lambda fit: replace(fit, curves={**fit.curves, "new": np.zeros(2)}),
        lambda fit: replace(fit, parameters={"output.bias": fit.parameters["output.weight"]}),
        lambda fit: replace(fit, parameters={"output.weight": fit.parameters["output.weight"].T}),
        lambda fit: replace(fit, predictions={**fit.predictions, "test": fit.predictions["validation"]}),
        lambda fit: replace(fit, epochs=5),
        lambda fit: replace(fit, steps=41),
        lambda fit: replace(fit, trainer="native"),
    ],
)
def test_the_digest_sees_every_change(tmp_path, results, change):
    records = fits()
    records[0] = change(records[0])
    assert run(tmp_path, records=records).digest != results.digest


def test_the_digest_sees_the_plan_the_candidates_and_the_choice(tmp_path, results):
    plan = [*search(), *held_out()]
    other_plan = [*plan[:-1], replace(plan[-1], train_rows=5)]
    assert run(tmp_path / "plan", plan=other_plan).digest != results.digest
    other_rows = [*CANDIDATES[:3], replace(CANDIDATES[3], values={})]
    assert run(tmp_path / "rows", candidates=other_rows).digest != results.digest
    run(tmp_path / "choice")
    with Store.create_or_open(tmp_path / "choice", IDENTITY) as store:
        store.put_fact("choice", {**store.fact("choice"), "candidate_id": "a"})
    assert Results.open(tmp_path / "choice").digest != results.digest


def test_fits_of_an_earlier_wider_grid_are_kept_but_not_shown(tmp_path, results):
    plan = [entry for entry in [*search(), *held_out()] if entry.candidate_id != "a"]
    narrow = run(tmp_path, plan=plan)
    assert "a" not in set(narrow.candidates["candidate_id"])
    assert "a0" not in set(narrow.fits["fit_id"])
    with Store.open_readonly(tmp_path) as store:
        assert {"a0", "a1"} <= store.known()
        known = store.known()
    wide = [*search(), *held_out()]
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        assert {entry.fit_id for entry in wide} == known
        store.set_plan(wide, CANDIDATES)
        choose_candidate(results.study, store)
    assert Results.open(tmp_path).digest == results.digest


def test_test_predictions_are_those_of_the_frame(tmp_path):
    results = run(tmp_path)
    frame = results.predictions_of("refit")
    expected = frame.loc[frame["rows"] == "test", "predicted"].to_numpy()
    np.testing.assert_array_equal(results.test_predictions("refit0").reshape(-1), expected)
    assert results.test_predictions("refit0").shape == (len(results.truth.y) - results.truth.train_rows, 1)
    for name in ("a0", "nothing"):  # not tested; not there
        with pytest.raises(KeyError):
            results.test_predictions(name)
    fewer = replace(results.truth, train_rows=results.truth.train_rows + 1)
    with pytest.raises(RunFolderError, match="the predictions of fit refit0 in its results"):
        replace(results, truth=fewer).test_predictions("refit0")


def test_reading_needs_neither_torch_nor_scipy_nor_pandas_until_asked(tmp_path):
    import subprocess
    import sys

    run(tmp_path)
    script = (
        "import sys; from shoal.results import Results; Results.open(sys.argv[1]).digest;"
        "print([m for m in ('torch', 'scipy', 'pandas', 'sklearn') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
