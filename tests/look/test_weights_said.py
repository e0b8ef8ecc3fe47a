"""A run whose rows and classes have weights says so: in its first sentences, its tables, its axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from shoal.look import Results, RunFindings, results_text
from shoal.look._headline import headline
from shoal.look.figures.agreement import agreement
from shoal.look.figures.calibration import calibration
from shoal.look.figures.confusion import confusion_of
from shoal.look.page.ranges import class_count_table
from shoal.look.page.references import works
from shoal.pipeline import run
from shoal.results import regression_scores
from shoal.study import text_of

pytestmark = pytest.mark.usefixtures("dots")

DRAW = np.random.default_rng(5)
ROWS = 120
X = DRAW.normal(size=(ROWS, 2))
LABEL = np.where(X[:, 0] > 0.3, "up", "down")
WEIGHT = DRAW.uniform(0.5, 4, ROWS).round(2)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    made: Any = run(
        {"a": X[:, 0], "b": X[:, 1], "w": WEIGHT, "y": LABEL},
        target="y",
        out=tmp_path_factory.mktemp("weighted") / "run",
        data={"weights": "w"},
        network={"hidden": [4]},
        training={"epochs": 4},
        search={"folds": 3, "space": {"training.class_weight": ["none", {"up": 3, "down": 1}]}},
    )
    return made  # type: ignore[no-any-return]


def test_the_first_sentences_say_how_rows_are_weighed(results: Results) -> None:
    head = headline(RunFindings(results))
    assert "on the 24 weighted test rows" in head.first.lower()
    truth = results.truth
    train, test = truth.weights[: truth.train_rows], truth.test_weights
    assert test is not None
    worth = [math.floor(10 * own.sum() ** 2 / (own**2).sum()) / 10 for own in (train, test)]
    assert head.more[0] == (
        f"Rows are weighted: 96 training rows weigh {train.sum():,.6g} in all, from {train.min():g} to"
        f" {train.max():g}, worth {worth[0]:g} rows of one weight; 24 test rows weigh {test.sum():,.6g} in all, from"
        f" {test.min():g} to {test.max():g}, worth {worth[1]:g} rows of one weight."
    )


def test_what_counts_rows_says_that_it_does(results: Results) -> None:
    text = " ".join(results_text(results).split())
    assert "Each row of a weight above 0 counts once here, whatever that is." in text
    assert "What ECE would be by chance alone is not shown: it is known of rows that count the same." in text
    own = results.truth.weights[: results.truth.train_rows]
    worth = own.sum() ** 2 / (own**2).sum()
    assert (
        "each counted by its weight, about 90 % have the true class in their set (CV+ for classes of weighted rows:"
        " from 3 networks that each held out some of the 96 training rows, which are worth"
        f" {math.floor(10 * worth) / 10:g} rows of one weight). Of weighted rows no share is guaranteed."
        in text
    )
    assert "weight of test rows covered (meant: 90 %)" in text
    assert "have it in their set, by weight" in text
    assert "CV+ of weighted rows" in {work.used for work in works(results, ())}


def test_classes_have_their_shares_of_the_weight_too(results: Results) -> None:
    table, truth = class_count_table(results), results.truth
    assert table is not None
    shares = [column.values for column in table.columns if column.heading == "share of their weight"]
    for own, rows in zip(shares, (slice(0, truth.train_rows), slice(truth.train_rows, None)), strict=True):
        sums = np.bincount(truth.y[rows], truth.weights[rows])
        assert own == pytest.approx(sums / sums.sum())


def test_scores_in_pictures_are_those_of_the_tables(results: Results) -> None:
    """Counts count rows; what is called by the name of a score is that score."""
    findings, truth = RunFindings(results), results.truth
    own = results.summaries[str(results.delivered_id)].scores["test"]
    fact = confusion_of(findings, findings.delivered)
    assert fact.count_KK.sum() == len(truth.y) - truth.train_rows
    assert fact.test_accuracy == pytest.approx(own["accuracy"])
    answers = findings.predicted(findings.delivered)
    bins = calibration("n", findings.true_classes, answers, weight_V=truth.test_weights).bins
    assert bins.error == pytest.approx(own["ece"])
    y, values, weight = X[:, 0], X[None, :, 1], np.r_[np.zeros(5), WEIGHT[5:]]
    scores = regression_scores(y[:, None], values[0][:, None], weight)
    shown = agreement("n", "y", y, values, weight_V=weight)
    assert (shown.r2_R[0], shown.rmse_R[0]) == pytest.approx((scores["r2"], scores["rmse"]))


def test_curves_of_weighted_classes_are_called_so(results: Results) -> None:
    findings = RunFindings(results)
    named = {
        text_of(candidate.training.class_weight): findings.quantity("loss", [name])
        for name, candidate in results.tried.items()
    }
    assert named["none"] == "loss (cross-entropy in nats)"
    assert named["up 3, down 1"] == "loss (cross-entropy in nats, classes weighted in training)"
