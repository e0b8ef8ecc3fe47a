"""Whether networks diverged or failed."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.results import Results
from shoal.wording import counted


def diverged_or_failed(results: Results) -> str:
    """Count the fits that diverged or failed, in all stages."""
    unhealthy = [fit for fit in results.summaries.values() if fit.status != "ok"]
    if not unhealthy:
        return ""
    first = min(unhealthy, key=lambda fit: (fit.steps, fit.fit_id))
    counts = [sum(fit.status == status for fit in unhealthy) for status in ("diverged", "failed")]
    counts_text = " and ".join(
        f"{number} {status}" for number, status in zip(counts, ("diverged", "failed"), strict=True) if number
    )
    example = f" The earliest: {first.message}." if first.message else ""
    return f"Of {counted(len(results.summaries), 'fit')}, {counts_text}.{example}"


CHECK: Final = MethodCheck(
    code="SH004",
    severity="warning",
    title="Some networks diverged or failed",
    find=diverged_or_failed,
    why="A candidate with such a network is never chosen, however good its other networks are; settings close"
    " to it may be unstable too.",
    remedy="Lower the learning rate, standardise the inputs (data.standardize), or leave these values out.",
    reference="Bengio, Y. (2012). Practical recommendations for gradient-based training of deep architectures."
    " In: Neural Networks: Tricks of the Trade, LNCS 7700, 437–478. Springer.",
)
