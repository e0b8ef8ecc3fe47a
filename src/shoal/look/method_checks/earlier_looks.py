"""Whether the test rows were scored before, by settings that the study does not have any more."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._trust import looks_sentence
from shoal.results import Results


def earlier_looks(results: Results) -> str:
    """Count the looks of earlier versions of the study in this folder."""
    return looks_sentence(results) if results.looks.earlier else ""


CHECK: Final = MethodCheck(
    code="SH033",
    severity="note",
    title="The test rows were scored by earlier versions of this study",
    find=earlier_looks,
    why="Who sees a test score, changes the study and tests again has chosen by the test rows; their score is then"
    " optimistic, the more so the more often.",
    remedy="Choose in the search, which does not see the test rows; keep other rows for a last test, or say how often"
    " these were scored.",
    reference="Dwork, C., Feldman, V., Hardt, M., Pitassi, T., Reingold, O., Roth, A. (2015). The reusable holdout:"
    " preserving validity in adaptive data analysis. Science 349, 636–638.",
)
