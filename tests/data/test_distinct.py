"""The different values of columns and rows, beside numpy's and Python's own."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from shoal.data._distinct import codes_of, distinct, in_order, row_codes
from shoal.data._drawn_order import MANY, drawn_order
from shoal.streams import permutation

VALUES = st.one_of(
    st.lists(st.sampled_from([0.0, -0.0, 1.5, np.nan, -np.inf, np.inf]), max_size=9).map(
        lambda values: np.array(values, np.float64)
    ),
    arrays.arrays(np.int64, st.integers(0, 9), elements=st.integers(-3, 3)),
    st.lists(st.text("ab\u00e9", max_size=2), max_size=9).map(lambda texts: np.array(texts, np.str_)),
)


@given(VALUES)
def test_values_and_their_numbers_are_those_of_numpy(values: NDArray[np.float64]) -> None:
    levels, codes = np.unique(values, return_inverse=True)
    assert distinct(values).dtype == values.dtype
    np.testing.assert_array_equal(distinct(values), levels)
    assert codes_of(values).tolist() == codes.tolist()


@given(
    st.integers(1, 3), st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=12)
)
def test_rows_have_one_number_where_they_are_equal(width: int, rows: list[list[int]]) -> None:
    table = np.array(rows)[:, :width]
    kinds = (np.float64, np.int64, np.str_)
    columns = [table[:, place].astype(kinds[place]) for place in range(width)]
    for few in range(1, width + 1):
        parts = table[:, :few], table
        for part, codes in zip(parts, row_codes(columns[:few], columns[few:]), strict=True):
            for row, code in zip(part.tolist(), codes.tolist(), strict=True):
                assert (codes == code).tolist() == (part == row).all(axis=1).tolist()


@given(
    st.integers(0, 2**32 - 1),
    st.integers(4_000, 9_000),
    st.lists(st.floats(), min_size=1, max_size=9),
    st.sampled_from([0, 1, 3, 300]),
)
def test_many_numbers_are_in_the_order_of_numpy(seed: int, count: int, some: list[float], size: int) -> None:
    draw = np.random.default_rng(seed)
    values = np.round(draw.normal(size=count), 1) * 10.0 ** draw.integers(-size, size + 1, count)
    values[draw.integers(0, count, count // 3)] = draw.choice(some, count // 3)
    np.testing.assert_array_equal(in_order(values), np.sort(values))
    np.testing.assert_array_equal(in_order(values[::-2]), np.sort(values[::-2]))
    np.testing.assert_array_equal(distinct(values), np.unique(values))


def test_many_rows_are_numbered_alike_where_they_are_equal() -> None:
    """Columns that tell all rows apart, at once or in the end, and columns that do not."""
    draw = np.random.default_rng(1)
    many, few = draw.normal(size=5_000), draw.integers(0, 3, 5_000).astype(np.float64)
    some = np.where(np.arange(5_000) % 7 == 0, many, few)
    cases = (
        ([many], [few]),
        ([few], [many]),
        ([few, few], [few]),
        ([few, many[::-1]], []),
        ([some, many], []),
    )
    for columns, more in cases:
        for parts, codes in zip((columns, [*columns, *more]), row_codes(columns, more), strict=True):
            rows = np.unique(np.stack(parts, axis=1), axis=0, return_inverse=True)[1].reshape(-1)
            pairs = {*zip(rows.tolist(), codes.tolist(), strict=True)}
            assert len(pairs) == rows.max() + 1 == len(np.unique(codes))


@given(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), st.sampled_from([5, MANY, MANY + 3]))
@settings(max_examples=20)
def test_rows_are_drawn_in_the_order_of_the_streams(words: tuple[int, int], count: int) -> None:
    order = drawn_order(words, count)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(order, permutation(words, count))
