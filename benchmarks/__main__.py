"""`python -m benchmarks`: every benchmark, or the named ones, and a dated record of them."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.environment import ensure_peers
from benchmarks.grid import grid
from benchmarks.growth import growth
from benchmarks.machine import machine
from benchmarks.quality import quality
from benchmarks.record import write_record
from benchmarks.search import search
from benchmarks.search_pipelines import pipelines
from benchmarks.step import fits, steps

BENCHMARKS: dict[str, tuple[str, Callable[[int, bool], list[str]]]] = {
    "step": ("Step: one training step", steps),
    "fit": ("Fit: one small fit", fits),
    "machine": ("Machine: distance to the peak", machine),
    "grid": ("Grid: the published search", grid),
    "quality": ("Quality: the same errors", quality),
    "growth": ("Growth: many tiny fits", growth),
    "search": ("Search: the published search through scikit-learn's interface", search),
    "pipelines": ("Pipelines: a search beside scikit-learn's around the same network", pipelines),
}
MIN_PAIRS = 5


def main() -> None:
    """Run what is asked for and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    which = "which of " + ", ".join(BENCHMARKS) + "; all by default"
    parser.add_argument("names", nargs="*", metavar="NAME", help=which)
    parser.add_argument("--pairs", type=int, default=MIN_PAIRS, help="turns of every comparison (5)")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: two turns, tiny slices, no record kept"
    )
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"expected {which}, got {', '.join(sorted(unknown))}")
    if asked.pairs < MIN_PAIRS:
        parser.error(f"expected at least {MIN_PAIRS} pairs, got {asked.pairs}")
    ensure_peers()
    names = asked.names or list(BENCHMARKS)
    pairs = 2 if asked.quick else asked.pairs
    sections = []
    for name in names:
        title, measure = BENCHMARKS[name]
        print(f"{title} ...", file=sys.stderr, flush=True)
        sections.append((title, measure(pairs, asked.quick)))
        print("\n".join(sections[-1][1]), flush=True)
    if not asked.quick or asked.out:
        command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        print(f"\nwritten: {write_record(command, sections, asked.out)}")


if __name__ == "__main__":
    main()
