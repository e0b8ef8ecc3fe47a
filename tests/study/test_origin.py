"""Mistakes in the data of a study are told where the study asks for them, with paths as it writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import shoal
from shoal.errors import InputError
from shoal.study import load_study


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder `d` below the current one, with a table of which one cell is empty."""
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    Path("d/g.csv").write_text("x,y\n1,2\n2,\n3,4\n", encoding="utf-8")
    Path("d/g.doc").touch()


def refusal(data: str, *overrides: str) -> str:
    Path("d/s.toml").write_text(f'[study]\ntask = "regression"\n[data]\n{data}\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        shoal.plan(load_study("d/s.toml", overrides))
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            'train = "g.csv"\ntarget = "why"',
            'd/s.toml:5: data.target: expected a column of g.csv ("x", "y"), got "why"',
        ),
        (
            'train = "g.csv"\ntarget = "y"\ninputs = [\n"xx"]',
            'd/s.toml:6: data.inputs: expected a column of g.csv ("x", "y"), got "xx"; did you mean "x"?',
        ),
        (
            'train = "nope.csv"\ntarget = "y"',
            "d/s.toml:4: data.train: nope.csv: expected a file, got nothing there",
        ),
        (
            'train = "g.doc"\ntarget = "y"',
            "d/s.toml:4: data.train: g.doc: expected a table file ending in .csv, .tsv, .txt, .parquet, .npz or .xlsx",
        ),
        (
            'train = "g.csv"\ntarget = "y"',
            'g.csv, column "y": expected a target in each of 3 rows, got none in 1 (line 3);'
            ' data.missing_targets = "drop" leaves such rows out',
        ),
    ],
)
def test_the_place_is_file_line_and_key(data: str, sentence: str) -> None:
    assert refusal(data) == sentence


def test_an_override_is_named_as_one() -> None:
    said = refusal('train = "g.csv"\ntarget = "y"', "data.train=d/zz.csv")
    assert said == "--set data.train: d/zz.csv: expected a file, got nothing there"


def test_where_a_study_stands_is_no_part_of_it() -> None:
    Path("d/s.toml").write_text('[study]\ntask = "regression"\n[data]\ndataset = "two-peaks"\n')
    Path("s.toml").write_text('\n[study]\ntask = "regression"\n[data]\ndataset = "two-peaks"\n')
    assert load_study("d/s.toml") == load_study("s.toml")


def test_a_table_in_the_place_of_a_study() -> None:
    with pytest.raises(InputError) as caught:
        load_study("d/g.csv")
    what = (
        "expected a study file, got a table (CSV); name it in data.train of a study, which `shoal new` begins"
    )
    assert str(caught.value) == f"d/g.csv: {what}"
