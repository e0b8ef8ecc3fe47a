"""What a command loads: no more than it needs, for half of what it takes of a small table is loading."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

LEFT_OUT_AT_START: Final = ("torch", "sklearn", "pandas", "matplotlib", "scipy", "plotly")
LEFT_OUT_BY_HELP: Final = ("numpy", "pydantic")
LEFT_OUT_BY_CHECK: Final = (
    "shoal.pipeline", "shoal.draft", "shoal.progress", "shoal.model", "shoal.predict", "shoal.export",
    "shoal.estimators", "shoal.results._results", "shoal.look.page.report", "shoal.engine._execute",
    "shoal.engine._winner", "shoal.engine._inside", "shoal.engine._ensemble", "shoal.data._images",
    "shoal.data._image_places", "shoal.data._builtin", "shoal.data._survey",
    "concurrent.futures", "multiprocessing.connection", "joblib", "rich", "PIL", "pyarrow", "openpyxl", "jinja2",
    "safetensors", "onnx",
)  # fmt: skip
"""What trains, chooses, draws, guesses or reads other things than the one file."""
SMALL_STUDY: Final = """\
[study]
name = "small"
task = "regression"

[data]
train = "small.csv"
target = "y"

[network]
hidden = [4]

[training]
epochs = 2

[search]
folds = 2

[search.space]
"training.lr" = [0.01, 0.001]
"""


def test_a_start_imports_nothing_heavy() -> None:
    question = (
        f"import shoal, shoal.cli, sys; print(*[name for name in {LEFT_OUT_AT_START} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "", f"imported at start: {answer.stdout.strip()}"


@pytest.mark.parametrize(
    ("command", "left_out", "most"),
    [
        (["--help"], (*LEFT_OUT_AT_START, *LEFT_OUT_BY_HELP), 11),
        (["check", "small.toml"], (*LEFT_OUT_AT_START, *LEFT_OUT_BY_CHECK), 312),
    ],
)
def test_a_command_loads_no_more_than_it_needs(
    tmp_path: Path, command: list[str], left_out: tuple[str, ...], most: int
) -> None:
    """Half of what a command takes of a small table is loading. One that loads more says so here, by a number."""
    rows = [f"{number},{number % 7},{'ab'[number % 2]},{number % 5}" for number in range(60)]
    (tmp_path / "small.csv").write_text("\n".join(["a,b,kind,y", *rows]), encoding="utf-8")
    (tmp_path / "small.toml").write_text(SMALL_STUDY, encoding="utf-8")
    code = (
        "import atexit, sys; from shoal.cli import main; sys.argv[0] = 'shoal';"
        " atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = set(answer.stderr.split())
    assert sorted(loaded & set(left_out)) == []
    ours = sorted(name for name in loaded if name.partition(".")[0] == "shoal")
    assert len(ours) <= most, ours
