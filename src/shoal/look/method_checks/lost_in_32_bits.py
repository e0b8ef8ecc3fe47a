"""Whether numbers lose their differences in 32 bits."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import columns_of, phrases
from shoal.results import Results


def lost_in_32_bits(results: Results) -> str:
    """Name the columns whose values no longer differ as numbers of 32 bits."""
    columns = columns_of(results).merged()
    return f"In numbers of 32 bits, {phrases(columns)}." if columns else ""


CHECK: Final = MethodCheck(
    code="SH016",
    severity="warning",
    title="Numbers lose their differences in 32 bits",
    find=lost_in_32_bits,
    why="Networks are trained in 32 bits, which keep about 7 digits: values that differ later in the row of digits"
    " become equal.",
    remedy='Standardise them (data.standardize = "inputs", or "both" for targets too), which is computed in 64 bits, or'
    " subtract what is common to all.",
    reference="Goldberg, D. (1991). What every computer scientist should know about floating-point arithmetic."
    " ACM Computing Surveys 23(1), 5–48.",
    alarming=True,
)
