"""The targets of a table: class labels, numbers, or labels of 0 and 1; what is wrong with them, and missing.

Letters: N rows, K targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import numbers, texts, words_of
from shoal.data._column_roles import TableSource
from shoal.data._findings import Findings
from shoal.data._missing import missing_of
from shoal.data._table import Table
from shoal.data._target_domain import note_no_labels, note_outside
from shoal.errors import Problem
from shoal.wording import counted, few_quoted, first_few, quoted

_UNTARGETED = '; data.missing_targets = "drop" leaves such rows out'
_CLASSES = '; for class labels set study.task = "classification"'
TRUTH: Final = "; a label is 0 or 1, or false or true"


def read_targets(
    source: TableSource, table: Table, findings: Findings, known: Mapping[str, Sequence[str]]
) -> Any:
    """Read class labels, or numbers (N, K), of labels 0 and 1; None where something was found."""
    marks = source.target_marks
    read: list[NDArray[Any] | None]
    if source.target == "class":
        name = source.targets[0]
        read = [texts(table, name, findings, known.get(name, ()), marks)]
    else:
        advice = TRUTH if source.target == "labels" else _CLASSES
        read = [numbers(table, name, findings, advice, marks) for name in source.targets]
    values = [column for column in read if column is not None]
    if not source.drop_untargeted:
        for name, column in zip(source.targets, read, strict=True):
            if column is not None:
                _note_untargeted(name, np.flatnonzero(missing_of(column)).tolist(), table, findings)
    for name, column in zip(source.targets, read, strict=True):
        if column is not None and source.target == "numbers":
            note_outside(name, column, table, findings, (source.target_transform, source.losses))
        elif column is not None and source.target == "labels":
            note_no_labels(name, column, table, findings)
    if len(values) < len(read):
        return None
    return values[0] if source.target == "class" else np.stack(values, axis=1)


def _note_untargeted(name: str, rows: list[int], table: Table, findings: Findings) -> None:
    """Note that a column of targets lacks some, and where, in one line."""
    if rows:
        noun = table.row_noun
        places = first_few([str(table.number(row)) for row in rows], 4, joint=", ")
        what = f"expected a target in each of {counted(table.rows, 'row')}, got none in {len(rows):,}"
        where = f"{noun if len(rows) == 1 else noun + 's'} {places}"
        words = sorted(words_of(table, name, rows) - {""})
        meant = f'; {few_quoted(words, 3)} counts as missing, unless data.missing = "refuse"' if words else ""
        findings.add(f"{what} ({where}){meant}{_UNTARGETED}", f"column {quoted(name)}", table.number(rows[0]))


def untargeted(targets: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which rows lack a target, (N,)."""
    missing = missing_of(targets)
    return np.asarray(missing if missing.ndim == 1 else missing.any(axis=1))


def unlearnable(names: Sequence[str], targets_NK: NDArray[np.float64], file: str) -> Iterator[Problem]:
    """Find labels that are the same in all training rows, where all are."""
    if (targets_NK == targets_NK[0]).all():
        what = "expected a label that some training rows have and others have not, got none"
        yield Problem(f"{file}, {_columns(names)}", what)


def uniform_labels(names: Sequence[str], targets_NK: NDArray[np.float64]) -> Iterator[str]:
    """Name the labels that all training rows have, or none: of these nothing is learned."""
    for name, values_N in zip(names, targets_NK.T, strict=True):
        if (values_N == values_N[0]).all():
            whose = "every training row has" if values_N[0] else "no training row has"
            yield f"column {quoted(name)}: {whose} this label, so that nothing is learned of it"


def _columns(names: Sequence[str]) -> str:
    return f"column {quoted(names[0])}" if len(names) == 1 else f"columns {few_quoted(names)}"
