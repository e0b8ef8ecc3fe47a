"""Whether test rows lie in gaps between the training inputs."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import coverage_of, in_quotes, phrases
from shoal.look._settings import text_of
from shoal.results import Results
from shoal.wording import counted, percent


def in_a_gap(results: Results) -> str:
    """Count the test rows in gaps between training rows."""
    coverage = coverage_of(results)
    gaps = [gap for gap in coverage.bare if gap.inside] if coverage else []
    if coverage is None or not gaps:
        return ""
    gap_texts = [
        f"{gap.test_rows:,} between {text_of(gap.low)} and {text_of(gap.high)} in {in_quotes(gap.input)}"
        for gap in gaps
    ]
    share = coverage.gap_rows / coverage.test_rows
    return (
        f"{coverage.gap_rows:,} of {counted(coverage.test_rows, 'test row')} ({percent(share, 0)}) lie where there is"
        f" no training row: {phrases(gap_texts)}."
    )


CHECK: Final = MethodCheck(
    code="SH009",
    severity="warning",
    title="Test rows lie in gaps between the training inputs",
    find=in_a_gap,
    why="There the network bridges a gap by its own shape; validation rows, which lie where training rows do,"
    " say nothing of the error there, so the test score is worse than the selection score.",
    remedy="Collect training rows in the gap, or look at the spread of the ensemble there, and read the test score"
    " inside and outside the gaps apart.",
    reference="Shimodaira, H. (2000). Improving predictive inference under covariate shift by weighting the"
    " log-likelihood function. Journal of Statistical Planning and Inference 90(2), 227-244.",
    about_test=True,
)
