"""Groups with rows on both sides of a fold: counted, and said, with the kind of folds that has none.

Letters: N training rows, G groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Split
from shoal.kinds import splitter_like
from shoal.wording import counted

Rows = NDArray[np.int64]


def unused_rows(split: Split, rows: int) -> Rows:
    """Give which of so many rows a fold neither trains on nor validates on: later ones, and those in a gap."""
    unused_N = np.ones(rows, np.bool_)
    unused_N[split.train] = unused_N[split.validation] = False
    return np.flatnonzero(unused_N)


def divided_groups(
    groups: NDArray[Any], held_out: Sequence[Rows], unused: Sequence[Rows] | None = None
) -> int:
    """Count the groups with rows on both sides of a fold; `groups` (N,), and the rows that each fold holds out.

    All others are trained on but those `unused`, which each fold leaves aside.
    """
    _, group_N = np.unique(groups, return_inverse=True)
    size_G = np.bincount(group_N)
    divided_G = np.zeros(len(size_G), np.bool_)
    aside = [np.arange(0)] * len(held_out) if unused is None else unused
    for validation, others in zip(held_out, aside, strict=True):
        count_G, others_G = (
            np.bincount(group_N[rows], minlength=len(size_G)) for rows in (validation, others)
        )
        divided_G |= (count_G > 0) & (count_G + others_G < size_G)
    return int(divided_G.sum())


def divided_sentence(
    groups: NDArray[Any],
    held_out: Sequence[Rows],
    kind: str,
    section: str = "search",
    unused: Sequence[Rows] | None = None,
) -> str:
    """Say how many groups have rows on both sides of a fold, and which kind of folds has none; empty where none has.

    `section` is that of the study whose folds they are; see `divided_groups`.
    """
    divided = divided_groups(groups, held_out, unused)
    if not divided:
        return ""
    have = f"{counted(len(np.unique(groups)), 'group')} (data.groups) {'has' if divided == 1 else 'have'}"
    better = f'{section}.folds.kind = "{splitter_like(kind, grouped=True)}" keeps each on one side'
    fold, score = ("a fold", "selection") if section == "search" else ("an outer fold", "nested")
    return (
        f"{divided:,} of {have} rows on both sides of {fold}, so that {score} scores are too good; {better}"
    )
