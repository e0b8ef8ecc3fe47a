"""Folds in order of time: equal to scikit-learn's `TimeSeriesSplit` row for row, and never trained on what is later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from fold_rows import SEEDS, dataset
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import TimeSeriesSplit

from shoal.data import (
    Dataset,
    FoldOptions,
    Split,
    holdout_split,
    make_folds,
    make_folds_within,
    make_outer_folds,
)
from shoal.errors import DataError, StudyError
from shoal.streams import StreamKey


def pairs(splits: Sequence[Split]) -> list[tuple[list[int], list[int]]]:
    return [(split.train.tolist(), split.validation.tolist()) for split in splits]


def sorted_pairs(
    found: Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> list[tuple[list[int], list[int]]]:
    return [(sorted(train.tolist()), sorted(judged.tolist())) for train, judged in found]


@st.composite
def options_in_time(draw: st.DrawFn) -> tuple[FoldOptions, int]:
    """Draw folds in order of time, and a gap."""
    size, window = draw(st.none() | st.integers(1, 9)), draw(st.none() | st.integers(1, 30))
    return FoldOptions(None, draw(st.integers(2, 6)), size=size, window=window), draw(st.integers(0, 5))


def peer(options: FoldOptions, gap: int) -> TimeSeriesSplit:
    return TimeSeriesSplit(options.n, max_train_size=options.window, test_size=options.size, gap=gap)


@given(asked=options_in_time(), rows=st.integers(2, 70), seed=SEEDS)
def test_folds_of_rows_equal_scikit_learns_in_their_order(
    asked: tuple[FoldOptions, int], rows: int, seed: int
) -> None:
    options, gap = asked
    order = np.random.default_rng(seed).permutation(rows)  # the row of each place in time
    times = np.empty(rows)
    times[order] = np.cumsum(np.random.default_rng(seed).uniform(0.1, 3, rows))
    table = dataset(rows, times=times, gap=gap)
    try:
        expected = sorted_pairs((order[a], order[b]) for a, b in peer(options, gap).split(np.zeros(rows)))
    except ValueError:
        with pytest.raises(DataError, match="expected rows to train on before"):
            make_folds(table, options)
        return
    assert pairs(make_folds(table, options)) == expected


@given(asked=options_in_time(), sizes=st.lists(st.integers(1, 5), min_size=2, max_size=40), seed=SEEDS)
def test_folds_of_groups_are_those_of_the_groups_one_after_the_other(
    asked: tuple[FoldOptions, int], sizes: list[int], seed: int
) -> None:
    """Scikit-learn's splitter on the list of groups, whose rows are then put in their place."""
    options, gap = asked
    draw = np.random.default_rng(seed)
    group_N = np.repeat(np.arange(len(sizes)), sizes)
    order = draw.permutation(len(group_N))
    times = np.arange(len(group_N), dtype=np.float64)[order]
    names = np.array([f"g{draw.permutation(len(sizes))[0]}-{number}" for number in range(len(sizes))])
    groups = names[group_N[order]]
    table = dataset(len(order), groups=groups, times=times, gap=gap)
    whole = {number: np.flatnonzero(groups == names[number]) for number in range(len(sizes))}
    try:
        expected = [
            tuple(sorted(row for number in part for row in whole[number].tolist()) for part in both)
            for both in peer(options, gap).split(np.zeros(len(sizes)))
        ]
    except ValueError:
        with pytest.raises(DataError, match="expected groups to train on before"):
            make_folds(table, options)
        return
    assert pairs(make_folds(table, options)) == expected


@st.composite
def tables(draw: st.DrawFn) -> Dataset:
    """Draw rows whose times are often equal, in groups that overlap or in none."""
    times = np.array(draw(st.lists(st.integers(0, 12), min_size=4, max_size=60)), np.float64)
    groups = None
    if draw(st.booleans()):
        groups = np.array([f"g{draw(st.integers(0, 9))}" for _ in times])
    return dataset(len(times), groups=groups, times=times, gap=draw(st.integers(0, 2)))


def assert_nothing_later_trains(table: Dataset, split: Split) -> None:
    times = np.asarray(table.times)
    assert len(split.train)
    assert len(split.validation)
    assert times[split.train].max() < times[split.validation].min()
    if table.groups is not None:
        assert set(table.groups[split.train]).isdisjoint(table.groups[split.validation])


def refused(call: Callable[[], object]) -> str:
    """Say why rows cannot be split so; nothing where they can."""
    try:
        call()
    except DataError as error:
        return str(error)
    return ""


@given(table=tables(), asked=options_in_time())
def test_no_time_and_no_group_is_on_both_sides(table: Dataset, asked: tuple[FoldOptions, int]) -> None:
    if why := refused(lambda: make_folds(table, asked[0])):
        assert re.search(r"expected (rows|groups) to train on before|expected times to part", why)
        return
    seen: set[int] = set()
    for split in make_folds(table, asked[0]):
        assert_nothing_later_trains(table, split)
        assert seen.isdisjoint(split.validation.tolist())
        seen |= set(split.validation.tolist())


@given(table=tables(), seed=SEEDS)
def test_the_order_of_the_file_and_the_unit_of_times_tell_nothing(table: Dataset, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(table.train_rows)
    times = np.asarray(table.times)
    groups = None if table.groups is None else table.groups[order]
    moved = dataset(table.train_rows, groups=groups, times=7 * times[order] - 1e6, gap=table.gap)
    options = FoldOptions(n=2)
    why = refused(lambda: make_folds(table, options))
    assert why == refused(lambda: make_folds(moved, options))
    if why:
        return
    for here, there in zip(make_folds(table, options), make_folds(moved, options), strict=True):
        assert sorted(order[there.validation]) == here.validation.tolist()
        assert sorted(times[order[there.train]]) == sorted(times[here.train])


@given(table=tables(), share=st.floats(0.05, 0.9))
def test_held_out_rows_are_the_latest(table: Dataset, share: float) -> None:
    def held_out() -> Split:
        return holdout_split(table, range(table.train_rows), share, StreamKey(0, 0, 0), "held", 0)

    if why := refused(held_out):
        assert why.startswith("held: expected ")
        return
    split, times = held_out(), np.asarray(table.times)
    assert_nothing_later_trains(table, split)
    if table.groups is not None:
        return
    aside = np.setdiff1d(np.arange(table.train_rows), [*split.train, *split.validation])
    assert len(aside) == table.gap
    assert (times[aside] < times[split.validation].min()).all()
    cuts = [first for first in np.unique(times) if (times < first).sum() > table.gap]
    quota = round(share * len(times))
    nearest = min(abs(int((times >= first).sum()) - quota) for first in cuts)
    assert abs(len(split.validation) - quota) == nearest


@given(table=tables())
def test_the_folds_within_an_outer_fold_are_in_order_too(table: Dataset) -> None:
    options = FoldOptions(n=2)
    if refused(lambda: make_outer_folds(table, options)):
        return
    for outer in make_outer_folds(table, options):
        assert_nothing_later_trains(table, outer)
        if refused(lambda: make_folds_within(table, outer, options)):  # noqa: B023  (called at once)
            continue
        for fold in make_folds_within(table, outer, options):
            assert_nothing_later_trains(table, fold)
            assert {*fold.train, *fold.validation} <= set(outer.train)


EQUAL = np.array([0, 0, 0, 0, 1, 1, 2, 2], np.float64)
STEPS = np.arange(8, dtype=np.float64)
PAIR = np.array(["a", "b"] * 4)
REFUSALS = [
    (
        dataset(8),
        FoldOptions("time"),
        "search.folds: expected data.time, or data.ordered = true, for time folds, got neither",
    ),
    (
        dataset(8, times=STEPS),
        FoldOptions("group-time"),
        "search.folds: expected the column data.groups for group-time folds, got none",
    ),
    (
        dataset(8, times=STEPS, gap=5),
        FoldOptions(n=3),
        "search.folds: expected rows to train on before 3 folds of 2 rows after a gap of 5, got 8 rows in all",
    ),
    (
        dataset(8, groups=PAIR, times=STEPS),
        FoldOptions(n=2),
        "search.folds: expected groups to train on before 2 folds of 1 group, got 2 groups in all",
    ),
    (
        dataset(8, times=EQUAL),
        FoldOptions(n=3),
        "search.folds: expected times to part rows at for 3 folds, equal ones on one side, got 3 different times of 8"
        " rows",
    ),
    (
        dataset(8, times=EQUAL * 0),
        FoldOptions(n=2),
        "search.folds: expected times to part rows at for 2 folds, equal ones on one side, got 1 different time of 8"
        " rows",
    ),
    (
        dataset(8, times=STEPS),
        FoldOptions("k-fold", 2, shuffle=False),
        "search.folds: expected every row to train on to be earlier than those that judge it, since rows have an order,"
        ' got others: fold 1 of 2 has 4 others; kind = "time" has none',
    ),
    (
        dataset(8, times=STEPS, gap=2),
        FoldOptions("TimeSeriesSplit", options={"n_splits": 2, "gap": 1}),
        "search.folds: expected the 2 rows before those that judge to be left out (data.gap), got 1 trained on in"
        ' split 1 of 2; kind = "time" leaves them out',
    ),
]


@pytest.mark.parametrize(("table", "options", "sentence"), REFUSALS)
def test_refusals(table: Dataset, options: FoldOptions, sentence: str) -> None:
    with pytest.raises((DataError, StudyError)) as error:
        make_folds(table, options)
    assert str(error.value) == sentence
