"""The scripts in `examples/`, run as they stand."""

from __future__ import annotations

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


def test_every_example_is_run() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.iterdir() if f'"{path.name}"' not in tests] == []
