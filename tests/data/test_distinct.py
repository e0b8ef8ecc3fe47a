"""The different values of columns and rows, beside numpy's and Python's own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from shoal.data._distinct import codes_of, distinct, row_codes

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
