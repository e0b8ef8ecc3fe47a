"""Whether chance between repeats is larger than the differences compared."""

from __future__ import annotations

import math
from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import in_quotes, phrases, pooled_deviation, scores_on_test_rows
from shoal.look._measures import leading_metric
from shoal.results import Results


def seed_noise(results: Results) -> str:
    """Name the comparisons that differ by less than repeats of the same settings do."""
    scores = scores_on_test_rows(results)
    spread = pooled_deviation(list(scores.values()))
    if len(scores) < 2 or math.isnan(spread):
        return ""
    (first, start), *others = scores.items()
    within = [
        f"{in_quotes(name)} ({values.mean() - start.mean():+.2g})"
        for name, values in others
        if 0 < abs(values.mean() - start.mean()) < spread
    ]
    if not within:
        return ""
    metric = leading_metric(bool(results.truth.classes))
    return (
        f"Test {metric} varies by {spread:.2g} (standard deviation) from repeat to repeat of the same"
        f" settings; less than that differ from {in_quotes(first)}: {phrases(within)}."
    )


CHECK: Final = MethodCheck(
    code="SH011",
    severity="warning",
    title="Chance between repeats is larger than the differences compared",
    find=seed_noise,
    why="With one repeat each, the order of these would often have been another.",
    remedy="Compare means over more repeats (study.repeats) and read the 95 % intervals of the differences, or call"
    " them equal.",
    reference="Bouthillier, X., et al. (2021). Accounting for variance in machine learning benchmarks."
    " Proceedings of Machine Learning and Systems 3, 747-769.",
)
