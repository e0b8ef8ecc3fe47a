"""From where to where the numbers of training rows go, by column, and which new rows lie far outside.

Letters: N rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column
from shoal.data._dates import date_text
from shoal.wording import counted, quoted

Range = tuple[float, float]


def range_of(column: Column, rows: NDArray[np.int64]) -> Range | None:
    """Give the lowest and the highest number of some rows; None where there is none."""
    values_N = _numbers(column.values[rows])
    known_N = values_N[np.isfinite(values_N)]
    return (float(known_N.min()), float(known_N.max())) if len(known_N) else None


def far_outside(columns: Sequence[Column], ranges: dict[str, Range | None]) -> Iterator[str]:
    """Say of which columns new rows lie outside of a range by more than its length, a sentence a column."""
    for column in columns:
        reach = ranges.get(column.name)
        if reach is None:
            continue
        low, high = reach
        length = min(high - low, math.inf)
        values_N = _numbers(column.values)
        far_N = values_N[(values_N < low - length) | (values_N > high + length)]
        if len(far_N):
            those = f"{len(far_N):,} of {counted(len(values_N), 'row')}"
            first, last, example = (_shown(column, value) for value in (low, high, float(far_N[0])))
            trained = f"the training rows' range, {first} to {last}"
            how = f"outside of {trained}, by more than its length, such as {example}"
            yield f"column {quoted(column.name)}: {those} {how}"


def _shown(column: Column, value: float) -> str:
    return date_text(value) if column.takes == "dates" else f"{value:z.6g}"


def ranges_from_json(entries: list[object], count: int) -> tuple[Range | None, ...] | None:
    """Read ranges from a file that may be foreign; None for anything but `count` of them."""
    ranges: list[Range | None] = []
    for entry in entries:
        match entry:
            case None:
                ranges.append(None)
            case [float(low), float(high)] if -math.inf < low <= high < math.inf:
                ranges.append((low, high))
    return tuple(ranges) if len(ranges) == len(entries) == count else None


def _numbers(values_N: NDArray[np.generic]) -> NDArray[np.float64]:
    """Give numbers as they are, and nothing of text."""
    return np.asarray(values_N, np.float64) if values_N.dtype.kind == "f" else np.zeros(0)
