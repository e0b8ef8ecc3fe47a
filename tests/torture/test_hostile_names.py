"""Hostile names of files, columns, classes and comparisons: they reach no terminal, no spreadsheet, no other folder."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dots import end_with_the_model
from shoal.data import load_builtin
from shoal.errors import DataError, Problem
from shoal.export import run_onnx
from shoal.extras import is_there
from shoal.predict import Predictions
from shoal.wording import safe_cell, visible
from test_cli import shoal as command

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
Capture = pytest.CaptureFixture[str]

EVIL = "\x1b[2J\x1b]0;owned\x07\r\u202e\u2066\x9b31m"
"""Clears a screen, names a window, goes back to the line's start, turns the direction of reading."""

COLUMNS = [f"={EVIL}x", "../../../up", "$\\frac{1}{0}$ <b>&amp;"]
CLASSES = ["=cmd|' /C calc'!A0", f"../..\n{EVIL}"]


def is_fit_to_print(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def run_all(monkeypatch: pytest.MonkeyPatch, capsys: Capture, commands: list[list[object]]) -> list[str]:
    """Run the commands, each to its end; give what each printed, which is fit to be printed."""
    printed = []
    for arguments in commands:
        code = command(monkeypatch, *arguments)
        captured = capsys.readouterr()
        assert code == 0, captured.err
        assert is_fit_to_print(captured.out), captured.out
        assert is_fit_to_print(captured.err), captured.err
        printed.append(captured.out)
    return printed


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


# -- a table and its study -----------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with room above it, where nothing may appear. The report is for the campaign."""
    if not LONG:
        end_with_the_model(monkeypatch)
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def _table_study(home: Path) -> Path:
    random = np.random.default_rng(1)
    with (home / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, f"kind{EVIL}"])
        for number in range(40):
            x, y = random.normal(size=2).round(3)
            writer.writerow([x, y, CLASSES[number % 2], CLASSES[int(x > 0)]])
    study = f"""
[study]
task = "classification"
[data]
train = "rows.csv"
target = {_toml(f"kind{EVIL}")}
categorical = [{_toml(COLUMNS[2])}]
[network]
hidden = [3]
[training]
epochs = 2
[[compare]]
name = "../\u202e=x $y_1"
[search]
folds = 2
[search.space]
"network.hidden[0]" = [2]
"""
    path = home / f"evil{EVIL}.toml"
    path.write_text(study, encoding="utf-8")
    return path


def _toml(text: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08x}" for letter in text) + '"'


def test_a_study_full_of_hostile_names(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    study, out = _table_study(home), f"run{EVIL}"
    given_files = below(home.parent.parent.parent)
    commands = [
        ["check", study.name],
        [
            "run",
            study.name,
            "--out",
            out,
            "--trainer",
            "torch" if is_there("torch") else "native",
            "--workers",
            "1",
        ],
        ["show", out],
        ["predict", out, "rows.csv"],
        ["export", out, "--format", "onnx", "--out", "m.onnx"],
        ["export", out, "--format", "torch", "--out", f"m{EVIL}.safetensors"],
    ]
    printed = run_all(monkeypatch, capsys, commands + [["report", out]] * LONG)
    assert "\\x1b[2J" in printed[1]
    new = below(home.parent.parent.parent) - given_files
    inside = f"a/b/c/{out}"
    beside = {f"a/b/c/{name}" for name in (out, "m.onnx", f"m{EVIL}.safetensors", f"m{EVIL}.py")}
    strange = {
        name
        for name in new - beside
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", name.removeprefix(inside)[1:])
    }
    assert strange == set()
    assert all(name in beside or name.startswith(inside) for name in new)
    if LONG:
        assert COLUMNS[2] not in (home / out / "report.html").read_text(encoding="utf-8")
    _check_predictions(printed[3])
    _check_exports(home)


def _check_predictions(text: str) -> None:
    names, *rows = csv.reader(io.StringIO(text))
    assert names[0] == "row"
    assert len(rows) == 40
    for cell in (*names, *(cell for row in rows for cell in row)):
        assert cell.isprintable()
        assert cell[:1] not in tuple("=+@") or float(cell) is not None
    assert {row[1] for row in rows} <= {f"'{CLASSES[0]}", visible(CLASSES[1])}


def _check_exports(home: Path) -> None:
    """Names are text in both: nothing runs when the module is imported, and the graph computes."""
    pytest.importorskip("torch")  # the module imports it
    module = home / f"m{EVIL}.py"
    code = "import runpy, sys; print(sorted(runpy.run_path(sys.argv[1])['CLASSES']))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(module)], capture_output=True, text=True, check=True, cwd=home
    )
    assert done.stdout.strip() == str(sorted(CLASSES))
    feed = {"numbers": np.zeros((1, 2)), "categories": np.array([[CLASSES[0]]], dtype=object)}
    probabilities, _ = run_onnx((home / "m.onnx").read_bytes(), feed)
    assert abs(probabilities.sum() - 1) < 1e-9


# -- images whose classes are folders ------------------------------------------------------------------------

IMAGES = """
[study]
name = "pictures"
task = "classification"
[data]
train = "pictures"
test_share = 0.5
[network]
kind = "cnn"
conv = [{ channels = 2 }]
hidden = [3]
[training]
epochs = 1
[search]
folds = 2
[search.space]
"training.lr" = [0.01]
"""


def test_images_in_folders_of_hostile_names(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    random = np.random.default_rng(2)
    classes = [f"=cat{EVIL}", "@dog;+1"]
    for name in classes:
        folder = home / "pictures" / name
        folder.mkdir(parents=True)
        for number in range(8):
            image = random.integers(0, 256, (6, 6), dtype=np.uint8)
            Image.fromarray(image).save(folder / f"-{number}{EVIL}.png")
    (home / "s.toml").write_text(IMAGES, encoding="utf-8")
    one = home / "pictures" / classes[0]
    commands: list[list[object]] = [
        ["run", "s.toml", "--out", "run", "--workers", "1"],
        ["show", "run"],
        ["predict", "run", one],
        ["predict", "run", one / f"-3{EVIL}.png"],
        ["export", "run", "--format", "onnx", "--out", "m.onnx"],
    ]
    printed = run_all(monkeypatch, capsys, commands)
    names, *rows = csv.reader(io.StringIO(printed[2]))
    labels = [f"probability_{visible(classes[0])}", "probability_@dog;'+1"]
    spread = [f"ensemble_{kind}_{label}" for label in labels for kind in ("mean", "std")]
    assert names == ["image", "predicted_class", *labels, *spread]
    assert [row[0] for row in rows] == [f"'{visible(f'-{number}{EVIL}.png')}" for number in range(8)]
    assert {row[1] for row in rows} <= {f"'{visible(classes[0])}", "'@dog;'+1"}
    for row in rows:
        numbers = list(map(float, row[2:]))
        assert abs(numbers[0] + numbers[1] - 1) < 1e-6
        assert abs(numbers[2] + numbers[4] - 1) < 1e-6
        assert min(numbers) >= 0
    assert len(printed[3].splitlines()) == 2


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", EVIL],
        ["check", "two-peaks", EVIL],
        ["check", "two-peaks", "--set", f"{EVIL}=1"],
        ["check", "two-peaks", "--set", f"training.lr={EVIL}"],
        ["check", "two-peaks", f"--{EVIL}"],
        ["run", EVIL],
        ["show", EVIL],
        ["report", EVIL],
        ["predict", EVIL, EVIL],
        ["export", EVIL, "--format", "onnx", "--out", EVIL],
        ["export", EVIL, "--format", EVIL, "--out", EVIL],
        ["new", EVIL],
        ["data", "fetch", f"../{EVIL}"],
        [EVIL],
    ],
    ids=lambda given: " ".join(given).replace(EVIL, "EVIL"),
)
def test_a_refused_command_line_steers_no_terminal(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, arguments: list[object]
) -> None:
    assert command(monkeypatch, *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert is_fit_to_print(printed.err)
    assert "owned" in printed.err
    assert below(home) == set()


def test_a_built_in_data_set_is_no_path() -> None:
    for name in ("../two-peaks", "/etc/passwd", "two-peaks/", "", f"two-peaks{EVIL}"):
        with pytest.raises(DataError) as caught:
            load_builtin(name)
        assert str(caught.value).isprintable()


@given(st.text(), st.text())
def test_a_problem_is_one_line_whatever_is_in_it(where: str, what: str) -> None:
    text = str(Problem(where, what))
    assert text.isprintable()
    assert visible(text) == text
    if where.isprintable() and what.isprintable():
        assert text == (f"{where}: {what}" if where else what)


# -- spreadsheets --------------------------------------------------------------------------------------------

LETTERS = st.sampled_from([*"=+-@;,\"'| \t\r\n0a1.e\uff1d\uff20", "\u00a0", "\u202e"])


@settings(max_examples=5_000 if LONG else 100)
@given(st.lists(st.text(LETTERS, max_size=8), min_size=1, max_size=4))
def test_no_cell_is_a_formula_for_a_spreadsheet_that_splits_at_commas_or_semicolons(texts: list[str]) -> None:
    names = (
        "row",
        *(f"n{number}" for number in range(len(texts))),
    )  # every table begins with numbers or file names
    content = Predictions(names, ([1], *([text] for text in texts)), ())
    for separator in (",", ";", "\t"):
        for cell in _cells_of_a_spreadsheet(content.to_csv(), separator):
            plain = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", cell)
            assert plain or not cell.lstrip(" ").startswith(tuple("=+-@\uff1d\uff20")), (texts, cell)


def _cells_of_a_spreadsheet(content: str, separator: str) -> list[str]:
    """Cells as lenient readers have them: a quote counts at a cell's start alone, what follows its end is added."""
    cells, rest = [], content
    while rest:
        quoted = re.match(r'"((?:[^"]|"")*)"', rest)
        start = quoted[1].replace('""', '"') if quoted else ""
        rest = rest[quoted.end() :] if quoted else rest
        tail = re.match(rf"[^{separator}\n]*", rest)
        assert tail is not None
        cells.append(start + tail[0])
        rest = rest[tail.end() + 1 :]
    return cells


def test_the_lenient_reader_finds_the_formulas_that_quotes_hide() -> None:
    assert _cells_of_a_spreadsheet('1,"a;=1"\n', ";") == ['1,"a', '=1"']
    assert _cells_of_a_spreadsheet('"a;=1",2\n', ",") == ["a;=1", "2"]
    assert safe_cell("a;=1") == "a;'=1"
    assert safe_cell('a;"=1"') == 'a;\'"=1"'
