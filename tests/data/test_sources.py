"""Tables to a data set: which column plays which part, which rows are test rows, which content has which name."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import Dataset, TableSource, load_table_dataset, read_columns
from shoal.errors import DataError

ROWS = "a,b,kind,y,z,who,part\n" + "".join(
    f"{i},{i * i},{'uvw'[i % 3]},{i / 4},{-i},g{i % 5},{i % 4}\n" for i in range(20)
)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(ROWS)


BASE = TableSource("t.csv", "regression", ("y",), inputs=("a", "b"))


def load(**changes: object) -> Dataset:
    return load_table_dataset(replace(BASE, **changes))


def refusal(**changes: object) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(**changes)
    return str(caught.value).splitlines()


def test_rows_are_there_twice_at_most_while_they_are_read() -> None:
    draw = np.random.default_rng(0)
    np.savez("t.npz", **{name: draw.normal(size=40_000) for name in "abcdefghijy"})
    tracemalloc.start()
    dataset = load(train="t.npz", inputs=None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    held = sum(column.values.nbytes for column in dataset.columns) + dataset.targets.nbytes
    assert 2 * held < peak < 2.7 * held


def test_inputs_are_by_default_all_that_is_nothing_else() -> None:
    dataset = load(inputs=None, categorical=("kind",), targets=("y", "z"), groups="who", fold_column="part")
    assert [column.name for column in dataset.columns] == ["a", "b", "kind"]
    assert [column.categorical for column in dataset.columns] == [False, False, True]
    assert dataset.targets.shape == (20, 2)
    assert dataset.outputs == 2
    assert dataset.groups is not None
    assert dataset.given_folds is not None
    assert len(dataset.groups) == len(dataset.given_folds) == dataset.train_rows == 16


def test_a_test_table_is_read_by_name_in_any_order() -> None:
    Path("u.csv").write_text("y,b,a\n7,8,9\n")
    dataset = load(test="u.csv")
    assert (dataset.train_rows, dataset.rows) == (20, 21)
    assert [column.values[-1] for column in dataset.columns] == [9, 8]
    assert dataset.targets[-1] == 7
    assert dataset.source == "t.csv, u.csv"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,y\n1,2\n", 'u.csv: expected the columns of t.csv, got others: missing "b"'),
        ("a,B,y\n1,2,3\n", 'u.csv: expected the columns of t.csv, got others: missing "b"; unknown "B"'),
        (
            "a,b\n1,2\n",
            'u.csv: expected the columns of t.csv, got others: missing "y"; rows without a target test nothing: shoal '
            "predict answers them",
        ),
        ("a,b,y\n1,2,x\n1,2,3\n", 'u.csv, line 2, column "y": expected a number, got "x"'),
    ],
)
def test_a_test_table_of_another_kind(content: str, sentence: str) -> None:
    Path("u.csv").write_text(content)
    assert refusal(test="u.csv") == [sentence]


def test_mistakes_of_both_tables_come_together() -> None:
    Path("t.csv").write_text("a,b,y\n1,,3\n1,2,3\n")
    assert refusal(test="u.csv") == [
        't.csv, line 2, column "b": expected a number, got an empty cell',
        "u.csv: expected a file, got nothing there",
    ]


def test_drawn_test_rows_are_the_share_and_follow_the_seed() -> None:
    one, again, other = load(), load(), load(seed=1)
    assert (one.train_rows, one.rows) == (16, 20)
    assert one.train_fingerprint == again.train_fingerprint
    assert one.train_fingerprint != other.train_fingerprint
    assert sorted(one.columns[0].values) == list(range(20))
    assert list(one.columns[0].values[:16]) == sorted(one.columns[0].values[:16])


def test_drawn_test_rows_keep_the_classes_shares() -> None:
    dataset = load(task="classification", targets=("kind",), test_share=0.3)
    assert dataset.classes == ("u", "v", "w")
    assert np.bincount(dataset.targets[dataset.train_rows :]).tolist() == [2, 2, 2]


def test_drawn_test_rows_keep_groups_whole() -> None:
    dataset = load(groups="who", test_share=0.4)
    assert dataset.rows - dataset.train_rows == 8
    held = set(dataset.columns[0].values[dataset.train_rows :].astype(int) % 5)
    assert len(held) == 2
    assert held.isdisjoint(dataset.columns[0].values[: dataset.train_rows].astype(int) % 5)


def test_test_rows_keep_their_groups_drawn_or_given() -> None:
    drawn = load(groups="who", test_share=0.4)
    assert drawn.test_groups is not None
    assert drawn.groups is not None
    assert len(drawn.test_groups) == 8
    assert set(drawn.test_groups).isdisjoint(drawn.groups)
    assert load().test_groups is None
    Path("t.csv").write_text("a,b,y,who\n1,2,3,1\n1,2,4,2\n2,3,3,3\n")
    Path("u.csv").write_text("a,b,y,who\n7,8,9,2.0\n7,8,9,4\n")
    given = load(test="u.csv", groups="who")
    assert given.test_groups is not None
    assert given.test_groups.tolist() == ["2", "4"]
    assert given.notes == ()


@pytest.mark.parametrize("content", ["a,b,y\n7,8,9\n", "a,b,y,who\n7,8,9,\n"])
def test_test_rows_whose_groups_are_not_known_are_said(content: str) -> None:
    Path("u.csv").write_text(content)
    dataset = load(test="u.csv", groups="who")
    assert dataset.test_groups is None
    (note,) = dataset.notes
    assert (
        note
        == 'u.csv: the test rows name no groups ("who"); their scores\' intervals take them for independent'
    )


def test_class_labels_stay_text_and_sort_by_number() -> None:
    Path("t.csv").write_text("a,y\n1,10\n2,9\n3,-1\n4,10\n")
    dataset = load_table_dataset(TableSource("t.csv", "classification", ("y",), test="t.csv"))
    assert dataset.classes == ("-1", "9", "10")
    assert dataset.targets.tolist() == [2, 1, 0, 2] * 2
    assert dataset.targets.dtype == np.int64


def test_given_folds_are_numbered_by_sorted_order() -> None:
    Path("t.csv").write_text("a,y,part\n1,1,10\n2,2,9\n3,3,-1\n4,4,10\n")
    Path("u.csv").write_text("a,y\n1,1\n")
    dataset = load_table_dataset(
        TableSource("t.csv", "regression", ("y",), "u.csv", ("a",), fold_column="part")
    )
    assert dataset.given_folds is not None
    assert dataset.given_folds.tolist() == [1, 0, -1, 1]


REFUSALS = [
    ({"targets": ()}, ["data.target: expected the name of a column, got nothing"]),
    (
        {"task": "classification", "targets": ("y", "z")},
        [
            "data.target: expected one column for classification, got 2; where each holds 0 and 1:"
            ' study.task = "multilabel"'
        ],
    ),
    ({"inputs": ()}, ["data.inputs: expected at least one column, got none"]),
    (
        {"inputs": ("a", "y")},
        ['data.inputs: expected a column of its own, got "y", which is already the target'],
    ),
    (
        {"inputs": ("a", "a")},
        ['data.inputs: expected a column of its own, got "a", which is already an input'],
    ),
    (
        {"groups": "y", "fold_column": "y"},
        [
            'data.groups: expected a column of its own, got "y", which is already the target',
            'search.folds.column: expected a column of its own, got "y", which is already the target',
        ],
    ),
    ({"categorical": ("kind",)}, ['data.categorical: expected input columns, got "kind", which is no input']),
    (
        {"inputs": None, "categorical": ("y",)},
        ['data.categorical: expected input columns, got "y", which is already the target'],
    ),
    (
        {"inputs": ("a", "knd"), "targets": ("why",)},
        [
            'data.target: expected a column of t.csv ("a", "b", "kind", "y", "z", "who", "part"), got "why"; '
            'did you mean "who"?',
            'data.inputs: expected a column of t.csv ("a", "b", "kind", "y", "z", "who", "part"), got "knd"; '
            'did you mean "kind"?',
        ],
    ),
    (
        {"inputs": None, "categorical": ("knd", "kind", "who")},
        [
            'data.categorical: expected a column of t.csv ("a", "b", "kind", "y", "z", "who", "part"), got "knd"; '
            'did you mean "kind"?'
        ],
    ),
    (
        {"inputs": ("a", "kind")},
        [
            't.csv, column "kind": expected numbers, got text such as "u"; '
            "if it is a category, name it in data.categorical"
        ],
    ),
    (
        {"targets": ("kind",)},
        [
            't.csv, column "kind": expected numbers, got text such as "u"; '
            'for class labels set study.task = "classification"'
        ],
    ),
    (
        {"test_share": 0.01},
        [
            "data.test_share: expected a share that leaves at least one training and one test row, got 0.01 of 20 rows"
        ],
    ),
    ({"train": "no.csv"}, ["no.csv: expected a file, got nothing there"]),
]


@pytest.mark.parametrize(("changes", "sentences"), REFUSALS)
def test_refused_choices_of_columns(changes: dict[str, object], sentences: list[str]) -> None:
    assert refusal(**changes) == sentences


def test_a_table_of_the_target_alone() -> None:
    Path("t.csv").write_text("y\n1\n2\n")
    assert refusal(inputs=None) == [
        'data.inputs: expected input columns in t.csv ("y"), got none but the target'
    ]


def test_columns_from_which_nothing_can_be_learned() -> None:
    Path("t.csv").write_text("a,c,y,part\n1,red,u,1\n2,red,u,1\n")
    Path("u.csv").write_text("a,c,y\n1,red,v\n")
    changes = {"task": "classification", "inputs": ("a", "c"), "categorical": ("c",), "fold_column": "part"}
    assert refusal(test="u.csv", **changes) == [
        't.csv, column "y": expected at least 2 classes in the training rows, got only "u"',
        'u.csv, column "y": expected classes of the training rows, got "v" in test rows only',
        't.csv, column "part": expected at least 2 folds, got only "1"',
    ]


def test_a_class_whose_groups_were_all_drawn_as_test_rows_is_refused_with_what_draws_others() -> None:
    rows = [f"{row},{kind},{kind}{row % 2}" for row, kind in enumerate("uuuuvvvvww")]
    Path("t.csv").write_text("\n".join(["a,y,who", *rows]), encoding="utf-8")
    said = set()
    for seed in range(12):
        try:
            load(
                task="classification",
                inputs=("a",),
                groups="who",
                fold_column=None,
                test_share=0.3,
                seed=seed,
            )
        except DataError as error:
            said.add(str(error))
    assert said == {
        't.csv, column "y": expected classes of the training rows, got "w" in test rows only,'
        " to which all of its groups were drawn; another study.seed draws others"
    }


def test_new_rows_are_read_by_name() -> None:
    columns = read_columns("t.csv", ["b", "kind"], {"kind": ("u", "v", "w")})
    assert [column.name for column in columns] == ["b", "kind"]
    assert columns[0].values[:3].tolist() == [0, 1, 4]
    with pytest.raises(DataError) as caught:
        read_columns("t.csv", ["bb", "kind"])
    assert str(caught.value).splitlines() == [
        't.csv: expected an input column "bb", got none; did you mean "b"?',
        't.csv, column "kind": expected numbers, got text such as "u"',
    ]


@given(row=st.integers(0, 19), column=st.sampled_from(["a", "y", "kind"]))
def test_the_fingerprint_changes_with_any_used_cell_and_only_with_those(row: int, column: str) -> None:
    lines = ROWS.splitlines()
    cells = lines[row + 1].split(",")
    cells[lines[0].split(",").index(column)] = "5.125" if column != "kind" else "x"
    lines[row + 1] = ",".join(cells)
    Path("changed.csv").write_text("\r\n".join(lines))
    source = replace(BASE, test="t.csv", inputs=("a",))
    before, after = load_table_dataset(source), load_table_dataset(replace(source, train="changed.csv"))
    assert (before.train_fingerprint != after.train_fingerprint) == (column != "kind")
    assert before.test_fingerprint == after.test_fingerprint == before.train_fingerprint


def test_groups_and_folds_choose_rows_and_change_no_fingerprint() -> None:
    assert (
        load(test="t.csv").train_fingerprint
        == load(test="t.csv", groups="who", fold_column="part").train_fingerprint
    )
