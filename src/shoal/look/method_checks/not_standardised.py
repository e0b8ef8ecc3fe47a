"""Whether numbers far from 0 and 1 are not standardised."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import columns_of, phrases
from shoal.results import Results


def not_standardised(results: Results) -> str:
    """Name the columns that are far from 0 and 1 and were not standardised."""
    columns = columns_of(results).unscaled()
    return f"Not standardised, {phrases(columns)}." if columns else ""


CHECK: Final = MethodCheck(
    code="SH017",
    severity="warning",
    title="Numbers far from 0 and 1 are not standardised",
    find=not_standardised,
    why="Initial weights and learning rates suit inputs and targets near 0 with a spread near 1; with others"
    " training is slow, diverges, or never arrives.",
    remedy='Set data.standardize = "inputs", or "both" for targets too; predictions and scores stay in the target\'s'
    " units.",
    reference="LeCun, Y., Bottou, L., Orr, G. B., Müller, K.-R. (1998). Efficient BackProp."
    " In: Neural Networks: Tricks of the Trade, LNCS 1524, 9–50. Springer.",
)
