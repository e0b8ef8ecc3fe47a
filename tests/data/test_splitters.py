"""What every kind of splits keeps to: a row of the table says it, and each is held to its row."""

from __future__ import annotations

import numpy as np
import pytest
from fold_rows import SEEDS, dataset
from hypothesis import given, settings

from shoal.data import Dataset, FoldOptions, divided_sentence, fold_count, make_folds, unused_rows
from shoal.data._divided_groups import divided_groups
from shoal.kinds import SPLITTERS, SplitterKind

ROWS, N, TIMES = 60, 3, 2


def contract_rows(seed: int, row: SplitterKind) -> Dataset:
    """60 rows of three classes in 20 groups, with a column of folds; of times that differ where the kind needs them."""
    draw = np.random.default_rng(seed)
    classes, groups = np.arange(ROWS) % 3, np.array([f"g{number}" for number in np.arange(ROWS) // 3])
    order = draw.permutation(ROWS)
    times = draw.permutation(ROWS).astype(np.float64) if row.by_time else None
    return dataset(ROWS, classes[order], groups[draw.permutation(ROWS)], np.arange(ROWS) % 4 - 1, times)


@pytest.mark.parametrize("kind", SPLITTERS)
@given(seed=SEEDS)
@settings(max_examples=10)
def test_every_kind_parts_the_rows_and_names_its_splits(kind: str, seed: int) -> None:
    row = SPLITTERS[kind]
    table, count = contract_rows(seed, row), 20 if row.draws == "groups" else N
    options = FoldOptions(kind, N, TIMES if row.repeats else 1, share=0.25, seed=seed)
    splits = make_folds(table, options)
    assert len(splits) == fold_count(table, options) == count * options.times
    assert [split.stream for split in splits] == list(range(len(splits)))
    assert len({split.label for split in splits}) == len(splits)
    rounds = range(2 if row.repeats else 1)
    ends = [
        f", round {number + 1} of {TIMES}" if row.repeats else "" for number in rounds for _ in range(count)
    ]
    numbers = [number % count + 1 for number in range(len(splits))]
    assert [split.label for split in splits] == [
        f"{row.noun} {number} of {count}{end}" for number, end in zip(numbers, ends, strict=True)
    ]
    for split in splits:
        parts = [*split.train, *split.validation, *unused_rows(split, ROWS)]
        assert sorted(parts) == list(range(ROWS))
        assert row.by_time or len(split.train) + len(split.validation) == ROWS
    held = [
        np.concatenate([split.validation for split in splits[i : i + count]])
        for i in range(0, len(splits), count)
    ]
    if row.draws in ("folds", "groups"):
        assert all(sorted(rows) == list(range(ROWS)) for rows in held)
        drawn = {tuple(rows.tolist()) for rows in held}
        assert len(drawn) == options.times
    elif row.draws == "splits":
        assert {len(split.validation) for split in splits} == {15}
    elif row.draws == "time":
        assert len(set(held[0])) == len(held[0])
        assert all(table.times[split.train].max() < table.times[split.validation].min() for split in splits)
    else:
        assert sorted(held[0]) == [number for number in range(ROWS) if number % 4]


@pytest.mark.parametrize("kind", [kind for kind, row in SPLITTERS.items() if row.by_group])
@pytest.mark.parametrize("shuffle", [True, False])
@given(seed=SEEDS)
@settings(max_examples=10)
def test_groups_are_never_on_both_sides(kind: str, shuffle: bool, seed: int) -> None:
    table = contract_rows(seed, SPLITTERS[kind])
    splits = make_folds(table, FoldOptions(kind, N, TIMES, shuffle=shuffle, seed=seed))
    groups = np.asarray(table.groups)
    for split in splits:
        assert set(groups[split.train]).isdisjoint(groups[split.validation])
    unused = [unused_rows(split, ROWS) for split in splits]
    assert divided_groups(groups, [split.validation for split in splits], unused) == 0


@pytest.mark.parametrize("kind", [kind for kind, row in SPLITTERS.items() if row.by_class])
@given(seed=SEEDS)
@settings(max_examples=10)
def test_the_share_of_each_class_is_held(kind: str, seed: int) -> None:
    draw, sizes = np.random.default_rng(seed), [40, 20, 9]
    classes = draw.permutation(np.repeat(np.arange(3), sizes))
    own = np.array([f"row {number}" for number in range(len(classes))])
    for split in make_folds(dataset(len(classes), classes, own), FoldOptions(kind, N, TIMES, seed=seed)):
        counts = np.bincount(classes[split.validation], minlength=3)
        assert (np.abs(counts - np.array(sizes) / N) < 1).all()


def test_every_kind_that_groups_has_its_like_that_does_not() -> None:
    rows = [row for row in SPLITTERS.values() if row.draws == "folds"]
    facts = [(row.by_class, row.by_group, row.repeats) for row in rows]
    assert len(facts) == len(set(facts)) == 8


def test_groups_on_both_sides_are_counted() -> None:
    groups = np.array(["a", "a", "b", "b", "c"])
    assert divided_groups(groups, [np.array([0, 1]), np.array([2, 3]), np.array([4])]) == 0
    assert divided_groups(groups, [np.array([0, 2]), np.array([1, 3, 4])]) == 2
    # Rows that are always trained on are on the other side, too.
    assert divided_groups(groups, [np.array([0])]) == 1
    assert divided_groups(groups, []) == 0
    # Those that a fold leaves aside are on no side.
    assert divided_groups(groups, [np.array([0])], [np.array([1])]) == 0
    assert divided_groups(groups, [np.array([0])], [np.array([2, 3])]) == 1


@pytest.mark.parametrize("kind", SPLITTERS)
def test_the_kind_that_is_proposed_keeps_groups_and_all_else(kind: str) -> None:
    groups, row = np.array(["a", "a", "b"]), SPLITTERS[kind]
    assert divided_sentence(groups, [np.array([0, 1]), np.array([2])], kind) == ""
    sentence = divided_sentence(groups, [np.array([0])], kind)
    proposed = SPLITTERS[sentence.split('"')[1]]
    assert proposed.by_group
    assert (proposed.by_class, proposed.repeats, proposed.by_time) == (row.by_class, row.repeats, row.by_time)
