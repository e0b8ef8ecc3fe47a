"""What `shoal predict` carries along, which rows it marks, and which numbers lie far outside of the training rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.data import Preprocessing
from shoal.data._scale import Scale
from shoal.data._target_scale import TargetScale
from shoal.data.encoders.category import CategoryEncoder
from shoal.data.encoders.number import NumberEncoder
from shoal.errors import DataError, InputError, StudyError
from shoal.predict import predict_file
from test_cli import shoal as command
from test_cli_predict import Capture, printed_table
from test_model import hand_made, linear, table


def strict_model(folder: Path) -> Path:
    """A model that answers no missing cells, of two columns and a category."""
    encoders = (
        NumberEncoder(Scale("x")),
        NumberEncoder(Scale("z", 0.0, 2.0)),
        CategoryEncoder("kind", ("a", "NA")),
    )
    content = hand_made(
        linear(4), preprocessing=Preprocessing(encoders, (TargetScale(Scale("y")),)).to_json()
    )
    (folder / "m.safetensors").write_bytes(content)
    return folder / "m.safetensors"


def test_columns_are_carried_along_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    model, rows = strict_model(tmp_path), tmp_path / "new.csv"
    rows.write_text("id,x,kind,z,when,note\n007,1,a,2,=1+1,\n008,2,NA,4,-1.50,b\n", encoding="utf-8")
    asked = ("--carry", "when", "--carry", "id", "--carry", "x", "--carry", "note")
    assert command(monkeypatch, "predict", model, rows, *asked) == 0
    names, cells, notes = printed_table(capsys)
    assert names == ["when", "id", "x", "note", "row", "predicted_y0"]
    assert [row[:5] for row in cells] == [["'=1+1", "007", "1", "", "1"], ["-1.50", "008", "2", "b", "2"]]
    assert notes == [
        'shoal: written with an apostrophe or escapes, so that no spreadsheet runs them: "=1+1"',
    ]
    plain = predict_file(model, rows)
    assert plain.columns[-1] == predict_file(model, rows, carry=["when"]).columns[-1]


@pytest.mark.parametrize("ending", ["parquet", "npz"])
def test_typed_columns_are_carried_along_exactly(tmp_path: Path, ending: str) -> None:
    model, rows = strict_model(tmp_path), tmp_path / f"new.{ending}"
    frame = pd.DataFrame(
        {"x": [1.0, 2], "kind": ["a", "a"], "z": [0.1, np.nan], "id": [2**60 + 1, -3], "ok": [True, False]}
    )
    columns = {name: frame[name].to_numpy() for name in frame}
    columns["kind"] = columns["kind"].astype("U2")
    frame.to_parquet(rows) if ending == "parquet" else np.savez(rows, **columns)
    predicted = predict_file(model, rows, carry=["id", "ok", "z"], mark_missing=True)
    assert predicted.names == ("id", "ok", "z", "row", "predicted_y0", "note")
    first = [line.split(",")[:4] for line in predicted.to_csv().splitlines()[1:]]
    assert first == [[str(2**60 + 1), "True", "0.1", "1"], ["-3", "False", "", "2"]]


def test_rows_with_missing_cells_are_refused_or_marked(tmp_path: Path) -> None:
    model, rows = strict_model(tmp_path), tmp_path / "new.csv"
    rows.write_text("x,kind,z\n1,a,2\n,a,\n3,NA,4\n4,,5\n", encoding="utf-8")
    with pytest.raises(shoal.DataError, match="line 3, column"):
        predict_file(model, rows)
    marked = predict_file(model, rows, mark_missing=True)
    assert marked.names == ("row", "predicted_y0", "note")
    assert list(marked.columns[2]) == ["", 'missing: "x", "z"', "", 'missing: "kind"']
    assert marked.notes == (f"{rows}: 2 of 4 rows not answered: cells are missing",)
    rows.write_text("x,kind,z\n1,a,2\n3,NA,4\n", encoding="utf-8")
    whole = list(predict_file(model, rows).columns[1])
    assert list(marked.columns[1]) == [whole[0], None, whole[1], None]
    assert marked.to_csv().splitlines()[2] == '2,,"missing: ""x"", ""z"""'
    rows.write_text("x,kind,z\n,a,2\n", encoding="utf-8")
    assert predict_file(model, rows, mark_missing=True).columns[1] == [None]


def test_rows_that_the_answering_are_not_marked(runs: Path, tmp_path: Path) -> None:
    frame = table().iloc[40:].copy()
    frame.loc[frame.index[0], "z"] = np.nan
    frame.to_csv(tmp_path / "new.csv", index=False)
    plain = predict_file(runs / "regression", tmp_path / "new.csv")
    marked = predict_file(runs / "regression", tmp_path / "new.csv", mark_missing=True, coverage=0.8)
    assert set(marked.columns[-1]) == {""}
    assert list(marked.columns[1]) == list(plain.columns[1])


def test_what_cannot_be_carried_is_said(runs: Path, tmp_path: Path) -> None:
    model, rows = strict_model(tmp_path), tmp_path / "new.csv"
    rows.write_text("x,kind,z,note,row,ident\n1,a,2,,,\n", encoding="utf-8")
    for carry, marked, sentence in (
        ("idents", False, f'expected a column of {rows}, got "idents"; did you mean "ident"?'),
        ("row", False, 'expected a column that is not called like one of the predictions, got "row"'),
        ("note", True, 'expected a column that is not called like one of the predictions, got "note"'),
    ):
        with pytest.raises(InputError) as refusal:
            predict_file(model, rows, carry=[carry], mark_missing=marked)
        assert str(refusal.value) == f"--carry: {sentence}"
    with pytest.raises(InputError, match=r"^--mark-missing: expected a model of tables, got one of images"):
        predict_file(runs / "images", rows, mark_missing=True)


def test_numbers_far_outside_of_the_training_rows_are_noted(runs: Path) -> None:
    model, frame = shoal.load(runs / "classification"), table().iloc[40:].copy()
    low, high = table()["x"].iloc[:40].min(), table()["x"].iloc[:40].max()
    frame["x"] = [high + 0.99 * (high - low)] * len(frame)
    assert model.predict(frame).shape == (20,)
    frame.loc[frame.index[:3], "x"] = low - 1.01 * (high - low)
    sentence = (
        f"3 of 20 rows outside of the training rows' range, {low:.6g} to {high:.6g}, by more than its length"
    )
    with pytest.warns(UserWarning, match=sentence):
        model.predict_proba(frame)
    assert shoal.Model.from_bytes(model.to_bytes()).preprocessing == model.preprocessing
    older = replace(model, preprocessing=replace(model.preprocessing, ranges=()))
    assert list(older.unknown(older.inputs(frame))) == []


# -- files that are written otherwise than the one learned from ------------------------------------------------


def test_a_file_that_is_written_otherwise_is_read_as_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    model, plain, other = strict_model(tmp_path), tmp_path / "plain.csv", tmp_path / "other.csv"
    plain.write_text("x,kind,z\n1000.5,a,2\n2,NA,4.25\n", encoding="utf-8")
    other.write_text("Ihre Werte\nx;kind;z\n1.000,5;a;2\n2;NA;4,25\n", encoding="cp1252")
    said = ["delimiter=;", "decimal=,", "thousands=.", "skip_lines=1", "encoding=cp1252"]
    asked = [part for text in said for part in ("--set", f"data.{text}")]
    assert command(monkeypatch, "predict", model, other, *asked) == 0
    _, cells, _ = printed_table(capsys)
    assert command(monkeypatch, "predict", model, plain) == 0
    assert printed_table(capsys)[1] == cells


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "training.epochs=3",
            "--set: expected a key that says how the file is written (data.delimiter, data.decimal, data.thousands,"
            " data.signs, data.comment, data.skip_lines, data.units_row, data.encoding, data.sheet), got"
            ' "training.epochs"',
        ),
        (
            "data.skip_lines=-1",
            "--set data.skip_lines: expected a whole number of at least 0 and at most",
        ),
        (
            'data.decimal=","',
            '--set data.thousands: expected another mark than data.decimal, got "," for both',
        ),
    ],
)
def test_what_says_nothing_of_a_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    model, rows = strict_model(tmp_path), tmp_path / "new.csv"
    rows.write_text("x,kind,z\n1,a,2\n", encoding="utf-8")
    written = [text, "data.thousands=,"] if "decimal" in text else [text]
    with pytest.raises((InputError, StudyError)) as refused:
        predict_file(model, rows, written=written)
    assert said in str(refused.value)


def test_a_file_of_other_separators_says_what_reads_it(tmp_path: Path) -> None:
    model, rows = strict_model(tmp_path), tmp_path / "new.csv"
    rows.write_text("x;kind;z\n1;a;2,5\n2;a;3,5\n3;a;4\n", encoding="utf-8")
    with pytest.raises(DataError) as refused:
        predict_file(model, rows)
    assert str(refused.value) == (
        f"{rows}, line 1: expected cells separated by commas, got semicolons; --set says how it is written:"
        ' data.delimiter = ";" and data.decimal = ","'
    )
