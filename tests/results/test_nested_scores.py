"""The interval of a nested score: computed the slow way, where there is none, how often it holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.honesty.nested import BY_LOT, NestedStudies, simulated
from scipy import stats

from shoal.results import Interval, Nested, OuterFold, Units, row_score
from shoal.results._outer_interval import OuterAnswers, outer_interval

LOSS, ACCURACY = row_score("regression", "loss"), row_score("classification", "accuracy")


def answers(y: np.ndarray, answer: np.ndarray, folds: int, groups: np.ndarray | None = None) -> OuterAnswers:
    fold = np.arange(len(y)) * folds // len(y)
    return OuterAnswers(y, answer, fold, Units.of(len(y), groups), np.arange(len(y)))


def test_the_variance_is_that_of_rows_and_of_training_once_more_for_the_network_delivered() -> None:
    draw = np.random.default_rng(1)
    y = draw.normal(size=(50, 1))
    shift = np.repeat([0.0, 0.8, -0.7, 0.2, 0.9], 10)[:, None]
    outer = answers(y, y + draw.normal(size=y.shape) + shift, 5)
    loss = ((outer.answers - y) ** 2)[:, 0].reshape(5, 10)
    deviation = (loss - loss.mean(axis=1, keepdims=True)) * math.sqrt(10 / 9) / 50
    rows, largest = (deviation**2).sum(), (deviation**2).max()
    within = rows * 5  # of the mean of one fold, on average
    beyond = loss.mean(axis=1).var(ddof=1) / 5 - (within - rows) / 4
    training = max(0.0, beyond / rows) * 6
    variance = rows * (1 + training) + largest
    freedom = (1 + training) ** 2 / (1 / 49 + training**2 / 4)
    assert training > 0
    middle, half = loss.mean(), stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    found = outer_interval(LOSS, outer)
    assert found.known
    # The interval leans to the right of Student's, since squared errors are skewed.
    assert middle - half < found.low < middle < middle + half < found.high
    mirrored = answers(np.zeros_like(y), np.where(np.arange(50) % 2, 1.0, -1.0)[:, None], 5)
    assert outer_interval(LOSS, mirrored).why == "no row differs from the others"


@pytest.mark.parametrize(
    ("rows", "folds", "classes", "why"),
    [
        (30, 2, 0, "2 outer folds are too few for an interval"),
        (24, 4, 0, "24 rows are too few for an interval"),
        (30, 30, 0, "an outer fold of one row does not show how much the training varies"),
        (190, 5, 10, "190 rows of 10 classes are too few for an interval"),
    ],
)
def test_where_there_is_no_interval_a_sentence_says_why(
    rows: int, folds: int, classes: int, why: str
) -> None:
    draw = np.random.default_rng(0)
    if classes:
        y, answer, score = draw.integers(classes, size=rows), draw.random((rows, classes)), ACCURACY
    else:
        y, answer, score = draw.normal(size=(rows, 1)), draw.normal(size=(rows, 1)), LOSS
    found = outer_interval(score, answers(y, answer, folds))
    assert (found.why, found.known) == (why, False)
    assert math.isnan(found.low)


def test_a_row_that_several_folds_hold_out_counts_once() -> None:
    draw = np.random.default_rng(0)
    row = np.tile(np.arange(20), 2)
    y = draw.normal(size=(20, 1))[row]
    twice = OuterAnswers(y, draw.normal(size=(40, 1)), np.repeat(np.arange(4), 10), Units(row, False), row)
    assert outer_interval(LOSS, twice).why == "20 rows are too few for an interval"


def test_an_interval_that_overflows_is_not_shown_and_a_sentence_says_why() -> None:
    draw = np.random.default_rng(0)
    outer = answers(1e150 * draw.normal(size=(60, 1)), np.zeros((60, 1)), 3)
    assert outer_interval(LOSS, outer).why == "its numbers are too large for 64-bit floating point"
    for low, high in ((math.nan, 1.0), (0.0, math.inf)):
        interval = Interval(low, high)
        assert not interval.known
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert Interval(0.0, 1.0).known


@pytest.mark.parametrize("times", [1, 2, 5])
def test_rows_of_groups_count_once_too(times: int) -> None:
    draw = np.random.default_rng(0)
    row = np.tile(np.arange(80), times)
    fold = np.repeat(np.arange(4 * times), 20)
    outer = OuterAnswers(row % 3, draw.random((len(row), 3)), fold, Units(row // 2, True), row)
    assert outer_interval(ACCURACY, outer).why == "80 rows of 3 classes are too few for an interval"
    few = OuterAnswers(row[:, None] * 1.0, draw.random((len(row), 1)), fold, Units(row // 2, True), row)
    assert (few.once.sizes == 2).all()


def test_groups_are_what_chance_draws() -> None:
    """Errors that are those of the group; rows would have told five times as much as there is."""
    draw = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 5)
    held = []
    for _ in range(200):
        y = np.repeat(draw.normal(size=40), 5)
        mean = np.array([y[np.arange(200) // 40 != number].mean() for number in range(5)])
        found = outer_interval(LOSS, answers(y[:, None], mean[np.arange(200) // 40][:, None], 5, groups))
        held.append(found.low <= 1 + y.mean() ** 2 <= found.high)
    assert 0.90 <= np.mean(held) <= 0.99
    few = outer_interval(LOSS, answers(y[:, None], np.zeros((200, 1)), 5, groups // 6))
    assert few.why == "7 groups are too few for an interval"


@pytest.mark.parametrize(("rows", "folds"), [(40, 5), (40, 10), (150, 3)])
@pytest.mark.parametrize("heavy", [False, True])
def test_intervals_hold_the_score_of_what_is_delivered(rows: int, folds: int, heavy: bool) -> None:
    """The simplest of all searches, the mean of a few rows of the training rows: its score on new rows is known."""
    draw = np.random.default_rng([rows, folds, heavy])
    held = shown = 0
    for _ in range(300):
        y = draw.standard_t(4, rows) / math.sqrt(2) if heavy else draw.normal(size=rows)
        fold = np.arange(rows) * folds // rows
        learned = max(3, rows // 10)  # of few rows, so that training varies
        mean = [draw.choice(y[fold != number], learned).mean() for number in range(folds)]
        delivered = draw.choice(y, learned).mean()
        found = outer_interval(LOSS, answers(y[:, None], np.array(mean)[fold][:, None], folds))
        shown += found.known
        held += found.known and found.low <= 1 + delivered**2 <= found.high
    assert shown > 285
    assert 0.90 <= held / shown <= 0.99


@pytest.mark.usefixtures("no_report")
def test_whole_studies_hold_what_they_say() -> None:
    """The campaign `python -m benchmarks.honesty nested` in short; real networks, so few studies."""
    found = simulated(NestedStudies("short", 60), 8)
    held = (found.low["rmse"] <= found.truth["rmse"]) & (found.truth["rmse"] <= found.high["rmse"])
    assert held.sum() >= 7
    assert abs(np.mean(found.value["rmse"] / found.truth["rmse"]) - 1) < 0.15
    by_lot = simulated(BY_LOT, 4)
    assert abs(by_lot.value["accuracy"].mean() - 0.5) < 0.08


FOLDS = (OuterFold("outer fold 1 of 2", 10, "b", "f"), OuterFold("outer fold 2 of 2", 10, "a", "g"))


def test_candidates_are_counted_the_most_frequent_first() -> None:
    folds = (*FOLDS, OuterFold("outer fold 3", 9, "b", "h"), OuterFold("outer fold 4", 9, why="x"))
    assert list(Nested(folds, {}).times_chosen.items()) == [("b", 2), ("a", 1)]
