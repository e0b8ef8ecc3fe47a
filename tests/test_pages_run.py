"""Every page, run from top to bottom: what stands in a block is written, run, or compared with what comes.

All blocks of a page share a folder and, in Python, names. There lie tables and a run such as the pages speak
of. Commands are run with few epochs; whatever else they say is as it stands.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.cli import app
from shoal.extras import needed
from shoal.parts import REPORT, Missing
from shoal.pipeline import run
from shoal.study import Study, builtin_studies, load_study
from test_docs import DEMO, PAGES, ROOT, blocks, page

BLOCK: Final = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMPARED: Final = {"csv", "text", "console"}
"""What `test_docs.py` holds against what the code says."""
FRAGMENT: Final = '[study]\ntask = "regression"\n\n[data]\ndataset = "two-peaks"\n\n'
"""What stands before a part of a study."""
SHORT: Final = ("--set", "training.epochs=2")
SHORTER: Final = (*SHORT, "--set", "compare=[]", "--set", "study.repeats=1", "--set", "inspect.history=0")
"""Of the built-in studies, whose comparisons have epochs of their own."""
OWN: Final = """
[study]
name = "own"
task = "regression"
[data]
train = "houses.csv"
target = "price"
inputs = ["area"]
[training]
epochs = 2
"""


def houses(rows: int) -> pd.DataFrame:
    """A table such as the pages speak of."""
    rng = np.random.default_rng(0)
    area, town = rng.uniform(40, 250, rows), rng.choice(["Ulm", "Bonn", "Kiel"], rows)
    return pd.DataFrame({"area": area, "town": town, "price": 2.5 * area + rng.normal(0, 20, rows)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has what pages speak of: a run, a table and new rows of it."""
    folder = tmp_path_factory.mktemp("pages")
    run(Study.model_validate(DEMO), out=folder / "runs" / "demo", workers=1)
    houses(60).to_csv(folder / "houses.csv", index=False)
    houses(6).drop(columns="price").to_csv(folder / "new.csv", index=False)
    (folder / "own.toml").write_text(OWN, encoding="utf-8")
    return folder


@pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer"
)  # scikit-learn's, of a program that is shown before ours
@pytest.mark.usefixtures("dots", "no_report")
@pytest.mark.parametrize(
    "page", [path for path in PAGES if "\n```" in path.read_text("utf-8")], ids=lambda path: path.name
)
def test_every_page_runs_from_top_to_bottom(
    page: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "here"))
    table = houses(60)
    names = {
        "shoal": shoal,
        "df": table,
        "later": houses(6),
        "x": table[["area"]].to_numpy(),
        "y": table["price"],
    }
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        assert language in (*RUN, *COMPARED), block
        if language in RUN:
            RUN[language](block, names)


def write_study(block: str, _: dict[str, Any]) -> None:
    """A study, whole or in part, is taken; one that begins with the name of a file becomes that file."""
    name = re.match(r"# (\S+\.toml)\n", block)
    path = Path(name[1] if name else "sample.toml")
    path.write_text(block if "[study]" in block else FRAGMENT + block, encoding="utf-8")
    load_study(path)


def run_commands(block: str, _: dict[str, Any]) -> None:
    """Every line is a command of Shoal, which is run, one that `make` has, or what a newcomer begins with."""
    for line in block.replace(".venv/bin/", "").splitlines():
        words = shlex.split(line, comments=True)
        if words[0] == "make":
            assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), line
        elif words[0] == "shoal":
            short = () if words[1] != "run" else SHORTER if words[2] in builtin_studies() else SHORT
            app([*words[1:], *short], standalone_mode=False)
        else:
            begins = (
                "git clone <this repository> shoal && cd shoal",
                "pip install .",
                "pip install '.[torch]'",
            )
            assert line.partition("  ")[0] in begins


def run_python(block: str, names: dict[str, Any]) -> None:
    """A session gives what it shows; a program runs."""
    if ">>>" not in block:
        exec(compile(block, "block", "exec"), names)  # noqa: S102
        return
    test, said = doctest.DocTestParser().get_doctest(block, names, "session", None, 0), list[str]()
    doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    if needed("torch") in "".join(said):
        pytest.importorskip("torch")
    assert not said, "".join(said)


STUBS: Final = {
    "shoal": """printf '%s\\0' "$@" $'\\n' >> "$HERE/asked"
for word in "$@"; do
  if [[ $word == */* && $1 == run ]]; then mkdir -p "runs/search-shard-${word%/*}-of-${word#*/}"; fi
done""",
    "sbatch": """export SLURM_CPUS_PER_TASK=1
array=; for word in "$@"; do case $word in --array=*) array=${word#*=1-};; --*) shift;; esac; done
if [[ $array ]]; then
  for SLURM_ARRAY_TASK_ID in $(seq "$array"); do export SLURM_ARRAY_TASK_ID; bash "${@: -2}"; done
else bash "${@: -2}"; fi
echo 7""",
    "srun": '"${@:2}"',
    "openssl": "touch study/tls/key.pem study/tls/cert.pem",
    "dask": "true",
    "ssh": 'mkdir -p study && bash -c "$2"',
    "rsync": 'mkdir -p "${@: -1}" && cp -r study/runs/. "${@: -1}"',
}
"""What stands for programs of a cluster: jobs are run at once, and here; what Shoal is asked is written down."""


def run_script(block: str, names: dict[str, Any]) -> None:
    """A script is a file; what no other script sends is run, and then what it asks Shoal for, in this process."""
    name = block.splitlines()[1].removeprefix("# ")
    Path(name).write_text(block, encoding="utf-8")
    if name.endswith(".sbatch"):
        return
    stubs = Path("stubs").absolute()
    stubs.mkdir(exist_ok=True)
    for program, what in STUBS.items():
        (stubs / program).write_text(f"#!/bin/bash\n{what}\n", encoding="utf-8")
        (stubs / program).chmod(0o755)
    Path("asked").unlink(missing_ok=True)
    environment = {**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}", "HERE": str(Path.cwd())}
    subprocess.run(["bash", name], check=True, env=environment, capture_output=True)
    for folder in ("runs", "study"):
        shutil.rmtree(folder, ignore_errors=True)
    asked = Path("asked").read_text(encoding="utf-8") if Path("asked").exists() else ""
    commands = [line.split("\0")[:-1] for line in asked.split("\n\0")[:-1]]
    assert {words[0] for words in commands} == (set() if name in OF_DASK else {"run", "merge"})
    for words in commands:
        app([*words, *(SHORT if words[0] == "run" else ())], standalone_mode=False)


OF_DASK: Final = ("certificate.sh", "cluster.sh")
"""Scripts that only make a cluster ready."""


def compile_program(block: str, _: dict[str, Any]) -> None:
    """A program that needs somebody's cluster is Python at least."""
    compile(block, "block", "exec")


def read_yaml(block: str, _: dict[str, Any]) -> None:
    """A file of other programs can be read, and names keys of Dask that there are."""
    content = pytest.importorskip("yaml").safe_load(block)
    if "distributed" in content:
        names_keys_of_dask(
            content, pytest.importorskip("distributed") and pytest.importorskip("dask.config").config
        )


def names_keys_of_dask(content: dict[str, Any], known: dict[str, Any]) -> None:
    """Each key is one that Dask has."""
    for key, value in content.items():
        assert key in known, key
        if isinstance(value, dict):
            names_keys_of_dask(value, known[key])


RUN: Final[dict[str, Callable[[str, dict[str, Any]], None]]] = {
    "bash": run_script,
    "toml": write_study,
    "sh": run_commands,
    "python": run_python,
    "py": compile_program,
    "yaml": read_yaml,
}


def test_the_line_of_a_missing_part_is_the_one_shown() -> None:
    part = Missing("figure 21-search-effects", "ValueError: zero-size array", REPORT)
    assert [text for _, text in blocks(page("results.md"), "text")] == [f"{part}\n"]


@pytest.mark.usefixtures("dots", "no_report")
@pytest.mark.parametrize("name", [name for name in shoal.__all__ if name != "__version__"])
def test_examples_of_a_public_name_give_what_they_show(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(getattr(shoal, name), name, globs={}):
        doctest.DocTestRunner().run(test, out=said.append)
    assert not said, "".join(said)
