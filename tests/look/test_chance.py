"""What is said of test scores on other rows: intervals named by what they speak of, or why there are none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from look_runs import MadeUp, make_run

from shoal.look import results_text
from shoal.look._chance import differences_sentences, ece_sentence, published_sentence
from shoal.look._run_findings import RunFindings
from shoal.look.page.summary import summary
from shoal.look.page.tables import comparison_table
from shoal.results import calibrated_error, regression_scores
from shoal.wording import one_number

CLASSES = MadeUp(
    task="classification", names=("a",), classes=("x", "y", "z"), inputs=("p", "q"), targets=(), epochs=20,
    repeats=3, level=0.6,
)  # fmt: skip


def test_each_target_is_said_in_its_own_unit(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=(), targets=("s", "t"), inputs=("p", "q"), epochs=5))
    findings = RunFindings(results)
    found = summary(findings)
    true, value = results.truth.y[results.truth.train_rows :], findings.predicted(findings.delivered)[0]
    of = [regression_scores(true[:, k : k + 1], value[:, k : k + 1]) for k in (0, 1)]
    each = "; ".join(
        f"“{name}” RMSE {one_number(scores['rmse'])}, R² {one_number(scores['r2'])}"
        for name, scores in zip("st", of, strict=True)
    )
    assert f" Each by itself, in its own unit: {each}." in " ".join(found.good)
    assert found.unit == "test R²"
    assert float(found.figure) == pytest.approx(np.mean([scores["r2"] for scores in of]), rel=1e-2)
    # The interval is one of the same number.
    low, high = (float(end) for end in re.findall(r"R² ([\d.]+) to\u00a0([\d.]+)", found.sure[0])[0])
    assert low < float(found.figure) < high
    many = make_run(tmp_path / "b", MadeUp(names=(), targets=tuple("abcdefghij"), epochs=5))
    assert "; 2 more are not shown." in " ".join(summary(RunFindings(many)).good)


def test_groups_that_were_trained_on_are_no_other_groups(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=(), epochs=5, rows=(40, 60)))
    same = replace(results, truth=replace(results.truth, groups=np.arange(100) % 20))
    text = summary(RunFindings(same)).sure[0]
    assert text.startswith("With other rows of these groups of the same kind: test RMSE")
    assert text.endswith(" It says nothing of new groups: those of the test rows were all trained on.")
    rows = summary(RunFindings(results)).sure[0]
    assert re.findall(r"RMSE (.*?) \(95", text) == re.findall(r"RMSE (.*?) \(95", rows)
    some = np.concatenate((np.arange(40) % 20, np.arange(60) % 20 + 10))
    mixed = replace(results, truth=replace(results.truth, groups=some))
    text = summary(RunFindings(mixed)).sure[0]
    assert text.startswith(
        "With other groups of test rows (50\u00a0% of them trained on) of the same kind: test"
    )


def test_other_rows_are_groups_where_groups_are_known(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=(), epochs=5, rows=(40, 60)))
    assert (
        summary(RunFindings(results)).sure[0].startswith("With other test rows of the same kind: test RMSE")
    )
    groups = (np.arange(100) + 2) // 3
    grouped = replace(results, truth=replace(results.truth, groups=groups))
    assert (
        summary(RunFindings(grouped))
        .sure[0]
        .startswith("With other groups of test rows of the same kind: test")
    )
    four = replace(results, truth=replace(results.truth, groups=(np.arange(100) + 10) // 25))
    assert summary(RunFindings(four)).sure[0] == (
        "How far other groups of test rows would move it is not known: 3 groups are too few for an interval."
    )
    data = results.study.data.model_copy(update={"groups": "who"})
    unknown = replace(results, study=results.study.model_copy(update={"data": data}))
    assert "The groups of the test rows are not known" in summary(RunFindings(unknown)).sure[0]


def test_what_was_asked_names_the_target_and_few_classes(tmp_path: Path) -> None:
    def asked(run: MadeUp) -> str:
        return summary(RunFindings(make_run(tmp_path / str(len(run.classes)), run))).asked

    assert asked(CLASSES).startswith("Predict “class”, one of 3 classes (“x”, “y” or “z”), from 2 inputs: ")
    assert asked(replace(CLASSES, classes=tuple("abcdef"))).startswith(
        "Predict “class”, one of 6 classes, from 2 inputs: "
    )


def test_few_rows_have_no_interval(tmp_path: Path) -> None:
    found = summary(RunFindings(make_run(tmp_path, MadeUp(names=(), epochs=5, rows=(40, 20)))))
    assert found.sure[0] == (
        "How far other test rows would move it is not known: 20 rows are too few for an interval."
    )


def test_intervals_of_differences_name_what_they_speak_of(tmp_path: Path) -> None:
    results = make_run(tmp_path / "a", MadeUp(repeats=3, epochs=5))
    assert differences_sentences(results) == (
        "The 95 % interval of a difference is for other test rows and other initialisations."
    )
    assert differences_sentences(results) in results_text(results)
    once = make_run(tmp_path / "b", MadeUp(epochs=5))
    assert differences_sentences(once) == "The 95 % interval of a difference is for other test rows."
    few = make_run(tmp_path / "c", MadeUp(epochs=5, rows=(40, 20)))
    assert differences_sentences(few) == (
        "No interval for “Adam” and “winner”: 20 rows are too few for an interval."
    )
    assert "95 % interval" not in [column.heading for column in comparison_table(few).columns]
    assert differences_sentences(make_run(tmp_path / "d", MadeUp(names=(), epochs=5))) == ""


def test_a_calibration_error_is_said_beside_that_of_perfect_probabilities(tmp_path: Path) -> None:
    results = make_run(tmp_path, CLASSES)
    mean, high = calibrated_error(results.test_predictions(results.refit["fit_id"][0]))
    assert f"it would be {mean:.2g} on average" in ece_sentence(results)
    assert f"up to {high:.2g} in 95 %" in ece_sentence(results)
    assert ece_sentence(make_run(tmp_path / "b", MadeUp(epochs=5))) == ""


def test_a_calibration_error_that_rare_cases_make_is_not_said_to_stay_below_its_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = make_run(tmp_path, CLASSES)
    monkeypatch.setattr("shoal.look._chance.calibrated_error", lambda _: (0.0027, 0.0017))
    assert ece_sentence(results).endswith(
        " it would be 0.0027 on average on 30 rows, less than that in 95 % of cases and far more in the few others."
    )


def test_a_published_value_is_held_against_the_interval(tmp_path: Path) -> None:
    reference = tuple(
        {"name": name, "metric": "rmse", "value": value, "source": "x"}
        for name, value in (("SGD", 9.0), ("Adam", 0.0))
    )
    results = make_run(tmp_path, MadeUp(repeats=3, epochs=5, reference=reference))
    assert published_sentence(results) == (
        "The 95 % interval is that of the measured mean, for other test rows and other initialisations; a single"
        " published value has a chance of its own beside it. Held against it,"
        " “SGD” lies above it, “Adam” lies below it."
    )
    frame = results.references
    assert (frame["ci_low"] < frame["mean"]).all()
    assert (frame["mean"] < frame["ci_high"]).all()
    assert published_sentence(make_run(tmp_path / "b", MadeUp(epochs=5))) == ""
