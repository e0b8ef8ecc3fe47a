"""Whether other candidates are as good as the best one."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._reasons import others_alike, significance_sentence
from shoal.results import Results
from shoal.wording import counted

SHARE: Final = 0.5
"""Share of the other healthy candidates from which it is said."""


def not_distinguishable(results: Results) -> str:
    """Count the candidates that are statistically indistinguishable from the best, where half of them are."""
    choice, alike = results.choice, [row for row in results.standings if row.indistinguishable]
    others, healthy = others_alike(results)
    if choice is None or others == 0 or others < SHARE * healthy:
        return ""
    smallest = min(row.parameter_count for row in alike)
    chosen = next(row for row in results.standings if row.candidate_id == choice.candidate_id)
    smaller = (
        f"; the smallest has {counted(smallest, 'parameter')}, the chosen one {chosen.parameter_count:,}"
    )
    significance = significance_sentence(others, healthy)
    return f"{significance} at 5 %{smaller if smallest < chosen.parameter_count else ''}."


CHECK: Final = MethodCheck(
    code="SH003",
    severity="note",
    title="Other candidates are statistically indistinguishable from the best",
    find=not_distinguishable,
    why="Other rows or other initial weights might have chosen another candidate; nothing follows from the order"
    " of these.",
    remedy="Take the smallest of them, or at least the smallest within one standard error (search.rule ="
    ' "one-standard-error"), or separate them with more networks of the same kind of folds (search.repeats, or'
    " times of repeated folds; where data.groups is set, of repeated-grouped or repeated-stratified-grouped ones) or"
    " more rows: the reasons of the choice say which.",
    reference="Hansen, P. R., Lunde, A., Nason, J. M. (2011). The model confidence set. Econometrica 79, 453–497.",
)
