"""Missing cells: what counts as one in every format, what is made of them, what is said, what is refused."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.data import (
    Column,
    Dataset,
    Preprocessing,
    TableSource,
    column_warnings,
    coverage,
    drift_of_rows,
    findings_in_rows,
    fit_preprocessing,
    given_columns,
    load_table_dataset,
    read_columns,
)
from shoal.data._missing import WORDS, Marks, Missing, median_of
from shoal.data._preprocess import Standardize
from shoal.errors import DataError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, **choices: Any) -> Dataset:
    """Read a table that is both training and test table."""
    Path("t.csv").write_text(text, encoding="utf-8")
    chosen = {"task": "regression", "targets": ("y",), "impute": True, "test": "t.csv", **choices}
    return load_table_dataset(TableSource(train="t.csv", **chosen))


def refusal(text: str, **choices: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(text, **choices)
    return str(caught.value).splitlines()


def twice(sentence: str) -> list[str]:
    """What is wrong with one file as training and as test table."""
    return [sentence, sentence]


def test_the_words_are_those_of_pandas() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(WORDS) | {""} == STR_NA_VALUES
    assert list(WORDS) == sorted(WORDS)


@pytest.mark.parametrize("word", ["", " ", *WORDS])
def test_a_word_is_missing_in_numbers_and_in_categories(word: str) -> None:
    dataset = load(f"x,kind,y\n1,a,1\n{word},{word},2\n3,b,3\n", categorical=("kind",))
    x, kind = (column.values for column in dataset.columns)
    assert np.isnan(x).tolist() == [False, True, False] * 2
    assert kind.tolist() == ["a", "", "b"] * 2


def test_other_texts_are_missing_where_they_are_named_and_a_number_however_it_is_written() -> None:
    text = "x,kind,y\n1,?,1\n-999,a,2\n?,b,3\n-999.0,-999,4\n"
    dataset = load(text, categorical=("kind",), missing_marks=("?", "-999"))
    assert np.isnan(dataset.columns[0].values).tolist() == [False, True, True, True] * 2
    assert dataset.columns[1].values.tolist() == ["", "a", "b", ""] * 2
    assert dataset.missing_marks == ("?", "-999")
    assert (
        refusal(text, categorical=("kind",))
        == [
            't.csv, line 4, column "x": expected a number, got "?"',
        ]
        * 2
    )
    np.savez("t.npz", x=np.array([1.0, -999.0, 2.0]), y=np.arange(3.0))
    typed = load_table_dataset(
        TableSource("t.npz", "regression", ("y",), "t.npz", impute=True, missing_marks=("-999",))
    )
    assert np.isnan(typed.columns[0].values).tolist() == [False, True, False] * 2


def test_a_mark_is_one_in_both_forms_of_unicode() -> None:
    for mark, cell in (("é", "e\u0301"), ("e\u0301", "é")):
        dataset = load(f"x,kind,y\n1,{cell},1\n{cell},a,2\n", categorical=("kind",), missing_marks=(mark,))
        assert np.isnan(dataset.columns[0].values).tolist() == [False, True] * 2
        assert dataset.columns[1].values.tolist() == ["", "a"] * 2


def test_one_table_is_the_same_rows_in_every_format() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {"x": [1.5, None, 3.0, -2.0], "kind": ["a", None, "NA", "b"], "y": [1.0, 2.0, 3.0, 4.0]}
    )
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    pl.DataFrame(frame).write_parquet("polars.parquet")
    np.savez("t.npz", x=frame["x"].to_numpy(), kind=np.array(["a", "", "NA", "b"]), y=frame["y"].to_numpy())
    read = [
        load_table_dataset(TableSource(file, "regression", ("y",), file, categorical=("kind",), impute=True))
        for file in ("t.csv", "t.parquet", "polars.parquet", "t.npz")
    ]
    assert len({dataset.train_fingerprint for dataset in read}) == 1
    fitted = fit_preprocessing(read[0], np.arange(4), "inputs")
    assert [encoder.missing for encoder in fitted.columns] == [True, True]  # type: ignore[attr-defined]
    names, known = ["x", "kind"], fitted.categories
    rows = [
        given_columns(x, names, known, fitted.missing)
        for x in (frame, pl.DataFrame(frame), {name: frame[name].tolist() for name in names})
    ] + [read_columns(file, names, known, fitted.missing) for file in ("t.csv", "t.parquet", "t.npz")]
    assert len({fitted.inputs(columns).tobytes() for columns in rows}) == 1


def test_infinite_numbers_and_typing_errors_are_refused_as_ever() -> None:
    assert (
        refusal("x,y\n1,1\ninf,2\nx,3\n,4\n")
        == [
            't.csv, line 3, column "x": expected a finite number, got "inf"',
            't.csv, line 4, column "x": expected a number, got "x"',
        ]
        * 2
    )
    with pytest.raises(DataError, match="expected a finite number, got inf"):
        given_columns({"x": [np.inf, None]}, ["x"], missing=Missing({"x"}))


def test_one_text_in_many_cells_of_numbers_is_one_sentence_with_the_key_that_may_be_meant() -> None:
    text = "x,y\n" + "".join(f"{'?' if row % 3 == 0 else row},{row}\n" for row in range(9)) + "o,9\n"
    assert refusal(text)[:2] == [
        't.csv, column "x": expected numbers, got "?" in 3 of 10 cells, first on line 2;'
        ' if it stands for a missing cell: data.missing_marks = ["?"]',
        't.csv, line 11, column "x": expected a number, got "o"',
    ]
    with pytest.raises(DataError) as caught:
        given_columns({"x": ["?", "1", "?", "?"]}, ["x"])
    assert str(caught.value) == 'x, column "x": expected numbers, got "?" in 3 of 4 cells, first on row 1'


def test_strictness_is_a_choice() -> None:
    assert (
        refusal("x,y\n1,1\n,2\nNA,3\n", impute=False)
        == [
            't.csv, line 3, column "x": expected a number, got an empty cell',
            't.csv, line 4, column "x": expected a number, got "NA"',
        ]
        * 2
    )


def test_a_column_of_which_nothing_is_known_is_refused_by_name() -> None:
    assert refusal("x,kind,z,y\n,,1,1\nNA,,2,2\n", categorical=("kind",)) == [
        't.csv, column "x": expected a value in some training row, got none; leave it out (data.ignore)',
        't.csv, column "kind": expected a value in some training row, got none; leave it out (data.ignore)',
    ]


def test_a_target_that_is_missing_is_refused_in_one_line_or_left_out_and_counted() -> None:
    assert refusal("x,y\n1,1\n2,\n3,3\n4, \n5,5\n") == twice(
        't.csv, column "y": expected a target in each of 5 rows, got none in 2 (lines 3, 5);'
        ' data.missing_targets = "drop" leaves such rows out'
    )
    named = "x,y\n1,a\n2,None\n3,b\n4,a\n5,b\n"
    assert refusal(named, task="classification") == twice(
        't.csv, column "y": expected a target in each of 5 rows, got none in 1 (line 3);'
        ' "None" counts as missing, unless data.missing = "refuse"; data.missing_targets = "drop" leaves such rows out'
    )
    assert load(named, task="classification", impute=False).classes == ("None", "a", "b")
    text = "x,y\n1,1\n2,\n3,3\n4,NA\n5,5\n"
    dataset = load(text, drop_untargeted=True)
    assert dataset.targets.ravel().tolist() == [1, 3, 5] * 2
    assert dataset.columns[0].values.tolist() == [1, 3, 5] * 2
    assert dataset.notes == ('t.csv: 2 rows left out, having no target (data.missing_targets = "drop")',) * 2
    classes = load("x,g,y\n1,u,a\n2,u,\n3,v,b\n", drop_untargeted=True, task="classification", groups="g")
    assert classes.classes == ("a", "b")
    assert classes.groups is not None
    assert classes.groups.tolist() == ["u", "v"]
    assert (
        refusal("x,y\n1,\n2,NA\n", drop_untargeted=True)
        == ["t.csv: expected rows with a target, got none"] * 2
    )


def test_groups_and_folds_are_read_as_strictly_as_before() -> None:
    text = "x,g,y\n1,u,1\n2,,2\n3,NA,3\n"
    assert refusal(text, groups="g") == ['t.csv, line 3, column "g": expected text, got an empty cell']


def test_every_column_with_missing_cells_has_one_sentence() -> None:
    Path("u.csv").write_text("x,z,kind,other,y\n,,a,,1\n2,1,,u,2\n", encoding="utf-8")
    text = "x,z,kind,other,y\n1,1,a,u,1\n,2,,v,2\n3,3,b,u,3\n"
    dataset = load(text, test="u.csv", categorical=("kind", "other"))
    assert dataset.notes == (
        'column "x": 1 of 3 training cells and 1 of 2 test cells missing;'
        " each fit puts the median of its training rows there, and an input says where",
        'column "z": 1 of 2 test cells missing; each fit puts the median of its training rows there',
        'column "kind": 1 of 3 training cells and 1 of 2 test cells missing; a category of their own',
        'column "other": 1 of 2 test cells missing; read as none of its categories',
    )


def test_without_missing_cells_rows_have_the_fingerprint_that_they_have_when_none_may_be() -> None:
    text = "x,kind,y\n1,a,1\n2,b,2\n3,a,3\n"
    prints = [load(text, categorical=("kind",), impute=impute).train_fingerprint for impute in (False, True)]
    assert prints[0] == prints[1]


def test_new_rows_lack_cells_where_training_rows_may_have() -> None:
    assert np.isnan(given_columns({"x": [1, None]}, ["x"], missing=Missing({"x"}))[0].values[1])
    assert np.isnan(given_columns(np.array([[np.nan]]), ["x"], missing=Missing({"x"}))[0].values[0])
    with pytest.raises(DataError, match="expected a finite number, got nan"):
        given_columns({"x": [1, None]}, ["x"], missing=Missing({"z"}))
    marked = Missing({"k"}, Marks.of(["?"]))
    (column,) = given_columns({"k": ["?", None, "a"]}, ["k"], {"k": ("a", "b")}, marked)
    assert column.values.tolist() == ["", "", "a"]
    (column,) = given_columns({"k": [None, None]}, ["k"], {"k": ("a", "b")}, marked)  # missing, not strange
    assert column.values.tolist() == ["", ""]


def table(x: Sequence[float], kind: Sequence[str], train_rows: int | None = None) -> Dataset:
    columns = (Column("x", np.array(x, float), impute=True), Column("kind", np.array(kind), impute=True))
    rows = len(columns[0].values)
    return Dataset(
        name="d", task="regression", columns=columns, target_names=("y",), targets=np.arange(rows * 1.0)[:, None],
        classes=(), train_rows=train_rows or rows, groups=None, given_folds=None, train_fingerprint="",
        test_fingerprint="", source="d.csv",
    )  # fmt: skip


LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
GAP = float("nan")
SIX = table([1, GAP, 4, 8, GAP, 32], ["b", "", "10", "b", "9", ""])


def test_numbers_equal_scikit_learn_s_imputer_and_its_indicator() -> None:
    from sklearn.impute import SimpleImputer

    fitted = fit_preprocessing(SIX, np.arange(4), "none")
    imputer = SimpleImputer(strategy="median", add_indicator=True).fit(SIX.columns[0].values[:4, None])
    expected = imputer.transform(SIX.columns[0].values[:, None])
    assert fitted.input_names == ("x", "x is missing", "kind=10", "kind=b", "kind is missing")
    np.testing.assert_array_equal(fitted.inputs(SIX)[:, :2], expected.astype(np.float32))
    scaled = fit_preprocessing(SIX, np.arange(4), "inputs")
    known = np.array([1.0, 4, 8])
    np.testing.assert_allclose(
        scaled.inputs(SIX)[:, 0], (expected[:, 0] - known.mean()) / known.std(), rtol=1e-6
    )
    assert fitted.inputs(SIX)[:, 2:].tolist() == [
        [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1],
    ]  # fmt: skip


def test_categories_stay_in_the_order_of_their_numbers_beside_missing_ones() -> None:
    fitted = fit_preprocessing(table([1] * 4, ["10", "", "9", "2"]), np.arange(4), "none")
    assert fitted.categories == {"kind": ("2", "9", "10")}


def test_what_no_row_of_a_fit_knows_is_no_input_of_it() -> None:
    rows = np.array([1, 4])
    fitted = fit_preprocessing(SIX, rows, "both")
    assert fitted.input_names == ("kind=9", "kind is missing")
    assert fitted.inputs(SIX).shape == (6, 2)
    lacking = table([1, GAP], ["", ""])
    assert fit_preprocessing(lacking, np.arange(2), "both").input_names == ("x", "x is missing")
    with pytest.raises(DataError) as caught:
        fit_preprocessing(lacking, np.array([1]), "both")
    assert str(caught.value) == (
        "d.csv: expected an input that has a value in the 1 row of every fit, got none in some"
    )


def test_without_a_missing_cell_in_training_there_is_no_further_input_and_it_is_said() -> None:
    fitted = fit_preprocessing(SIX, np.array([0, 2, 3]), "none")
    assert fitted.input_names == ("x", "kind=10", "kind=b")
    columns = given_columns(
        {"x": [None, 1, None], "kind": ["b", None, "z"]}, ["x", "kind"], fitted.categories, fitted.missing
    )
    assert fitted.inputs(columns)[:, 0].tolist() == [4, 1, 4]
    assert list(fitted.unknown(columns)) == [
        'column "x": 2 missing cells, which no training row had, read as their median, 4',
        'column "kind": not among the categories it learned, and read as none of them: "z"; 1 missing cell,'
        " which no training row had, read as none of its categories",
    ]
    learned = fit_preprocessing(SIX, np.arange(6), "none")
    assert list(learned.unknown(SIX.columns)) == []


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_the_median_is_numpys_and_never_overflows(values: list[float]) -> None:
    with np.errstate(over="ignore"):
        expected = float(np.median(values))
    median = median_of(np.array(values))
    assert np.isfinite(median)
    assert median == expected or not np.isfinite(expected)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(10_000, 10_003),
    st.sampled_from(["drawn", "in order", "few", "one", "zeros", "in turns", "huge"]),
)
def test_the_median_of_many_is_numpys(seed: int, count: int, kind: str) -> None:
    """However they are arranged: also where some of them, evenly spaced, say nothing of the others."""
    drawn = np.random.default_rng(seed).normal(size=count)
    turns = np.where(np.arange(count) % 10 == 0, 100.0, drawn)
    values = {
        "drawn": drawn,
        "in order": np.sort(drawn),
        "few": np.rint(drawn),
        "one": np.full(count, 0.1),
        "zeros": np.where(drawn < 1, -0.0, drawn),
        "in turns": turns,
        "huge": np.sign(drawn) * 1.7e308,
    }[kind]
    in_order = sorted(values.tolist())
    low, high = in_order[(count - 1) // 2], in_order[count // 2]
    assert median_of(values) == low / 2 + high / 2 or median_of(values) == (low + high) / 2


CELLS = st.none() | st.integers(-3, 3).map(float)
KINDS = st.sampled_from(["", "a", "b", "c"])


@given(
    cells=st.lists(st.tuples(CELLS, KINDS), min_size=6, max_size=12),
    others=st.data(),
    standardize=st.sampled_from(["none", "inputs", "both"]),
)
def test_other_rows_values_and_gaps_change_no_byte(
    cells: list[tuple[float | None, str]], others: st.DataObject, standardize: Standardize
) -> None:
    count = len(cells)
    rows = np.array(sorted(others.draw(st.sets(st.integers(0, count - 1), min_size=1))))
    changed = [
        cell if row in rows else others.draw(st.tuples(CELLS, KINDS)) for row, cell in enumerate(cells)
    ]
    clean, dirty = (
        table([GAP if x is None else x for x, _ in drawn], [kind for _, kind in drawn])
        for drawn in (cells, changed)
    )
    try:
        fitted = fit_preprocessing(clean, rows, standardize)
    except DataError:
        with pytest.raises(DataError):
            fit_preprocessing(dirty, rows, standardize)
        return
    assert fit_preprocessing(dirty, rows, standardize).to_json() == fitted.to_json()
    assert fitted.inputs(clean, rows).tobytes() == fitted.inputs(dirty, rows).tobytes()
    assert np.isfinite(fitted.inputs(dirty)).all()
    assert Preprocessing.from_json(fitted.to_json()) == fitted


def test_gaps_lie_nowhere_when_test_rows_are_held_against_training_rows() -> None:
    x = [*np.linspace(0, 1, 40), *[GAP] * 3, *[GAP] * 5, *np.linspace(5, 6, 12)]
    kind = ["a"] * 43 + [""] * 17
    measured = coverage(table(x, kind, train_rows=43))
    (bare,) = measured.bare
    assert (bare.low, bare.high, bare.test_rows) == (1.0, None, 12)
    assert measured.outside_rows == 12
    assert measured.unseen == ()
    without = coverage(table(x[:40] + x[48:], ["a"] * 52, train_rows=40))
    assert without.bare == measured.bare


def test_columns_are_doubted_for_the_values_that_they_have() -> None:
    large = [5e6 * number for number in range(20)]
    warnings = column_warnings(table([GAP, *large], ["a"] * 21), "none")
    assert warnings.unscaled()[0] == column_warnings(table(large, ["a"] * 20), "none").unscaled()[0]
    assert warnings.numbering() == []
    assert column_warnings(table([GAP] * 12, ["a"] * 12), "none").merged() == []


@settings(max_examples=100 if LONG else 8)  # trees are grown for each
@given(st.integers(0, 99))
def test_checks_of_the_rows_take_the_median_for_what_is_missing(seed: int) -> None:
    """Test rows lie elsewhere, so that there is something to say, with its numbers."""
    draw = np.random.default_rng(seed)
    x = np.where(draw.random(80) < 0.3, GAP, np.arange(80) // 60 * 3 + draw.normal(size=80))
    kind = np.where(draw.random(80) < 0.3, "", draw.choice(["a", "b"], 80))
    gaps = table(x.tolist(), kind.tolist(), train_rows=60)
    filled = table(np.where(np.isnan(x), np.nanmedian(x), x).tolist(), kind.tolist(), train_rows=60)
    assert findings_in_rows(gaps, shuffled=True) == findings_in_rows(filled, shuffled=True)
    assert drift_of_rows(gaps) == drift_of_rows(filled) != ""


def test_rows_that_are_left_out_need_neither_weight_nor_group_nor_time() -> None:
    """Whatever stands there, the rows that are left are those of a file that never had the others."""
    lines = ["1,2,a,2020-01-01,5", "2,{},{},{},", "3,1,b,2020-01-02,6", "4,3,a,2020-01-03,7"]
    kept = "\n".join(["x,w,g,t,y", *lines[:1], *lines[2:]])
    roles = {"inputs": ("x",), "weights": "w", "groups": "g", "time": "t", "drop_untargeted": True}
    whole = load(kept, **roles)
    for bad in (("-1", "z", "2020-01-02"), ("", "", ""), ("many", "z", "yesterday"), ("inf", "NA", "0")):
        part = load("\n".join(["x,w,g,t,y", *lines]).format(*bad), **roles)
        assert part.train_rows == whole.train_rows == 3
        for name in ("weights", "groups", "times"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))
    text = "\n".join(["x,w,g,t,y", *lines, "5,-2,a,2020-01-04,8"]).format("-1", "", "")
    (said,) = set(refusal(text, **roles))
    assert said == 't.csv, column "w": expected weights of at least 0, got -2 (line 6)'
