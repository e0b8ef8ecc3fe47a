"""Folds equal scikit-learn's, row for row; holdouts are drawn from our own streams."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
import sklearn
from fold_rows import SEEDS, dataset
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import model_selection as oracle
from sklearn.utils import check_random_state
from sklearn.utils.fixes import parse_version

from shoal.data import (
    Dataset,
    FoldOptions,
    Split,
    holdout_split,
    make_folds,
)
from shoal.errors import DataError, StudyError
from shoal.streams import StreamKey

INSTALLED = parse_version(sklearn.__version__)
OF_STABLE, OF_SHUFFLED = parse_version("1.9"), parse_version("1.8")


def assert_equal(
    splits: tuple[Split, ...], expected: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> None:
    expected = list(expected)
    assert len(splits) == len(expected)
    for number, (split, (train, validation)) in enumerate(zip(splits, expected, strict=True)):
        assert split.stream == number
        assert split.train.tolist() == sorted(train)
        assert split.validation.tolist() == sorted(validation)


@given(n=st.integers(2, 12), extra=st.integers(0, 60), shuffle=st.booleans(), seed=SEEDS)
def test_k_fold(n: int, extra: int, shuffle: bool, seed: int) -> None:
    x = np.zeros(n + extra)
    splits = make_folds(dataset(len(x)), FoldOptions(None, n, shuffle=shuffle, seed=seed))
    assert_equal(splits, oracle.KFold(n, shuffle=shuffle, random_state=seed if shuffle else None).split(x))


@st.composite
def class_numbers(draw: st.DrawFn, n: int) -> NDArray[np.int64]:
    sizes = draw(st.lists(st.integers(n, 20), min_size=2, max_size=5))
    return np.array(draw(st.permutations([c for c, size in enumerate(sizes) for _ in range(size)])))


@given(data=st.data(), n=st.integers(2, 7), shuffle=st.booleans(), seed=SEEDS)
def test_stratified(data: st.DataObject, n: int, shuffle: bool, seed: int) -> None:
    classes = data.draw(class_numbers(n))
    splits = make_folds(dataset(len(classes), classes), FoldOptions(None, n, shuffle=shuffle, seed=seed))
    splitter = oracle.StratifiedKFold(n, shuffle=shuffle, random_state=seed if shuffle else None)
    assert_equal(splits, splitter.split(np.zeros(len(classes)), classes))


@given(
    groups=st.lists(st.sampled_from("abcdefghijklm"), min_size=3).filter(lambda g: len(set(g)) > 2),
    data=st.data(),
    shuffle=st.booleans(),
    seed=SEEDS,
)
def test_grouped(groups: list[str], data: st.DataObject, shuffle: bool, seed: int) -> None:
    n = data.draw(st.integers(2, len(set(groups))))
    splits = make_folds(
        dataset(len(groups), groups=np.array(groups)), FoldOptions(None, n, shuffle=shuffle, seed=seed)
    )
    splitter = oracle.GroupKFold(n, shuffle=shuffle, random_state=seed if shuffle else None)
    # Before 1.9 scikit-learn's sort was unstable: the order of groups of one size hung on the processor.
    stable = partial(np.argsort, kind="stable") if INSTALLED < OF_STABLE else np.argsort
    with patch("numpy.argsort", stable):
        expected = list(splitter.split(np.zeros(len(groups)), groups=groups))
    assert_equal(splits, expected)


@given(n=st.integers(2, 6), times=st.integers(1, 4), extra=st.integers(0, 40), seed=SEEDS)
def test_repeated(n: int, times: int, extra: int, seed: int) -> None:
    x = np.zeros(n + extra)
    splits = make_folds(dataset(len(x)), FoldOptions("repeated", n, times, seed=seed))
    assert_equal(splits, oracle.RepeatedKFold(n_splits=n, n_repeats=times, random_state=seed).split(x))


@given(data=st.data(), n=st.integers(2, 5), times=st.integers(1, 3), seed=SEEDS)
def test_repeated_stratified(data: st.DataObject, n: int, times: int, seed: int) -> None:
    classes = data.draw(class_numbers(n))
    splits = make_folds(
        dataset(len(classes), classes), FoldOptions("repeated-stratified", n, times, seed=seed)
    )
    splitter = oracle.RepeatedStratifiedKFold(n_splits=n, n_repeats=times, random_state=seed)
    assert_equal(splits, splitter.split(np.zeros(len(classes)), classes))


def repeated(
    make: Callable[..., oracle.BaseCrossValidator], n: int, times: int, seed: int
) -> Iterator[oracle.BaseCrossValidator]:
    """The rounds of a splitter as scikit-learn's _RepeatedSplits makes them: one generator is handed on."""
    random = np.random.RandomState(seed)
    for _ in range(times):
        yield make(n, shuffle=True, random_state=random)


@given(
    groups=st.lists(st.sampled_from("abcdefghijklm"), min_size=3).filter(lambda g: len(set(g)) > 2),
    data=st.data(),
    times=st.integers(1, 3),
    seed=SEEDS,
)
def test_repeated_grouped(groups: list[str], data: st.DataObject, times: int, seed: int) -> None:
    n, x = data.draw(st.integers(2, len(set(groups)))), np.zeros(len(groups))
    splits = make_folds(
        dataset(len(groups), groups=np.array(groups)), FoldOptions("repeated-grouped", n, times, seed=seed)
    )
    rounds = repeated(oracle.GroupKFold, n, times, seed)
    assert_equal(splits, [pair for splitter in rounds for pair in splitter.split(x, groups=groups)])


@st.composite
def classes_in_groups(draw: st.DrawFn) -> tuple[int, NDArray[np.int64], NDArray[np.str_]]:
    """Draw folds, classes that as many groups have as there are folds at the least, and groups of any size."""
    n, classes = draw(st.integers(2, 9)), draw(st.integers(1, 10))
    names = st.sampled_from([f"g{number}" for number in range(n + draw(st.integers(0, 12)))])
    own = [(code, f"g{(code + number) % n}") for code in range(classes) for number in range(n)]
    more = draw(st.lists(st.tuples(st.integers(0, classes - 1), names), max_size=60))
    rows = draw(st.permutations(own + more))
    return n, np.array([code for code, _ in rows]), np.array([name for _, name in rows])


def stratified_grouped(
    splitter: oracle.StratifiedGroupKFold, classes: NDArray[np.int64], groups: NDArray[np.str_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """scikit-learn's folds. Before 1.8 shuffled ones held other groups than were dealt out: it shuffled counts alone.

    There the groups are numbered in their shuffled order, which those folds are meant to be of.
    """
    if splitter.shuffle and INSTALLED < OF_SHUFFLED:
        group_N = np.unique(groups, return_inverse=True)[1]
        order_G = np.arange(group_N.max() + 1)
        check_random_state(splitter.random_state).shuffle(order_G)
        groups, splitter = np.argsort(order_G)[group_N], oracle.StratifiedGroupKFold(splitter.n_splits)
    return splitter.split(classes, classes, groups)


@given(drawn=classes_in_groups(), shuffle=st.booleans(), seed=SEEDS)
def test_stratified_grouped(
    drawn: tuple[int, NDArray[np.int64], NDArray[np.str_]], shuffle: bool, seed: int
) -> None:
    n, classes, groups = drawn
    splits = make_folds(
        dataset(len(classes), classes, groups),
        FoldOptions("stratified-grouped", n, shuffle=shuffle, seed=seed),
    )
    splitter = oracle.StratifiedGroupKFold(n, shuffle=shuffle, random_state=seed if shuffle else None)
    assert_equal(splits, stratified_grouped(splitter, classes, groups))


@given(drawn=classes_in_groups(), times=st.integers(1, 3), seed=SEEDS)
def test_repeated_stratified_grouped(
    drawn: tuple[int, NDArray[np.int64], NDArray[np.str_]], times: int, seed: int
) -> None:
    n, classes, groups = drawn
    splits = make_folds(
        dataset(len(classes), classes, groups),
        FoldOptions("repeated-stratified-grouped", n, times, seed=seed),
    )
    rounds = repeated(oracle.StratifiedGroupKFold, n, times, seed)
    assert_equal(
        splits, [pair for splitter in rounds for pair in stratified_grouped(splitter, classes, groups)]
    )


@pytest.mark.parametrize("shuffle", [False, True])
def test_stratified_grouped_of_many_groups(shuffle: bool) -> None:
    draw = np.random.default_rng(0)
    classes, groups = draw.integers(7, size=3000), draw.integers(400, size=3000).astype(str)
    options = FoldOptions("stratified-grouped", 5, shuffle=shuffle)
    splitter = oracle.StratifiedGroupKFold(5, shuffle=shuffle, random_state=0 if shuffle else None)
    assert_equal(
        make_folds(dataset(3000, classes, groups), options), stratified_grouped(splitter, classes, groups)
    )


@given(rows=st.integers(2, 80), share=st.floats(0.01, 0.99), n=st.integers(2, 5), seed=SEEDS)
def test_shuffle(rows: int, share: float, n: int, seed: int) -> None:
    options = FoldOptions("shuffle", n, share=share, seed=seed)
    if math.ceil(share * rows) >= rows:
        with pytest.raises(DataError):
            make_folds(dataset(rows), options)
        return
    expected = oracle.ShuffleSplit(n, test_size=share, random_state=seed).split(np.zeros(rows))
    assert_equal(make_folds(dataset(rows), options), expected)


@given(groups=st.lists(st.sampled_from("abcdefghijklm"), min_size=2).filter(lambda g: len(set(g)) > 1))
def test_leave_one_group_out(groups: list[str]) -> None:
    splits = make_folds(dataset(len(groups), groups=np.array(groups)), FoldOptions("leave-one-group-out"))
    assert_equal(splits, oracle.LeaveOneGroupOut().split(np.zeros(len(groups)), groups=groups))


@given(folds=st.lists(st.integers(-1, 4), min_size=2).filter(lambda f: len(set(f)) > 1))
def test_given(folds: list[int]) -> None:
    _, numbered = np.unique([-1, *folds], return_inverse=True)
    numbers = numbered[1:] - 1
    splits = make_folds(dataset(len(folds), folds=numbers), FoldOptions("given"))
    assert_equal(splits, oracle.PredefinedSplit(numbers).split())


def test_a_kind_that_is_unknown_raises() -> None:
    with pytest.raises(StudyError) as caught:
        make_folds(dataset(9), FoldOptions("leave-out"))
    assert str(caught.value).startswith("search.folds.kind: expected ")


def test_labels_for_people() -> None:
    assert [s.label for s in make_folds(dataset(9), FoldOptions(n=3))] == [
        "fold 1 of 3",
        "fold 2 of 3",
        "fold 3 of 3",
    ]
    assert make_folds(dataset(9), FoldOptions("repeated", 3, 2))[4].label == "fold 2 of 3, round 2 of 2"
    assert make_folds(dataset(9), FoldOptions("shuffle", 4))[3].label == "split 4 of 4"


def test_seeds_above_32_bits_are_seeds_of_their_own() -> None:
    firsts = {
        tuple(make_folds(dataset(40), FoldOptions(seed=seed))[0].validation)
        for seed in (5, 5 + 2**32, 5 + 2**33)
    }
    assert len(firsts) == 3


FEW = np.array([0] * 5 + [1] * 2 + [2] * 1)
MANY = np.repeat(np.arange(12), 2)
PAIR = np.array(["a", "b"] * 5)
REFUSALS = [
    (
        dataset(4, groups=np.array(["a"] * 4)),
        FoldOptions("leave-one-group-out"),
        ["search.folds: expected at least 2 groups for leave-one-group-out folds, got 1"],
    ),
    (dataset(4), FoldOptions(n=5), ["search.folds: expected at most 4 folds (the training rows), got 5"]),
    (
        dataset(8, FEW),
        FoldOptions(n=9),
        ["search.folds: expected at most 8 folds (the training rows), got 9"],
    ),
    (
        dataset(8, FEW),
        FoldOptions(n=3),
        [
            'search.folds: expected at least 3 training rows of every class for 3 folds, got 2 of class "c1"; '
            'kind = "k-fold" draws folds that may lack a class',
            'search.folds: expected at least 3 training rows of every class for 3 folds, got 1 of class "c2"; '
            'kind = "k-fold" draws folds that may lack a class',
        ],
    ),
    (
        dataset(24, MANY),
        FoldOptions(n=3),
        [
            "search.folds: expected at least 3 training rows of every class for 3 folds, got fewer of "
            '"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9" and 2 more; '
            'kind = "k-fold" draws folds that may lack a class'
        ],
    ),
    (
        dataset(9),
        FoldOptions("stratified"),
        ["search.folds: expected classes for stratified folds, got a regression"],
    ),
    (
        dataset(9),
        FoldOptions("grouped"),
        ["search.folds: expected the column data.groups for grouped folds, got none"],
    ),
    (
        dataset(10, groups=PAIR),
        FoldOptions("grouped", 3),
        ["search.folds: expected at most 2 folds (the groups of the training rows), got 3"],
    ),
    (
        dataset(9, groups=np.array(list("aabbccdde"))),
        FoldOptions("repeated-grouped", 6, 2),
        ["search.folds: expected at most 5 folds (the groups of the training rows), got 6"],
    ),
    (
        dataset(8, FEW, np.array(list("abcdefgh"))),
        FoldOptions("stratified"),
        [
            'search.folds: expected at least 3 training rows of every class for 3 folds, got 2 of class "c1"; '
            'kind = "grouped" draws folds that may lack a class',
            'search.folds: expected at least 3 training rows of every class for 3 folds, got 1 of class "c2"; '
            'kind = "grouped" draws folds that may lack a class',
        ],
    ),
    (
        dataset(8, np.array([0] * 4 + [1] * 4), np.array(list("abcdeeff"))),
        FoldOptions("stratified-grouped"),
        [
            'search.folds: expected at least 3 groups with every class for 3 folds, got 2 of class "c1"; '
            'kind = "grouped" draws folds that may lack a class'
        ],
    ),
    (
        dataset(8, FEW),
        FoldOptions("repeated-stratified-grouped", times=2),
        ["search.folds: expected the column data.groups for repeated-stratified-grouped folds, got none"],
    ),
    (
        dataset(9),
        FoldOptions("given"),
        ["search.folds: expected a column of folds for given folds, got none"],
    ),
    (
        dataset(3),
        FoldOptions("shuffle", share=0.9),
        [
            "search.folds.share: expected a share that leaves at least one row to train on and one to validate on,"
            " got 0.9 of 3 rows"
        ],
    ),
]


@pytest.mark.parametrize(("rows", "options", "sentences"), REFUSALS)
def test_folds_that_cannot_be(rows: Dataset, options: FoldOptions, sentences: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        make_folds(rows, options)
    assert str(caught.value).splitlines() == sentences


@given(
    rows=st.lists(st.integers(0, 199), unique=True, min_size=2),
    share=st.floats(0, 0.99),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_holdout_parts_the_given_rows(rows: list[int], share: float, seed: int) -> None:
    wanted = round(share * len(rows))
    if share > 0 and not 0 < wanted < len(rows):
        with pytest.raises(DataError):
            holdout_split(dataset(200), rows, share, StreamKey(seed, 1, 2), "v", 1)
        return
    split = holdout_split(dataset(200), rows, share, StreamKey(seed, 1, 2), "validation", 1)
    again = holdout_split(dataset(200), rows[::-1], share, StreamKey(seed, 1, 2), "validation", 1)
    assert split.validation.tolist() == again.validation.tolist()
    assert sorted([*split.train, *split.validation]) == sorted(rows)
    assert split.train.tolist() == sorted(split.train)
    assert split.validation.tolist() == sorted(split.validation)
    assert len(split.validation) == wanted
    assert (split.label, split.stream) == ("validation", 1)


@given(data=st.data(), share=st.floats(0.1, 0.9), seed=SEEDS)
def test_a_stratified_holdout_keeps_every_class_in_training_and_its_share(
    data: st.DataObject, share: float, seed: int
) -> None:
    classes = data.draw(class_numbers(3))
    split = holdout_split(
        dataset(len(classes), classes), np.arange(len(classes)), share, StreamKey(seed, 0, 0), "v", 0
    )
    sizes = np.bincount(classes)
    held = np.bincount(classes[split.validation], minlength=len(sizes))
    assert (held < sizes).all()
    room = sizes - 1 >= share * sizes
    assert (np.abs(held - share * sizes)[room] < 2).all()
    assert len(split.validation) == min(round(share * len(classes)), int((sizes - 1).sum()))


@given(groups=st.lists(st.sampled_from("abcdef"), min_size=4), share=st.floats(0.2, 0.8), seed=SEEDS)
def test_a_holdout_keeps_groups_whole(groups: list[str], share: float, seed: int) -> None:
    table = dataset(len(groups), groups=np.array(groups))
    if len(set(groups)) < 2:
        with pytest.raises(DataError):
            holdout_split(table, np.arange(len(groups)), share, StreamKey(seed, 0, 0), "v", 0)
        return
    try:
        split = holdout_split(table, np.arange(len(groups)), share, StreamKey(seed, 0, 0), "v", 0)
    except DataError:
        assert share > 0.5  # every group brought the count nearer
        return
    held = {groups[row] for row in split.validation}
    assert held
    assert held.isdisjoint({groups[row] for row in split.train})


def test_holdouts_of_other_keys_differ() -> None:
    held = {
        tuple(holdout_split(dataset(100), np.arange(100), 0.2, key, "v", 0).validation)
        for key in (StreamKey(0, 0, 0), StreamKey(1, 0, 0), StreamKey(0, 1, 0), StreamKey(0, 0, 1))
    }
    assert len(held) == 4


def test_a_holdout_that_leaves_nothing() -> None:
    with pytest.raises(DataError) as caught:
        holdout_split(dataset(9), [1, 2], 0.2, StreamKey(0, 0, 0), "training.validation", 0)
    assert str(caught.value) == (
        "training.validation: expected a share that leaves at least one row to train on and one to hold out,"
        " got 0.2 of 2 rows"
    )
