"""Whether an input tells groups apart that the study does not name.

Letters: N training rows, D numbers of a row, K targets or classes, L values of the input.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column, Dataset
from shoal.data._distinct import codes_of
from shoal.data._row_check import (
    Floats,
    RowCheck,
    beyond_rounding,
    is_identity,
    is_whole,
    ranks,
    scaled,
    target_numbers,
    vectors,
)
from shoal.data.row_checks.giveaways import giveaways
from shoal.wording import counted, first_few, quoted

FEWEST_VALUES: Final = 10
MOST_ROWS: Final = 5_000
"""Training rows that are looked at at most, the first ones: what the check costs is bounded."""
LIKENESS: Final = 0.25
"""Share of what the other inputs leave of the target that lies between the values."""
LEVEL: Final = 1e-3
BLOCKS: Final = 3.0
"""Neighbouring rows of equal value, over what a random order would bring, from which values stand in blocks."""
MOST_NAMED: Final = 2
"""Inputs that are named, those that explain most; of more it is said how many."""
TIED: Final = 0.1
"""Share of the rows that one value of a target may have at most where what is left of it is ranked."""
BEND: Final = 1.5
"""Deviations from which on a row pulls at what is taken out of the target no more than one that lies there."""
ROUNDS: Final = 20
MOST_TERMS: Final = 12
"""Degree of the curve in the input itself, at most; half the number of its values where they are fewer."""


def undeclared_groups(dataset: Dataset, shuffled: bool) -> str:
    """Name the inputs that seem to tell groups apart, those that explain most first."""
    clauses = [f"{quoted(name)} ({what})" for name, what in groupings(dataset, shuffled).items()]
    if not clauses:
        return ""
    names = first_few(clauses, MOST_NAMED, joint=", and ")
    return f"rows of one value are alike in what the other inputs leave of the target, beyond any trend: input {names}"


def groupings(dataset: Dataset, shuffled: bool) -> dict[str, str]:
    """Give the inputs whose rows of equal value are far more alike in the target than chance, and than a trend.

    Looked at are inputs of 10 values or more, each of two rows or more on average, if they are whole numbers, or called
    like a person, or stand in blocks. What a line in all inputs and a curve in the one itself explain is taken out
    first; of a target that these explain exactly nothing is said. Where an input gives the target away, what is left is
    noise, and numbers are looked at by name alone.
    """
    if dataset.groups is not None:
        return {}
    rows = min(dataset.train_rows, MOST_ROWS)
    looked_at = [column for column in dataset.columns if _may_be_groups(column, rows)]
    if any(not column.categorical for column in looked_at) and giveaways(dataset, shuffled):
        looked_at = [column for column in looked_at if column.categorical or is_identity(column.name)]
    if not looked_at:
        return {}
    target_NK, other_ND = target_numbers(dataset)[:rows], vectors(dataset, np.arange(rows))
    clauses: list[tuple[float, str, str]] = []
    for column in looked_at:
        code_N = codes_of(column.values[:rows])
        left_NK, lost = _residuals(target_NK, other_ND, code_N, ordered=not column.categorical)
        share, chance = likeness(_spread_out(left_NK, target_NK), code_N, lost)
        if share >= LIKENESS and chance < LEVEL / len(looked_at):
            values = f"{counted(code_N.max() + 1, 'value')}, which explain {100 * share:.0f} %"
            clauses.append((-share, column.name, values))
    return {name: values for _, name, values in sorted(clauses)}


def _may_be_groups(column: Column, rows: int) -> bool:
    value_N = column.values[:rows]
    _, code_N, count_L = np.unique(value_N, return_inverse=True, return_counts=True)
    if not FEWEST_VALUES <= len(count_L) <= rows / 2:
        return False
    equal = int((code_N[1:] == code_N[:-1]).sum())
    expected = float((count_L * (count_L - 1)).sum()) / rows
    blocks = equal > BLOCKS * max(expected, 1.0) and equal - expected > 4 * math.sqrt(max(expected, 1.0))
    return blocks or is_whole(column) or is_identity(column.name)


def _residuals(
    target_NK: Floats, other_ND: Floats, code_N: NDArray[np.int64], *, ordered: bool
) -> tuple[Floats, tuple[int, int]]:
    """Take a line in all inputs, and a curve in the one, out of the target; give also the terms of curve and line."""
    rows = len(code_N)
    terms = [np.ones((rows, 1))]
    if other_ND.shape[1] < rows / 4:
        terms.append(other_ND)
    degree = min(MOST_TERMS, int(code_N.max() + 1) // 2) if ordered else 0
    place_N = code_N / max(1, code_N.max()) * 2 - 1
    terms.append(np.polynomial.legendre.legvander(place_N, degree)[:, 1:])
    term_ND = np.concatenate(terms, axis=1)
    basis_ND, size_D, _ = np.linalg.svd(term_ND, full_matrices=False)
    basis_ND = basis_ND[:, size_D > size_D[0] * rows * np.finfo(np.float64).eps]
    left_NK = beyond_rounding(target_NK - basis_ND @ (basis_ND.T @ target_NK), target_NK)
    for k in range(target_NK.shape[1]):
        if left_NK[:, k].any() and not _tied(target_NK[:, k]):
            left_NK[:, k] = _left_of_bulk(target_NK[:, k], basis_ND)
    return left_NK, (degree, term_ND.shape[1] - degree)


def _left_of_bulk(target_N: Floats, basis_ND: Floats) -> Floats:
    """Give what line and curve leave of a target where they follow the bulk of the rows, (N,).

    By least squares a single far value bends the curve at its place, which shifts all rows of that value alike. Huber's
    estimate (1964, Annals of Mathematical Statistics 35), with what lies farther off than `BEND` deviations drawn in to
    there; it begins at the target drawn in likewise.
    """
    middle = np.median(target_N)
    drawn_N = middle + np.clip(target_N - middle, -(far := 2 * BEND * _deviation(target_N - middle)), far)
    fitted_N = basis_ND @ (basis_ND.T @ drawn_N)
    for _ in range(ROUNDS):
        left_N = target_N - fitted_N
        reach = BEND * _deviation(left_N)
        fitted_N = basis_ND @ (basis_ND.T @ (fitted_N + np.clip(left_N, -reach, reach)))
    return target_N - fitted_N


def _deviation(value_N: Floats) -> float:
    """Give the standard deviation that normal numbers of such a median size would have."""
    return float(np.median(np.abs(value_N))) / 0.6745


def _tied(target_N: Floats) -> bool:
    """Whether a target has one value in many rows."""
    return bool(np.bincount(codes_of(target_N)).max() > TIED * len(target_N))


def _spread_out(left_NK: Floats, target_NK: Floats) -> Floats:
    """Give what is left of each target in ranks, (N, K), against far outliers; as it is of a target of many equal rows.

    Where a target is mostly one value, as a rare class, ranks of what is left are those of the curve that was taken
    out, upside down: rows of one value of the input would be alike by that alone.
    """
    pairs = zip(left_NK.T, target_NK.T, strict=True)
    return np.stack([left_N if _tied(target_N) else ranks(left_N) for left_N, target_N in pairs], axis=1)


def likeness(left_NK: Floats, code_N: NDArray[np.int64], lost: tuple[int, int]) -> tuple[float, float]:
    """Give the share of the variance that lies between the values, chance taken out, and the chance of as much.

    One-way analysis of variance of each target (the largest share; Bonferroni over targets); the chance of F is Wilson
    and Hilferty's (1931).
    """
    count_L = np.bincount(code_N)
    rows, values = len(code_N), len(count_L)
    between, within = values - 1 - lost[0], rows - values - lost[1]
    if within < 10:
        return 0.0, 1.0
    best, least = 0.0, 1.0
    size = (rows - float((count_L.astype(float) ** 2).sum()) / rows) / between
    for left_N in scaled(left_NK).T:
        mean_L = np.bincount(code_N, left_N) / count_L
        square_between = float((count_L * mean_L**2).sum()) / between
        square_within = float(((left_N - mean_L[code_N]) ** 2).sum()) / within
        if square_within <= 0:
            continue
        ratio = square_between / square_within
        share = (ratio - 1) / (ratio - 1 + size) if ratio > 1 else 0.0
        best, least = max(best, share), min(least, _chance_of_ratio(ratio, between, within))
    return best, least * left_NK.shape[1]


def _chance_of_ratio(ratio: float, above: int, below: int) -> float:
    root = ratio ** (1 / 3)
    first, second = 2 / (9 * above), 2 / (9 * below)
    place = ((1 - second) * root - (1 - first)) / math.sqrt(second * root**2 + first)
    return 0.5 * math.erfc(place / math.sqrt(2))


CHECK: Final = RowCheck("undeclared groups", undeclared_groups, "data.groups keeps a group on one side")
