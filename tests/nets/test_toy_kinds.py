"""What it takes to add a kind: a copy of the house gets a toy of each, by as little as is promised, and trains it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import shoal

HOUSE = Path(shoal.__file__).parent

LOSS = '''"""Toy: the mean absolute error."""

import numpy as np

from shoal.nets._loss import Loss


def _torch():
    from torch.nn import functional

    return functional.l1_loss


LOSS = Loss(_torch, lambda y, target: np.float64(np.mean(np.abs(y - target))), "identity", "mean error", "Toy (2026).")
'''

RUN = """
import json, sys
from studies import tiny_study
from shoal.pipeline import run
from shoal.look.page.references import works

study = tiny_study(
    training={"loss": "absolute", "epochs": 40},
    compare=[{"name": "toy"}, {"name": "squared", "training": {"loss": "mse"}}],
    search=None,
)
results = run(study, out=sys.argv[1], workers=1)
fits = results.fits.set_index("label")
last = results.curves_of("compare").groupby("label")["train_loss"].last()
first = results.curves_of("compare").groupby("label")["train_loss"].first()
print(json.dumps({
    "trainer": fits.loc["toy", "trainer"],
    "status": fits.loc["toy", "status"],
    "falls": bool(last["toy"] < 0.7 * first["toy"]),
    "other": bool(abs(last["toy"] - last["squared"]) > 1e-3),
    "cited": [work.cited for work in works(results, frozenset()) if work.used == "loss absolute"],
    "axis": "mean error" in (results.folder / "report.html").read_text(encoding="utf-8"),
}))
"""


class Copy:
    """A copy of the house that can be changed and run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(HOUSE, root / "shoal", ignore=shutil.ignore_patterns("__pycache__"))

    def add_file(self, name: str, text: str) -> None:
        path = self.root / "shoal" / name
        assert not path.exists()
        path.write_text(text, encoding="utf-8")

    def add_line(self, name: str, after: str, line: str) -> None:
        path = self.root / "shoal" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(after) == 1
        path.write_text(text.replace(after, after + line), encoding="utf-8")

    def run(self, script: str, *arguments: str) -> Any:
        """Run a script that prints one line of JSON last."""
        paths = os.pathsep.join([str(self.root), str(Path(__file__).parent.parent)])
        answer = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout.splitlines()[-1])


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "house")


def test_a_loss_is_a_file_and_a_line(copy: Copy, tmp_path: Path) -> None:
    copy.add_file("nets/losses/absolute.py", LOSS)
    copy.add_line(
        "kinds.py", 'LossKind("classification", core=1),\n', '    "absolute": LossKind("regression"),\n'
    )
    assert copy.run(RUN, str(tmp_path / "run")) == {
        "trainer": "torch",
        "status": "ok",
        "falls": True,
        "other": True,
        "cited": ["Toy (2026)."],
        "axis": True,
    }
