"""A column that orders the rows: what is read, what is held out, what is refused, what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shoal.data import ColumnKind, Dataset, TableSource, findings_in_rows, load_table_dataset
from shoal.errors import DataError

DAYS = [8, 3, 5, 1, 9, 2, 7, 4, 10, 6]
ROWS = "x,day,when,who,y\n" + "".join(
    f"{row},2024-01-{day:02},{day / 2},g{(day - 1) // 2},{row / 4}\n" for row, day in enumerate(DAYS)
)
BASE = TableSource("t.csv", "regression", ("y",), test_share=0.3, find_kinds=True, ignore=("who",))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(ROWS)


def load(**changes: object) -> Dataset:
    return load_table_dataset(replace(BASE, **changes))


def refusal(**changes: object) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(**changes)
    return str(caught.value).splitlines()


def days(dataset: Dataset) -> tuple[list[int], list[int]]:
    """The days of the training rows and of the test rows, by the numbers in `x`."""
    (x,) = (column.values for column in dataset.columns if column.name == "x")
    day = [DAYS[int(row)] for row in x]
    return day[: dataset.train_rows], day[dataset.train_rows :]


@pytest.mark.parametrize("time", ["day", "when"])
def test_the_latest_rows_test_and_the_column_is_no_input(time: str) -> None:
    dataset = load(time=time)
    train, test = days(dataset)
    assert train == [day for day in DAYS if day < 8]  # in the order of the file
    assert test == [8, 9, 10]
    assert time not in [column.name for column in dataset.columns]
    assert dataset.drawn
    assert "row order" not in findings_in_rows(dataset, shuffled=False)
    assert np.argsort(dataset.times).tolist() == np.argsort(train).tolist()
    assert dataset.test_times is not None
    assert dataset.times.max() < dataset.test_times.min()
    assert dataset.time_kind == {"day": "date", "when": "number"}[time]


def test_what_orders_the_rows_is_said() -> None:
    assert load(time="day", gap=2).notes[:2] == (
        'column "day": orders the rows (data.time); no input (data.keep = ["day"] makes it one, too); training rows are'
        " from 2024-01-01 to 2024-01-05",
        "the latest 3 rows are the test rows, from 2024-01-08 on; 2 rows before them left out",
    )
    assert load(time="when", keep=("when",)).notes[0] == (
        'column "when": orders the rows (data.time); an input, too; training rows are from 0.5 to 3.5'
    )
    assert load(ordered=True).notes[0] == "the latest 3 rows are the test rows (data.ordered)"


@pytest.mark.parametrize("asked", [{"keep": ("day",)}, {"inputs": ("x", "day"), "ignore": ()}])
def test_it_is_an_input_too_where_that_is_asked_for(asked: dict[str, tuple[str, ...]]) -> None:
    dataset = load(time="day", **asked)
    (day,) = (column.values for column in dataset.columns if column.name == "day")
    assert day[: dataset.train_rows].tolist() == np.asarray(dataset.times).tolist()


def test_rows_may_stand_in_their_order() -> None:
    dataset = load(ordered=True, gap=1)
    assert days(dataset) == (DAYS[:6], DAYS[7:])
    assert np.asarray(dataset.times).tolist() == [0, 1, 2, 3, 4, 5]
    assert dataset.time_kind == "place"


def test_whole_groups_test_the_latest() -> None:
    train, test = days(load(time="day", groups="who", ignore=(), gap=1))
    assert sorted(test) == [7, 8, 9, 10]
    assert sorted(train) == [1, 2, 3, 4]


def test_what_was_trained_on_has_the_same_name_whatever_orders_it() -> None:
    ordered = "x,day,y\n" + "".join(f"{row},{row},{row / 4}\n" for row in range(10))
    Path("t.csv").write_text(ordered)
    by_column, as_they_stand = load(time="day", ignore=()), load(ordered=True, ignore=("day",))
    assert by_column.train_fingerprint == as_they_stand.train_fingerprint
    assert by_column.test_fingerprint == as_they_stand.test_fingerprint


def test_test_rows_of_their_own_need_no_times_and_early_ones_are_said() -> None:
    lines = ROWS.splitlines()
    Path("t.csv").write_text("\n".join(lines[:9]))
    Path("u.csv").write_text("\n".join([lines[0], *lines[9:]]))
    dataset = load(time="day", test="u.csv")
    assert dataset.train_rows == 8
    assert dataset.notes[1] == "u.csv: 1 of 2 test rows is no later than the last training row (2024-01-09)"
    Path("u.csv").write_text("x,when,who,y\n20,9,g,1\n")
    dataset = load(time="day", test="u.csv")
    assert dataset.test_times is None
    assert len(dataset.notes) == 1
    Path("u.csv").write_text("x,when,day,who,y\n20,9,soon,g,1\n20,9,2024-03-01,g,1\n")
    assert refusal(time="day", test="u.csv") == [
        'u.csv, line 2, column "day": expected a date of ISO 8601, got "soon"'
    ]


def test_times_have_a_stated_format() -> None:
    Path("t.csv").write_text(
        "x,day,y\n" + "".join(f"{row},{10 - row:02}/02/2024,{row}\n" for row in range(9))
    )
    kind = {"day": ColumnKind("date", format="%d/%m/%Y")}
    dataset = load(time="day", columns=kind, ignore=())
    assert dataset.columns[0].values[dataset.train_rows :].tolist() == [0, 1, 2]
    assert refusal(time="day", columns={"day": ColumnKind("category")}, ignore=()) == [
        'data.columns.day: expected kind = "number" or kind = "date", since it orders rows, got "category"'
    ]


@pytest.mark.parametrize(
    ("line", "cell", "time", "sentence"),
    [
        (5, "", "day", 't.csv, line 5, column "day": expected a date, got an empty cell'),
        (5, "soon", "day", 't.csv, line 5, column "day": expected a date of ISO 8601, got "soon"'),
        (
            4,
            "2024-02-31",
            "day",
            't.csv, line 4, column "day": expected a day of the calendar, got "2024-02-31"',
        ),
        (3, "", "when", 't.csv, line 3, column "when": expected a number, got an empty cell'),
        (3, "late", "when", 't.csv, line 3, column "when": expected a number, got "late"'),
    ],
)
def test_a_row_without_a_time_is_refused_by_line(line: int, cell: str, time: str, sentence: str) -> None:
    rows = [row.split(",") for row in ROWS.splitlines()]
    rows[line - 1][rows[0].index(time)] = cell
    Path("t.csv").write_text("\n".join(map(",".join, rows)))
    assert refusal(time=time) == [sentence]
    if time == "day":  # and of a column that may have missing cells where it is an input
        assert refusal(time=time, keep=("day",), impute=True)[-1] == sentence


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"time": "dya"},
            'data.time: expected a column of t.csv ("x", "day", "when", "who", "y"), got "dya"',
        ),
        ({"time": "y"}, 'data.time: expected a column of its own, got "y", which is already the target'),
        (
            {"time": "who", "groups": "who", "ignore": ()},
            'data.time: expected a column of its own, got "who", which is already the groups',
        ),
        ({"time": "day", "ignore": ("day",)}, 'data.ignore: expected a column of its own, got "day"'),
        (
            {"time": "day", "categorical": ("day",)},
            'data.categorical: expected input columns, got "day", which is already the order of rows',
        ),
    ],
)
def test_a_column_has_one_part(asked: dict[str, object], sentence: str) -> None:
    assert refusal(**asked)[0].startswith(sentence)


def test_equal_times_are_never_on_both_sides() -> None:
    Path("t.csv").write_text("x,day,y\n" + "".join(f"{row},{row // 4},{row}\n" for row in range(12)))
    dataset = load(time="day", ignore=(), test_share=0.2)
    assert dataset.columns[0].values[dataset.train_rows :].tolist() == [8, 9, 10, 11]
    Path("t.csv").write_text("x,day,y\n" + "".join(f"{row},5,{row}\n" for row in range(10)))
    assert refusal(time="day", ignore=(), test_share=0.2) == [
        "data.test_share: expected rows at times that part 0.2 of them from earlier ones, got 10 rows at 1 different"
        " time"
    ]
    Path("t.csv").write_text(ROWS)
    assert refusal(time="day", gap=9) == [
        "data.test_share: expected rows at times that part 0.3 of them from earlier ones, 9 rows before them left out,"
        " got 10 rows at 10 different times"
    ]


def test_classes_of_the_latest_rows_alone_are_refused() -> None:
    Path("t.csv").write_text(
        "x,day,y\n" + "".join(f"{row},{row},{'uvw'[row // 4 % 3]}\n" for row in range(12))
    )
    assert refusal(time="day", ignore=(), task="classification") == [
        't.csv, column "y": expected classes of the training rows, got "w" in test rows only'
    ]


def test_a_column_that_orders_nothing_is_refused_with_the_key_that_names_it() -> None:
    Path("t.csv").write_text("x,part,y\n" + "".join(f"{row},p{row},{row}\n" for row in range(9)))
    assert refusal(time="part", ignore=()) == [
        't.csv, column "part": expected numbers, got text such as "p0";'
        " data.time names a column of numbers or dates, which orders the rows"
    ]


def overlapping(per_day: int) -> str:
    """Rows of 8 groups, one a day: each group has its rows, one after the other, or all begin at once."""
    lines = [f"{n},{n % 8 if per_day else n // 5},{n}" for n in range(40)]
    return "\n".join(["x,g,y", *lines])


def test_groups_that_overlap_so_far_that_most_rows_are_lost_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(overlapping(8), encoding="utf-8")
    asked = {"task": "regression", "targets": ("y",), "groups": "g", "ordered": True, "test_share": 0.25}
    with pytest.raises(DataError) as refused:
        load_table_dataset(TableSource(train="t.csv", **asked))
    assert str(refused.value) == (
        't.csv, column "g": expected groups that follow each other in time, got ones that overlap: of 30 rows that do'
        " not test, 24 are as late as the first test row and would be left out, so that 6 would be left to train on;"
        " without data.groups the latest rows test, of known groups too, and without data.time and data.ordered whole"
        " groups do, whenever they were"
    )
    (tmp_path / "t.csv").write_text(overlapping(0), encoding="utf-8")
    assert load_table_dataset(TableSource(train=tmp_path / "t.csv", **asked)).train_rows == 30


@pytest.mark.parametrize("start", [0, 2**53, 1_700_000_000_000_000_000])
def test_times_that_fall_together_are_refused(tmp_path: Path, start: int) -> None:
    """Nanoseconds since 1970 are whole numbers of which 64-bit floating point has but every 256th."""
    rows = "\n".join(["x,t,y", *(f"{n},{start + 10 * n},{n}" for n in range(20))])
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    source = TableSource(train=tmp_path / "t.csv", task="regression", targets=("y",), time="t")
    if start < 10**18:
        assert load_table_dataset(source).train_rows == 16
        return
    with pytest.raises(DataError) as refused:
        load_table_dataset(source)
    assert str(refused.value) == (
        f'{tmp_path / "t.csv"}, column "t": expected times that 64-bit floating point tells apart (whole numbers up to'
        " 2^53, or dates), got 20 different ones of which 2 are left; count from the first one"
    )


def test_times_with_a_zone_are_said_to_be_shown_in_utc(tmp_path: Path) -> None:
    rows = "\n".join(["x,t,y", *(f"{n},2024-01-{n + 1:02d}T01:00+02:00,{n}" for n in range(20))])
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    source = TableSource(train=tmp_path / "t.csv", task="regression", targets=("y",), time="t")
    note = load_table_dataset(source).notes[0]
    assert note.endswith(
        " from 2023-12-31T23:00:00 to 2024-01-15T23:00:00, in UTC, as all its times are shown"
    )


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"inputs": ("x", "who")},
        {"keep": ("who",)},
    ],
    ids=["no input", "named", "kept"],
)
def test_text_is_no_time_whatever_else_it_is(asked: dict[str, object]) -> None:
    (line,) = refusal(time="who", **({"ignore": ()} | asked))
    what = 't.csv, column "who": expected numbers, got text such as "g3"'
    assert line == f"{what}; data.time names a column of numbers or dates, which orders the rows"
