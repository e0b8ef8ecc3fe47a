"""Differences of runs that share no rows, and p-values of many pairs, by hand."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.results import Interval, wilson
from shoal.results._apart import Pair, RunScore, holm, unpaired
from shoal.results._two_way import Difference

P_VALUES = st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), max_size=7)


def share(hits: int, rows: int) -> RunScore:
    return RunScore(hits / rows, Interval(*wilson(hits / rows, rows)))


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((6, 7), (2, 7), 0.0582, 0.8062)],
)  # fmt: skip
def test_of_shares_the_interval_is_newcombes(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """The published values of his method 10, Statistics in Medicine 17 (1998), table II."""
    apart = unpaired(share(*first), share(*second))
    assert apart.mean == first[0] / first[1] - second[0] / second[1]
    assert (round(apart.low, 4), round(apart.high, 4)) == (low, high)
    assert apart.p < 0.05


@given(st.integers(0, 40), st.integers(0, 30))
def test_p_is_below_5_percent_where_the_interval_leaves_0_out(first: int, second: int) -> None:
    apart = unpaired(share(first, 40), share(second, 30))
    assert (apart.p < 0.05) == (not apart.low <= 0 <= apart.high)
    back = unpaired(share(second, 30), share(first, 40))
    assert (back.mean, back.low, back.high, back.p) == (-apart.mean, -apart.high, -apart.low, apart.p)


def test_without_an_interval_there_is_no_difference_but_the_number() -> None:
    apart = unpaired(RunScore(0.5, Interval(math.nan, math.nan, "too few")), share(3, 10))
    assert (apart.mean, apart.why, math.isnan(apart.low), math.isnan(apart.p)) == (0.2, "too few", True, True)


@given(P_VALUES)
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    """Of each hypothesis the largest p-value of all sets that hold it: slow, and nothing but the definition."""
    known = [place for place, p in enumerate(p_values) if not math.isnan(p)]
    sets = [chosen for size in range(1, len(known) + 1) for chosen in combinations(known, size)]
    expected = [
        max(
            (
                min(1.0, len(chosen) * min(p_values[other] for other in chosen))
                for chosen in sets
                if place in chosen
            ),
            default=math.nan,
        )
        for place in range(len(p_values))
    ]
    np.testing.assert_allclose(holm(p_values), expected, rtol=1e-12)


def test_a_pair_turned_round_twice_is_itself() -> None:
    pair = Pair("test", 0, 1, Difference(0.5, 0.25, 1.0, 0.01, 1), "unpaired", 0.02)
    assert pair.turned == Pair("test", 1, 0, Difference(-0.5, -1.0, -0.25, 0.01, 1), "unpaired", 0.02)
    assert pair.turned.turned == pair
