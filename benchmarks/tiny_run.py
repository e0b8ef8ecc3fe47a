"""Tiny run: `shoal run` of a table of 150 rows, and `shoal report` of run folders, from the start of Python to its end.

The table has 150 rows and 4 inputs; its study is what `shoal new --data` writes: 6 candidates on 5 folds. Each command
runs in a process of its own. *Processor* is the time of all its processes on a core; *clock* is seconds on the clock;
*alone* the same less the share of time in which threads stood ready and waited for a core (schedstat of proc(5)), as on
a machine that does nothing else. With `--before`, another checkout (with its core built) is measured in turn.

    python -m benchmarks.tiny_run [--before CHECKOUT] [--rounds 5] [--report RUN ...] [--out RECORD]
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.environment import ROOT
from benchmarks.forecast import BETWEEN_SAMPLES, scheduled
from benchmarks.record import table, write_record

ROWS, INPUTS = 150, 4


@dataclass(frozen=True)
class Taken:
    """Seconds of one command."""

    clock: float
    processor: float
    alone: float


def make_study(folder: Path) -> Path:
    """Write the table, always the same, and have `shoal new` write its study."""
    numbers = np.random.default_rng(5)
    x_ND = numbers.normal(size=(ROWS, INPUTS))
    y_N = 2 * x_ND[:, 0] + np.sin(2 * x_ND[:, 1]) + x_ND[:, 2] * x_ND[:, 3] + 0.2 * numbers.normal(size=ROWS)
    lines = ["a,b,c,d,price", *(",".join(f"{cell:.4f}" for cell in row) for row in np.c_[x_ND, y_N])]
    (folder / "tiny.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command(ROOT, ["new", "--data", "tiny.csv", "--out", "tiny.toml"], folder)
    return folder / "tiny.toml"


def command(checkout: Path, arguments: list[str], folder: Path) -> Taken:
    """Run a command of a checkout in a folder, and say what it took."""
    words = [sys.executable, "-m", "shoal", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    begun, before, threads = time.monotonic(), os.times(), {}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        ) as process,
    ):
        while process.poll() is None:
            threads.update(scheduled(process.pid))
            time.sleep(BETWEEN_SAMPLES)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{shlex.join(words)}: {errors.read().decode()[-2000:]}")
    clock, after = time.monotonic() - begun, os.times()
    processor = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    ran, waited = (sum(times[place] for times in threads.values()) for place in (0, 1))
    return Taken(clock, processor, clock * ran / (ran + waited))


def in_turn(checkouts: dict[str, Path], arguments: list[str], folder: Path, rounds: int) -> list[list[str]]:
    """Run a command of every checkout in turn; give a row each, of medians."""
    taken: dict[str, list[Taken]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            shutil.rmtree(folder / "run", ignore_errors=True)
            taken[name].append(command(checkout, arguments, folder))
    return [
        [
            name,
            *(
                f"{median(getattr(each, part) for each in takes):.2f}"
                for part in ("clock", "alone", "processor")
            ),
        ]
        for name, takes in taken.items()
    ]


def report_rows(checkouts: dict[str, Path], run: Path, rounds: int, scratch: Path) -> list[list[str]]:
    """Make the report of a copy of a run folder again; the last column is its size."""
    copy = scratch / run.name
    shutil.copytree(run, copy)
    rows = in_turn(checkouts, ["report", str(copy)], scratch, rounds)
    megabytes = (copy / "report.html").stat().st_size / 1e6
    return [[f"report of {run.name}, {name}", *figures, f"{megabytes:.2f}"] for name, *figures in rows]


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tiny_run", description=__doc__)
    parser.add_argument("--before", type=Path, help="another checkout, measured in turn with this one")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (5)")
    parser.add_argument("--report", type=Path, nargs="*", default=[], help="run folders, reported again")
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    checkouts = {"before": asked.before.resolve()} if asked.before else {}
    checkouts["now"] = ROOT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = make_study(folder)
        runs = in_turn(checkouts, ["run", str(study), "--out", "run"], folder, asked.rounds)
        rows = [[f"tiny run, {name}", *figures, ""] for name, *figures in runs]
        for run in asked.report:
            rows += report_rows(checkouts, run.resolve(), asked.rounds, folder)
    body = [
        f"Medians over {asked.rounds} turns, in seconds; sizes of report.html in MB.",
        "",
        *table(["what", "clock", "alone", "processor", "MB"], rows),
    ]
    words = shlex.join(["python", "-m", "benchmarks.tiny_run", *sys.argv[1:]])
    title = "Tiny-run: a table of 150 rows, and reports made again"
    print("\n".join(body))
    print(f"\nwritten: {write_record(words, [(title, body)], asked.out)}")


if __name__ == "__main__":
    main()
