"""Whether an input of categories names the rows."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import finding
from shoal.results import Results


def identifiers(results: Results) -> str:
    """Give what was measured in the rows themselves, before training."""
    return finding(results, "identifiers")


CHECK: Final = MethodCheck(
    code="SH023",
    severity="warning",
    title="An input has another category in nearly every row",
    find=identifiers,
    why="A name of the row says nothing in new ones: the network can only learn the training rows by it.",
    remedy="Leave it out: name the other columns in data.inputs. Where it names those who are measured, put it"
    " in data.groups.",
    reference="Kaufman, S., Rosset, S., Perlich, C., Stitelman, O. (2012). Leakage in data mining: formulation,"
    " detection, and avoidance. ACM Transactions on Knowledge Discovery from Data 6(4), 15.",
    about_test=True,
)
