"""`python -m benchmarks.real_tables`: every table of the list, or some, and a dated record; `draw` writes the list.

Each table's outcome is kept outside of the repository: a record of all is written when all have one.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.real_tables.campaign import Outcome, run_table
from benchmarks.real_tables.draw import Table, read_list, write_list
from benchmarks.real_tables.packages import CACHE, ensure_packages
from benchmarks.real_tables.tables_record import line_of, section
from benchmarks.record import write_record

TITLE = "Real-tables: from `shoal new --data` to a report"


def main() -> None:
    """Fetch the packages and do what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_tables", description=__doc__)
    parser.add_argument("step", nargs="?", choices=("draw", "run", "record"), default="run")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="run these alone, by number, from 1")
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    ensure_packages()
    if asked.step == "draw":
        write_list()
        return
    tables = dict(enumerate(read_list(), 1))
    if asked.step == "run":
        _run(tables, asked.only or list(tables))
    outcomes = [Outcome.kept(table, _folder(number)) for number, table in tables.items()]
    if all(outcomes):
        command = shlex.join(["python", "-m", "benchmarks.real_tables", *sys.argv[1:]])
        body = section([line_of(outcome) for outcome in outcomes if outcome])
        print(f"written: {write_record(command, [(TITLE, body)], asked.out)}")


def _folder(number: int) -> Path:
    return CACHE / "runs" / f"{number:02}"


def _run(tables: dict[int, Table], numbers: Sequence[int]) -> None:
    for number in numbers:
        line = line_of(run_table(tables[number], _folder(number)))
        print(f"{number}: {' | '.join(line.cells)}\n    {line.done}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
