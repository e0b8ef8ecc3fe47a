"""Columns as the study states them: ordered categories, numbers that look like text; and ids, left out unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from shoal.data import (
    Column,
    ColumnFacts,
    ColumnKind,
    Dataset,
    Preprocessing,
    TableSource,
    load_table_dataset,
)
from shoal.data.encoders.ordered import OrderedEncoder
from shoal.errors import DataError, ModelFileError

SIZES = ("s", "m", "l", "xl")
ORDERED = {"size": ColumnKind("ordered", SIZES)}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(frame: pd.DataFrame, file: str = "t.csv", **choices: Any) -> Dataset:
    """Read a frame, with a target added, as both training and test table."""
    frame = frame.assign(y=range(len(frame)))
    if file.endswith("csv"):
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file)
    chosen = {"task": "regression", "targets": ("y",), "impute": True, "find_kinds": True, "test": file}
    return load_table_dataset(TableSource(train=file, **{**chosen, **choices}))


def refusal(frame: pd.DataFrame, **choices: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(frame, **choices)
    return list(dict.fromkeys(str(caught.value).splitlines()))


def facts(dataset: Dataset) -> dict[str, ColumnFacts]:
    return {column.name: column for column in dataset.facts}


# Ordered categories


@given(st.lists(st.sampled_from([*SIZES, ""]), min_size=1, max_size=20), st.data(), st.booleans())
def test_places_equal_scikit_learn_and_are_learned_of_chosen_rows(
    cells: list[str], data: st.DataObject, standardize: bool
) -> None:
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(cells) - 1), min_size=1))))
    encoder = OrderedEncoder.fit(sized(cells), rows, standardize=standardize)
    other = [
        cell if row in rows else data.draw(st.sampled_from(["", "xl"])) for row, cell in enumerate(cells)
    ]
    assert OrderedEncoder.fit(sized(other), rows, standardize=standardize) == encoder
    assert OrderedEncoder.from_json(encoder.to_json()) == encoder
    assert not list(encoder.misfits())
    known = [row for row in rows if cells[row]]
    if not known:
        assert encoder.names == ()
        return
    there = [row for row, cell in enumerate(cells) if cell]
    places = OrdinalEncoder(categories=[list(SIZES)]).fit_transform(np.array(cells)[there][:, None])
    if standardize:
        places = StandardScaler().fit(places[np.isin(there, known)]).transform(places)
    x_ND = encoded(encoder, cells)
    np.testing.assert_allclose(x_ND[there, 0], places[:, 0], atol=1e-6)
    if encoder.missing:
        assert x_ND[:, 1].tolist() == [float(not cell) for cell in cells]
    assert encoded(encoder, ["huge"]).tolist() == encoded(encoder, [""]).tolist()  # unseen as missing


def sized(cells: list[str], *, impute: bool = True) -> Column:
    return Column("size", np.array(cells), "ordered", impute=impute, order=SIZES)


def encoded(encoder: OrderedEncoder, cells: list[str]) -> Any:
    x_ND = np.zeros((len(cells), len(encoder.names)), np.float32)
    encoder.encode(np.array(cells), x_ND)
    return x_ND


def test_what_an_order_does_not_know_is_said() -> None:
    full = OrderedEncoder.fit(sized(["s", "l"]), np.arange(2), standardize=False)
    assert full.unknown(np.array(["s", "huge", ""])) == (
        'not in its order, and read as the median of its places, 1: "huge"; 1 missing cell, which no training row had,'
        " read as the median of its places, 1"
    )
    gaps = OrderedEncoder.fit(sized(["s", ""]), np.arange(2), standardize=False)
    assert gaps.unknown(np.array(["huge", ""])) == 'not in its order, and read as a missing one is: "huge"'
    strict = OrderedEncoder.fit(sized(["s", "l"], impute=False), np.arange(2), standardize=False)
    assert not strict.imputes
    assert encoded(strict, ["huge"]).tolist() == [[1.0]]


def test_a_foreign_order_is_refused() -> None:
    good = OrderedEncoder.fit(sized(["s", "l"]), np.arange(2), standardize=True).to_json()
    for wrong in (
        {"order": []},
        {"order": [1]},
        {"order": [""]},
        {"missing": 0},
        {"median": "x"},
        {"extra": 1},
    ):
        with pytest.raises(ModelFileError):
            Preprocessing.from_json({"inputs": [{**good, **wrong}], "targets": [], "channels": []})
    for wrong, fault in (({"order": ["s", "s"]}, "category"), ({"median": 9.0}, "median")):
        read = Preprocessing.from_json({"inputs": [{**good, **wrong}], "targets": [], "channels": []})
        (sentence,) = read.misfits()
        assert fault in sentence


def test_an_order_is_taken_in_every_format_and_other_values_are_refused_by_name() -> None:
    frame = pd.DataFrame({"size": ["m", "s", None, "xl"]})
    read = [load(frame, file, columns=ORDERED) for file in ("t.csv", "t.parquet")]
    assert read[0].train_fingerprint == read[1].train_fingerprint != load(frame).train_fingerprint
    assert read[0].notes == (
        'column "size": 4 ordered categories, read as their places; 1 of 4 training cells and 1 of 4 test cells'
        " missing; each fit puts the median of its training rows there, and an input says where",
    )
    levels = {"level": ColumnKind("ordered", ("1", "2", "3"))}
    typed = load(pd.DataFrame({"level": [3, 1, 2]}), "t.parquet", columns=levels)
    assert typed.columns[0].values[:3].tolist() == ["3", "1", "2"]
    wrong = pd.DataFrame({"size": ["m", "s", "xxl", "xl"]})
    assert refusal(wrong, columns=ORDERED) == [
        't.csv, line 4, column "size": expected one of its order ("s", "m", "l", "xl"), got "xxl"'
    ]
    many = pd.DataFrame({"size": ["m", "a", "b", "c", "a"]})
    assert refusal(many, columns=ORDERED) == [
        't.csv, column "size": expected one of its order ("s", "m", "l", "xl"), got "a" and others in 4 of 5'
        " cells, first on line 3"
    ]


# Stated kinds


def test_columns_that_are_stated_and_not_there_are_refused() -> None:
    frame = pd.DataFrame({"size": ["m", "s"], "x": [1, 2]})
    assert refusal(frame, columns={"sise": ColumnKind("number")}) == [
        'data.columns: expected a column of t.csv ("size", "x", "y"), got "sise"; did you mean "size"?'
    ]
    assert refusal(frame, columns={"y": ColumnKind("number")}) == [
        'data.columns: expected input columns, got "y", which is already the target'
    ]


def test_a_stated_kind_is_what_is_read() -> None:
    frame = pd.DataFrame({"zone": [1, 2, 1], "when": [20240131, 20240201, 20240301]})
    stated = {"zone": ColumnKind("category"), "when": ColumnKind("date", format="%Y%m%d")}
    for file in ("t.csv", "t.parquet"):
        zone, when = load(frame, file, columns=stated).columns
        assert zone.values.tolist() == ["1", "2", "1"] * 2
        assert when.values[:2].tolist() == [1706659200.0, 1706745600.0]
    assert (
        load(frame, columns=stated).train_fingerprint
        == load(frame, "t.parquet", columns=stated).train_fingerprint
    )
    assert refusal(pd.DataFrame({"k": ["a", "b", "c"]}), columns={"k": ColumnKind("number")}) == [
        't.csv, column "k": expected numbers, got text such as "a"; if it is a category, name it in data.categorical'
    ]


def test_numbers_with_zeros_before_them_are_text_unless_stated() -> None:
    cells = ["01", "2", "007", "01", None]
    for file in ("t.csv", "t.parquet"):
        dataset = load(pd.DataFrame({"code": cells}), file)
        assert dataset.columns[0].values[:5].tolist() == ["01", "2", "007", "01", ""]
        assert dataset.notes[0].startswith(
            'column "code": numbers with zeros before them (01), which are text unless data.columns says otherwise,'
            ' read as one of 3 categories ("01", "007", "2")'
        )
        stated = load(pd.DataFrame({"code": cells}), file, columns={"code": ColumnKind("number")})
        np.testing.assert_array_equal(stated.columns[0].values[:5], [1, 2, 7, 1, np.nan])
    for numbers in (["0", "10", "100"], ["0.5", "01", "2"], ["-0", "+1", "2"], ["1e01", "02", "3"]):
        assert load(pd.DataFrame({"x": numbers})).columns[0].values.dtype.kind == "f"


# Ids


@pytest.mark.parametrize(
    ("name", "values", "left_out"),
    [
        *(
            (name, "random", True)
            for name in ("id", "ID", "PassengerId", "customer_id", "uuid", "userid", "row id")
        ),
        *((name, "counted", True) for name in ("id", "index", "row", "No.", "serial", "rownames")),
        *(
            (name, "random", False)
            for name in ("index", "no", "key", "year", "age", "paid", "grid", "fluid", "x")
        ),
        *((name, "counted", False) for name in ("year", "age", "x", "day", "time")),
        *((name, "repeated", False) for name in ("id", "customer_id", "index")),
        *((name, "measured", False) for name in ("id", "index")),
    ],
)
def test_ids_are_known_by_name_and_by_content(name: str, values: str, left_out: bool) -> None:
    rng = np.random.default_rng(0)
    cells = {
        "random": rng.permutation(9000)[:40],
        "counted": np.arange(1, 41),
        "repeated": np.arange(40) // 4,
        "measured": rng.normal(size=40),
    }[values]
    frame = pd.DataFrame({name: cells, "z": rng.normal(size=40)})
    for file in ("t.csv", "t.parquet"):
        fact = facts(load(frame, file))[name]
        assert bool(fact.left_out) == left_out
        if left_out:
            assert fact.left_out == f'left out, being an id (data.keep = ["{name}"] brings it back)'
    for choices in ({"keep": (name,)}, {"inputs": (name, "z")}, {"columns": {name: ColumnKind("number")}}):
        assert not facts(load(frame, **choices))[name].left_out


def test_an_id_alone_stays_and_few_rows_tell_nothing() -> None:
    assert not load(pd.DataFrame({"id": range(40)})).facts[0].left_out
    assert not load(pd.DataFrame({"id": range(9), "z": range(9)})).facts[0].left_out


def test_test_rows_have_no_say_in_what_is_an_id() -> None:
    train = pd.DataFrame({"id": [7, 8] * 10, "z": range(20), "y": range(20)})
    test = pd.DataFrame({"id": range(100, 120), "z": range(20), "y": range(20)})
    train.to_csv("t.csv", index=False)
    test.to_csv("u.csv", index=False)
    source = TableSource("t.csv", "regression", ("y",), "u.csv", find_kinds=True)
    assert not load_table_dataset(source).facts[0].left_out
