"""The scripts in `examples/`, run as they stand."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

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


def test_every_example_is_run() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.iterdir() if f'"{path.name}"' not in tests] == []
