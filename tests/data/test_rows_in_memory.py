"""Rows in memory in place of a study's files: the same content gives the same fits, whatever holds it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import shoal
from dots import end_with_the_model
from shoal.data import TableSource, given_rows, load_table_dataset
from shoal.data._column_kind import ColumnKind
from shoal.draft import draft_study
from shoal.engine import load_data
from shoal.request import Keywords, request_of
from shoal.study import Keys, Study, load_study

HOLDERS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "pandas": lambda frame: frame,
    "an index of its own": lambda frame: frame.set_axis(range(len(frame), 0, -1)),
    "arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda frame: frame.convert_dtypes(),
    "polars": pl.from_pandas,
    "mapping": lambda frame: {name: frame[name].tolist() for name in frame},
    "pair": lambda frame: (frame.drop(columns="y"), frame["y"]),
}
QUICK: dict[str, Any] = {
    "network": {"hidden": [3]},
    "training": {"epochs": 2},
    "search": None,
    "checks": {"baselines": False},
    "trainer": "native",
}


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    end_with_the_model(monkeypatch)


def table(rows: int = 40, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(size=rows).round(3)
    return pd.DataFrame(
        {
            "size": size,
            "count": pd.array([None if row % 7 == 0 else row % 5 for row in range(rows)], dtype="Int64"),
            "sort": pd.Categorical(rng.choice(["é", "ü"], rows)),
            "known": rng.random(rows) > 0.5,
            "y": (2 * size + rng.normal(size=rows)).round(3),
        }
    )


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Numbers, text with missing cells, whole numbers with missing cells, truth values."""
    rows = draw(st.integers(12, 20))
    some = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda value: round(value, 3))
    columns = {
        "size": draw(st.lists(some, min_size=rows, max_size=rows, unique=True)),
        "count": pd.array(
            draw(st.lists(st.none() | st.integers(-9, 9), min_size=rows, max_size=rows)), dtype="Int64"
        ),
        "sort": pd.Categorical(
            draw(st.lists(st.sampled_from(["a", "é", None]), min_size=rows, max_size=rows))
        ),
        "known": [bool(row % 2) for row in range(rows)],
        "y": [float(row) for row in range(rows)],
    }
    return pd.DataFrame(columns)


@settings(max_examples=10, deadline=None)
@given(tables())
def test_the_same_content_is_the_same_data_whatever_holds_it(frame: pd.DataFrame) -> None:
    before = frame.copy(deep=True)
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")

    def read(train: Any, targets: tuple[str, ...] = ("y",)) -> tuple[Any, ...] | str:
        source = TableSource(train, "regression", targets, find_kinds=True, impute=True)
        try:
            dataset = load_table_dataset(source)
        except shoal.DataError as error:
            return str(error).replace("t.csv", "train").replace("t.parquet", "train")
        return dataset.train_fingerprint, dataset.test_fingerprint, dataset.notes

    expected = read("t.csv")
    assert read("t.parquet") == expected
    for name, hold in HOLDERS.items():
        assert read(given_rows("train", hold(frame))) == expected, name
    pd.testing.assert_frame_equal(frame, before)


def test_a_frame_runs_as_its_file_does_and_again_trains_nothing() -> None:
    frame = table()
    frame.to_csv("t.csv", index=False)
    Path("t.toml").write_text(draft_study(Path("t.csv"), "y"), encoding="utf-8")
    of_file = shoal.run("t.toml", **QUICK)
    results = shoal.run(frame, target="y", name="t", out="frames", **QUICK)
    assert results.digest == of_file.digest
    assert results.study.data.train == "<rows in memory>"
    for hold in HOLDERS.values():
        plan = shoal.plan(hold(frame), target=None, name="t", out="frames", **QUICK)
        assert (plan.fits, plan.known > 0) == (0, True)
    assert "task = regression, a guess: the target is numbers, 40 different" in results.data_notes[0]
    with pytest.raises(shoal.RunFolderError) as caught:
        shoal.run(table(seed=1), target="y", name="t", out="frames", **QUICK)
    assert (
        str(caught.value)
        == "frames: holds another study (its training data are others); choose another folder"
    )
    model = shoal.load(results.folder)
    assert np.array_equal(model.predict(frame), shoal.load(of_file.folder).predict(pl.from_pandas(frame)))
    # What is left on disk is a study that says where its rows were.
    with pytest.raises(shoal.DataError) as refused:
        shoal.run("frames/study.toml")
    assert str(refused.value).startswith("frames/study.toml:")
    assert str(refused.value).endswith(
        'data.train: expected a file, got "<rows in memory>"; give them again in Python, shoal.run(study, train=...),'
        " or name a file that holds them"
    )
    assert shoal.plan("frames/study.toml", train=frame, out="frames", trainer="native").fits == 0
    assert shoal.Results.open("frames").digest == results.digest


def test_test_rows_and_targets_beside_the_rows() -> None:
    frame, later = table(), table(20, seed=1)
    inputs = ["size", "known"]
    plan = shoal.plan(frame, test=later, target="y", **QUICK)
    assert plan.data.startswith("40 training rows, 20 test rows, 4 inputs")
    pair = (frame[inputs].to_numpy(float), frame["y"].to_numpy())
    of_pair = shoal.plan(pair, test=(later[inputs].to_numpy(float), later["y"].to_numpy()), **QUICK)
    assert of_pair.data == "40 training rows, 20 test rows, 2 inputs, target y"
    request = request_of(pair, {"target": "price", "data": {"ignore": ["x[1]"]}})
    assert request.study.data.targets == ("price",)
    assert request.study.data.ignore == ("x[1]",)
    both = shoal.plan(frame[inputs], target=frame[["y", "size"]].rename(columns={"size": "z"}), **QUICK)
    assert both.data.endswith("2 inputs, target y, z")
    grouped = frame.set_index(pd.Index([row // 4 for row in range(40)], name="home"))
    assert "4 inputs" in shoal.plan(grouped, target="y", **QUICK).data
    named = request_of(grouped, {"target": "y", "data": {"groups": "home"}})
    groups = load_data(named.study, named.in_memory).groups
    assert groups is not None
    assert len(set(groups.tolist())) == 8  # of the index what is named, and no more
    assert shoal.plan(frame.set_index("sort"), target="sort", **QUICK).data.endswith("4 inputs, 2 classes")


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (
            lambda: shoal.plan(table(), target="yy"),
            'target: expected a column of train ("size", "count", "sort", "known", "y"), got "yy"; did you mean "y"?',
        ),
        (
            lambda: shoal.plan(table(), target="y", epochs=3),
            "epochs: unknown key; did you mean training.epochs?",
        ),
        (
            lambda: shoal.plan(
                table(), target="y", data={"weights": ["size"], "ignore": 5, "keep": [["count"]]}
            ),
            "data.ignore: expected a list of texts, got 5\n"
            "data.keep[0]: expected text (1 to 200 characters), got ['count']\n"
            "data.weights: expected text (1 to 200 characters), got ['size']",
        ),
        (
            lambda: shoal.plan("two-peaks", sed=3),
            "sed: unknown key; did you mean seed?",
        ),
        (
            lambda: shoal.plan("two-peaks", training={"epochs": 0, "lr": "high"}),
            "training.lr: expected a number above 0, got 'high'\n"
            "training.epochs: expected a whole number of at least 1, got 0",
        ),
        (
            lambda: shoal.plan(table(), train=table(), target="y"),
            "train: expected nothing beside the rows that come first, got rows again",
        ),
        (
            lambda: shoal.plan("two-peaks", target=np.zeros(3)),
            "target: expected the name of a column, got targets without rows in memory",
        ),
        (
            lambda: shoal.plan(pl.from_pandas(table()).lazy(), target="y"),
            "train: expected an array, a frame or a dict of columns, got polars.LazyFrame; its collect() gives one",
        ),
        (
            lambda: shoal.plan(table()["size"], target=table()["y"]),
            "train: expected an array, a frame or a dict of columns, got pandas.Series; its to_frame() gives one",
        ),
        (
            lambda: shoal.plan(csr_array(np.eye(20)), target=np.arange(20.0)),
            "train: expected an array, a frame or a dict of columns, got scipy.csr_array; its toarray() gives one",
        ),
        (
            lambda: shoal.plan(pd.concat({"a": table()}, axis=1), target=("a", "y")),
            'train: expected one name a column, got 2 levels of names; columns.map("_".join) makes one of them',
        ),
        (
            lambda: shoal.plan(
                table().assign(y=table()["y"].to_numpy().astype("timedelta64[s]")), target="y"
            ),
            'train, column "y": expected a target, got timedelta64[s]',
        ),
        (
            lambda: shoal.plan((table(), [1, 2])),
            "train: expected as many targets as rows (40), got 2",
        ),
        (
            lambda: shoal.plan({"a": [1, 2], "b": 5, "y": [1, 2, 3]}, target="y"),
            'train: expected columns of one length, got "a" 2, "y" 3',
        ),
        (
            lambda: shoal.plan((table(), 5)),
            "train: expected as many targets as rows (40), got 0",
        ),
        (
            lambda: shoal.plan((1, 2, 3)),
            "train: expected a frame, an array, or a pair of inputs and targets, got 3 things",
        ),
        (
            lambda: shoal.plan((np.zeros((9, 4, 4)), np.zeros(9))),
            "train: expected a study beside images, such as shoal.run(study, train=(images, labels)), got none",
        ),
        (
            lambda: shoal.plan(table(), target="y", test=table().drop(columns="size")),
            'test: expected the columns of train, got others: missing "size"',
        ),
        (
            lambda: shoal.plan(table().set_axis(["a", "a", "b", "c", "y"], axis=1), target="y"),
            'train: expected every column name once, got "a" 2 times; rename all but one',
        ),
        (
            lambda: shoal.plan(table()[:0], target="y"),
            "train: expected columns and at least one row, got none",
        ),
        (
            lambda: shoal.plan(table(), target="y", task="clasification"),
            "task: expected one of regression, classification, multilabel, got 'clasification';"
            " did you mean 'classification'?",
        ),
        (
            lambda: shoal.plan("two-peaks", test=table()),
            "data.test: `test` goes with `train`; a built-in data set has its own test rows",
        ),
    ],
)
def test_what_is_refused(ask: Callable[[], object], sentence: str) -> None:
    with pytest.raises(shoal.InputError) as caught:
        ask()
    assert str(caught.value) == sentence


def test_what_is_no_input_is_left_out_and_said() -> None:
    later = pd.date_range("2020-01-01", periods=40, freq="D") - pd.Timestamp("2020-01-01")
    frame = {
        "x": list(range(40)),
        "z": 5,
        "late": later,
        "id": range(40),
        "y": [row % 7 for row in range(40)],
    }
    plan = shoal.plan(frame, target="y", **QUICK)
    assert ", 1 input, " in plan.data
    assert [note for note in plan.data_notes if note.startswith("column ")] == [
        'column "z": left out, cannot be read: a single int',
        f'column "late": left out, cannot be read: {later.dtype}',
        'column "id": left out, being an id',
    ]
    kept = shoal.plan(frame, target="y", data={"keep": ["id"]}, **QUICK)
    assert not any('"id"' in note for note in kept.data_notes)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.cut(pd.Series(range(40)), 3), "category"),
        (pd.array(["u", None, "v", "u"] * 10, dtype="string"), "category"),
        (pd.array([True, None, False, True] * 10, dtype="boolean"), "number"),
        (pd.arrays.SparseArray([0.0, 0, 1, 5] * 10), "number"),
        ([Decimal(7 * row % 40) / 4 for row in range(40)], "number"),
        (pd.date_range("2020-03-01", periods=40, freq="37h", tz="Europe/Berlin"), "date"),
    ],
    ids=["intervals", "string", "boolean", "sparse", "Decimal", "dates of a zone"],
)
def test_columns_of_any_type_are_read_as_those_of_a_file_are(values: Any, kind: str) -> None:
    frame = pd.DataFrame({"x": values, "y": np.arange(40.0) % 9})
    frame.to_csv("t.csv", index=False)
    lines = ("[study]", 'task = "regression"', "[data]", 'train = "t.csv"', 'target = "y"')
    Path("t.toml").write_text("\n".join(lines), encoding="utf-8")
    given, of_file = shoal.plan("t.toml", train=frame, **QUICK), shoal.plan("t.toml", **QUICK)
    assert [column.kind for column in given.columns] == ["number", kind]
    assert given.columns == of_file.columns


def test_targets_of_any_type_stand_beside_their_rows() -> None:
    frame, labels = table()[["size"]], ["u", "v"] * 20
    for target in (labels, tuple(labels), np.array(labels), pd.Categorical(labels), pl.Series(labels)):
        assert shoal.plan(frame, target=target, **QUICK).data.endswith("1 input, 2 classes")


def test_what_the_rows_need_to_be_read_is_said() -> None:
    rows = {
        "x": [str(row / 2) if row % 9 else "?" for row in range(40)],
        "day": [f"{row % 28 + 1}/12/2020" for row in range(40)],
        "y": [row % 7 for row in range(40)],
    }
    assert shoal.plan(rows, target="y", **QUICK).data_notes[1:3] == (
        'data.missing_marks = ["?"], among numbers: "?" in "x"',
        'data.columns.day = { kind = "date", format = "%d/%m/%Y" }, dates such as "1/12/2020"',
    )


def test_an_order_of_categories_that_is_not_used_is_said(tmp_path: Path) -> None:
    sizes = pd.Categorical(["m", "s", "l", "m"] * 10, categories=["s", "m", "l"], ordered=True)
    frame = pd.DataFrame({"size": sizes, "x": range(40), "y": [row % 7 / 2 for row in range(40)]})
    frame.to_parquet("t.parquet")
    enum = pl.from_pandas(frame.astype({"size": str})).with_columns(
        pl.col("size").cast(pl.Enum(["s", "m", "l"]))
    )
    sentence = (
        'column "size": its type has an order, not used unless data.columns states it (kind = "ordered")'
    )
    for train in (given_rows("train", frame), given_rows("train", enum), Path("t.parquet")):
        source = TableSource(train, "regression", ("y",), find_kinds=True)
        assert load_table_dataset(source).notes[0] == sentence
    stated = ColumnKind("ordered", ("s", "m", "l"))
    source = TableSource("t.parquet", "regression", ("y",), find_kinds=True, columns={"size": stated})
    assert sentence not in load_table_dataset(source).notes


def test_keywords_are_the_sections_and_the_keys_of_the_study() -> None:
    sections = [name for name in Study.model_fields if name != "study"]
    about = list(Study.model_fields["study"].annotation.model_fields)  # type: ignore[union-attr]
    assert sorted(Keys.__annotations__) == sorted([*sections, *about])
    assert sorted(set(Keywords.__annotations__) - set(Keys.__annotations__)) == ["target", "test", "train"]


def test_a_keyword_changes_the_keys_that_it_names() -> None:
    study = load_study("two-peaks")
    keywords = {"training": {"epochs": np.int64(7)}, "network": {"hidden": (np.int32(3), 4)}, "seed": 5}
    changed = request_of(study, {**keywords, "search": None, "compare": []}).study
    assert changed.training.epochs == 7
    assert changed.network.hidden == (3, 4)
    assert changed.study.seed == 5
    assert changed.search is None
    assert changed.training.lr == study.training.lr
    assert changed.network.activation == study.network.activation
    assert request_of(study, {}).study == study


@pytest.mark.parametrize("names", [["y", "size"], ["size", "y"], "y", "size"])
def test_targets_are_named_in_data_as_well_as_by_their_own_keyword(names: Any) -> None:
    asked = [request_of(table(), by) for by in ({"target": names}, {"data": {"target": names}})]
    assert asked[0].study == asked[1].study
    assert asked[0].study.data.targets == ((names,) if isinstance(names, str) else tuple(names))
