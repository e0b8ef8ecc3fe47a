"""`python -m benchmarks.honesty`: every part of the campaign, or the named ones, and a dated record of them."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.honesty import (
    cheap_searches,
    checks,
    fold_scores,
    in_time,
    intervals,
    nested,
    predictions,
    searches,
    searches_in_time,
    small_tests,
    weighted_predictions,
)
from benchmarks.record import write_record

PARTS: dict[str, tuple[str, Callable[[int], list[str]]]] = {
    "intervals": ("Intervals: test scores and comparisons", intervals.run),
    "small-tests": ("Small test sets: coverage and width beside other intervals", small_tests.run),
    "cheap-searches": ("Cheap searches: outer folds", cheap_searches.run),
    "nested": ("Nested: the whole search without each outer fold", nested.run),
    "searches": ("Searches: the set, verdicts, errors", searches.run),
    "folds": ("Searches of scikit-learn's face: noise and what is worse", fold_scores.run),
    "predictions": ("Predictions: intervals, sets, temperature", predictions.run),
    "weighted-predictions": ("Predictions of weighted rows: intervals and sets", weighted_predictions.run),
    "in-time": ("Rows in order of time: intervals and ageing", in_time.run),
    "searches-in-time": ("Searches in order of time: equal candidates", searches_in_time.run),
    "checks": ("Checks: hits and false alarms", checks.run),
}


def main() -> None:
    """Run what is asked for and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.honesty", description=__doc__)
    which = "which of " + ", ".join(PARTS) + "; all by default"
    parser.add_argument("names", nargs="*", metavar="NAME", help=which)
    parser.add_argument("--studies", type=int, default=400, help="simulated studies of every cell (400)")
    parser.add_argument("--codes", nargs="+", metavar="CODE", help="the checks to measure; all by default")
    parser.add_argument("--out", type=Path, help="where to write the record")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(PARTS):
        parser.error(f"expected {which}, got {', '.join(sorted(unknown))}")
    sections = []
    for name in asked.names or PARTS:
        title, measure = PARTS[name]
        print(f"{title} ...", file=sys.stderr, flush=True)
        of_checks = partial(checks.run, codes=asked.codes)
        sections.append((title, (of_checks if measure is checks.run else measure)(asked.studies)))
    command = shlex.join(["python", "-m", "benchmarks.honesty", *sys.argv[1:]])
    print(f"\nwritten: {write_record(command, sections, asked.out)}")


if __name__ == "__main__":
    main()
