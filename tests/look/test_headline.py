"""The first sentence of a run: what is simpler stands beside the score, and whatever is not shown is said first."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answered_runs import answered, of_labels
from look_runs import MadeUp, make_run

import shoal
from dots import dot
from shoal.look import headline_text, results_text
from shoal.look._headline import headline
from shoal.look._run_findings import RunFindings
from shoal.look._simple_models import model_rows, without_interval
from shoal.look.page.summary import summary
from shoal.results import (
    Baseline,
    Beside,
    Difference,
    Interval,
    Results,
    rare_tested,
    verdict,
    verdict_phrase,
)

NUMBER = MadeUp(names=(), inputs=("a",), rows=(40, 100), epochs=5)
TWO = MadeUp(
    task="classification",
    names=(),
    classes=("fine", "fault"),
    inputs=("a",),
    targets=(),
    rows=(400, 2000),
    epochs=5,
)


def noisy(results: Results, level: float, seed: int = 0) -> Any:
    y = results.truth.y[results.truth.train_rows :]
    return y + level * np.random.default_rng(seed).normal(size=y.shape)


def said(results: Results) -> tuple[str, ...]:
    head = headline(RunFindings(results))
    return (head.figure, head.unit, head.first, *head.more)


# -- numbers -------------------------------------------------------------------------------------------------


def test_a_better_network_is_said_to_be_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, NUMBER)
    results = answered(run, monkeypatch, noisy(run, 0.2), noisy(run, 0.5, 1), noisy(run, 0.4, 2))
    assert said(results) == (
        "0.193",
        "test RMSE",
        "On the 100 test rows, the root mean squared error (RMSE, in the unit of “label”) of the delivered network"
        " is 0.193, of a constant 0.705, of a linear model 0.427 and of boosted trees 0.381.",
        "It is better than a constant, a linear model and boosted trees: the 95 % interval of each difference, row by"
        " row, for other test rows, leaves 0 out.",
    )


def test_a_worse_network_says_so_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, NUMBER)
    results = answered(run, monkeypatch, noisy(run, 0.5), noisy(run, 0.2, 1), noisy(run, 0.55, 2))
    figure, _, first, *more = said(results)
    assert (figure, first.split(", of a constant")[0]) == (
        "0.483",
        "Worse than a linear model and not shown to be better than boosted trees: on the 100 test rows, the root mean"
        " squared error (RMSE, in the unit of “label”) of the delivered network is 0.483",
    )
    assert more == [
        "It is better than a constant: the 95 % interval of the difference, row by row, for other test rows, leaves 0"
        " out."
    ]
    assert summary(RunFindings(results)).good[0].startswith("Worse than a linear model and not shown to be")


def test_a_network_that_answers_the_constant_is_no_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, NUMBER)
    mean = np.full((100, 1), run.truth.y[:40].mean())
    results = answered(run, monkeypatch, mean, mean, noisy(run, 0.3))
    _, _, first, *more = said(results)
    assert first.startswith(
        "Worse than boosted trees and no better than a constant or a linear model: on the 100 test"
    )
    assert more == ["No interval of the differences to a constant and a linear model: they differ on no row."]


def test_few_rows_show_nothing_and_what_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, MadeUp(names=(), inputs=("a",), rows=(40, 12), epochs=5))
    results = answered(run, monkeypatch, noisy(run, 0.1))
    _, _, first, *more = said(results)
    assert first.startswith(
        "Not shown to be better than a constant: on the 12 test rows, the root mean squared error"
    )
    assert more == [
        "No interval of the difference to a constant: 12 rows are too few for an interval.",
        "There is no comparison with a linear model or boosted trees: none was fitted in this run.",
    ]


def test_of_several_targets_the_largest_unit_does_not_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(
        tmp_path, MadeUp(names=(), inputs=("a",), targets=("big", "small"), rows=(40, 100), epochs=5)
    )
    run.truth.y[:, 0] *= 1000
    good, bad = noisy(run, 0.0), noisy(run, 0.0)
    rng = np.random.default_rng(0)
    bad += rng.normal(size=bad.shape) * [200, 2.0]
    good += rng.normal(size=good.shape) * [300, 0.3]
    figure, unit, first, each, *_ = said(answered(run, monkeypatch, bad, good, good))
    assert unit == "test R²"
    assert figure.startswith("−")
    assert first.startswith(
        "Worse than a constant, a linear model and boosted trees: on the 100 test rows, R² of the"
    )
    assert "the mean of the 2 targets, is −" in first
    assert "(the lowest, of “small”, −" in first
    assert each.startswith("Each by itself, in its own unit: “big” RMSE 194, R² 0.919; ")
    assert "“small” RMSE 1.90, R² −6.07" in each
    assert each.endswith("worse than a constant, a linear model and boosted trees.")
    assert each.count("worse than") == 1


# -- classes -------------------------------------------------------------------------------------------------


def probabilities(named: Any, classes: int) -> Any:
    return np.where(np.eye(classes)[np.asarray(named)] > 0, 0.9, 0.1 / max(1, classes - 1))


def imbalanced(run: Results, faults: int = 36) -> Results:
    """2 % of the training rows are faults, and some of the test rows."""
    y = np.zeros(2400, np.int64)
    y[:8], y[400 : 400 + faults] = 1, 1
    return of_labels(run, y)


def test_a_share_that_is_right_because_a_class_is_rare_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = imbalanced(make_run(tmp_path, TWO))
    assert rare_tested(run.truth) == [1]
    true = run.truth.y[400:]
    named = np.zeros(2000, np.int64)
    named[-5:] = 1
    trees = np.where(np.arange(2000) < 30, true, 0)
    results = answered(
        run, monkeypatch, probabilities(named, 2), probabilities(0 * named, 2), probabilities(trees, 2)
    )
    figure, unit, first, *_ = said(results)
    assert (figure, unit) == ("49.9\u00a0%", "balanced test accuracy")
    assert first == (
        "Worse than boosted trees and no better than a constant or a linear model: on the 2,000 test rows, the balanced"
        " accuracy (mean recall of the classes) of the delivered network is 49.9\u00a0%, of a constant 50.0\u00a0%, of"
        " a linear model 50.0\u00a0% and of boosted trees 91.7\u00a0%; it is right on 0 of the 36 rows of the rare"
        " class “fault” (0.0\u00a0%; 95 % interval 0.0\u00a0% to 9.6\u00a0%), and on 98.0\u00a0% of all rows."
    )
    headline_of = headline_text(results)
    assert "%" in headline_of
    assert "\u00a0" not in headline_of
    assert results_text(results).startswith(
        "Some classes or labels are never recognised. No test row is recognised of"
    )
    assert "are right.\nWorse than boosted trees and no better than a constant or a linear" in results_text(
        results
    )
    assert [row.name for row in model_rows(results)] == [
        "delivered network",
        "constant",
        "linear model",
        "boosted trees",
    ]
    assert list(model_rows(results)[0].scores) == ["balanced_accuracy", "accuracy", "loss", "macro_f1", "ece"]


def test_a_rare_class_of_few_test_rows_gives_no_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = imbalanced(make_run(tmp_path, TWO), faults=4)
    true = run.truth.y[400:]
    results = answered(run, monkeypatch, probabilities(true, 2), probabilities(0 * true, 2))
    _, _, first, *more = said(results)
    assert first.startswith(
        "Not shown to be better than a constant or a linear model: on the 2,000 test rows"
    )
    assert more[0] == (
        "No interval of the differences to a constant and a linear model: a class of 4 test rows is too small for an"
        " interval."
    )


def test_accuracy_stands_beside_that_of_what_is_simpler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, TWO)
    true = run.truth.y[400:]
    wrong = np.where(np.arange(2000) % 10 == 0, 1 - true, true)
    worse = np.where(np.arange(2000) % 5 == 0, 1 - true, true)
    assert rare_tested(run.truth) == []
    results = answered(
        run, monkeypatch, probabilities(wrong, 2), probabilities(worse, 2), probabilities(wrong, 2)
    )
    assert said(results)[:3] == (
        "90.0\u00a0%",
        "test accuracy",
        "No better than boosted trees: on the 2,000 test rows, the delivered network is right on 90.0\u00a0%, a"
        " constant on 50.0\u00a0%, a linear model on 80.0\u00a0% and boosted trees on 90.0\u00a0%.",
    )


def test_a_network_that_is_ahead_on_few_rows_is_not_shown_to_be_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, TWO)
    true = run.truth.y[400:]
    few = np.where(np.arange(2000) < 6, 1 - true, true)
    results = answered(run, monkeypatch, probabilities(true, 2), probabilities(few, 2))
    _, _, first, *more = said(results)
    assert first.startswith(
        "Not shown to be better than a linear model: on the 2,000 test rows, the delivered network is"
    )
    assert (
        "No interval of the difference to a linear model: they differ on 6 rows alone, too few for an interval."
        in more
    )


@pytest.mark.parametrize(
    ("train", "rare"), [((40, 40, 40), []), ((110, 7, 7), [1, 2]), ((100, 9, 9), []), ((9, 5, 0), [2])]
)
def test_a_class_is_rare_below_a_fifth_of_an_equal_share(
    tmp_path: Path, train: tuple[int, ...], rare: list[int]
) -> None:
    run = make_run(
        tmp_path,
        MadeUp(
            task="classification",
            names=(),
            classes=("x", "y", "z"),
            targets=(),
            rows=(sum(train), 30),
            epochs=5,
        ),
    )
    y = np.concatenate((np.repeat([0, 1, 2], train), np.arange(30) % 3))
    assert rare_tested(of_labels(run, y).truth) == rare
    # A class that no test row has is tested by nobody.
    assert rare_tested(of_labels(run, np.where(np.arange(len(y)) < sum(train), y, 0)).truth) == []


def test_the_mean_recall_of_a_constant_is_the_same_on_any_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = imbalanced(make_run(tmp_path, TWO))
    true = run.truth.y[400:]
    results = answered(run, monkeypatch, probabilities(true, 2), probabilities(true, 2))
    constant, linear, _ = results.beside_baselines("balanced_accuracy")
    assert (constant.score, constant.interval.low, constant.interval.high) == (0.5, 0.5, 0.5)
    assert linear.score == linear.interval.high == 1.0
    assert linear.interval.low < 1.0
    for model in (constant, linear):
        assert len(repr(model)) < 400
        assert "<float64 (2000, 2)>" in repr(model)
        assert "0.9" not in repr(model.baseline)


# -- before there is a network -------------------------------------------------------------------------------


def test_without_a_delivered_network_there_is_no_score(tmp_path: Path) -> None:
    failed = make_run(tmp_path, MadeUp(names=(), epochs=5, failed=frozenset({("refit", "winner", 0)})))
    assert said(failed) == ("–", "no test score", "Every refitted network diverged or failed.")


# -- the verdict ---------------------------------------------------------------------------------------------


def beside(name: str, mean: float, low: float, high: float, why: str = "") -> Beside:
    there = Baseline(name, 5, np.zeros((3, 1)))
    return Beside(there, 0.5, Interval(0, 1), Difference(mean, low, high, 0.5, 1, why))


def test_better_is_up_for_some_scores_and_down_for_others() -> None:
    models = (
        beside("constant", 0.2, 0.1, 0.3),
        beside("linear", -0.2, -0.3, -0.1),
        beside("trees", 0.0, -0.1, 0.1),
    )
    up, down = verdict(models, "accuracy"), verdict(models, "mse")
    assert (up.better, up.worse, up.no_better) == (("constant",), ("linear",), ("trees",))
    assert (down.better, down.worse, down.no_better) == (("linear",), ("constant",), ("trees",))
    assert verdict(models, "balanced_accuracy") == up
    assert not up.good
    assert verdict(models[:1], "accuracy").good
    assert verdict_phrase(up) == "worse than a linear model and no better than boosted trees"
    nan = float("nan")
    unknown = verdict([beside("trees", 0.2, nan, nan, "too few")], "accuracy")
    assert (unknown.ahead, unknown.whys) == (("trees",), (("trees", "too few"),))


def test_models_without_an_interval_for_one_reason_share_a_sentence() -> None:
    few, none = "12 rows are too few for an interval", "they differ on no row"
    assert without_interval([("a constant", few)]) == [f"No interval of the difference to a constant: {few}."]
    assert without_interval([("a constant", few), ("a linear model", few), ("boosted trees", few)]) == [
        f"No interval of the differences to a constant, a linear model and boosted trees: {few}."
    ]
    assert without_interval([("a constant", none), ("a linear model", few), ("boosted trees", none)]) == [
        f"No interval of the differences to a constant and boosted trees: {none}.",
        f"No interval of the difference to a linear model: {few}.",
    ]


def test_what_is_said_of_how_good_it_is_is_never_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sentence stands by itself: all together they are longer than a text of a page may be."""
    monkeypatch.setattr("shoal.look._gallery.png", dot)
    draw = np.random.default_rng(1)
    x_N = draw.normal(size=400)
    y_N = np.where(x_N + draw.normal(size=400) > 2.5, "seldom seen and described at some length", "ok")
    rows = pd.DataFrame({"x": x_N, "w": draw.integers(1, 4, 400), "y": y_N})
    scores = ["roc_auc", "average_precision", "f1", "precision", "recall", "balanced_accuracy"]
    results = shoal.run(
        rows, out=tmp_path, task="classification", target="y", data={"weights": "w", "inputs": ["x"]},
        training={"epochs": 2}, search={"folds": 2, "scores": scores, "space": {"training.lr": [0.001, 0.01]}},
    )  # fmt: skip
    said = summary(RunFindings(results)).good
    assert len(" ".join(said)) > 1000
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    cell = page.partition("<dt>How good it is</dt>")[2].partition("</dd>")[0]
    plain = [sentence.replace("\u00a0", " ") for sentence in said]
    assert (
        html.unescape(cell).replace("\u00a0", " ")
        == f"<dd>{''.join(f'<p>{sentence}</p>' for sentence in plain)}"
    )
    assert all(sentence.endswith(".") for sentence in said)
