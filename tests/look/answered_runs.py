"""Made-up runs whose delivered network and simple models answer what a test asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal.results import Baseline, Results, classification_scores, regression_scores
from shoal.results._simple_models import constant_answers


def answered(
    results: Results,
    monkeypatch: pytest.MonkeyPatch,
    delivered_VK: NDArray[Any],
    linear_VK: NDArray[Any] | None = None,
    trees_VK: NDArray[Any] | None = None,
) -> Results:
    """The same run with other answers to the test rows; a simple model without any was not fitted."""
    truth, name = results.truth, results.delivered_id
    assert name is not None
    score = classification_scores if truth.classes else regression_scores
    scores = {"test": score(truth.y[truth.train_rows :], delivered_VK)}
    fits = results.summaries | {name: replace(results.summaries[name], scores=scores)}
    changed = replace(results, summaries=fits)
    models = [Baseline("constant", truth.train_rows, constant_answers(truth))]
    for kind, answers_VK in (("linear", linear_VK), ("trees", trees_VK)):
        why = "none was fitted in this run" if answers_VK is None else ""
        models.append(Baseline(kind, 0 if why else truth.train_rows, answers_VK, why))
    changed.__dict__["baselines"] = tuple(models)
    monkeypatch.setattr(Results, "test_predictions", lambda _, fit_id: np.asarray(delivered_VK, np.float64))
    return changed


def of_labels(results: Results, y: Any) -> Results:
    """The same run, whose rows have other classes."""
    return replace(results, truth=replace(results.truth, y=np.asarray(y, np.int64)))
