"""How the chosen candidate scores on each fold: numbers, intervals, whether folds differ, what it says and draws."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from readable import faults
from scipy.stats import f_oneway, ttest_ind

from row_cases import searched
from shoal.look._paper import design
from shoal.look._run_findings import RunFindings
from shoal.look.figures import scores_by_fold as folds
from shoal.results import FoldScore, Interval, folds_differ, scores_by_fold

RNG = np.random.default_rng(6)


def test_scores_and_errors_are_those_of_the_rows() -> None:
    loss = RNG.gamma(2.0, size=(2, 3, 40))
    _, rows = searched(loss)
    scored = scores_by_fold(rows, "b", "loss")
    assert [fold.fold for fold in scored] == [0, 1, 2]
    for fold, own in zip(scored, loss[1], strict=True):
        assert (fold.rows, fold.freedom) == (40, pytest.approx(39))
        assert fold.score == pytest.approx(own.mean())
        assert fold.error == pytest.approx(own.std(ddof=1) / math.sqrt(40))
        assert fold.interval.low < fold.score < fold.interval.high


def test_of_two_folds_it_is_welchs_t_test_and_of_equal_spreads_the_analysis_of_variance() -> None:
    for scale in (0.1, 0.3, 1.0):
        two = RNG.gamma(2.0, size=(1, 2, 60)) * [[1], [2]] + scale * np.arange(2)[:, None]
        _, rows = searched(two)
        p = folds_differ(scores_by_fold(rows, "a", "loss"))
        assert p == pytest.approx(ttest_ind(*two[0], equal_var=False).pvalue)
        alike = RNG.permuted(np.tile(RNG.gamma(2.0, size=60), (4, 1)), axis=1) + scale * np.arange(4)[:, None]
        _, rows = searched(alike[None])
        p = folds_differ(scores_by_fold(rows, "a", "loss"))
        assert p == pytest.approx(f_oneway(*alike).pvalue, abs=1e-12)
    assert math.isnan(folds_differ(()))
    assert math.isnan(folds_differ(scores_by_fold(searched(np.ones((1, 3, 40)))[1], "a", "loss")))


@pytest.mark.parametrize("power", [1, 2, 4])
def test_folds_of_one_kind_differ_in_one_of_twenty_however_skewed_their_losses_are(power: int) -> None:
    """Welch's test of 1951 calls them different in up to a sixth."""
    draw, differ, times = np.random.default_rng(power), 0, 600
    for _ in range(times):
        loss_FV = np.abs(draw.normal(size=(10, 40))) ** power
        errors = loss_FV.std(axis=1, ddof=1) / math.sqrt(40)
        made = [
            FoldScore(n, 40, float(own.mean()), Interval(0, 1), float(error), 39.0)
            for n, (own, error) in enumerate(zip(loss_FV, errors, strict=True))
        ]
        differ += folds_differ(tuple(made)) < 0.05
    assert differ / times < 0.065


def test_repeats_are_averaged_and_groups_are_drawn_as_wholes() -> None:
    loss = RNG.gamma(2.0, size=(1, 4, 60))  # two folds of two repeats
    _, rows = searched(loss, repeats=2)
    first, second = scores_by_fold(rows, "a", "loss")
    assert first.score == pytest.approx(loss[0, :2].mean())
    assert second.error == pytest.approx(loss[0, 2:].mean(axis=0).std(ddof=1) / math.sqrt(60))
    alike = np.repeat(RNG.gamma(2.0, size=(1, 2, 12)), 5, axis=2)
    _, rows = searched(alike, groups=np.arange(120) // 5)
    grouped = scores_by_fold(rows, "a", "loss")[0]
    assert grouped.error == pytest.approx(alike[0, 0, ::5].std(ddof=1) / math.sqrt(12))
    assert grouped.freedom == pytest.approx(11)


def picture(count: int, p: float = 0.2, *, known: bool = True) -> Any:
    scores = RNG.gamma(2.0, size=count)
    made = [
        FoldScore(
            n,
            40,
            value,
            Interval(value / 2, 2 * value) if known else Interval(math.nan, math.nan, "few"),
            1,
            9,
        )
        for n, value in enumerate(scores)
    ]
    fact: Any = folds.scores_of_folds(made, "mean squared error", "rows", higher=False)
    if fact is not None:
        object.__setattr__(fact, "p", p)
    return fact


@pytest.mark.parametrize("count", [2, 5, 30, 200])
def test_it_is_drawn(count: int) -> None:
    fact = picture(count)
    assert faults(folds.draw_scores_by_fold, fact) == []
    assert len(fact.drawn) == min(count, 30)
    least = fact.score_F[fact.drawn].min()
    assert all(value <= least for value in np.delete(fact.score_F, fact.drawn))
    assert ("30 folds of the worst scores are drawn, 170 more are not" in folds.caption(fact)) == (
        count == 200
    )


def test_the_plot_shows_what_is_drawn() -> None:
    fact = picture(40)
    plot = folds.plot(fact)
    with design():
        (axes,) = folds.draw_scores_by_fold(fact).axes
    assert [trace["name"] for trace in plot["data"]] == [
        text.get_text() for text in axes.get_legend().get_texts()
    ]
    assert plot["layout"]["yaxis"]["ticktext"] == [text.get_text() for text in axes.get_yticklabels()]
    mean, spans = plot["data"]
    assert mean["x"] == pytest.approx([fact.mean] * 2, rel=1e-4)
    assert spans["x"] == pytest.approx(fact.score_F[fact.drawn], rel=1e-4)
    high = np.array(spans["x"]) + spans["error_x"]["array"]
    assert high == pytest.approx(fact.high_F[fact.drawn], rel=1e-3)
    assert all(text.startswith("<br>95 % interval ") for text in spans["text"])


def test_it_says_what_chance_says() -> None:
    assert "Folds do not differ by more than chance (Brown–Forsythe test, p = 0.20)." in folds.caption(
        picture(4)
    )
    differ = folds.caption(picture(4, 0.0001))
    assert (
        "Folds differ by more than chance (Brown–Forsythe test, p < 0.001): some hold rows of another kind"
        in differ
    )
    assert "chance" not in folds.caption(picture(4, math.nan))
    assert picture(4, known=False) is None
    assert picture(1) is None
    assert folds.words(picture(3)).startswith(
        "Mean squared error of the chosen candidate over 3 folds: from "
    )


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_run_has_it_where_its_folds_have_rows_enough(task: str, tmp_path: Any) -> None:
    classes = ("x", "y") if task == "classification" else ()
    targets = () if classes else ("label",)
    made = MadeUp(
        task=task,
        names=(),
        classes=classes,
        targets=targets,
        space={"network.dropout": [0.0, 0.25]},
        level=0.6,
    )
    for rows, there in (((90, 30), True), ((30, 30), False)):
        results = make_run(tmp_path / f"{rows[0]}", MadeUp(**{**vars(made), "rows": rows}))
        fact = folds.scores_by_fold_of(RunFindings(results))
        assert (fact is not None) == there
        if fact is not None:
            standing = next(s for s in results.standings if s.candidate_id == results.choice.candidate_id)
            assert fact.mean == pytest.approx(standing.selection_score)
    bare = make_run(tmp_path / "bare", MadeUp(names=()))
    assert folds.scores_by_fold_of(RunFindings(bare)) is None


def test_its_seconds_are_none_without_folds() -> None:
    extent: Any = SimpleNamespace(folds=0)
    assert folds.seconds(extent) == 0
