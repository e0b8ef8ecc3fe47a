"""What training and test rows have to do with each other, against counts by hand and by simulation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import Column, Coverage, Dataset, coverage, load_builtin


def dataset(columns: dict[str, Any], target: Any, train_rows: int, images: Any = None) -> Dataset:
    named = (Column(name, np.asarray(values)) for name, values in columns.items())
    return Dataset(
        name="", task="regression", columns=tuple(named), target_names=("y",),
        targets=np.asarray(target, np.float64).reshape(-1, 1), classes=(), train_rows=train_rows, groups=None,
        given_folds=None, train_fingerprint="", test_fingerprint="", source="", images=images,
    )  # fmt: skip


def test_repeated_rows_are_counted_by_inputs_and_by_inputs_and_target() -> None:
    x, kind = [1.0, 2.0, 2.0, -0.0, 0.0, 2.0, 3.0], ["a", "b", "b", "c", "c", "b", "a"]
    seen = coverage(dataset({"x": x, "kind": kind}, [1, 5, 5, 7, 7, 6, 1], train_rows=4))
    assert (seen.train_rows, seen.test_rows) == (4, 3)
    assert seen.repeated_inputs == 2  # (0, c), as -0 equals 0, and (2, b)
    assert seen.repeated_rows == 1  # (2, b) has another target
    assert seen.repeated_train == 1


def test_images_are_compared_pixel_by_pixel_and_have_no_ranges() -> None:
    images = np.zeros((5, 1, 2, 2), np.uint8)
    images[1, 0, 1, 1] = images[3, 0, 1, 1] = 9
    images[4, 0, 1, 1] = 8
    seen = coverage(dataset({}, [0, 1, 0, 1, 0], train_rows=3, images=images))
    assert (seen.repeated_inputs, seen.repeated_rows, seen.repeated_train, seen.bare) == (1, 1, 1, ())


def test_categories_that_no_training_row_has_are_counted() -> None:
    kinds = ["a", "b"] * 20 + ["a", "c", "c", "d", "b", "c"]
    seen = coverage(dataset({"kind": kinds, "same": ["z"] * 46}, range(46), train_rows=40))
    assert seen.unseen == (("kind", 4),)
    # One in three training rows has a category of its own: so have new rows, and nothing is said.
    rare = [f"rare {number}" if number % 3 == 0 else "a" for number in range(46)]
    assert coverage(dataset({"kind": rare}, range(46), train_rows=40)).unseen == ()
    # A missing cell is no category of its own: one alone makes no new ones likelier.
    lacking = ["a", "b"] * 19 + ["a", ""] + ["a"] * 7 + ["c"] * 3
    assert coverage(dataset({"kind": lacking}, range(50), train_rows=40)).unseen == (("kind", 3),)


def test_repeats_by_chance_are_expected_of_columns_of_few_values() -> None:
    rng = np.random.default_rng(0)
    few = {"a": rng.integers(0, 6, 400).astype(float), "b": rng.integers(0, 6, 400).astype(float)}
    seen = coverage(replace(dataset(few, np.zeros(400), train_rows=200), classes=("only",)))
    assert seen.repeated_by_chance == pytest.approx(seen.repeated_inputs, rel=0.05)
    many = dataset({"a": rng.normal(size=400), "b": few["b"]}, rng.normal(size=400), train_rows=200)
    assert coverage(many).repeated_by_chance == 0.0


def test_equal_rows_and_rows_of_a_group_count_once() -> None:
    x = np.concatenate((np.arange(40.0), np.full(8, 99.0), np.arange(12.0)))
    target = np.concatenate((np.arange(40), np.full(8, 3), np.arange(12)))
    assert coverage(dataset({"x": x}, target, train_rows=40)).bare == ()
    target[40:48] = np.arange(8)
    separate = dataset({"x": x}, target, train_rows=40)
    assert [one.test_rows for one in coverage(separate).bare] == [8]
    groups = {"groups": np.arange(40).astype(str), "test_groups": np.array(["40"] * 8 + ["41"] * 12)}
    assert coverage(replace(separate, **groups)).bare == ()


def test_a_gap_and_both_ends_are_found_with_their_rows() -> None:
    train = np.concatenate((np.arange(0, 50), np.arange(90, 140))).astype(np.float64)
    test = np.concatenate((np.full(20, -1.0), np.linspace(50, 89, 25), np.full(30, 150.0), [7.5, 49.0]))
    seen = coverage(
        dataset({"x": np.concatenate((train, test))}, np.arange(len(train) + len(test)), len(train))
    )
    found = {(one.low, one.high): one.test_rows for one in seen.bare}
    assert found == {(None, 0.0): 20, (49.0, 90.0): 25, (139.0, None): 30}
    assert (seen.outside_rows, seen.gap_rows) == (50, 25)
    assert [one.inside for one in seen.bare].count(True) == 1
    n, m, chance = len(train), len(test), 1.0
    for taken in range(30):
        chance *= (m - taken) / (n + m - taken)
    assert seen.bare[0].chance == pytest.approx(chance * (n + 1), rel=1e-9)


@pytest.mark.parametrize("draw", ["normal", "exponential", "integers"])
def test_rows_drawn_alike_seldom_raise_a_doubt(draw: str) -> None:
    """Whatever the distribution: of 200 data sets, at most a few have an interval below 1 %."""
    random, found = np.random.default_rng(5), 0
    for _ in range(200):
        shape = (60, 3)
        x = {"normal": random.normal(size=shape), "exponential": random.exponential(size=shape) ** 3}.get(
            draw, random.integers(0, 9, shape).astype(np.float64)
        )
        columns = {str(d): x[:, d] for d in range(3)}
        found += bool(coverage(dataset(columns, random.normal(size=60), train_rows=40)).bare)
    assert found <= 6


def test_the_built_in_curve_has_its_two_gaps() -> None:
    seen = coverage(load_builtin("two-peaks"))
    assert len(seen.bare) == 2
    for one in seen.bare:
        assert one.inside
        assert one.low is not None
        assert one.high is not None
        assert abs(one.low + one.high) / 2 == pytest.approx(2, abs=0.1)


@given(st.permutations(range(12)))
def test_the_order_of_rows_within_training_and_test_changes_nothing(order: list[int]) -> None:
    x, y = np.array([1.0, 1, 2, 3, 4, 5, 1, 2.5, 9, 9, 4, 0]), np.arange(12.0) % 3
    place = np.array([*[row for row in order if row < 6], *[row for row in order if row >= 6]])
    assert coverage(dataset({"x": x[place]}, y[place], 6)) == coverage(dataset({"x": x}, y, 6))


def test_json_gives_it_back() -> None:
    for name in ("two-peaks", "digits"):
        seen = coverage(load_builtin(name))
        assert Coverage.from_json(json.loads(json.dumps(seen.to_json()))) == seen
