"""Numbers as people write them: named, with the key that reads them; other minus signs and spaces, which are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import Dialect, TableSource, given_columns, load_table_dataset, read_columns, seen_in
from shoal.data._classes import NUMBER
from shoal.data._dialect import PLAIN
from shoal.data._notation import notation_of
from shoal.errors import DataError

MARKS = [(".", ","), (".", " "), (".", "'"), (".", None), (",", "."), (",", " "), (",", "'"), (",", None)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, so that sentences hold bare names."""
    monkeypatch.chdir(tmp_path)


def refusal(file: str) -> list[str]:
    with pytest.raises(DataError) as caught:
        load_table_dataset(TableSource(file, "regression", ("y",)))
    return str(caught.value).splitlines()


def written(value: float, decimal: str, thousands: str | None) -> str:
    whole, _, rest = f"{value:,.3f}".partition(".")
    return f"{whole.replace(',', thousands or '')}{decimal}{rest}"


def seen(file: str) -> dict[str, Any]:
    return {sight.key: sight.value for sight in seen_in(file)}


WRITTEN = {
    "a decimal comma": [
        "1,5", "0,25", "-3,75", "\u22123,75", "\u20133,75", ",5", "12345,6", "0,500", "1,5e3", "1,5E+03",
    ],
    "commas between thousands": ["1,234.5", "1,234,567", "-12,345.00"],
    "a comma, as decimal mark or between thousands": ["1,234", "12,500"],
    "points between thousands or a decimal comma": ["1.234,5", "1.234.567", "1.234.567,89"],
    "spaces or apostrophes between thousands": ["1 234", "1 234 567,5", "1\u00a0234", "1'234.5", "1\u2019234"],
    "commas between lakhs": ["1,23,456", "\u221212,34,567.5"],
    "brackets about a negative number": ["(29.93)", "( 1,250 )"],
    "a minus sign behind it": ["28.22-", "1.234,50 -"],
    'an exponent with "d", as Fortran has it': ["-1.3766D+00", ".5d3"],
    "a limit or an estimate": ["<0.01", "> 65", "~11", "\u2264 5", ">=1,5"],
    "degrees with minutes or a direction": [
        "52\u00b031'N", "6\u00b009'31\"E", "52\u00b0 31.5\u2032 N", "12.5\u00b0S", "52\u00b031'12.3''W", "52\u00b031'",
    ],
    "a percent sign": ["12 %", "12%", "1.5%", "1,5 %", "%5"],
    "a sign of currency": [
        "€ 5", "$5", "5 €", "R$ 5", "12 zł", "5 kr", "1.234,50 €", "US$5", "$1,234.50", "5 EUR", "-£3",
    ],
    "a unit beside it": ["5 kg", "5kg", "12.3 cm", "20 °C", "20°C", "3 m", "1,5 km", "7 km/h"],
    "a date": ["2020-01-31", "31.12.2020", "1/2/2020", "2020-01-31 12:30", "2020-01-31T12:30:00"],
    "a time of day": ["12:30", "12:30:15"],
}  # fmt: skip


@pytest.mark.parametrize("came", WRITTEN)
def test_a_number_written_for_people_is_named(came: str) -> None:
    for cell in WRITTEN[came]:
        notation = notation_of(cell)
        assert notation is not None, cell
        assert notation.description == came, cell


@pytest.mark.parametrize(
    "cell",
    [
        "red",
        "a1",
        "3a",
        "1st",
        "12B",
        "5XL",
        "A-12",
        "n/a",
        "-",
        "10115 Berlin",
        "1-2-3-4",
        "12-14",
        "(a)",
        "<5 years old",
        "12D3",
    ],
)
def test_a_code_is_not_taken_for_a_number(cell: str) -> None:
    assert notation_of(cell) is None


@given(st.text("0123456789.,'-+eE %€$kgm:/\u00a0\u2212", max_size=40))
def test_any_text_is_named_or_not_without_an_error(cell: str) -> None:
    if not NUMBER.fullmatch(cell):
        notation_of(cell)


def test_a_column_of_decimal_commas_is_one_sentence_and_no_category() -> None:
    Path("t.tsv").write_text("a\ty\n0,5\t1\n1,500\t2\n2\t3\n")
    assert refusal("t.tsv") == [
        't.tsv, column "a": expected a decimal point, got a decimal comma in 2 of 3 cells, such as "0,5" on line 2'
        '; set data.decimal = ","'
    ]
    Path("t.tsv").write_text("a\ty\n0.5\t5 kg\n1,500\t6 kg\nx\t7 kg\n")
    assert refusal("t.tsv") == [
        't.tsv, column "y": expected the number alone, got a unit beside it in all 3 cells, such as "5 kg" on line 2'
        '; set data.signs = ["kg"]',
        't.tsv, line 3, column "a": expected a decimal point and no thousands separators, got "1,500"'
        ' (a comma, as decimal mark or between thousands); set data.thousands = "," or data.decimal = ","',
        't.tsv, line 4, column "a": expected a number, got "x"',
    ]
    with pytest.raises(DataError) as caught:
        given_columns({"a": ["€ 5", "6"]}, ["a"])
    assert (
        str(caught.value) == 'x, row 1, column "a": expected the number alone, got "€ 5" (a sign of currency)'
    )


@given(st.floats(-1e9, 1e9), st.sampled_from(["\u2212", "\u2013"]), st.sampled_from(MARKS), st.booleans())
def test_another_minus_sign_is_a_minus_sign(
    value: float, minus: str, marks: tuple[Any, Any], with_sign: bool
) -> None:
    dialect = Dialect(decimal=marks[0], thousands=marks[1], signs=("$",) if with_sign else ())
    cell = written(value, *marks)
    for text in (cell, f"$ {cell}") if with_sign else (cell,):
        assert dialect.plain(text.replace("-", minus)) == dialect.plain(text)
    assert PLAIN.plain(f"1.5e{minus}3") == "1.5e-3"
    assert {PLAIN.plain(text) for text in (minus, f"5{minus}9", f"{minus}{minus}5", f"5{minus}")} == {None}


def test_other_minus_signs_and_spaces_about_numbers_are_read_and_said() -> None:
    cells = ["\u22121.5", "\u20132", "\u00a03\u202f", "4", "", "\u22126e\u22121"]
    rows = [
        f"{cell},a\u20135,{minus}{row}"
        for row, (cell, minus) in enumerate(zip(cells, "\u2212-" * 3, strict=True))
    ]
    Path("t.csv").write_text("\n".join(["a,b,y", *rows]) + "\n", encoding="utf-8")
    source = TableSource("t.csv", "regression", ("y",), test="t.csv", impute=True, find_kinds=True)
    dataset = load_table_dataset(source)
    assert dataset.columns[0].values[:6].tolist() == pytest.approx(
        [-1.5, -2, 3, 4, np.nan, -0.6], nan_ok=True
    )
    assert dataset.targets[:6, 0].tolist() == [0, -1, -2, -3, -4, -5]
    assert dataset.notes[0] == 'column "y": "\u2212" in 3 of 6 cells read as the minus sign "-"'
    assert dataset.notes[1].startswith(
        'column "a": "\u2212" in 2 and "\u2013" in 1 of 6 cells read as the minus sign "-"; 1 of 6 training cells and'
    )
    Path("u.csv").write_text('a\n"\u22121,5"\n2\n', encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_columns("u.csv", ["a"])
    assert str(caught.value) == (
        'u.csv, line 2, column "a": expected a decimal point, got "\u22121,5" (a decimal comma)'
    )


def test_commas_between_cells_by_semicolons_are_decimal_ones() -> None:
    """3,214 may be either: where semicolons stand between cells, the comma is left to numbers."""
    rows = [f"{row},214;{row},125" for row in range(1, 8)]
    Path("t.csv").write_text("\n".join(["a;y", *rows]) + "\n")
    assert seen("t.csv") == {"delimiter": ";", "decimal": ","}
    Path("t.tsv").write_text("\n".join(["a;y", *rows]).replace(";", "\t") + "\n")
    assert seen("t.tsv") == {"thousands": ","}
