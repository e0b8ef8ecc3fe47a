"""The column that says how much each row counts: a part of its own, strictly read, and in the fingerprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.data import Dataset, TableSource, load_table_dataset
from shoal.data._row_weights import effective_rows, weights_said
from shoal.errors import DataError

X = [0.5, 1.5, -2.0, 3.0, 0.25, 1.0, 7.0, -1.0]
Y = [1.0, 2.0, 0.5, 4.0, 1.0, 2.5, 3.0, 0.0]
WEIGHT = ["1", "2", "0", "0.5", "3", "1", "1", "2"]


def written(tmp_path: Path, weights: list[str], name: str = "t.csv", column: str = "w") -> Path:
    path = tmp_path / name
    rows = [f"{x},{w},{y}" for x, w, y in zip(X, weights, Y, strict=True)]
    path.write_text("\n".join([f"x,{column},y", *rows]) + "\n")
    return path


def source(train: Any, **given: Any) -> TableSource:
    return TableSource(train, "regression", ("y",), weights="w", **given)


def refused(asked: TableSource, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_table_dataset(asked)
    return str(caught.value).replace(f"{folder}/", "")


def test_weights_are_no_input_and_stay_with_their_rows(tmp_path: Path) -> None:
    dataset = load_table_dataset(source(written(tmp_path, WEIGHT)))
    assert [column.name for column in dataset.columns] == ["x"]
    assert dataset.weights is not None
    by_target = dict(zip(zip(X, Y, strict=True), map(float, WEIGHT), strict=True))
    rows = zip(dataset.columns[0].values, dataset.targets[:, 0], strict=True)
    assert [by_target[row] for row in rows] == dataset.weights.tolist()


def test_every_way_to_hand_rows_over_gives_the_same_weights(tmp_path: Path) -> None:
    pandas, arrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    path = written(tmp_path, WEIGHT)
    frame = pandas.read_csv(path)
    np.savez(tmp_path / "t.npz", **{name: frame[name].to_numpy() for name in frame})
    arrow.write_table(__import__("pyarrow").Table.from_pandas(frame), tmp_path / "t.parquet")
    read: list[Dataset] = [
        load_table_dataset(source(place)) for place in (path, tmp_path / "t.npz", tmp_path / "t.parquet")
    ]
    assert len({dataset.train_fingerprint for dataset in read}) == 1
    assert len({dataset.weights.tobytes() for dataset in read if dataset.weights is not None}) == 1


def test_weights_are_part_of_what_names_the_rows_and_their_absence_is_as_before(tmp_path: Path) -> None:
    path = written(tmp_path, WEIGHT)
    weighted = load_table_dataset(source(path))
    other = load_table_dataset(source(written(tmp_path, ["9", *WEIGHT[1:]], "u.csv")))
    plain = load_table_dataset(replace(source(path), weights=None, ignore=("w",)))
    assert plain.weights is None
    prints = [(data.train_fingerprint, data.test_fingerprint) for data in (weighted, other, plain)]
    assert len(set(prints)) == 3
    # As it was before there were weights.
    assert plain.train_fingerprint == "8848d2bef31dc41edd12d699ab4c570cf2c7400f2c7b5ec945c252525370151d"


def of_test(sentence: str) -> str:
    return sentence.replace("training rows", "test rows")


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (["1", "-2", "1", "1", "-0.5", "1", "1", "1"],
         't.csv, column "w": expected weights of at least 0, got -2 (line 3), -0.5 (line 6)'),
        (["1", "", "1", "1", "1", "1", "1", "1"], 't.csv, line 3, column "w": expected a number, got an empty cell'),
        (["1", "nan", "1", "1", "1", "1", "1", "1"], 't.csv, line 3, column "w": expected a finite number, got "nan"'),
        (["1", "many", "1", "1", "1", "1", "1", "1"], 't.csv, line 3, column "w": expected a number, got "many"'),
        (["0"] * 8, 't.csv, column "w": expected a weight above 0 in some of the training rows, got none'),
        (["1e308"] * 8, 't.csv, column "w": expected weights of the training rows whose sum 64-bit floating point holds'
         " (1.8e308), got larger ones"),
    ],
)  # fmt: skip
def test_what_is_no_weight_is_refused_in_a_sentence(
    tmp_path: Path, weights: list[str], sentence: str
) -> None:
    """Of all weights alike, those of the test rows are refused in a line of their own."""
    first, *others = refused(source(written(tmp_path, weights)), tmp_path).split("\n")
    assert first == sentence
    assert others == (
        [] if "(1.8e308)" not in sentence and "got none" not in sentence else [of_test(sentence)]
    )


def test_a_column_has_one_part_and_has_to_be_there(tmp_path: Path) -> None:
    path = written(tmp_path, WEIGHT)
    assert refused(replace(source(path), inputs=("x", "w")), tmp_path) == (
        'data.inputs: expected a column of its own, got "w", which is already the weights'
    )
    assert refused(replace(source(path), weights="y"), tmp_path) == (
        'data.weights: expected a column of its own, got "y", which is already the target'
    )
    assert refused(replace(source(path), weights="ww"), tmp_path) == (
        'data.weights: expected a column of t.csv ("x", "w", "y"), got "ww"; did you mean "w"?'
    )
    test = written(tmp_path, WEIGHT, "test.csv", "v")
    assert refused(source(path, test=test), tmp_path) == (
        'test.csv: expected the columns of t.csv, got others: missing "w"; unknown "v"'
    )


def test_what_is_said_of_weights() -> None:
    weight = np.array([1.0, 1, 1, 1, 4, 2])
    assert weights_said(weight, 4) == (
        "4 training rows weigh 4 in all, from 1 to 1, worth 4 rows of one weight;"
        " 2 test rows weigh 6 in all, from 2 to 4, worth 1.8 rows of one weight"
    )
    assert effective_rows(weight) == pytest.approx(10**2 / (4 + 16 + 4))
    assert effective_rows(weight * 1e300) == pytest.approx(effective_rows(weight))
    assert effective_rows(np.zeros(3)) == 0
