"""Whether each comparison rests on one initialisation."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import scores_on_test_rows
from shoal.results import Results
from shoal.wording import counted


def one_repeat(results: Results) -> str:
    """Count the comparisons that were trained once."""
    scores = scores_on_test_rows(results)
    if len(scores) < 2 or results.study.study.repeats > 1:
        return ""
    return f"{counted(len(scores), 'variant')} are compared by one initialisation each, so their spread is not known."


CHECK: Final = MethodCheck(
    code="SH012",
    severity="note",
    title="Each comparison rests on one initialisation",
    find=one_repeat,
    why="Other initial weights give other scores; a difference between single runs may be chance.",
    remedy="Set study.repeats to 5 or more: every comparison is then repeated with other initial weights and other"
    " held-out rows.",
    reference="Henderson, P., Islam, R., Bachman, P., Pineau, J., Precup, D., Meger, D. (2018). Deep reinforcement"
    " learning that matters. Proceedings of the AAAI Conference on Artificial Intelligence 32(1), 3207–3214.",
)
