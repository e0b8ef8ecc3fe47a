"""Targets: class labels or numbers, and rows that have none. Letters: N rows, K targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import numbers, texts, words_of
from shoal.data._column_roles import TableSource
from shoal.data._findings import Findings
from shoal.data._missing import missing_of
from shoal.data._table import Table
from shoal.data._target_domain import note_outside
from shoal.wording import few_quoted, first_few, quoted

_DROP = '; data.missing_targets = "drop" leaves such rows out'
_LABELS = '; for class labels set study.task = "classification"'


def read_targets(
    source: TableSource, table: Table, findings: Findings, known: Mapping[str, Sequence[str]]
) -> Any:
    """Read class labels, or numbers (N, K); None where something was found."""
    marks = source.target_marks
    read: list[NDArray[Any] | None]
    if source.task == "classification":
        name = source.targets[0]
        read = [texts(table, name, findings, known.get(name, ()), marks)]
    else:
        read = [numbers(table, name, findings, _LABELS, marks) for name in source.targets]
    values = [column for column in read if column is not None]
    if not source.drop_untargeted:
        for name, column in zip(source.targets, read, strict=True):
            if column is not None:
                _note_untargeted(name, np.flatnonzero(missing_of(column)).tolist(), table, findings)
    if source.task == "regression":
        for name, column in zip(source.targets, read, strict=True):
            if column is not None:
                note_outside(name, column, table, findings, (source.target_transform, source.losses))
    if len(values) < len(read):
        return None
    return values[0] if source.task == "classification" else np.stack(values, axis=1)


def _note_untargeted(name: str, rows: list[int], table: Table, findings: Findings) -> None:
    """Note that a column of targets lacks some, and where, in one line."""
    if rows:
        noun = table.row_noun
        places = first_few([str(table.number(row)) for row in rows], 4, joint=", ")
        what = f"expected a target in each of {table.rows:,} rows, got none in {len(rows):,}"
        where = f"{noun if len(rows) == 1 else noun + 's'} {places}"
        words = sorted(words_of(table, name, rows) - {""})
        meant = f'; {few_quoted(words, 3)} counts as missing, unless data.missing = "refuse"' if words else ""
        findings.add(f"{what} ({where}){meant}{_DROP}", f"column {quoted(name)}", table.number(rows[0]))


def untargeted(targets: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which rows lack a target, (N,)."""
    return np.asarray(missing_of(targets).reshape(len(targets), -1).any(axis=1))
