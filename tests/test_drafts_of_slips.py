"""Drafts of tables in which a single cell is wrong, or nothing is left to learn from."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.errors import DataError
from test_draft import drafted, lines_of, text_of


def test_a_table_without_anything_to_learn_from_is_refused(tmp_path: Path) -> None:
    table = {"a": ["7"] * 31, "b": ["0"] * 30 + ["1"], "c": [f"row {row}" for row in range(31)]}
    with pytest.raises(DataError) as refused:
        drafted(tmp_path, text_of(table))
    assert str(refused.value) == (
        f'{tmp_path / "t.csv"}: expected a column to learn from beside the target, got none ("a": 7 in every training'
        ' row, which says nothing; "c": having 25 different texts in 25 training rows, most of one row alone)'
    )


def test_a_single_slip_does_not_cost_a_column(tmp_path: Path) -> None:
    """One cell of many that is no number counts as missing, and is named; two do not, nor one that is a category."""
    numbers = {
        name: [f"{(row * step) % 61}.25" for row in range(60)]
        for name, step in (("x", 7), ("w", 5), ("z", 11))
    }
    slip = {**numbers, "x": ["oops", *numbers["x"][1:]]}
    study = drafted(tmp_path, text_of(slip), target="z")
    assert (study.data.missing_marks, study.data.inputs) == (("oops",), ("x", "w"))
    said = lines_of((tmp_path / "t.toml").read_text(encoding="utf-8"))
    assert (
        said['missing_marks = ["oops"]']
        == 'among numbers: "oops" in "x"; "oops" once: mend it if it is a number'
    )
    for other in (
        {**slip, "x": ["oops", "ouch", *numbers["x"][2:]]},
        {**slip, "x": ["1,5", *numbers["x"][1:]]},
        {**slip, "sort": ["oops", "fine", "bad"] * 20},
    ):
        study = drafted(tmp_path, text_of(other), target="z")
        assert study.data.missing_marks == ()
        assert "x" not in (study.data.inputs or ())


def test_a_table_of_which_no_column_can_be_read_says_why(tmp_path: Path) -> None:
    table = {"a": [f"1,2{row % 10},345" for row in range(31)], "y": [f"{row % 7}.5" for row in range(31)]}
    with pytest.raises(DataError) as refused:
        drafted(tmp_path, text_of(table))
    assert str(refused.value) == (
        f'{tmp_path / "t.csv"}: expected a column to learn from beside the target "y", got none ("a": cannot be read:'
        ' commas between lakhs in all 31 cells, such as "1,20,345" on line 2; mend it, or name in missing_marks what'
        " stands for nothing)"
    )


def test_errors_of_spreadsheets_among_numbers_are_missing_cells(tmp_path: Path) -> None:
    numbers = {
        name: [str((row * step) % 61) for row in range(60)] for name, step in (("x", 7), ("w", 5), ("y", 11))
    }
    errors = {**numbers, "x": ["#DIV/0!", "#WERT!", *numbers["x"][2:]], "w": ["#NAME?", *numbers["w"][1:]]}
    study = drafted(tmp_path, text_of(errors), target="y")
    assert (study.data.missing_marks, study.data.inputs) == (("#DIV/0!", "#WERT!", "#NAME?"), ("x", "w"))
