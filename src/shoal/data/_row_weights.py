"""How much each row counts: read, checked, and what is said of all of them. Letters: N rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import numbers
from shoal.data._findings import Findings
from shoal.data._table import Table
from shoal.wording import counted, first_few, quoted, worth

_SHOWN = 4
_ADVICE = "; data.weights names the column that says how much each row counts"


def read_weights(table: Table, name: str, findings: Findings) -> NDArray[np.float64] | None:
    """Read a column of weights, finite and not negative, float64 (N,); a missing one is refused, too.

    None where something was noted.
    """
    values_N = numbers(table, name, findings, _ADVICE)
    if values_N is None:
        return None
    if below := np.flatnonzero(values_N < 0).tolist():
        shown = [f"{values_N[row]:g} ({table.row_place(row)})" for row in below[:_SHOWN]]
        got = first_few([*shown, *[""] * (len(below) - len(shown))], _SHOWN)
        what = f"expected weights of at least 0, got {got}"
        findings.add(what, f"column {quoted(name)}", table.number(below[0]))
    return values_N


def unusable_weights(weight_N: NDArray[np.float64], rows: str) -> str:
    """Say why rows, in words, cannot be weighed so; nothing where they can."""
    if not weight_N.any():
        return f"expected a weight above 0 in some of the {rows}, got none"
    with np.errstate(over="ignore"):
        if not math.isfinite(float(weight_N.sum())):
            return f"expected weights of the {rows} whose sum 64-bit floating point holds (1.8e308), got larger ones"
    return ""


def effective_rows(weight_N: NDArray[np.float64]) -> float:
    """Give how many rows of one weight would tell as much of a mean: the square of the sum over the sum of squares.

    Kish (1965), "Survey Sampling", Wiley, section 11.7. 0 for rows that weigh nothing.
    """
    if not weight_N.any():
        return 0.0
    share_N = weight_N / weight_N.max()
    return float(share_N.sum() ** 2 / (share_N**2).sum())


def weights_said(weight_N: NDArray[np.float64], train_rows: int) -> str:
    """Say how training and test rows are weighed: the sum, the least, the largest, and the effective number."""
    parts = (("training", weight_N[:train_rows]), ("test", weight_N[train_rows:]))
    return "; ".join(_said(name, own_N) for name, own_N in parts if len(own_N))


def _said(name: str, weight_N: NDArray[np.float64]) -> str:
    rows = f"{counted(len(weight_N), f'{name} row')} weigh{'s' * (len(weight_N) == 1)}"
    tell = f"worth {worth(effective_rows(weight_N))} of one weight"
    return f"{rows} {weight_N.sum():,.6g} in all, from {weight_N.min():,.6g} to {weight_N.max():,.6g}, {tell}"
