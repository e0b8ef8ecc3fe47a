"""Columns that nobody named: read as what they are, or left out and said so; what looks like a slip is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from shoal.data import Column, Dataset, Preprocessing, TableSource, fit_preprocessing, load_table_dataset
from shoal.data._column_kind import ColumnKind
from shoal.data._missing import missing_said
from shoal.data.encoders.category import CategoryEncoder
from shoal.errors import DataError, ModelFileError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, file: str = "t.csv", **choices: Any) -> Dataset:
    """Read a table that is both training and test table, as a study does."""
    if text:
        Path(file).write_text(text, encoding="utf-8")
    chosen = {
        "task": "regression",
        "targets": ("y",),
        "impute": True,
        "find_kinds": True,
        "test": file,
        **choices,
    }
    return load_table_dataset(TableSource(train=file, **chosen))


def refusal(text: str, **choices: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(text, **choices)
    return str(caught.value).splitlines()


def kinds(dataset: Dataset) -> dict[str, str]:
    return {column.name: "text" if column.categorical else "number" for column in dataset.columns}


def csv(**columns: list[Any]) -> str:
    return pd.DataFrame(columns).to_csv(index=False)


COLOURS = ["red", "blue", "red", "green"]


def test_text_is_a_category_and_that_is_said() -> None:
    dataset = load(csv(colour=COLOURS, x=[1, 2, 3, 4], y=[1, 2, 3, 4]))
    assert kinds(dataset) == {"colour": "text", "x": "number"}
    assert dataset.notes == ('column "colour": text, read as one of 3 categories ("red", "blue", "green")',)
    named = load(csv(colour=COLOURS, x=[1, 2, 3, 4], y=[1, 2, 3, 4]), categorical=("colour",))
    assert named.train_fingerprint == dataset.train_fingerprint
    assert named.notes == ()


def test_kind_and_gaps_of_a_column_are_one_sentence() -> None:
    dataset = load("k,x,y\na,1,1\n,2,2\nb,3,3\n")
    assert dataset.notes == (
        'column "k": text, read as one of 2 categories ("a", "b"); 1 of 3 training cells and 1 of 3 test cells missing;'
        " a category of their own",
    )


def test_numbers_with_a_few_texts_are_a_typing_error_and_texts_with_a_few_numbers_are_not() -> None:
    assert (
        refusal(csv(x=[1, 2, "3o", 4], y=[1, 2, 3, 4]))
        == ['t.csv, line 4, column "x": expected a number, got "3o"'] * 2
    )
    assert kinds(load(csv(x=["1", "2+", "3+", "2+"], y=[1, 2, 3, 4]))) == {"x": "text"}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1,5", "a decimal comma"),
        ("02.01.2020", "dates of ISO 8601"),
        ("€ 5", "a sign of currency"),
        ("12:30", "state how they are written"),
    ],
)
def test_numbers_and_dates_that_are_written_for_people_are_no_categories(cell: str, said: str) -> None:
    (sentence, *_) = refusal(csv(x=[cell] * 4, y=[1, 2, 3, 4]))
    assert said in sentence


def test_truth_values_are_numbers_in_every_format() -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"b": [True, False, True], "y": [1.0, 2.0, 3.0]})
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    np.savez("t.npz", b=frame["b"].to_numpy(), y=frame["y"].to_numpy())
    Path("u.csv").write_text("b,y\nTRUE,1\nfalse,2\ntrue,3\n", encoding="utf-8")
    read = [load("", file) for file in ("t.csv", "t.parquet", "t.npz", "u.csv")]
    assert len({dataset.train_fingerprint for dataset in read}) == 1
    assert {dataset.notes for dataset in read} == {('column "b": true read as 1 and false as 0',)}
    assert load("b,y\n1,1\n0,2\n1,3\n").notes == ()
    assert read[0].columns[0].values.tolist() == [1, 0, 1] * 2
    gaps = load("b,y\nTrue,1\n,2\nFalse,3\n")
    np.testing.assert_array_equal(gaps.columns[0].values, [1, np.nan, 0] * 2)
    assert kinds(load(frame.to_csv(index=False), categorical=("b",))) == {"b": "text"}


def test_one_table_has_one_reading_in_every_format() -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"k": ["a", None, "b", "a"], "c": ["01", "1", "01", "1"], "y": [1.0, 2, 3, 4]})
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    np.savez(
        "t.npz", k=frame["k"].fillna("").to_numpy(str), c=frame["c"].to_numpy(str), y=frame["y"].to_numpy()
    )
    read = [load("", file) for file in ("t.csv", "t.parquet", "t.npz")]
    assert len({dataset.train_fingerprint for dataset in read}) == 1
    assert len({dataset.notes for dataset in read}) == 1


NAMES = [f"Mr {number}" for number in range(12)]
PROSE = [
    f"{word} " * 12 + word for word in ("one", "two", "six", "ten", "red", "sun", "sea", "sky") for _ in "abc"
]


def test_names_of_rows_and_prose_are_left_out_until_they_are_brought_back() -> None:
    text = csv(who=NAMES, x=range(12), y=range(12))
    dataset = load(text)
    assert kinds(dataset) == {"x": "number"}
    assert dataset.notes[0] == (
        'column "who": left out, having 12 different texts in 12 training rows, most of one row alone'
        ' (data.keep = ["who"] brings it back)'
    )
    assert kinds(load(text, keep=("who",))) == {"who": "text", "x": "number"}
    assert kinds(load(text, inputs=("who", "x"))) == {"who": "text", "x": "number"}
    assert kinds(load(text, categorical=("who",))) == {"who": "text", "x": "number"}
    essays = [f"essay {row // 2} " * 10 for row in range(60)]
    dataset = load(csv(essay=essays, x=range(60), y=range(60)))
    assert kinds(dataset) == {"x": "number"}
    assert dataset.notes[0] == (
        'column "essay": left out, being free text (data.keep = ["essay"] brings it back)'
    )
    assert kinds(load(csv(essay=PROSE, x=range(24), y=range(24)))) == {"essay": "text", "x": "number"}


def test_a_constant_is_left_out_even_where_it_is_named() -> None:
    text = csv(c=["red"] * 4, x=[1, 2, 3, 4], y=[1, 2, 3, 4])
    for choices in ({}, {"categorical": ("c",)}, {"inputs": ("c", "x")}, {"keep": ("c",)}):
        dataset = load(text, **choices)
        assert kinds(dataset) == {"x": "number"}
        assert dataset.notes == ('column "c": left out, being "red" in every training row',)
    assert kinds(load("c,x,y\nred,1,1\n,2,2\n")) == {"c": "text", "x": "number"}  # where it lacks varies
    assert refusal(csv(c=["red"] * 4, y=[1, 2, 3, 4])) == [
        "data.inputs: expected an input to learn from, got none that is left"
    ]


def test_test_rows_have_no_say_in_what_is_left_out() -> None:
    Path("u.csv").write_text("c,k,x,y\nblue,a,1,1\nred,b,2,2\n", encoding="utf-8")
    dataset = load("c,k,x,y\nred,a,1,1\nred,b,2,2\n", test="u.csv")
    assert kinds(dataset) == {"k": "text", "x": "number"}


CELLS = st.tuples(
    st.sampled_from(["", "NA", "a", "b", "c", "long " * 15]), st.sampled_from(["", "1", "2.5", "nan"])
)


@given(
    train=st.lists(CELLS, min_size=2, max_size=6),
    tests=st.lists(st.lists(CELLS, min_size=1), min_size=2, max_size=2),
)
def test_whatever_stands_in_test_rows_training_rows_stay_the_same_bytes(
    train: list[tuple[str, str]], tests: list[list[tuple[str, str]]]
) -> None:
    def table(cells: list[tuple[str, str]]) -> str:
        lines = [
            f"{text},{number},{row},{row}"
            for row, (text, number) in enumerate([("a", "1"), ("b", ""), *cells])
        ]
        return "\n".join(["k,n,x,y", *lines]) + "\n"

    read = []
    for cells in tests:
        Path("u.csv").write_text(table(cells), encoding="utf-8")
        read.append(load(table(train), test="u.csv"))
    first, second = read
    assert first.train_fingerprint == second.train_fingerprint
    rows = np.arange(first.train_rows)
    fitted = [fit_preprocessing(dataset, rows, "inputs") for dataset in read]
    assert fitted[0] == fitted[1]
    assert fitted[0].inputs(first, rows).tobytes() == fitted[1].inputs(second, rows).tobytes()


def test_columns_are_ignored_by_name() -> None:
    assert kinds(load(csv(a=[1, 2], b=["x", "z"], y=[1, 2]), ignore=("b",))) == {"a": "number"}
    assert refusal(csv(a=[1, 2], y=[1, 2]), ignore=("aa",)) == [
        'data.ignore: expected a column of t.csv ("a", "y"), got "aa"; did you mean "a"?'
    ]
    assert refusal(csv(a=[1, 2], y=[1, 2]), ignore=("y",)) == [
        'data.ignore: expected a column of its own, got "y", which is already the target'
    ]


def test_row_names_of_pandas_and_r_are_no_inputs() -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5], "y": [1, 2, 3]})
    note = "t.csv: the first column is left out, having no name, as row names are written"
    of_r = '"x" "y"\n"1" 1.5 1\n"2" 2.5 2\n"3" 3.5 3\n'.replace(" ", ",")
    for text in (frame.to_csv(), '"","x","y"\n"a",1.5,1\n"b",2.5,2\n"c",3.5,3\n', of_r):
        dataset = load(text)
        assert kinds(dataset) == {"x": "number"}
        assert dataset.columns[0].values.tolist() == [1.5, 2.5, 3.5] * 2
        assert dataset.notes == (note,)
    twice = frame.reset_index(names="Unnamed: 0").to_csv(index=False)
    assert kinds(load(twice)) == {"x": "number"}
    assert load(twice).notes == (
        't.csv: "Unnamed: 0" is left out, being called an index (data.keep brings it back)',
    )
    assert kinds(load(twice, keep=("Unnamed: 0",))) == {"Unnamed: 0": "number", "x": "number"}
    assert kinds(load(twice, inputs=("Unnamed: 0",))) == {"Unnamed: 0": "number"}


def test_a_separator_at_the_end_of_every_line_is_no_row_name() -> None:
    assert (
        refusal("x,y\n1,1,\n2,2,\n")
        == [
            "t.csv, line 2: expected 2 cells as in line 1, got one more in every row, always empty;"
            " take the separator at the end of every line out"
        ]
        * 2
    )


def test_categories_of_test_rows_alone_and_times_of_day_are_said() -> None:
    Path("u.csv").write_text("c,t,y\nred,12:30,1\nblue,12:30,2\npink,00:00,3\n", encoding="utf-8")
    text = csv(c=["red", "green"] * 5, t=["00:00", "12:30"] * 5, y=list(range(10)))
    Path("t.csv").write_text(text, encoding="utf-8")
    columns = {"t": ColumnKind("date", format="%H:%M")}
    source = TableSource("t.csv", "regression", ("y",), test="u.csv", columns=columns, find_kinds=True)
    said = dict(note.split(": ", 1) for note in load_table_dataset(source).notes)
    assert said['column "c"'].endswith(
        '; 2 of 3 test cells of categories that no training row has ("blue", "pink")'
    )
    assert said['column "t"'].startswith("times from 00:00:00 to 12:30:00, read as seconds since ")


def test_texts_that_differ_in_capitals_or_spaces_alone_are_said() -> None:
    sexes = ["male", "x", "fe  male", "fe male", "x", "x"] * 3
    (note, *_) = load(csv(sex=sexes, y=list(range(18)))).notes
    assert note.endswith('; "fe  male", "fe male" differ in capitals or spaces alone')
    answers = load(csv(x=list(range(18)), y=["yes", "Yes", "no"] * 6), task="classification").notes
    assert 'column "y": classes "Yes", "yes" differ in capitals or spaces alone' in answers


def test_columns_without_a_name_and_without_a_cell_are_left_out_and_said() -> None:
    dataset = load("a,,y,,\n1,,3,,\n2, ,4,,\n3,,5,,\n")
    assert [column.name for column in dataset.columns] == ["a"]
    assert dataset.notes == ("t.csv: 3 columns without a name and without a cell left out",)
    assert sorted({*refusal("a,y,\n1,2,\n2,3,x\n")}) == [
        "t.csv, line 1, column 3: expected a column name, got nothing"
    ]


def column(texts: list[str], rare_below: int, *, impute: bool = False) -> Column:
    return Column("k", np.array(texts), impute=impute, rare_below=rare_below)


KEPT = ["a"] * 3 + ["b"] * 2 + ["c", "d"]


def encoded(encoder: CategoryEncoder, texts: list[str]) -> list[list[float]]:
    x_ND = np.zeros((len(texts), len(encoder.names)), np.float32)
    encoder.encode(np.array(texts), x_ND)
    return x_ND.tolist()


def test_rare_categories_are_one_which_unseen_ones_join() -> None:
    encoder = CategoryEncoder.fit(column(KEPT, 2), np.arange(7), standardize=False)
    assert encoder.names == ("k=a", "k=b", "k is rare")
    assert encoded(encoder, ["a", "b", "c", "d", "z"]) == [[1, 0, 0], [0, 1, 0]] + [[0, 0, 1]] * 3
    assert encoder.unknown(np.array(["c", "z"])) == (
        'not among the categories it learned, and read as rare: "z"'
    )
    every = CategoryEncoder.fit(column(KEPT, 1), np.arange(7), standardize=False)
    assert every.pooled == ()
    assert encoded(every, ["z"]) == [[0, 0, 0, 0]]
    gaps = CategoryEncoder.fit(column([*KEPT, ""], 2, impute=True), np.arange(8), standardize=False)
    assert gaps.names == ("k=a", "k=b", "k is missing", "k is rare")
    assert encoded(gaps, ["", "c"]) == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_missing_cells_of_test_rows_alone_are_said_to_be_read_as_they_are() -> None:
    tested, said = column(["", "a"], 2, impute=True), "1 of 2 test cells missing; read as "
    for few, as_what in ((1, "none of its categories"), (2, "rare")):
        trained = column(KEPT, few, impute=True)
        assert missing_said(trained, tested) == said + as_what
        encoder = CategoryEncoder.fit(trained, np.arange(7), standardize=False)
        assert (
            encoder.unknown(tested.values) == f"1 missing cell, which no training row had, read as {as_what}"
        )
        assert encoded(encoder, [""]) == [[0] * len(encoder.names[:-1]) + [few == 2]]


@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=30), st.integers(1, 6), st.data())
def test_pooling_equals_scikit_learn_and_looks_at_no_other_rows(
    texts: list[str], few: int, data: st.DataObject
) -> None:
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(texts) - 1), min_size=1))))
    encoder = CategoryEncoder.fit(column(texts, few), rows, standardize=False)
    changed = [text if row in rows else data.draw(st.sampled_from("abz")) for row, text in enumerate(texts)]
    assert CategoryEncoder.fit(column(changed, few), rows, standardize=False) == encoder
    oracle = OneHotEncoder(min_frequency=few, handle_unknown="infrequent_if_exist", sparse_output=False)
    learned = np.array(texts)[rows][:, None]
    asked = [*texts, "z"]
    expected = oracle.fit(learned).transform(np.array(asked)[:, None])
    assert encoded(encoder, asked) == expected.tolist()
    assert sum(count < few for count in Counter(learned.ravel().tolist()).values()) == len(encoder.pooled)
    assert CategoryEncoder.from_json(encoder.to_json()) == encoder


def test_what_is_pooled_is_part_of_what_rows_are() -> None:
    text = csv(k=KEPT, x=range(7), y=range(7))
    prints = {load(text, rare_below=few).train_fingerprint for few in (1, 2, 3)}
    assert len(prints) == 3
    assert load(text, rare_below=2).notes[0] == (
        'column "k": text, read as one of 4 categories ("a", "b", "c" and 1 more), 2 of fewer than 2 training rows,'
        " pooled as rare"
    )
    assert load(text, rare_below=2, categorical=("k",)).notes == (
        'column "k": 4 categories, 2 of fewer than 2 training rows, pooled as rare',
    )


def test_a_foreign_list_of_pooled_categories_is_refused() -> None:
    described = {"name": "k", "categories": ["a"], "pooled": ["b"]}
    preprocessing = Preprocessing.from_json({"inputs": [described], "targets": [], "channels": []})
    assert list(preprocessing.misfits()) == ["expected pooled categories among the others, got 'b'"]
    for pooled in ([], [1], "a"):
        with pytest.raises(ModelFileError):
            Preprocessing.from_json(
                {"inputs": [{**described, "pooled": pooled}], "targets": [], "channels": []}
            )


def test_all_that_is_rare_is_one_column() -> None:
    dataset = load(csv(k=list("abcdef"), x=range(6), y=range(6)), rare_below=2)
    fitted = fit_preprocessing(dataset, np.arange(6), "none")
    assert fitted.input_names == ("k is rare", "x")


@pytest.mark.parametrize("row", range(5))
def test_zeros_before_a_number_are_seen_in_whatever_rows_are_read_together(
    row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.data._text_column._ROWS_AT_ONCE", 2)
    codes = ["01" if place == row else "1" for place in range(5)]
    plain = load(csv(x=[5, 6, 7, 8, 9], code=codes, y=[1, 2, 3, 4, 5]), keep=("code",))
    assert kinds(plain) == {"x": "number", "code": "text"}
    assert plain.columns[0].values.tolist()[:5] == [5, 6, 7, 8, 9]
