"""Whether training and test rows are of the same groups."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results


def shared_groups(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "shared groups")


CHECK: Final = MethodCheck(
    code="SH025",
    severity="warning",
    title="Training and test rows are of the same groups",
    find=shared_groups,
    why="The test then says how well the model does with those it knows, not with new ones.",
    remedy="Draw the test rows by group: name the column in data.groups and leave data.test out, or divide the"
    " files by group. Where new rows will be of the same groups, leave all as it is.",
    reference="Saeb, S., Lonini, L., Jayaraman, A., Mohr, D. C., Kording, K. P. (2017). The need to approximate the"
    " use-case in clinical machine learning. GigaScience 6(5), 1-9.",
)
