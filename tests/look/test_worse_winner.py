"""The summary says where the winner is significantly worse on the test rows than the first comparison."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shoal.look.page.summary import _worse_than_first
from shoal.results._intervals import Units
from shoal.results._two_way import Difference
from shoal.scores import title_of
from shoal.study import Training


def run(metric: str, low: float, high: float, why: str = "", held: int = 20) -> Any:
    difference = Difference((low + high) / 2, low, high, 0.01, 3, why)
    return SimpleNamespace(
        differences={"winner": {metric: difference}},
        comparisons=pd.DataFrame({"label": ["SGD", "winner"]}),
        test_units=Units.of(30, np.zeros(0, np.int64)),
        groups_trained_on=0.0,
        study=SimpleNamespace(data=SimpleNamespace(timed=False)),
        judged_by=metric,
        summaries={},
        plan=[SimpleNamespace(stage="compare", validation_rows=held)],
        delivered_training=Training(),
        truth=SimpleNamespace(target_names=("y",), task="regression", title_of=title_of, train_rows=100),
    )


def test_a_worse_winner_is_told() -> None:
    begin = (
        "Trained as the comparisons are (on 80 of 100 rows, the mean of 3 networks), which the delivered network is"
        " not, the winner of the search is significantly worse than the comparison “SGD”: with other test rows"
        " and other"
    )
    assert _worse_than_first(run("accuracy", -0.03, -0.01)) == (
        f"{begin} initialisations, its test accuracy is 0.0200 lower (0.0100 to\u00a00.0300, 95 % interval)."
    )
    assert _worse_than_first(run("mse", 0.1, 0.3)) == (
        f"{begin} initialisations, its test mean squared error is 0.200 higher (0.100 to\u00a00.300, 95 % interval)."
    )
    alike = "Trained as the comparisons are (the mean of 3 networks), which the delivered network is not, the winner"
    assert _worse_than_first(run("mse", 0.1, 0.3, held=0)).startswith(alike)


@pytest.mark.parametrize(
    ("low", "high", "why"), [(-0.1, 0.1, ""), (-0.3, -0.1, ""), (0.1, 0.3, "too few rows")]
)
def test_nothing_is_said_of_a_winner_that_may_be_as_good(low: float, high: float, why: str) -> None:
    assert _worse_than_first(run("mse", low, high, why)) == ""
