"""The choice: by hand, and the same in any order."""

from __future__ import annotations

import json
import math
import tomllib
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from record_cases import STUDY, a_failed_fit, a_fit, a_plan, a_truth, new_store

from row_cases import searched
from shoal.errors import StudyError, TrainingError
from shoal.results import (
    CandidateRow,
    Choice,
    PlanEntry,
    SearchScores,
    choose,
    choose_candidate,
    search_scores,
)
from shoal.results._select import _RULES, Rule
from shoal.study import Search, Study

A_STUDY = Study.model_validate(tomllib.loads(STUDY))


def scored(scores, parameters=None, metric="loss", ids=None) -> SearchScores:
    """Scores (C, F) of one repeat each."""
    scores_CFR = np.array(scores, np.float64)[:, :, None]
    count = len(scores_CFR)
    names = ids or tuple("abcdefgh"[:count])
    return SearchScores(names, tuple(parameters or [10] * count), scores_CFR, metric, 60.0, 30.0)


def test_the_best_is_the_lowest_mean_loss_or_the_highest_accuracy():
    table = [[0.3, 0.5], [0.2, 0.4], [0.9, 0.8]]
    choice = choose(scored(table), "best")
    assert choice.candidate_id == "b"
    assert [(row.candidate_id, row.rank) for row in choice.standings] == [("b", 1), ("a", 2), ("c", 3)]
    assert choose(scored(table, metric="accuracy"), "best").candidate_id == "c"


def test_one_standard_error_takes_the_fewest_parameters_within_reach():
    # Rows of the best: 1 and 3 in both folds, so mean 2, and 1/4 (-1, 1, -1, 1) times the root of 2; one more row as
    # telling makes the error the root of 4/8 + 1/8 = 0.79. b and c are within reach, d is not.
    loss_CFV = np.array([0, 0.6, 0.4, 0.9])[:, None, None] + np.array([[1.0, 3.0], [1.0, 3.0]])
    counts = [100, 20, 20, 5]
    scores, rows = searched(loss_CFV, counts)
    choice = choose(scores, "best", rows)
    assert choice.candidate_id == "a"
    assert choice.standings[0].standard_error == pytest.approx(math.sqrt(5 / 8))
    assert choose(scores, "one-standard-error", rows).candidate_id == "c"  # as few as b, and better
    scores, rows = searched(np.array([0, 0.1, 0.1])[:, None, None] + loss_CFV[:1], [9, 3, 3])
    assert choose(scores, "one-standard-error", rows).candidate_id == "b"


def test_a_study_offers_every_rule_and_others_raise():
    assert get_args(Search.model_fields["rule"].annotation) == get_args(Rule) == tuple(_RULES)
    with pytest.raises(
        StudyError, match=r"search\.rule: expected one of best, one-standard-error, got 'first'"
    ):
        choose(scored([[1.0, 2.0], [3.0, 5.0]]), "first")


def test_ties_go_to_the_fewer_parameters_then_to_the_smaller_id():
    assert choose(scored([[1.0, 2.0]] * 3, [5, 4, 4]), "best").candidate_id == "b"
    ids = ("z", "y", "x")
    assert choose(scored([[1.0, 2.0]] * 3, [5, 4, 4], ids=ids), "best").candidate_id == "x"


@given(
    st.integers(2, 60),
    st.lists(
        st.tuples(st.lists(st.integers(0, 60), min_size=3, max_size=3), st.integers(1, 3)),
        min_size=1,
        max_size=8,
    ),
)
@example(30, [([25, 27, 25], 3), ([29, 27, 21], 1)])
def test_accuracies_are_ranked_by_how_many_are_right(rows, drawn):
    counts = [[min(count, rows) for count in right] for right, _ in drawn]
    parameters = [count for _, count in drawn]
    table = scored([[count / rows for count in right] for right in counts], parameters, metric="accuracy")
    ids = table.candidate_ids
    expected = sorted(
        range(len(drawn)), key=lambda place: (-sum(counts[place]), parameters[place], ids[place])
    )
    for rule in get_args(Rule):
        choice = choose(table, rule)
        assert [row.candidate_id for row in choice.standings] == [ids[place] for place in expected]
        assert choice.candidate_id == ids[expected[0]]


def test_a_failed_candidate_is_last_and_never_chosen():
    choice = choose(scored([[np.nan, 0.0], [5.0, 6.0], [np.inf, 0.0]], [1, 9, 1]), "one-standard-error")
    assert choice.candidate_id == "b"
    failed = [row for row in choice.standings if row.failed]
    assert [row.candidate_id for row in failed] == ["a", "c"]
    assert all(math.isnan(row.selection_score) and not row.indistinguishable for row in failed)
    assert [row.rank for row in choice.standings] == [1, None, None]


def test_without_rows_nothing_is_said_of_differences():
    choice = choose(scored([[0.90, 0.86], [0.92, 0.88]], metric="accuracy"), "best")
    assert choice.indistinguishable == {"a", "b"}
    assert all(math.isnan(row.p_value) and math.isnan(row.standard_error) for row in choice.standings)


scores_CF = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(2, 4)),
    elements=st.sampled_from([0.1, 0.2, 0.3, np.nan]),
)


@given(scores_CF, st.data())
def test_the_order_of_the_candidates_makes_no_difference(scores, data):
    count = len(scores)
    parameters = data.draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    order = data.draw(st.permutations(range(count)))
    rule = data.draw(st.sampled_from(["best", "one-standard-error"]))
    metric = data.draw(st.sampled_from(["loss", "accuracy"]))
    names = tuple("abcdefgh"[:count])
    one = scored(scores, parameters, metric, names)
    other = scored(scores[order], [parameters[c] for c in order], metric, tuple(names[c] for c in order))
    if np.isnan(scores).any(axis=1).all():
        with pytest.raises(TrainingError):
            choose(one, rule)
        return
    choice = choose(one, rule)
    assert json.dumps(choice.to_json()) == json.dumps(choose(other, rule).to_json())
    assert json.dumps(Choice.from_json(json.loads(json.dumps(choice.to_json()))).to_json()) == json.dumps(
        choice.to_json()
    )
    means = {name: float(np.mean(row)) for name, row in zip(names, scores, strict=True)}
    healthy = [mean for mean in means.values() if not math.isnan(mean)]
    if rule == "best":
        best = min(healthy) if metric == "loss" else max(healthy)
        assert means[choice.candidate_id] == pytest.approx(best, rel=1e-11)


# From plan and fits


def test_scores_are_gathered_by_candidate_fold_and_repeat():
    candidates = [CandidateRow("b", {}, 2), CandidateRow("only compared", {}, 9), CandidateRow("a", {}, 1)]
    places = [(name, fold, repeat) for repeat in (0, 1) for fold in (0, 1, 2) for name in "ab"]
    plan = [PlanEntry(f"{n}{f}{r}", "search", n, "", f, r, 40 + f, 20 - f) for n, f, r in places]
    plan.append(PlanEntry("c", "compare", "only compared", "label", 0, 0, 99, 1))
    losses = {entry.fit_id: number / 8 for number, entry in enumerate(plan)}
    fits = {fit_id: a_fit(fit_id, loss) for fit_id, loss in losses.items()}
    table = search_scores(plan, candidates, fits, A_STUDY)
    assert table.candidate_ids == ("b", "a")
    assert table.parameter_counts == (2, 1)
    assert (table.train_rows, table.validation_rows, table.missing, table.cause) == (41, 19, 0, "")
    expected = [[[losses[f"{n}{f}{r}"] for r in (0, 1)] for f in (0, 1, 2)] for n in "ba"]
    np.testing.assert_array_equal(table.scores_CFR, expected)


def test_a_failed_fit_has_no_score_whatever_it_says():
    entries, candidates = a_plan()
    fits = {entry.fit_id: a_fit(entry.fit_id) for entry in entries}
    fits["a1"] = a_fit("a1", status="diverged")
    table = search_scores(entries, candidates, fits, A_STUDY)
    np.testing.assert_array_equal(table.scores_CFR[:, :, 0], [[0.5, np.nan], [0.5, 0.5]])


def test_nothing_is_chosen_while_fits_are_missing():
    entries, candidates = a_plan()
    table = search_scores(
        entries, candidates, {"a0": a_fit("a0"), "a1": a_fit("a1"), "b0": a_fit("b0")}, A_STUDY
    )
    assert table.candidate_ids == ("a",)
    with pytest.raises(TrainingError) as caught:
        choose(table, "best")
    assert str(caught.value) == "1 fit of the search is not trained yet, so that nothing can be chosen"


@pytest.mark.parametrize(
    ("status", "message", "cause"),
    [
        (
            "diverged",
            "diverged in epoch 1, batch 3: the loss is not finite",
            "diverged in epoch 1, batch 3: the loss is not finite; the learning rate 0.2 is probably too high",
        ),
        ("failed", "RuntimeError: no kernel", "RuntimeError: no kernel"),
    ],
)
def test_when_all_failed_the_likely_cause_is_named(tmp_path, status, message, cause):
    entries, candidates = a_plan()
    with new_store(tmp_path) as store:
        store.set_plan(entries, candidates)
        store.put_truth(a_truth())
        for entry in entries:
            healthy = entry.fold == 0 and entry.candidate_id == "a"
            early = entry.fit_id == "b1"
            failed = a_failed_fit(entry.fit_id, message if early else "later", 3 if early else 4, status)
            store.add(a_fit(entry.fit_id) if healthy else failed)
        with pytest.raises(TrainingError) as caught:
            choose_candidate(A_STUDY, store)
        assert (
            str(caught.value)
            == f"every one of 2 candidates has a fit that diverged or failed; the earliest: {cause}"
        )
        assert store.fact("choice") is None


def test_the_choice_is_kept(tmp_path):
    entries, candidates = a_plan()
    with new_store(tmp_path) as store:
        store.set_plan(entries, candidates)
        store.put_truth(a_truth())
        for entry in entries:
            store.add(a_fit(entry.fit_id, 0.1 if entry.candidate_id == "b" else 0.2 + entry.fold))
        choice = choose_candidate(A_STUDY, store)
        assert choice.candidate_id == "b"
        kept = store.fact("choice")
        assert json.dumps(Choice.from_json(kept).to_json()) == json.dumps(choice.to_json())
        assert Choice.from_json(kept | {"reasons": ["Words of earlier versions."]}).candidate_id == "b"
