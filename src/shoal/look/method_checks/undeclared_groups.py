"""Whether an input tells groups apart that the study does not name."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results


def undeclared_groups(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "undeclared groups")


CHECK: Final = MethodCheck(
    code="SH024",
    severity="warning",
    title="An input tells groups apart that the study does not name",
    find=undeclared_groups,
    why="Rows of one person, place or day are alike. Where some are learned from and others held out, scores"
    " are better than they will be for new persons, places or days.",
    remedy="Name the column in data.groups: its rows then stay together. Where new rows will be of the same"
    " groups, leave all as it is.",
    reference="Roberts, D. R., et al. (2017). Cross-validation strategies for data with temporal, spatial,"
    " hierarchical, or phylogenetic structure. Ecography 40(8), 913–929.",
    about_test=True,
)
