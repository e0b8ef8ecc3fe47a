"""Facts as CSV: exact text of facts made by hand, and numbers that come back."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from look_runs import MadeUp, make_run
from pandas import DataFrame

from shoal.look import pictures
from shoal.look._lines import Line
from shoal.look._paper import number_text
from shoal.look.figures.confusion import confusion
from shoal.look.figures.ensemble_curve import ensemble_curve
from shoal.look.figures.parallel import Setting
from shoal.look.figures.ranking import ranking
from shoal.look.page.spreadsheet import MOST_CELLS, fact_csv, frame_csv
from shoal.wording import one_number, percent, rounded, safe_cell, told_apart


@dataclass(frozen=True)
class Inner:
    name: str
    x_M: Any
    y_M: Any


@dataclass(frozen=True)
class Outer:
    title: str
    share: float
    failed: bool
    parts: tuple[Inner, ...]
    value_MU: Any
    names: tuple[str, ...]
    ragged: tuple[Any, ...]


OUTER = Outer(
    "a, b", 0.5, True,
    (Inner("one", np.array([1, 2]), np.array([0.1, np.nan])), Inner("two", np.array([3]), np.array([1e-9]))),
    np.arange(6).reshape(3, 2), ("x", "y"), (np.array([1.5]), np.array([2.0, 3.0])),
)  # fmt: skip


def test_a_fact_is_its_single_values_then_its_arrays_then_the_facts_inside() -> None:
    assert fact_csv(OUTER) == (
        "title,share,failed\n"
        '"a, b",0.5,yes\n'
        "\n"
        "value 1,value 2\n0,1\n2,3\n4,5\n"
        "\n"
        "names,ragged 1,ragged 2\nx,1.5,\ny,2,3\n"
        "\n"
        "# parts\n"
        "number,of,name\n1,one,one\n2,two,two\n"
        "\n"
        "# parts\n"
        "number,of,x,y\n1,one,1,0.1\n1,one,2,\n2,two,3,1e-09\n"
    )


def test_rows_longer_than_a_block_may_be_keep_one_column_in_so_many() -> None:
    fact = Inner("one", np.arange(2), np.arange(60).reshape(2, 3, 10))
    title, head, *rows = fact_csv(fact, most=20).splitlines()[3:]
    assert title == "# one column in 3 of y: one row in 2 of 2"  # x has a column too
    assert head.split(",") == ["x", *(f"y {number}" for number in range(1, 31, 3))]
    assert rows == ["0," + ",".join(map(str, range(0, 30, 3)))]


def test_pixels_are_left_out_and_counted() -> None:
    fact = Inner("one", np.arange(2), np.zeros((2, 3, 28, 28), np.uint8))
    assert fact_csv(fact).split("\n\n")[1] == "# left out: y, 2 × 3 × 28 × 28\nx\n0\n1\n"


def test_a_list_of_facts_is_numbered() -> None:
    facts = [Inner("a", np.array([1]), np.array([2])), Inner("b", np.array([3]), np.array([4]))]
    assert fact_csv(facts).splitlines() == [
        "number,of,name", "1,a,a", "2,b,b", "", "number,of,x,y", "1,a,1,2", "2,b,3,4",
    ]  # fmt: skip


def test_a_square_array_has_the_names_of_its_rows_and_settings_those_of_their_keys() -> None:
    fact = confusion("n", ("cat", "dog"), np.array([0, 1]), np.eye(2)[None])
    assert "classes,count cat,count dog,share cat,share dog\ncat,1,0,1,0\ndog,0,1,0,1\n" in fact_csv(fact)
    scores = np.array([2.0, 1.0]), np.array([0.1, 0.2])
    fact = ranking("loss", [{"a.lr": 0.1}, {"a.lr": 0.2}], scores, ["worse", "best"], np.array([False, True]))
    assert "learning rate,score,error,verdict\n0.2,1,0.2,best\n0.1,2,0.1,worse\n" in fact_csv(fact)


def test_arrays_of_one_length_that_are_of_other_things_stand_apart() -> None:
    """Three repeats beside three classes would read as the accuracy of each class."""
    probability_RVK = np.eye(3)[np.array([[0, 1, 2, 2], [0, 1, 1, 2], [0, 0, 1, 2]])]
    fact = confusion("n", ("a", "b", "c"), np.array([0, 1, 2, 2]), probability_RVK)
    tables = [block.splitlines()[0].split(",") for block in fact_csv(fact).split("\n\n")]
    of_classes = ["classes", *(f"{what} {name}" for what in ("count", "share") for name in "abc")]
    assert tables[1:] == [of_classes, ["test_accuracy"]]
    places = np.array([0.0, 1.0])
    along = ensemble_curve(
        ("x", "y"), (places, np.zeros((2, 2))), (places, places), (places + 1, places)
    )  # as many networks, places, training rows and test rows
    heads = [block.splitlines()[0] for block in fact_csv(along).split("\n\n")]
    assert heads[1:] == ["x,mean,deviation", "member 1,member 2", "train_x,train_y", "test_x,test_y"]
    setting = Setting("lr", np.array([0.0, 1.0]), np.array([0.0, 1.0]), ("1", "2"))
    assert fact_csv(setting).split("\n\n")[1:] == ["place\n0\n1", "tick,labels\n0,1\n1,2\n"]
    ranked = ranking(
        "loss",
        [{"a": 1, "b": 2}, {"a": 2, "b": 3}],
        (np.array([1.0, 2]), np.zeros(2)),
        ["best", "worse"],
        np.ones(2),
    )
    assert [block.splitlines()[0] for block in fact_csv(ranked).split("\n\n")[1:]] == [
        "keys",
        "a,b,score,error,verdict",
    ]


def test_a_long_block_keeps_one_row_in_so_many_and_says_so() -> None:
    fact = Inner("n", np.arange(10), np.arange(10.0))
    assert fact_csv(fact, most=8).endswith("\n# one row in 3 of 10\nx,y\n0,0\n3,3\n6,6\n9,9\n")
    wide = Line("w", *(np.arange(MOST_CELLS, dtype=np.float64) for _ in range(4)), repeats=3)
    assert len(fact_csv(wide).splitlines()) == MOST_CELLS // 4 + 5


def test_texts_are_safe_cells_headings_too() -> None:
    """The one rule of `wording`, whose own tests say what it does."""
    for name in ("=1+1", "  =1", "\uff1d1", "+x", "-1", "@x", "\tx", 'a\rb\n"c", d', "a;=1"):
        rows = list(csv.reader(io.StringIO(fact_csv(Inner(name, np.array([]), np.array([]))), newline="")))
        assert rows[1] == [safe_cell(name)]
        assert frame_csv(DataFrame({name: [1]})) == frame_csv(DataFrame({safe_cell(name): [1]}))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=30))
def test_numbers_come_back_to_six_digits(values: list[float]) -> None:
    array = np.array(values, dtype=np.float64)
    lines = fact_csv(Inner("n", array, array[::-1])).splitlines()[3:]
    read = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]])
    np.testing.assert_allclose(read, np.stack((array, array[::-1]), 1), rtol=5e-6, atol=1e-300)


def test_a_zero_has_no_sign_and_a_sentence_no_escapes(tmp_path: Any) -> None:
    """In tables, sentences and axes, too; spaces that keep a sentence on one line are spaces in a file."""
    assert fact_csv(Inner("n", np.array([-0.0]), np.array([0.0]))).splitlines()[-1] == "0,0"
    assert (one_number(-0.0), rounded(-0.0, 3), percent(-0.0)) == ("0", "0", "0.0\u00a0%")
    assert told_apart([-0.0, 0.0, -1.0]) == ("0", "0", "−1.000")
    assert number_text(-0.0) == "0"
    run = MadeUp(names=("SGD",), task="classification", classes=("a", "b", "c"), epochs=5, hidden=(2,))
    for picture in pictures(make_run(tmp_path, run)):
        assert "\\x" not in fact_csv(picture.fact)


def test_every_picture_of_a_run_has_numbers(tmp_path: Any) -> None:
    run = MadeUp(names=("SGD",), space={"network.dropout": [0.0, 0.25]}, epochs=20, hidden=(3,))
    for picture in pictures(make_run(tmp_path, run)):
        text = fact_csv(picture.fact)
        assert any(cell.replace(".", "").isdigit() for cell in text.replace("\n", ",").split(","))


def test_a_frame_is_written_whole(tmp_path: Any) -> None:
    run = MadeUp(names=("SGD", "=cmd"), repeats=2, epochs=5, hidden=(2,))
    lines = frame_csv(make_run(tmp_path, run).comparisons).splitlines()
    assert lines[0].startswith("label,repeats,failed,mse_mean")
    assert [line.split(",")[0] for line in lines[1:]] == ["SGD", "'=cmd", "winner"]


def test_a_very_long_frame_keeps_its_first_rows_and_says_so() -> None:
    frame = DataFrame({"a": range(60_000), "b": 0.5})
    lines = frame_csv(frame).splitlines()
    assert lines[:3] == ["# the first 50,000 of 60,000 rows", "a,b", "0,0.5"]
    assert (len(lines), lines[-1]) == (50_002, "49999,0.5")
