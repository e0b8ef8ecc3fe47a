"""One value has one spelling: what was learned from a text file is found again whatever the same table comes as."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import TableSource, given_columns, load_table_dataset, read_columns
from shoal.data._spelling import respelled
from shoal.errors import DataError

ROWS = 12
SPELLINGS: list[list[str]] = [
    ["True", "False"],
    ["TRUE", "FALSE"],
    ["true", "false"],
    ["1", "2", "30"],
    ["01", "02", "30"],
    ["001", "000", "-5"],
    ["1.0", "2.0", "2.5"],
    ["1.50", "0.10", "-3.25"],
    ["9007199254740993", "9007199254740992"],
    ["red", "blue", "two words", "a1"],
    ["7", "red", "1.5"],
]


def learned(text: list[str], folder: Path) -> tuple[str, ...]:
    """Categories of a column as a run learns them from a CSV file."""
    rows = "".join(f"{cell},{number}\n" for number, cell in enumerate(text))
    (folder / "t.csv").write_text(f"c,y\n{rows}")
    source = TableSource(folder / "t.csv", "regression", ("y",), categorical=("c",), test=folder / "t.csv")
    return tuple(sorted(set(load_table_dataset(source).columns[0].values[:ROWS].tolist())))


def through_parquet(frame: pd.DataFrame, folder: Path) -> Any:
    frame.to_parquet(folder / "t.parquet")
    return folder / "t.parquet"


def through_npz(frame: pd.DataFrame, folder: Path) -> Any:
    column = frame["c"].to_numpy()
    np.savez(folder / "t.npz", c=column.astype(np.str_) if column.dtype == object else column)
    return folder / "t.npz"


def through_polars(frame: pd.DataFrame, folder: Path) -> Any:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    return polars.DataFrame({"c": frame["c"].tolist()}, strict=False)


FORMS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "pandas": lambda frame, folder: frame,
    "nullable": lambda frame, folder: frame.convert_dtypes(),
    "category": lambda frame, folder: frame.astype("category"),
    "objects": lambda frame, folder: frame.astype(object),
    "list": lambda frame, folder: {"c": frame["c"].tolist()},
    "array": lambda frame, folder: {"c": frame["c"].to_numpy()},
    "records": lambda frame, folder: frame.to_records(index=False),
    "arrow": lambda frame, folder: __import__("pyarrow").Table.from_pandas(frame),
    "parquet": through_parquet,
    "npz": through_npz,
    "polars": through_polars,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spellings", SPELLINGS, ids=lambda spellings: spellings[0])
def test_a_table_that_another_program_reads_has_the_same_categories(
    form: str, spellings: list[str], tmp_path: Path
) -> None:
    text = [spellings[row % len(spellings)] for row in range(ROWS)]
    known = learned(text, tmp_path)
    rows = "".join(f"{cell},{number}\n" for number, cell in enumerate(text))
    frame = pd.read_csv(io.StringIO(f"c,y\n{rows}"))[["c"]]
    came = FORMS[form](frame, tmp_path)
    read = read_columns if isinstance(came, Path) else given_columns
    (column,) = read(came, ["c"], {"c": known})
    assert column.values.tolist() == text


@given(
    st.lists(st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
    st.sampled_from([np.float64, np.float32]),
)  # fmt: skip
def test_drawn_numbers_find_their_text(values: list[float], kind: type[np.floating]) -> None:
    with np.errstate(over="ignore"):
        typed = np.unique(np.array([float(value) for value in values]).astype(kind))
    typed = typed[np.isfinite(typed)]
    known = [
        np.format_float_positional(value, trim="0") if abs(value) < 1e20 else str(value) for value in typed
    ]
    (column,) = given_columns({"c": typed}, ["c"], {"c": known}) if len(typed) else (None,)
    assert column is None or column.values.tolist() == known


def test_text_with_zeros_before_it_stays_text() -> None:
    assert respelled(["1", "10"], ["1", "10"], ["01", "10"])[0] == ["1", "10"]
    assert respelled(["01", "10"], ["01", "10"], ["1", "10"])[0] == ["01", "10"]
    assert respelled(["1", "10"], np.array([1, 10]), ["01", "10"])[0] == ["01", "10"]
    assert respelled(["1.0", "true"], ["1.0", "true"], ["1", "True"])[0] == ["1", "True"]


def test_truth_values_are_no_numbers() -> None:
    assert respelled(["true", "false"], np.array([True, False]), ["1", "0"])[0] == ["true", "false"]
    assert respelled(["1", "0"], np.array([1, 0]), ["True", "False"])[0] == ["1", "0"]


def test_a_value_of_two_spellings_is_refused_not_guessed() -> None:
    with pytest.raises(DataError) as caught:
        given_columns({"c": [1, 2]}, ["c"], {"c": ("01", "1", "2")})
    assert str(caught.value) == (
        'x, column "c": expected text as it was learned, got the value 1, which may be "01", "1"'
    )
    (column,) = given_columns({"c": ["1", "01"]}, ["c"], {"c": ("01", "1", "2")})
    assert column.values.tolist() == ["1", "01"]


def test_mixed_cells_keep_what_each_of_them_is() -> None:
    cells = [True, 1, 2.0, "red", Decimal("0.5"), np.int8(3), np.float32(0.25)]
    (column,) = given_columns({"c": cells}, ["c"], {"c": ("True", "1", "2", "red", "0.5", "3", "0.25")})
    assert column.values.tolist() == ["True", "1", "2", "red", "0.5", "3", "0.25"]
    (numbers,) = given_columns({"c": [1, "2.5", 3.0]}, ["c"])
    assert numbers.values.tolist() == [1, 2.5, 3]


@pytest.mark.parametrize("gone", [None, np.nan, pd.NA])
@pytest.mark.parametrize("cell", [True, 1, "red"])
def test_a_missing_category_is_refused_whatever_its_column_holds(cell: Any, gone: Any) -> None:
    with pytest.raises(DataError, match=r'^x, row 2, column "c": expected .*, got (an empty cell|nan)$'):
        given_columns({"c": [cell, gone]}, ["c"], {"c": (str(cell),)})


def test_a_column_of_which_nothing_is_known_is_refused_and_a_single_row_is_not() -> None:
    with pytest.raises(DataError) as caught:
        given_columns({"c": ["yes", "no", "no"]}, ["c"], {"c": ("False", "True")})
    assert str(caught.value) == (
        'x, column "c": expected its categories ("False", "True"), got none of them: "no", "yes"'
    )
    (column,) = given_columns({"c": ["yes"]}, ["c"], {"c": ("False", "True")})
    assert column.values.tolist() == ["yes"]


def test_a_test_table_of_another_format_has_the_classes_and_categories_of_the_training_table(
    tmp_path: Path,
) -> None:
    rows = "".join(f"{i},{i % 2 == 0},{i % 3:02d},{i % 4 < 2}\n" for i in range(12))
    (tmp_path / "t.csv").write_text(f"a,flag,code,y\n{rows}")
    pd.read_csv(tmp_path / "t.csv").to_parquet(tmp_path / "t.parquet")
    source = TableSource(
        tmp_path / "t.csv", "classification", ("y",), tmp_path / "t.parquet", categorical=("flag", "code")
    )
    dataset = load_table_dataset(source)
    assert dataset.classes == ("False", "True")
    assert dataset.train_fingerprint == dataset.test_fingerprint
