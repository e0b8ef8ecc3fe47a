"""What is kept of how much a network's score rests on each input column: permutation importance, and its spread.

Letters: F networks, S subjects (columns, then groups of columns), P permutations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.results._brief import Brief
from shoal.results._record import Truth
from shoal.results._schema import checker, expect
from shoal.results._scores import higher_is_better
from shoal.results._store import Store
from shoal.scores import SCORES

if TYPE_CHECKING:
    from pandas import DataFrame

IMPORTANCE: Final = "importance"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ImportanceAsked:
    """What importance was asked of: the part of the store beside the delivered fit, the score, columns, groups of them.

    `on`: the networks of the folds on the rows that they held out, or the delivered one on test rows; `rows` of each
    network were asked, at most. `why` there is nothing.
    """

    fit: str
    part: str
    metric: str
    on: Literal["folds", "test"]
    columns: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    rows: int
    why: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Importance(Brief):
    """How much worse a score gets where a column is permuted, or a group of columns that go along with each other.

    NaN of what is the same in all rows that a network was asked about, of every network: permuting them tells nothing.
    `worse_FSP` is what every permutation costs every network, (F, S, P): columns first, then `groups` (places of
    columns). Of networks of the folds, `low_S` to `high_S` is the 95 % interval of Student's t over the folds, with the
    variance that overlapping training rows leave (Nadeau and Bengio 2003); of the delivered network on test rows, that
    of a difference of scores on other test rows and at other permutations. NaN where nothing is known of it.
    """

    asked: ImportanceAsked
    base_F: Floats
    worse_FSP: Floats
    low_S: Floats
    high_S: Floats

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.asked.columns

    @property
    def subjects(self) -> tuple[tuple[str, ...], ...]:
        """The columns that were permuted together, one or several."""
        names = self.asked.columns
        groups = (tuple(names[place] for place in group) for group in self.asked.groups)
        return (*((name,) for name in names), *groups)

    @property
    def mean_S(self) -> Floats:
        """Means over networks, each the mean of its permutations."""
        return np.asarray(self.worse_FSP.mean(axis=(0, 2)))

    @property
    def std_S(self) -> Floats:
        """Standard deviations over all networks and permutations."""
        every = np.moveaxis(self.worse_FSP, 1, 0).reshape(self.worse_FSP.shape[1], -1)
        return np.asarray(every.std(axis=1, ddof=1) if every.shape[1] > 1 else np.full(len(every), math.nan))

    @property
    def ranked(self) -> list[int]:
        """Places of the columns, the most important first."""
        mean_S = self.mean_S[: len(self.columns)]
        return [int(place) for place in np.argsort(-mean_S, kind="stable")]  # what is not known stands last

    @property
    def ordered(self) -> list[int]:
        """Places of all subjects: columns, then groups, the most important of each first."""
        columns, mean_S = len(self.columns), self.mean_S[len(self.columns) :]
        return self.ranked + [columns + int(place) for place in np.argsort(-mean_S, kind="stable")]


def importance_frame(importance: Importance | None) -> DataFrame:
    """Give one row a column or group, columns first, the most important first; none where nothing is kept."""
    import pandas as pd

    names = (
        "input",
        "columns",
        "importance",
        "std",
        "ci_low",
        "ci_high",
        "score",
        "networks",
        "permutations",
        "rows",
    )
    if importance is None:
        return pd.DataFrame({name: [] for name in names})
    mean_S, order = importance.mean_S, importance.ordered
    networks, _, permutations = importance.worse_FSP.shape
    subjects = importance.subjects
    values = (
        [", ".join(subjects[place]) for place in order],
        [len(subjects[place]) for place in order],
        *(values_S[order] for values_S in (mean_S, importance.std_S, importance.low_S, importance.high_S)),
        *(importance.asked.metric, networks, permutations, importance.asked.rows),
    )
    return pd.DataFrame(dict(zip(names, values, strict=True)))


_asked: Final = checker(ImportanceAsked)


def read_asked(value: Any, truth: Truth) -> ImportanceAsked:
    """Read what importance was asked of, from a store that may be foreign. ValueError for what Shoal does not write."""
    asked = _asked(value)
    known = (name for name, kind in SCORES.items() if truth.task in kind.tasks)
    expect(asked.metric in known or asked.why)
    expect(len(set(asked.columns)) == len(asked.columns) and asked.rows >= 0)
    places = range(len(asked.columns))
    expect(all(len(set(group)) == len(group) > 1 and set(group) <= set(places) for group in asked.groups))
    return asked


def read_importance(store: Store, truth: Truth) -> Importance | None:
    """Read what is kept; None where nothing is. ValueError for arrays that do not belong together."""
    fact = store.fact(IMPORTANCE)
    if not fact:
        return None
    asked = read_asked(fact, truth)
    if asked.why:
        return None
    arrays = store.arrays(asked.fit, asked.part)
    base_F, worse_FSP, low_S, high_S = (arrays[name] for name in ("base", "worse", "low", "high"))
    subjects = len(asked.columns) + len(asked.groups)
    expect(base_F.ndim == 1 and worse_FSP.ndim == 3 and len(base_F) == len(worse_FSP) > 0)
    expect(worse_FSP.shape[1] == subjects > 0 and worse_FSP.shape[2] > 0)
    expect(low_S.shape == high_S.shape == (subjects,))
    expect(all(array.dtype == np.float64 for array in (base_F, worse_FSP, low_S, high_S)))
    return Importance(asked, base_F, worse_FSP, low_S, high_S)


def fold_intervals(worse_FSP: Floats, held_out: float) -> tuple[Floats, Floats]:
    """Give the 95 % intervals of means over networks of folds, (S,) and (S,); NaN of fewer than two.

    `held_out` are the rows that a fold holds out, as a share of those that it trains on: the variance of a mean over
    folds is s² (1 / F + that) (Nadeau, Bengio 2003, "Inference for the generalization error", Machine Learning 52).
    """
    from scipy.special import stdtrit

    mean_FS = worse_FSP.mean(axis=2)
    folds = len(mean_FS)
    if folds < 2:
        return np.full(mean_FS.shape[1], math.nan), np.full(mean_FS.shape[1], math.nan)
    error_S = np.sqrt(mean_FS.var(axis=0, ddof=1) * (1 / folds + held_out))
    half_S = float(stdtrit(folds - 1, 0.975)) * error_S
    mean_S = mean_FS.mean(axis=0)
    return mean_S - half_S, mean_S + half_S


def worse_by(metric: str, base: float, permuted: Floats) -> Floats:
    """Give how much worse scores are than another one."""
    return base - permuted if higher_is_better(metric) else permuted - base
