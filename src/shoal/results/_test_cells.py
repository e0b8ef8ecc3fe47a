"""What is kept of the test rows for pictures beyond numbers: their categories, dates, and names of their groups.

Letters: V test rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._brief import Brief
from shoal.results._record import Truth
from shoal.results._schema import checker, expect
from shoal.results._store import Store

TEST_CELLS: Final = "test cells"
FURTHER: Final = 254
"""Stands for all categories that are not kept by name."""
LACKING: Final = 255
"""Stands for a missing cell."""


@dataclass(frozen=True)
class CellsKept:
    """What was kept: the part of the store beside the delivered fit, columns by name, and what stands in them.

    `levels` are the most frequent categories of each of `categorical` on the test rows, in their own order where they
    have one, else the most frequent first; `further` counts those left out. `groups` are names of groups of test rows
    by their numbers, none where the study does not ask for them (`report.groups`).
    """

    fit: str
    part: str
    categorical: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    further: tuple[int, ...]
    dates: tuple[str, ...]
    groups: tuple[tuple[int, str], ...]


@dataclass(frozen=True, eq=False, repr=False)
class CategoriesTested(Brief):
    """One categorical input on the test rows: `place_V` uint8 are places in `levels`; `FURTHER`, `LACKING` are none."""

    column: str
    levels: tuple[str, ...]
    further: int
    place_V: NDArray[np.uint8]

    def name(self, place: int) -> str:
        """Name what a place stands for."""
        if place == LACKING:
            return "(missing)"
        return f"({self.further:,} more)" if place == FURTHER else self.levels[place]


@dataclass(frozen=True, eq=False, repr=False)
class CellsTested(Brief):
    """Categories of the test rows, their dates (seconds since 1970, UTC, NaN where missing), names of their groups."""

    categories: tuple[CategoriesTested, ...]
    dates: Mapping[str, NDArray[np.float64]]
    groups: Mapping[int, str]


_cells: Final = checker(CellsKept)


def read_test_cells(store: Store, truth: Truth) -> CellsTested | None:
    """Read what is kept; None where nothing is. ValueError for arrays that do not belong together."""
    fact = store.fact(TEST_CELLS)
    if not fact:
        return None
    cells = _cells(fact)
    expect(len(cells.categorical) == len(cells.levels) == len(cells.further))
    expect(len(set(cells.categorical + cells.dates)) == len(cells.categorical) + len(cells.dates))
    arrays, rows = store.arrays(cells.fit, cells.part), len(truth.y) - truth.train_rows
    categories = tuple(_categories(cells, number, arrays, rows) for number in range(len(cells.categorical)))
    second_VD = arrays["dates"]
    expect(second_VD.dtype == np.float64 and second_VD.shape == (rows, len(cells.dates)))
    expect(not np.isinf(second_VD).any())
    dates = {name: second_VD[:, number] for number, name in enumerate(cells.dates)}
    return CellsTested(categories, dates, dict(cells.groups))


def _categories(
    cells: CellsKept, number: int, arrays: Mapping[str, NDArray[Any]], rows: int
) -> CategoriesTested:
    place_V, levels, further = arrays[str(number)], cells.levels[number], cells.further[number]
    expect(place_V.dtype == np.uint8 and place_V.shape == (rows,) and len(levels) <= FURTHER)
    expect(((place_V < len(levels)) | (place_V >= FURTHER)).all() and further >= 0)
    return CategoriesTested(cells.categorical[number], levels, further, place_V)
