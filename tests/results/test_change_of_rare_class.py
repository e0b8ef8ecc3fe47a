"""What a threshold changes where a class has few test rows, or few that change: many of the other make up for none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal.results import COST
from shoal.results._decided import _on_test_rows
from shoal.results._record import Truth
from shoal.results._score_rows import score_on
from shoal.results._threshold import cost_score
from shoal.results._two_way import Difference
from shoal.study import Costs

HANGING = (COST, "precision", "f1", "recall")


def changes(rare: int, missed_now: int, found_now: int, **facts: Any) -> dict[str, Difference]:
    """Give the change of each score: `rare` rows of the class, of which the last half is missed before.

    The threshold finds so many of those that were missed, and names so many other rows wrongly.
    """
    true_N = np.repeat([0, 1], [rare, 450])
    truth = Truth((), ("y",), ("fraud", "ok"), np.zeros((len(true_N), 0)), true_N, 0, positive=0, **facts)
    before_N = true_N.copy()
    before_N[rare // 2 : rare] = 1
    after_N = before_N.copy()
    after_N[rare // 2 : rare // 2 + found_now] = 0
    after_N[rare : rare + missed_now] = 0
    answers: tuple[NDArray[Any], NDArray[Any]] = (np.eye(2)[before_N], np.eye(2)[after_N])
    scores = {COST: cost_score(Costs(false_positive=1.0, false_negative=40.0), 0)}
    scores |= {name: score_on(truth, name) for name in (*HANGING[1:], "accuracy")}
    return {name: _on_test_rows(score, truth, answers, balanced=False)[1] for name, score in scores.items()}


@pytest.mark.parametrize(
    ("rare", "found_now", "why"),
    [
        (10, 0, 'they differ on no row of class "fraud"'),
        (10, 3, 'they differ on 3 rows of class "fraud" alone, too few for an interval'),
        (18, 9, 'they differ on 9 rows of class "fraud" alone, too few for an interval'),
        (9, 0, "a class of 9 test rows is too small for an interval"),
    ],
)
def test_few_rows_of_a_class_give_no_interval_however_many_of_the_other_change(
    rare: int, found_now: int, why: str
) -> None:
    of_score = changes(rare, 60, found_now)
    assert {of_score[name].why for name in HANGING} == {why}
    assert all(math.isnan(of_score[name].low) for name in HANGING)
    assert all(math.isfinite(of_score[name].mean) for name in HANGING)
    assert not of_score["accuracy"].why  # a row counts as any other there


def test_enough_rows_of_both_classes_give_one() -> None:
    of_score = changes(60, 30, 20)
    assert not any(apart.why for apart in of_score.values())


def test_few_rows_of_the_other_class_leave_recall_alone() -> None:
    """It sees the rows of its class alone."""
    of_score = changes(60, 3, 20)
    few = 'they differ on 3 rows of class "ok" alone, too few for an interval'
    assert [of_score[name].why for name in HANGING] == [few, few, few, ""]


def test_a_row_that_weighs_nothing_does_not_count() -> None:
    weights = np.ones(510)
    weights[30:45] = 0.0
    of_score = changes(60, 30, 20, weights=weights)
    assert of_score[COST].why == 'they differ on 5 rows of class "fraud" alone, too few for an interval'
