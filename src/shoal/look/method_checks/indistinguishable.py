"""Whether other candidates are as good as the chosen one."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._reasons import others_alike, significance_sentence
from shoal.results import Results


def not_distinguishable(results: Results) -> str:
    """Count the candidates that are statistically indistinguishable from the best."""
    choice = results.choice
    if choice is None or len(choice.indistinguishable) < 2:
        return ""
    alike = [row for row in choice.standings if row.indistinguishable]
    smallest = min(row.parameter_count for row in alike)
    chosen = next(row for row in choice.standings if row.candidate_id == choice.candidate_id)
    smaller = f"; the smallest has {smallest:,} parameters, the chosen one {chosen.parameter_count:,}"
    significance = significance_sentence(*others_alike(choice))
    return f"{significance} at 5 %{smaller if smallest < chosen.parameter_count else ''}."


CHECK: Final = MethodCheck(
    code="SH003",
    severity="note",
    title="The chosen candidate is statistically indistinguishable from others",
    find=not_distinguishable,
    why="Other rows or other initial weights might have chosen another candidate; nothing follows from the order"
    " of these.",
    remedy="Take the smallest of them, or at least the smallest within one standard error (search.rule ="
    ' "one-standard-error"), or separate them with repeated folds (search.folds = { kind = "repeated",'
    " times = 5 }).",
    reference="Nadeau, C., Bengio, Y. (2003). Inference for the generalization error."
    " Machine Learning 52, 239-281.",
)
