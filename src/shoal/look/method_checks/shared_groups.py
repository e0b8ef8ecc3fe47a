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
    remedy="Divide training and test rows by group: where they are files, divide the files (data.groups alone does"
    " not); or leave data.test out and name the column in data.groups, by which test rows are then drawn. Where new"
    " rows will be of the same groups, leave all as it is.",
    reference="Saeb, S., Lonini, L., Jayaraman, A., Mohr, D. C., Kording, K. P. (2017). The need to approximate the"
    " use-case in clinical machine learning. GigaScience 6(5), 1–9.",
    about_test=True,
    invalidating=True,
)
