"""`python -m benchmarks.real_tables`: every table of the list, or some, and a dated record; `draw` writes the list."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from benchmarks.real_tables.campaign import run_table
from benchmarks.real_tables.draw import read_list, write_list
from benchmarks.real_tables.packages import CACHE, ensure_packages
from benchmarks.real_tables.tables_record import line_of, section
from benchmarks.record import write_record

TITLE = "Real tables: from `shoal new --data` to a report"


def main() -> None:
    """Fetch the packages and do what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_tables", description=__doc__)
    parser.add_argument("step", nargs="?", choices=("draw", "run"), default="run")
    parser.add_argument(
        "--only", type=int, nargs="+", metavar="N", help="numbers of tables, from 1; no record is kept"
    )
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    ensure_packages()
    if asked.step == "draw":
        write_list()
        return
    tables = dict(enumerate(read_list(), 1))
    numbers = asked.only or list(tables)
    lines = []
    for number in numbers:
        lines.append(line_of(run_table(tables[number], CACHE / "runs" / f"{number:02}")))
        print(f"{number}: {' | '.join(lines[-1].cells)}", file=sys.stderr, flush=True)
    body = section(lines)
    if asked.only:
        print("\n".join(body))
        return
    command = shlex.join(["python", "-m", "benchmarks.real_tables", *sys.argv[1:]])
    print(f"written: {write_record(command, [(TITLE, body)], asked.out)}")


if __name__ == "__main__":
    main()
