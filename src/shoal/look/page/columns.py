"""The table of the columns of the data: which part each plays, as what it is read, what was done with it."""

from __future__ import annotations

from shoal.look._columns import column_lines
from shoal.look.page.tables import ReportTable, texts
from shoal.results import Results


def column_table(results: Results) -> ReportTable | None:
    """Give a line a column, or for neighbours that are alike; None for images and results of old."""
    lines = column_lines(results.columns)
    if not lines:
        return None
    done = [line.done for line in lines]
    return ReportTable(
        (
            texts("column", [line.names for line in lines]),
            texts("part", [line.role for line in lines]),
            *([texts("what was done", done)] if any(done) else []),
        )
    )
