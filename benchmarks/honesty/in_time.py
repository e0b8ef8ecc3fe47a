"""Rows in order of time: what intervals of test scores hold where neighbours are alike, and how often SH036 speaks.

Errors of a network follow each other (an autoregressive process of first order, of correlation `phi` from one row to
the next), as they do where what a row has beyond its inputs lasts longer than a row. Intervals are made of rows, each
by itself, and of blocks of neighbours.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.honesty.checks import RATES, hits, verdict
from benchmarks.honesty.drawn_studies import TARGET, DrawnStudy, Rng
from benchmarks.honesty.planted.rows import in_time
from benchmarks.record import table
from shoal.look.method_checks.ageing import CHECK as AGES
from shoal.results import Scored, Units, difference, repeated_interval, row_score

PHI: Final = (0.0, 0.5, 0.8, 0.9)
ROWS: Final = (60, 200, 1000)
SHARE: Final = 0.8
CUT: Final = -0.8416212335729143
"""A standard normal number lies above it in 80 % of cases."""
SEED: Final = 1
HEADS: Final = ("RMSE", "accuracy", "difference of MSE")


def following(rng: Rng, rows: int, phi: float) -> NDArray[np.float64]:
    """Draw standard normal numbers, each correlated with the one before it, (N,)."""
    step_N = rng.standard_normal(rows)
    value_N = step_N.copy()
    for row in range(1, rows):
        value_N[row] = phi * value_N[row - 1] + np.sqrt(1 - phi**2) * step_N[row]
    return value_N


@dataclass(frozen=True)
class Held:
    """Per cent of the intervals of each score that hold the truth, and the median width of the first."""

    shares: tuple[float, ...]
    width: float


def held(phi: float, rows: int, studies: int, *, blocks: bool) -> Held:
    """Draw errors of two equal networks, and count the intervals that hold what is true of both."""
    rmse, mse = row_score("regression", "rmse"), row_score("regression", "mse")
    accuracy, truth_N = row_score("classification", "accuracy"), np.zeros(rows, np.int64)
    y_N1, counts, widths = np.zeros((rows, 1)), np.zeros(len(HEADS)), []
    units = Units.blocks(np.arange(rows, dtype=np.float64)) if blocks else Units.of(rows)
    for number in range(studies):
        rng = np.random.default_rng([SEED, number, rows, int(10 * phi)])
        first_N, second_N = following(rng, rows, phi), following(rng, rows, phi)
        named_N2 = np.where((first_N > CUT)[:, None], [0.9, 0.1], [0.1, 0.9])
        errors = [Scored.of(mse, y_N1, {0: error_N[:, None]}, units) for error_N in (first_N, second_N)]
        of_rmse = repeated_interval(rmse, y_N1, [first_N[:, None]], units)
        of_share = repeated_interval(accuracy, truth_N, [named_N2], units)
        apart = difference(*errors)
        counts += [
            of_rmse.low <= 1 <= of_rmse.high,
            of_share.low <= SHARE <= of_share.high,
            apart.low <= 0 <= apart.high,
        ]
        widths.append(of_rmse.high - of_rmse.low)
    return Held(tuple(100 * counts / studies), float(np.median(widths)))


def steady(rng: Rng, phi: float) -> DrawnStudy:
    """Draw a study in order of time whose truth does not change, and whose noise follows itself."""
    study = in_time(rng)
    value_N = study.columns[TARGET]
    if value_N.dtype.kind == "f":
        noise_N = following(rng, study.rows, phi) * value_N.std() / 2
        return study.with_columns(**{TARGET: value_N + noise_N})
    other_N = rng.permutation(value_N)
    return study.with_columns(**{TARGET: np.where(following(rng, study.rows, phi) > 1, other_N, value_N)})


def speaks(phi: float, studies: int) -> float:
    """Give the per cent of steady studies in which SH036 speaks."""
    spoken = [
        AGES.code in verdict(steady(np.random.default_rng([SEED, number, int(10 * phi)]), phi)).said
        for number in range(studies)
    ]
    return 100 * float(np.mean(spoken))


def run(studies: int = 400) -> list[str]:
    """Measure the intervals and the check, a quarter as many studies of the latter; give the lines."""
    rows = []
    for phi, count in product(PHI, ROWS):
        each = [held(phi, count, studies, blocks=blocks) for blocks in (False, True)]
        shares = [f"{share:.0f}" for of in each for share in of.shares]
        rows.append([f"{phi:g}", f"{count:,}", *shares, f"{each[1].width / each[0].width:.2f}"])
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    runs = studies // 4
    alarms = {phi: speaks(phi, runs) for phi in PHI[:3]}
    hit = hits(AGES.code, runs, SEED)
    worst = max(alarms.values())
    heads = [f"{by}: {name}" for by in ("rows", "blocks") for name in HEADS]
    each = ", ".join(f"{share:.0f} % where noise has phi {phi:g}" for phi, share in alarms.items())
    return [
        f"95 % intervals of {studies} drawn series of errors that hold the truth, in per cent, by rows and by blocks,"
        " and how many times as wide those of the RMSE are by blocks (medians):",
        "",
        *table(["phi", "rows", *heads, "wider"], rows),
        "",
        f"{AGES.code} was looked for in {runs} studies in order of time whose targets follow the inputs less and less"
        f" (hits), and in as many of each kind whose truth does not change (false alarms, the most of): {each}.",
        "",
        *table(RATES, [[AGES.code, AGES.severity, AGES.title, f"{hit:.0f}", f"{worst:.0f}"]]),
    ]
