"""Targets that what is asked for has no number for: the logarithm of 0, say, or a count below 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset
from shoal.data._findings import Findings
from shoal.data._table import Table
from shoal.errors import Problem
from shoal.kinds import LOSSES, TARGET_TRANSFORMS, row_of
from shoal.wording import first_few, quoted

_SHOWN = 4


@dataclass(frozen=True)
class _Domain:
    """Where every target has to lie, above a bound or at it: in words, and what of the study asks for it."""

    bound: float
    itself: bool
    asked_for: str

    @property
    def words(self) -> str:
        return f"{'of at least' if self.itself else 'above'} {self.bound:g}"

    def outside(self, values_N: NDArray[np.float64]) -> list[int]:
        """Number the rows that lie elsewhere; missing values do not."""
        below_N = values_N < self.bound if self.itself else values_N <= self.bound
        return np.flatnonzero(below_N).tolist()


def note_outside(
    name: str,
    values_N: NDArray[np.float64],
    table: Table,
    findings: Findings,
    asked_for: tuple[str, Sequence[str]],
) -> None:
    """Note in one line each which targets of a table lie outside of a domain; missing ones do not.

    `asked_for` is the transform and the losses.
    """
    for domain in _domains(*asked_for):
        if rows := domain.outside(values_N):
            places = [table.row_place(row) for row in rows[: _SHOWN + 1]]
            what = _sentence(values_N, rows, places, domain)
            findings.add(what, f"column {quoted(name)}", table.number(rows[0]))


def note_no_labels(name: str, values_N: NDArray[np.float64], table: Table, findings: Findings) -> None:
    """Note in one line which cells of a column of labels are neither 0 nor 1; missing ones are left to others."""
    rows = np.flatnonzero(~np.isnan(values_N) & (values_N != 0) & (values_N != 1)).tolist()
    if rows:
        places = [table.row_place(row) for row in rows[: _SHOWN + 1]]
        what = f"expected labels of 0 and 1, got {_shown(values_N, rows, places)}"
        findings.add(what, f"column {quoted(name)}", table.number(rows[0]))


def outside_of_domain(dataset: Dataset, losses: Sequence[str]) -> Iterator[Problem]:
    """Find targets of a data set that has no lines to name which its transform or one of the losses does not take."""
    if dataset.task == "regression":
        for name, values_N in zip(dataset.target_names, dataset.targets.T, strict=True):
            for domain in _domains(dataset.target_transform, losses):
                if rows := domain.outside(values_N):
                    places = [f"row {row + 1}" for row in rows[: _SHOWN + 1]]
                    yield Problem(f"column {quoted(name)}", _sentence(values_N, rows, places, domain))


def _domains(transform: str, losses: Sequence[str]) -> Iterator[_Domain]:
    above = row_of("data.target_transform", TARGET_TRANSFORMS, transform).above
    if above is not None:
        yield _Domain(above, itself=False, asked_for=f'data.target_transform = "{transform}"')
    for loss in losses:
        least = row_of("training.loss", LOSSES, loss).least
        if least is not None:
            yield _Domain(least, itself=True, asked_for=f'training.loss = "{loss}"')


def _sentence(values_N: NDArray[np.float64], rows: list[int], places: list[str], domain: _Domain) -> str:
    """Say what was expected, and the first values that are not so, with their places."""
    got = _shown(values_N, rows, places)
    return f"expected targets {domain.words} for {domain.asked_for}, got {got}"


def _shown(values_N: NDArray[np.float64], rows: list[int], places: list[str]) -> str:
    shown = [f"{values_N[row]:g} ({place})" for row, place in zip(rows, places, strict=False)]
    return first_few([*shown, *[""] * (len(rows) - len(shown))], _SHOWN)
