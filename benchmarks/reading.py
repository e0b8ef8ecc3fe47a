"""Reading: `shoal check` of a large CSV beside pandas reading the same file, whole processes in turn.

The table has 330,000 rows and 15 columns (or as many rows as are asked for): numbers of full length, of two and of four
decimals, whole numbers, and two columns of categories. Each side runs in a process of its own, one after the other, so
that both meet like load; a third side is a process that starts and checks 200 rows, which is what a start takes.
The peak of `shoal check` is held against the memory that its own plan says.

    python -m benchmarks.reading [--rows 330000] [--rounds 5] [--out RECORD]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.record import table, write_record

ROWS = 330_000
FEW = 200
STUDY = """[study]
name = "reading"
task = "regression"

[data]
train = "{file}"
target = "y"
standardize = "both"

[network]
hidden = [64]

[training]
epochs = 5

[search]
folds = 2

[search.space]
"training.lr" = [0.01, 0.001]
"""


def make_table(rows: int, file: Path) -> None:
    """Write the table, always the same."""
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(0)
    columns: dict[str, object] = {f"f{place}": draw.normal(size=rows) for place in range(5)}
    columns |= {f"r{place}": np.round(draw.normal(50, 20, rows), 2) for place in range(4)}
    columns |= {f"i{place}": draw.integers(0, 5000, rows) for place in range(3)}
    columns["colour"] = draw.choice(["red", "green", "blue", "yellow"], rows)
    columns["city"] = draw.choice([f"city {place}" for place in range(60)], rows)
    columns["y"] = np.round(2 * np.asarray(columns["f0"]) + draw.normal(size=rows), 4)
    pd.DataFrame(columns).to_csv(file, index=False)


def measured(command: list[str], folder: Path) -> tuple[float, float, float, str]:
    """Run a command; give its seconds on the clock, seconds of processor, peak in MB, and what it printed."""
    with (folder / "printed").open("w+") as printed:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=printed, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        printed.seek(0)
        text = printed.read()
    if status:
        raise RuntimeError(f"{' '.join(command)} failed:\n{text}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, text


def sides(rows: int, rounds: int) -> list[str]:
    """Measure all sides in turn, `rounds` times; give the lines of the record."""
    python = sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with get_context("spawn").Pool(
            1
        ) as apart:  # what this process holds would count as its children's peak
            apart.starmap(make_table, [(rows, folder / "large.csv"), (FEW, folder / "small.csv")])
        for size in ("large", "small"):
            (folder / f"{size}.toml").write_text(STUDY.format(file=f"{size}.csv"))
        commands = {
            "pandas reads it": [python, "-c", "import pandas; pandas.read_csv('large.csv')"],
            "shoal check": [python, "-m", "shoal", "check", "large.toml"],
            f"shoal check of {FEW} rows": [python, "-m", "shoal", "check", "small.toml"],
        }
        runs: dict[str, list[tuple[float, float, float, str]]] = {side: [] for side in commands}
        for _ in range(rounds + 1):  # the first of each fills caches of files
            for side, command in commands.items():
                runs[side].append(measured(command, folder))
        code = "import pandas, time; start = time.perf_counter(); pandas.read_csv('large.csv')"
        inner = [
            float(measured([python, "-c", f"{code}; print(time.perf_counter() - start)"], folder)[3])
            for _ in range(rounds)
        ]
        megabytes = (folder / "large.csv").stat().st_size / 1e6
    middle = {side: [median(run[place] for run in runs[side][1:]) for place in range(3)] for side in commands}
    first = middle["pandas reads it"]
    body = [
        [side, f"{wall:.2f}", f"{cpu:.2f}", f"{peak:,.0f}", f"{wall / first[0]:.2f}", f"{cpu / first[1]:.2f}"]
        for side, (wall, cpu, peak) in middle.items()
    ]
    said = re.search(r"memory +about ([\d,]+) MB", runs["shoal check"][0][3])
    beyond = middle["shoal check"][0] - middle[f"shoal check of {FEW} rows"][0]
    lines = [f"{rows:,} rows, 15 columns, {megabytes:.0f} MB; medians of {rounds} rounds, in turn.", ""]
    lines += table(
        ["process", "s", "s of processor", "peak MB", "s over pandas", "processor over pandas"], body
    )
    lines += [
        "",
        f"Beyond a start, reading and checking take {beyond:.2f} s; pandas' `read_csv` alone, without its import,"
        f" {median(inner):.2f} s: {beyond / median(inner):.1f} times.",
        "",
        f"The plan says {said.group(1) if said else 'no'} MB for the whole run, its check included.",
    ]
    return lines


def main() -> None:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=None)
    asked = parser.parse_args()
    lines = sides(asked.rows, asked.rounds)
    print("\n".join(lines))
    command = f"python -m benchmarks.reading --rows {asked.rows} --rounds {asked.rounds}"
    print(write_record(command, [("Reading: a large CSV beside pandas", lines)], asked.out))


if __name__ == "__main__":
    main()
