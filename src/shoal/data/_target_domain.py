"""Targets that a transform has no number for: the logarithm of 0, say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset
from shoal.data._findings import Findings
from shoal.data._table import Table
from shoal.errors import Problem
from shoal.kinds import TARGET_TRANSFORMS, row_of
from shoal.wording import first_few, quoted

_SHOWN = 4


def note_outside(
    name: str, values_N: NDArray[np.float64], table: Table, findings: Findings, transform: str
) -> None:
    """Note in one line which targets of a table lie outside of the domain of a transform; missing ones do not."""
    rows = _outside(values_N, transform)
    if rows:
        places = [table.row_place(row) for row in rows[: _SHOWN + 1]]
        findings.add(
            _sentence(values_N, rows, places, transform), f"column {quoted(name)}", table.number(rows[0])
        )


def outside_of_domain(dataset: Dataset) -> Iterator[Problem]:
    """Find such targets of a data set that has no lines to name."""
    if dataset.task == "regression":
        for name, values_N in zip(dataset.target_names, dataset.targets.T, strict=True):
            if rows := _outside(values_N, dataset.target_transform):
                places = [f"row {row + 1}" for row in rows[: _SHOWN + 1]]
                what = _sentence(values_N, rows, places, dataset.target_transform)
                yield Problem(f"column {quoted(name)}", what)


def _outside(values_N: NDArray[np.float64], transform: str) -> list[int]:
    above = row_of("data.target_transform", TARGET_TRANSFORMS, transform).above
    return [] if above is None else np.flatnonzero(values_N <= above).tolist()


def _sentence(values_N: NDArray[np.float64], rows: list[int], places: list[str], transform: str) -> str:
    """Say what was expected, and the first values that are not so, with their places."""
    shown = [f"{values_N[row]:g} ({place})" for row, place in zip(rows, places, strict=False)]
    got = first_few([*shown, *[""] * (len(rows) - len(shown))], _SHOWN)
    above = TARGET_TRANSFORMS[transform].above
    return f'expected targets above {above:g} for data.target_transform = "{transform}", got {got}'
