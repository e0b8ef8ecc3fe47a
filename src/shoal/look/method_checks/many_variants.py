"""Whether the test score was looked at for many variants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import pooled_deviation, scores_on_test_rows
from shoal.look._measures import leading_metric, sentence_words
from shoal.results import Results
from shoal.wording import counted, rounded

VARIANTS: Final = 5
"""Variants tested on the same rows from which their best is said to be picked by the test."""


def many_variants(results: Results) -> str:
    """Count the variants tested on the same rows, and say what luck makes of so many."""
    scores = scores_on_test_rows(results)
    if len(scores) < VARIANTS:
        return ""
    text = f"{counted(len(scores), 'variant')}{_with_winner(scores)} were tested on the same test rows."
    spread = pooled_deviation(list(scores.values()))
    if spread > 0:
        means = max(len(values) for values in scores.values())
        luck = luck_of_the_best(len(scores)) * spread / math.sqrt(means)
        text += (
            f" Were all {len(scores)} equally good, the best of them would look {rounded(luck, 2)} better in"
            f" {sentence_words(leading_metric(results), results)} by chance alone."
        )
    return text


def _with_winner(scores: Mapping[str, Any]) -> str:
    """Say that the winner is one of them, as it is unless a comparison has its very settings."""
    return ", the winner among them," if "winner" in scores else ""


def luck_of_the_best(count: int) -> float:
    """Give how far the best of `count` equally good scores lies from their mean, in standard deviations.

    The expected largest of `count` standard normal values (Blom 1958, "Statistical estimates and transformed
    beta-variables", section 6.9, which is within 0.03 of it).
    """
    from scipy.special import ndtri

    return float(ndtri((count - 0.375) / (count + 0.25))) if count > 1 else 0.0


CHECK: Final = MethodCheck(
    code="SH010",
    severity="note",
    title="The test score was looked at for many variants",
    find=many_variants,
    why="The best of many test scores is optimistic, since the test rows helped to pick it.",
    remedy="Report the winner of the search, which was chosen without the test rows; let test scores of"
    " comparisons explain, not choose.",
    reference="Cawley, G. C., Talbot, N. L. C. (2010). On over-fitting in model selection and subsequent selection"
    " bias in performance evaluation. Journal of Machine Learning Research 11, 2079–2107.",
)
