"""Tables as other programs write them: an index, another encoding, another form of Unicode, numbers for people."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pytest
from sklearn.utils.fixes import parse_version

from shoal.data import Dataset, TableSource, given_columns, load_table_dataset, read_columns, read_table
from shoal.data._column_kind import DateStyle
from shoal.data._missing import Missing
from shoal.errors import DataError

OF_VIEWS = parse_version("21")
"""Before it, pyarrow writes no Parquet file of a column of views of text."""
NFC, NFD = "café", unicodedata.normalize("NFD", "café")
THERE = "t.csv, line 3: expected UTF-8 text, got byte"
SAVE = 'set data.encoding = "{}", or save it as UTF-8 (in a spreadsheet: "CSV UTF-8"; else: iconv -f {} -t utf-8)'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(train: str, **changes: Any) -> Dataset:
    return load_table_dataset(
        TableSource(**{"train": train, "task": "regression", "targets": ("y",)} | changes)
    )


def refusal(train: str, **changes: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(train, **changes)
    return str(caught.value).splitlines()


# -- what pandas calls an index --------------------------------------------------------------------------------


def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(10.0) % 3, "y": np.arange(10.0)})


SQUARES = np.arange(10) ** 2
INDEXED = {
    "range": (frame(), ()),
    "unnamed": (frame().sample(frac=1, random_state=0), ("__index_level_0__",)),
    "named": (frame().set_index(pd.Index(SQUARES, name="when")), ("when",)),
    "levels": (
        frame().set_index([pd.Index(list("uv") * 5, name="who"), pd.Index(SQUARES)]),
        ("who", "__index_level_1__"),
    ),
    "dates": (frame().set_index(pd.date_range("2020", periods=10)), ("__index_level_0__",)),
    "a column": (frame().assign(b=1.0).set_index("a"), ("a",)),
}  # fmt: skip


@pytest.mark.parametrize("kind", INDEXED)
def test_the_index_of_a_parquet_file_is_no_input(kind: str) -> None:
    stored, index = INDEXED[kind]
    stored.to_parquet("t.parquet")
    assert set(read_table("t.parquet").index) == set(index)
    dataset = load("t.parquet")
    assert [column.name for column in dataset.columns] == [name for name in stored.columns if name != "y"]
    assert bool(dataset.notes) == bool(index)
    read = given_columns(pd.read_parquet("t.parquet"), [column.name for column in dataset.columns])
    rows = np.concatenate([column.values for column in read])
    assert sorted(rows) == sorted(np.concatenate([column.values for column in dataset.columns]))


def test_an_index_that_is_left_out_is_said_and_one_that_is_named_is_used() -> None:
    INDEXED["named"][0].to_parquet("t.parquet")
    assert load("t.parquet").notes == (
        't.parquet: "when" is left out, being called an index (data.keep brings it back)',
    )
    INDEXED["levels"][0].to_parquet("u.parquet")
    (note,) = load("u.parquet", groups="who").notes
    assert note.startswith('u.parquet: "__index_level_1__" is left out')
    named = load("t.parquet", inputs=("when", "a"))
    assert [column.name for column in named.columns] == ["when", "a"]
    assert named.notes == ()
    (column,) = given_columns(pd.read_parquet("t.parquet"), ["when"])
    assert column.values.tolist() == SQUARES.tolist()
    frame().set_index("a").to_parquet("v.parquet")
    assert refusal("v.parquet") == [
        'data.inputs: expected input columns in v.parquet ("y", "a"), got none but the target and the file\'s index'
    ]


def test_a_model_that_learned_an_unnamed_index_finds_it_in_the_frame() -> None:
    read = given_columns(frame().iloc[::-1], ["__index_level_0__", "a"])
    assert read[0].values.tolist() == list(range(9, -1, -1))


def test_test_rows_may_have_another_index_than_training_rows() -> None:
    frame().to_parquet("t.parquet")
    INDEXED["named"][0].to_parquet("u.parquet")
    assert load("t.parquet", test="u.parquet").rows == 20


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b'{"index_columns": 3}', b'{"index_columns": [{"kind": "range"}]}']
)
def test_foreign_metadata_name_no_index(metadata: bytes) -> None:
    table = pyarrow.table({"a": [1.0, 2.0]}).replace_schema_metadata({b"pandas": metadata})
    pyarrow.parquet.write_table(table, "t.parquet")
    assert read_table("t.parquet").index == ()


def test_row_names_without_a_name_are_left_out_and_other_columns_need_one() -> None:
    Path("p.csv").write_text(",a,y\n0,1,2\n1,2,3\n3,2,3\n")
    Path("r.csv").write_text("a,y\n1,1,2\n2,2,3\n3,2,3\n")
    for file in ("p.csv", "r.csv"):
        table = read_table(file)
        assert (table.names, table.nameless) == (("a", "y"), True)
    Path("q.csv").write_text("a,,y\n0,1,2\n1,2,3\n")
    assert refusal("q.csv") == ["q.csv, line 1, column 2: expected a column name, got nothing"]


# -- other encodings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("cp1252", f"{THERE} 0x80 at offset 21, most likely Windows-1252; "),
        ("latin-1", f"{THERE} 0xe9 at offset 21, most likely Windows-1252 or Latin-1; "),
        ("utf-16", "t.csv: expected UTF-8 text, got what looks like UTF-16; "),
        ("utf-32", "t.csv: expected UTF-8 text, got what looks like UTF-32; "),
        ("utf-16-le", "t.csv: expected UTF-8 text, got what looks like UTF-16LE; "),
        ("utf-16-be", "t.csv: expected UTF-8 text, got what looks like UTF-16BE; "),
    ],
)  # fmt: skip
def test_another_encoding_is_named_with_a_way_to_utf_8(encoding: str, sentence: str) -> None:
    letter = "é" if encoding == "latin-1" else "€"
    Path("t.csv").write_bytes(f"colour,y\nred,1\ngreen {letter},2\n".encode(encoding))
    (said,) = refusal("t.csv", categorical=("colour",))
    name = "cp1252" if sentence.startswith("t.csv, line") else sentence.rsplit(maxsplit=1)[-1].rstrip(";")
    key = encoding if encoding.startswith("utf") else "cp1252"
    assert said == sentence + SAVE.format(key, name)


@pytest.mark.parametrize("encoding", ["shift-jis", "cp1251", "gbk", "koi8-r"])
def test_no_western_encoding_is_blamed_for_another_script(encoding: str) -> None:
    text = (
        "大きさ,高い\nたた,たかい\n" if encoding in ("shift-jis", "gbk") else "цвет,размер\nкрасный,большой\n"
    )
    Path("t.csv").write_bytes(text.encode(encoding))
    (said,) = refusal("t.csv")
    assert said.endswith(
        "most likely an older encoding of its script; set data.encoding, or save it as UTF-8"
        ' (in a spreadsheet: "CSV UTF-8")'
    )


def test_utf_8_with_its_mark_is_utf_8() -> None:
    Path("t.csv").write_text("größe,y\n1,2\n2,3\n", encoding="utf-8-sig")
    assert [column.name for column in load("t.csv", test_share=0.5).columns] == ["größe"]


# -- two forms of Unicode ----------------------------------------------------------------------------------------


def test_names_categories_classes_and_folds_are_one_in_both_forms() -> None:
    rows = "".join(f"{i},{(NFC, NFD, 'tea')[i % 3]},{i % 2}\n" for i in range(12))
    for name, form in (("c.csv", "NFC"), ("d.csv", "NFD")):
        Path(name).write_text(unicodedata.normalize(form, f"größe,über,y\n{rows}"), encoding="utf-8")
    Path("mixed.csv").write_text(f"größe,über,y\n{rows}", encoding="utf-8")
    composed = load("c.csv", task="classification", targets=("über",))
    assert composed.classes == (NFC, "tea")
    for name in ("d.csv", "mixed.csv"):
        for form in ("NFC", "NFD"):
            asked = unicodedata.normalize(form, "über")
            dataset = load(name, task="classification", targets=(asked,), test="c.csv")
            assert dataset.classes == (NFC, "tea")
            assert dataset.train_fingerprint == dataset.test_fingerprint
    both = load("mixed.csv", categorical=(unicodedata.normalize("NFD", "über"),))
    assert set(both.columns[1].values.tolist()) == {NFC, "tea"}
    folds = load("mixed.csv", fold_column="über", inputs=("größe",)).given_folds
    assert folds is not None
    assert set(folds.tolist()) == {0, 1}


def test_new_rows_find_their_columns_and_categories_in_both_forms() -> None:
    for learned, came in ((NFC, NFD), (NFD, NFC)):
        (column,) = given_columns({came: [came, "x"]}, [learned], {learned: (learned, "x")})
        assert (column.name, column.values.tolist()) == (learned, [learned, "x"])


def test_two_columns_of_one_name_in_two_forms_are_refused_as_that() -> None:
    Path("t.csv").write_text(f"{NFC},{NFD},y\n1,2,3\n", encoding="utf-8")
    only = "which differ in Unicode form only (NFC, NFD); rename all but one"
    sentence = f'expected every column name once, got "{NFC}" 2 times, {only}'
    assert refusal("t.csv") == [f"t.csv, line 1: {sentence}"]
    with pytest.raises(DataError) as caught:
        given_columns({NFC: [1], NFD: [2]}, [NFC])
    assert str(caught.value) == f"x: {sentence}"


# -- labels that are no classes --------------------------------------------------------------------------------


def test_labels_of_one_row_each_are_no_classes() -> None:
    Path("t.csv").write_text("a,b,n,y\n" + "".join(f"{i % 5},{i % 4},n{i},{i / 8}\n" for i in range(40)))
    what = "expected classes that rows have in common, got 40 different ones in 40 rows"
    asked = {"task": "classification", "inputs": ("a", "b")}
    sentence = f't.csv, column "y": {what}, all numbers; a regression? (study.task = "regression")'
    assert refusal("t.csv", **asked) == [sentence]
    assert refusal("t.csv", test="t.csv", **asked) == [sentence]
    assert refusal("t.csv", **asked | {"targets": ("n",)}) == [
        f't.csv, column "n": {what}; it looks like a name or free text of each row, no class'
    ]
    assert load("t.csv", task="classification", targets=("b",), inputs=("a",)).notes == ()


def test_notes_on_classes_with_fractions_and_categories_that_name_rows() -> None:
    Path("t.csv").write_text("a,n,y\n" + "".join(f"{i % 5},n{i},{i % 12 / 8}\n" for i in range(60)))
    notes = load("t.csv", task="classification", categorical=("n",)).notes
    assert notes == (
        'column "n": 48 categories in 48 training rows, most of one row alone; leave it out (data.ignore) if it'
        " names the rows",
        'column "y": 12 classes that are all numbers, some with a fraction; a regression? (study.task = "regression")',
    )
    Path("u.csv").write_text("a,n,y\n" + "".join(f"{i % 5},m{i % 3},{i % 12 / 8}\n" for i in range(60)))
    Path("t.csv").write_text("a,n,y\n" + "".join(f"{i % 5},n{i % 3},{i % 12 / 8}\n" for i in range(60)))
    assert load("t.csv", test="u.csv", categorical=("n",)).notes == (
        'column "n": no test row has a category of the training rows; the test rows have "m0", "m1", "m2"',
    )


# -- the sentences of docs/data.md -----------------------------------------------------------------------------


LABELS = "a,y\n" + "".join(f"{i % 5},{i / 8}\n" for i in range(12))
SENTENCES: list[tuple[str, bytes, str]] = [
    (
        "t.csv",
        b"a,y\n1,2\n3,\xff\n",
        "t.csv, line 3: expected UTF-8 text, got byte 0xff at offset 10, most likely Windows-1252 or Latin-1;"
        ' set data.encoding = "cp1252", or'
        ' save it as UTF-8 (in a spreadsheet: "CSV UTF-8"; else: iconv -f cp1252 -t utf-8)',
    ),
    (
        "t.csv",
        "a,y\n1,2\n".encode("utf-16"),
        "t.csv: expected UTF-8 text, got what looks like UTF-16;"
        ' set data.encoding = "utf-16", or'
        ' save it as UTF-8 (in a spreadsheet: "CSV UTF-8"; else: iconv -f UTF-16 -t utf-8)',
    ),
    (
        "t.csv",
        f"{NFC},{NFD},y\n1,2,3\n".encode(),
        't.csv, line 1: expected every column name once, got "café" 2 times,'
        " which differ in Unicode form only (NFC, NFD); rename all but one",
    ),
    (
        "t.csv",
        b"a,y\n1,1,\n2,2,\n",
        "t.csv, line 2: expected 2 cells as in line 1, got one more in every row, always empty;"
        " take the separator at the end of every line out",
    ),
    (
        "t.tsv",
        b"a\ty\n0,5\t1\n1,500\t2\n2,5\t3\n",
        't.tsv, column "a": expected a decimal point, got a decimal comma in all 3 cells, such as "0,5"'
        ' on line 2; set data.decimal = ","',
    ),
    (
        "t.csv",
        LABELS.encode(),
        't.csv, column "y": expected classes that rows have in common, got 12 different ones in 12 rows,'
        ' all numbers; a regression? (study.task = "regression")',
    ),
    (
        "t.csv",
        LABELS.replace("/", "").replace(",0", ",n0").replace("\n", "w\n").replace("yw", "y").encode(),
        't.csv, column "y": expected classes that rows have in common, got 12 different ones in 12 rows;'
        " it looks like a name or free text of each row, no class",
    ),
]


@pytest.mark.parametrize(("name", "content", "sentence"), SENTENCES)
def test_the_sentences_of_the_docs(name: str, content: bytes, sentence: str) -> None:
    Path(name).write_bytes(content)
    task = "classification" if "classes" in sentence else "regression"
    assert refusal(name, task=task) == [sentence]


def test_a_masked_number_is_a_missing_one() -> None:
    masked = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    for x in (masked[:, None], {"a": masked}, {"a": masked.astype(int)}):
        with pytest.raises(DataError) as caught:
            given_columns(x, ["a"])
        assert str(caught.value) == 'x, row 2, column "a": expected a finite number, got nan'
    (column,) = given_columns({"a": np.ma.masked_array([1.0, 2.5])}, ["a"])
    assert column.values.tolist() == [1.0, 2.5]


def test_a_whole_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        given_columns({"a": [1, 10**400]}, ["a"])
    assert str(caught.value) == (
        'x, column "a": expected numbers, got a whole number beyond the range of float64'
    )
    assert cells({"a": ["b", 10**5000]}) == [str(caught.value).replace("numbers", "numbers or text")]


def cells(x: Any, *, dates: bool = False) -> list[Any]:
    """Give the cells of column `a` of rows in memory, or the sentences that refuse them."""
    kinds: Any = (None, Missing({"a"}), {"a": DateStyle()}) if dates else ({"a": ()}, Missing({"a"}))
    try:
        values: list[Any] = given_columns(x, ["a"], *kinds)[0].values.tolist()
    except DataError as error:
        return str(error).splitlines()
    return values


@pytest.mark.parametrize("values", [[2, None, 1], ["b", None, "a"], [True, None, False], [None, None]])
def test_missing_cells_of_arrow_stay_missing_however_they_are_coded(values: list[Any]) -> None:
    """An array that pyarrow makes of a dictionary has the value of another cell where one is missing."""
    plain, array = cells({"a": values}), pyarrow.array(values)
    assert plain.count("") == values.count(None)
    coded = [array, array.dictionary_encode(), pyarrow.compute.run_end_encode(array)]
    coded += [pyarrow.array(values, pyarrow.string_view())] if isinstance(values[0], str) else []
    for column in coded:
        assert cells(pyarrow.table({"a": column})) == plain
    written = coded[3:] if parse_version(pyarrow.__version__) >= OF_VIEWS else []
    for column in [array, *written]:
        pyarrow.parquet.write_table(pyarrow.table({"a": column}), "t.parquet")
        (read,) = read_columns("t.parquet", ["a"], {"a": ()}, Missing({"a"}))
        assert read.values.tolist() == plain


def test_what_python_or_numpy_would_change_unseen_is_read_or_refused() -> None:
    assert cells({"a": ["b", Fraction(1, 2)]}) == ["b", "0.5"]
    assert cells({"a": np.array(["b", None], np.dtypes.StringDType(na_object=None))}) == ["b", ""]
    nul = ['x, row 2, column "a": expected text, got a NUL byte']
    assert cells({"a": ["b", "b\0"]}) == cells({"a": ["b", "\0"]}) == nul
    years = ['x, row 1, column "a": expected a date of the years 1 to 9999, got another']
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    for moments in (np.array([2**62], "datetime64[Y]"), np.array([2**62], "datetime64[25ms]"), [first]):
        assert cells({"a": moments}, dates=True) == years
    expected = 'x, column "a": expected numbers or text, got'
    assert cells({"a": [Decimal("sNaN")]}) == [f"{expected} a signalling NaN"]
    assert cells(pl.DataFrame({"a": pl.Series([2**70], dtype=pl.Int128)})) == [f"{expected} Int128"]
    broken = pyarrow.array([b"\xff"]).view(pyarrow.string())
    assert cells(pyarrow.table({"a": broken})) == [f"{expected} pyarrow.ChunkedArray"]


class Panic(BaseException):
    """As pyo3's, of which polars' are: no Exception."""


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit, MemoryError])
def test_a_library_that_panics_is_refused_and_an_end_is_an_end(ends: type[BaseException]) -> None:
    class Column:
        dtype, fault = "Int128", Panic

        def __array__(self, *_: Any, **__: Any) -> Any:
            raise self.fault

    assert cells({"a": Column()}) == ['x, column "a": expected numbers or text, got Int128']
    Column.fault = ends
    with pytest.raises(ends):
        cells({"a": Column()})
