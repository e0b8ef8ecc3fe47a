"""The table of what a threshold of two classes changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shoal.look._text_layout import WIDTH, in_lines, text_table
from shoal.look._threshold import threshold_sentences, written
from shoal.look.page.tables import ReportColumn, ReportTable, texts
from shoal.results import DecidedScore, Results


def decided_table(results: Results) -> ReportTable | None:
    """Give scores of the likelier class and by the threshold, on rows held out and on test rows; None without one."""
    rows = results.decided_scores
    if not rows:
        return None
    spans = [(row.interval.low, row.interval.high) for row in rows]
    changes = [(row.change.low, row.change.high) for row in rows]
    columns = (
        texts("score", [row.title for row in rows]),
        _numbers("rows held out, likelier class", rows, [row.held_out[0] for row in rows]),
        _numbers("rows held out, threshold (optimistic)", rows, [row.held_out[1] for row in rows]),
        _numbers("test rows, likelier class", rows, [row.tested[0] for row in rows]),
        _numbers("test rows, threshold", rows, [row.tested[1] for row in rows]),
        _between("95 % interval", rows, spans),
        _numbers("change", rows, [row.change.mean for row in rows]),
        _between("95 % interval of the change", rows, changes),
    )
    return ReportTable(columns)


@dataclass(frozen=True)
class ThresholdPart:
    """What is said of a threshold, and the table of what it changes."""

    sentences: tuple[str, ...]
    table: ReportTable | None


def threshold_part(results: Results) -> ThresholdPart | None:
    """Give them; None where no threshold is asked for."""
    said = threshold_sentences(results)
    return ThresholdPart(said, decided_table(results)) if said else None


def threshold_text(results: Results) -> str:
    """Give the threshold and what it changes as plain text; empty where none is asked for."""
    part = threshold_part(results)
    if part is None:
        return ""
    table = part.table
    parts = ["threshold of two classes", *(in_lines(text, WIDTH, later="  ") for text in part.sentences)]
    if table is not None:
        headings = [column.heading for column in table.columns]
        parts.append(
            text_table(headings, [[cell.replace("\u00a0", " ") for cell, _ in row] for row in table.rows])
        )
    return "\n".join(parts)


def _numbers(heading: str, rows: Sequence[DecidedScore], values: Sequence[float]) -> ReportColumn:
    cells = (written(row.title, value) for row, value in zip(rows, values, strict=True))
    return ReportColumn(heading, tuple(cells), tuple(values))


def _between(heading: str, rows: Sequence[DecidedScore], ends: Sequence[tuple[float, float]]) -> ReportColumn:
    cells = (
        "–" if math.isnan(low) else f"{written(row.title, low)} to {written(row.title, high)}"
        for row, (low, high) in zip(rows, ends, strict=True)
    )
    return ReportColumn(heading, tuple(cells), tuple(low for low, _ in ends))
