"""How a file is written: each key reads what it says, refuses the rest, and is named where it is lacking."""

from __future__ import annotations

import bz2
import gzip
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.core import load_core
from shoal.data import (
    Dataset,
    Dialect,
    TableSource,
    _text_column,
    load_table_dataset,
    read_columns,
    read_table,
    seen_in,
)
from shoal.data._cells import holds_text, numbers, texts, zeros_before
from shoal.data._dialect import PLAIN
from shoal.data._findings import Findings
from shoal.data._missing import Marks
from shoal.data._table import Table
from shoal.data._text_column import plain_columns, read_ahead
from shoal.data._text_rows import split_rows
from shoal.errors import DataError, EnvironmentFault

NEEDS_CORE = pytest.mark.skipif(load_core() is None, reason="the native core is not built on this machine")
MARKS = [(".", ","), (".", " "), (".", "'"), (".", None), (",", "."), (",", " "), (",", "'"), (",", None)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, so that sentences hold bare names."""
    monkeypatch.chdir(tmp_path)


def load(file: str, task: Any = "regression", **keys: Any) -> Dataset:
    source = TableSource(file, task, ("y",), impute=True, find_kinds=True, dialect=Dialect(**keys))
    return load_table_dataset(source)


def refusal(file: str, **keys: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(file, **keys)
    return str(caught.value).splitlines()


def rows_of(dataset: Dataset) -> list[tuple[Any, ...]]:
    columns = [column.values.tolist() for column in dataset.columns]
    return sorted(zip(*columns, dataset.targets[:, 0].tolist(), strict=True))


def seen(file: str) -> dict[str, Any]:
    return {
        sight.key: tuple(sight.value) if isinstance(sight.value, list) else sight.value
        for sight in seen_in(file)
    }


# -- numbers ---------------------------------------------------------------------------------------------------


def written(value: float, decimal: str, thousands: str | None) -> str:
    whole, _, rest = f"{value:,.3f}".partition(".")
    return f"{whole.replace(',', thousands or '')}{decimal}{rest}"


@given(
    st.floats(-1e9, 1e9), st.sampled_from(MARKS), st.sampled_from(["", "%", "$", "kg", "€"]), st.booleans()
)
def test_a_number_is_read_as_it_is_written(
    value: float, marks: tuple[Any, Any], sign: str, before: bool
) -> None:
    dialect = Dialect(decimal=marks[0], thousands=marks[1], signs=(sign,) if sign else ())
    text = written(value, *marks)
    for cell in (text, f"{sign}{text}" if before else f"{text} {sign}", f" {text}\t"):
        plain = dialect.plain(cell)
        assert plain is not None
        assert float(plain) == float(f"{value:.3f}")
    assert dialect.plain("") is dialect.plain("x") is dialect.plain("1 2,3.4,5") is None


@given(st.text("0123456789., '-+eE%$kg\u00a0", max_size=14), st.sampled_from(MARKS), st.booleans())
def test_what_is_read_is_a_number_and_what_is_plain_stays(
    cell: str, marks: tuple[Any, Any], signed: bool
) -> None:
    dialect = Dialect(decimal=marks[0], thousands=marks[1], signs=("%", "kg") if signed else ())
    plain = dialect.plain(cell)
    if plain is not None:
        assert PLAIN.plain(plain) == plain
        assert set(plain) <= set("0123456789.-+eE")
    if PLAIN.plain(cell) is not None and "." not in cell:
        assert plain == cell.strip(" \t\u00a0")


def test_marks_between_thousands_stand_between_groups_of_three() -> None:
    dialect = Dialect(thousands=",")
    assert [dialect.plain(cell) for cell in ("12,345", "1234", "1,23", "1234,567", ",123")] == [
        "12345",
        "1234",
        None,
        None,
        None,
    ]
    spaces = Dialect(thousands=" ")
    assert {spaces.plain(f"1{space}234") for space in " \u00a0\u2009\u202f"} == {"1234"}
    assert Dialect(thousands="'").plain("1\u2019234") == "1234"


def test_a_column_is_read_in_its_dialect_and_what_is_written_otherwise_is_refused() -> None:
    Path("t.csv").write_text(
        'a;b;y\n1.234,5;12 %;1\n-2,5;5 %;2\n"3";NA;3\n4;6 %;4\n5;7 %;5\n', encoding="utf-8"
    )
    dataset = load("t.csv", delimiter=";", decimal=",", thousands=".", signs=("%",))
    assert rows_of(dataset)[0] == (-2.5, 5, 2)
    assert [row[0] for row in rows_of(dataset)] == [-2.5, 3, 4, 5, 1234.5]
    assert dataset.notes[0].startswith('column "b": "%" in 4 of 5 cells taken away from its numbers; ')
    Path("t.csv").write_text("a;y\n1,5;1\n2.5;2\n3;3\n1e999;4\n")
    assert refusal("t.csv", delimiter=";", decimal=",") == [
        't.csv, line 3, column "a": expected numbers as data.decimal says, got "2.5" (a decimal point)',
        't.csv, line 5, column "a": expected a number below 1.8e308, got "1e999"',
    ]


def test_marks_of_missing_cells_are_numbers_of_the_dialect_too() -> None:
    Path("t.csv").write_text("a;y\n-999,0;1\n2,5;2\n?;3\n1,5;4\n2;5\n")
    dialect = Dialect(delimiter=";", decimal=",")
    source = TableSource(
        "t.csv", "regression", ("y",), impute=True, missing_marks=("-999", "?"), dialect=dialect
    )
    (column,) = load_table_dataset(source).columns
    assert np.isnan(column.values).sum() == 2


def test_text_stays_as_it_is_written() -> None:
    Path("t.csv").write_text("a;y\nx 5 %;1,5\ny;2\nx 5 %;3\ny;4\nx 5 %;5\ny;6\n")
    dataset = load("t.csv", delimiter=";", decimal=",", signs=("%",))
    assert set(dataset.columns[0].values.tolist()) == {"x 5 %", "y"}


# -- rows ------------------------------------------------------------------------------------------------------

CELLS = st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n"'), min_size=1, max_size=5)


@given(
    st.lists(st.tuples(CELLS, st.integers()), min_size=1, max_size=6), st.sampled_from([";", "|", "\t", ":"])
)
def test_any_separator_cuts_cells(
    tmp_path_factory: pytest.TempPathFactory, body: list[tuple[str, int]], delimiter: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "s.txt"
    lines = ['"a"' + delimiter + "b", *(f'"{cell}"{delimiter}{number}' for cell, number in body)]
    file.write_bytes("\n".join(lines).encode())
    table = read_table(file, dialect=Dialect(delimiter=delimiter))
    assert [list(column) for column in table.columns] == [
        [cell for cell, _ in body],
        [str(number) for _, number in body],
    ]


def test_spaces_separate_cells_as_many_as_there_are() -> None:
    Path("t.txt").write_text('# made by hand\n\n  name   x\t y\n"New ""York"" City" 1  2\nb\t\t 3 4  \n')
    table = read_table("t.txt", dialect=Dialect(delimiter="whitespace", comment="#"))
    assert table.names == ("name", "x", "y")
    assert table.columns == (('New "York" City', "b"), ("1", "3"), ("2", "4"))
    assert table.lines == [4, 5]
    for cell in ('a"b', '"ab', '"a"b'):
        Path("t.txt").write_text(f"x y\n{cell} 1\n")
        with pytest.raises(DataError) as caught:
            read_table("t.txt", dialect=Dialect(delimiter="whitespace"))
        assert str(caught.value) == (
            "t.txt, line 2: expected well-quoted cells, got: a quote that neither begins nor ends its cell"
        )


def test_comment_lines_are_no_rows_but_a_cell_may_hold_what_looks_like_one() -> None:
    Path("t.csv").write_text('# head\na,y\n"one\n# two",1\n  # between\n\nb,2\nc\n')
    with pytest.raises(DataError) as caught:
        read_table("t.csv", dialect=Dialect(comment="#"))
    assert str(caught.value) == "t.csv, line 8: expected 2 cells, got 1"
    Path("t.csv").write_text('# head\na,y\n"one\n# two",1\n  # between\n\nb,2\n')
    table = read_table("t.csv", dialect=Dialect(comment="#"))
    assert table.columns == (("one\n# two", "b"), ("1", "2"))
    assert table.lines == [3, 7]
    Path("t.csv").write_text("# head\na,\n1,2\n")
    with pytest.raises(DataError, match=r"^t\.csv, line 2, column 2: expected a column name, got nothing$"):
        read_table("t.csv", dialect=Dialect(comment="#"))


def test_a_row_of_units_is_left_out_and_said() -> None:
    Path("t.csv").write_text("a,b,y\nm,,s\n1,2,3\n4,5,6\n7,8,9\n1,1,1\n2,2,2\n")
    dataset = load("t.csv", units_row=True)
    assert dataset.rows == 5
    assert dataset.notes == ('t.csv: line 2 is left out, having units ("m", "s")',)
    Path("t.csv").write_text("a,y\nm,s\n")
    assert refusal("t.csv", units_row=True) == [
        "t.csv: expected at least one row below the column names, got none"
    ]


NUMBERS = st.one_of(
    st.floats().map(repr), st.integers().map(str), st.text("0123456789+-.eE ", max_size=6), st.just("NA")
)
PLAIN_CELLS = st.one_of(
    NUMBERS, st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n",'), max_size=4), st.just("007")
)


@pytest.mark.parametrize(
    "by_core",
    [
        False,
        pytest.param(
            True,
            marks=pytest.mark.skipif(
                load_core() is None, reason="the native core is not built on this machine"
            ),
        ),
    ],
)
@given(data=st.data(), end=st.sampled_from(["\n", "\r\n"]), ends=st.integers(0, 2))
def test_a_plain_text_is_read_as_python_reads_it(
    by_core: bool, data: st.DataObject, end: str, ends: int
) -> None:
    """Cells as the csv module cuts them, numbers as float() reads them to the last bit, refusals as of any other."""
    with nullcontext() if by_core else patch.object(_text_column, "function_of_core", return_value=None):
        _compare_with_python(data, end, ends)


def _compare_with_python(data: st.DataObject, end: str, ends: int) -> None:
    width = data.draw(st.integers(2, 4))
    kinds = data.draw(st.lists(st.sampled_from([NUMBERS, PLAIN_CELLS]), min_size=width, max_size=width))
    body = data.draw(st.lists(st.tuples(*kinds), min_size=1, max_size=5))
    text = (
        end.join(",".join(row) for row in [tuple(f"n{place}" for place in range(width)), *body]) + end * ends
    )
    plain = plain_columns(text.encode(), ",")
    rows, lines = split_rows(text, ",", None, Findings(""))
    assert plain is not None
    assert [plain[0], *map(list, zip(*plain[1], strict=True))] == rows
    assert lines == list(range(1, len(rows) + 1))
    for cells, column in zip(zip(*rows[1:], strict=True), plain[1], strict=True):
        different, codes = column.different
        assert different == [*dict.fromkeys(cells)]
        assert tuple(different[code] for code in codes.tolist()) == cells
    careful = Table("t", tuple(plain[0]), tuple(zip(*rows[1:], strict=True)), len(body), lines[1:])
    fast = replace(careful, columns=tuple(plain[1]), lines=range(2, len(rows) + 1))
    for name in plain[0]:
        for marks in (None, Marks.of(["-", "7"])):
            said = Findings("t"), Findings("t")
            with patch.object(_text_column, "_ROWS_AT_ONCE", 2):
                read_ahead([column for column in plain[1] if data.draw(st.booleans())])
            read = [
                numbers(table, name, note, "!", marks)
                for table, note in zip((careful, fast), said, strict=True)
            ]
            assert said[0].problems() == said[1].problems()
            bytes_of = [None if values is None else values.tobytes() for values in read]
            assert bytes_of[0] == bytes_of[1]
            assert zeros_before(careful, name, marks) == zeros_before(fast, name, marks)
            assert holds_text(careful, name, marks) == holds_text(fast, name, marks)
            written = [texts(table, name, Findings("t"), (), marks) for table in (careful, fast)]
            assert str(written[0]) == str(written[1])
        assert fast[name][1:] == careful[name][1:]
        assert [fast[name][row] for row in range(len(body))] == list(careful[name])


# -- bytes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-8-sig", "UTF-8", "cp037"]
)
def test_a_named_encoding_is_read(encoding: str) -> None:
    Path("t.csv").write_bytes("größe,y\né,1\nb,2\n".encode(encoding))
    table = read_table("t.csv", dialect=Dialect(encoding=encoding))
    assert (table.names, table.columns) == (("größe", "y"), (("é", "b"), ("1", "2")))


def test_half_a_letter_is_refused() -> None:
    Path("t.csv").write_text("a,y\n+2AA-,1\nb,2\n", encoding="ascii")
    assert refusal("t.csv", encoding="utf-7") == [
        "t.csv, line 2: expected utf-7 text (data.encoding), got U+D800, half a letter"
    ]
    Path("t.csv").write_text("a,y\n\\udfff,1\nb,2\n", encoding="ascii")
    assert refusal("t.csv", encoding="unicode_escape")[0].endswith("got U+DFFF, half a letter")


def test_another_encoding_than_the_named_one_is_refused() -> None:
    Path("t.csv").write_bytes("é,y\n1,2\n".encode("cp1252"))
    assert refusal("t.csv", encoding="ascii") == [
        "t.csv: expected ascii text (data.encoding), got byte 0xe9 at offset 0"
    ]
    Path("t.csv").write_bytes("é,y\n1,2\n".encode("utf-8-sig"))
    assert refusal("t.csv", encoding="cp1252") == [
        "t.csv: expected cp1252 text (data.encoding), got what looks like UTF-8"
    ]


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_packed_text_is_text(ending: str, pack: Any) -> None:
    raw = b"a,y\n" + b"".join(b"%d,%d\n" % (row, row % 7) for row in range(5000))
    Path("t.csv").write_bytes(raw)
    Path(f"t.csv{ending}").write_bytes(pack(raw))
    plain, packed = load("t.csv"), load(f"t.csv{ending}")
    assert packed.train_fingerprint == plain.train_fingerprint
    assert packed.text_bytes == plain.text_bytes == len(raw)
    Path(f"u.csv{ending}").write_bytes(pack(raw)[:-9])
    kind = "gzip" if ending == ".gz" else "bzip2"
    sentence = (
        "t.csv.gz: expected a file packed by gzip, got a damaged one (Compressed file ended before the"
        " end-of-stream marker was reached)"
    )
    assert refusal(f"u.csv{ending}") == [sentence.replace("t.csv.gz", f"u.csv{ending}").replace("gzip", kind)]


@pytest.mark.parametrize("lies", [False, True])
def test_a_packed_file_that_would_not_fit_is_refused_whatever_it_says(lies: bool) -> None:
    raw = gzip.compress(b"a,y\n" + b"1,2\n" * 2_000_000, mtime=0)
    Path("t.csv.gz").write_bytes(raw[:-4] + b"\0\0\0\0" if lies else raw)
    with pytest.raises(
        EnvironmentFault, match=r"^memory: expected \d+ MB to read t\.csv\.gz, got 20 MB available"
    ):
        read_table("t.csv.gz", room=20e6)


# -- what is seen ----------------------------------------------------------------------------------------------

SEEN: list[tuple[str, bytes, dict[str, Any]]] = [
    ("t.csv", b"a,y\n1,2\n2,3\n", {}),
    ("t.csv", b"a;y\n1,5;2\n2;3\n", {"delimiter": ";", "decimal": ","}),
    ("t.csv", b"a;y\n1.234,5;2\n2;3\n", {"delimiter": ";", "decimal": ",", "thousands": "."}),
    ("t.csv", b"#id,y\n1,2\n2,3\n", {}),
    ("t.csv", b"# by hand\n# twice\na,y\n1,2\n2,3\n", {"comment": "#"}),
    ("t.txt", b"a  y\n1 2\n 2   3\n", {"delimiter": "whitespace"}),
    ("t.txt", b"a\ty\nx z\t2\nx\t3\n", {"delimiter": "\t"}),
    ("t.dat", b"a|y\n1|2\n2|3\n", {"delimiter": "|"}),
    ("t.csv", b'a,y\n"1,234",2\n"13,456",3\n', {"thousands": ","}),
    ("t.csv", b'a,b,y\n"1,234",1.5,2\n"13,456",2,3\n', {"thousands": ","}),
    ("t.csv", b"a,y\n$5,10%\n$6,20 %\n", {"signs": ("$", "%")}),
    ("t.csv", b"a,y\nm,s\n1,2\n2,3\n", {"units_row": True}),
    ("t.csv", b"a,y\nm,1\n1,2\n2,3\n", {}),
    ("t.csv", b"a,y\n2020-01-01,1\n2021-01-01,2\n", {}),
    ("t.csv", "é;y\n1;2\n2;3\n".encode("cp1252"), {"encoding": "cp1252", "delimiter": ";"}),
    ("t.csv", "é,y\n1,2\n2,3\n".encode("utf-16"), {"encoding": "utf-16"}),
    ("t.tsv", b"a\ty\nNA\t2\n2,5\t3\n", {"decimal": ","}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "keys"), SEEN)
def test_the_keys_that_are_seen_read_the_file(name: str, content: bytes, keys: dict[str, Any]) -> None:
    Path(name).write_bytes(content)
    assert seen(name) == keys
    Path(f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    assert seen(f"{name}.gz") == keys
    table = read_table(name, dialect=Dialect(**keys))
    assert (table.names[-1], table.rows) == ("y", 2 - (keys == {} and content[4:5] == b"m") * -1)
    assert all(sight.reason for sight in seen_in(name))


@given(st.binary(max_size=200))
def test_looking_at_any_bytes_raises_nothing(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    for name in ("l.csv", "l.txt", "l.csv.gz"):
        file = tmp_path_factory.getbasetemp() / name
        file.write_bytes(raw)
        seen_in(file)


SENTENCES: list[tuple[str, bytes, str]] = [
    (
        "t.csv",
        b"a;y\n1,5;2\n2;3\n",
        "t.csv, line 1: expected cells separated by commas, got semicolons;"
        ' set data.delimiter = ";" and data.decimal = ","',
    ),
    (
        "t.csv",
        b"# by hand\na,y\n1,2\n2,3\n",
        't.csv: expected rows of one width, got lines that begin with "#"; set data.comment = "#"',
    ),
    (
        "t.txt",
        b"a y\n1 2\n2 3\n",
        "t.txt: expected data.delimiter to say what stands between cells, since .txt does not, got nothing;"
        ' set data.delimiter = "whitespace"',
    ),
    (
        "t.csv",
        gzip.compress(b"a,y\n", mtime=0),
        "t.csv: expected text, got a file packed by gzip; its name should end in .gz, as in t.csv.gz",
    ),
    ("t.xlsx", b"a,y\n", "t.xlsx: expected an XLSX workbook, got a damaged one (File is not a zip file)"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), SENTENCES)
def test_refusals_name_the_keys(name: str, content: bytes, sentence: str) -> None:
    Path(name).write_bytes(content)
    assert refusal(name) == [sentence]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"delimiter": "ab"},
            "data.delimiter: expected one character that is no quote, letter, digit or part of a number, or"
            ' "whitespace", got "ab"',
        ),
        ({"thousands": "."}, 'data.thousands: expected another mark than data.decimal, got "." for both'),
        ({"signs": ("1",)}, 'data.signs: expected texts beside numbers and no part of them, got "1"'),
        (
            {"encoding": "utf-61"},
            'data.encoding: expected an encoding of text that Python knows, such as "cp1252", "latin-1" or'
            ' "utf-16", got "utf-61"',
        ),
    ],
)
def test_a_dialect_that_no_file_can_have_is_refused(keys: dict[str, Any], sentence: str) -> None:
    assert refusal("t.csv", **keys) == [sentence]
    assert Dialect.from_settings(Dialect(**keys).settings()) is None


@pytest.mark.parametrize("codec", ["hex", "rot13", "zlib", "undefined", "", "a\0b"])
def test_a_codec_that_is_none_of_text_is_no_encoding(codec: str) -> None:
    assert [key for key, _ in Dialect(encoding=codec).problems()] == ["encoding"]


# -- new rows --------------------------------------------------------------------------------------------------


def test_new_rows_are_read_in_the_dialect_of_training() -> None:
    dialect = Dialect(delimiter=";", decimal=",", signs=("€",), encoding="cp1252")
    Path("t.csv").write_bytes("a;y\n1,5 €;1\n2,5 €;2\n".encode("cp1252"))
    (column,) = read_columns(read_table("t.csv", dialect=dialect), ["a"])
    assert column.values.tolist() == [1.5, 2.5]
    assert Dialect.from_settings(dialect.settings()) == dialect
    assert PLAIN.settings() == {}
