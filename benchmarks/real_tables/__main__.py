"""`python -m benchmarks.real_tables`: runs every table of the list; `draw` writes the list."""

from __future__ import annotations

import argparse

from benchmarks.real_tables.draw import write_list
from benchmarks.real_tables.packages import ensure_packages


def main() -> None:
    """Fetch the packages and do what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_tables", description=__doc__)
    parser.add_argument("step", choices=("draw",))
    parser.parse_args()
    ensure_packages()
    write_list()


if __name__ == "__main__":
    main()
