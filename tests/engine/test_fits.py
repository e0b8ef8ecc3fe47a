"""The plan: ids are content, nothing else; counts add up; splits are what the study asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.engine import Planner, Trainers
from shoal.engine._planned import unique
from shoal.engine.trainers.native_core import native_available
from shoal.errors import StudyError
from shoal.streams import COMPARE_STREAM, REFIT_STREAM
from shoal.study import Study
from studies import tiny_study, two_peaks


def planner(study: Study) -> Planner:
    pytest.importorskip("torch")
    return Planner(study, two_peaks(), Trainers("torch").choose)


def ids(study: Study) -> set[str]:
    return {item.fit.id for item in planner(study).search_fits()}


def test_search_is_candidates_times_folds_times_repeats() -> None:
    fits = planner(tiny_study(search={"repeats": 2})).search_fits()
    assert len(fits) == len({item.fit.id for item in fits}) == 4 * 3 * 2
    assert {(item.entry.fold, item.entry.repeat) for item in fits} == {
        (f, r) for f in range(3) for r in range(2)
    }


@given(st.permutations([4, 6, 9]), st.permutations([0, 0.25]))
def test_permuting_the_grid_changes_no_id(units: list[int], dropouts: list[float]) -> None:
    ordered = {"network.hidden[0]": [4, 6, 9], "network.dropout": [0, 0.25]}
    permuted = {"network.dropout": dropouts, "network.hidden[0]": units}
    assert ids(tiny_study(search={"space": ordered})) == ids(tiny_study(search={"space": permuted}))


def test_widening_the_grid_keeps_every_id() -> None:
    wide = {"network.hidden[0]": [4, 6, 8], "network.dropout": [0, 0.25, 0.5]}
    narrow_ids, wide_ids = ids(tiny_study()), ids(tiny_study(search={"space": wide}))
    assert narrow_ids < wide_ids
    assert len(wide_ids) == 27


@pytest.mark.parametrize(
    "changes",
    [
        {"study": {"seed": 4}},
        {"training": {"lr": 0.02}},
        {"training": {"epochs": 9}},
        {"training": {"early_stopping": "inner"}},
        {"network": {"activation": "relu"}},
        {"data": {"standardize": "inputs"}},
        {"search": {"folds": 4}},
        {"search": {"folds": {"n": 3, "shuffle": False}}},
    ],
)
def test_what_changes_the_bytes_changes_every_id(changes: dict[str, dict[str, object]]) -> None:
    assert not ids(tiny_study()) & ids(tiny_study(**changes))


@pytest.mark.skipif(not native_available(), reason="the native core is not built on this machine")
@pytest.mark.parametrize("network", [{}, {"batch_norm": True}])
def test_what_torch_trained_is_not_taken_for_what_the_core_trains(network: dict[str, object]) -> None:
    """Batch norm was torch's alone once: such fits of old stores are trained anew, not mixed with new ones."""
    study = tiny_study(network=network)
    fits = {
        name: [item.fit for item in Planner(study, two_peaks(), Trainers(name).choose).search_fits()]
        for name in ("auto", "native", "torch")
    }
    assert {fit.trainer for fit in fits["auto"]} == {"native"}
    named = {name: {fit.id for fit in group} for name, group in fits.items()}
    assert named["auto"] == named["native"]
    assert not named["native"] & named["torch"]


@pytest.mark.parametrize(
    "changes",
    [
        {"study": {"name": "other"}},
        {"study": {"repeats": 3}},
        {"compare": []},
        {"search": {"rule": "one-standard-error"}},
    ],
)
def test_what_does_not_change_the_bytes_changes_no_id(changes: dict[str, object]) -> None:
    assert ids(tiny_study()) == ids(tiny_study(**changes))


def test_repeats_add_to_what_is_there() -> None:
    assert ids(tiny_study()) < ids(tiny_study(search={"repeats": 2}))


def test_comparisons_of_one_repeat_hold_out_the_same_rows_and_another_repeat_others() -> None:
    fits = planner(tiny_study(study={"repeats": 2}, training={"validation": 0.25})).comparison_fits()
    held = {(item.entry.label, item.entry.repeat): item.fit.split.validation for item in fits}
    assert all(len(rows) == 25 for rows in held.values())
    assert np.array_equal(held["base", 0], held["sgd", 0])
    assert not np.array_equal(held["base", 0], held["base", 1])
    assert {item.fit.job.key.split for item in fits} == {COMPARE_STREAM}


def test_the_winner_joins_the_comparisons_and_is_refitted_on_all_rows() -> None:
    plan = planner(tiny_study(study={"repeats": 2}))
    winner = plan.candidates[1]
    fits = plan.winner_fits(winner, 5)
    assert [(item.entry.stage, item.entry.label, item.entry.repeat) for item in fits] == [
        ("compare", "winner", 0),
        ("compare", "winner", 1),
        ("refit", "winner", 0),
        ("refit", "winner", 1),
    ]
    assert {item.entry.candidate_id for item in fits} == {winner.id}
    refits = [item.fit for item in fits if item.entry.stage == "refit"]
    assert {fit.job.key.split for fit in refits} == {REFIT_STREAM}
    assert {fit.job.training.epochs for fit in refits} == {5}
    assert all(len(fit.split.train) == 100 and not len(fit.split.validation) for fit in refits)


def test_a_winner_equal_to_a_comparison_is_the_same_fit() -> None:
    plan = planner(tiny_study())
    base = next(c for c in plan.candidates if c.network == plan.study.network)
    compared = {item.fit.id for item in plan.comparison_fits() if item.entry.label == "base"}
    assert {item.fit.id for item in plan.winner_fits(base, 8) if item.entry.stage == "compare"} == compared


def test_inner_rows_are_training_rows_and_are_not_learned_from() -> None:
    plan = planner(tiny_study(training={"early_stopping": "inner", "inner_share": 0.2}))
    for item in plan.search_fits():
        fit = item.fit
        assert set(fit.rows.inner) < set(fit.split.train)
        assert set(fit.rows.learning) == set(fit.split.train) - set(fit.rows.inner)
        assert len(fit.rows.inner) == pytest.approx(0.2 * len(fit.split.train), abs=1)


def test_unique_gives_each_missing_fit_once() -> None:
    fits = planner(tiny_study()).search_fits()
    known = frozenset({fits[0].fit.id})
    assert len(unique([*fits, *fits], known)) == len(fits) - 1


def test_batch_norm_with_a_batch_of_one_row_is_refused() -> None:
    study = tiny_study(network={"batch_norm": True}, training={"batch_size": 11})
    with pytest.raises(StudyError) as caught:
        planner(study).search_fits()
    assert str(caught.value) == (
        "training.batch_size: expected no batch of one row with batch norm, got batches of 11 "
        "from 67 training rows (fold 2 of 3)"
    )
