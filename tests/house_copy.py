"""A copy of the house to which a test adds a kind, by as little as is promised."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import shoal

HOUSE = Path(shoal.__file__).parent


class Copy:
    """A copy of the house that can be changed and run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(HOUSE, root / "shoal", ignore=shutil.ignore_patterns("*.pyc.*"))  # half written

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
        answer = self.process(script, *arguments)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout.splitlines()[-1])

    def process(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script, however it ends."""
        return run_beside(self.root, script, *arguments)


def run_beside(root: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, on the package `shoal` in the folder `root`, however it ends."""
    paths = os.pathsep.join([str(root), str(Path(__file__).parent)])
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
