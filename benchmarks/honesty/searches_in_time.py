"""Searches in order of time: how often equal candidates are called different where errors follow each other.

The folds are blocks of later rows, and the errors of each candidate on them half those of all and half its own, an
autoregressive process of first order each (`following`): all candidates expect the same score. What is said of them is
what it is by rows, each by itself, and what it is by blocks of neighbours in time within each fold.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product
from typing import Final

import numpy as np

from benchmarks.honesty.drawn_studies import Rng
from benchmarks.honesty.in_time import following
from benchmarks.record import table
from shoal.results import OutOfFold, PlanEntry, SearchScores, Truth, rank_candidates

PHI: Final = (0.0, 0.8)
ROWS: Final = (60, 200, 600)
FOLDS: Final = (3, 5, 10)
CANDIDATES: Final = (2, 8)
SEED: Final = 3


def drawn(rng: Rng, phi: float, rows: int, folds: int, candidates: int) -> tuple[SearchScores, OutOfFold]:
    """Draw the errors of all candidates on all rows; the first part of these is held out by no fold."""
    common_N = following(rng, rows, phi)
    error_CN = np.array([np.sqrt(0.5) * (common_N + following(rng, rows, phi)) for _ in range(candidates)])
    size = rows // (folds + 1)
    first = rows - size * folds
    held = {("search", fold): np.arange(size) + first + size * fold for fold in range(folds)}
    names = tuple(f"{place:03}" for place in range(candidates))
    entries = [
        PlanEntry(f"{name}/{fold}", "search", name, "", fold, 0, int(row_V[0]), len(row_V))
        for name in names
        for (_, fold), row_V in held.items()
    ]
    truth = Truth(
        ("x",), ("y",), (), np.zeros((rows, 1)), np.zeros((rows, 1)), rows, held, times=np.arange(rows) * 1.0
    )
    score_CF = np.array([[np.mean(error_N[row_V] ** 2) for row_V in held.values()] for error_N in error_CN])
    scores = SearchScores(names, (1,) * candidates, score_CF[:, :, None], "loss", rows / 2, 1.0)
    return scores, OutOfFold(
        entries, truth, lambda entry: error_CN[int(entry.candidate_id)][held["search", entry.fold], None]
    )


def rates(phi: float, rows: int, folds: int, candidates: int, studies: int) -> list[float]:
    """Give per cent, by rows and then by blocks: studies with an equal candidate outside of the set, and intervals of
    the difference to the best that hold 0.
    """
    counts = np.zeros((2, 2))
    for number in range(studies):
        rng = np.random.default_rng([SEED, number, rows, folds, candidates, int(10 * phi)])
        scores, held = drawn(rng, phi, rows, folds, candidates)
        unordered = replace(held, truth=replace(held.truth, times=np.zeros(0)))
        for way, own in enumerate((unordered, held)):
            others = rank_candidates(scores, own)[1:]
            counts[way] += [
                any(not row.indistinguishable for row in others),
                np.mean([row.ci_low <= 0 <= row.ci_high for row in others]),
            ]
    return list(100 * counts.reshape(-1) / studies)


def run(studies: int = 400) -> list[str]:
    """Measure every kind of search, print the rows as they come, and give the lines of the table."""
    rows = []
    for phi, count, folds, candidates in product(PHI, ROWS, FOLDS, CANDIDATES):
        measured = rates(phi, count, folds, candidates, studies)
        rows.append(
            [f"{phi:g}", f"{count:,}", f"{folds}", f"{candidates}", *(f"{rate:.0f}" for rate in measured)]
        )
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    heads = [
        f"{by}: {what}" for by in ("rows", "blocks") for what in ("called different", "interval holds 0")
    ]
    return [
        f"Of {studies} searches whose candidates are equal, per cent in which one is called different from the best at"
        " 5 % (model confidence set), and of 95 % intervals of a difference to the best that hold 0:",
        "",
        *table(["phi", "rows", "folds", "candidates", *heads], rows),
    ]
