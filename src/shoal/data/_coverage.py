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

from shoal.cores import spread
from shoal.data._dataset import Column, Dataset
from shoal.data._distinct import codes_of, distinct, in_order, row_codes
from shoal.data._row_check import chance_of_count, units

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
    inputs = _input_parts(dataset)
    targets = [dataset.targets.reshape(-1)] if dataset.classes else list(dataset.targets.T)
    input_N, row_N = row_codes(inputs, targets)
    repeated_rows, repeated_train = _count_known(row_N, n)
    numeric = [column for column in dataset.columns if not column.categorical]
    edges = spread(lambda column: distinct(column.values[:n]), numeric, n)
    edges = [edge_L[: len(edge_L) - int(np.isnan(edge_L[-1:]).sum())] for edge_L in edges]
    intervals = sum(len(edge_L) + 1 for edge_L in edges)
    # Were a column's training values all different, no row would repeat another by chance.
    alone = any(len(edge_L) == n for edge_L in edges)
    test_chance, train_chance = (0.0, 0.0) if alone else _repeated_by_chance(dataset)
    unit_N = units(dataset) if dataset.test_groups is not None else row_N
    counted = _units_of(unit_N, n, np.ones(dataset.rows, np.bool_))

    def look(place: int) -> tuple[list[Bare], NDArray[np.bool_]]:
        """Give the bare intervals of a column, and which test rows are outside of its values, and in gaps, (2, m)."""
        bare: list[Bare] = []
        rows_2m = np.zeros((2, m), np.bool_)
        for interval, inside_m in _bare(numeric[place], n, edges[place], unit_N, intervals, counted):
            bare.append(interval)
            rows_2m[int(interval.inside)] |= inside_m
        return bare, rows_2m

    looks = spread(look, range(len(numeric)), n)
    bare = [interval for intervals_of_one, _ in looks for interval in intervals_of_one]
    outside_m, gap_m = np.any([np.zeros((2, m), np.bool_), *(rows_2m for _, rows_2m in looks)], axis=0)
    return Coverage(
        train_rows=n,
        test_rows=m,
        repeated_inputs=_count_known(input_N, n)[0],
        repeated_rows=repeated_rows,
        repeated_train=repeated_train,
        outside_rows=int(outside_m.sum()),
        gap_rows=int(gap_m.sum()),
        bare=tuple(sorted(bare, key=lambda interval: interval.chance)[:_MOST]),
        unseen=tuple(_unseen(dataset)),
        repeated_by_chance=test_chance,
        repeated_train_by_chance=train_chance,
    )


def _input_parts(dataset: Dataset) -> list[NDArray[Any]]:
    """Give what tells the inputs of rows apart, arrays (N,): columns, or the digest of each image."""
    if dataset.images is None:
        numbers_first = sorted(dataset.columns, key=lambda column: column.categorical)
        return [column.codes[1] if column.categorical else column.values for column in numbers_first]
    digests = (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in dataset.images)
    return list(np.frombuffer(b"".join(digests), np.uint64).reshape(dataset.rows, 2).T)


def _count_known(code_N: NDArray[np.int64], train_rows: int) -> tuple[int, int]:
    """Count the test rows whose number a training row has, and the training rows with that of an earlier one."""
    known = np.zeros(code_N.max() + 1, np.bool_)
    known[code_N[:train_rows]] = True
    return int(known[code_N[train_rows:]].sum()), train_rows - int(known.sum())


def _units_of(unit_N: NDArray[np.int64], train_rows: int, known_N: NDArray[np.bool_]) -> tuple[int, int]:
    """Count the units of the training rows and of the test rows that are known."""
    sides = slice(train_rows), slice(train_rows, None)
    n, m = (np.count_nonzero(np.bincount(unit_N[side][known_N[side]])) for side in sides)
    return int(n), int(m)


def _bare(
    column: Column,
    train_rows: int,
    edge_L: NDArray[np.float64],
    unit_N: NDArray[np.int64],
    intervals: int,
    counted: tuple[int, int],
) -> Iterator[tuple[Bare, NDArray[np.bool_]]]:
    """Find intervals with too many test rows, and which these are; missing values lie nowhere.

    `edge_L` are the different training values, in their order; `counted` are the units of training and test rows.
    If all n + m rows are drawn alike, every order of them is as likely as another, whatever the distribution; so k
    or more of m test rows fall between two given neighbours of n training rows with probability
    m (m-1) ... (m-k+1) / ((n+m) (n+m-1) ... (n+m-k+1)). Bonferroni's bound allows for the many intervals. Rows of one
    unit (of a group, or equal ones) count once.
    """
    test_m, unit_m, last = column.values[train_rows:], unit_N[train_rows:], len(edge_L)
    known_N = ~np.isnan(column.values)
    known_m = known_N[train_rows:]
    n, m = counted if known_N.all() else _units_of(unit_N, train_rows, known_N)
    sorted_m = in_order(test_m)[: int(np.count_nonzero(known_m))]
    count_I = _between(edge_L, sorted_m)
    most = min(int(count_I.max()), m)
    k = np.arange(most)
    chance_k = np.exp(np.concatenate(([0.0], np.cumsum(np.log(m - k) - np.log(n + m - k)))))
    if chance_k[most] * intervals >= LEVEL:  # there are no more units than rows
        return
    place_m = np.searchsorted(edge_L, test_m)
    place_m = np.where(known_m & (edge_L[np.minimum(place_m, last - 1)] != test_m), place_m, -1)
    units = int(unit_m.max(initial=0)) + 1
    pair_U = distinct(place_m[place_m >= 0] * units + unit_m[place_m >= 0])
    drawn_I = np.bincount(pair_U // units, minlength=last + 1)
    for interval in np.flatnonzero(chance_k[drawn_I] * intervals < LEVEL):
        low = float(edge_L[interval - 1]) if interval else None
        high = float(edge_L[interval]) if interval < last else None
        count = int(count_I[interval])
        yield (
            Bare(column.name, low, high, count, float(chance_k[drawn_I[interval]] * intervals)),
            place_m == interval,
        )


def _between(edge_L: NDArray[np.float64], sorted_m: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the values between neighbouring edges, below the lowest and above the highest, (L + 1,).

    Numbers in their order are looked up several times as fast as others.
    """
    place_m = np.searchsorted(edge_L, sorted_m)
    apart_m = edge_L[np.minimum(place_m, len(edge_L) - 1)] != sorted_m
    return np.bincount(place_m[apart_m], minlength=len(edge_L) + 1)


def _repeated_by_chance(dataset: Dataset) -> tuple[float, float]:
    """Expect so many test rows to be training rows too, and training rows to repeat an earlier one.

    Were the columns independent, and the class that of the inputs; from how often each value stands in the training
    rows beside the row it would repeat (and itself): nothing where values are all different.
    """
    if not dataset.columns:
        return 0.0, 0.0
    n = dataset.train_rows
    values = _input_parts(dataset) + ([] if dataset.classes else list(dataset.targets.T))
    share_N, itself_N = np.ones(dataset.rows), np.arange(dataset.rows) < n
    for value_N in values:
        code_N = codes_of(value_N)
        count_N = np.bincount(code_N[:n], minlength=code_N.max() + 1)[code_N] - 1 - itself_N
        share_N *= np.maximum(count_N, 0) / n
        if not share_N.any():
            return 0.0, 0.0
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
            trained = column.counts(slice(dataset.train_rows))
            tested = column.counts(slice(dataset.train_rows, None))
            strange = sum(count for text, count in tested.items() if text and text not in trained)
            single = sum(count == 1 for text, count in trained.items() if text)
            alone = (1 + single) / (1 + dataset.train_rows)
            if strange and chance_of_count(strange, dataset.rows - dataset.train_rows, alone) < LEVEL:
                yield column.name, strange
