"""Lines above the names of columns: seen, counted as they stand in the file, left out and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shoal.data import Dialect, TableSource, load_table_dataset, read_columns, read_table
from shoal.data._seen import seen_in
from shoal.data._titles import titles_above
from shoal.errors import DataError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def source(file: str, **keys: Any) -> TableSource:
    return TableSource(file, "regression", ("y",), impute=True, find_kinds=True, dialect=Dialect(**keys))


def refusal(file: str, **keys: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load_table_dataset(source(file, **keys))
    return str(caught.value).splitlines()


def test_lines_above_the_names_are_left_out_and_said() -> None:
    """They are counted as they stand in the file, empty ones and quotes of all kinds too."""
    Path("t.csv").write_text('By "hand\n\na,y\n1,2\n4,x\n7,8\n1,1\n2,2\n')
    assert refusal("t.csv", skip_lines=2) == ['t.csv, line 5, column "y": expected a number, got "x"']
    Path("t.csv").write_text('By "hand\n\na,y\n1,2\n4,3\n7,8\n1,1\n2,2\n')
    dataset = load_table_dataset(source("t.csv", skip_lines=2))
    assert sorted(dataset.columns[0].values.tolist()) == [1, 1, 2, 4, 7]
    assert dataset.notes == ("t.csv: 2 lines above the names left out (data.skip_lines)",)


def test_empty_lines_between_rows_have_a_key_too() -> None:
    Path("t.csv").write_text("a;y\n1;2\n\n2;3\n\n\n3;5\n")
    assert {sight.key: sight.value for sight in seen_in("t.csv")} == {"comment": "#", "delimiter": ";"}
    assert load_table_dataset(source("t.csv", comment="#", delimiter=";")).rows == 3
    assert refusal("t.csv", delimiter=";") == [
        "t.csv: expected rows of one width, got empty lines between rows, which are none beside comments; "
        'set data.comment = "#"'
    ]


def test_they_are_refused_with_the_key_that_reads_the_file() -> None:
    Path("t.csv").write_text("By hand\na,y\n1,2\n2,3\n3,4\n")
    assert refusal("t.csv") == [
        't.csv: expected rows of one width, got 1 line above the names, such as "By hand"; set data.skip_lines = 1'
    ]


@pytest.mark.parametrize(
    ("name", "text", "keys"),
    [
        ("t.csv", "By hand\n\na,y\n,2\n2,3\n1,4\n", {"skip_lines": 2}),
        (
            "t.csv",
            "By hand;;\n;;\na;b;y\nk;1;2,5\nk;1;3\nk;1;4\n",
            {"delimiter": ";", "decimal": ",", "skip_lines": 2},
        ),
        ("t.csv", "sep=;\na;y\n1;2\n2;3\n3;4\n", {"delimiter": ";", "skip_lines": 1}),
        (
            "t.txt",
            "No: 7\nBy: me\na\tb\ty\nm\t\ts\n1\tk\t2\n2\tk\t3\n3\tk\t4\n",
            {"delimiter": "\t", "skip_lines": 2, "units_row": True},
        ),
    ],
    ids=["a title", "a sheet saved as text", "a line for a spreadsheet", "an instrument"],
)
def test_the_keys_that_are_seen_read_the_file(name: str, text: str, keys: dict[str, Any]) -> None:
    Path(name).write_text(text)
    assert {sight.key: sight.value for sight in seen_in(name)} == keys
    assert load_table_dataset(source(name, **keys)).rows == 3


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a,y;1,2;2,3;3,4", 0),
        ("by hand;a,y;1,2;2,3;3,4", 1),
        ("by hand;;,a,y;1,1,2;2,2,3;3,3,4", 2),
        ("a,,y;k,m,2;k,m,3;k,m,4;k,m,5", 0),
        ("a,b;k,m,p;q,s,t;u,v,w;x,z,o", 0),
        ("a,b;1,2,3;4,5,6;7,8,9;1,2,3", 0),
        ("by hand;a,a;1,2;2,3;3,4", 0),
        ("a;1;2;3", 0),
    ],
    ids=["names", "title", "row names", "no name", "text alone", "numbers", "twice", "one column"],
)
def test_names_below_titles_are_all_there_and_different_and_no_numbers(text: str, count: int) -> None:
    assert titles_above([line.split(",") if line else [] for line in text.split(";")]) == count


def test_new_rows_that_are_written_otherwise_are_refused_with_the_reason() -> None:
    Path("n.csv").write_text("a,b\n1,2\n3,4\n5,6\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_columns(read_table("n.csv", dialect=Dialect(skip_lines=1)), ["a", "b"])
    assert str(caught.value).splitlines() == [
        'n.csv: expected an input column "a", got none; the names are looked for on line 2, below the 1 that '
        "data.skip_lines leaves out",
        'n.csv: expected an input column "b", got none',
    ]
    Path("n.csv").write_text("Fläche,b\n1,2\n3,4\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_columns(read_table("n.csv", dialect=Dialect(encoding="cp1252")), ["Fläche"])
    assert str(caught.value) == (
        'n.csv: expected an input column "Fläche", got none, but "FlÃ¤che", which is UTF-8 read in the encoding of the '
        "training file, cp1252"
    )
    with pytest.raises(DataError) as caught:
        read_table("n.csv", dialect=Dialect(delimiter=";"))
    assert (
        str(caught.value)
        == "n.csv, line 1: expected cells separated by semicolons as in the training file, got commas"
    )
