"""Columns of categories that hand their numbers on: the same as of a column that has to find them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import Column
from shoal.data._distinct import levels_and_codes
from shoal.data._missing import missing_of

TEXTS = st.sampled_from(["", "a", "b", "B", "é", "10", "9"])


def _is_as_found(column: Column, values: list[str]) -> None:
    assert column.values.tolist() == values
    assert column.values.dtype == np.object_
    levels, codes = levels_and_codes(np.array(values, np.object_))
    assert (column.codes[0].tolist(), column.codes[1].tolist()) == (levels.tolist(), codes.tolist())
    assert column.missing_N.tolist() == missing_of(np.array(values, np.object_)).tolist()
    assert Column("c", column.values).categories == column.categories


@given(st.lists(TEXTS, min_size=1, max_size=9), st.lists(TEXTS, max_size=5), st.data())
def test_numbers_are_handed_on(texts: list[str], others: list[str], data: st.DataObject) -> None:
    place = st.integers(0, len(texts) - 1)
    places = np.array([*range(len(texts)), *data.draw(st.lists(place, max_size=9))], np.int64)
    values = [texts[number] for number in places.tolist()]
    column = Column.of_categories("c", (texts, places), tuple(sorted(set(texts))))
    assert (column.encoder, column.order) == ("ordered", tuple(sorted(set(texts))))
    _is_as_found(column, values)
    column = column.treated(impute=True, rare_below=3)
    assert (column.impute, column.rare_below) == (True, 3)
    _is_as_found(column, values)
    rows = np.array(data.draw(st.lists(st.integers(0, len(values) - 1), max_size=9)), np.int64)
    _is_as_found(column.take(rows), [values[row] for row in rows.tolist()])
    cut = data.draw(st.integers(0, len(values)))
    first, second = column.take(slice(cut)), column.take(slice(cut, None))
    _is_as_found(first, values[:cut])
    _is_as_found(second, values[cut:])
    _is_as_found(first.followed_by(second), values)
    assert not 0 < cut < len(values) or first.followed_by(second).values is column.values
    other = Column("c", np.array(others, np.object_))
    _is_as_found(column.take(rows).followed_by(other), [*(values[row] for row in rows.tolist()), *others])


@given(st.lists(st.floats(-9, 9) | st.just(np.nan), min_size=1, max_size=9))
def test_numbers_of_numbers_are_their_values(values: list[float]) -> None:
    column = Column("c", np.array(values))
    assert column.missing_N.tolist() == np.isnan(values).tolist()
    both = column.take(np.arange(1)).followed_by(column)
    np.testing.assert_array_equal(both.values, [values[0], *values])


def test_rows_that_stand_behind_each_other_are_put_together_without_a_copy() -> None:
    """Parts of one array in its order, and no others: neither in another order, nor with some between, nor reversed."""
    whole = Column("x", np.arange(6.0))
    first, second = whole.take(slice(2)), whole.take(slice(2, None))
    assert np.shares_memory(first.followed_by(second).values, whole.values)
    others = [
        (second, first),
        (first, whole.take(slice(3, None))),
        (whole.take(slice(1, 3)), whole.take(slice(3, 6))),
    ]
    others += [
        (whole.take(slice(None, None, 2)), whole.take(slice(1, None, 2))),
        (first, Column("x", np.arange(4.0))),
    ]
    others += [(whole.take(slice(2, None, -1)), whole.take(slice(5, 2, -1)))]
    others += [(first, whole.take(slice(4))), (whole.take(slice(3)), whole.take(slice(3, 0, -1)))]
    for left, right in [(first, second), *others]:
        expected = [*left.values.tolist(), *right.values.tolist()]
        assert left.followed_by(right).values.tolist() == expected
