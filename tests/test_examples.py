"""The scripts in `examples/`, run as they stand."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from shoal import Results

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.usefixtures("dots")
def test_rows_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "rows_in_memory.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert (
        "7 fits are new" in printed
    )  # five folds of one candidate, the winner on the rows of comparisons and on all
    assert len(printed.splitlines()) == 3 + 1 + 6
    assert Path("runs/houses/report.html").is_file()


@pytest.mark.usefixtures("dots")
def test_missing_and_rare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "missing_and_rare.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert '"pulse"  input, number    98 of 480 training cells and 26 of 120 test cells missing' in printed
    results = Results.open("runs/wards")
    assert f'"yes" is named from a probability of {results.decision.threshold:.2f} on\n' in printed
    assert Path("runs/wards/report.html").is_file()


def test_through_scikit_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "through_scikit_learn.py"), run_name="__main__")
    scores = {line.split()[0]: float(line.split()[1]) for line in capsys.readouterr().out.splitlines()[2:]}
    assert list(scores) == ["DummyClassifier", "LogisticRegression", "MLPClassifier"]
    assert scores["DummyClassifier"] < 0.65
    assert scores["MLPClassifier"] > 0.95


def test_own_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "own_module.py"), run_name="__main__")
    best, alike, loaded, plain = capsys.readouterr().out.splitlines()
    assert float(best.rpartition(" ")[2]) > 0.8
    assert "True" in alike
    assert loaded == "loaded: the same answers True"
    assert plain.startswith("loaded by its own class: ")


@pytest.mark.usefixtures("dots")
def test_own_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["own_images.py"])
    runpy.run_path(str(EXAMPLES / "own_images.py"), run_name="__main__")
    assert capsys.readouterr().out.endswith("shapes/ring/39.png ['ring']\n")
    assert Path("runs/shapes/report.html").is_file()


@pytest.mark.usefixtures("dots")
def test_sensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["sensors.py"])
    runpy.run_path(str(EXAMPLES / "sensors.py"), run_name="__main__")
    assert capsys.readouterr().out.endswith("['sound', 'loose', 'sound', 'loose']\n")
    results = Results.open("runs/sensors")
    assert results.refit["test_accuracy"][0] > 0.85
    assert results.inside.series["series"].shape == (2, 3, 64)


@pytest.mark.parametrize(("example", "wrong"), [("sensors", "waves.npz"), ("own_images", "pictures")])
def test_a_file_of_ones_own_has_a_study_and_a_run_of_its_name_and_what_is_wrong_is_a_sentence(
    example: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    monkeypatch.setattr("sys.argv", [f"{example}.py", wrong])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / f"{example}.py"), run_name="__main__")
    assert str(ended.value.code).startswith(f"{Path(wrong).stem}.toml:5: data.train: {wrong}: expected")


@pytest.mark.usefixtures("no_report")
def test_published_regression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With few epochs, on rows in files of the report's names."""
    monkeypatch.chdir(tmp_path)
    for name in ("train", "test"):
        Path(f"{name}.csv").write_text("input,label\n" + "".join(f"{x},{x % 3}\n" for x in range(20)))
    monkeypatch.setattr("sys.argv", ["published_regression.py", "."])
    example = runpy.run_path(str(EXAMPLES / "published_regression.py"))
    example["EPOCHS"].update(dict.fromkeys(example["EPOCHS"], 2))
    example["main"]()
    printed = capsys.readouterr().out
    assert "216 search + 25 comparisons + 10 winner" in printed
    results = Results.open("runs/published")
    assert results.references["published"].tolist() == list(example["PUBLISHED"].values())
    assert str(results.references["median"][0])[:6] in printed


@pytest.mark.usefixtures("dots")
def test_look_at_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell of the notebook runs, and what ends it shows itself, without an output of its own kept in the file."""
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.chdir(tmp_path)
    book = json.loads((EXAMPLES / "look_at_a_run.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in cells] == [[]] * len(cells)
    shell = InteractiveShell()
    shown = []
    for cell in cells:
        done = shell.run_cell("".join(cell["source"]))
        done.raise_error()
        shown.append(done.result)
    ours = [each for each in shown if type(each).__module__.startswith("shoal.")]
    pages = [shell.display_formatter.format(each)[0] for each in ours]
    assert len(pages) == 7
    assert all(page["text/html"].startswith("<") for page in pages)
    assert Path("fit.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert Path("fit-in-hours.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("dots")
def test_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["cluster.py"])
    runpy.run_path(str(EXAMPLES / "cluster.py"), run_name="__main__")
    there, here, machine = capsys.readouterr().out.splitlines()
    assert there.split()[1] == here.split()[1]
    assert machine.startswith("38 networks on machine ")
    assert Path("runs/peaks-on-a-cluster/report.html").is_file()


def test_every_example_is_run() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.iterdir() if f'"{path.name}"' not in tests] == []
