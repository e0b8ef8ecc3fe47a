"""What an ensemble's networks agree on and know together, against arrays by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from readable import faults
from scipy import stats

from shoal.look import RunFindings
from shoal.look.figures import votes
from shoal.look.figures.disputed import disputed, draw_disputed
from shoal.look.figures.ensemble_curve import draw_ensemble_curve, ensemble_curve, ensemble_curves
from shoal.look.figures.ensemble_scores import EnsembleScores, draw_ensemble_scores, ensemble_scores
from shoal.look.figures.ensemble_spread import draw_ensemble_spread, ensemble_spread, ensemble_spreads
from shoal.look.figures.votes import disagreement, draw_disagreement, ensemble_disagreement
from shoal.results import Identity, Results, Store, vote_counts, vote_entropy

# Votes of 3 networks on 4 rows of 3 classes: 000, 011, 012, 222.
VOTES = np.array([[0, 0, 0, 2], [0, 1, 1, 2], [0, 1, 2, 2]])
PROBABILITY = 0.1 + 0.7 * np.eye(3)[VOTES]
TRUE = np.array([0, 1, 2, 1])


def test_votes_and_their_entropy() -> None:
    assert vote_counts(PROBABILITY).tolist() == [[3, 0, 0], [1, 2, 0], [1, 1, 1], [0, 0, 3]]
    third = np.log(3)
    assert vote_entropy(PROBABILITY) == pytest.approx([0, third - 2 / 3 * np.log(2), third, 0])


def test_disagreement_counts_votes_against_the_majority_and_mistakes_at_each_level() -> None:
    fact = disagreement(TRUE, PROBABILITY)
    assert fact.against_V == pytest.approx([0, 1 / 3, 2 / 3, 0])
    # The mean probability of the third row is the same for all classes, and the first of them is wrong.
    assert fact.wrong_V.tolist() == [False, False, True, True]
    assert fact.rows_L.tolist() == [2, 1, 1]
    assert fact.wrong_L.tolist() == [1, 0, 1]
    assert fact.against_L == pytest.approx([0, 1 / 3, 2 / 3])


def test_curve_of_an_ensemble() -> None:
    points = (np.zeros(1), np.zeros(1))
    fact = ensemble_curve(("x", "y"), (np.arange(2), np.array([[1, 2], [3, 2], [5, 5]])), points, points)
    assert fact.mean_G.tolist() == [3, 3]
    assert fact.deviation_G == pytest.approx([2, np.sqrt(3)])


def test_spread_against_error() -> None:
    member_MV = np.array([[0.0, 0.0, 0.0], [2.0, 4.0, 6.0]])
    fact = ensemble_spread("y", np.array([1.5, 3.0, 7.0]), member_MV)
    assert fact.deviation_V == pytest.approx(np.sqrt(2) * np.array([1, 2, 3]))
    assert fact.error_V.tolist() == [0.5, 1, 4]
    assert fact.correlation == pytest.approx(1)
    assert ensemble_spread("y", np.array([1.5, 5.0, 4.0]), member_MV).correlation == pytest.approx(0.5)
    assert np.isnan(ensemble_spread("y", np.zeros(3), np.ones((2, 3))).correlation)


def test_equal_spreads_share_their_ranks() -> None:
    draw = np.random.default_rng(0)
    member_MV, true_V = draw.integers(0, 3, (4, 60)), draw.integers(0, 3, 60)
    fact = ensemble_spread("y", true_V, member_MV)
    assert len(set(fact.deviation_V.tolist())) < 10
    assert fact.correlation == pytest.approx(stats.spearmanr(fact.deviation_V, fact.error_V).statistic)


def test_gain_has_the_sign_of_the_metric() -> None:
    member_M = np.array([1.0, 3.0])
    assert EnsembleScores("mse", False, member_M, 1.5, 1.0).gain == 0.5
    assert EnsembleScores("accuracy", True, member_M, 1.5, 1.0).gain == -0.5


def test_facts_of_a_regression_run(tmp_path: Path) -> None:
    run = MadeUp(space={"training.lr": [0.1, 0.2]}, targets=("a", "b"), ensemble=True, search_repeats=2)
    findings = RunFindings(make_run(tmp_path, run))
    ensemble, scores = findings.results.ensemble, ensemble_scores(findings)
    assert ensemble is not None
    assert scores is not None
    assert ensemble.test_MVK.shape == (6, 30, 2)
    true_VK = findings.truth.y[40:]
    assert scores.ensemble == pytest.approx(((ensemble.test_MVK.mean(axis=0) - true_VK) ** 2).mean())
    assert scores.member_M == pytest.approx(((ensemble.test_MVK - true_VK) ** 2).mean(axis=(1, 2)))
    assert scores.delivered == findings.results.refit["test_mse"][0]
    assert scores.gain > 0  # independent errors of equal size
    curves, spreads = ensemble_curves(findings), ensemble_spreads(findings)
    assert [fact.target for fact in curves] == [fact.target for fact in spreads] == ["a", "b"]
    np.testing.assert_array_equal(curves[1].member_MG, ensemble.grid_MGK[:, :, 1])
    np.testing.assert_array_equal(curves[1].train_y, findings.truth.y[:40, 1])
    assert ensemble_disagreement(findings) is None
    table = findings.results.ensemble_scores
    assert table["network"].tolist() == ["member"] * 6 + ["ensemble", "delivered"]
    assert table["fold"].tolist() == [0, 0, 1, 1, 2, 2, -1, -1]


def test_an_ensemble_of_an_earlier_choice_is_none(tmp_path: Path) -> None:
    results = make_run(tmp_path, MadeUp(space={"training.lr": [0.1, 0.2]}, ensemble=True))
    assert results.ensemble is not None
    with Store.open_readonly(tmp_path) as store:
        fact, identity = store.fact("ensemble"), store.fact("identity")
    with Store.create_or_open(tmp_path, Identity(**identity)) as store:
        store.put_fact("ensemble", {**fact, "candidate_id": "another"})
    later = Results.open(tmp_path)
    assert later.ensemble is None
    assert len(later.ensemble_scores) == 0
    assert ensemble_scores(RunFindings(later)) is None


@pytest.mark.parametrize("targets", [("y",), ("y", "$z", "漢" * 90)])
def test_pictures_of_a_regression_are_readable(targets: tuple[str, ...]) -> None:
    draw = np.random.default_rng(0)
    members, x = draw.normal(size=(3, 40)), np.sort(draw.normal(size=40))
    curves = [ensemble_curve(("W" * 90, name), (x, members), (x, x), (x, x)) for name in targets]
    assert faults(draw_ensemble_curve, curves) == []
    assert faults(draw_ensemble_spread, [ensemble_spread(name, x, members) for name in targets]) == []


@pytest.mark.parametrize(("count", "delivered"), [(2, 0.3), (30, np.nan)])
def test_pictures_of_scores_and_votes_are_readable(count: int, delivered: float) -> None:
    draw = np.random.default_rng(0)
    scores = EnsembleScores("mse", False, draw.lognormal(size=count), 0.2, delivered)
    assert faults(draw_ensemble_scores, scores) == []
    probability, true = draw.dirichlet(np.ones(12), (count, 500)), draw.integers(0, 12, 500)
    fact = disagreement(true, probability)
    assert faults(draw_disagreement, fact) == []
    assert votes.words(fact).startswith("Both networks agree" if count == 2 else "All 30 networks agree")


def test_pictures_of_disputed_images_are_readable() -> None:
    draw = np.random.default_rng(0)
    probability, true = draw.dirichlet(np.ones(12), (5, 500)), draw.integers(0, 12, 500)
    images = draw.integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    names = tuple("W" * 90 for _ in range(12))
    assert faults(draw_disputed, disputed(names, true, probability, np.arange(20), images)) == []
