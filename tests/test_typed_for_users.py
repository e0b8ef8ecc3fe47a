"""What type checkers and editors see of `import shoal`: the promise itself, and nothing that is not there."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from test_architecture import STAGES

ROOT: Final = Path(__file__).parent.parent

USER: Final = """\
import shoal

reveal_type(shoal.run)
reveal_type(shoal.load_study)
reveal_type(shoal.load("model.safetensors"))
reveal_type(shoal.run("two-peaks").candidates)
reveal_type(shoal.MLPRegressor)
shoal.rum
shoal.run(3)
shoal.GridSearchCV()
try:
    shoal.plan("two-peaks", workers=2)
except shoal.StudyError as error:
    reveal_type(error.problems)
"""
SAID: Final = (
    r"3: note: Revealed type is .def \(study: shoal\.[\w.]+\.Study \| str \| pathlib\.Path \| .*, \*, out: .*,"
    r" workers: .*, trainer: .*\) -> shoal\.[\w.]+\.Results.",
    r"4: note: Revealed type is .def \(.*\) -> shoal\.[\w.]+\.Study.",
    r"5: note: Revealed type is .shoal\.model\.Model.",
    r"6: note: Revealed type is .pandas\.[\w.]+\.DataFrame.",
    r"7: note: Revealed type is .def \(hidden_layer_sizes: .*, activation: .*\) -> shoal\.[\w.]+\.MLPRegressor.",
    r"8: error: Module has no attribute .rum.",
    r"9: error: Argument 1 to .run. has incompatible type .int.",
    r"10: error: Missing positional arguments .estimator., .param_grid.",
    r"14: note: Revealed type is .(builtins\.)?tuple\[shoal\.errors\.Problem, \.\.\.\].",
)
"""What mypy says of each line, in the letters that are the same in all of its versions."""

SETTINGS: Final = """\
[mypy]
strict = true
plugins = pydantic.mypy
mypy_path = {source}
disallow_subclassing_any = false
warn_return_any = false
warn_unused_ignores = false
[mypy-sklearn.*,joblib.*,threadpoolctl.*,scipy.*,plotly.*,safetensors.*,pyarrow.*,openpyxl.*,onnx.*,onnxruntime.*]
ignore_missing_imports = true
[mypy-torch.*,matplotlib.*,PIL.*,jinja2.*,markupsafe.*,rich.*,typer.*,IPython.*]
ignore_missing_imports = true
follow_imports = skip
"""
"""Strict, but that large libraries of which no signature speaks are not read: what comes of them is Any."""


def folders_of_names() -> list[Path]:
    """Give every package of the house that gives names to others."""
    files = sorted((ROOT / "src" / "shoal").rglob("__init__.py"))
    return [file for file in files if "contents(" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("file", folders_of_names(), ids=lambda file: file.parent.name)
def test_what_a_type_checker_imports_is_what_is_looked_up(file: Path) -> None:
    package = ".".join(file.parent.relative_to(ROOT / "src").parts)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(guarded.test) == "TYPE_CHECKING"
    seen = {}
    for node in guarded.body:
        assert isinstance(node, ast.ImportFrom)
        (name,) = node.names
        assert name.asname == name.name, "only `import x as x` hands a name on"
        seen[name.name] = node.module
    loaded = importlib.import_module(package)
    assert set(loaded.__all__) - {"__version__"} == set(seen)
    for name, home in seen.items():
        assert getattr(loaded, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(AttributeError, match=rf"^module '{package}' has no attribute 'rum'$"):
        loaded.rum  # noqa: B018 - that it cannot be had is what is tested


def test_a_stage_gives_its_names_in_one_way() -> None:
    given = {file.parent.name for file in folders_of_names()}
    assert given == {"shoal", *STAGES}


def test_mypy_sees_the_signatures_and_refuses_what_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("mypy")  # of the extra `dev`; the versions of `make newest` have `test` alone
    file = tmp_path / "user.py"
    file.write_text(USER, encoding="utf-8")
    settings = tmp_path / "mypy.ini"
    settings.write_text(SETTINGS.format(source=ROOT / "src"), encoding="utf-8")
    quiet = ["--hide-error-context", "--no-error-summary", "--cache-dir", str(tmp_path / "cache")]
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), *quiet, str(file)]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 1, answer.stderr
    said = [line.partition("user.py:")[2] for line in answer.stdout.splitlines()]
    assert len(said) == len(SAID), answer.stdout
    for pattern, line in zip(SAID, said, strict=True):
        assert re.match(pattern, line), line
