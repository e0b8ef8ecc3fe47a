"""Which networks of a search say how sure a prediction is, by the splits as they are, and why none where none does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.results import PlanEntry, fold_networks
from shoal.study import Training

NOT_ONCE = "the folds do not hold out each training row exactly once"


def places(folds: int, repeats: int = 1) -> list[PlanEntry]:
    return [
        PlanEntry(f"{fold}/{repeat}", "search", "c", "", fold, repeat, 1, 1)
        for repeat in range(repeats)
        for fold in range(folds)
    ]


def picked(held: list[list[int]], rows: int, repeats: int = 1, **changes: Any) -> tuple[list[str], str]:
    asked = {"training": Training(), "grouped": False} | changes
    entries = places(len(held), repeats)
    networks = fold_networks(
        entries, asked["training"], rows, lambda e: np.array(held[e.fold], np.int64), grouped=asked["grouped"]
    )
    return [entry.fit_id for entry in networks.entries], networks.why


@pytest.mark.parametrize(
    ("held", "rows", "names", "why"),
    [
        ([[0, 1], [2, 3]], 4, ["0/0", "1/0"], ""),
        ([[0], [1], [2]], 3, ["0/0", "1/0", "2/0"], ""),
        ([[0, 1], [2, 3], [0, 2], [1, 3]], 4, ["0/0", "1/0"], ""),  # two rounds: the first
        ([[0, 1], [1, 2]], 3, [], NOT_ONCE),  # random splits
        ([[0, 1], [2]], 4, [], NOT_ONCE),  # a row that is always learned from
        ([[0, 1], [0, 1]], 2, ["0/0"], ""),
    ],
)
def test_the_first_round_of_folds_is_picked(held: Any, rows: int, names: list[str], why: str) -> None:
    for repeats in (1, 3):
        assert picked(held, rows, repeats) == (names, why)


@given(st.integers(2, 5), st.integers(1, 3), st.integers(0, 99))
def test_repeated_folds_give_one_round_of_networks(folds: int, times: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    held = [part.tolist() for _ in range(times) for part in np.array_split(rng.permutation(17), folds)]
    names, why = picked(held, 17, 2)
    assert (names, why) == ([f"{fold}/0" for fold in range(folds)], "")


def test_where_there_is_no_such_round_a_sentence_says_why() -> None:
    held = [[0, 1], [2, 3]]
    assert picked([], 4)[1].startswith("the study has no search")
    assert picked(held, 4, grouped=True)[1].startswith("rows of one group are alike (data.groups)")
    best = Training(keep="best")
    assert picked(held, 4, training=best)[1].endswith('(keep = "best")')
    inner = Training(keep="best", early_stopping="inner")
    assert picked(held, 4, training=inner) == (["0/0", "1/0"], "")
