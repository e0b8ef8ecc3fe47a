"""One table from `shoal new --data` to a report, as somebody with that file would do it: nothing is edited."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environment import ROOT, commit
from benchmarks.real_tables.draw import Table
from benchmarks.real_tables.shipped import read

KEPT = "outcome.json"
LIMIT = 600
"""Seconds that each command may take, on two cores."""
WORKERS = "2"


@dataclass(frozen=True)
class Step:
    """A command, what it said and how long it took; `code` is its exit code, None where it took too long."""

    command: str
    code: int | None
    output: str
    complaint: str
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of a table: its steps up to the first that failed, in a folder of its own, and of which commit."""

    table: Table
    folder: Path
    steps: tuple[Step, ...]
    commit: str

    def keep(self) -> Outcome:
        """Write it to its folder."""
        values = {"commit": self.commit, "steps": [dataclasses.asdict(step) for step in self.steps]}
        (self.folder / KEPT).write_text(json.dumps(values, indent=1), encoding="utf-8")
        return self

    @classmethod
    def kept(cls, table: Table, folder: Path) -> Outcome | None:
        """Read what was kept in a folder; None where nothing was."""
        file = folder / KEPT
        if not file.exists():
            return None
        values = json.loads(file.read_text(encoding="utf-8"))
        return cls(table, folder, tuple(Step(**step) for step in values["steps"]), values["commit"])

    @property
    def run(self) -> Path | None:
        """The run folder that has a report; None where there is none."""
        reports = sorted(self.folder.glob("runs/*/report.html"))
        return reports[0].parent if reports else None

    @property
    def failure(self) -> str:
        """Which command failed with which words; empty where there is a report."""
        last = self.steps[-1]
        if last.code == 0 and self.run:
            return ""
        why = (last.complaint.strip() or last.output.strip()).splitlines()
        return f"{last.command.split()[1]}: {why[-1] if why else f'exit code {last.code}'}"

    @property
    def seconds(self) -> float:
        """What all steps took."""
        return sum(step.seconds for step in self.steps)


def run_table(table: Table, folder: Path) -> Outcome:
    """Run a table in a folder of its own, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    file = copied(table, folder)
    steps = [_step(folder, "new", "--data", file.name, "--target", table.target)]
    if steps[0].code == 0:
        (folder / "study.toml").write_text(steps[0].output, encoding="utf-8")
        for command in (("check", "study.toml"), ("run", "study.toml")):
            steps.append(_step(folder, *command, "--workers", WORKERS))
            if steps[-1].code != 0:
                break
    return Outcome(table, folder, tuple(steps), commit()).keep()


def copied(table: Table, folder: Path) -> Path:
    """Copy the shipped file as it is; one without names gets a line of them on top."""
    file = folder / table.file.name
    if table.named:
        shutil.copyfile(table.file, file)
        return file
    shipped = read(table.file)
    names = shipped.separator.join(shipped.cells.columns).encode() + b"\n"
    data = table.file.read_bytes()
    zipped = file.suffix == ".gz"
    data = names + (gzip.decompress(data) if zipped else data)
    file.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
    return file


def _step(folder: Path, *arguments: str) -> Step:
    """Run a command of Shoal's in the folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", "COLUMNS": "200"}
    command = " ".join(("shoal", *arguments))
    begun = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "shoal", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=environment,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return Step(command, None, "", f"took longer than {LIMIT} seconds", time.perf_counter() - begun)
    seconds = time.perf_counter() - begun
    return Step(command, done.returncode, done.stdout, done.stderr, seconds)
