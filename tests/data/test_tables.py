"""Tables are read strictly, exactly, and refused with every mistake at once."""

from __future__ import annotations

import csv
import io
import math
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import TableSource, load_table_dataset, read_columns, read_table
from shoal.data._cells import _fast, _fault
from shoal.data._classes import sorted_texts
from shoal.errors import DataError

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file into an empty working directory, so that messages hold bare names."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, content: str | bytes) -> Path:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
        return Path(name)

    return write_file


def refusal(read: Callable[[], object]) -> list[str]:
    with pytest.raises(DataError) as caught:
        read()
    return str(caught.value).splitlines()


def load(file: Path, **changes: object):
    return load_table_dataset(
        TableSource(**{"train": file, "task": "regression", "targets": ("y",)} | changes)
    )


@pytest.mark.parametrize(
    "content",
    [
        b"a,y\n1,2\n3,4\n",
        b"\xef\xbb\xbfa,y\r\n1,2\r\n3,4\r\n",
        b'"a","y"\n"1","2"\n"3","4"',
        b"a, y\n1, 2\n 3 ,\t4\n\n\n",
        b"a,y\r1,2\r3,4\r",
    ],
    ids=["plain", "mark and CRLF", "quoted, no last line end", "spaces and last empty lines", "CR"],
)
def test_spelling_does_not_count(write: Write, content: bytes) -> None:
    dataset = load(write("t.csv", content), test_share=0.5)
    plain = load(write("u.csv", "a,y\n1,2\n3,4\n"), test_share=0.5)
    assert sorted(dataset.columns[0].values) == [1, 3]
    assert (dataset.train_fingerprint, dataset.test_fingerprint) == (
        plain.train_fingerprint,
        plain.test_fingerprint,
    )


def test_tsv_and_newline_in_a_cell(write: Write) -> None:
    table = read_table(write("t.tsv", 'name\tx\n"two\nlines"\t1\nb\t2\n'))
    assert table.names == ("name", "x")
    assert table.columns == (("two\nlines", "b"), ("1", "2"))
    assert table.lines == [2, 4]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_read_to_the_same_float64(values: list[float]) -> None:
    read = _fast([repr(value) for value in values])
    assert read is not None
    assert read.tobytes() == np.array(values).tobytes()


@given(st.text(alphabet="0123456789+-.eE \t_naif١,", max_size=8))
def test_a_cell_is_refused_unless_float_takes_it_as_a_finite_ascii_number(cell: str) -> None:
    try:
        plain = math.isfinite(float(cell)) and cell.isascii() and "_" not in cell
    except ValueError:
        plain = False
    assert (_fault(cell) is None) == plain
    assert (_fast([cell]) is not None) == plain


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))), min_size=1))
def test_text_survives_the_csv_module(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    width = len(rows[0]) + 1
    body = [[f"c{number}" for number in range(width)]]
    body += [([*row, *["x"] * width])[:width] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(body)
    file = tmp_path_factory.getbasetemp() / "h.csv"
    file.write_bytes(text.getvalue().encode())
    assert [list(row) for row in zip(*read_table(file).columns, strict=True)] == body[1:]


EVERY_CELL = """a,b,y
1,2
3,x,
1e999,nan,1_000

4,5,6,7
"1
2",-inf,١
1,2,"a\x1b[31mred"
"""


def test_all_mistakes_of_a_file_at_once_with_their_lines(write: Write) -> None:
    assert refusal(lambda: load(write("t.csv", EVERY_CELL))) == [
        "t.csv, line 2: expected 3 cells, got 2",
        't.csv, line 3, column "b": expected a number, got "x"',
        't.csv, line 3, column "y": expected a number, got an empty cell',
        't.csv, line 4, column "a": expected a number below 1.8e308, got "1e999"',
        't.csv, line 4, column "b": expected a finite number, got "nan"',
        't.csv, line 4, column "y": expected a number, got "1_000"',
        "t.csv, line 5: expected 3 cells, got an empty line",
        "t.csv, line 6: expected 3 cells, got 4",
        't.csv, line 7, column "a": expected a number, got "1\\n2"',
        't.csv, line 7, column "b": expected a finite number, got "-inf"',
        't.csv, line 7, column "y": expected a number, got "١"',
        't.csv, line 9, column "y": expected a number, got "a\\x1b[31mred"',
    ]


def test_the_printed_list_ends_after_twenty(write: Write) -> None:
    names = ",".join(f"c{number}" for number in range(50))
    lines = refusal(lambda: load(write("t.csv", f"{names},y\n{'nan,' * 50}1\n{'1,' * 50}1\n")))
    assert len(lines) == 21
    assert lines[19] == 't.csv, line 2, column "c19": expected a finite number, got "nan"'
    assert lines[20] == "t.csv: and 30 more"


def test_a_column_has_one_line_where_more_than_three_cells_have_one_reason(write: Write) -> None:
    few = "a,y\n" + "x,1\ny,1\n" + "1,1\n" * 9
    assert refusal(lambda: load(write("t.csv", few))) == [
        't.csv, line 2, column "a": expected a number, got "x"',
        't.csv, line 3, column "a": expected a number, got "y"',
    ]
    many = "a,b,y\n" + "".join(f"{cell},,nan\n" for cell in "uvwxy") + "1,1,1\n" * 9
    assert refusal(lambda: load(write("t.csv", many))) == [
        't.csv, column "a": expected a number, got "u" and others in 5 of 14 cells, first on line 2',
        't.csv, column "b": expected a number, got an empty cell in 5 of 14 cells, first on line 2',
        't.csv, column "y": expected a finite number, got "nan" in 5 of 14 cells, first on line 2',
    ]


SAVE = 'save it as UTF-8 (in a spreadsheet: "CSV UTF-8"; else: iconv -f cp1252 -t utf-8)'
WEST = f"most likely Windows-1252 or Latin-1; {SAVE}"
WHOLE_FILES = [
    ("t.csv", "", "t.csv: expected a line of column names and rows below it, got an empty file"),
    ("t.csv", "\ufeff\n\n", "t.csv: expected a line of column names and rows below it, got an empty file"),
    ("t.csv", "a,y\n", "t.csv: expected at least one row below the column names, got none"),
    ("t.csv", "\na,y\n1,2\n", "t.csv, line 1: expected column names, got an empty line"),
    ("t.csv", "a,,y\n1,2,3\n", "t.csv, line 1, column 2: expected a column name, got nothing"),
    (
        "t.csv",
        "a,y,a\n1,2,3\n",
        't.csv, line 1: expected every column name once, got "a" 2 times; rename all but one',
    ),
    (
        "t.csv",
        b"a,y\n1,2\n3,\xff\n",
        f"t.csv, line 3: expected UTF-8 text, got byte 0xff at offset 10, {WEST}",
    ),
    (
        "t.csv",
        b"\xef\xbb\xbfa\n\x80\n",
        "t.csv, line 2: expected UTF-8 text, as its mark says, got byte 0x80 at offset 5: damaged",
    ),
    ("t.csv", "a,y\n1,2\0\n", "t.csv, line 2: expected text, got a NUL byte"),
    ("t.csv", 'a,y\n1,2\n1,"2\n', "t.csv, line 3: expected well-quoted cells, got: unexpected end of data"),
    ("t.csv", 'a,y\n1,"2"3\n', "t.csv, line 2: expected well-quoted cells, got: ',' expected after '\"'"),
    ("t.csv", "a;y\n1;2\n", "t.csv, line 1: expected cells separated by commas, got semicolons"),
    (
        "t.csv",
        "a;y\n1,5;2,5\n1,6;3\n",
        "t.csv, line 1: expected cells separated by commas, got semicolons",
    ),
    ("t.tsv", "a,y\n1,2\n", "t.tsv, line 1: expected cells separated by tabs, got commas"),
    (
        "t.xls",
        "a,y\n1,2\n",
        "t.xls: expected a table file ending in .csv, .tsv, .txt, .parquet, .npz or .xlsx",
    ),
    (
        "t.npz",
        b"PK no",
        "t.npz: expected an NPZ file as numpy.savez writes it, got a damaged one (File is not a zip file)",
    ),
]


@pytest.mark.parametrize(("name", "content", "sentence"), WHOLE_FILES)
def test_files_that_are_no_tables(write: Write, name: str, content: str | bytes, sentence: str) -> None:
    assert refusal(lambda: read_table(write(name, content))) == [sentence]


def test_missing_file_and_directory(write: Write) -> None:
    assert refusal(lambda: read_table("no.csv")) == ["no.csv: expected a file, got nothing there"]
    Path("d.csv").mkdir()
    assert refusal(lambda: read_table("d.csv")) == ["d.csv: expected a file, got a folder"]


def test_a_file_that_cannot_be_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    file = write("t.csv", "a\n1\n")
    monkeypatch.setattr("shoal.files.os.open", deny)
    assert refusal(lambda: read_table(file)) == ["t.csv: expected a readable file, got: Permission denied"]


def test_parquet_reads_numbers_text_and_missing_cells(tmp_path: Path) -> None:
    columns = {
        "i": pyarrow.array([1, 2, 2**53 + 1]),
        "f": pyarrow.array([0.1, -2.5, 1e300]),
        "s": pyarrow.array(["u", "v", "u"]).dictionary_encode(),
        "b": pyarrow.array([True, False, True]),
        "d": pyarrow.array(["1.10", "2.20", "3.30"]).cast(pyarrow.decimal128(10, 2)),
        "t": pyarrow.array([1, 2, 3], pyarrow.timestamp("s")),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    source = TableSource(
        tmp_path / "t.parquet", "regression", ("f",), inputs=("i", "s", "b", "d"), categorical=("s",)
    )
    dataset = load_table_dataset(TableSource(**vars(source) | {"test": tmp_path / "t.parquet"}))
    assert [column.values[:3].tolist() for column in dataset.columns] == [
        [1, 2, 2.0**53],
        ["u", "v", "u"],
        [1, 0, 1],
        [1.1, 2.2, 3.3],
    ]


def test_parquet_refusals(write: Write) -> None:
    write("bad.parquet", "PAR1 not really")
    (line,) = refusal(lambda: read_table("bad.parquet"))
    assert line.startswith("bad.parquet: expected a Parquet file, got a damaged one (")
    columns = {
        "x": pyarrow.array([1.0, None, 3.0]),
        "s": pyarrow.array(["a", None, "b"]),
        "t": pyarrow.array([1, 2, 3], pyarrow.duration("us")),
        "when": pyarrow.array([1, 2, 3], pyarrow.timestamp("us")),
        "y": pyarrow.array([1, 2, 3]),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), "t.parquet")
    assert refusal(lambda: load(Path("t.parquet"), categorical=("s",))) == [
        't.parquet, column "t": expected numbers, got duration[us]',
        't.parquet, column "when": expected numbers, got dates',
        't.parquet, row 2, column "x": expected a finite number, got nan',
        't.parquet, row 2, column "s": expected text, got an empty cell',
    ]


def test_parquet_without_pyarrow_names_the_extra(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refusal(lambda: read_table(write("t.parquet", "x"))) == [
        't.parquet: reading Parquet needs the package pyarrow: pip install "shoal[parquet]"'
    ]


def test_npz_columns_keep_their_numbers(tmp_path: Path) -> None:
    x = np.arange(6, dtype=">f4").reshape(3, 2, order="F")
    np.savez_compressed(tmp_path / "t.npz", x=x, y=np.array([1, 2, 3], np.uint8), s=np.array(["a", "b", "a"]))
    table = read_table(tmp_path / "t.npz")
    assert table.names == ("x[0]", "x[1]", "y", "s")
    columns = read_columns(tmp_path / "t.npz", ["x[1]", "s"], {"s": ("a", "b")})
    assert [column.values.tolist() for column in columns] == [[3, 4, 5], ["a", "b", "a"]]


def test_npz_refusals(write: Write) -> None:
    np.savez(
        "t.npz",
        o=np.array([{}, None]),
        c=np.array([1j]),
        v=np.zeros((1, 1, 1, 1)),
        x=np.zeros(2),
        y=np.zeros(3),
    )
    assert refusal(lambda: read_table("t.npz")) == [
        't.npz: array "o": expected numbers or text, got Python objects, never loaded here',
        't.npz: array "c": expected numbers or text, got complex128',
        't.npz: array "v": expected 1 to 3 dimensions, got 4',
        't.npz: expected arrays of one length, got "x" 2, "y" 3',
    ]
    np.savez("empty.npz")
    assert refusal(lambda: read_table("empty.npz")) == [
        "empty.npz: expected columns and at least one row, got an empty table"
    ]


def test_npz_that_declares_more_than_it_holds(write: Write) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("x.npy", member)
    assert refusal(lambda: read_table("t.npz")) == [
        f't.npz: array "x": declares 8000000000000 bytes, but the file holds at most {len(member)}'
    ]


def test_npz_cut_anywhere_is_refused(write: Write) -> None:
    np.savez("t.npz", x=np.arange(4.0))
    whole = Path("t.npz").read_bytes()
    for size in range(len(whole)):
        (line,) = refusal(lambda size=size: read_table(write("cut.npz", whole[:size])))
        assert line.startswith("cut.npz: expected an NPZ file")


@given(st.lists(st.integers(-100, 100)))
def test_labels_that_are_all_numbers_sort_as_numbers(values: list[int]) -> None:
    assert sorted_texts(map(str, values)) == tuple(map(str, sorted(set(values))))
    assert sorted_texts([*map(str, values), "z"]) == tuple(sorted({*map(str, values), "z"}))


def test_a_long_cell_takes_no_room_in_other_rows(write: Write) -> None:
    """An array of numpy's own texts takes rows x longest cell x 4 bytes: 10 GB here."""
    words = ["x" * 30_000, *("ab"[row % 2] for row in range(80_000))]
    file = write("t.csv", '"c",g,y\n' + "".join(f"{word},{word},{row}\n" for row, word in enumerate(words)))
    dataset = load(file, categorical=("c",), groups="g")
    assert dataset.groups is not None
    assert dataset.columns[0].values.nbytes + dataset.groups.nbytes < 2 * 8 * len(words)
    assert set(dataset.columns[0].codes[0]) == set(words)
    assert len(set(map(id, dataset.columns[0].values.tolist()))) == 3
