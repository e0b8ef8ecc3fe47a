"""The permutation test of the whole: planned, counted, resumed, equal on any number of workers, and right by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.data import permuted_rows
from shoal.engine import Planner, Trainers
from shoal.errors import StudyError
from shoal.look import checks
from shoal.look._trust import permutation_sentence
from shoal.results import PermutationTest, Results
from shoal.results._permutation import permutation_test
from shoal.streams import PERMUTED_STREAM, StreamKey
from studies import tiny_study, two_peaks

pytestmark = pytest.mark.usefixtures("dots")

SHORT: dict[str, Any] = {
    "compare": [], "training": {"epochs": 30, "lr": 0.03}, "checks": {"baselines": False, "permutations": 6},
    "search": {"folds": 2, "space": {"network.hidden[0]": [4, 6]}},
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return shoal.run(tiny_study(**SHORT), out=tmp_path_factory.mktemp("run"), workers=1)


def test_p_counts_the_observed_one_and_failures_as_good() -> None:
    test = PermutationTest("mse", 0.5, (0.4, 0.5, 0.6, 0.7), failed=1, as_good=2)
    assert (test.permutations, test.p) == (5, 4 / 6)


def test_no_p_is_given_where_one_group_holds_more_than_a_third_of_the_training_rows(
    finished: Results,
) -> None:
    def why(sizes: list[int]) -> str:
        truth, rest = finished.truth, len(finished.truth.y) - 100
        group_N = np.repeat(np.arange(len(sizes) + 1), [*sizes, rest])
        test = permutation_test(
            finished.plan,
            finished.summaries,
            replace(truth, groups=group_N),
            "mse",
            finished.test_predictions,
        )
        assert test is not None
        assert math.isnan(test.p) == bool(test.why)
        return test.why

    said = "one group holds 40% of the training rows, many of which keep targets of their own"
    assert why([40, *[4] * 15]) == said
    assert why([30, *[5] * 14]) == ""
    assert why([50, 50]) == ""  # groups of one size change places as wholes


def test_a_permutation_test_without_p_says_why_and_raises_no_doubt(
    monkeypatch: pytest.MonkeyPatch, finished: Results
) -> None:
    test = PermutationTest("mse", 2.0, tuple(np.linspace(1.5, 3, 19)), 0, 6, "one group holds too much")
    monkeypatch.setattr(Results, "permutation_test", lambda self, metric: test)
    assert permutation_sentence(finished).endswith("one of 2.00; no p-value: one group holds too much.")
    assert "SH034" not in {check.code for check in checks(finished)}


def test_the_test_is_that_of_the_stored_answers(finished: Results) -> None:
    y = finished.truth.y[100:]
    permuted = [entry for entry in finished.plan if entry.stage == "permuted"]
    assert [entry.repeat for entry in permuted] == list(range(6))
    assert {entry.candidate_id for entry in permuted} == {
        finished.choice.candidate_id if finished.choice else ""
    }
    errors = [float(np.mean((finished.test_predictions(entry.fit_id) - y) ** 2)) for entry in permuted]
    own = float(np.mean((finished.test_predictions(str(finished.delivered_id)) - y) ** 2))
    test = finished.permutation_test("mse")
    assert test is not None
    assert (test.observed, test.scores, test.failed) == (pytest.approx(own), pytest.approx(tuple(errors)), 0)
    assert test.p == (1 + sum(error <= own for error in errors)) / 7
    best = min(errors)
    assert permutation_sentence(finished) == (
        "Permutation test of the chosen settings: 6 networks of them learned permuted targets; the best of them has a"
        f" test mean squared error of {best:.2f}, the delivered network one of {own:.3f}; p = 0.14, and could not be"
        " below 0.14 with so few."
    )


def test_a_permuted_network_is_trained_on_permuted_targets(finished: Results, tmp_path: Path) -> None:
    # The same network, of a table whose training targets are permuted by hand.
    dataset = two_peaks()
    order = permuted_rows(dataset, StreamKey(3, PERMUTED_STREAM, 0))
    fit_id = next(entry.fit_id for entry in finished.plan if entry.stage == "permuted")
    own = finished.curve(fit_id)["train_loss"].iloc[-1]
    assert finished.choice is not None
    parameters = finished.parameters(fit_id)
    network = finished.tried[finished.choice.candidate_id].network
    assert network.activation == "tanh"
    hidden = dataset.columns[0].values[:100, None].astype(np.float32)
    for name in ("hidden1", "hidden2"):
        hidden = np.tanh(hidden @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"])
    answers = hidden @ parameters["output.weight"].T + parameters["output.bias"]
    assert np.mean((answers - dataset.targets[order]) ** 2) == pytest.approx(own, rel=1e-4)
    assert np.mean((answers - dataset.targets[:100]) ** 2) != pytest.approx(own, rel=5e-3)


def test_permutations_are_resumed_added_to_and_equal_on_any_number_of_workers(
    finished: Results, tmp_path: Path
) -> None:
    fewer = tiny_study(**SHORT | {"checks": {"baselines": False, "permutations": 2}})
    first = shoal.run(fewer, out=tmp_path, workers=2)
    laid_out = shoal.plan(tiny_study(**SHORT), out=tmp_path)
    assert (laid_out.fits, {name: fits for name, fits, _ in laid_out.stages}["permutations"]) == (4, 6)
    again = shoal.run(tiny_study(**SHORT), out=tmp_path, workers=2)
    assert again.digest == finished.digest != first.digest
    # The comparison of the winner and the refit look at the test rows; networks that learned nothing do not choose.
    assert again.looks == finished.looks
    assert finished.looks.times == 2


def test_without_permutations_nothing_is_named_anew(finished: Results) -> None:
    without = tiny_study(**SHORT | {"checks": {"permutations": 0}})
    choose = Trainers("auto", "cpu").choose
    planner, plain = Planner(tiny_study(**SHORT), two_peaks(), choose), Planner(without, two_peaks(), choose)
    assert [item.fit.id for item in planner.search_fits()] == [item.fit.id for item in plain.search_fits()]
    winner = planner.candidates[0]
    assert [i.fit.id for i in planner.winner_fits(winner, 5)] == [
        i.fit.id for i in plain.winner_fits(winner, 5)
    ]
    ids = {item.fit.id for item in planner.permuted_fits(winner, 5)}
    assert len(ids) == 6
    assert plain.permuted_fits(winner, 5) == ()


def test_a_search_that_only_chance_explains_is_doubted(
    monkeypatch: pytest.MonkeyPatch, finished: Results
) -> None:
    def drawn(as_good: int, count: int = 19) -> str:
        test = PermutationTest("mse", 2.0, tuple(np.linspace(1.5, 3, count)), 0, as_good)
        monkeypatch.setattr(Results, "permutation_test", lambda self, metric: test)
        return {check.code: check.what for check in checks(finished)}.get("SH034", "")

    assert drawn(as_good=6) == (
        "Permutation test of the chosen settings: 19 networks of them learned permuted targets; the best of them has a"
        " test mean squared error of 1.50, the delivered network one of 2.00; p = 0.35."
    )
    assert checks(finished)[0].code == "SH034"
    assert drawn(as_good=0) == ""
    assert drawn(as_good=6, count=18) == ""  # too few to exclude chance


def test_too_many_are_refused_by_their_key() -> None:
    study = tiny_study(**SHORT)
    many = study.checks.model_copy(update={"permutations": 1_000_000})
    with pytest.raises(StudyError, match=r"checks\.permutations"):
        Planner(study.model_copy(update={"checks": many}), two_peaks(), Trainers("auto", "cpu").choose)
