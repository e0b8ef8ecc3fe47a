"""What the test score may be believed for: how often the test rows were looked at, and what chance alone reaches."""

from __future__ import annotations

from typing import Final

from shoal.look._measures import sentence_words
from shoal.results import PermutationTest, Results, higher_is_better
from shoal.scores import score_kind
from shoal.wording import counted, interval, one_number, percent


def looks_sentence(results: Results) -> str:
    """Say how often the test rows were scored in all runs of the folder, and by how many settings; empty for none."""
    looks = results.looks
    if not looks.times:
        return ""
    if looks.times == 1:
        return "These test rows were scored once: by this network, in all runs of this folder."
    settings = "one setting" if looks.settings == 1 else counted(looks.settings, "different setting")
    earlier = ""
    if looks.earlier:
        are = "is" if looks.earlier == 1 else "are"
        earlier = f", {looks.earlier:,} of which {are} not in the study as it is now"
    return f"These test rows were scored {looks.times:,} times, by {settings}{earlier}, over all runs of this folder."


def permutation(results: Results) -> PermutationTest | None:
    """Give the permutation test by the score that judges the network, where the study asks for one and it is done."""
    if not results.study.checks.permutations or results.delivered_id is None:
        return None
    return results.permutation_test(results.judged_by)


def permutation_sentence(results: Results) -> str:
    """Say what networks of the same settings reach on permuted targets, and p; empty where none was trained."""
    test = permutation(results)
    if test is None:
        return ""
    write = percent if score_kind(test.metric).percent else one_number
    upwards = higher_is_better(test.metric)
    name, own = sentence_words(test.metric, results), write(test.observed)
    best = ""
    if test.scores:
        reached = write(max(test.scores) if upwards else min(test.scores))
        best = f"; the best of them has a test {name} of {reached}, the delivered network one of {own}"
    few = ""
    if test.permutations < FEWEST:
        few = f", and could not be below {one_number(1 / (1 + test.permutations), 2)} with so few"
    failed = f" ({test.failed} diverged or failed, and count as if they were as good)" if test.failed else ""
    said = f"no p-value: {test.why}" if test.why else f"p = {one_number(test.p, 2)}{few}"
    return (
        f"Permutation test of the chosen settings: {counted(test.permutations, 'network')} of them learned permuted"
        f" targets{failed}{best}; {said}."
    )


def disagreement_sentence(results: Results) -> str:
    """Say by how much the test score is worse than what the search expects, where that is more than chance does.

    A better one is no doubt: the delivered network has learned from more rows than those of the folds.
    """
    apart = results.disagreement
    if apart is None or not apart.interval.known or apart.p >= LEVEL:
        return ""
    if (apart.difference > 0) == higher_is_better(apart.metric):
        return ""
    kind = score_kind(apart.metric)
    write = percent if kind.percent else one_number
    low, high = apart.interval.low, apart.interval.high
    span = interval(low, high) if not kind.percent else f"{percent(low)} to {percent(high)}".replace("-", "−")
    return (
        f"The search expects a {results.truth.title_of(apart.metric)} of {write(apart.expected)} on new rows, the test"
        f" rows show {write(apart.tested)}, which is worse: the difference is"
        f" {span} (95 % interval, for other rows and other trainings; p = {one_number(apart.p, 2)})."
    )


FEWEST: Final = 19
"""Permutations from which p can be as low as 0.05."""
LEVEL: Final = 0.005
"""The p-value, of both directions, below which selection and test are said to disagree."""
