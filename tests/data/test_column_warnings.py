"""Columns of numbers that are doubted before training, and those that are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.data import ColumnWarnings, column_warnings, load_builtin
from shoal.wording import rounded

NOISE = np.random.default_rng(0).normal(size=40)
WHOLE = np.random.default_rng(1).integers(0, 9, 40).astype(float)


def numbering(
    values: NDArray[np.float64], name: str = "n", train: int = 30, alone: bool = False
) -> list[str]:
    others = [] if alone else [("x", NOISE[: len(values)])]
    return ColumnWarnings([(name, values), *others], [], train, "both").numbering()


SPREAD = np.sort(np.random.default_rng(2).choice(40, 40, replace=False)).astype(float)
GAPS = np.delete(np.arange(44.0), [7, 8, 20, 35])
HELD = np.random.default_rng(3).permutation(40) < 30


@pytest.mark.parametrize(
    ("values", "few"),
    [
        (np.arange(40.0), "0, 1, 2"),
        (np.arange(1.0, 41), "1, 2, 3"),
        (np.arange(40.0) * 10 + 7, "7, 17, 27"),
        (np.concatenate((SPREAD[HELD], SPREAD[~HELD])), "0, 1, 2"),
        (np.concatenate((np.arange(30.0), np.arange(10.0))), "0, 0, 1"),
        (np.random.default_rng(4).permutation(40).astype(float), "0, 1, 2"),
        (np.delete(np.arange(60.0), np.arange(2, 60, 3)), "0, 1, 3"),
        (1000 + np.concatenate((GAPS[HELD], GAPS[~HELD])), "1000, 1001, 1002"),
    ],
    ids=[
        "from 0",
        "from 1",
        "steps",
        "test rows drawn",
        "two files",
        "in any order",
        "gaps",
        "gaps and drawn",
    ],
)
def test_what_numbers_the_rows_is_doubted(values: NDArray[np.float64], few: str) -> None:
    assert numbering(values) == [f'"n" numbers the rows, or counts time ({few} ...)']
    assert numbering(values, alone=True) == []


@pytest.mark.parametrize(
    "values",
    [
        WHOLE,
        NOISE,
        np.arange(40) / 10 + 0.05,
        np.sort(np.random.default_rng(5).integers(0, 10**6, 40)).astype(float),
        np.arange(40.0)[::-1] * 2,
        np.full(40, 3.0),
        np.concatenate((np.arange(39.0), [5.0])),
    ],
    ids=["counts", "numbers", "an even grid", "sorted", "falling by 2", "constant", "one twice"],
)
def test_other_columns_are_not_taken_for_numbers_of_rows(values: NDArray[np.float64]) -> None:
    assert numbering(values) == []


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "ID",
        "Index",
        "rownames",
        "PassengerId",
        "customer_id",
        "row number",
        "rowID",
        "S.No",
        "Sl. No.",
        "Serial",
        "key",
    ],
)
def test_another_whole_number_in_every_row_is_doubted_by_its_name(name: str) -> None:
    different = np.random.default_rng(6).choice(10**6, 40, replace=False).astype(float)
    assert numbering(different, name) == [f'"{name}" is another whole number in every row']
    assert numbering(different, name, alone=True) != []
    assert numbering(WHOLE, name) == []
    assert numbering(different, "price") == []


@pytest.mark.parametrize("name", ["Unnamed: 0", "__index_level_0__", "level_1", "Unnamed: 0_level_1"])
def test_the_names_that_pandas_gives_to_an_index_are_enough(name: str) -> None:
    assert numbering(WHOLE, name) == [f'"{name}" has the name that pandas gives to an index']


@pytest.mark.parametrize(
    "name", ["grid", "humid", "period", "valid", "paid", "fluid", "level", "width", "snow", "keyed", "nose"]
)
def test_words_that_end_alike_are_no_identities(name: str) -> None:
    different = np.random.default_rng(6).choice(10**6, 40, replace=False).astype(float)
    assert numbering(different, name) == []


def sayings(values: NDArray[np.float64], standardize: str = "none") -> tuple[list[str], list[str]]:
    columns = ColumnWarnings([("x", values)], [("y", values)], len(values), standardize)  # type: ignore[arg-type]
    return columns.merged(), columns.unscaled()


def test_numbers_far_from_0_and_1_are_doubted_where_they_stay_as_they_are() -> None:
    moved, both = 5e9 + 10 * NOISE, ('input "x"', 'target "y"')
    lost, far = sayings(moved)
    assert lost == [f"{what} has 40 different values, which become 1" for what in both]
    assert far == [f"{what} lies at 5e+09 and varies by {10 * NOISE.std():.2g} only" for what in both]
    assert [len(part) for part in sayings(moved, "inputs")] == [1, 1]
    assert sayings(moved, "both") == ([], [])
    size = 1e5 * np.sqrt(np.mean(NOISE**2))
    assert sayings(1e5 * NOISE)[1] == [f"{what} has a size of {rounded(size, 2)}" for what in both]
    assert len(sayings(1e-5 * NOISE)[1]) == 2
    assert sayings(1e5 * NOISE)[0] == []


@given(st.floats(-20, 20), st.floats(0.1, 100), st.integers(10, 2000))
def test_numbers_of_the_usual_sizes_are_not_doubted(offset: float, spread: float, rows: int) -> None:
    values = spread * (offset + np.random.default_rng(rows).normal(size=rows))
    lost, far = sayings(values)
    assert lost == []
    assert far == [] or abs(values.mean()) > 30 * values.std() or np.sqrt(np.mean(values**2)) > 999


@pytest.mark.parametrize("value", [0.0, 1e9, -1e-9])
def test_a_constant_column_is_no_doubt(value: float) -> None:
    assert sayings(np.full(40, value)) == ([], [])


def test_of_many_rows_the_middle_tells_first_and_all_are_counted() -> None:
    many = np.arange(50_000.0)
    assert sayings(many + 0.25)[0] == []
    (first, _), _ = sayings(1e9 + many)
    left = len(np.unique((1e9 + many).astype(np.float32)))
    assert first == f'input "x" has 50,000 different values, which become {left:,}'


@pytest.mark.parametrize("name", ["two-peaks", "digits"])
def test_the_built_in_data_raise_no_doubt(name: str) -> None:
    columns = column_warnings(load_builtin(name), "none")
    assert (columns.numbering(), columns.merged(), columns.unscaled()) == ([], [], [])
