"""Whether one input alone gives the target away."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results


def giveaways(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "giveaways")


CHECK: Final = MethodCheck(
    code="SH026",
    severity="warning",
    title="One input alone gives the target away",
    find=giveaways,
    why="An input that is made of the target, or known only after it, is not there when the model is used.",
    remedy="Ask how and when this input comes about; leave it out (data.ignore) if it is not known before the"
    " target.",
    reference="Kapoor, S., Narayanan, A. (2023). Leakage and the reproducibility crisis in machine-learning-based"
    " science. Patterns 4(9), 100804.",
    about_test=True,
    invalidating=True,
)
