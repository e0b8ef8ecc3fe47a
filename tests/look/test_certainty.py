"""What a report says of how sure one prediction is: from the store alone, on the test rows, or why there is nothing."""

from __future__ import annotations

import copy
import dataclasses
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run

from shoal.errors import RunFolderError
from shoal.look import checks, results_text
from shoal.look._certainty import certainty_sentences
from shoal.look._run_findings import RunFindings
from shoal.look.figures import fitted_curve
from shoal.look.method_checks import uncovered_rows
from shoal.look.page.references import works
from shoal.look.page.report import report_html
from shoal.look.page.tables import certainty_table, class_coverage_table, temperature_table
from shoal.results import (
    NOT_IN_FILE,
    Covered,
    CoveredClass,
    Interval,
    Results,
    Store,
    Tempered,
    Truth,
    classification_scores,
    cv_plus,
    in_order,
    residuals,
    tempered,
    wilson,
)
from shoal.study import Study

NUMBERS = MadeUp(names=(), space={"network.dropout": [0.0, 0.25]}, ensemble=True, rows=(60, 30))
CLASSES = MadeUp(
    task="classification", names=(), classes=("x", "y", "z"), inputs=("p", "q"), targets=(), level=0.6,
    space={"network.hidden[0]": [2, 3]}, ensemble=True, rows=(60, 30),
)  # fmt: skip


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return make_run(tmp_path_factory.mktemp("numbers"), NUMBERS)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return make_run(tmp_path_factory.mktemp("classes"), CLASSES)


def study_with(results: Results, **data: Any) -> Study:
    """The same study with other keys in [data]."""
    content = results.study.model_dump(exclude_none=True)
    content["data"] |= data
    return type(results.study).model_validate(content)


def test_numbers_are_held_against_the_test_rows(numbers: Results) -> None:
    certainty, truth = numbers.certainty, numbers.truth
    assert (certainty.why, certainty.folds, certainty.rows) == ("", 3, 60)
    assert certainty.tempered is None
    chosen = numbers.choice.candidate_id
    entries = sorted(
        (entry for entry in numbers.plan if (entry.stage, entry.candidate_id) == ("search", chosen)),
        key=lambda entry: entry.fold,
    )
    frame = numbers.predictions_of("search")
    parts = [frame[frame["fit_id"] == entry.fit_id] for entry in entries]
    scores = in_order(
        [residuals(part["true"].to_numpy()[:, None], part["predicted"].to_numpy()[:, None]) for part in parts]
    )
    members = {entry.fit_id: place for place, entry in enumerate(numbers.ensemble.members)}
    order = [members[entry.fit_id] for entry in entries]
    ends = cv_plus(list(numbers.ensemble.test_MVK[order]), scores, 0.9)[:, 0]
    true = truth.y[60:, 0]
    (target,) = certainty.covered
    assert target.name == "label"
    assert target.share == ((ends[:, 0] <= true) & (true <= ends[:, 1])).mean()
    assert target.size == pytest.approx((ends[:, 1] - ends[:, 0]).mean())
    assert target.interval.low < target.share <= target.interval.high
    assert certainty.grid_G2.shape == (50, 2)
    assert (certainty.grid_G2[:, 0] <= certainty.grid_G2[:, 1]).all()


def test_classes_are_held_against_the_test_rows(classes: Results) -> None:
    certainty, true = classes.certainty, classes.truth.y[60:]
    (sets,) = certainty.covered
    assert 0 <= sets.share <= 1
    assert 0 <= sets.empty < 1
    assert 0 < sets.size <= 3
    refit = next(entry.fit_id for entry in classes.plan if entry.stage == "refit")
    before = classes.test_predictions(refit)
    after = tempered(before, certainty.tempered.temperature)
    losses = tuple(classification_scores(true, values)["loss"] for values in (before, after))
    eces = tuple(classification_scores(true, values)["ece"] for values in (before, after))
    assert certainty.tempered.loss == pytest.approx(losses)
    assert certainty.tempered.ece == pytest.approx(eces)


def test_the_words_say_of_what_they_speak(numbers: Results, classes: Results) -> None:
    promise, among = certainty_sentences(numbers)
    assert promise == (
        "Of new rows of the same kind as the training rows, about 90\u00a0% lie within their interval (CV+: from"
        " 3 networks that each held out some of the 60 training rows); at least 74\u00a0% is guaranteed, on average"
        " over training rows."
    )
    assert among.startswith("The settings were chosen among 2 candidates by these same rows")
    promise, _, warmth = certainty_sentences(classes)
    assert "have the true class in their set (CV+ for classes: from 3 networks" in promise
    assert warmth.startswith(
        "The probabilities of the delivered network are left as they are (temperature 1):"
    )
    assert_by_class(classes)
    table = certainty_table(classes)
    assert [column.heading for column in table.columns] == [
        "target", "test rows covered (meant: 90\u00a0%)", "95 % interval, other test rows", "classes in a set, mean",
        "empty sets",
    ]  # fmt: skip
    assert temperature_table(classes) is None  # at 1 nothing changes
    assert temperature_table(numbers) is None
    for results in (numbers, classes):
        text = results_text(results)
        assert "\nhow sure one prediction is\n" in text
        assert "covered (meant: 90 %)" in text
    used = {work.used for work in works(classes, ())}
    assert {"sets of classes: CV+", "temperature of probabilities"} <= used
    assert "intervals of predictions: CV+" in {work.used for work in works(numbers, ())}


def test_a_temperature_that_did_not_help_says_so(classes: Results) -> None:
    def last(temperature: float, loss: tuple[float, float], folds: int = 3) -> str:
        tempered = Tempered(temperature, loss, (0.1, 0.1))
        certainty = dataclasses.replace(classes.certainty, tempered=tempered, folds=folds)
        results = copy.copy(classes)
        vars(results)["certainty"] = certainty
        return certainty_sentences(results)[-1]

    assert last(0.5, (1.331, 1.56)).endswith(
        "It did not help: the cross-entropy of the test rows is higher at it, 1.560 in place of 1.331."
    )
    assert "did not help" not in last(0.5, (1.56, 1.331))
    assert last(1.0, (1.5, 1.5)) == (
        "The probabilities of the delivered network are left as they are (temperature 1): none above 1, which makes"
        " them less sure, lowers the cross-entropy of the rows held out by more than chance, and one below 1 is not"
        " trusted with fewer than 5 folds (here 3)."
    )
    assert last(1.0, (1.5, 1.5), folds=5) == (
        "The probabilities of the delivered network are left as they are (temperature 1): no other temperature lowers"
        " the cross-entropy of the rows held out by more than chance."
    )


def assert_by_class(results: Results) -> None:
    certainty, true = results.certainty, results.truth.y[60:]
    by_class = {of.name: of for of in certainty.classes}
    assert {name: of.rows for name, of in by_class.items()} == {
        results.truth.classes[k]: int((true == k).sum()) for k in np.unique(true)
    }
    together = sum(of.rows * of.share for of in certainty.classes) / len(true)
    assert together == pytest.approx(certainty.covered[0].share)
    shares = [of.share for of in certainty.classes]
    assert shares == sorted(shares)
    table = class_coverage_table(results)
    assert [column.heading for column in table.columns] == ["class", "test rows", "have it in their set"]
    assert [cell for cell, _ in table.rows[0]][:2] == [
        certainty.classes[0].name,
        str(certainty.classes[0].rows),
    ]
    assert "class  test rows  have it in their set" in results_text(results)
    assert "Prediction sets by class" in report_html(results, ())


@pytest.mark.parametrize(
    ("share", "rows", "said"),
    [(0.0, 6, True), (0.5, 40, True), (0.5, 2, False), (0.82, 1000, False), (0.79, 1000, True)],
)
def test_a_class_that_sets_hold_far_less_often_is_named(
    share: float, rows: int, said: bool, classes: Results
) -> None:
    of = (CoveredClass("ill", rows, share, rows), CoveredClass("well", 194, 0.969, 194))
    other = Results.open(classes.folder)
    vars(other)["certainty"] = dataclasses.replace(classes.certainty, classes=of)
    sentence = (
        f"That is a share of all rows, not of each class: of the {rows:,} test rows of “ill” {100 * share:.1f}\u00a0%"
        " have it in their set."
    )
    assert (certainty_sentences(other)[1] == sentence) == said
    assert any("not of each class" in text for text in certainty_sentences(other)) == said


def test_a_rare_class_that_no_set_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that are sure of the frequent class: nearly all rows have theirs in the set, no rare row has."""
    from shoal.results import _certainty

    monkeypatch.setattr(
        _certainty, "class_sets", lambda asked, *_: np.arange(3) == np.full((len(asked[0]), 1), 1)
    )
    results = make_run(tmp_path, CLASSES)
    true = results.truth.y[60:]
    assert [(of.name, of.share) for of in results.certainty.classes][-1] == ("y", 1.0)
    assert {of.share for of in results.certainty.classes[:-1]} == {0.0}
    assert results.certainty.covered[0].share == (true == 1).mean()


def test_the_band_stands_in_the_curve_of_the_delivered_network_alone(numbers: Results) -> None:
    findings = RunFindings(numbers)
    (curve,) = fitted_curve.fitted_curves(findings, findings.delivered)
    assert np.array_equal(curve.sure_x, numbers.certainty.grid_G)
    assert np.array_equal(curve.sure_low, numbers.certainty.grid_G2[:, 0])
    traces = fitted_curve.plot([curve])["data"]
    names = [trace.get("name") for trace in traces]
    assert traces[names.index("test rows")]["marker"]["opacity"] == 1
    assert "90\u00a0% interval, new rows of the same kind" in names
    winner = next(group for group in findings.comparisons if group.label == "winner")
    (compared,) = fitted_curve.fitted_curves(findings, winner)
    assert not len(compared.sure_x)
    bare = fitted_curve.plot([dataclasses.replace(curve, sure_x=np.zeros(0))])["data"]
    assert len(bare) == len(names) - 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"space": None}, "the study has no search, so no network has rows that it did not learn from"),
        ({"ensemble": False}, "the networks of the folds have no answers to the test rows"),
        ({"rows": (8, 30)}, "8 training rows are too few"),
    ],
)
def test_where_nothing_can_be_said_a_sentence_says_why(
    changes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    results = make_run(tmp_path, dataclasses.replace(NUMBERS, **changes))
    assert results.certainty.why == why
    assert certainty_sentences(results) == [f"How sure single predictions are is not shown: {why}."]
    assert certainty_table(results) is None
    assert why in " ".join(results_text(results).split())


def test_groups_and_folds_that_are_no_round_are_not_taken_for_rows(numbers: Results) -> None:
    grouped = dataclasses.replace(numbers, study=study_with(numbers, groups="patient"))
    assert grouped.certainty.why.startswith("rows of one group are alike (data.groups)")
    rows = {place: held[:-1] for place, held in numbers.truth.validation_rows.items()}
    truth = Truth(**{**vars(numbers.truth), "validation_rows": rows})
    shuffled = dataclasses.replace(numbers, truth=truth)
    assert shuffled.certainty.why == "the folds do not hold out each training row exactly once"


def test_few_test_rows_have_no_interval(tmp_path: Path) -> None:
    results = make_run(tmp_path, dataclasses.replace(NUMBERS, rows=(60, 4)))
    (target,) = results.certainty.covered
    assert math.isnan(target.interval.low)
    assert certainty_sentences(results)[-1] == (
        "No interval of the share of test rows: 4 rows are too few for an interval."
    )


def test_what_a_stranger_puts_in_place_of_the_reason_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path, NUMBERS).folder
    for value, refused in (("too \x1b large", False), (["x"], True), (None, False)):
        with Store.create_or_open(folder, _identity(folder)) as store:
            store.put_fact(NOT_IN_FILE, value)
        results = Results.open(folder)
        if refused:
            with pytest.raises(
                RunFolderError, match="the rows held out in its results is not what Shoal writes"
            ):
                results.certainty  # noqa: B018
        else:
            assert results.certainty.not_in_file == (value or "")


def _identity(folder: Path) -> Any:
    from shoal.results import Identity

    return Identity(Results.open(folder).study.study.name, "regression", "0" * 64)


def held(share: float, rows: int, names: tuple[str, ...] = ("y",), worth: float = 0.0) -> Any:
    """What the check of coverage looks at: the share of test rows within their intervals, target by target."""
    covered = tuple(Covered(name, share, Interval(*wilson(share, rows)), 1.0) for name in names)
    units = SimpleNamespace(effective=worth or float(rows))
    truth = SimpleNamespace(classes=(), test_weights=None)
    return SimpleNamespace(certainty=SimpleNamespace(covered=covered), test_units=units, truth=truth)


def test_intervals_that_hold_too_few_test_rows_are_a_warning() -> None:
    assert uncovered_rows.uncovered(held(0.525, 120)) == (
        "Of the test rows fewer lie within their interval than the promised 90\xa0%: 52.5\xa0% (“y”)."
    )
    assert uncovered_rows.uncovered(held(0.86, 10**6)) == ""  # of these training rows it is a little less
    assert uncovered_rows.uncovered(held(0.84, 120)) == ""  # no more than chance
    assert uncovered_rows.uncovered(held(0.7, 120, worth=8.0)) == ""  # few groups
    assert "70.0\xa0% (“a”), 70.0\xa0% (“b”)" in uncovered_rows.uncovered(held(0.7, 120, ("a", "b")))
    assert uncovered_rows.uncovered(held(math.nan, 9)) == ""
    weighted = held(0.525, 120)
    weighted.truth.test_weights = np.ones(120)
    assert uncovered_rows.uncovered(weighted).startswith(
        "Of the test rows, each counted by its weight, fewer lie"
    )


def test_intervals_that_hold_what_they_promise_are_doubted_in_two_runs_of_a_hundred_at_most() -> None:
    rng = np.random.default_rng(0)
    for rows in (30, 100, 400):
        shares = rng.binomial(rows, 0.9, 2000) / rows
        assert sum(bool(uncovered_rows.uncovered(held(share, rows))) for share in shares) <= 40


def test_a_run_whose_test_rows_err_more_is_doubted(numbers: Results) -> None:
    truth = numbers.truth
    y = truth.y.copy()
    y[truth.train_rows :: 2] += 100 * np.ptp(y)
    far = dataclasses.replace(numbers, truth=dataclasses.replace(truth, y=y))
    raised = {check.code: check.what for check in checks(far)}
    assert raised["SH037"].startswith(
        "Of the test rows fewer lie within their interval than the promised 90\xa0%: "
    )
    assert "SH037" not in {check.code for check in checks(numbers)}
