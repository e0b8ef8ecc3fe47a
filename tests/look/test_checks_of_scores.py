"""The checks that hold the test score against something: simple models, recall, the search, chance, earlier looks."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answered_runs import answered, of_labels
from look_runs import MadeUp, make_run

from dots import dot
from shoal.look import checks, results_text, write_report
from shoal.look._checks import GRAVEST, gravity
from shoal.look._trust import LEVEL
from shoal.look.method_checks import method_checks
from shoal.results import Disagreement, Interval, Results, Units
from shoal.results._intervals import Spread, spread_of
from shoal.results._score_rows import row_score
from shoal.results._selection_and_test import Expected, disagreement
from shoal.wording import one_number

NUMBER = MadeUp(names=(), inputs=("a",), rows=(40, 100), epochs=5)


def found(results: Results) -> dict[str, str]:
    return {check.code: check.what for check in checks(results)}


def noisy(results: Results, level: float, seed: int) -> Any:
    y = results.truth.y[results.truth.train_rows :]
    return y + level * np.random.default_rng(seed).normal(size=y.shape)


def test_worse_and_not_better_than_simple_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, NUMBER)
    worse = found(answered(run, monkeypatch, noisy(run, 0.5, 0), noisy(run, 0.2, 1), noisy(run, 0.5, 2)))
    assert worse["SH030"].startswith(
        "By test mean squared error, a linear model has 0.0292, the delivered network 0.233, worse by 0.147 to"
    )
    assert worse["SH030"].endswith(" (95 % interval, for other test rows).")
    assert worse["SH031"] == (
        "By test mean squared error, the delivered network is not shown to be better than boosted trees: the 95 %"
        " interval of the difference, for other test rows, holds 0."
    )
    better = found(answered(run, monkeypatch, noisy(run, 0.2, 0), noisy(run, 0.5, 1), noisy(run, 0.5, 2)))
    assert not {"SH030", "SH031"} & better.keys()


def test_a_recall_of_nothing_is_said_whether_the_class_is_predicted_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = MadeUp(
        task="classification", names=(), classes=("fine", "fault"), targets=(), rows=(400, 2000), epochs=5
    )
    y = np.zeros(2400, np.int64)
    y[:8], y[400:436] = 1, 1
    run = of_labels(make_run(tmp_path, two), y)

    def raised(named: Any) -> dict[str, str]:
        return found(answered(run, monkeypatch, np.eye(2)[named] * 0.8 + 0.1))

    wrong = np.zeros(2000, np.int64)
    wrong[-1] = 1
    assert raised(wrong)["SH015"] == (
        "No test row is recognised of “fault” (recall 0 of 36, predicted once, wrongly); over all classes 1,963 of"
        " 2,000 test rows are right."
    )
    wrong[-3:] = 1
    assert "(recall 0 of 36, predicted 3 times, always wrongly)" in raised(wrong)["SH015"]
    right_once = wrong.copy()
    right_once[0] = 1
    assert "SH015" not in raised(right_once)
    # All rows of one class: another check says so.
    assert {"SH014"} <= raised(np.zeros(2000, np.int64)).keys()


def test_few_rows_of_a_class_may_be_missed_by_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three = MadeUp(
        task="classification", names=(), classes=("x", "y", "z"), targets=(), rows=(30, 24), epochs=5
    )
    y = np.arange(54) % 3
    y[30:], y[30:34] = np.arange(24) % 2, 2
    run = of_labels(make_run(tmp_path, three), y)
    named = np.where(y[30:] == 2, 0, y[30:])
    said = found(answered(run, monkeypatch, np.eye(3)[named] * 0.8 + 0.05))["SH015"]
    assert said.startswith(
        "No test row is recognised of “z” (recall 0 of 4, never predicted); over all classes 20 of 24"
    )
    named[-1] = 2
    assert "SH015" not in found(answered(run, monkeypatch, np.eye(3)[named] * 0.8 + 0.05))


# -- selection and test --------------------------------------------------------------------------------------


def held_against(
    errors: Any, expected: float, error: float, skewness: float = 0.0, rows: int = 100
) -> Disagreement:
    y = np.zeros((len(errors), 1))
    units = Units.of(len(errors), None)
    search = Expected("loss", expected, Spread(error, skewness), 99.0, rows)
    return disagreement(search, row_score("regression", "loss"), y, errors[:, None], units)


def test_both_uncertainties_count() -> None:
    errors = np.random.default_rng(0).normal(size=400)
    score = float(np.mean(errors**2))
    alone = held_against(errors, score + 0.3, 1e-9)
    assert alone.difference == pytest.approx(-0.3)
    assert alone.p < 0.05
    both = held_against(errors, score + 0.3, 0.2)
    assert both.p > 0.05
    assert both.interval.low < -0.3 < 0 < both.interval.high
    # Close to what is known of normal errors: standard deviation of their squares, and the search's own.
    width = np.hypot(np.std(errors**2, ddof=1) / 20, 0.2)
    assert both.interval.high - both.interval.low == pytest.approx(2 * 1.97 * width, rel=0.1)
    assert "too few" in held_against(errors[:9], 1.0, 0.1).interval.why
    assert held_against(errors, float("nan"), 0.1).interval.why == "the search has no standard error"
    # A search score whose rows are skewed may be lucky: less is shown by a worse test score, not by a better one.
    worse, skewed = (held_against(errors, score - 0.3, 0.15, skewness) for skewness in (0.0, 0.3))
    assert skewed.p > 1.5 * worse.p
    better, skewed = (held_against(errors, score + 0.3, 0.15, skewness) for skewness in (0.0, 0.3))
    assert skewed.p <= better.p
    few = held_against(errors, score - 0.3, 0.15, rows=99)
    assert few.interval.why == "a search over 99 training rows may be lucky without showing it"
    assert math.isnan(few.p)


def test_agreeing_studies_are_seldom_said_to_disagree() -> None:
    rng = np.random.default_rng(1)
    said = 0
    for _ in range(300):
        # The search sees 100 rows, the test 80, of the same kind.
        of_search = rng.normal(size=100) ** 2
        spread = spread_of(of_search - of_search.mean())
        test = rng.normal(size=80)
        apart = held_against(test, float(of_search.mean()), spread.error, spread.skewness)
        said += apart.p < LEVEL and apart.difference > 0
    assert said <= 6  # 2 %


def test_selection_and_test_that_disagree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, replace(NUMBER, space={"training.lr": [0.1, 0.2]}))
    own = run.disagreement
    assert own is not None
    assert own.expected == run.expected_score
    far = replace(own, tested=1.5, interval=Interval(0.9, 1.9), p=1e-4)
    run.__dict__["disagreement"] = far
    assert found(run)["SH032"] == (
        f"The search expects a loss of {one_number(own.expected)} on new rows, the test rows show 1.50, which is worse:"
        " the difference is 0.900 to\u00a01.90 (95 % interval, for other rows and other trainings; p = 0.00010)."
    )
    run.__dict__["disagreement"] = replace(far, p=LEVEL)
    assert "SH032" not in found(run)
    share = replace(far, metric="accuracy", tested=0.6, expected=0.9, interval=Interval(-0.4, -0.2))
    run.__dict__["disagreement"] = share
    assert "which is worse: the difference is −40.0\u00a0% to −20.0\u00a0%" in found(run)["SH032"]
    # Better than expected is no doubt: the delivered network has learned from more rows.
    run.__dict__["disagreement"] = replace(share, tested=0.95)
    assert "SH032" not in found(run)
    assert make_run(tmp_path / "none", NUMBER).disagreement is None


# -- what is said first --------------------------------------------------------------------------------------


def test_the_gravest_come_first_and_no_summary_names_more_than_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {check.code: gravity(check) for check in method_checks()}
    order = sorted(places, key=lambda code: places[code])
    assert order[:7] == ["SH013", "SH014", "SH015", "SH016", "SH034", "SH035", "SH036"]
    assert order[7:9] == ["SH025", "SH026"]
    of_rows = [f"SH0{number}" for number in (18, 21, 22, 23, 24, 27, 28)]
    assert max(order.index(code) for code in of_rows) < order.index("SH002")
    assert order.index("SH013") < order.index("SH034") < order.index("SH007") < order.index("SH030")
    assert order.index("SH032") < order.index("SH001") < order.index("SH006")
    many = MadeUp(
        names=("a", "b", "c", "d", "e"),
        space={"training.lr": [0.1, 0.2, 0.3]},
        repeats=1,
        rows=(40, 40),
        epochs=400,
    )
    results = make_run(tmp_path, many)
    raised = checks(results)
    assert len(raised) > GRAVEST == 3
    text = results_text(results)
    others = ", ".join(check.code for check in raised[3:])
    assert f"and {len(raised) - 3} more ({others}): read them in report.html, under Checks" in text
    for place, check in enumerate(raised):
        assert (f"{check.code}  {check.severity}: {check.title}" in text) == (place < 3)
    monkeypatch.setattr("shoal.look._gallery.png", dot)
    write_report(results)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    head = page[page.index("What limits it") : page.index("data-chapter", page.index("What limits it"))]
    assert head.count("<li>") == 4
    assert f'<a href="#checks">and {len(raised) - 3} more, under Checks</a>' in head
    assert all(f'id="{check.code}"' in page for check in raised)
