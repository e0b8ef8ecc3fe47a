"""Columns of labels: 0 and 1, false and true; anything else is refused by its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoal.data import TableSource, load_table_dataset
from shoal.errors import DataError

ROWS = ["0,1,1.5", "1,0,2.5", "1,1,0.5", "0,0,1.0", "1,0,3.0", "0,1,2.0", "1,1,4.0", "0,0,0.1"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def source(lines: list[str], names: str = "y,z", **options: bool) -> TableSource:
    Path("t.csv").write_text("\n".join([f"{names},x", *lines]) + "\n", encoding="utf-8")
    return TableSource("t.csv", "multilabel", tuple(names.split(",")), **options)


def test_labels_are_bools_in_the_order_of_the_study() -> None:
    dataset = load_table_dataset(source(ROWS))
    assert dataset.targets.dtype == np.bool_
    assert (dataset.classes, dataset.outputs, dataset.target_names) == ((), 2, ("y", "z"))
    by_input = {float(line.split(",")[2]): line.split(",")[:2] for line in ROWS}
    for x, labels in zip(
        dataset.columns[0].values.tolist(), dataset.targets.astype(int).tolist(), strict=True
    ):
        assert [str(label) for label in labels] == by_input[x]


def test_false_and_true_are_the_same_labels() -> None:
    spoken = [",".join([["False", "TRUE"][int(line[0])], *line.split(",")[1:]]) for line in ROWS]
    first, second = (load_table_dataset(source(lines)) for lines in (ROWS, spoken))
    np.testing.assert_array_equal(first.targets, second.targets)
    assert first.train_fingerprint == second.train_fingerprint


def test_rows_without_a_label_are_left_out_where_the_study_says_so() -> None:
    lines = [*ROWS, ",1,9.0", "1,,8.0"]
    dataset = load_table_dataset(source(lines, drop_untargeted=True))
    assert dataset.rows == len(ROWS)
    assert any("2 rows left out, having no target" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({3: "2,0,1.0"}, 't.csv, column "y": expected labels of 0 and 1, got 2 (line 5)'),
        ({3: "0.5,0,1.0"}, 't.csv, column "y": expected labels of 0 and 1, got 0.5 (line 5)'),
        ({0: "yes,1,1.5"}, 't.csv, line 2, column "y": expected a number, got "yes"'),
        ({0: ",1,1.5"}, 't.csv, line 2, column "y": expected a number, got an empty cell'),
    ],
)
def test_what_is_no_label_is_refused_by_its_line(changed: dict[int, str], sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        load_table_dataset(source([changed.get(place, line) for place, line in enumerate(ROWS)]))
    assert str(refused.value) == sentence


def test_labels_that_all_rows_have_are_refused() -> None:
    with pytest.raises(DataError) as refused:
        load_table_dataset(source([f"1,0,{place}" for place in range(9)], "a,b"))
    what = (
        't.csv, columns "a", "b": expected a label that some training rows have and others have not, got none'
    )
    assert str(refused.value) == what
