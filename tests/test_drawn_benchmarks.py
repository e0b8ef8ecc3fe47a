"""The benchmarks that predict and measure drawn studies run: what they measure follows the pipeline's own steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from shoal.results._threshold import cost_score
from shoal.study import Costs

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("name", "number"), [("memory", 6), ("forecast", 6)])
def test_one_drawn_study(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    module = pytest.importorskip(f"benchmarks.{name}")
    found = module.compare(number)
    measured = found["measured"] if name == "memory" else found["measured"]["wall"]
    assert tuple(measured) == module.PHASES
    assert all(np.isfinite(value) and value > 0 for phase, value in measured.items() if phase != "ensemble")


def test_mistakes_cost_the_peer_of_imbalanced_tables_what_they_cost_a_study(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    module = pytest.importorskip("benchmarks.imbalanced")
    draw = np.random.default_rng(4)
    true_N, named_N = draw.random(60) < 0.4, draw.random(60) < 0.5
    words = [np.where(each_N, module.POSITIVE, module.OTHER) for each_N in (true_N, named_N)]
    problem = module.Problem("", pd.DataFrame({module.TARGET: ["-"] * 9 + list(words[0])}), 60)
    rule = Costs(**module.KEYS["search"]["threshold"])
    cost = cost_score(rule, 1).score(true_N.astype(np.int64), np.eye(2)[named_N.astype(np.int64)])
    measured = module.outcome(problem, words[1])
    assert measured.cost == pytest.approx(module.cost_of(*words)) == pytest.approx(cost)
    assert measured.recall == pytest.approx(named_N[true_N].mean())


def test_an_interval_over_seeds_is_students(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    module = pytest.importorskip("benchmarks.imbalanced")
    own, other = np.random.default_rng(5).normal(size=(2, 10))
    mean, low, high = module.apart(list(own), list(other), shared=False)
    span = stats.ttest_rel(own, other).confidence_interval()
    assert (low, high) == pytest.approx((span.low, span.high))
    assert mean == pytest.approx((own - other).mean())
    wide = module.apart(list(own), list(other), shared=True)
    assert wide[2] - wide[0] == pytest.approx((high - mean) * np.sqrt(11))
