"""The table of what quantiles hold: the share of test rows below each."""

from __future__ import annotations

from shoal.look.page.tables import MOST_ROWS, ReportColumn, ReportTable, numbers, texts
from shoal.results import Results
from shoal.wording import percent


def level_table(results: Results) -> ReportTable | None:
    """Give the share of test rows below each quantile of the delivered network; None where it gives none."""
    shown = results.levels_held[:MOST_ROWS]
    if not shown:
        return None
    shares, lows = tuple(of.share for of in shown), tuple(of.interval.low for of in shown)
    between = (f"{percent(of.interval.low)} to {percent(of.interval.high)}" for of in shown)
    columns = (
        texts("target", [of.target for of in shown]),
        numbers("level", [of.level for of in shown]),
        ReportColumn("test rows below", tuple(map(percent, shares)), shares),
        ReportColumn("95 % interval, other test rows", tuple(between), lows),
    )
    return ReportTable(columns, len(results.levels_held) - len(shown))
