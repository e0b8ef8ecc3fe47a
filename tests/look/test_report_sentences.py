"""Captions, notes and sentences say what their facts hold: which way is better, of what a number is, what coincides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from look_runs import MadeUp, make_run

from shoal.look import pictures, results_text
from shoal.look._curves import curves_in_words
from shoal.look._line_notes import curve_notes
from shoal.look._lines import Curves, Line
from shoal.look._reasons import others_alike, reasons, significance_sentence, verdict_sentence
from shoal.look._run_findings import DELIVERED, REFITTED, RunFindings
from shoal.look.figures import confusion
from shoal.look.figures import effects as effects_figure
from shoal.look.figures import ranking as ranking_figure
from shoal.look.figures import training as training_figure
from shoal.look.figures import variance as variance_figure
from shoal.look.figures.confusion import accuracy_phrase, confusion_of
from shoal.look.figures.effects import Effect, Effects, effects_of, effects_sentences
from shoal.look.figures.ranking import ranking
from shoal.look.figures.training import training_curves
from shoal.look.figures.validation import compared_curves, draw_compared_curves
from shoal.look.figures.variance import shares_phrase, variance_split, variance_split_of
from shoal.look.method_checks.many_variants import many_variants
from shoal.look.page.ranges import variable_table
from shoal.look.page.summary import summary
from shoal.look.page.tables import (
    comparisons_on_test_rows,
    delivered_one,
    same_settings,
)
from shoal.results import higher_is_better, regression_scores
from shoal.study import Study
from shoal.wording import one_number, percent

CLASSES = MadeUp(
    task="classification", names=("a",), classes=("x", "y", "z"), inputs=("p", "q"), targets=(), epochs=20,
    repeats=3, space={"network.hidden[0]": [2, 3]}, level=0.6,
)  # fmt: skip


def curve(
    train: list[float], held_out: list[float] | None = None, measure: str = "loss"
) -> dict[str, np.ndarray]:
    found = {"epoch": np.arange(1.0, len(train) + 1), f"train_{measure}": np.array(train)}
    return found if held_out is None else found | {f"validation_{measure}": np.array(held_out)}


# -- which way is better -------------------------------------------------------------------------------------


def test_overfitting_lies_above_in_a_loss_and_below_in_an_accuracy() -> None:
    loss = training_curves("a", [curve([2, 1], [2, 3])], "loss", "loss")
    right = training_curves("a", [curve([0.5, 1], [0.5, 0.4], "accuracy")], "accuracy", "accuracy")
    assert training_figure.caption(loss) == (
        "Where validation rises, or stays above training while training still falls, the network overfits."
    )
    assert training_figure.caption(right) == (
        "Where validation falls, or stays below training while training still rises, the network overfits."
    )
    alone = training_curves("a", [curve([2, 1])], "loss", "loss")
    assert "cannot be seen" in training_figure.caption(alone)
    assert "diverged or failed" in training_figure.caption(training_curves("a", [], "loss", "loss", failed=2))


def test_the_captions_of_a_run_follow_its_measures(tmp_path: Path) -> None:
    found = {picture.name: picture for picture in pictures(make_run(tmp_path, CLASSES))}
    assert "stays above" in found["40-01-a-loss"].caption
    assert "stays below" in found["40-01-a-accuracy"].caption
    assert found["11-validation-loss"].caption.endswith("lower is better.")
    assert found["12-validation-accuracy"].caption.endswith("higher is better.")
    assert found["10-test-scores"].fact.metric == "accuracy on test rows (share, higher is better)"
    assert found["40-01-a-accuracy"].fact.higher_is_better


def test_scores_get_better_upwards_and_losses_downwards() -> None:
    true, right, wrong = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]), np.array([[1.0], [0.0]])
    good, bad = regression_scores(true, right), regression_scores(true, wrong)
    for metric in good:
        assert higher_is_better(metric) == (good[metric] > bad[metric])


# -- of what a number is -------------------------------------------------------------------------------------


def test_accuracy_is_said_to_be_on_test_rows_and_of_which_networks(tmp_path: Path) -> None:
    results = make_run(tmp_path, CLASSES)
    findings = RunFindings(results)
    fact = confusion_of(findings, findings.delivered)
    scores = results.refit["test_accuracy"].tolist()
    assert fact.name == REFITTED == "networks refitted on all training rows"
    np.testing.assert_allclose(fact.test_accuracy_R, scores)
    assert fact.test_accuracy == pytest.approx(np.mean(scores))
    assert accuracy_phrase(fact) == (
        f"test accuracy {percent(float(np.mean(scores)))}, the mean of 3 networks; the delivered one\u2019s is"
        f" {percent(scores[0])}"
    )
    assert summary(findings).figure == percent(scores[0])
    assert "delivered" not in accuracy_phrase(confusion_of(findings, findings.comparisons[0]))
    assert accuracy_phrase(fact) in confusion.words(fact)
    assert (
        "classes on the test rows, networks refitted on all training rows (all 3 together)"
        in results_text(results)
    )
    drawn = next(one for one in pictures(results) if one.name == "30-delivered-confusion")
    title = " ".join(drawn.draw(drawn.fact).get_suptitle().split())
    assert title.startswith(f"{REFITTED.capitalize()}: {accuracy_phrase(fact)}".replace("\u00a0", " "))


def test_one_refitted_network_is_the_delivered_one(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path, replace(CLASSES, repeats=1)))
    fact = confusion_of(findings, findings.delivered)
    assert fact.name == DELIVERED
    assert accuracy_phrase(fact) == f"test accuracy {percent(fact.test_accuracy)}"


def test_the_delivered_network_is_the_first_that_did_not_diverge(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(repeats=3, epochs=5, failed=frozenset({("refit", "winner", 0)})))
    assert delivered_one(results) == "initialisation 2 is the delivered one"
    assert delivered_one(results) in results_text(results)
    found = summary(RunFindings(results))
    assert found.figure == one_number(results.refit["test_rmse"][1])
    assert found.sure[1].startswith(
        "Refitted 3 times, each with another initialisation and order of rows (1 diverged or failed): test RMSE"
    )


def test_the_error_of_several_targets_is_the_mean_of_theirs_and_lies_in_its_interval(tmp_path: Path) -> None:
    results = make_run(
        tmp_path, MadeUp(names=(), targets=("s", "t", "u", "v", "w"), inputs=("p", "q"), epochs=5)
    )
    scale = np.array([1.0, 10, 100, 1000, 10_000])
    truth = replace(results.truth, y=results.truth.y * scale)
    findings = RunFindings(replace(results, truth=truth))
    assert summary(findings).asked.startswith("Predict the numbers “s”, “t”, “u” and 2 more from 2 inputs")
    test, mean = truth.y[truth.train_rows :], truth.y[: truth.train_rows].mean(axis=0)
    constant = 1 - (((test - mean) ** 2).mean(axis=0) / test.var(axis=0)).mean()
    assert "R² of the delivered network, the mean of the 5 targets, is" in summary(findings).good[1]
    assert summary(findings).good[0].startswith("The model predicts the same for every row. The predictions")
    assert f", of a constant {one_number(constant)}. Each by itself, in its own unit: “s”" in " ".join(
        summary(findings).good
    )


def test_wall_time_is_called_so(tmp_path: Path) -> None:
    found = summary(RunFindings(make_run(tmp_path, MadeUp(names=("a",), epochs=5))))
    assert "3 networks trained in 3.0 s of wall time, added up over all networks." in found.asked
    assert "computing" not in found.asked


def test_ranges_of_variables_have_the_digits_of_their_own_row(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=(), inputs=("small", "large"), epochs=5))
    x_ND = np.tile([13.03, 1680.0], (len(results.truth.x_ND), 1))
    table = variable_table(RunFindings(replace(results, truth=replace(results.truth, x_ND=x_ND))))
    assert table is not None
    assert [cell for column in table.columns[2:4] for cell in column.cells[:2]] == ["13.03", "1,680"] * 2


# -- noise ---------------------------------------------------------------------------------------------------


def effect(key: str, p_value: float) -> Effect:
    two = np.array([1.0, 2.0])
    return Effect(key, ("a", "b"), False, two, two, two.astype(np.int64), 1.0, -0.5, 2.5, p_value)


def test_an_effect_that_is_not_significant_is_not_said_to_be_none() -> None:
    mixed = Effects("score", (effect("lr", 0.01), effect("dropout", 0.3), effect("width", np.nan)))
    assert effects_sentences(mixed) == (
        "Significant at 5 %: the effect of lr. The effect of dropout (not resolved: between \u22120.50 and 2.5) and"
        " width (no test possible) is not significant, which does not show that there is none."
    )
    assert "Blue" in effects_figure.caption(mixed)
    assert "may be as large" in effects_figure.caption(mixed)
    clear = Effects("score", mixed.effects[:1])
    assert effects_sentences(clear) == "Significant at 5 %: the effect of lr."
    assert "Grey" not in effects_figure.caption(clear)
    assert "Blue" not in effects_figure.caption(Effects("score", mixed.effects[1:]))


def test_the_folds_share_is_said_to_cancel() -> None:
    candidate, fold = np.array([0.0, 1.0, 5.0]), np.array([0.0, 20.0])
    split = variance_split("loss", (candidate[:, None] + fold)[:, :, None])
    said = shares_phrase(split)
    assert said.startswith(f"candidate {percent(7 / 207, 0)}, fold {percent(200 / 207, 0)}, ")
    assert said.endswith("of the rest the candidates hold 100\u00a0%.")
    assert said in variance_figure.caption(split)
    assert said in variance_figure.words(split)
    assert shares_phrase(variance_split("loss", np.ones((2, 2, 2)))) == "All scores are equal."


def test_search_texts_do_not_contradict_each_other(tmp_path: Path) -> None:
    run = MadeUp(
        names=(), epochs=5, hidden=(2,), space={"training.lr": [0.1, 0.2], "network.dropout": [0.0, 0.25]}
    )
    results = make_run(tmp_path, run)
    effects, split = effects_of(RunFindings(results)), variance_split_of(RunFindings(results))
    assert effects is not None
    assert split is not None
    text = " ".join(results_text(results).split())
    assert " ".join(effects_sentences(effects).split()) in text
    assert " ".join(shares_phrase(split).split()) in text
    for picture in pictures(results):
        said = f"{picture.caption} {picture.words()}"
        for claim in ("hardly matters", "matter more than noise", "noise is larger", "within noise"):
            assert claim not in said
    assert "noise is larger" not in text


# -- what the best is indistinguishable from -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alike", "others", "said"),
    [
        (0, 0, "There is no other healthy candidate to compare the best with"),
        (0, 1, "The best candidate is significantly better than the other one"),
        (1, 1, "The best candidate is statistically indistinguishable from the other one"),
        (0, 5, "The best candidate is significantly better than all 5 others"),
        (5, 5, "The best candidate is statistically indistinguishable from all 5 others"),
        (2, 5, "The best candidate is statistically indistinguishable from 2 of the 5 others"),
    ],
)
def test_the_best_is_not_counted_among_the_others(alike: int, others: int, said: str) -> None:
    assert significance_sentence(alike, others) == said


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["equivalent"], "The best candidate is equivalent to the other one: {}"),
        (["equivalent"] * 3, "The best candidate is equivalent to all 3 others: {}"),
        (
            ["equivalent", "worse", "worse"],
            "Of the 3 others, the best candidate is significantly better than 2 and equivalent to 1: {}",
        ),
        (
            ["equivalent", "unresolved", "worse"],
            "Of the 3 others, the best candidate is significantly better than 1, equivalent to 1 and statistically"
            " indistinguishable from 1: {}",
        ),
    ],
)
def test_the_best_stands_beside_the_others_by_their_verdicts(verdicts: list[str], said: str) -> None:
    meaning = "a candidate that is worse by less than the margin is called equivalent"
    assert verdict_sentence(verdicts) == said.format(meaning)


def test_words_of_a_ranking_count_healthy_others() -> None:
    scores = np.array([1.0, 3.0, 2.0, np.nan])
    fact = ranking(
        "score", [{}] * 4, (scores, scores), ["best", "worse", "unresolved", "failed"], scores == 1
    )
    assert fact.others == ["unresolved", "worse"]
    assert (
        "The best candidate is statistically indistinguishable from 1 of the 2 others"
        in ranking_figure.caption(fact)
    )
    assert ranking_figure.words(fact).startswith(
        "4 candidates, score from 1.00 to 3.00. The best candidate is"
    )
    lone = ranking("score", [{}], (scores[:1], scores[:1]), ["best"], np.array([False]))
    assert ranking_figure.caption(lone).startswith(
        "Nothing is chosen yet. There is no other healthy candidate"
    )


def test_reasons_follow_from_where_the_candidates_stand(tmp_path: Path) -> None:
    failed = frozenset({("search", 1, 0)})
    results = make_run(
        tmp_path / "a", MadeUp(names=(), epochs=5, space={"training.lr": [0.1, 0.2, 0.3]}, failed=failed)
    )
    choice = results.choice
    assert choice is not None
    best = choice.standings[0]
    lr = {row.candidate_id: row.values["training.lr"] for row in results.candidate_rows}
    assert reasons(results) == (
        f"Candidate 1 (learning rate {lr[best.candidate_id]}) has the best selection score: mean loss over 3 folds"
        f" {best.selection_score:.4g}, standard error {best.standard_error:.2g}.",
        f"{significance_sentence(*others_alike(results))} (model confidence set over the rows held out, 5 %).",
        "More folds or repeats would hardly resolve more: other rows would have to be added.",
        "1 of 3 candidates has a fit that diverged or failed and was left out.",
        "A selection score is optimistic, since it is what the choice was made by.",
        f"Expected on new rows, the luck of choosing taken out: mean loss {one_number(results.expected_score)}"
        " (bias-corrected bootstrap cross-validation).",
    )
    one = replace(choice, standings=choice.standings[:1])
    assert reasons(replace(results, choice=one))[0].startswith(
        f"Candidate 1 (learning rate {lr[best.candidate_id]}) is the only one; its"
    )
    assert not any("other" in reason for reason in reasons(replace(results, choice=one)))


@pytest.mark.parametrize(
    ("folds", "groups", "kind"),
    [
        ({"n": 3}, None, "repeated"),
        ({"n": 3}, "farm", "repeated-grouped"),
        ({"kind": "k-fold"}, "farm", "repeated-grouped"),  # what divides groups is not what is proposed
        ({"kind": "repeated-grouped", "times": 2}, "farm", "repeated-grouped"),
    ],
)
def test_more_folds_are_proposed_of_a_kind_that_keeps_groups(
    folds: dict[str, Any], groups: str | None, kind: str, tmp_path: Path
) -> None:
    results = make_run(tmp_path, MadeUp(names=(), epochs=5, space={"training.lr": [0.1, 0.2]}))
    assert results.choice is not None
    first, second = results.choice.standings
    second = replace(second, verdict="unresolved", networks=7)
    study = results.study.model_dump(exclude_unset=True)
    study["search"]["folds"] = folds
    study["data"]["groups"] = groups
    results = replace(
        results,
        study=Study.model_validate(study),
        choice=replace(results.choice, standings=(first, second)),
    )
    assert (
        "About 7 networks a candidate, of other folds or repeats, would resolve the next one (search.repeats, or"
        f' times of search.folds.kind = "{kind}"; what is trained already is kept where it is part of the new plan).'
    ) in reasons(results)


def test_the_rule_of_one_standard_error_says_how_many_are_near(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=(), epochs=5, space={"training.lr": [0.1, 0.2, 0.3]}))
    assert results.choice is not None
    first, second, third = results.choice.standings
    lr = {row.candidate_id: row.values["training.lr"] for row in results.candidate_rows}
    first = replace(first, selection_score=1.0, standard_error=0.5, parameter_count=100)
    near = [replace(one, selection_score=1.2, parameter_count=20) for one in (second, third)]
    far = [replace(one, selection_score=2.0) for one in near]

    def said(standings: tuple, chosen: str) -> str:
        choice = replace(results.choice, rule="one-standard-error", standings=standings, candidate_id=chosen)
        return reasons(replace(results, choice=choice))[1]

    assert (
        said((first, *far), first.candidate_id) == "No other candidate lies within one standard error of it."
    )
    assert said((first, *near), second.candidate_id) == (
        "Of the 3 candidates within one standard error of the best, itself among them, candidate 2"
        f" (learning rate {lr[second.candidate_id]}) has the fewest parameters: 20, not 100."
    )
    lean = replace(first, parameter_count=5)
    assert said((lean, near[0], far[1]), first.candidate_id) == (
        "The other candidate within one standard error of it has no fewer parameters."
    )
    assert said((lean, *near), first.candidate_id) == (
        "Of the 2 others within one standard error of it, none has fewer parameters."
    )


# -- what coincides ------------------------------------------------------------------------------------------


def test_lines_on_each_other_are_named_where_they_are_drawn_and_in_words() -> None:
    same, near, other = [2.0, 1.0, 0.5], [2.0, 1.0, 0.501], [2.0, 1.5, 1.0]
    curves = {"A": same, "B": same, "wide": [9.0, 9.0, 9.0], "C": other, "D": near}
    fact = compared_curves({name: [curve(y, y)] for name, y in curves.items()}, "loss", "loss")
    assert fact.coinciding == (("A", "B", "D"),)
    assert curve_notes(fact) == ("A, B and D coincide",)
    assert "A, B and D coincide" in curves_in_words(fact)
    (axes,) = draw_compared_curves(fact).axes
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "A, B and D coincide"


def test_a_shorter_line_on_a_longer_one_coincides_and_a_flat_picture_is_one_line() -> None:
    fact = compared_curves({"A": [curve([3, 2], [3, 2])], "B": [curve([3, 2, 1], [3, 2, 1])]}, "loss", "loss")
    assert fact.coinciding == (("A", "B"),)
    flat = compared_curves({"A": [curve([0, 0], [0, 0])], "B": [curve([0, 0], [0, 0])]}, "loss", "loss")
    assert flat.coinciding == (("A", "B"),)
    assert Curves("none", "loss", ()).coinciding == ()


@given(st.integers(0, 1000), st.floats(1.5, 3))
def test_lines_further_apart_than_a_pixel_do_not_coincide(seed: int, times: float) -> None:
    y_M = np.random.default_rng(seed).uniform(0, 1, 30)
    y_M[:2] = 0, 1
    x_M, pixel = np.arange(1.0, 31), 1 / 400

    def line(name: str, middle_M: np.ndarray) -> Line:
        return Line(name, x_M, middle_M, middle_M, middle_M, 1)

    moved_M = y_M.copy()
    moved_M[5] += times * pixel if y_M[5] < 0.5 else -times * pixel
    close_M = y_M + np.where(y_M < 0.5, 0.5, -0.5) * pixel
    fact = Curves("x", "accuracy", (line("a", y_M), line("b", moved_M), line("c", close_M)), 0, True)
    assert fact.coinciding == (("a", "c"),)


def test_comparisons_of_the_same_settings_are_named(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=("A", "B"), epochs=5))
    assert same_settings(results) == ""
    first = next(entry.fit_id for entry in results.plan if entry.label == "A")
    plan = [
        replace(entry, fit_id=first) if entry.label in ("B", "winner") else entry for entry in results.plan
    ]
    same = replace(results, plan=plan)
    assert same_settings(same) == "A, B and winner have the same settings: the same networks, trained once."


# -- the rest ------------------------------------------------------------------------------------------------


def test_shares_are_never_rounded_to_certainty() -> None:
    assert [percent(share) for share in (0, 0.9996, 1, 0.0004, np.nan)] == [
        "0.0\u00a0%", "> 99.9\u00a0%", "100.0\u00a0%", "< 0.1\u00a0%", "–",
    ]  # fmt: skip
    assert [percent(share, 0) for share in (0.996, 0.004, 0.34)] == ["> 99\u00a0%", "< 1\u00a0%", "34\u00a0%"]


def test_comparisons_of_the_same_settings_count_once_among_the_variants(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=("a", "b", "c", "d"), repeats=2, epochs=5))
    assert many_variants(results).startswith("5 variants, the winner among them, were tested")
    fits = {
        entry.repeat: entry.fit_id
        for entry in results.plan
        if entry.label == "a" and entry.stage == "compare"
    }
    plan = [
        replace(entry, fit_id=fits[entry.repeat]) if (entry.stage, entry.label) == ("compare", "b") else entry
        for entry in results.plan
    ]
    assert many_variants(replace(results, plan=plan)) == ""


def test_headings_of_the_comparisons_file_say_test(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(names=("a",), epochs=5))
    headings = comparisons_on_test_rows(results).columns.tolist()
    assert headings[:4] == ["label", "repeats", "failed", "test_mse_mean"]
    assert all(name.startswith("test_") for name in headings[3:])


def test_a_terminal_gets_plain_spaces(tmp_path: Path) -> None:
    text = results_text(make_run(tmp_path, MadeUp(names=("a",), epochs=5)))
    assert "\u00a0" not in text
    assert "less the 12 % (5) held out" in text
