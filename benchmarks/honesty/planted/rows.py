"""Faults of the rows: what training and test rows have in common, what inputs give away, what was not declared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.honesty.drawn_studies import TARGET, DrawnStudy, Rng, rows_drawn, table
from benchmarks.honesty.planted import plants


def apart(rng: Rng, low: int = 150, high: int = 1000, *, count: int = 0, classes: int = 2) -> DrawnStudy:
    """Draw a table of either task without a fault, whose test rows stand in a file of their own."""
    task = ("regression", "classification")[rng.integers(2)]
    count = count or int(rng.integers(2, 8))
    study = table(rng, task, rows_drawn(rng, low, high), count, classes=classes)
    return replace(study, test_rows=study.rows // 4)


@plants("SH007")
def repeated(rng: Rng) -> DrawnStudy:
    """Test rows of which one in ten is a training row."""
    study = apart(rng)
    order_N = np.arange(study.rows)
    copied = rng.choice(study.test_rows, max(2, study.test_rows // 10), replace=False)
    order_N[study.rows - study.test_rows + copied] = rng.integers(
        0, study.rows - study.test_rows, len(copied)
    )
    return study.with_rows(order_N)


def by_first_input(study: DrawnStudy, low: float, high: float) -> DrawnStudy:
    """Make test rows of those whose first input lies between two of its quantiles."""
    place_N = np.argsort(np.argsort(study.columns["x0"])) / study.rows
    inside_N = (place_N >= low) & (place_N < high)
    order_N = np.concatenate((np.flatnonzero(~inside_N), np.flatnonzero(inside_N)))
    return study.with_rows(order_N, int(inside_N.sum()))


@plants("SH008")
def beyond(rng: Rng) -> DrawnStudy:
    """Test rows are those with the highest values of an input."""
    return by_first_input(apart(rng), 0.85, 1.01)


@plants("SH009")
def in_a_gap(rng: Rng) -> DrawnStudy:
    """Test rows are those in the middle of an input."""
    study = apart(rng)
    even_N = rng.uniform(0, 10, study.rows)
    return by_first_input(study.with_columns(x0=even_N), 0.4, 0.55)


@plants("SH018")
def numbered(rng: Rng) -> DrawnStudy:
    """A number of the row among the inputs."""
    study = apart(rng)
    return study.with_columns(sample=np.arange(study.rows))


@plants("SH019")
def untested(rng: Rng) -> DrawnStudy:
    """A class that the file of test rows lacks."""
    study = table(rng, "classification", rows_drawn(rng, 200, 1000), 4, classes=4)
    lacking_N = study.columns[TARGET] == "class 2"
    test_N = ~lacking_N & (rng.random(study.rows) < 0.3)
    order_N = np.concatenate((np.flatnonzero(~test_N), np.flatnonzero(test_N)))
    return study.with_rows(order_N, int(test_N.sum()))
