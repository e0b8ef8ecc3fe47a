"""Rows held out of the training rows: drawn from the project's own streams, or the latest where rows have an order.

Letters: N rows to choose from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset, Split
from shoal.data._drawn_order import drawn_order
from shoal.data._time_order import Sides, Timeline
from shoal.errors import DataError, Problem
from shoal.streams import Role, StreamKey
from shoal.wording import counted

TEST_SPLIT: Final = 2**32 - 1
"""The split number whose stream draws test rows, which no fold ever has."""


def holdout_split(
    dataset: Dataset,
    rows: Sequence[int] | NDArray[np.int64],
    share: float,
    key: StreamKey,
    label: str,
    stream: int,
) -> Split:
    """Hold the share `share` of the training rows `rows` out for validation.

    Whole groups where the data set has groups; else stratified by class in classification, so that every
    class of `rows` is still trained on. Where rows have times, the latest, whole groups if there are any: of the others
    those are trained on that come before the data set's gap. A share of 0 holds nothing out.

    Raises DataError where not at least one row is left on each side.
    """
    rows_N = np.sort(np.asarray(rows, dtype=np.int64))
    if share == 0:
        return Split(label, stream, rows_N, rows_N[:0])
    if dataset.times is not None:
        groups = None if dataset.groups is None else dataset.groups[rows_N]
        try:
            train, latest = latest_rows(dataset.times[rows_N], share, groups, dataset.gap)
        except DataError as error:
            raise DataError(f"{label}: {error.problems[0].what}") from error
        return Split(label, stream, rows_N[train], rows_N[latest])
    labels = dataset.targets[rows_N] if dataset.task == "classification" else None
    groups = None if dataset.groups is None else dataset.groups[rows_N]
    held_N = draw_share(len(rows_N), share, key, labels, groups)
    if not held_N.any() or held_N.all():
        raise DataError(
            f"{label}: expected a share that leaves at least one row to train on and one to hold out,"
            f" got {share} of {counted(len(rows_N), 'row')}"
        )
    return Split(label, stream, rows_N[~held_N], rows_N[held_N])


def latest_rows(
    time_N: NDArray[np.float64], share: float, groups: NDArray[Any] | None = None, gap: int = 0
) -> Sides:
    """Part the latest rows, `share` of all, from those before them and their gap; no time is on both sides.

    Raises DataError where not at least one row is left on each side.
    """
    line = Timeline.of(time_N, groups)
    earlier, latest = line.latest(share, gap)
    if not len(latest):
        noun = "row" if groups is None else "group"
        what = f"expected {noun}s at times that part {share} of them from earlier ones"
        before = f", {counted(gap, noun)} before them left out" if gap else ""
        got = f"{counted(line.units, noun)} at {counted(line.moments, 'different time')}"
        raise DataError(Problem("data.test_share", f"{what}{before}, got {got}"))
    return earlier, latest


def draw_test_rows(
    count: int, share: float, seed: int, labels: NDArray[Any] | None, groups: NDArray[Any] | None
) -> NDArray[np.bool_]:
    """Draw which rows are test rows where no test rows are given; a mask of shape (N,).

    Raises DataError where not at least one row is left on each side.
    """
    held_N = draw_share(count, share, StreamKey(seed, TEST_SPLIT, 0), labels, groups)
    if not held_N.any() or held_N.all():
        what = "expected a share that leaves at least one training and one test row"
        raise DataError(Problem("data.test_share", f"{what}, got {share} of {counted(count, 'row')}"))
    return held_N


def draw_share(
    count: int, share: float, key: StreamKey, labels: NDArray[Any] | None, groups: NDArray[Any] | None
) -> NDArray[np.bool_]:
    """Draw which of `count` rows are held out: `share` of them, rounded; a mask of shape (N,)."""
    words, held_out = key.words(Role.SPLIT), round(share * count)
    if groups is not None:
        return _whole_groups(groups, words, held_out)
    order_N = drawn_order(words, count)
    held_N = np.zeros(count, dtype=np.bool_)
    if labels is None:
        held_N[order_N[:held_out]] = True
        return held_N
    _, class_N = np.unique(labels, return_inverse=True)
    for number, quota in enumerate(_quotas(np.bincount(class_N), held_out)):
        members = order_N[class_N[order_N] == number]
        held_N[members[:quota]] = True
    return held_N


def _quotas(sizes: NDArray[np.int64], total_quota: int) -> list[int]:
    """Share `total_quota` rows out among classes in proportion (largest remainders), never a whole class."""
    total = int(sizes.sum())
    quotas = [min(total_quota * int(size) // total, int(size) - 1) for size in sizes]
    by_remainder = sorted(range(len(sizes)), key=lambda c: (-(total_quota * int(sizes[c]) % total), c))
    reachable = min(total_quota, total - len(quotas))
    while sum(quotas) < reachable:
        for number in by_remainder:
            if sum(quotas) < reachable and quotas[number] < sizes[number] - 1:
                quotas[number] += 1
    return quotas


def _whole_groups(groups: NDArray[Any], words: tuple[int, int], quota: int) -> NDArray[np.bool_]:
    """Hold out whole groups, in drawn order, while each brings the count nearer; else the smallest."""
    _, group_N = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group_N).tolist()
    held_out: list[int] = []
    count = 0
    for number in drawn_order(words, len(sizes)).tolist():
        if abs(count + sizes[number] - quota) < abs(count - quota):
            held_out.append(number)
            count += sizes[number]
    if not held_out and len(sizes) > 1 and quota:
        held_out.append(sizes.index(min(sizes)))
    return np.isin(group_N, held_out)
