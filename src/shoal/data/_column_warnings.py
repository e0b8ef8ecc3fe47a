"""Columns of numbers, and classes, that are to be doubted before anything is trained on them.

An input that merely numbers the rows, numbers far from 0 and 1 that nobody standardises, numbers whose differences
32 bits do not keep; and classes that no test row has. Letters: N rows (training rows, then test rows), D inputs,
K targets or classes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column, Dataset
from shoal.data._distinct import distinct
from shoal.data._preprocess import Standardize
from shoal.data._table import STORED
from shoal.data._target_scale import fit_target
from shoal.wording import counted, quoted, rounded

FEWEST: Final = 10
"""Rows from which a column can be said to number them."""
LARGE: Final = 1e3
"""Root of the mean square from which numbers are too large for the usual learning rates; its inverse: too small."""
NARROW: Final = 30.0
"""Mean over standard deviation from which the differences vanish beside what is common to all."""
SHARE_LEFT: Final = 0.9
"""Share of the different values that must stay different in 32 bits."""

_BLOCK: Final = 10_000
_IDENTITY: Final = re.compile(
    r"(index|idx|ids?|uid|rows?|row[ _.]?(ids?|nr|no|num|number|names?)|obs|observation|#|.*[ _.-]ids?"
    r"|s[rl]?[ _.]{0,2}no\.?|serial.*|key|record|nr|no)",
    re.IGNORECASE,
)
_CAMEL: Final = re.compile(r".*[a-z](Id|ID)")

Named = tuple[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class ColumnWarnings:
    """The columns of numbers of a data set as read, and what of them is standardised; it says what to doubt of them.

    Columns are names with float64 (N,), rows in the order of their files, training rows first; classes are no targets.
    Inputs that are `dates` are seconds since the first training row; nobody has to be told that they count time.
    """

    inputs: Sequence[Named]
    targets: Sequence[Named]
    train_rows: int
    standardize: Standardize
    target_transform: str = "none"
    dates: frozenset[str] = frozenset()

    def numbering(self) -> list[str]:
        """Say which inputs number the rows, as counted time does too.

        That is: whole numbers, all different, that go up by one step, or go up and lack fewer numbers than they
        have (rows were taken out), or are 0 to N-1 or 1 to N in any order, or have the name of an identity; and
        whatever has the name that pandas gives to an index. The only input of all is not doubted for its values, nor is
        a column of which some are missing.
        """
        sentences = []
        for name, x_N in self.inputs:
            if name in self.dates:
                continue
            if STORED.fullmatch(name):
                sentences.append(f"{quoted(name)} has the name that pandas gives to an index")
            elif len(x_N) >= FEWEST and np.array_equal(x_N, np.rint(x_N)):
                if len(self.inputs) > 1 and _counts(x_N, self.train_rows):
                    sentences.append(f"{quoted(name)} numbers the rows, or counts time ({_few(x_N)})")
                elif _is_identity(name) and len(distinct(x_N)) == len(x_N):
                    sentences.append(f"{quoted(name)} is another whole number in every row")
        return sentences

    def merged(self) -> list[str]:
        """Say which columns, not being standardised, lose different values where 32 bits hold a number."""
        return self._as_they_are(_merged)

    def unscaled(self) -> list[str]:
        """Say which columns, not being standardised, lie far from 0 and 1."""
        return self._as_they_are(_unscaled)

    def _as_they_are(self, doubt: Callable[[NDArray[np.float64]], str]) -> list[str]:
        """Look at the training rows of every column that is not standardised, as far as they have a value."""
        taken = [("input", *column) for column in self.inputs] if self.standardize == "none" else []
        taken += self._learned_targets() if self.standardize != "both" else []
        trained = [(what, name, value_N[: self.train_rows]) for what, name, value_N in taken]
        sentences = [(what, name, doubt(value_N[~np.isnan(value_N)])) for what, name, value_N in trained]
        return [f"{what} {quoted(name)} {sentence}" for what, name, sentence in sentences if sentence]

    def _learned_targets(self) -> list[tuple[str, str, NDArray[np.float64]]]:
        """Give the targets as networks learn them, of the training rows."""
        trained = [(name, value_N[: self.train_rows]) for name, value_N in self.targets]
        if self.target_transform == "none":
            return [("target", name, value_N) for name, value_N in trained]
        made = [
            (name, value_N, fit_target(name, value_N, self.target_transform)) for name, value_N in trained
        ]
        return [("transformed target", name, target.transformed(value_N)) for name, value_N, target in made]


def column_warnings(dataset: Dataset, standardize: Standardize) -> ColumnWarnings:
    """Take the columns of numbers from a data set."""
    numeric = [column for column in dataset.columns if not column.categorical]
    inputs = [(column.name, since_first(column, dataset.train_rows)) for column in numeric]
    dates = frozenset(column.name for column in numeric if column.takes == "dates")
    targets = [] if dataset.classes else list(zip(dataset.target_names, dataset.targets.T, strict=True))
    return ColumnWarnings(inputs, targets, dataset.train_rows, standardize, dataset.target_transform, dates)


def since_first(column: Column, train_rows: int) -> NDArray[np.float64]:
    """Give numbers as they are, and dates as seconds since the first training row."""
    if column.takes != "dates":
        return column.values
    return np.asarray(column.values - np.nanmin(column.values[:train_rows]))


def untested(
    classes: Sequence[str],
    class_N: NDArray[np.int64],
    train_rows: int,
    quote: Callable[[str], str] = quoted,
) -> list[str]:
    """Say which classes have no test rows, and how many training rows they have; `class_N` are places in `classes`."""
    train_K, test_K = (
        np.bincount(part, minlength=len(classes)).tolist()
        for part in (class_N[:train_rows], class_N[train_rows:])
    )
    return [
        f"{quote(classes[k])} ({counted(int(train_K[k]), 'training row')})"
        for k in range(len(classes))
        if test_K[k] == 0
    ]


def _is_identity(name: str) -> bool:
    return bool(_IDENTITY.fullmatch(name) or _CAMEL.fullmatch(name))


def _counts(x_N: NDArray[np.float64], train_rows: int) -> bool:
    """Whether whole numbers count: all together, or training and test rows each from a start of their own."""
    parts = [part for part in (x_N[:train_rows], x_N[train_rows:]) if len(part)]
    rising = all((np.diff(part) > 0).all() for part in parts)
    low, width = float(x_N.min()), float(np.ptp(x_N))
    step = width / (len(x_N) - 1)
    if step == round(step) and (rising or (step == 1 and low in (0, 1))) and _even(np.sort(x_N)):
        return True
    if rising and width < 2 * len(x_N) and len(distinct(x_N)) == len(x_N):
        return True
    return rising and len(parts[0]) >= FEWEST and all(_even(part) for part in parts)


def _even(sorted_N: NDArray[np.float64]) -> bool:
    steps = np.diff(sorted_N)
    return len(steps) == 0 or bool((steps == steps[0]).all() and steps[0] > 0)


def _few(x_N: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:.0f}" for value in np.sort(x_N)[:3]) + " ..."


def _unscaled(value_N: NDArray[np.float64]) -> str:
    """Say how far a column lies from 0 and 1, if it does."""
    size, mean, spread = _size(value_N)
    if spread > 0 and abs(mean) > NARROW * spread:
        return f"lies at {rounded(mean, 4)} and varies by {rounded(spread, 2)} only"
    return f"has a size of {rounded(size, 2)}" if spread > 0 and not 1 / LARGE < size < LARGE else ""


def _size(value_N: NDArray[np.float64]) -> tuple[float, float, float]:
    """Give root mean square, mean and standard deviation, of numbers of any size; no deviation for equal ones."""
    unit = float(np.abs(value_N).max(initial=0.0))
    if unit == 0 or value_N.min() == value_N.max():
        return unit, unit, 0.0
    part_N = value_N / unit
    return (
        math.sqrt(float(np.mean(part_N**2))) * unit,
        float(part_N.mean()) * unit,
        float(part_N.std()) * unit,
    )


def _merged(value_N: NDArray[np.float64]) -> str:
    """Say how many different values are left of a column in 32 bits, if many are lost."""
    middle = len(value_N) // 2
    if len(value_N) > 2 * _BLOCK:  # the values in the middle tell, without a sort of all
        ends = [middle - _BLOCK // 2, middle + _BLOCK // 2]
        before, after = _different(np.partition(value_N, ends)[slice(*ends)])
        if after >= SHARE_LEFT * before:
            return ""
    before, after = _different(value_N)
    return (
        f"has {counted(before, 'different value')}, which become {after:,}"
        if after < SHARE_LEFT * before
        else ""
    )


def _different(value_N: NDArray[np.float64]) -> tuple[int, ...]:
    """Count the different values, and those that are left in 32 bits."""
    sorted_N = np.sort(value_N)
    with np.errstate(over="ignore"):
        short_N = sorted_N.astype(np.float32)
    return tuple(1 + int(np.count_nonzero(part[1:] != part[:-1])) for part in (sorted_N, short_N))
