"""The commands as a user types them: what they print, where, with which exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shoal import cli

pytestmark = pytest.mark.usefixtures("dots")
STUDY = """
[study]
name = "small"
task = "regression"
[data]
dataset = "two-peaks"
[network]
hidden = [6]
[training]
epochs = 5
batch_size = 20
[[compare]]
name = "base"
[search]
folds = 2
[search.space]
"network.hidden[0]" = [4, 6]
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def shoal(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["shoal", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0)


def test_check_prints_the_plan_and_writes_nothing(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoal(monkeypatch, "check", study) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "small: regression"
    for line in (
        "  data        100 training rows, 100 test rows, 1 input, target label",
        "  network     mlp, 13 to 19 parameters",
        "  candidates  2 on 2 folds",
        "  fits        4 search + 1 comparison + 1 winner",  # the costliest candidate is the comparison
    ):
        assert line in printed.splitlines()
    assert [path.name for path in study.parent.iterdir()] == ["small.toml"]


def test_run_then_show_then_report(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoal(monkeypatch, "run", study) == 0
    first = capsys.readouterr()
    folder = Path("runs/small")
    assert first.err.splitlines()[0] == "training: 5 fits"
    assert "search: 2 candidates by selection score" in first.out
    assert f"  {folder / 'model.safetensors'}" in first.out.splitlines()
    assert f"  {folder / 'report.html'}" in first.out.splitlines()
    names = {path.name for path in folder.iterdir()}
    assert names == {"study.toml", "results.sqlite", "model.safetensors", "figures", "report.html"}
    assert shoal(monkeypatch, "show", folder) == 0
    shown = capsys.readouterr().out
    assert shown.strip() in first.out
    pictures = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    assert pictures
    page = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert shoal(monkeypatch, "report", folder) == 0
    assert (folder / "report.html").read_bytes() == page
    assert {path.name: path.read_bytes() for path in (folder / "figures").iterdir()} == pictures


def test_a_second_run_trains_nothing(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shoal(monkeypatch, "run", study)
    first = capsys.readouterr()
    assert shoal(monkeypatch, "run", study) == 0
    second = capsys.readouterr()
    assert second.err.splitlines()[0] == "training: 5 fits, 5 known already"
    assert second.out == first.out


def test_overrides_reach_the_plan(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    space = 'search.space."network.hidden[0]"=[4,5,6]'
    assert shoal(monkeypatch, "check", study, "--set", space, "--set", "search.folds=5") == 0
    assert "  candidates  3 on 5 folds" in capsys.readouterr().out.splitlines()


def test_every_mistake_is_one_line_and_the_exit_code_is_2(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = STUDY.replace("epochs = 5", "epochs = 0\nlearning_rate = 1").replace(
        "hidden = [6]", "hidden = [-6]"
    )
    study.write_text(wrong, encoding="utf-8")
    assert shoal(monkeypatch, "run", study) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 3
    assert all(re.match(r"shoal: .*small\.toml:\d+: ", line) for line in printed.err.splitlines())
    assert not Path("runs").exists()


def test_a_missing_run_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoal(monkeypatch, "show", tmp_path / "nothing") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1


def test_a_run_folder_of_another_study_is_refused(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shoal(monkeypatch, "run", study, "--out", "here")
    capsys.readouterr()
    assert shoal(monkeypatch, "run", study, "--out", "here", "--set", "study.name=other") == 2
    assert "shoal: here: holds another study (its name is 'small', not 'other')" in capsys.readouterr().err


def test_new_prints_a_study_that_runs_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shoal(monkeypatch, "new", "regression") == 0
    Path("mine.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    short = ["--set", "training.epochs=2", "--set", "search.folds=2"]
    assert shoal(monkeypatch, "run", "mine.toml", "--out", "out", *short) == 0


def test_starting_is_light() -> None:
    heavy = ("torch", "sklearn", "pandas", "matplotlib", "scipy", "plotly")
    code = (
        "import sys, shoal, shoal.cli, shoal.study\n"
        "shoal.plan('two-peaks')\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_commands_do_is_told_without_numpy() -> None:
    code = "import sys, shoal.cli\nprint('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_closed_pipe_is_quiet(study: Path) -> None:
    command = f"{sys.executable} -m shoal check {study} | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_refused_command_line_shows_no_escapes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Newer typers put each choice behind a tab, which is no control character that steers a terminal."""
    assert shoal(monkeypatch, "new", "neither") == 2
    said = capsys.readouterr().err
    assert "regression" in said
    assert "\\" not in said
    assert "\t" not in said


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("run two-peaks --trainer gpu", "--trainer: expected one of auto, torch, native, got 'gpu'"),
        (
            "check two-peaks --trainer tourch",
            "--trainer: expected one of auto, torch, native, got 'tourch'; did you mean 'torch'?",
        ),
        (
            "run two-peaks --device gpu",
            "--device: expected one of auto, cpu, cuda, mps, got 'gpu'; did you mean 'cuda'?",
        ),
        ("run two-peaks --workers 0", "--workers: expected a whole number of at least 1, got 0"),
        ("run two-peaks --workers x", "--workers: expected a whole number of at least 1, got 'x'"),
        (
            "run two-peaks --workers 5000",
            "--workers: expected a whole number of at least 1 and at most 1024, got 5000",
        ),
        (
            "new regresion",
            "KIND: expected one of regression, classification, multilabel, got 'regresion'; did you mean 'regression'?",
        ),
        ("export m --format tflite --out a", "--format: expected one of onnx, torch, got 'tflite'"),
        ("export m --format onnx --out a/", "--out: expected the name of a file to write, got 'a/'"),
        ("run two-peaks --wrkers 2", "--wrkers: no such option; did you mean --workers?"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoal(monkeypatch, *arguments.split()) == 2
    assert capsys.readouterr().err == f"shoal: {line}\n"


@pytest.mark.parametrize(
    ("arguments", "begin"),
    [
        ("run", "STUDY: expected a value, got nothing; see "),
        ("export m --out a", "--format: expected a value, got nothing; see "),
        ("new", "KIND: expected regression, classification or multilabel, or --data TABLE, got neither"),
        ("run two-peaks more", "Got unexpected extra argument"),
        ("chek two-peaks", "No such command 'chek'"),
        ("run two-peaks --fresh", "--fresh: no such option; see "),
        ("run two-peaks --zzzzz", "--zzzzz: no such option; see "),
    ],
)
def test_what_is_missing_or_unknown_is_one_line(
    arguments: str, begin: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoal(monkeypatch, *arguments.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"shoal: {begin}")
    assert said.count("\n") == 1
