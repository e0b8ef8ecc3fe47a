"""Input columns, each read as what it is: numbers, categories in the spelling that is known, dates.

Letters: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shoal.data._array_columns import other_series
from shoal.data._cells import coded_texts, note_rows, numbers
from shoal.data._classes import nfc, sorted_texts
from shoal.data._column_kind import CATEGORY, DATE, ISO, NUMBER, ColumnKind, DateStyle
from shoal.data._dataset import Column
from shoal.data._dates import dates as dates_of
from shoal.data._dialect import PLAIN
from shoal.data._findings import Findings, refuse
from shoal.data._missing import STRICT, Marks, Missing
from shoal.data._table import Table
from shoal.data._table_format import Limits
from shoal.data._tables import scan_table
from shoal.wording import did_you_mean, few_quoted, quoted

_HINTS = 20


@dataclass(frozen=True)
class AskedColumn:
    """An input to be read: how, in which spelling of its categories, in which style of its dates."""

    name: str
    kind: ColumnKind
    known: Sequence[str] = ()
    style: DateStyle = ISO


def read_column(
    table: Table, asked: AskedColumn, findings: Findings, marks: Marks | None, advice: str = ""
) -> Column | None:
    """Read an input; None where something was noted."""
    name, kind = asked.name, asked.kind
    if kind.name == "number":
        values = numbers(table, name, findings, advice, marks)
        return None if values is None else Column(name, values)
    if kind.name == "date":
        read = dates_of(table, name, asked.style, findings, marks)
        return None if read is None else Column(name, read[0], "date", dates=read[1])
    spelled = coded_texts(table, name, findings, asked.known, marks)
    if spelled is None or kind.name == "category":
        return None if spelled is None else Column.of_categories(name, spelled)
    column = Column.of_categories(name, spelled, kind.order)
    level_L, code_N = column.codes
    strange = np.flatnonzero(~np.isin(level_L, ["", *kind.order])[code_N]).tolist()
    expected = f"expected one of its order ({few_quoted(kind.order)})"
    faults = {row: f"{expected}, got {quoted(str(column.values[row]))}" for row in strange}
    note_rows(table, name, faults, findings)
    return None if strange else column


def read_columns(
    source: str | Path | Table,
    names: Sequence[str],
    categories: Mapping[str, Sequence[str]] | None = None,
    missing: Missing = STRICT,
    dates: Mapping[str, DateStyle] | None = None,
) -> tuple[Column, ...]:
    """Read input columns of new rows (to predict), by name, from a file or a table; its others are ignored.

    `categories` gives those that were learned, for each column of categories: a cell of the same value gets their
    spelling, whatever the format; where none are given, the text stays as it is. `missing` says where cells may be, and
    `dates` how the dates are written of each column of dates.
    Raises DataError with every missing column, every cell that cannot be read, and every column of several rows in
    which no category is known.
    """
    known = categories or {}
    findings = Findings(source.file if isinstance(source, Table) else str(source))
    limits = Limits(frozenset(map(nfc, names)))
    table = source if isinstance(source, Table) else scan_table(source, findings, limits)
    columns: list[Column] = []
    if table is not None:
        there = [name for name in names if name in table]
        absent = [name for name in names if name not in table]
        if absent and (others := other_series(names, table.names)):
            findings.add(others)
            absent = []
        for number, name in enumerate(absent):
            hint = _hint(name, table) if number < _HINTS else ""
            names_at = _names_at(table) if number == 0 else ""
            findings.add(f"expected an input column {quoted(name)}, got none{hint}{names_at}")
        styles = dates or {}
        asked = (
            AskedColumn(name, CATEGORY if name in known else NUMBER, known.get(name, ()))
            if name not in styles
            else AskedColumn(name, DATE, style=styles[name])
            for name in there
        )
        read = (read_column(table, column, findings, missing.of(column.name)) for column in asked)
        columns = [column for column in read if column is not None]
        for column in columns:
            if known.get(column.name):
                _refuse_strange(column, known[column.name], findings)
    refuse(findings.problems())
    return tuple(columns)


def _hint(name: str, table: Table) -> str:
    """Say what a column that is not there may be called; where names are garbled, how the file was read."""
    dialect = table.dialect
    garbled = nfc(name.encode().decode(dialect.encoding, "replace"))
    if dialect.encoding != PLAIN.encoding and garbled in table:
        return f", but {quoted(garbled)}, which is UTF-8 read in the encoding of the training file, {dialect.encoding}"
    return did_you_mean(name, table.names, quoted)


def _names_at(table: Table) -> str:
    """Say on which line the names are looked for, where lines above them are left out as in the training file."""
    skipped = table.dialect.skip_lines if table.lines else 0
    above = f"below the {skipped:,} that data.skip_lines leaves out"
    return f"; the names are looked for on {table.head}, {above}" if skipped else ""


def _refuse_strange(column: Column, known: Sequence[str], findings: Findings) -> None:
    """Note a column without a known category: a single row may have a new one, a whole column is another thing."""
    categories = set(column.values.tolist()) - {""}
    if len(column.values) > 1 and categories and categories.isdisjoint(known):
        others = few_quoted(sorted_texts(categories))
        what = f"expected its categories ({few_quoted(known)}), got none of them: {others}"
        findings.add(what, f"column {quoted(column.name)}")
