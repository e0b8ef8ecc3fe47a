"""What is kept of how answers hang on the most important inputs: partial dependence, single rows, pairs that interact.

Letters: G points of a grid, Q answers, M rows shown one by one, J columns among which pairs are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.results._brief import Brief
from shoal.results._schema import checker, expect
from shoal.results._store import Store

DEPENDENCE: Final = "dependence"
Floats = NDArray[np.float64]
Kind = Literal["numbers", "categories", "dates"]


@dataclass(frozen=True)
class DependenceAsked:
    """What was asked: the part of the store beside the delivered fit, answers and columns by name, what columns hold.

    `answers` of which `shares` says that they are probabilities; `levels` are the categories of each column, none of a
    column of numbers or dates (seconds since 1970). The first `paired` columns were looked at in pairs; `pair` are the
    places of the two that interact most, `of_pair` the answer shown of them. Curves are means over `rows` training
    rows, pairs over `pair_rows`.
    """

    fit: str
    part: str
    answers: tuple[str, ...]
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    levels: tuple[tuple[str, ...], ...]
    rows: int
    pair_rows: int
    paired: int
    shares: bool
    pair: tuple[int, ...] = ()
    of_pair: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class DependenceCurve(Brief):
    """The mean answer of the delivered network where a column is set to each of G values in every row, (G, Q).

    `x_G` are numbers, or places among `levels`; `share_G` the share of training rows of each level, and of a number the
    share between the middles of its neighbours. `row_MG` is the first answer to single rows.
    """

    column: str
    kind: Kind
    levels: tuple[str, ...]
    x_G: Floats
    share_G: Floats
    mean_GQ: Floats
    row_MG: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Dependence(Brief):
    """Curves of the most important columns, and how much pairs of them interact.

    `h_JJ` is Friedman's and Popescu's H of pairs (2008), the share of the spread of what both do together that is not
    the sum of what each does, as a square root; `size_JJ` is that spread itself, in the unit of the answers. `pair_GH`
    are mean answers over both columns of the pair that interacts most, of `first` by rows and `second` by columns.
    """

    asked: DependenceAsked
    curves: tuple[DependenceCurve, ...]
    h_JJ: Floats
    size_JJ: Floats
    pair_GH: Floats
    first_G: Floats
    second_H: Floats


_asked: Final = checker(DependenceAsked)


def read_dependence(store: Store) -> Dependence | None:
    """Read what is kept; None where nothing is. ValueError for arrays that do not belong together."""
    fact = store.fact(DEPENDENCE)
    if not fact:
        return None
    asked = _asked(fact)
    columns = len(asked.columns)
    expect(columns == len(asked.kinds) == len(asked.levels) and 0 <= asked.paired <= columns)
    expect(len(asked.pair) in (0, 2) and set(asked.pair) <= set(range(asked.paired)))
    expect(asked.answers and 0 <= asked.of_pair < len(asked.answers))
    arrays = store.arrays(asked.fit, asked.part)
    expect(all(array.dtype == np.float64 for array in arrays.values()))
    curves = tuple(_curve(asked, number, arrays) for number in range(columns))
    square, two = (asked.paired, asked.paired), ("pair", "first", "second")
    pair_GH, first_G, second_H = (arrays[name] for name in two)
    expect(arrays["h"].shape == arrays["size"].shape == square)
    expect(pair_GH.shape == (len(first_G), len(second_H)) and first_G.ndim == second_H.ndim == 1)
    expect(bool(asked.pair) == bool(pair_GH.size))
    return Dependence(asked, curves, arrays["h"], arrays["size"], pair_GH, first_G, second_H)


def _curve(asked: DependenceAsked, number: int, arrays: dict[str, NDArray[Any]]) -> DependenceCurve:
    x_G, share_G, mean_GQ, row_MG = (arrays[f"{number}/{name}"] for name in ("x", "share", "mean", "rows"))
    expect(x_G.ndim == 1 and x_G.shape == share_G.shape and len(x_G) > 0 and np.isfinite(x_G).all())
    expect(
        mean_GQ.shape == (len(x_G), len(asked.answers)) and row_MG.ndim == 2 and row_MG.shape[1] == len(x_G)
    )
    levels, kind = asked.levels[number], asked.kinds[number]
    expect((kind == "categories") == bool(levels) and len(levels) in (0, len(x_G)))
    return DependenceCurve(asked.columns[number], kind, levels, x_G, share_G, mean_GQ, row_MG)
