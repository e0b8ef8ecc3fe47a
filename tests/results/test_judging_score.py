"""Which score heads a run, and what is the best that one answer to all rows can do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shoal.distributions import Distribution, Normal, Quantiles, side_by_side
from shoal.results import Truth, row_score
from shoal.results._simple_models import OF_MEDIANS
from shoal.results._verdict import judging_score, predictions_score
from shoal.scores import SCORES, metrics_of
from shoal.study import Study, Training

ROWS = 200


def truth_of(task: str, *, rare: bool = False, targets: int = 1) -> Truth:
    if task == "regression":
        names = tuple("yzw"[:targets])
        return Truth(
            (), names, (), np.zeros((ROWS, 0)), np.arange(ROWS * targets).reshape(ROWS, -1) % 7.0, 100
        )
    y = np.arange(ROWS) % (25 if rare else 2)
    return Truth((), ("y",), ("a", "b"), np.zeros((ROWS, 0)), (y == 0).astype(np.int64), 100)


def head(truth: Truth, metric: str = "loss", **training: Any) -> str:
    """The score that heads a run whose search goes by a metric, all scores of which are known."""
    study = Study.model_validate({
        "study": {"name": "s", "task": truth.task},
        "data": {"train": "t.csv", "target": "y"},
        "search": {"metric": metric},
    })  # fmt: skip
    scores = dict.fromkeys(metrics_of(truth.task), 0.5)
    return judging_score(truth, scores, study, Training.model_validate(training))


@pytest.mark.parametrize(
    ("truth", "training", "expected"),
    [
        (truth_of("classification"), {}, "accuracy"),
        (truth_of("classification", rare=True), {}, "balanced_accuracy"),
        (truth_of("classification"), {"class_weight": "balanced"}, "balanced_accuracy"),
        (truth_of("classification"), {"class_weight": {"a": 3.0}}, "balanced_accuracy"),
        (truth_of("classification"), {"class_weight": {"a": 1.0}}, "accuracy"),
        (truth_of("classification"), {"class_weight": {"a": 3.0, "b": 3.0}}, "accuracy"),
        (truth_of("regression"), {}, "mse"),
        (truth_of("regression"), {"loss": "poisson"}, "mse"),
        (truth_of("regression", targets=2), {}, "r2"),
        (truth_of("regression"), {"loss": "quantile"}, "loss"),
        (truth_of("regression", targets=2), {"loss": "gaussian"}, "loss"),
    ],
)
def test_what_suits_heads_a_run(truth: Truth, training: dict[str, Any], expected: str) -> None:
    assert head(truth, **training) == expected


def test_every_score_that_a_search_names_heads_its_run_if_it_has_an_interval() -> None:
    """Accuracy alone gives way, where a class is rare; what is the same number under two names is one score."""
    for task in ("regression", "classification"):
        for metric in metrics_of(task):
            truth, usual = truth_of(task), head(truth_of(task))
            score = row_score(task, metric)
            same = {"rmse": "mse"}.get(SCORES[metric].same_as or metric, SCORES[metric].same_as or metric)
            expected = usual if score.why_none or metric == "loss" else same
            assert head(truth, metric) == expected, metric
    rare = truth_of("classification", rare=True)
    assert head(rare, "accuracy") == "balanced_accuracy"
    assert head(rare, "roc_auc") == "roc_auc"
    assert head(truth_of("regression"), "mae", loss="gaussian") == "mae"


def test_a_score_that_is_undefined_on_the_test_rows_does_not_head_a_run() -> None:
    truth, study = truth_of("classification"), {"study": {"name": "s", "task": "classification"}}
    asked = Study.model_validate({**study, "data": {"train": "t.csv"}, "search": {"metric": "roc_auc"}})
    assert judging_score(truth, {"roc_auc": float("nan")}, asked, Training()) == "accuracy"


@pytest.mark.parametrize(
    ("training", "targets", "expected"),
    [
        ({}, 1, "mse"),
        ({}, 2, "r2"),
        ({"loss": "gaussian"}, 1, "mse"),
        ({"loss": "gaussian"}, 2, "r2"),
        ({"loss": "quantile"}, 2, "mae"),
        ({"loss": "quantile", "quantiles": [0.8, 0.9]}, 1, ""),
    ],
)
def test_predictions_are_judged_by_what_they_are(
    training: dict[str, Any], targets: int, expected: str
) -> None:
    scores = {"r2": 0.5}
    truth = truth_of("regression", targets=targets)
    assert predictions_score(truth, scores, Training.model_validate(training)) == expected


SAID: list[Distribution] = [Quantiles((0.1, 0.5, 0.9)), Quantiles((0.8,)), Normal()]


@given(
    y_NK=arrays(np.float64, (17, 2), elements=st.floats(-50, 50, width=16)),
    weight_N=arrays(np.float64, 17, elements=st.sampled_from([0.0, 0.5, 1.0, 3.0])),
    off_KA=arrays(np.float64, (2, 3), elements=st.floats(-3, 3)),
    which=st.integers(0, 2),
)
def test_no_other_answer_to_all_rows_has_less_loss(y_NK: Any, weight_N: Any, off_KA: Any, which: int) -> None:
    said = SAID[which]
    weight_N = weight_N if weight_N.sum() > 0 else np.ones(17)
    answer_KA = said.constant(y_NK, weight_N)
    if isinstance(said, Normal) and (answer_KA[:, 1] < 1e-3).any():
        return  # of a target that is always the same no deviation is the best
    other_KA = answer_KA + off_KA[:, : answer_KA.shape[1]]
    if isinstance(said, Normal):
        other_KA[:, 1] = np.abs(other_KA[:, 1]) + 1e-3
    else:
        other_KA = np.sort(other_KA, axis=1)[:, said._order]
    least, more = (
        np.average(said.losses(y_NK, np.broadcast_to(of_KA, (17, *of_KA.shape))), axis=0, weights=weight_N)
        for of_KA in (answer_KA, other_KA)
    )
    assert (least <= more + 1e-9).all()
    assert side_by_side(answer_KA[None]).shape == (1, answer_KA.size)


@given(y_N=arrays(np.float64, 12, elements=st.integers(-9, 9)), other=st.floats(-10, 10))
def test_the_median_is_the_constant_of_scores_of_absolute_errors(y_N: Any, other: float) -> None:
    median = Quantiles((0.5,)).constant(y_N[:, None], None)
    for name in OF_MEDIANS:
        score = row_score("regression", name)
        values = [score.score(y_N[:, None], np.full((12, 1), of)) for of in (float(median[0, 0]), other)]
        better = values if SCORES[name].higher_is_better else [-value for value in values]
        assert not better[0] < better[1] - 1e-9
