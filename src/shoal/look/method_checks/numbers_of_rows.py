"""Whether an input numbers the rows."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import columns_of, phrases
from shoal.results import Results


def numbers_of_rows(results: Results) -> str:
    """Name the inputs that merely number the rows."""
    columns = columns_of(results).numbering()
    return f"Of the inputs, {phrases(columns)}." if columns else ""


CHECK: Final = MethodCheck(
    code="SH018",
    severity="warning",
    title="An input numbers the rows",
    find=numbers_of_rows,
    why="A mere number of the rows says nothing in new ones, and gives the target away where the rows are"
    " sorted by it. A time that is counted so (a year, a day) may carry a trend, but new rows lie beyond all"
    " that was learned.",
    remedy="Leave a mere number out: name the other columns in data.inputs. Keep a time whose trend is wanted, and"
    " name it in data.time, too, since test rows drawn between training rows are easier than new ones.",
    reference="Kaufman, S., Rosset, S., Perlich, C., Stitelman, O. (2012). Leakage in data mining: formulation,"
    " detection, and avoidance. ACM Transactions on Knowledge Discovery from Data 6(4), 15.",
    about_test=True,
)
