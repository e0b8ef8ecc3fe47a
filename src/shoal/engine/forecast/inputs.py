"""What looking at the inputs of a table will take: how many rows networks are asked about, and the time of it.

Seconds are those of the machine on which the forecasts of a run were measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from shoal.data import MOST_GROUPED
from shoal.engine._fits import Planner
from shoal.nets import Architecture

MOST_ROWS: Final = 2000
"""Rows that each network is asked about with permuted inputs, at most."""
LEAST_ROWS: Final = 50
"""So many rows are asked about of large networks and of many columns, too."""
MOST_WORK: Final = 8e10
"""Multiplications and additions, about two seconds of one core, beyond which fewer rows are asked about."""
FAR_TOO_MUCH: Final = 20
"""How many times that makes the answers of the fewest rows too many to be asked for."""
MOST_CURVES: Final = 6
MOST_PAIRED: Final = 5
"""Inputs, at most, along which answers are looked at, and in pairs: the most important."""
GRID: Final = 25
PAIR_GRID: Final = 12
"""Values of a number, at most, and of each of a pair: quantiles of the training rows from 1 % to 99 %."""
ROWS: Final = 300
PAIR_ROWS: Final = 100
"""Training rows, at most, that means are over, and pairs are looked at."""
WORK: Final = 4e10
"""Multiplications and additions, about a second of one core, beyond which curves, and pairs, take fewer rows."""
INPUTS: Final = 0.15
"""Of looking at inputs, however few: libraries, groups of columns, the store."""
ASKED: Final = 2.5e-4
"""Of asking a network about permuted rows and scoring it, however few."""
PERMUTED: Final = 2e-9
"""An input copied and permuted."""
ASSOCIATED: Final = 1.2e-4
"""Half of what a pair of columns takes that may go along with each other."""
FORWARD: Final = 2.5e-11
"""A multiply-add on the way from rows to answers."""


def answer_seconds(architecture: Architecture) -> float:
    """One row on its way through a network."""
    return FORWARD * architecture.flops_per_row + 2e-8 * architecture.outputs


def _networks(planner: Planner) -> int:
    """Give how many networks are asked with permuted inputs: those of the folds, or the delivered one."""
    return len(planner.folds) * planner.study.search.repeats if planner.study.search else 1


def rows_permuted(planner: Planner, architecture: Architecture, subjects: int, networks: int) -> int:
    """Give how many rows each network is asked about with the inputs of each subject permuted, at most.

    None where there are none, or even the fewest would take too long.
    """
    flops = max(1, architecture.flops_per_row)
    passes = planner.study.inspect.importance * subjects * networks * flops
    most = MOST_ROWS if passes * MOST_ROWS <= MOST_WORK else max(LEAST_ROWS, int(MOST_WORK / passes))
    held_out = [len(split.validation) for split in planner.folds]
    there = max(held_out, default=planner.dataset.rows - planner.dataset.train_rows)
    rows = min(most, there)
    return rows if passes * rows <= FAR_TOO_MUCH * MOST_WORK else 0


def rows_averaged(architecture: Architecture, train_rows: int) -> tuple[int, int]:
    """Give how many training rows curves, and pairs, are means over."""
    flops = max(1, architecture.flops_per_row)
    points = MOST_CURVES * GRID + PAIR_GRID**2
    evaluations = math.comb(MOST_PAIRED, 2) + MOST_PAIRED
    curves = max(20, min(ROWS, int(WORK / flops / points)))
    pairs = max(10, min(PAIR_ROWS, int(math.sqrt(WORK / flops / evaluations))))
    return min(curves, train_rows), min(pairs, train_rows)


def rows_along_inputs(architecture: Architecture, columns: int, train_rows: int) -> int:
    """Give how many rows pass through the network along the most important inputs and their pairs, in all."""
    curves, pairs = rows_averaged(architecture, train_rows)
    shown, paired = min(columns, MOST_CURVES), min(columns, MOST_PAIRED)
    return curves * (shown * GRID + PAIR_GRID**2) + pairs**2 * (math.comb(paired, 2) + paired)


def importance_notes(planner: Planner, architecture: Architecture) -> Iterator[str]:
    """Say before a run that none of so many inputs will be permuted; the network is like the delivered one."""
    columns, asked = len(planner.dataset.columns), planner.study.inspect.importance
    tested = planner.folds or planner.dataset.rows > planner.dataset.train_rows
    if columns and asked and tested and not rows_permuted(planner, architecture, columns, _networks(planner)):
        yield f"inspect.importance = {asked}: {columns:,} inputs permuted one by one take minutes, so that none is"


def inputs_seconds(planner: Planner, architecture: Architecture) -> float:
    """Importance of the inputs of a table, and how answers hang on them; the delivered network stands for all."""
    dataset, repeats, networks = planner.dataset, planner.study.inspect.importance, _networks(planner)
    columns = len(dataset.columns)
    rows = rows_permuted(planner, architecture, columns, networks) if columns and repeats else 0
    if not rows:
        return 0.0
    each = answer_seconds(architecture) + PERMUTED * math.prod(architecture.input_shape)
    pairs = columns**2 * ASSOCIATED * (columns <= MOST_GROUPED)
    along = rows_along_inputs(architecture, columns, dataset.train_rows)
    return INPUTS + pairs + networks * columns * repeats * (ASKED + rows * each) + along * each
