"""Sentences of networks together: what an ensemble is better than, how far it agrees, whose curves are hidden."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.look.figures import candidate_curves, ensemble_scores
from shoal.look.figures import ensemble_spread as ensemble_spread_figure
from shoal.look.figures.candidate_curves import CandidateCurve, CandidateCurves
from shoal.look.figures.ensemble_scores import EnsembleScores, ensemble_phrase
from shoal.look.figures.ensemble_spread import ensemble_spread


@pytest.mark.parametrize(
    ("ensemble", "said"),
    [
        (0.9, "better than every one of them"),
        (1.0, "as good as the best of them and better than their average"),
        (1.5, "better than their average, but not better than the best of them"),
        (2.0, "as good as their average"),
        (2.5, "worse than their average"),
    ],
)
def test_what_an_ensemble_is_better_than(ensemble: float, said: str) -> None:
    loss = EnsembleScores("mse", False, np.array([1.0, 3.0]), ensemble, np.nan)
    assert ensemble_phrase(loss) == said
    turned = EnsembleScores("accuracy", True, -loss.member_M, -ensemble, np.nan)
    assert ensemble_phrase(turned) == said
    assert said in ensemble_scores.caption(loss)
    assert said in ensemble_scores.words(loss)


def test_equal_networks_are_as_good_as_their_mean() -> None:
    fact = EnsembleScores("accuracy", True, np.full(6, 0.9), 0.9, np.nan)
    assert ensemble_phrase(fact) == "as good as their average"


def test_the_share_of_errors_within_the_spread_is_measured() -> None:
    member_MV = np.array([[0.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
    fact = ensemble_spread("y", np.array([1.0, 2.0, 9.0, 9.0]), member_MV)
    assert fact.within == 0.5
    assert ensemble_spread_figure.caption([fact]).endswith("68 % would lie there; here 50\u00a0%.")


def test_candidates_whose_curves_hide_each_other_are_counted() -> None:
    epoch_T = np.arange(1.0, 5)

    def one(rank: int, gap: float) -> CandidateCurve:
        train_T = np.array([4.0, 3.0, 2.0, 1.0])
        low_T = high_T = validation_T = train_T + gap
        return CandidateCurve("x", rank, 1.0, rank == 1, epoch_T, validation_T, low_T, high_T, train_T, 6)

    apart = CandidateCurves("loss", (one(1, 0.5), one(2, 1.0)), 0)
    assert candidate_curves.caption(apart).endswith("The band is the range over 6 networks.")
    alike = CandidateCurves("loss", (one(1, 0.5), one(2, 0.0)), 0)
    assert candidate_curves.caption(alike).endswith("Training and validation coincide for 1 of 2 candidates.")
