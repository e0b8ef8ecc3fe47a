"""Whether test rows lie in gaps between the training inputs."""

from __future__ import annotations

from typing import Final

from shoal.data import in_gaps
from shoal.look._check import MethodCheck
from shoal.look._evidence import as_sentence, coverage_of, in_quotes
from shoal.results import Results


def in_a_gap(results: Results) -> str:
    """Count the test rows in gaps between training rows."""
    coverage = coverage_of(results)
    return as_sentence(in_gaps(coverage, results.dates, in_quotes)) if coverage else ""


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
    " log-likelihood function. Journal of Statistical Planning and Inference 90(2), 227–244.",
    about_test=True,
)
