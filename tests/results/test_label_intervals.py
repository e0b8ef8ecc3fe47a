"""Intervals of scores of several labels hold what they speak of."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal.results import Units, row_score
from shoal.results._two_way import repeated_interval

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"

RATES = np.array([0.5, 0.3, 0.1])


def world(draw: np.random.Generator, rows: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels by their own logits, and probabilities that know these but for some noise."""
    logit = 1.5 * draw.normal(size=(rows, 3)) + np.log(RATES / (1 - RATES))
    y = draw.random(logit.shape) < 1 / (1 + np.exp(-logit))
    return y, 1 / (1 + np.exp(-logit - 0.7 * draw.normal(size=logit.shape)))


@pytest.mark.parametrize(
    "name", ["loss", "accuracy", "macro_f1", "f1_micro", "f1_samples", "jaccard_macro", "roc_auc"]
)
def test_an_interval_holds_the_score_of_all_rows(name: str) -> None:
    """Drawn some hundred times; 95 % of them should, of so many draws 88 % at least."""
    score, draw = row_score("multilabel", name), np.random.default_rng(3)
    truth, rows, held = score.score(*world(draw, 100_000)), 150, 0
    draws = 200 if LONG else 80
    for _ in range(draws):
        y, answers = world(draw, rows)
        span = repeated_interval(score, y, [answers], Units.of(rows))
        held += span.known and span.low <= truth <= span.high
    assert held >= 0.88 * draws
