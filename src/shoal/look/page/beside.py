"""The table of the delivered network beside simple models: cells, numbers as CSV, what its intervals speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.look._chance import drawn_by_chance
from shoal.look._simple_models import ModelRow, model_rows, without_interval
from shoal.look._threshold import BESIDE, where_decided
from shoal.look.page.tables import ReportColumn, ReportTable, numbers, texts
from shoal.results import Interval, Results
from shoal.wording import interval

if TYPE_CHECKING:
    from pandas import DataFrame


def simple_model_table(results: Results) -> ReportTable | None:
    """Give the delivered network and the simple models; None where there is no such network yet."""
    rows = model_rows(results)
    if len(rows) < 2:
        return None
    first, *others = rows[0].scores
    columns = [
        texts("model", [row.name for row in rows]),
        numbers("training rows", [row.rows for row in rows]),
        numbers(f"test {results.truth.title_of(first)}", [row.scores[first] for row in rows]),
        _intervals("95 % interval", [row.interval for row in rows]),
        numbers("delivered minus this model", [row.difference for row in rows]),
        _intervals("95 % interval of that difference", [row.apart for row in rows]),
    ]
    columns += [
        numbers(f"test {results.truth.title_of(name)}", [row.scores[name] for row in rows]) for name in others
    ]
    return ReportTable(tuple(columns))


def _intervals(heading: str, spans: list[Interval]) -> ReportColumn:
    return ReportColumn(
        heading, tuple(interval(span.low, span.high) for span in spans), tuple(span.low for span in spans)
    )


def simple_model_note(results: Results) -> str:
    """Say what the intervals speak of, and why one is not there."""
    without = without_interval(
        (f"the {row.name}", row.apart.why) for row in model_rows(results)[1:] if row.apart.why
    )
    over = drawn_by_chance(results)
    said = [f"95 % intervals for {over}; a difference is paired, row by row.", where_decided(results, BESIDE)]
    return " ".join([*filter(None, said), *without])


def simple_model_frame(results: Results) -> DataFrame:
    """Give the numbers of the table."""
    import pandas as pd

    return pd.DataFrame([_numbers(row) for row in model_rows(results)])


def _numbers(row: ModelRow) -> dict[str, str | float]:
    first = next(iter(row.scores))
    return {
        "model": row.name,
        "training_rows": row.rows,
        **{f"test_{name}": value for name, value in row.scores.items()},
        f"test_{first}_ci_low": row.interval.low,
        f"test_{first}_ci_high": row.interval.high,
        "difference": row.difference,
        "difference_ci_low": row.apart.low,
        "difference_ci_high": row.apart.high,
    }
