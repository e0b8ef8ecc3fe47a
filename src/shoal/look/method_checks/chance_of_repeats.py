"""Whether the differences compared may be chance: of rows, and of repeats."""

from __future__ import annotations

import math
from typing import Final

from shoal.look._chance import drawn_by_chance
from shoal.look._check import MethodCheck
from shoal.look._evidence import in_quotes, phrases, scores_on_test_rows
from shoal.look._measures import leading_metric, sentence_words
from shoal.results import Results


def differences_by_chance(results: Results) -> str:
    """Name the comparisons whose difference to the first has an interval that holds 0, or none."""
    scores = scores_on_test_rows(results)
    metric = leading_metric(results)
    differences = {name: scored[metric] for name, scored in results.differences.items() if name in scores}
    unsure = []
    for name, difference in differences.items():
        if math.isnan(difference.mean):  # no repeat of both is healthy, which is said elsewhere
            continue
        if difference.why:
            unsure.append(f"{in_quotes(name)} ({_signed(difference.mean)}: {difference.why})")
        elif difference.low <= 0 <= difference.high:
            unsure.append(
                f"{in_quotes(name)} ({_signed(difference.mean)}, between {_signed(difference.low)} and"
                f" {_signed(difference.high)})"
            )
    if not unsure:
        return ""
    over = drawn_by_chance(results, max(difference.repeats for difference in differences.values()))
    first = next(iter(scores))
    return (
        f"By test {sentence_words(metric, results)}, for {over}, not significantly different from {in_quotes(first)}:"
        f" {phrases(unsure)}."
    )


def _signed(number: float) -> str:
    """Write a difference with its sign, a true minus."""
    return f"{number:+.2g}".replace("-", "−")


CHECK: Final = MethodCheck(
    code="SH011",
    severity="note",
    title="Differences between comparisons may be chance",
    find=differences_by_chance,
    why="With other test rows, or other initialisations, the order of these may be another.",
    remedy="Call them equal, or compare over more repeats (study.repeats) and on more test rows: the 95 % intervals"
    " of the differences get narrower with both.",
    reference="Bouthillier, X., et al. (2021). Accounting for variance in machine learning benchmarks."
    " Proceedings of Machine Learning and Systems 3, 747–769.",
)
