"""Permuted targets: every order of rows, or of groups; test rows stay; the key alone decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import permuted_rows, with_permuted_targets
from shoal.streams import PERMUTED_STREAM, StreamKey
from studies import two_peaks


def key(number: int = 0, seed: int = 0) -> StreamKey:
    return StreamKey(seed, PERMUTED_STREAM, number)


@given(st.integers(0, 2**31), st.integers(0, 50))
def test_each_target_goes_to_one_row(seed: int, number: int) -> None:
    rows = permuted_rows(two_peaks(), key(number, seed))
    assert sorted(rows.tolist()) == list(range(100))
    assert np.array_equal(rows, permuted_rows(two_peaks(), key(number, seed)))


def test_inputs_and_test_rows_stay() -> None:
    dataset = two_peaks()
    permuted = with_permuted_targets(dataset, key())
    assert permuted.columns is dataset.columns
    assert np.array_equal(permuted.targets[100:], dataset.targets[100:])
    assert not np.array_equal(permuted.targets[:100], dataset.targets[:100])
    assert np.array_equal(np.sort(permuted.targets[:100], axis=0), np.sort(dataset.targets[:100], axis=0))


def test_groups_of_one_size_change_places_as_wholes() -> None:
    groups = np.array([f"g{k % 20:02d}" for k in range(100)])  # 20 groups of 5 rows, not beside each other
    grouped = replace(two_peaks(), groups=groups)
    places = set()
    for number in range(30):
        rows = permuted_rows(grouped, key(number))
        assert sorted(rows.tolist()) == list(range(100))
        for name in np.unique(groups):
            own = rows[groups == name]
            assert len(set(groups[own])) == 1
            assert (np.diff(own) > 0).all()
            places.add((name, groups[own[0]]))
    assert len(places) > 250  # of 400 pairs; all orders are drawn


def test_unequal_groups_are_laid_one_after_the_other() -> None:
    groups = np.array(["a"] * 50 + ["b"] * 30 + ["c"] * 20)
    rows = permuted_rows(replace(two_peaks(), groups=groups), key(1))
    assert sorted(rows.tolist()) == list(range(100))
    runs = groups[rows]
    assert np.count_nonzero(runs[1:] != runs[:-1]) == 2


def test_every_row_is_as_likely_as_any_other() -> None:
    dataset = two_peaks()
    first = [int(permuted_rows(dataset, key(number))[0]) for number in range(2000)]
    counts = np.bincount(first, minlength=100)
    assert (
        (counts - 20) ** 2 / 20
    ).sum() < 150  # chi squared with 99 degrees of freedom: beyond this in 1 of 1,000
