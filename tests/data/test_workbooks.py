"""Workbooks: typed cells of one sheet, mistakes by their cells and rows, and no more memory than they may have."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import openpyxl
import pytest

from shoal.data import (
    Dataset,
    Dialect,
    TableSource,
    Wish,
    load_table_dataset,
    read_columns,
    read_table,
    survey,
)
from shoal.data._seen import seen_in
from shoal.errors import DataError, EnvironmentFault


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, so that sentences hold bare names."""
    monkeypatch.chdir(tmp_path)


def load(file: str, **keys: Any) -> Dataset:
    source = TableSource(file, "regression", ("y",), impute=True, find_kinds=True, dialect=Dialect(**keys))
    return load_table_dataset(source)


def rows_of(dataset: Dataset) -> list[tuple[Any, ...]]:
    columns = [column.values.tolist() for column in dataset.columns]
    return sorted(zip(*columns, dataset.targets[:, 0].tolist(), strict=True))


def refusal(file: str, **keys: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(file, **keys)
    return str(caught.value).splitlines()


def book(name: str, **sheets: list[list[Any]]) -> None:
    made = openpyxl.Workbook(write_only=True)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    made.save(name)


def test_a_workbook_is_its_first_sheet_or_the_one_that_is_named() -> None:
    rows = [[], ["a", 2019, "y"], *([row, f"{row},5", row / 2] for row in range(6)), [None, ""]]
    book("t.xlsx", a=rows, b=[["a", "y"], *([row, True] for row in range(4))])
    dataset = load("t.xlsx", decimal=",")
    assert [column.name for column in dataset.columns] == ["a", "2019"]
    assert rows_of(dataset) == [(row, row + 0.5, row / 2) for row in range(6)]
    assert dataset.notes[0] == 't.xlsx: sheet "a" is read, and not "b" (data.sheet names another)'
    assert load("t.xlsx", sheet="b").rows == 4
    assert refusal("t.xlsx", sheet="c") == ['t.xlsx: expected a sheet "c" (data.sheet), got "a", "b"']


def test_mistakes_of_a_workbook_name_its_cells_and_rows() -> None:
    book("t.xlsx", a=[["a", None, "y"], [1, 2, 3]])
    assert refusal("t.xlsx") == [
        "t.xlsx, cell B1: expected a column name, got an empty cell, perhaps one that is merged with others"
    ]
    book("t.xlsx", a=[["a", "y"], [1, 2], [], [1, 2, 3], ["x", 4], [5, 6], [7, 8]])
    assert refusal("t.xlsx") == [
        "t.xlsx, row 3: expected 2 cells, got an empty row",
        "t.xlsx, row 4: expected 2 cells, got 3",
        't.xlsx, row 5, column "a": expected a number, got "x"',
    ]
    book("t.xlsx", a=[])
    assert refusal("t.xlsx") == [
        "t.xlsx: expected a row of column names and rows below it, got an empty sheet"
    ]


def test_titles_and_units_of_a_workbook_are_seen_and_left_out() -> None:
    rows = [
        [],
        ["By hand"],
        [],
        ["a", "b", "y"],
        ["m", None, "s"],
        *([row, f"{row},5", row / 2] for row in range(6)),
    ]
    book("t.xlsx", a=rows)
    keys = {sight.key: sight.value for sight in seen_in("t.xlsx")}
    assert keys == {"skip_lines": 3, "units_row": True, "decimal": ","}
    dataset = load("t.xlsx", **keys)
    assert rows_of(dataset) == [(row, row + 0.5, row / 2) for row in range(6)]
    assert dataset.notes == (
        "t.xlsx: 3 rows above the names left out (data.skip_lines)",
        't.xlsx: row 5 is left out, having units ("m", "s")',
    )
    assert refusal("t.xlsx") == [
        't.xlsx: expected rows of one width, got 3 rows above the names, such as "By hand"; set data.skip_lines = 3'
    ]


def test_a_column_of_a_workbook_without_a_name_and_without_a_cell_is_left_out() -> None:
    book("t.xlsx", a=[["a", None, "y"], *([row, None, 2 * row] for row in range(4))])
    dataset = load("t.xlsx")
    assert [column.name for column in dataset.columns] == ["a"]
    assert dataset.notes == ("t.xlsx: 1 column without a name and without a cell left out",)


def test_formulas_that_were_never_computed_are_refused_where_they_are_used() -> None:
    rows = [[row, f"=A{row + 2}*2" if row % 3 == 2 else 2 * row, 3 * row] for row in range(9)]
    book("t.xlsx", a=[["a", "b", "y"], *rows])
    sentence = (
        't.xlsx, column "b": expected numbers, got 3 formulas without a value, never computed, the first in row 4;'
        " open the workbook in a spreadsheet program and save it there"
    )
    assert refusal("t.xlsx") == [sentence]
    with pytest.raises(DataError) as caught:
        read_columns("t.xlsx", ["b"])
    assert str(caught.value) == sentence
    for task, expected in (("regression", "numbers"), ("classification", "numbers or text")):
        with pytest.raises(DataError) as caught:
            load_table_dataset(TableSource("t.xlsx", task, ("b",), find_kinds=True, drop_untargeted=True))
        assert str(caught.value).startswith(f't.xlsx, column "b": expected {expected}, got 3 formulas')
    source = TableSource("t.xlsx", "regression", ("y",), ignore=("b",), find_kinds=True)
    assert [column.name for column in load_table_dataset(source).columns] == ["a"]
    below = [[None, f"=A{row}*2", f"=B{row}"] for row in (11, 12)]
    book("t.xlsx", a=[["a", "b", "y"], *([row, 2, 3] for row in range(9)), *below])
    assert [sentence.partition(": ")[2] for sentence in refusal("t.xlsx")] == [
        "expected numbers, got 2 formulas without a value, never computed, the first in row 11; open the workbook in a"
        " spreadsheet program and save it there"
    ] * 2


def test_a_formula_that_was_computed_has_its_value_be_it_an_empty_text() -> None:
    book("t.xlsx", a=[["a", "b", "y"], *([row, f"=A{row + 2}", row] for row in range(6))])
    with ZipFile("t.xlsx") as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    made = re.sub(rb'"B2"><f>A2</f><v ?/>', rb'"B2" t="str"><f>A2</f><v></v>', parts[sheet])
    parts[sheet] = re.sub(rb"<f>A(\d)</f><v ?/>", rb"<f>A\1</f><v>\1.5</v>", made)
    with ZipFile("t.xlsx", "w") as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    values = [row[1] for row in rows_of(load("t.xlsx"))]
    assert values == pytest.approx([np.nan, 3.5, 4.5, 5.5, 6.5, 7.5], nan_ok=True)


def test_a_target_that_was_never_computed_is_named_and_not_passed_over(tmp_path: Path) -> None:
    rows = [[row % 4, row % 3 / 2, f"=A{row + 2}*2"] for row in range(30)]
    book("t.xlsx", a=[["a", "b", "y"], *rows])
    with pytest.raises(DataError) as caught:
        survey("t.xlsx", Wish())
    assert str(caught.value) == (
        't.xlsx, column "y": expected a target, got 30 formulas without a value, never computed, the first in row 2;'
        " open the workbook in a spreadsheet program and save it there; mend it, or name another column by --target"
    )
    seen = survey("t.xlsx", Wish("b"))
    assert seen.unusable["y"].startswith("cannot be read: 30 formulas without a value, never computed")


def test_a_workbook_without_openpyxl_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    book_bytes = b"PK"
    Path("t.xlsx").write_bytes(book_bytes)
    assert refusal("t.xlsx") == ['t.xlsx: reading XLSX needs the package openpyxl: pip install "shoal[xlsx]"']


def test_a_short_workbook_cannot_ask_for_much_memory() -> None:
    """A cell at the far right of every row: rows that are short in the file are long when they are read."""
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in range(1, 4200):
        sheet.cell(row, 2000, 1)
    made.save("t.xlsx")
    assert Path("t.xlsx").stat().st_size < 100_000
    with pytest.raises(EnvironmentFault):
        read_table("t.xlsx", room=50e6)


def test_what_is_no_workbook_is_told_as_such() -> None:
    Path("t.xlsx").write_bytes(b"a,y\n")
    assert refusal("t.xlsx") == [
        "t.xlsx: expected an XLSX workbook, got a damaged one (File is not a zip file)"
    ]
    book("t.xlsx", a=[["a", "y"], [1, 2]])
    packed = Path("t.xlsx").read_bytes()
    Path("t.xlsx").write_bytes(
        re.sub(rb"(PK\x01\x02....).", rb"\g<1>" + b"\x01", packed, flags=re.DOTALL)
    )  # of a password
    assert refusal("t.xlsx")[0].startswith("t.xlsx: expected an XLSX workbook, got a damaged one (File ")
