"""What is promised without torch: all that is advertised, to the same bytes as with it, and a sentence for the rest."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from shoal.engine.trainers.native_core import native_available

HERE: Final = Path(__file__).parent
NEEDED: Final = 'needs the package torch: pip install "shoal[torch]"'
pytestmark = pytest.mark.skipif(not native_available(), reason="the native core is not built on this machine")

Made = tuple[Path, dict[str, Any]]
_TIME = rb"(?:under |\d+ (?:min|h) )?[\d.]+(?: |\xc2\xa0)\w+"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Made]:
    """The same done where torch is hidden and where it may be there: folders, and what was said."""
    started = []
    for state in ("hidden", "there"):
        folder = tmp_path_factory.mktemp(state)
        command = [sys.executable, HERE / "torch_hidden.py", state]
        started.append((folder, subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)))
    made = [(folder, json.loads(process.communicate()[0])) for folder, process in started]
    return made[0], made[1]


def test_all_that_is_advertised_is_done_and_torch_is_never_imported(both: tuple[Made, Made]) -> None:
    for _, said in both:
        ends = {command: answer.partition(" ")[0] for command, answer in said["commands"].items()}
        assert set(ends.values()) == {"0"}, said["commands"]
        assert not said["imported"]
    (_, hidden), (_, there) = both
    assert hidden["fitted"] == there["fitted"]


def test_every_file_is_the_same_with_torch_and_without(both: tuple[Made, Made]) -> None:
    (hidden, _), (there, _) = both
    names = [
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        for folder in (hidden, there)
    ]
    assert names[0] == names[1]
    assert len(names[0]) > 100
    unlike = [name for name in names[0] if _content(hidden, name) != _content(there, name)]
    assert unlike == []


def _content(folder: Path, name: str) -> object:
    """What a file says, but for where the folder is, how long fits took and what is installed."""
    path = folder / name
    if path.suffix == ".sqlite":
        with sqlite3.connect(path) as store:
            fits = store.execute(
                "select fit_id, trainer, status, epochs, kept_epoch, steps, scores from fits"
            ).fetchall()
            arrays = store.execute("select fit_id, part, sha256 from arrays").fetchall()
            keys = store.execute("select key from facts").fetchall()
        return sorted(fits), sorted(arrays), sorted(keys)
    content = path.read_bytes().replace(os.fsencode(folder), b"")
    return (
        re.sub(rb", torch [\w.+]+|" + _TIME + rb" of wall time", b"", content)
        if path.suffix == ".html"
        else content
    )


def test_what_needs_torch_says_so_in_one_sentence(both: tuple[Made, Made]) -> None:
    (_, said), _ = both
    assert said["refused"] == {
        "check digits --trainer torch": f"2 shoal: --trainer torch: {NEEDED}\n",
        "check two-peaks --device cuda": f"2 shoal: device: cuda {NEEDED}\n",
        "check two-peaks --device auto": said["refused"]["check two-peaks --device auto"],
    }
    assert said["refused"]["check two-peaks --device auto"].startswith("0 two-peaks: regression\n")
    assert said["asked"] == {
        "dir": "False",
        "module_": f"AttributeError: a torch.nn.Module {NEEDED}",
        "float64": f"StudyError: dtype: float64 {NEEDED}",
        "float64 images": f"StudyError: dtype: float64 {NEEDED}",
        "cuda": f"StudyError: device: cuda {NEEDED}",
        "own module": f"InputError: module: a torch.nn.Module {NEEDED}",
        "own module on cuda": f"InputError: module: a torch.nn.Module {NEEDED}",
        "own module of a run": f"InputError: module: a torch.nn.Module {NEEDED}",
    }


def test_where_nothing_can_train_both_ways_out_are_said(tmp_path: Path) -> None:
    code = "from torch_hidden import hide_torch; hide_torch(); from shoal.cli import main; main()"
    answer = subprocess.run(
        [sys.executable, "-c", code, "check", "two-peaks"],
        env={**os.environ, "SHOAL_NATIVE": "off", "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert line.startswith("shoal: SHOAL_NATIVE is 'off', which is not one of ")
    assert line.endswith(f"; the torch trainer {NEEDED}")
