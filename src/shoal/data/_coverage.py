"""How far the training rows cover the test rows: rows that stand in both, places where only test rows lie.

Letters: N rows, n training rows, m test rows, I intervals between neighbouring training values.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset
from shoal.data._missing import missing_of
from shoal.data._row_check import chance_of_count, codes_of, units

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LEVEL: Final = 0.01
_MOST: Final = 20


@dataclass(frozen=True)
class Bare:
    """An interval of one input without a training row, with more test rows than chance puts there.

    Open ends (below the lowest, above the highest training value) are None. `chance` is the probability of so many
    test rows there if training and test rows were drawn alike, times the intervals looked at.
    """

    input: str
    low: float | None
    high: float | None
    test_rows: int
    chance: float

    @property
    def inside(self) -> bool:
        """Whether it is a gap between training rows, and not beyond all of them."""
        return self.low is not None and self.high is not None


@dataclass(frozen=True)
class Coverage:
    """What training and test rows have to do with each other, counted once, so that a report need not read them again.

    `repeated_inputs` counts test rows whose inputs are those of a training row, `repeated_rows` those with the same
    target as well, `repeated_train` training rows that repeat an earlier one, target and all; `repeated_by_chance` is
    how many test rows of columns of few values are about to be training rows too, `repeated_train_by_chance` how many
    training rows about repeat an earlier one so. `outside_rows` and
    `gap_rows` count the test rows in `bare` intervals, each once; `unseen` has (input, test rows) for
    categories that no training row has. Images have rows to compare, but no ranges.
    """

    train_rows: int
    test_rows: int
    repeated_inputs: int
    repeated_rows: int
    repeated_train: int
    outside_rows: int
    gap_rows: int
    bare: tuple[Bare, ...]
    unseen: tuple[tuple[str, int], ...]
    repeated_by_chance: float = 0.0
    repeated_train_by_chance: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `from_json` reads them."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Coverage:
        """Build what `to_json` gave. Raises ValueError for anything else."""
        result = _reader().validate_json(json.dumps(value), strict=True)
        counts = [count for count in vars(result).values() if isinstance(count, int)]
        counts += [interval.test_rows for interval in result.bare] + [rows for _, rows in result.unseen]
        ends = [
            end
            for interval in result.bare
            for end in (interval.low, interval.high, interval.chance)
            if end is not None
        ]
        if not all(0 <= count <= result.train_rows + result.test_rows <= 2**53 for count in counts):
            raise ValueError("counts of rows that are not there")
        if not 0 <= result.repeated_by_chance <= result.test_rows:
            raise ValueError("more repeated rows by chance than there are")
        if not 0 <= result.repeated_train_by_chance <= result.train_rows:
            raise ValueError("more repeated training rows by chance than there are")
        if result.train_rows == 0 or result.test_rows == 0 or not all(map(math.isfinite, ends)):
            raise ValueError("no rows, or an interval without ends")
        return result


@cache
def _reader() -> TypeAdapter[Coverage]:
    from pydantic import TypeAdapter

    return TypeAdapter(Coverage)


def coverage(dataset: Dataset) -> Coverage:
    """Compare the test rows of a data set with its training rows, before any preprocessing."""
    n, m = dataset.train_rows, dataset.rows - dataset.train_rows
    input_N, row_N = _marks(dataset)
    known_inputs, known_rows = set(input_N[:n]), set(row_N[:n])
    numeric = [column for column in dataset.columns if not column.categorical]
    counted = [(column.name, column.values[:n], column.values[n:]) for column in numeric]
    intervals = sum(len(np.unique(train[~np.isnan(train)])) + 1 for _, train, _ in counted)
    bare: list[Bare] = []
    outside_m, gap_m = np.zeros(m, np.bool_), np.zeros(m, np.bool_)
    test_chance, train_chance = _repeated_by_chance(dataset)
    unit_N = units(dataset) if dataset.test_groups is not None else codes_of(np.array(row_N))
    for name, train, test in counted:
        for interval, inside_m in _bare(name, (train, test), unit_N, intervals):
            bare.append(interval)
            gap_m |= inside_m & interval.inside
            outside_m |= inside_m & (not interval.inside)
    return Coverage(
        train_rows=n,
        test_rows=m,
        repeated_inputs=sum(mark in known_inputs for mark in input_N[n:]),
        repeated_rows=sum(mark in known_rows for mark in row_N[n:]),
        repeated_train=n - len(known_rows),
        outside_rows=int(outside_m.sum()),
        gap_rows=int(gap_m.sum()),
        bare=tuple(sorted(bare, key=lambda interval: interval.chance)[:_MOST]),
        unseen=tuple(_unseen(dataset)),
        repeated_by_chance=test_chance,
        repeated_train_by_chance=train_chance,
    )


def _marks(dataset: Dataset) -> tuple[list[bytes], list[bytes]]:
    """Give a digest of the inputs of every row, and one of inputs and target."""
    rows, step = dataset.rows, 4096
    if dataset.images is not None:
        parts = [np.ascontiguousarray(dataset.images).reshape(rows, -1)]
    else:
        parts = [_bytes(column.values) for column in dataset.columns]
    target_N = _bytes(dataset.targets)
    inputs, whole = [], []
    for start in range(0, rows, step):
        block = slice(start, start + step)
        joined = (
            np.concatenate([part[block] for part in parts], axis=1) if len(parts) > 1 else parts[0][block]
        )
        for input_bytes, target_bytes in zip(joined, target_N[block], strict=True):
            mark = hashlib.blake2b(input_bytes.tobytes(), digest_size=16)
            inputs.append(mark.digest())
            mark.update(target_bytes.tobytes())
            whole.append(mark.digest())
    return inputs, whole


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the bytes of every row of a column, (N, bytes): equal values have equal bytes."""
    if values.dtype.kind == "f":
        values = values + 0.0  # -0.0 equals 0.0
    elif values.dtype.kind not in "iu":
        values = np.unique(values, return_inverse=True)[1]
    return np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8)


def _bare(
    name: str, values: tuple[NDArray[Any], NDArray[Any]], unit_N: NDArray[np.int64], intervals: int
) -> Iterator[tuple[Bare, NDArray[np.bool_]]]:
    """Find intervals with too many test rows, and which these are; missing values lie nowhere.

    If all n + m rows are drawn alike, every order of them is as likely as another, whatever the distribution; so k
    or more of m test rows fall between two given neighbours of n training rows with probability
    m (m-1) ... (m-k+1) / ((n+m) (n+m-1) ... (n+m-k+1)). Bonferroni's bound allows for the many intervals. Rows of one
    unit (of a group, or equal ones) count once.
    """
    train_n, test_m = values
    unit_n, unit_m = unit_N[: len(train_n)], unit_N[len(train_n) :]
    known_n, known_m = ~np.isnan(train_n), ~np.isnan(test_m)
    edge = np.unique(train_n[known_n])
    last = len(edge)
    n, m = len(np.unique(unit_n[known_n])), len(np.unique(unit_m[known_m]))
    place_m = np.searchsorted(edge, test_m)
    place_m = np.where(known_m & (edge[np.minimum(place_m, last - 1)] != test_m), place_m, -1)
    count_I = np.bincount(place_m[place_m >= 0], minlength=last + 1)
    pair_U2 = np.unique(np.stack((place_m, unit_m), axis=1)[place_m >= 0], axis=0)
    drawn_I = np.bincount(pair_U2[:, 0], minlength=last + 1)
    k = np.arange(m)
    chance_k = np.exp(np.concatenate(([0.0], np.cumsum(np.log(m - k) - np.log(n + m - k)))))
    for interval in np.flatnonzero(chance_k[drawn_I] * intervals < LEVEL):
        low = float(edge[interval - 1]) if interval else None
        high = float(edge[interval]) if interval < last else None
        count = int(count_I[interval])
        yield (
            Bare(name, low, high, count, float(chance_k[drawn_I[interval]] * intervals)),
            place_m == interval,
        )


def _repeated_by_chance(dataset: Dataset) -> tuple[float, float]:
    """Expect so many test rows to be training rows too, and training rows to repeat an earlier one.

    Were the columns independent, and the class that of the inputs; from how often each value stands in the training
    rows beside the row it would repeat (and itself): nothing where values are all different.
    """
    if not dataset.columns:
        return 0.0, 0.0
    n = dataset.train_rows
    columns = [column.values for column in dataset.columns] + (
        [] if dataset.classes else list(dataset.targets.T)
    )
    share_N, itself_N = np.ones(dataset.rows), np.arange(dataset.rows) < n
    for value_N in columns:
        code_N = codes_of(value_N)
        count_N = np.bincount(code_N[:n], minlength=code_N.max() + 1)[code_N] - 1 - itself_N
        share_N *= np.maximum(count_N, 0) / n
    earlier_N = np.where(itself_N, np.arange(dataset.rows), n)
    repeated_N = 1 - (1 - share_N) ** earlier_N
    return float(repeated_N[n:].sum()), float(repeated_N[:n].sum())


def _unseen(dataset: Dataset) -> Iterator[tuple[str, int]]:
    """Count the test rows with a category that no training row has, input by input, where they are more than chance.

    Of as many rows drawn alike, about the share would have a new category that has a category of its own among the
    training rows (Good 1953).
    """
    for column in dataset.columns:
        if column.categorical:
            train, test = column.values[: dataset.train_rows], column.values[dataset.train_rows :]
            level_L, count_L = np.unique(train, return_counts=True)
            strange = int((~np.isin(test, level_L) & ~missing_of(test)).sum())
            alone = (1 + int((count_L == 1).sum())) / (1 + len(train))
            if strange and chance_of_count(strange, len(test), alone) < LEVEL:
                yield column.name, strange
